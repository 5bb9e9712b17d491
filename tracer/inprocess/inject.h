/// Brings the stub's memory into a process, and takes it out again.
///
/// Threads: the tracer's. `tracee` is a thread of the process, in a ptrace stop other than a group stop or that of a
/// signal to be delivered, and stays in one. What a call that was interrupted for that stop is to do when the thread
/// goes on is forgotten by the kernel on the way (its restart is decided where it goes back to the program, which the
/// calls made here do): it needs another such stop before it is resumed. The same holds for Dispatch (dispatch.h).
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "tracer/engine_reason.h"
#include "tracer/inprocess/arena.h"
#include "tracer/proc.h"

namespace sightline::tracer {
struct Tracee;
}

namespace sightline::tracer::inprocess {

/// Where the process has a `syscall` instruction; 0 if none is found. Any will do: it is only borrowed.
uint64_t find_system_call(pid_t tid, std::span<const proc::Map> maps);

struct Injection {
  bool done = false;
  uint64_t near_code = 0;  ///< where what was wished for is, or 0
  EngineReason why_not = EngineReason::memory_out_of_reach;
};

/// Maps the arena at the addresses of layout.h, and, where there is room, instructions near sites to be at
/// `near_code` (NearCode::wish(); 0: none). `maps` are all of the process's. If it is done, the thread's calls are
/// diverted from then on, as by Dispatch.
Injection map_stub(Tracee& tracee, const Arena& arena, std::span<const proc::Map> maps, uint64_t near_code);

/// Unmaps it, and the address ranges in `also`.
Injection unmap_stub(Tracee& tracee, std::span<const std::pair<uint64_t, uint64_t>> also);

}  // namespace sightline::tracer::inprocess
