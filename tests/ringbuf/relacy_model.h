/// The rings' memory model as relacy, the model checker, sees it: each atomic access and each word of a record is an
/// event whose order is explored, and a plain access that is not ordered against another is an error.
///
/// Our headers come first: relacy's define new, delete and memory_order_… as macros.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <new>
#include <ostream>
#include <span>
#include <streambuf>
#include <string>

#include "ringbuf/record_ring.h"
#include "ringbuf/spsc_ring.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
#include <relacy/relacy.hpp>
#pragma GCC diagnostic pop
#undef new
#undef delete
#undef assert
#undef errno

namespace sightline::ringbuf::checked {

/// What the product says, in relacy's words: a change there is checked here.
constexpr rl::memory_order same(std::memory_order order) {
  switch (order) {
    case std::memory_order::relaxed:
      return rl::mo_relaxed;
    case std::memory_order::consume:
      return rl::mo_consume;
    case std::memory_order::acquire:
      return rl::mo_acquire;
    case std::memory_order::release:
      return rl::mo_release;
    case std::memory_order::acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order::seq_cst:
      break;
  }
  return rl::mo_seq_cst;
}

/// The orders and constants of the product; a weakened model hides one of them.
struct RelacyModel {
  using Order = rl::memory_order;
  static constexpr Order kRelaxed = rl::mo_relaxed;
  static constexpr Order kAcquire = rl::mo_acquire;

  static constexpr Order kPublishTail = same(StandardModel::kPublishTail);
  static constexpr Order kReadTail = same(StandardModel::kReadTail);
  static constexpr Order kPublishHead = same(StandardModel::kPublishHead);
  static constexpr Order kReadHead = same(StandardModel::kReadHead);
  static constexpr Order kClaim = same(StandardModel::kClaim);
  static constexpr Order kEvict = same(StandardModel::kEvict);
  static constexpr Order kClose = same(StandardModel::kClose);
  static constexpr Order kReadClosed = same(StandardModel::kReadClosed);
  static constexpr unsigned kBusy = StandardModel::kBusy;
  static constexpr bool kTailAfterClaim = StandardModel::kTailAfterClaim;
  static constexpr bool kCheckAgain = StandardModel::kCheckAgain;

  static constexpr std::size_t kBlock = 8;
  static constexpr bool kCacheIndices = StandardModel::kCacheIndices;
  static constexpr bool kFenceEachCommit = false;
  static constexpr bool kLean = false;
  static constexpr int kSpins = 0;

  template <class T>
  class Atomic {
   public:
    Atomic(T value) : atomic_(value) {}  // NOLINT: as std::atomic
    T load(Order order) const { return atomic_.load(order, $); }
    void store(T value, Order order) { atomic_.store(value, order, $); }
    T exchange(T value, Order order) { return atomic_.exchange(value, order, $); }
    bool compare_exchange_strong(T& expected, T value, Order order, Order failure) {
      return atomic_.compare_exchange_strong(expected, value, order, $, failure, $);
    }
    rl::atomic<T>& inner() { return atomic_; }

   private:
    rl::atomic<T> atomic_;
  };

  template <Fence where>
  static void fence() {
    rl::atomic_thread_fence(rl::mo_seq_cst, $);
  }
  static void pause() { rl::yield(1, $); }

  /// futex(2): the kernel compares and goes to sleep as one step. Nobody wakes up by time: a lost wakeup is a deadlock.
  static void wait(Atomic<uint32_t>& word, uint32_t expected, uint64_t) {
    rl::context& context = rl::ctx();
    context.sched();
    context.atomic_thread_fence_seq_cst();
    uint32_t value = 0;
    {
      rl::preemption_disabler disabler(context);
      value = word.load(rl::mo_acquire);
    }
    if (value == expected) word.inner().wait(context, false, false, $);
  }
  static void wake(Atomic<uint32_t>& word) {
    rl::context& context = rl::ctx();
    context.sched();
    context.atomic_thread_fence_seq_cst();
    word.inner().wake(context, 1000, $);
  }
  static uint64_t now() { return 0; }

  /// Figures order nothing and decide nothing: kept out of the exploration.
  class Counter {
   public:
    void add(uint64_t n) { value_ += n; }
    void raise(uint64_t n) { value_ = n > value_ ? n : value_; }
    uint64_t get() const { return value_; }

   private:
    uint64_t value_ = 0;
  };

  using Place = rl::var<uint64_t>*;
  static Place at(Place data, uint64_t offset) { return data + offset / 8; }
  static void store_word(Place place, uint64_t word) { (*place)($).store(word); }
  static uint64_t load_word(Place place) { return (*place)($).load(); }

  static void prefetch(Place) {}

  template <class T>
  using Cell = rl::var<T>;
  template <class T>
  static void store_cell(Cell<T>& cell, const T& value) {
    cell($).store(value);
  }
  template <class T>
  static T load_cell(const Cell<T>& cell) {
    return cell($).load();
  }
};

}  // namespace sightline::ringbuf::checked
