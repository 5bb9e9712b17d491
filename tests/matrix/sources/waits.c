// Calls until a file appears, so that a test can wait for what happens meanwhile. argv: that file.
#include <fcntl.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

static volatile int sink;

__attribute__((noinline, noclone)) void ask(void) {
  sink = open("/matrix/asked", O_RDONLY);  // EXPECT asked STACK ask main
}

int main(int argc, char** argv) {
  do {
    ask();
    nanosleep(&(const struct timespec){.tv_nsec = 2000000}, NULL);
  } while (argc > 1 && access(argv[1], F_OK) != 0);
}
