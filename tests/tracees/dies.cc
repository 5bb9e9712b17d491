// dies exit N | signal N [thread]: by exit code or by signal, from the leader or from another thread. dies wait: says
// "ready", counts SIGINTs and SIGTERMs, and exits with 40 + their number once it gets SIGUSR1.
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

std::atomic<int> received{0};

void die(const char* how, int n) {
  if (std::strcmp(how, "exit") == 0) _exit(n);
  signal(n, SIG_DFL);
  raise(n);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1 && std::strcmp(argv[1], "wait") == 0) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signo : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&set, signo);
    sigprocmask(SIG_BLOCK, &set, nullptr);
    std::printf("ready %d\n", getpid());
    std::fflush(stdout);
    for (;;) {
      int signo = 0;
      sigwait(&set, &signo);
      if (signo == SIGUSR1) return 40 + received;
      ++received;
    }
  }
  if (argc < 3) return 2;
  const int n = tracee::number(argv[2]);
  if (argc > 3) {
    std::thread(die, argv[1], n).detach();
    for (;;) pause();
  }
  die(argv[1], n);
  return 1;
}
