#include "tracer/wait_status.h"

#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

namespace sightline::tracer {
namespace {

std::string signal_name(int signo) {
  const char* name = sigabbrev_np(signo);
  return std::to_string(signo) + (name != nullptr ? " (" + std::string(name) + ")" : std::string());
}

const char* event_name(int event) {
  switch (event) {
    case PTRACE_EVENT_FORK:
      return "fork";
    case PTRACE_EVENT_VFORK:
      return "vfork";
    case PTRACE_EVENT_CLONE:
      return "clone";
    case PTRACE_EVENT_EXEC:
      return "exec";
    default:
      return "another event";
  }
}

}  // namespace

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

std::string describe(const StopKind& kind) {
  if (const auto* exited = std::get_if<Exited>(&kind)) return "exited with " + std::to_string(exited->code);
  if (const auto* killed = std::get_if<Killed>(&kind)) return "killed by signal " + signal_name(killed->signo);
  if (const auto* signal = std::get_if<SignalStop>(&kind)) return "stop: signal " + signal_name(signal->signo);
  if (const auto* group = std::get_if<GroupStop>(&kind)) return "stop: of all threads, by " + signal_name(group->signo);
  if (const auto* event = std::get_if<EventStop>(&kind)) return std::string("stop: ") + event_name(event->event);
  return std::holds_alternative<SyscallStop>(kind) ? "stop: system call" : "stop: newborn, or interrupted";
}

}  // namespace sightline::tracer
