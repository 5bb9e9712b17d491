#include "tracer/keeper.h"

#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>

namespace sightline::tracer {
namespace {

// Of ps; not ours, or `pkill -9 sightline` would take both.
constexpr char kName[] = "trace-keeper";

// Between the waiting thread's frames and the keeper's, on the same stack.
constexpr std::size_t kApart = 16 << 10;

// A handler gets no context.
std::atomic<const std::function<void()>*> when_orphaned{nullptr};

int orphan_signal() {
  return SIGRTMIN + 8;
}

void on_orphaned(int) {
  const int saved = errno;
  if (const auto* orphaned = when_orphaned.exchange(nullptr)) (*orphaned)();
  errno = saved;
}

struct Start {
  const KeptWork& kept;
  pid_t parent;
  sigset_t mask;
};

int keep(void* argument) {
  const Start& start = *static_cast<Start*>(argument);
  prctl(PR_SET_NAME, kName);
  // A signal to our process group is for those who are in it: whoever kills that group must not kill us.
  setpgid(0, 0);
  struct sigaction action {};
  action.sa_handler = on_orphaned;  // without SA_RESTART: what waits is to look again
  sigfillset(&action.sa_mask);
  sigaction(orphan_signal(), &action, nullptr);
  prctl(PR_SET_PDEATHSIG, orphan_signal());
  if (getppid() != start.parent) return 0;
  // In the background of its terminal, it may be stopped for a message that it writes there.
  signal(SIGTTOU, SIG_IGN);
  sigprocmask(SIG_SETMASK, &start.mask, nullptr);
  start.kept.work();
  return 0;
}

/// What is left of a process that a signal has ended. The thread that waits shares its thread pointer with the keeper:
/// nothing of the C library that keeps something there may be called while that runs, and waitpid(2)'s wrapper does.
std::string wait_for(pid_t keeper) {
  int status = 0;
  while (syscall(SYS_wait4, keeper, &status, __WALL, nullptr) < 0) {
    if (errno != EINTR) return std::string("can't wait for the process that traces: ") + std::strerror(errno);
  }
  if (!WIFSIGNALED(status)) return {};
  return "the process that traced was ended by signal " + std::to_string(WTERMSIG(status)) +
         "; programs that recorded their calls themselves may not survive that";
}

std::string clone_and_wait(const KeptWork& kept, pid_t parent, const sigset_t& mask) {
  Start start{kept, parent, mask};
  // On this thread's stack and with its thread pointer: it does nothing meanwhile. No signal at its end: who waits for
  // other children must not be woken.
  char* const below = static_cast<char*>(__builtin_frame_address(0)) - kApart;
  void* const stack = reinterpret_cast<void*>(reinterpret_cast<uintptr_t>(below) & ~uintptr_t{15});
  const int keeper = clone(keep, stack, CLONE_VM | CLONE_FILES | CLONE_FS, &start);
  if (keeper < 0) return std::string("can't make a process to trace from: ") + std::strerror(errno);
  return wait_for(keeper);
}

}  // namespace

std::string run_in_keeper(const KeptWork& kept) {
  when_orphaned.store(&kept.orphaned);
  // No handler may run on the thread that waits: it has its errno in common with the keeper.
  sigset_t all, former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  std::string error;
  const pid_t parent = getpid();
  std::thread waiting([&] { error = clone_and_wait(kept, parent, former); });
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
  waiting.join();
  when_orphaned.store(nullptr);
  return error;
}

}  // namespace sightline::tracer
