// zombie_leader: the leader ends; two threads go on. Each byte on stdin is answered with a mark and a byte on stdout;
// at its end the process exits with 4. Says "ready TID TID" once the leader is a zombie.
#include <pthread.h>

#include <atomic>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

std::atomic<int> idle_tid{0};

void idle() {
  idle_tid = static_cast<int>(syscall(SYS_gettid));
  for (;;) pause();
}

void serve() {
  while (idle_tid.load() == 0 || tracee::thread_state(getpid(), getpid()) != 'Z') sched_yield();
  std::printf("ready %ld %d\n", syscall(SYS_gettid), idle_tid.load());
  std::fflush(stdout);
  char byte;
  for (uint64_t i = 1; read(0, &byte, 1) == 1; ++i) {
    tracee::mark(i);
    if (write(1, &byte, 1) != 1) break;
  }
  _exit(4);
}

}  // namespace

int main() {
  std::thread(idle).detach();
  std::thread(serve).detach();
  syscall(SYS_exit, 0);
}
