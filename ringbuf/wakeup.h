/// Waiting without a system call on the side that does not wait.
///
/// Both classes follow one rule, the ring's sixth invariant: whoever waits registers first and checks again after;
/// whoever signals publishes first and looks for waiters after. Between the two steps on either side stands a seq_cst
/// fence: without it the waiter's flag and the signaller's data may pass each other in the store buffers, and both
/// sleep.
///
/// They hold no pointer and work across processes (futex(2) without FUTEX_PRIVATE_FLAG).
#pragma once

#include <cstdint>

#include "ringbuf/model.h"

namespace sightline::ringbuf {

/// One flag: somebody sleeps. Many may signal, one waits.
template <class Model>
class BasicWaiter {
 public:
  /// The signaller, after it has published. True if it had to make a system call.
  bool signal() {
    Model::template fence<Fence::signaller>();
    return waiting_.load(Model::kRelaxed) != 0 && wake();
  }

  /// Sleeps until signalled or `timeout_ns` is over, unless `must_wait()` is false once the waiter has registered. May
  /// return early. True if it was signalled.
  template <class MustWait>
  bool wait(uint64_t timeout_ns, MustWait&& must_wait) {
    waiting_.store(1, Model::kRelaxed);
    Model::template fence<Fence::waiter>();
    if (!Model::kCheckAgain || must_wait()) Model::wait(waiting_, 1, timeout_ns);
    return waiting_.exchange(0, Model::kRelaxed) == 0;
  }

 private:
  bool wake() {
    if (waiting_.exchange(0, Model::kRelaxed) == 0) return false;
    Model::wake(waiting_);
    return true;
  }

  typename Model::template Atomic<uint32_t> waiting_{0};
};

/// Wakes the consumer of many rings.
template <class Model>
class BasicDoorbell {
 public:
  /// Any producer, after it has published.
  bool ring() { return waiter_.signal(); }
  /// The consumer: as BasicWaiter::wait.
  template <class NothingToDo>
  bool wait(uint64_t timeout_ns, NothingToDo&& nothing_to_do) {
    return waiter_.wait(timeout_ns, static_cast<NothingToDo&&>(nothing_to_do));
  }

 private:
  BasicWaiter<Model> waiter_;
};

/// Lets a producer wait for space in its own ring.
template <class Model>
class BasicSpaceGate {
 public:
  /// The consumer, after it has published a new head.
  bool open() { return waiter_.signal(); }
  /// The producer. A lost wakeup would be a bug; the timeout bounds what it costs, and what a consumer costs that takes
  /// a little and then nothing more for a while (RingCore::release).
  template <class StillFull>
  void wait(StillFull&& still_full) {
    waiter_.wait(kLongestSleep, static_cast<StillFull&&>(still_full));
  }

 private:
  static constexpr uint64_t kLongestSleep = 100'000'000;  // ns
  BasicWaiter<Model> waiter_;
};

using Doorbell = BasicDoorbell<StandardModel>;
using SpaceGate = BasicSpaceGate<StandardModel>;

}  // namespace sightline::ringbuf
