/// Attaching to processes that run already, and saying why it can't be done.
#pragma once

#include <sys/types.h>

#include <string>

namespace sightline::tracer {

/// PTRACE_SEIZE. 0, or errno. The caller must hold a SeizeWatch (wait_queue.h).
int seize(pid_t tid, unsigned long options);

/// PTRACE_INTERRUPT. 0, or errno.
int interrupt(pid_t tid);

/// Whether it is this process, one of its threads, or a process that has our memory (keeper.h).
bool is_tracer_itself(pid_t pid);

/// One sentence on why `pid` could not be attached to, with what to do about it.
std::string explain_attach_failure(pid_t pid, int error);

}  // namespace sightline::tracer
