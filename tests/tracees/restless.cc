// restless FILE: processes and threads that make marks, and children that come and go, until someone kills one of them.
// For each marking thread FILE counts the marks that were started and those that returned.
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

constexpr int kProcesses = 3;
constexpr int kThreads = 2;

struct Slot {
  std::atomic<uint64_t> started{0};
  std::atomic<uint64_t> returned{0};
};
struct Shared {
  std::atomic<uint64_t> total{0};
  Slot slots[64];
};

Shared* shared = nullptr;

[[noreturn]] void work(uint64_t slot) {
  for (uint64_t i = 0;; ++i) {
    ++shared->slots[slot].started;
    ++shared->total;
    tracee::mark((slot << 32) + i);
    ++shared->slots[slot].returned;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  shared = tracee::shared_with_test<Shared>(argv[1]);
  const pid_t root = getpid();
  for (int p = 0; p < kProcesses; ++p) {
    const pid_t pid = fork();
    if (pid == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      if (getppid() != root) _exit(0);
      for (int t = 1; t < kThreads; ++t) std::thread(work, static_cast<uint64_t>(p * kThreads + t)).detach();
      work(static_cast<uint64_t>(p * kThreads));
    }
    tracee::check(pid, "fork");
  }
  // Its parent is this thread: the signal must not come when a mere thread of ours ends.
  std::thread([] {
    for (;;) {
      const pid_t pid = fork();
      if (pid == 0) _exit(0);
      int status = 0;
      if (waitpid(pid, &status, 0) == pid && WIFSIGNALED(status)) raise(SIGKILL);
    }
  }).detach();
  int status = 0;
  while (waitpid(-1, &status, 0) >= 0) {
    if (WIFSIGNALED(status)) kill(root, SIGKILL);
  }
  for (;;) kill(root, SIGKILL);
}
