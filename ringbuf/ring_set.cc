#include "ringbuf/ring_set.h"

#include <cerrno>
#include <cstring>

namespace sightline::ringbuf {
namespace {

void accumulate(RingFigures& sum, const RingFigures& more) {
  sum.committed += more.committed;
  sum.consumed += more.consumed;
  sum.dropped += more.dropped;
  sum.stalls += more.stalls;
  if (more.high_water > sum.high_water) sum.high_water = more.high_water;
}

}  // namespace

RingSet::RingSet(Options options) : options_(options), slots_(options.max_rings) {}

RingSet::Producer RingSet::acquire() {
  const std::size_t count = used_.load(std::memory_order_relaxed);
  // Start behind the slot handed out last: freed slots are found soon, and a slot rests before it is used again.
  for (std::size_t tried = 0; tried < count; ++tried) {
    const std::size_t i = next_free_++ % count;
    Slot& slot = *slots_[i];
    // Acquire: the consumer has finished with the old contents.
    if (slot.state.load(std::memory_order_acquire) != State::free) continue;
    accumulate(slot.past, slot.writer.figures());
    slot.writer = RecordRing::format(slot.memory.data(), options_.capacity, &doorbell_);
    slot.reader = slot.writer;
    slot.state.store(State::open, std::memory_order_release);
    return {&slot.writer, i};
  }
  if (count == slots_.size()) {
    errno = EMFILE;
    return {};
  }
  auto slot = std::make_unique<Slot>();
  slot->memory = RingMemory::create(RecordRing::bytes_for(options_.capacity));
  if (slot->memory.data() == nullptr) return {};
  if (!options_.keep_descriptors) slot->memory.close_fd();
  slot->writer = RecordRing::format(slot->memory.data(), options_.capacity, &doorbell_);
  slot->reader = slot->writer;
  slot->state.store(State::open, std::memory_order_relaxed);
  slots_[count] = std::move(slot);
  used_.store(count + 1, std::memory_order_release);
  return {&slots_[count]->writer, count};
}

void RingSet::retire(const Producer& producer) {
  slots_[producer.slot]->state.store(State::closing, std::memory_order_release);
}

void RingSet::settle() {
  const std::size_t count = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    Slot& slot = *slots_[i];
    // Order matters: closing first, then empty. The other way round a last record could slip in between.
    if (slot.state.load(std::memory_order_acquire) != State::closing) continue;
    if (slot.reader.empty() || slot.reader.corrupt()) slot.state.store(State::free, std::memory_order_release);
  }
}

bool RingSet::any_pending() {
  bool pending = false;
  for_each([&](std::size_t, RecordRing& ring) { pending = pending || !ring.empty(); });
  return pending;
}

RingFigures RingSet::totals() const {
  RingFigures sum;
  const std::size_t count = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < count; ++i) {
    accumulate(sum, slots_[i]->past);
    accumulate(sum, slots_[i]->writer.figures());
  }
  return sum;
}

}  // namespace sightline::ringbuf
