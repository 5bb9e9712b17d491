/// What the ptrace engine remembers of each thread and each address space.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "ringbuf/ring_set.h"
#include "tracer/engine_reason.h"
#include "tracer/span.h"
#include "tracer/syscall_table.h"

namespace sightline::tracer {

namespace inprocess {
class Sites;
struct Inside;
}  // namespace inprocess

/// Shared by all who share the memory: threads, and a vfork's child until its exec.
struct AddressSpace {
  bool maps_changed = true;  ///< executable mappings differ from what was last reported
  struct Range {
    uint64_t start, end;
  };
  std::vector<Range> executable;                      ///< as last reported
  std::vector<std::pair<uint64_t, uint64_t>> opened;  ///< device and inode of files whose descriptors were handed over
  std::shared_ptr<inprocess::Sites> sites;            ///< not null: the stub is mapped, and these lead into it
  uint64_t stack_end = 0;                        ///< what is to be unwound of its first stack ends below; 0: unknown
  uint32_t serial = 0;                           ///< of the memories that have the stub; 0: none yet
  std::size_t inside = 0;                        ///< threads that have a place in the stub
  std::size_t suspended = 0;                     ///< threads that wait in vfork(2) for their child
  bool registered = false;                       ///< for calls that make processors serialize
  bool wants_stub = false;                       ///< a running program's, to be brought in: see Settling
  bool retired = false;                          ///< the stub can't stay: each thread leaves it at its next call
  EngineReason why_ptrace = EngineReason::none;  ///< nobody is in the stub, and that is why
  uint32_t stops = 1;                            ///< 1, and the stop signals that were delivered
  pid_t parked = 0;                              ///< a thread that waits in its stop to take the stub out

  /// The copy that fork(2) makes: of its threads none is there yet.
  static std::shared_ptr<AddressSpace> copy_of(const AddressSpace& other);
};

struct OpenCall {
  bool open = false;
  bool recorded = false;  ///< an enter record was written (it passed the filter)
  const Syscall* syscall = nullptr;
  int32_t nr = 0;
  Abi abi = Abi::x86_64;
  uint64_t args[6] = {};
};

/// What came to a thread while calls were made in its name (inprocess::RemoteCalls): used up there, and still to be
/// told of, in this order.
struct Meanwhile {
  enum class Kind : uint8_t { stop_signal, group_stop, end_of_stop } kind;
  int signo = 0;
  std::array<std::byte, 128> siginfo{};  ///< of a signal
};

struct Tracee {
  pid_t tid = 0;
  pid_t pid = 0;
  uint32_t thread_serial = 0;
  uint32_t process_serial = 0;
  std::shared_ptr<AddressSpace> space;
  ringbuf::RingSet::Producer ring;            ///< ring.ring may be null: then its records are counted as dropped
  std::shared_ptr<inprocess::Inside> inside;  ///< not null: it records its calls itself
  uint64_t ip_override = 0;                   ///< not 0: where the program believes its present call to be
  bool new_program = false;                   ///< its execve has succeeded and not returned yet
  bool muted = false;                         ///< traced only because it shares what is traced: nothing is recorded
  OpenCall call;
  std::shared_ptr<const int> root_change;  ///< InProcess::call_begun; until the call ends
  uint64_t calls = 0;                      ///< to be recorded, so far
  bool hidden = false;                     ///< our own child before its execve: nothing of it is recorded
  bool newly_shown = false;                ///< it has just left that state
  bool attached = false;                   ///< by -p: left running when we go
  bool first_stop_seen = false;
  bool in_vfork = false;             ///< counted in `suspended`
  bool interrupting = false;         ///< we sent PTRACE_INTERRUPT, or have to, and wait for its stop
  std::vector<Meanwhile> meanwhile;  ///< not told of yet
  uint32_t shown_stop = 0;           ///< not 0: in a group stop that was recorded when `stops` was this
  bool held = false;                 ///< kept in its stop for what concerns all of its process
  int group_stop = 0;                ///< the signal of the group stop it is held in
  bool foreign_ids = false;          ///< lives in another pid namespace than ours, or its children will
};

}  // namespace sightline::tracer
