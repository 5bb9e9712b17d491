// Two libraries from one source, of the same size and layout, so that the second is mapped where the first was.
#include <fcntl.h>

static volatile int sink;

#ifdef FIRST
void look_in_first(void) {
  sink = open("/matrix/first", O_RDONLY);  // EXPECT first STACK look_in_first
}
#else



void look_in_other(void) {
  sink = open("/matrix/other", O_RDONLY);  // EXPECT other STACK look_in_other
}
#endif
