// handles signals ROUNDS    handles the signals that a tracer inside the program raises, and sends them to itself,
// while
//                           threads that have blocked them are born and make calls; with 0, until its input ends
// handles masks             looks at its signal mask after calls that have not been made before
// handles pending           sends them to itself while it has them blocked, makes such calls, and then takes them
//
// It says "as untraced" at the end, or what differs.
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

constexpr int kSignals[] = {SIGSYS, SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

std::atomic<int> handled{0};

[[noreturn]] void differs(const char* what, int signo) {
  std::fprintf(stderr, "%s: %s\n", what, sigabbrev_np(signo));
  std::_Exit(98);
}

sigset_t all_signals() {
  sigset_t all;
  sigfillset(&all);
  return all;
}

/// One that changes what is executable: the tracer has to see it.
void map_code() {
  void* const code = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) differs("no memory", SIGSYS);
  munmap(code, 4096);
}

void signals(int rounds) {
  struct sigaction action {};
  action.sa_handler = [](int) { ++handled; };
  for (const int signo : kSignals) tracee::check(sigaction(signo, &action, nullptr), "sigaction");
  std::atomic<bool> ends{false};
  std::thread blocking([&] {
    const sigset_t all = all_signals();
    pthread_sigmask(SIG_SETMASK, &all, nullptr);
    while (!ends) map_code();
  });
  std::thread changing([&] {
    const sigset_t all = all_signals();
    sigset_t before;
    while (!ends) {
      pthread_sigmask(SIG_SETMASK, &all, &before);
      map_code();
      pthread_sigmask(SIG_SETMASK, &before, nullptr);
    }
  });
  std::thread bearing([&] {
    while (!ends) std::thread(map_code).join();
  });
  pollfd input{.fd = 0, .events = POLLIN, .revents = 0};
  for (int round = 0; rounds != 0 ? round < rounds : poll(&input, 1, 0) == 0; ++round)
    for (const int signo : kSignals) {
      const int before = handled;
      // To this thread, and to whichever the kernel takes.
      tracee::check(raise(signo), "raise");
      if (handled < before + 1) differs("not handled", signo);
      tracee::check(kill(getpid(), signo), "kill");
      while (handled < before + 2) sched_yield();
    }
  ends = true;
  for (std::thread* thread : {&blocking, &changing, &bearing}) thread->join();
  for (const int signo : kSignals) {
    struct sigaction now {};
    tracee::check(sigaction(signo, nullptr, &now), "sigaction");
    if (now.sa_handler != action.sa_handler) differs("another action", signo);
  }
}

/// Calls from a place of their own: each traps.
template <int n>
void trap() {
  volatile long nr = SYS_lseek;
  asm volatile("syscall" : : "a"(nr), "D"(-1L), "S"(static_cast<long>(n)), "d"(0) : "rcx", "r11", "memory");
  map_code();
}

template <int n>
void expect_mask(const sigset_t& expected, const char* when) {
  trap<n>();
  sigset_t now;
  sigprocmask(SIG_SETMASK, nullptr, &now);
  for (int signo = 1; signo < 32; ++signo)
    if (signo != SIGKILL && signo != SIGSTOP && sigismember(&now, signo) != sigismember(&expected, signo))
      differs((std::string(when) + (sigismember(&now, signo) == 1 ? ", blocked" : ", not blocked")).c_str(), signo);
}

template <int n>
void on_signal(int) {
  sigset_t expected = all_signals();
  if (n % 100 != 0) {  // its action has a mask of one signal
    sigemptyset(&expected);
    sigaddset(&expected, SIGTRAP);
    if (n % 100 != 2) sigaddset(&expected, SIGUSR1);
  }
  if (n >= 300) sigaddset(&expected, SIGSYS);  // by the call that it came in
  expect_mask<1000 + n>(expected, "in a handler");
  ++handled;
}

struct sigaction with(void (*handler)(int), bool all, int flags = 0) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = flags;
  if (all) sigfillset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGTRAP);
  return action;
}

void use(const struct sigaction& action) {
  tracee::check(sigaction(SIGUSR1, &action, nullptr), "sigaction");
}

void masks() {
  const sigset_t all = all_signals();
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  expect_mask<1>(all, "all blocked");
  sigprocmask(SIG_SETMASK, &none, nullptr);
  expect_mask<2>(none, "none blocked");
  use(with(on_signal<100>, true));
  raise(SIGUSR1);
  use(with(on_signal<101>, false));
  raise(SIGUSR1);
  use(with(on_signal<102>, false, SA_NODEFER));
  raise(SIGUSR1);
  use(with(on_signal<200>, true, static_cast<int>(SA_RESETHAND)));
  raise(SIGUSR1);
  expect_mask<3>(none, "after handlers");
  // The mask of a call holds in a handler that ends it, with the action's.
  sigset_t waiting = none;
  sigaddset(&waiting, SIGUSR1);
  sigprocmask(SIG_SETMASK, &waiting, nullptr);
  sigset_t of_call = none;
  sigaddset(&of_call, SIGSYS);
  use(with(on_signal<301>, false));
  raise(SIGUSR1);
  sigsuspend(&of_call);
  expect_mask<4>(waiting, "after sigsuspend");
  use(with(on_signal<401>, false));
  raise(SIGUSR1);
  if (ppoll(nullptr, 0, nullptr, &of_call) != -1) differs("not interrupted", SIGUSR1);
  expect_mask<5>(waiting, "after ppoll");
  if (handled != 6) differs("not handled", SIGUSR1);
}

template <int n>
void pending() {
  const sigset_t all = all_signals();
  sigprocmask(SIG_SETMASK, &all, nullptr);
  const int signo = kSignals[n - 10];
  tracee::check(raise(signo), "raise");
  expect_mask<n>(all, "while one is pending");
  sigset_t now;
  sigpending(&now);
  if (sigismember(&now, signo) != 1) differs("not pending", signo);
  sigset_t one;
  sigemptyset(&one);
  sigaddset(&one, signo);
  const timespec at_once{};
  if (sigtimedwait(&one, nullptr, &at_once) != signo) differs("not to be had", signo);
  if (sigtimedwait(&one, nullptr, &at_once) != -1) differs("twice", signo);
  struct sigaction action {};
  action.sa_handler = [](int) { ++handled; };
  tracee::check(sigaction(signo, &action, nullptr), "sigaction");
  tracee::check(raise(signo), "raise");
  trap<n + 20>();
  const int before = handled;
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (handled != before + 1) differs("not handled", signo);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  if (what == "signals" && argc == 3)
    signals(std::atoi(argv[2]));
  else if (what == "masks")
    masks();
  else if (what == "pending") {
    pending<10>();
    pending<11>();
    pending<12>();
    pending<13>();
    pending<14>();
    pending<15>();
  } else
    return 2;
  std::puts("as untraced");
}
