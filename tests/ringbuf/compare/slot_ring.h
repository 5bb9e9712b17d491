/// One ring for many producers, with a state machine in each slot: Empty → Writing → Ready → Reading → Empty. For tests
/// and benchmarks only: it shows what producers pay that share a ring.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace sightline::ringbuf::compare {

/// Many producers, one consumer; `capacity` is a power of two.
///
/// The state holds the lap as well, so that a producer which slept through a whole lap can't take the slot of another.
template <class T>
class SlotRing {
 public:
  explicit SlotRing(std::size_t capacity) : mask_(capacity - 1), slots_(std::make_unique<Slot[]>(capacity)) {
    while ((std::size_t{1} << shift_) < capacity) ++shift_;
  }

  bool try_push(const T& value) {
    for (;;) {
      uint64_t tail = tail_.load(std::memory_order_acquire);
      Slot& slot = slots_[tail & mask_];
      const uint64_t lap = tail >> shift_;
      uint64_t state = slot.state.load(std::memory_order_acquire);
      if (state == word(lap, kEmpty)) {
        // Acquire: the consumer's reads of the last lap happen before we overwrite them.
        if (!slot.state.compare_exchange_strong(state, word(lap, kWriting), std::memory_order_acquire)) continue;
        tail_.compare_exchange_strong(tail, tail + 1, std::memory_order_acq_rel);
        slot.value = value;
        slot.state.store(word(lap, kReady), std::memory_order_release);
        return true;
      }
      if (state < word(lap, kEmpty)) {
        // Last lap's value is still there. Full, unless the tail was an old one.
        if (tail_.load(std::memory_order_acquire) == tail) return false;
        continue;
      }
      // Another has taken this slot and not moved the tail yet: help.
      tail_.compare_exchange_strong(tail, tail + 1, std::memory_order_acq_rel);
    }
  }
  std::size_t try_push_some(std::span<const T> values) {
    std::size_t n = 0;
    while (n < values.size() && try_push(values[n])) ++n;
    return n;
  }
  bool try_pop(T& value) {
    Slot& slot = slots_[head_ & mask_];
    const uint64_t lap = head_ >> shift_;
    if (slot.state.load(std::memory_order_acquire) != word(lap, kReady)) return false;
    slot.state.store(word(lap, kReading), std::memory_order_relaxed);
    value = slot.value;
    slot.state.store(word(lap + 1, kEmpty), std::memory_order_release);
    ++head_;
    return true;
  }
  std::size_t pop_some(std::span<T> values) {
    std::size_t n = 0;
    while (n < values.size() && try_pop(values[n])) ++n;
    return n;
  }

 private:
  enum State : uint64_t { kEmpty, kWriting, kReady, kReading };
  static constexpr uint64_t word(uint64_t lap, State state) { return lap << 2 | state; }

  struct Slot {
    std::atomic<uint64_t> state{kEmpty};
    T value{};
  };

  std::size_t mask_;
  unsigned shift_ = 0;
  std::unique_ptr<Slot[]> slots_;
  alignas(128) std::atomic<uint64_t> tail_{0};
  alignas(128) uint64_t head_ = 0;
};

}  // namespace sightline::ringbuf::compare
