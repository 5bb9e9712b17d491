// ignores WAIT: ignores the signals that a tracer inside the program raises, sends them to itself and asks the kernel
// about them, in itself, in children and in what they execute, again and again until its input ends; or, with WAIT 0,
// once. It says "as untraced" at the end.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <cstring>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

constexpr int kSignals[] = {SIGSYS, SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

volatile sig_atomic_t handled = 0;

struct sigaction ignoring() {
  struct sigaction action {};
  action.sa_handler = SIG_IGN;
  action.sa_flags = SA_RESTART;
  sigaddset(&action.sa_mask, SIGUSR1);
  return action;
}

[[noreturn]] void differs(const char* what, int signo) {
  std::fprintf(stderr, "%s: %s\n", what, sigabbrev_np(signo));
  std::_Exit(98);
}

void expect_ignored(int signo, bool ours) {
  struct sigaction now {};
  tracee::check(sigaction(signo, nullptr, &now), "sigaction");
  if (now.sa_handler != SIG_IGN) differs("not ignored", signo);
  if (ours && ((now.sa_flags & SA_RESTART) == 0 || sigismember(&now.sa_mask, SIGUSR1) != 1))
    differs("another action", signo);
}

/// Calls that trap: from a place of their own each, and with a pointer that leads nowhere.
template <int n>
void trap() {
  volatile long nr = SYS_lseek;
  asm volatile("syscall" : : "a"(nr), "D"(-1L), "S"(n), "d"(0) : "rcx", "r11", "memory");
  syscall(SYS_unlink, 8L);
}

void all_survived(bool ours) {
  for (const int signo : kSignals) {
    expect_ignored(signo, ours);
    tracee::check(raise(signo), "raise");
    tracee::check(kill(getpid(), signo), "kill");
    expect_ignored(signo, ours);
  }
}

/// Another action for a while, by the same structure for both actions, as nothing forbids.
void change_and_back() {
  for (const int signo : kSignals) {
    struct sigaction action {};
    action.sa_handler = [](int) { handled = handled + 1; };
    tracee::check(sigaction(signo, &action, &action), "sigaction");
    if (action.sa_handler != SIG_IGN) differs("was not ignored", signo);
    const sig_atomic_t before = handled;
    tracee::check(raise(signo), "raise");
    if (handled != before + 1) differs("not handled", signo);
    action = ignoring();
    tracee::check(sigaction(signo, &action, &action), "sigaction");
    if (action.sa_handler == SIG_IGN || action.sa_handler == SIG_DFL) differs("had no handler", signo);
  }
}

void end_of(pid_t child, int expected, const char* what) {
  int status = 0;
  tracee::check(waitpid(child, &status, 0), "waitpid");
  if (status != expected) {
    std::fprintf(stderr, "%s: ended with %#x\n", what, status);
    std::_Exit(97);
  }
}

void in_children(const char* self) {
  const pid_t copy = fork();
  if (copy == 0) {
    trap<100>();
    all_survived(true);
    change_and_back();
    std::_Exit(0);
  }
  end_of(copy, 0, "a child");
  const pid_t other = vfork();
  if (other == 0) {
    execl(self, self, "child", nullptr);
    std::_Exit(96);
  }
  end_of(other, 0, "a program");
  // The kernel's own are fatal.
  const pid_t faulty = fork();
  if (faulty == 0) {
    prctl(PR_SET_DUMPABLE, 0);
    volatile uintptr_t nowhere = 8;
    *reinterpret_cast<volatile int*>(nowhere) = 0;
    std::_Exit(0);
  }
  end_of(faulty, SIGSEGV, "a faulty child");
  const pid_t not_ignoring = fork();
  if (not_ignoring == 0) {
    prctl(PR_SET_DUMPABLE, 0);
    signal(SIGSYS, SIG_DFL);
    trap<101>();
    raise(SIGSYS);
    std::_Exit(0);
  }
  end_of(not_ignoring, SIGSYS, "a child that does not ignore");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  trap<1>();
  if (std::strcmp(argv[1], "child") == 0) {
    trap<2>();
    for (int i = 0; i < 5; ++i) trap<3>();
    all_survived(false);
    return 0;
  }
  const struct sigaction action = ignoring();
  for (const int signo : kSignals) tracee::check(sigaction(signo, &action, nullptr), "sigaction");
  const bool waits = std::strcmp(argv[1], "0") != 0;
  std::thread([] { pause(); }).detach();
  std::puts("ready");
  std::fflush(stdout);
  pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
  do {
    for (int i = 0; i < 5; ++i) trap<4>();
    all_survived(true);
    change_and_back();
    in_children(argv[0]);
  } while (waits && poll(&input, 1, 0) == 0);
  std::puts("as untraced");
}
