// vfork_parent: a parent in vfork's uninterruptible wait for its child, which says "ready CHILD", reads stdin to its
// end and exits. Then the parent makes 10 marks and exits with 6.
#include <sys/wait.h>

#include "tests/tracees/tracee.h"

int main() {
  const pid_t pid = vfork();
  if (pid == 0) {
    char text[32];
    const int n = std::snprintf(text, sizeof text, "ready %d\n", getpid());
    if (write(1, text, static_cast<size_t>(n)) != n) _exit(1);
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
  }
  tracee::check(pid, "vfork");
  for (uint64_t i = 1; i <= 10; ++i) tracee::mark(i);
  waitpid(pid, nullptr, 0);
  return 6;
}
