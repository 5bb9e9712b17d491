/// Waiting without a system call on the side that does not wait.
///
/// Both classes follow one rule: whoever waits registers first and checks again after; whoever signals publishes first
/// and looks for waiters after. Between the two steps on either side stands a seq_cst fence: without it the waiter's
/// flag and the signaller's data may pass each other in the store buffers, and both sleep.
///
/// They hold no pointer and work across processes (futex(2) without FUTEX_PRIVATE_FLAG).
#pragma once

#include <atomic>
#include <cstdint>

namespace sightline::ringbuf {

/// Wakes the consumer of many rings.
class Doorbell {
 public:
  /// Any producer, after it has published.
  void ring() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (sleeping_.load(std::memory_order_relaxed) != 0) wake();
  }

  /// The consumer: sleeps until the bell rings or `timeout_ns` is over, unless `nothing_to_do()` is false once the
  /// sleeper has registered. May return early.
  template <class NothingToDo>
  void wait(uint64_t timeout_ns, NothingToDo&& nothing_to_do) {
    sleeping_.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (nothing_to_do()) sleep(timeout_ns);
    sleeping_.store(0, std::memory_order_relaxed);
  }

 private:
  void wake();
  void sleep(uint64_t timeout_ns);

  std::atomic<uint32_t> sleeping_{0};
};

/// Lets a producer wait for space in its own ring.
class SpaceGate {
 public:
  /// The consumer, after it has published a new head.
  void open() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_relaxed) != 0) wake();
  }

  /// The producer: sleeps until open(), unless `still_full()` is false once registered. May return early.
  template <class StillFull>
  void wait(StillFull&& still_full) {
    waiting_.store(1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (still_full()) sleep();
    waiting_.store(0, std::memory_order_relaxed);
  }

 private:
  void wake();
  void sleep();

  std::atomic<uint32_t> waiting_{0};
};

}  // namespace sightline::ringbuf
