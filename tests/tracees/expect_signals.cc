// Masks, dispositions, and signals that arrive.
#include <signal.h>
#include <sys/mman.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

namespace {

/// The kernel's struct sigaction.
struct Action {
  void (*handler)(int);
  unsigned long flags;
  void (*restorer)();
  unsigned long mask;
};

void handler(int) {}

extern "C" void return_from_handler();
asm(".text\n.globl return_from_handler\nreturn_from_handler:\n  mov $15, %eax\n  syscall\n");

constexpr unsigned long bit(int signo) {
  return 1UL << (signo - 1);
}

}  // namespace

int main() {
  const int pid = getpid();
  const unsigned uid = getuid();
  unsigned long old = 0;
  expect::begin();

  unsigned long set = bit(SIGHUP) | bit(SIGUSR1) | bit(SIGCHLD) | bit(34) | bit(64);
  long n = call(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 8);
  line("rt_sigprocmask(SIG_BLOCK, [HUP USR1 CHLD RT_2 RT_32], NULL, 8) = %s", result(n));
  set = ~0UL;
  n = call(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
  line("rt_sigprocmask(SIG_SETMASK, ~[], [HUP USR1 CHLD RT_2 RT_32], 8) = %s", result(n));
  set = 0;
  n = call(SYS_rt_sigprocmask, SIG_SETMASK, &set, &old, 8);
  line("rt_sigprocmask(SIG_SETMASK, [], ~[KILL STOP], 8) = %s", result(n));
  n = call(SYS_rt_sigprocmask, SIG_UNBLOCK, nullptr, &old, 8);
  line("rt_sigprocmask(SIG_UNBLOCK, NULL, [], 8) = %s", result(n));
  n = call(SYS_rt_sigprocmask, 9, &set, nullptr, 8);
  line("rt_sigprocmask(0x9 /* SIG_??? */, [], NULL, 8) = %s", result(n));
  n = call(SYS_rt_sigprocmask, SIG_BLOCK, nullptr, nullptr, 4);
  line("rt_sigprocmask(SIG_BLOCK, NULL, NULL, 4) = %s", result(n));

  Action action{handler, 0x04000000 | SA_RESTART | SA_SIGINFO, return_from_handler, bit(SIGINT) | bit(SIGTERM)};
  Action before{};
  n = call(SYS_rt_sigaction, SIGUSR1, &action, &before, 8);
  line(
      "rt_sigaction(SIGUSR1, {sa_handler=%p, sa_mask=[INT TERM], sa_flags=SA_RESTORER|SA_RESTART|SA_SIGINFO, "
      "sa_restorer=%p}, {sa_handler=SIG_DFL, sa_mask=[], sa_flags=0}, 8) = %s",
      reinterpret_cast<void*>(handler), reinterpret_cast<void*>(return_from_handler), result(n));
  Action ignore{SIG_IGN, 0, nullptr, 0};
  n = call(SYS_rt_sigaction, SIGPIPE, &ignore, nullptr, 8);
  line("rt_sigaction(SIGPIPE, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, NULL, 8) = %s", result(n));
  n = call(SYS_rt_sigaction, SIGPIPE, nullptr, &before, 8);
  line("rt_sigaction(SIGPIPE, NULL, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, 8) = %s", result(n));
  n = call(SYS_rt_sigaction, SIGKILL, &ignore, nullptr, 8);
  line("rt_sigaction(SIGKILL, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, NULL, 8) = %s", result(n));

  n = call(SYS_kill, pid, SIGUSR1);
  line("kill(%d, SIGUSR1) = %s", pid, result(n));
  line("--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_USER, si_pid=%d, si_uid=%u} ---", pid, uid);
  line("rt_sigreturn() = ?");
  n = call(SYS_tgkill, pid, pid, SIGUSR1);
  line("tgkill(%d, %d, SIGUSR1) = %s", pid, pid, result(n));
  line("--- SIGUSR1 {si_signo=SIGUSR1, si_code=SI_TKILL, si_pid=%d, si_uid=%u} ---", pid, uid);
  line("rt_sigreturn() = ?");
  n = call(SYS_kill, pid, 0);
  line("kill(%d, 0) = %s", pid, result(n));
  n = call(SYS_kill, pid, 99);
  line("kill(%d, 99) = %s", pid, result(n));
  n = call(SYS_kill, -999999, SIGTERM);
  line("kill(-999999, SIGTERM) = %s", result(n));

  set = bit(SIGUSR1);
  n = call(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 8);
  line("rt_sigprocmask(SIG_BLOCK, [USR1], NULL, 8) = %s", result(n));
  siginfo_t info{};
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  info.si_pid = pid;
  info.si_uid = uid;
  info.si_value.sival_int = 7;
  n = call(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info);
  line(
      "rt_sigqueueinfo(%d, SIGUSR1, {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=%d, si_uid=%u, si_int=7, si_ptr=0x7}) "
      "= %s",
      pid, pid, uid, result(n));
  n = call(SYS_rt_sigpending, &old, 8);
  line("rt_sigpending([USR1], 8) = %s", result(n));
  const timespec at_once{0, 0};
  n = call(SYS_rt_sigtimedwait, &set, &info, &at_once, 8);
  line(
      "rt_sigtimedwait([USR1], {si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=%d, si_uid=%u, si_int=7, si_ptr=0x7}, "
      "{tv_sec=0, tv_nsec=0}, 8) = %ld (SIGUSR1)",
      pid, uid, n);
  n = call(SYS_rt_sigtimedwait, &set, nullptr, &at_once, 8);
  line("rt_sigtimedwait([USR1], NULL, {tv_sec=0, tv_nsec=0}, 8) = %s", result(n));
  stack_t alternate{};
  n = call(SYS_sigaltstack, nullptr, &alternate);
  line("sigaltstack(NULL, {ss_sp=NULL, ss_flags=SS_DISABLE, ss_size=0}) = %s", result(n));
  static char stack[65536];
  alternate = {stack, 0, sizeof stack};
  n = call(SYS_sigaltstack, &alternate, nullptr);
  line("sigaltstack({ss_sp=%p, ss_flags=0, ss_size=65536}, NULL) = %s", static_cast<void*>(stack), result(n));

  expect::end();
  return expect::finish();
}
