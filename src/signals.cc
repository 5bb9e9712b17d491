#include "src/signals.h"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "src/consumer.h"

namespace sightline {
namespace {

constexpr int kRouted[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kIntoErrors[] = {SIGPIPE, SIGXFSZ};

// A handler gets no context.
std::atomic<tracer::PtraceEngine*> routed_to{nullptr};
std::atomic<pid_t> engine_process{0};  // which need not be the one that has the signal
std::atomic<bool> orphaned_early{false};
std::atomic<Consumer*> dumped_from{nullptr};
std::atomic<int> early_signal{0};
std::atomic<bool> early_from_terminal{false};

void on_routed(int signo, siginfo_t* info, void*) {
  const bool from_terminal = info->si_code == SI_KERNEL;  // sigaction(2): kill(2) says SI_USER
  if (tracer::PtraceEngine* engine = routed_to.load()) {
    const int saved = errno;
    const pid_t there = engine_process.load();
    if (there == getpid())
      engine->notify(signo, from_terminal);
    else
      kill(there, signo);
    errno = saved;
  } else {
    early_signal.store(signo);
    early_from_terminal.store(from_terminal);
  }
}

void on_dump(int) {
  const int saved = errno;
  if (Consumer* consumer = dumped_from.load()) consumer->dump();
  errno = saved;
}

void on_error(int) {}

bool is_ignored(int signo) {
  struct sigaction now {};
  sigaction(signo, nullptr, &now);
  return now.sa_handler == SIG_IGN;
}

}  // namespace

SignalRouting::SignalRouting(bool starts_command) {
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  // Handlers, never SIG_IGN: execve resets handlers, so that the command finds what we were started with.
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = on_routed;
  for (const int signo : kRouted)
    if (!is_ignored(signo) || (!starts_command && (signo == SIGINT || signo == SIGQUIT)))
      sigaction(signo, &action, nullptr);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_error;
  for (const int signo : kIntoErrors)
    if (!is_ignored(signo)) sigaction(signo, &action, nullptr);
  sigchld_was_ignored_ = is_ignored(SIGCHLD);
  // With SIGCHLD ignored the kernel reaps our children itself, and their status is lost (wait(2), notes).
  if (sigchld_was_ignored_) signal(SIGCHLD, SIG_DFL);
}

SignalRouting::~SignalRouting() {
  route_to(nullptr);
}

void SignalRouting::route_to(tracer::PtraceEngine* engine) {
  engine_process.store(getpid());
  routed_to.store(engine);
  if (engine == nullptr) return;
  if (orphaned_early.load()) engine->notify_orphaned();
  if (const int signo = early_signal.exchange(0)) engine->notify(signo, early_from_terminal.load());
}

void SignalRouting::orphaned() {
  if (tracer::PtraceEngine* engine = routed_to.load())
    engine->notify_orphaned();
  else
    orphaned_early.store(true);
}

void SignalRouting::dump_from(Consumer* consumer) {
  const bool first = dumped_from.exchange(consumer) == nullptr;
  if (!first || consumer == nullptr) return;
  struct sigaction action {};
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;
  action.sa_handler = on_dump;
  sigaction(SIGUSR2, &action, nullptr);
}

void die_by_signal(int signo) {
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(signo, SIG_DFL);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signo);
  sigprocmask(SIG_UNBLOCK, &one, nullptr);
  raise(signo);
  _exit(128 + signo);  // only if the signal's default is not to kill
}

}  // namespace sightline
