#include "ringbuf/ring_set.h"

#include <algorithm>
#include <bit>
#include <cerrno>

namespace sightline::ringbuf {
namespace {

// A ring gets at most this part of the memory that is left.
constexpr uint64_t kShare = 4096;

}  // namespace

RingSet::RingSet(Options options) : options_(options), blocks_((options.max_rings + kBlockSlots - 1) / kBlockSlots) {
  options_.smallest_capacity = std::min(options_.smallest_capacity, options_.capacity);
  if (!options_.arena.empty()) options_.memory_limit = std::min<uint64_t>(options_.memory_limit, options_.arena.size());
  if (options_.doorbell != nullptr) doorbell_ = options_.doorbell;
}

uint64_t RingSet::next_capacity(bool large) const {
  const uint64_t taken = memory_.load(std::memory_order_relaxed);
  const uint64_t left = options_.memory_limit > taken ? options_.memory_limit - taken : 0;
  uint64_t capacity = large ? std::max(options_.capacity, options_.large_capacity) : options_.capacity;
  if (left < options_.memory_limit / 2)
    capacity = std::min(capacity, std::max(std::bit_floor(left / kShare), options_.smallest_capacity));
  while (capacity > options_.smallest_capacity && RecordRing::bytes_for(capacity) > left) capacity /= 2;
  return RecordRing::bytes_for(capacity) <= left ? capacity : 0;
}

void RingSet::FreeSlots::add_warm(Kind kind, std::size_t slot, uint64_t bytes) {
  const std::scoped_lock lock(mutex_);
  OfKind& free = of_kind_[kind.index()];
  free.warm.push_back({slot, bytes});
  free.warm_bytes += bytes;
}

void RingSet::FreeSlots::add_cold(Kind kind, std::size_t slot) {
  const std::scoped_lock lock(mutex_);
  of_kind_[kind.index()].cold.push_back(slot);
}

bool RingSet::FreeSlots::take(Kind kind, std::size_t& slot) {
  const std::scoped_lock lock(mutex_);
  OfKind& free = of_kind_[kind.index()];
  if (!free.warm.empty()) {
    slot = free.warm.back().slot;
    free.warm_bytes -= free.warm.back().bytes;
    free.warm.pop_back();
    return true;
  }
  if (free.cold.empty()) return false;
  slot = free.cold.back();
  free.cold.pop_back();
  return true;
}

bool RingSet::FreeSlots::take_surplus(Kind kind, uint64_t bytes, std::size_t& slot) {
  const std::scoped_lock lock(mutex_);
  OfKind& free = of_kind_[kind.index()];
  if (free.warm_bytes <= bytes) return false;
  slot = free.warm.front().slot;
  free.warm_bytes -= free.warm.front().bytes;
  free.warm.pop_front();
  return true;
}

void RingSet::format(Slot& slot) {
  slot.writer = RecordRing::format(slot.memory.data(), slot.capacity,
                                   {.on_full = slot.kind.on_full, .doorbell = doorbell_, .wake_at = options_.wake_at});
  slot.reader = slot.writer;
}

RingMemory RingSet::memory_for(uint64_t bytes, Where where) {
  if (options_.arena.empty() || where == Where::own) return RingMemory::create(bytes, options_.memory);
  const uint64_t rounded = whole_pages(bytes);
  if (rounded > options_.arena.size() - arena_used_) {
    errno = ENOMEM;
    return {};
  }
  void* place = options_.arena.data() + arena_used_;
  arena_used_ += rounded;
  return RingMemory::borrow(place, bytes);
}

RingSet::Producer RingSet::open(std::size_t i) {
  Slot& slot = slot_at(i);
  slot.opened_at = slot.writer.position();
  // Release: the consumer that sees it open sees the ring.
  slot.state.store(State::open, std::memory_order_release);
  // By a handler on this thread, on the way from acquire() to here.
  if (abandoned_.load(std::memory_order_relaxed)) slot.writer.close();
  return {&slot.writer,
          i,
          ++slot.generation,
          {static_cast<std::byte*>(slot.memory.data()), RecordRing::bytes_for(slot.capacity)}};
}

RingSet::Producer RingSet::acquire(OnFull on_full, Where where) {
  if (!RecordRing::good_capacity(options_.capacity) || !RecordRing::good_capacity(options_.smallest_capacity)) {
    errno = EINVAL;
    return {};
  }
  if (abandoned_.load(std::memory_order_relaxed)) {
    errno = EPIPE;
    return {};
  }
  const Kind kind{on_full, where};
  if (std::size_t i = 0; free_.take(kind, i)) {
    Slot& slot = slot_at(i);
    // The consumer has finished with the old contents, and looks at neither view before the slot is open.
    if (slot.state.load(std::memory_order_relaxed) == State::damaged) {
      format(slot);
      slot.believed.store(true, std::memory_order_release);
    } else {
      slot.writer.reopen();
      slot.reader.follow();
    }
    return open(i);
  }
  const std::size_t count = used_.load(std::memory_order_relaxed);
  if (count == options_.max_rings) {
    errno = EMFILE;
    return {};
  }
  const bool large = where == Where::arena && large_made_ < options_.large_rings;
  const uint64_t capacity = next_capacity(large);
  if (capacity == 0) {
    errno = ENOMEM;
    return {};
  }
  auto slot = std::make_unique<Slot>();
  slot->kind = kind;
  slot->memory = memory_for(RecordRing::bytes_for(capacity), where);
  if (slot->memory.data() == nullptr) return {};
  if (!options_.keep_descriptors) slot->memory.close_fd();
  slot->capacity = capacity;
  large_made_ += large ? 1 : 0;
  format(*slot);
  memory_.store(memory_.load(std::memory_order_relaxed) + RecordRing::bytes_for(capacity), std::memory_order_relaxed);
  std::unique_ptr<SlotBlock>& block = blocks_[count / kBlockSlots];
  if (block == nullptr) block = std::make_unique<SlotBlock>();
  (*block)[count % kBlockSlots] = std::move(slot);
  const Producer producer = open(count);
  used_.store(count + 1, std::memory_order_release);
  return producer;
}

void RingSet::retire(const Producer& producer) {
  if (producer.ring == nullptr || producer.slot >= used_.load(std::memory_order_relaxed)) return;
  Slot& slot = slot_at(producer.slot);
  if (slot.generation != producer.generation || slot.state.load(std::memory_order_relaxed) != State::open) return;
  slot.state.store(State::closing, std::memory_order_release);
}

void RingSet::set_free(std::size_t i, State state) {
  Slot& slot = slot_at(i);
  // A damaged ring's position is what a program gone wild has left there.
  const uint64_t written = state == State::damaged ? slot.capacity : slot.reader.position() - slot.opened_at;
  slot.written = std::max(slot.written, std::min(written, slot.capacity));
  slot.state.store(state, std::memory_order_release);
  free_.add_warm(slot.kind, i, slot.written);
  for (std::size_t old = 0; free_.take_surplus(slot.kind, options_.keep_warm, old);) {
    Slot& surplus = slot_at(old);
    surplus.memory.give_back(RecordRing::bytes_for(0));
    surplus.written = 0;
    free_.add_cold(slot.kind, old);
  }
}

void RingSet::settle() {
  const std::size_t count = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    Slot& slot = slot_at(i);
    // Order matters: closing first, then empty. The other way round a last record could slip in between.
    if (slot.state.load(std::memory_order_acquire) != State::closing) continue;
    if (!slot.reader.corrupt() && !slot.reader.empty()) continue;
    set_free(i, slot.reader.corrupt() ? State::damaged : State::free);
  }
}

void RingSet::discard_retired() {
  const std::size_t count = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    Slot& slot = slot_at(i);
    if (slot.state.load(std::memory_order_acquire) != State::closing) continue;
    while (slot.reader.consume(kDrainBatch, [](const RecordView&) {}) != 0) {
    }
  }
  settle();
}

uint64_t RingSet::abandon() {
  abandoned_.store(true, std::memory_order_seq_cst);
  uint64_t left = 0;
  for_each([&](std::size_t, RecordRing& ring) {
    if (ring.corrupt()) return;
    ring.close();
    left += ring.figures().in_flight();
  });
  return left;
}

bool RingSet::any_pending() {
  bool pending = false;
  for_each([&](std::size_t, RecordRing& ring) { pending = pending || (!ring.corrupt() && !ring.empty()); });
  return pending;
}

RingFigures RingSet::totals() const {
  RingFigures sum;
  const std::size_t count = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i)
    if (slot_at(i).believed.load(std::memory_order_acquire)) sum += slot_at(i).writer.figures();
  return sum;
}

}  // namespace sightline::ringbuf
