// Children that are not to be traced: one that shares the memory, as leak checkers make, and one made by clone3(2) that
// does not. All three make their calls at the same places at the same time.
#include <linux/sched.h>
#include <sched.h>
#include <sys/wait.h>

#include "tests/tracees/tracee.h"

namespace {

constexpr uint64_t kCalls = 300;

void make_calls(uint64_t first) {
  for (uint64_t i = 0; i < kCalls; ++i) tracee::mark(first + i);
}

int child(void*) {
  make_calls(1000);
  return 7;
}

}  // namespace

int main() {
  alignas(16) static char stack[65536];
  const pid_t sharing = clone(child, stack + sizeof stack, CLONE_VM | CLONE_UNTRACED | SIGCHLD, nullptr);
  tracee::check(sharing, "clone");
  make_calls(0);
  clone_args arguments{};
  arguments.flags = CLONE_UNTRACED;
  arguments.exit_signal = SIGCHLD;
  const long copied = tracee::check(syscall(SYS_clone3, &arguments, sizeof arguments), "clone3");
  if (copied == 0) {
    make_calls(2000);
    _exit(8);
  }
  if (arguments.flags != CLONE_UNTRACED) return 2;
  make_calls(3000);
  int status = 0;
  if (waitpid(sharing, &status, 0) != sharing || WEXITSTATUS(status) != 7) return 3;
  if (waitpid(static_cast<pid_t>(copied), &status, 0) != copied || WEXITSTATUS(status) != 8) return 4;
  return 0;
}
