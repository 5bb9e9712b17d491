// Births as their calls show them.
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>

#include <cstdint>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  unsigned long set = 1UL << (SIGCHLD - 1);
  call(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 8);
  expect::begin();

  long child = call(SYS_fork);
  if (child == 0) _exit(0);
  line("fork() = %s", result(child));
  child = vfork();
  if (child == 0) _exit(0);
  line("vfork() = %s", result(child));
  int stored = 0;
  child = call(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD, nullptr, &stored, &stored);
  if (child == 0) _exit(0);
  line(
      "clone(child_stack=NULL, flags=CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID|SIGCHLD, parent_tid=[%ld], "
      "child_tidptr=%p) "
      "= %s",
      child, static_cast<void*>(&stored), result(child));
  clone_args arguments{};
  arguments.flags = CLONE_VM | CLONE_VFORK | CLONE_FILES;
  arguments.exit_signal = SIGCHLD;
  // It shares our memory and stack, and must leave both alone: exit_group(0) without a call of any function.
  long pid = SYS_clone3;
  asm volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "mov $231, %%eax\n"
      "xor %%edi, %%edi\n"
      "syscall\n"
      "1:"
      : "+a"(pid)
      : "D"(&arguments), "S"(64L)
      : "rcx", "r11", "memory");
  line("clone3({flags=CLONE_VM|CLONE_FILES|CLONE_VFORK, exit_signal=SIGCHLD, stack=NULL, stack_size=0}, 64) = %ld",
       pid);
  long n = call(SYS_clone3, &arguments, 1);
  line("clone3(%p, 1) = %s", static_cast<void*>(&arguments), result(n));
  n = call(SYS_clone, CLONE_THREAD | SIGCHLD, nullptr, nullptr, nullptr);
  line("clone(child_stack=NULL, flags=CLONE_THREAD|SIGCHLD) = %s", result(n));
  n = call(SYS_unshare, CLONE_FILES | CLONE_FS);
  line("unshare(CLONE_FS|CLONE_FILES) = %s", result(n));
  n = call(SYS_setns, -1, CLONE_NEWNET);
  line("setns(-1, CLONE_NEWNET) = %s", result(n));

  expect::end();
  return expect::finish();
}
