/// A process of its own for the thread that traces, so that a kill -9 of the tracer does not take it along.
///
/// When a tracer dies, the kernel lets its tracees go as they are. By ptrace alone that does no harm; a program with
/// the in-process engine in it is left with calls that raise a signal nobody takes. So the work is done in another
/// process, which has this one's memory and descriptors (clone(2): CLONE_VM, CLONE_FILES, CLONE_FS), but neither its
/// thread group, its process group nor its name. It hears of our death (PR_SET_PDEATHSIG) and can still let go
/// properly.
///
/// What it does not survive: being killed itself, and the kernel's killing of all that share a memory when there is
/// none left.
#pragma once

#include <functional>
#include <string>

namespace sightline::tracer {

struct KeptWork {
  std::function<void()> work;
  /// In that process, from a signal handler that interrupts `work`, when this one has been killed. Async-signal-safe.
  /// The other threads of this process are gone then, at whatever they were.
  std::function<void()> orphaned;
};

/// Does the work in a keeper, and returns when it is done. Signals go to either process as they are sent; the keeper's
/// handlers and mask are copies of ours. "", or one sentence on why the work was not done, or not finished.
std::string run_in_keeper(const KeptWork& kept);

}  // namespace sightline::tracer
