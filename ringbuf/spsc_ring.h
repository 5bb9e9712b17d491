/// The ring for elements of one type: as record_ring.h, but each element takes one slot and needs no header.
///
/// T is trivially copyable: elements are not constructed or destroyed, and the memory may be shared with another
/// process.
///
/// Threads: the producer's members from one thread at a time, the consumer's likewise.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>

#include "ringbuf/ring_core.h"

namespace sightline::ringbuf {

template <class T, class Model, class Index = uint64_t>
class BasicSpscRing : public RingCore<Model, Index> {
  using Core = RingCore<Model, Index>;
  using Cell = typename Model::template Cell<T>;
  static_assert(std::is_trivially_copyable_v<T>);
  static_assert(alignof(T) <= Model::kBlock);

 public:
  using typename Core::Control;
  using typename Core::Options;

  BasicSpscRing() = default;

  static constexpr bool good_capacity(uint64_t capacity) {
    return Core::good_capacity(capacity, 1) && capacity <= (uint64_t{1} << 40) / sizeof(T);
  }
  static constexpr std::size_t bytes_for(uint64_t capacity) { return sizeof(Control) + capacity * sizeof(T); }

  /// As RecordRing::format; `capacity` counts elements and is a power of two, 1 included.
  static BasicSpscRing format(void* memory, uint64_t capacity, const Options& options = {}) {
    if (memory == nullptr || !good_capacity(capacity)) return {};
    Control* control = Core::format_control(memory, capacity, sizeof(T), options);
    auto* cells = reinterpret_cast<Cell*>(reinterpret_cast<std::byte*>(control) + sizeof(Control));
    return over(*control, cells, capacity, options);
  }
  /// As RecordRing::attach.
  static BasicSpscRing attach(void* memory, std::size_t bytes, Options options = {}) {
    auto* control = static_cast<Control*>(memory);
    if (memory == nullptr || bytes < sizeof(Control)) return {};
    const uint64_t capacity = control->capacity;
    const uint32_t on_full = control->on_full;
    if (control->magic != Control::kMagic || control->unit != sizeof(T) || !good_capacity(capacity) ||
        capacity > (bytes - sizeof(Control)) / sizeof(T) || on_full > static_cast<uint32_t>(OnFull::overwrite_oldest))
      return {};
    options.on_full = static_cast<OnFull>(on_full);
    auto* cells = reinterpret_cast<Cell*>(static_cast<std::byte*>(memory) + sizeof(Control));
    BasicSpscRing ring = over(*control, cells, capacity, options);
    ring.adopt();
    return ring;
  }
  static BasicSpscRing over(Control& control, Cell* cells, uint64_t capacity, const Options& options) {
    return BasicSpscRing(control, cells, capacity, options);
  }
  static void init(Control& control, uint64_t capacity, const Options& options) {
    Core::init_control(control, capacity, sizeof(T), options);
  }

  // Producer.

  /// The slot of the next element, to be filled in place, or nullptr if there is none now. Counts nothing; without
  /// commit() it leaves no trace.
  Cell* try_reserve() {
    const Index tail = this->tail();
    if (!has_room(tail)) [[unlikely]]
      return nullptr;
    return cells_ + (tail & this->mask_);
  }
  /// As try_reserve, but does what the ring does when it is full; nullptr: given up, and counted as dropped.
  Cell* reserve() {
    static_assert(!Model::kLean, "nobody would wake the producer");
    if (Cell* cell = try_reserve()) return cell;
    return reserve_slowly();
  }
  void commit() {
    const auto next = static_cast<Index>(this->tail() + 1);
    this->publish_tail(next, counted(1));
    this->notify_at(next);
  }

