/// Syscall User Dispatch (Documentation/admin-guide/syscall-user-dispatch.rst): each system call that a thread makes
/// outside the stub's code raises SIGSYS. The kernel takes it from a thread with execve, and gives none to newborns.
///
/// Linux 5.11 has it, set by the thread itself: then it is made to call prctl(2), at the stub's own `syscall`.
/// Linux 6.4 lets a tracer do it. Threads: the tracer's.
#pragma once

#include <cstdint>

namespace sightline::tracer {
struct Tracee;
}

namespace sightline::tracer::inprocess {

class RemoteCalls;

class Dispatch {
 public:
  /// Whether this kernel has it at all.
  static bool exists();

  /// `only_by_call`: not by ptrace(2), though it may be possible.
  explicit Dispatch(bool only_by_call) : by_call_(only_by_call) {}

  struct Outcome {
    bool done = false;
    bool called = false;  ///< a call was made in the thread's name
  };
  /// `tracee`, in a stop as inject.h has it, whose memory has the stub at `remote` (StubHeader::remote). Where a call
  /// was made, what is said there of another stop holds; `interrupting` is set if it is needed.
  Outcome set(Tracee& tracee, bool on, uint64_t remote);

  static bool set_by_call(RemoteCalls& remote, bool on);

 private:
  bool by_call_;
};

}  // namespace sightline::tracer::inprocess
