/// Brings the stub's memory into a process, and takes it out again.
///
/// Threads: the tracer's. `tid` is a thread of the process, in a ptrace stop other than a group stop or that of a
/// signal to be delivered, and stays in one. What a call that was interrupted for that stop is to do when the thread
/// goes on is forgotten by the kernel on the way (its restart is decided where it goes back to the program, which the
/// calls made here do): it needs another such stop before it is resumed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "tracer/engine_reason.h"

namespace sightline::tracer::inprocess {

/// Where the process has a `syscall` instruction; 0 if none is found. Any will do: it is only borrowed.
uint64_t find_system_call(pid_t tid);

struct Injection {
  bool done = false;
  bool interrupted = false;  ///< an interruption of ours came meanwhile and is used up
  EngineReason why_not = EngineReason::memory_out_of_reach;
};

/// Maps the memory behind descriptor `fd` of this process at the addresses of layout.h.
Injection map_stub(pid_t tid, int fd);

/// Unmaps it, and the address ranges in `also`.
Injection unmap_stub(pid_t tid, std::span<const std::pair<uint64_t, uint64_t>> also);

}  // namespace sightline::tracer::inprocess