  /// False: full, and nothing was counted.
  bool try_push(const T& value) {
    const Index tail = this->tail();
    if (!has_room(tail)) [[unlikely]]
      return false;
    put(tail, value);
    return true;
  }
  /// `fill(T&)` makes the next element in place. False: full, and nothing was counted.
  template <class Fill>
  bool try_produce_one(Fill&& fill) {
    const Index tail = this->tail();
    if (!has_room(tail)) [[unlikely]]
      return false;
    fill(cells_[tail & this->mask_]);
    const auto next = static_cast<Index>(tail + 1);
    this->publish_tail(next, counted(1));
    this->notify_at(next);
    return true;
  }
  /// As reserve().
  bool push(const T& value) {
    static_assert(!Model::kLean, "nobody would wake the producer");
    if (try_push(value)) [[likely]]
      return true;
    if (reserve_slowly() == nullptr) return false;
    put(this->tail(), value);
    return true;
  }
  /// As many of `values` as fit now, with one store; returns how many.
  std::size_t try_push_some(std::span<const T> values) {
    return produce(values.size(), [&](std::span<Cell> cells, std::size_t done) {
      if constexpr (std::is_same_v<Cell, T>) {
        std::memcpy(cells.data(), values.data() + done, cells.size_bytes());
      } else {
        for (std::size_t i = 0; i < cells.size(); ++i) Model::store_cell(cells[i], values[done + i]);
      }
    });
  }
  /// As many of `n` elements as fit now, filled in place: `fill(std::span<T> slots, std::size_t done)` is called for
  /// one or two runs of slots. One store publishes them all. Returns how many.
  template <class Fill>
  std::size_t produce(std::size_t n, Fill&& fill) {
    const Index tail = this->tail();
    uint64_t room = this->capacity_ - static_cast<Index>(tail - known_head());
    if (room < n) {
      this->refresh_head(tail, 1);
      room = this->capacity_ - static_cast<Index>(tail - this->cached_head_);
    }
    const uint64_t count = std::min<uint64_t>(n, room);
    if (count == 0) return 0;
    const uint64_t at = tail & this->mask_;
    const uint64_t first = std::min(count, this->capacity_ - at);
    fill(std::span<Cell>(cells_ + at, first), std::size_t{0});
    if (first != count) fill(std::span<Cell>(cells_, count - first), static_cast<std::size_t>(first));
    const auto next = static_cast<Index>(tail + count);
    this->publish_tail(next, counted(count));
    this->notify_at(next);
    return count;
  }
  void count_drop(uint64_t elements = 1) { this->note_drop(elements, false); }

  // Consumer.

  /// The oldest element not yet stepped over, or nullptr.
  Cell* peek() { return this->available() == 0 ? nullptr : cells_ + (this->cursor_ & this->mask_); }
  void step() { this->advance(1, counted(1)); }
  void release() { this->release_head(); }

  bool try_pop(T& value) {
    return consume_one([&](const Cell& cell) noexcept { value = Model::load_cell(cell); });
  }
  /// Hands the oldest element to `handle(const T&)` in place; false if there is none.
  template <class Handle>
  bool consume_one(Handle&& handle) {
    if (this->available() == 0) return false;
    const Index cursor = this->cursor_;
    const Cell& cell = cells_[cursor & this->mask_];
    if (this->overwrites() || !kPositionsCount || !noexcept(handle(cell))) {
      AtEnd at_end{*this};
      step();
      handle(cell);
      return true;
    }
    handle(cell);
    const auto next = static_cast<Index>(cursor + 1);
    this->cursor_ = next;
    this->give_back(next);
    return true;
  }
  /// At most values.size() elements, copied out; returns how many.
  std::size_t pop_some(std::span<T> values) {
    if (values.empty()) return 0;  // memcpy must not be given null
    return consume_runs(values.size(), [&](std::span<Cell> cells, std::size_t done) {
      if constexpr (std::is_same_v<Cell, T>) {
        std::memcpy(values.data() + done, cells.data(), cells.size_bytes());
      } else {
        for (std::size_t i = 0; i < cells.size(); ++i) values[done + i] = Model::load_cell(cells[i]);
      }
    });
  }
  /// Hands what is there, at most `max` elements, to `handle(std::span<T> run, std::size_t done)` in place, in one or
  /// two runs; returns how many. One head store. A handler that throws has consumed its run.
  template <class Handle>
  std::size_t consume_runs(std::size_t max, Handle&& handle) {
    AtEnd at_end{*this};
    uint64_t available = this->available();
    if (available == 0) return 0;
    const uint64_t count = std::min<uint64_t>(max, available);
    const uint64_t at = this->cursor_ & this->mask_;
    const uint64_t first = std::min(count, this->capacity_ - at);
    this->advance(first, counted(first));
    handle(std::span<Cell>(cells_ + at, first), std::size_t{0});
    if (first != count) {
      this->advance(count - first, counted(count - first));
      handle(std::span<Cell>(cells_, count - first), static_cast<std::size_t>(first));
    }
    return count;
  }
  /// Hands at most `max` elements, one by one and in place, to `handle(const T&)`; returns how many. Space is given
  /// back at the end and whenever all that was known of is consumed. If the handler throws, its element counts as
  /// consumed.
  template <class Handle>
  std::size_t consume(std::size_t max, Handle&& handle) {
    AtEnd at_end{*this};
    std::size_t n = 0;
    while (n < max) {
      if (this->cursor_ == this->cached_tail_) release();
      if (this->available() == 0) break;
      const Cell& cell = cells_[this->cursor_ & this->mask_];
      step();
      ++n;
      handle(cell);
    }
    return n;
  }

