// signal_storm WAYS N: signals at a thread, and what it notices of them.
//   restart N    a signal at a time, while the thread is blocked in read(2), with SA_RESTART: no read is interrupted
//   interrupt N  the same without SA_RESTART: each read is
//   queue N      N queued real-time signals as fast as the kernel takes them, handled while the thread makes calls
//   stop N       a child is stopped and continued N times while it works
//   stop-new N   the same, and each call of its is made at a place that has seen two calls at most
//   nudge N      a child is stopped and continued in one go, N times while it works: it works on
// Prints what was sent, what was handled, and how many calls were interrupted.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

std::atomic<int> handled{0};
std::atomic<int> wrong{0};
std::atomic<bool> done{false};

void on_signal(int, siginfo_t* info, void*) {
  ++handled;
  if (info->si_pid != getpid()) ++wrong;
}

void install(int signo, int flags) {
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | flags;
  sigaction(signo, &action, nullptr);
}

int blocked_reads(int n, int flags) {
  install(SIGUSR1, flags);
  int ends[2];
  if (pipe(ends) < 0) tracee::fail("pipe");
  const pid_t pid = getpid();
  const auto reader = static_cast<pid_t>(syscall(SYS_gettid));
  std::thread sender([&] {
    sigset_t usr1;
    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &usr1, nullptr);
    for (int i = 0; i < n; ++i) {
      // Blocked, and the signal before handled: then this one meets a read that sleeps.
      while (handled.load() != i || tracee::blocked_in(pid, reader) != SYS_read ||
             tracee::thread_state(pid, reader) != 'S')
        sched_yield();
      syscall(SYS_tgkill, pid, reader, SIGUSR1);
    }
    while (handled.load() != n) sched_yield();
    done = true;
    if (write(ends[1], "x", 1) != 1) tracee::fail("write");
  });
  int interrupted = 0;
  char byte;
  while (read(ends[0], &byte, 1) < 0) {
    if (errno != EINTR) tracee::fail("read");
    ++interrupted;
  }
  sender.join();
  return interrupted;
}

int queued(int n) {
  install(SIGRTMIN + 3, SA_RESTART);
  const pthread_t self = pthread_self();
  std::thread sender([self, n] {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    for (int i = 0; i < n; ++i)
      while (pthread_sigqueue(self, SIGRTMIN + 3, sigval{.sival_int = i}) != 0) sched_yield();
  });
  for (uint64_t i = 0; handled.load() < n; ++i) tracee::mark(i);
  sender.join();
  return 0;
}

struct Work {
  std::atomic<uint64_t> made{0};
  std::atomic<bool> enough{false};
};

/// tracee::mark(), made by code that was written a moment ago.
class NewSites {
 public:
  NewSites() {
    // mov $lseek, %eax; syscall; ret
    constexpr std::array<unsigned char, 8> kCall = {0xb8, SYS_lseek, 0, 0, 0, 0x0f, 0x05, 0xc3};
    void* const place = mmap(nullptr, kSites * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) tracee::fail("mmap");
    code_ = static_cast<unsigned char*>(place);
    for (std::size_t i = 0; i < kSites; ++i) std::memcpy(code_ + i * kBytes, kCall.data(), kCall.size());
    if (mprotect(place, kSites * kBytes, PROT_READ | PROT_EXEC) < 0) tracee::fail("mprotect");
  }
  void mark(uint64_t n) {
    unsigned char* const site = code_ + n / kCallsAtEach % kSites * kBytes;
    reinterpret_cast<long (*)(long, uint64_t, long)>(site)(-1, n, 0);
  }

 private:
  static constexpr std::size_t kSites = 16384;
  static constexpr std::size_t kBytes = 16;
  static constexpr uint64_t kCallsAtEach = 2;
  unsigned char* code_ = nullptr;
};

/// A process with two threads, of which one makes calls until there is enough.
pid_t start_work(Work& work, bool at_new_sites) {
  const pid_t child = fork();
  if (child == 0) {
    std::thread([&] {
      if (at_new_sites) {
        NewSites sites;
        while (!work.enough.load()) sites.mark(work.made++);
      } else {
        while (!work.enough.load()) tracee::mark(work.made++);
      }
    }).join();
    _exit(0);
  }
  while (work.made.load() == 0) sched_yield();
  return child;
}

int end_work(Work& work, pid_t child) {
  work.enough = true;
  int status = 0;
  waitpid(child, &status, 0);
  if (status != 0) ++wrong;
  std::printf("made %llu\n", static_cast<unsigned long long>(work.made.load()));
  return 0;
}

int stopped(int n, bool at_new_sites) {
  auto& work = *tracee::shared<Work>();
  const pid_t child = start_work(work, at_new_sites);
  for (int i = 0; i < n; ++i) {
    int status = 0;
    kill(child, SIGSTOP);
    if (waitpid(child, &status, WUNTRACED) != child || !WIFSTOPPED(status) || WSTOPSIG(status) != SIGSTOP) ++wrong;
    const uint64_t before = work.made.load();
    for (int j = 0; j < 10; ++j) sched_yield();
    if (work.made.load() != before) ++wrong;
    kill(child, SIGCONT);
    if (waitpid(child, &status, WCONTINUED) != child || !WIFCONTINUED(status)) ++wrong;
    while (work.made.load() < before + 2) sched_yield();
    ++handled;
  }
  return end_work(work, child);
}

int nudged(int n) {
  auto& work = *tracee::shared<Work>();
  const pid_t child = start_work(work, false);
  for (int i = 0; i < n; ++i) {
    kill(child, i % 2 == 0 ? SIGSTOP : SIGTSTP);
    kill(child, SIGCONT);
    const uint64_t before = work.made.load();
    while (work.made.load() < before + 2) sched_yield();
    ++handled;
  }
  return end_work(work, child);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int n = tracee::number(argv[2]);
  int interrupted = 0;
  if (std::strcmp(argv[1], "restart") == 0) interrupted = blocked_reads(n, SA_RESTART);
  if (std::strcmp(argv[1], "interrupt") == 0) interrupted = blocked_reads(n, 0);
  if (std::strcmp(argv[1], "queue") == 0) interrupted = queued(n);
  if (std::strcmp(argv[1], "stop") == 0) interrupted = stopped(n, false);
  if (std::strcmp(argv[1], "stop-new") == 0) interrupted = stopped(n, true);
  if (std::strcmp(argv[1], "nudge") == 0) interrupted = nudged(n);
  std::printf("handled %d interrupted %d wrong %d\n", handled.load(), interrupted, wrong.load());
  return 0;
}
