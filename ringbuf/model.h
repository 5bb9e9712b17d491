/// What the rings are made of: atomics, plain bytes, fences, waits. The rings are templates over it, so that a model
/// checker can explore the very code that ships, and so that each order and fence has a name that a test can weaken.
///
/// StandardModel is the one in the product. Another model offers the same names (tests/ringbuf/relacy_model.h).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace sightline::ringbuf {

/// Where a fence stands; see wakeup.h.
enum class Fence { signaller, waiter };

struct StandardModel {
  template <class T>
  using Atomic = std::atomic<T>;
  using Order = std::memory_order;

  static constexpr Order kRelaxed = std::memory_order_relaxed;
  static constexpr Order kAcquire = std::memory_order_acquire;

  // The orders on which correctness hangs. What each is for stands where it is used.
  static constexpr Order kPublishTail = std::memory_order_release;
  static constexpr Order kReadTail = std::memory_order_acquire;
  static constexpr Order kPublishHead = std::memory_order_release;
  static constexpr Order kReadHead = std::memory_order_acquire;
  static constexpr Order kClaim = std::memory_order_acquire;
  static constexpr Order kEvict = std::memory_order_acq_rel;
  static constexpr Order kClose = std::memory_order_release;
  static constexpr Order kReadClosed = std::memory_order_acquire;
  static constexpr unsigned kBusy = 1;           ///< the bit that a claim sets in the head word of an overwriting ring
  static constexpr bool kTailAfterClaim = true;  ///< the consumer of an overwriting ring looks for the tail only then
  static constexpr bool kCheckAgain = true;      ///< a waiter looks again after it has registered

  // What costs and speed depend on; correctness does not.
  /// Two lines: the adjacent-line prefetcher pulls pairs, so 64 would still share between producer and consumer. A
  /// constant, because compilers disagree on std::hardware_destructive_interference_size, and this is a layout that two
  /// programs may share.
  static constexpr std::size_t kBlock = 128;
  static constexpr bool kCacheIndices = true;  ///< keep the peer's index until it is not enough any more
  static constexpr bool kFenceEachCommit = false;
  /// Only what a queue between two threads needs: nobody sleeps or is woken, nothing is overwritten, no high water.
  static constexpr bool kLean = false;
  static constexpr int kSpins = 64;  ///< looks before a producer goes to sleep

  template <Fence where>
  static void fence() {
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  static void pause() { __builtin_ia32_pause(); }

  /// futex(2), across processes: sleeps while `word` is `expected`, at most `timeout_ns`. May return early.
  static void wait(std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns);
  static void wake(std::atomic<uint32_t>& word);
  /// CLOCK_MONOTONIC in ns, for the figures.
  static uint64_t now();

  /// A figure: one writer, any reader. A load and a store, no locked instruction.
  class Counter {
   public:
    void add(uint64_t n) { value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed); }
    void raise(uint64_t n) {
      if (n > value_.load(std::memory_order_relaxed)) value_.store(n, std::memory_order_relaxed);
    }
    uint64_t get() const { return value_.load(std::memory_order_relaxed); }

   private:
    std::atomic<uint64_t> value_{0};
  };

  // The bytes of a ring of records.
  using Place = std::byte*;
  static Place at(Place data, uint64_t offset) { return data + offset; }
  static void store_word(Place place, uint64_t word) { *reinterpret_cast<Word*>(place) = word; }
  /// Read once: what is checked is what is used, even if a program gone wild writes there meanwhile.
  static uint64_t load_word(Place place) { return __atomic_load_n(reinterpret_cast<Word*>(place), __ATOMIC_RELAXED); }

  static void prefetch(Place place) { __builtin_prefetch(place); }

  // The elements of a typed ring.
  template <class T>
  using Cell = T;
  template <class T>
  static void store_cell(T& cell, const T& value) {
    cell = value;
  }
  template <class T>
  static const T& load_cell(const T& cell) {
    return cell;
  }

 private:
  using Word [[gnu::may_alias]] = uint64_t;
};

/// For typed rings inside a program whose two threads poll (LeanRing in spsc_ring.h).
struct LeanModel : StandardModel {
  static constexpr bool kLean = true;
};

}  // namespace sightline::ringbuf
