/// Many rings, one consumer: each producer has a ring of its own, so producers never contend.
///
/// Rings come and go with threads. A slot is open while its producer writes, closing once the producer has said that
/// nothing more comes, and free again when the consumer has drained it; its memory is kept for the next producer, so
/// a storm of short-lived threads maps memory only for as many as live at once.
///
/// Threads: acquire() and retire() from the one thread that manages producers; poll() and settle() from the consumer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "ringbuf/record_ring.h"
#include "ringbuf/ring_memory.h"

namespace sightline::ringbuf {

class RingSet {
 public:
  struct Options {
    uint64_t capacity = 512 * 1024;  ///< bytes per ring, a power of two
    std::size_t max_rings = 32768;   ///< live at once
    bool keep_descriptors = false;   ///< for rings that another process will map; else thousands of threads cost no fds
  };

  explicit RingSet(Options options);

  struct Producer {
    RecordRing* ring = nullptr;  ///< nullptr: no memory, or too many rings (errno says which: ENOMEM, EMFILE …)
    std::size_t slot = 0;
  };
  /// An empty ring for a new producer.
  Producer acquire();
  /// Nothing more will be committed to this ring.
  void retire(const Producer& producer);

  /// The consumer: calls visit(slot, RecordRing&) for every ring that may hold records.
  template <class Visit>
  void for_each(Visit&& visit) {
    const std::size_t count = used_.load(std::memory_order_acquire);
    for (std::size_t i = 0; i < count; ++i) {
      Slot& slot = *slots_[i];
      if (slot.state.load(std::memory_order_acquire) != State::free) visit(i, slot.reader);
    }
  }

  /// The consumer: frees the slots that are closing and drained.
  void settle();

  /// The consumer: whether some ring holds a record.
  bool any_pending();

  Doorbell& doorbell() { return doorbell_; }
  RingFigures totals() const;

 private:
  enum class State : uint32_t { free, open, closing };
  struct Slot {
    std::atomic<State> state{State::free};
    RingMemory memory;
    RecordRing writer;  // the producer's view
    RecordRing reader;  // the consumer's view
    RingFigures past;   // of former producers; written while the slot is free
  };

  Options options_;
  Doorbell doorbell_;
  std::vector<std::unique_ptr<Slot>> slots_;  // sized once: the consumer reads it while acquire() fills it
  std::atomic<std::size_t> used_{0};
  std::size_t next_free_ = 0;
};

}  // namespace sightline::ringbuf
