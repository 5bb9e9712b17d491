// daemon: leaves a daemon behind and exits with 3. Once it is gone, the daemon makes 100 marks and exits with 5.
// daemon hang: that daemon waits for SIGTERM instead and writes its pid to stdout first.
#include <signal.h>
#include <sys/wait.h>

#include "tests/tracees/tracee.h"

int main(int argc, char**) {
  int alive[2];
  if (pipe(alive) < 0) tracee::fail("pipe");
  const pid_t child = fork();
  if (child == 0) {
    setsid();
    if (fork() != 0) _exit(0);
    close(alive[1]);
    char byte;
    while (read(alive[0], &byte, 1) != 0) {
    }
    if (argc > 1) {
      std::printf("ready %d\n", getpid());
      std::fflush(stdout);
      for (;;) pause();
    }
    for (uint64_t i = 1; i <= 100; ++i) tracee::mark(i);
    _exit(5);
  }
  tracee::check(child, "fork");
  waitpid(child, nullptr, 0);
  _exit(3);
}
