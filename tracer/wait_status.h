/// A wait status, decoded once, into what happened.
///
/// Facts: ptrace(2), "Stopped states"; the encoding of PTRACE_EVENT stops is status >> 16.
#pragma once

#include <sys/types.h>

#include <string>
#include <variant>

namespace sightline::tracer {

struct Exited {
  int code = 0;
};
struct Killed {
  int signo = 0;
  bool core_dumped = false;
};
/// Entry or exit of a system call: PTRACE_GET_SYSCALL_INFO tells which.
struct SyscallStop {};
/// A signal is about to be delivered; the resume decides.
struct SignalStop {
  int signo = 0;
};
/// The whole thread group is stopped by SIGSTOP, SIGTSTP, SIGTTIN or SIGTTOU.
struct GroupStop {
  int signo = 0;
};
/// PTRACE_EVENT_STOP that is no group stop: a newborn, the answer to PTRACE_INTERRUPT, or the end of a group stop.
struct TrapStop {};
/// PTRACE_EVENT_FORK, _VFORK, _CLONE, _EXEC, …
struct EventStop {
  int event = 0;
};

using StopKind = std::variant<Exited, Killed, SyscallStop, SignalStop, GroupStop, TrapStop, EventStop>;

StopKind decode_wait_status(int status);

/// In some words, for a log: "stop: signal 10 (USR1)".
std::string describe(const StopKind& kind);

}  // namespace sightline::tracer
