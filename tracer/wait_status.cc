#include "tracer/wait_status.h"

#include <sys/ptrace.h>
#include <sys/wait.h>

namespace sightline::tracer {

StopKind decode_wait_status(int status) {
  if (WIFEXITED(status)) return Exited{WEXITSTATUS(status)};
  if (WIFSIGNALED(status)) return Killed{WTERMSIG(status), static_cast<bool>(WCOREDUMP(status))};
  const int signo = WSTOPSIG(status);
  const int event = static_cast<int>(static_cast<unsigned>(status) >> 16);
  if (event == PTRACE_EVENT_STOP) {
    if (signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU) return GroupStop{signo};
    return TrapStop{};
  }
  if (event != 0) return EventStop{event};
  // PTRACE_O_TRACESYSGOOD sets bit 7, which tells a system-call stop from the program's own SIGTRAP.
  if (signo == (SIGTRAP | 0x80)) return SyscallStop{};
  return SignalStop{signo};
}

}  // namespace sightline::tracer