  bool empty() const { return this->nothing_left(); }

  /// As RingCore::figures. What the positions tell is not counted again: pushing and popping is all stores of one word.
  RingFigures figures() const {
    RingFigures figures = Core::figures();
    if constexpr (kPositionsCount) {
      const auto& control = *this->control_;
      // The tail last: what it counts is never less than what the head does.
      const Index word = control.head.load(Model::kAcquire);
      const Index tail = control.tail.load(Model::kReadTail);
      const Index head = this->overwrites() ? Core::head_before(tail, word) : word;
      figures.committed = tail - control.start;
      figures.consumed = head - control.start - figures.overwritten;
    }
    return figures;
  }

 private:
  /// Positions do not come around: they are the counts.
  static constexpr bool kPositionsCount = std::numeric_limits<Index>::digits == 64;
  static constexpr uint64_t counted(uint64_t elements) { return kPositionsCount ? 0 : elements; }

  struct AtEnd {
    BasicSpscRing& ring;
    ~AtEnd() { ring.release(); }
  };

  BasicSpscRing(Control& control, Cell* cells, uint64_t capacity, const Options& options)
      : Core(&control, capacity, options), cells_(cells) {
    this->check_gate_when_empty_ = false;  // one element waits only for a full ring
  }

  Index known_head() const {
    return Model::kCacheIndices ? this->cached_head_ : this->control_->head.load(Model::kReadHead);
  }
  // Not by limit_: elements have no way to tell of a lost run; the figures do.
  bool has_room(Index tail) {
    return static_cast<Index>(tail - known_head()) < this->capacity_ || this->refresh_head(tail, 1);
  }
  void put(Index tail, const T& value) {
    Model::store_cell(cells_[tail & this->mask_], value);
    const auto next = static_cast<Index>(tail + 1);
    this->publish_tail(next, counted(1));
    this->notify_at(next);
  }
  [[gnu::noinline]] Cell* reserve_slowly() {
    bool got = false;
    bool busy = false;
    if (!this->closed()) {
      switch (this->on_full_) {
        case OnFull::block:
          got = this->wait_for_room([&] { return has_room(this->tail()); });
          break;
        case OnFull::drop_newest:
          break;
        case OnFull::overwrite_oldest:
          got = this->evict(this->tail(), 1, [](Index, bool& is_record) {
            is_record = true;
            return uint64_t{1};
          });
          busy = !got;
          break;
      }
    }
    if (got) return cells_ + (this->tail() & this->mask_);
    this->note_drop(1, busy);
    return nullptr;
  }

  Cell* cells_ = nullptr;
};

template <class T>
using SpscRing = BasicSpscRing<T, StandardModel>;

/// For two threads of one program that poll: try_… and consume… only, always of the kind that refuses when full. No
/// wakeups, no high water; damage is looked for only when the ring is empty.
template <class T>
using LeanRing = BasicSpscRing<T, LeanModel>;

}  // namespace sightline::ringbuf
