// Children, and how they ended. Without -f only the parent is traced.
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

namespace {

// As a signal the parent hears nothing of: no SIGCHLD stands between the lines, whose place would be a matter of luck.
long silent_child(int signo_at_exit = 0) {
  return call(SYS_clone, signo_at_exit, nullptr, nullptr, nullptr, nullptr);
}

[[noreturn]] void end_by(int signo) {
  rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);
  for (;;) raise(signo);
}

}  // namespace

int main() {
  const unsigned uid = getuid();
  int status = 0;
  // Nor of its stops.
  struct sigaction no_stops {};
  no_stops.sa_flags = SA_NOCLDSTOP;
  sigaction(SIGCHLD, &no_stops, nullptr);
  expect::begin();

  long child = silent_child();
  if (child == 0) _exit(3);
  line("clone(child_stack=NULL, flags=0) = %s", result(child));
  long n = call(SYS_wait4, child, &status, __WALL, nullptr);
  line("wait4(%ld, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], __WALL, NULL) = %s", child, result(n));
  child = silent_child();
  if (child == 0) end_by(SIGTERM);
  line("clone(child_stack=NULL, flags=0) = %s", result(child));
  n = call(SYS_wait4, -1, &status, __WALL | WUNTRACED, nullptr);
  line("wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGTERM}], WSTOPPED|__WALL, NULL) = %s", result(n));
  child = silent_child();
  if (child == 0) {
    raise(SIGSTOP);
    _exit(0);
  }
  line("clone(child_stack=NULL, flags=0) = %s", result(child));
  n = call(SYS_wait4, child, &status, __WALL | WUNTRACED, nullptr);
  line("wait4(%ld, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], WSTOPPED|__WALL, NULL) = %s", child, result(n));
  n = call(SYS_kill, child, SIGCONT);
  line("kill(%ld, SIGCONT) = %s", child, result(n));
  siginfo_t info{};
  n = call(SYS_waitid, P_PID, child, &info, WEXITED | WNOWAIT | __WALL, nullptr);
  line(
      "waitid(P_PID, %ld, {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=%ld, si_uid=%u, si_status=0, si_utime=0, "
      "si_stime=0}, WEXITED|WNOWAIT|__WALL, NULL) = %s",
      child, child, uid, result(n));
  n = call(SYS_wait4, child, nullptr, __WALL, nullptr);
  line("wait4(%ld, NULL, __WALL, NULL) = %s", child, result(n));
  n = call(SYS_wait4, -1, &status, WNOHANG, nullptr);
  line("wait4(-1, %p, WNOHANG, NULL) = %s", static_cast<void*>(&status), result(n));
  n = call(SYS_waitid, P_ALL, 0, nullptr, 0, nullptr);
  line("waitid(P_ALL, 0, NULL, 0, NULL) = %s", result(n));

  // With a signal: that it comes is certain once the child has been waited for, and nothing else happens till then.
  unsigned long set = 1UL << (SIGCHLD - 1);
  n = call(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 8);
  line("rt_sigprocmask(SIG_BLOCK, [CHLD], NULL, 8) = %s", result(n));
  child = silent_child(SIGCHLD);
  if (child == 0) _exit(9);
  line("clone(child_stack=NULL, flags=SIGCHLD) = %s", result(child));
  n = call(SYS_wait4, child, &status, 0, nullptr);
  line("wait4(%ld, [{WIFEXITED(s) && WEXITSTATUS(s) == 9}], 0, NULL) = %s", child, result(n));
  n = call(SYS_rt_sigprocmask, SIG_UNBLOCK, &set, nullptr, 8);
  line("rt_sigprocmask(SIG_UNBLOCK, [CHLD], NULL, 8) = %s", result(n));
  line(
      "--- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=%ld, si_uid=%u, si_status=9, si_utime=0, si_stime=0} "
      "---",
      child, uid);

  expect::end();
  return expect::finish();
}
