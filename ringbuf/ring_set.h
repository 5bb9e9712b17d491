/// Many rings, one consumer: each producer has a ring of its own, so producers never contend.
///
/// Rings come and go with threads. A slot is open while its producer writes, closing once the producer has said that
/// nothing more comes, and free again when the consumer has drained it; the ring, its memory and its figures are kept
/// for the next producer, so a storm of short-lived threads maps memory only for as many as live at once. What all
/// rings together may take is bounded too: as the rest gets less, new rings get smaller. Of the free ones only the last
/// few keep the pages that were written, so that a storm is not paid for after it is over.
///
/// Threads: acquire() and retire() from the one thread that manages producers; figures from any; all else from the
/// consumer.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "ringbuf/record_ring.h"
#include "ringbuf/ring_memory.h"

namespace sightline::ringbuf {

class RingSet {
 public:
  struct Options {
    uint64_t capacity = 512 * 1024;  ///< bytes per ring, a power of two
    OnFull on_full = OnFull::block;
    std::size_t max_rings = 32768;  ///< live at once
    /// Bytes of all rings together. Once half of it is taken, a new ring gets at most 1/4096 of what is left, but never
    /// less than smallest_capacity: with the defaults the first thousand rings have full size, and seventeen thousand
    /// can live at once.
    uint64_t memory_limit = uint64_t{1} << 30;
    /// That many rings have at least this capacity, where there is room: for programs of a few threads. Of a ring
    /// larger than what processors keep to themselves, fewer lines have to be fetched from the consumer's.
    std::size_t large_rings = 0;
    uint64_t large_capacity = 0;             ///< a power of two
    uint64_t smallest_capacity = 16 * 1024;  ///< or `capacity`, if that is less
    uint64_t wake_at = 0;                    ///< as RingOptions::wake_at
    /// Bytes that free rings of one kind may keep of what was written to them. With more, those that have been free for
    /// longest give theirs back to the kernel.
    uint64_t keep_warm = uint64_t{8} << 20;
    RingMemory::Options memory = {};
    /// Where rings are to lie, aligned to a page and zeroed: memory that other processes have mapped, too. Empty: each
    /// ring gets memory of its own.
    std::span<std::byte> arena = {};
    /// Rung instead of one of the set's own, for producers in other processes.
    Doorbell* doorbell = nullptr;
    bool keep_descriptors = false;  ///< for rings that another process will map; else thousands of threads cost no fds
  };

  explicit RingSet(Options options);

  struct Producer {
    RecordRing* ring = nullptr;  ///< nullptr: errno says why: ENOMEM, EMFILE (too many), EINVAL (no such capacity),
                                 ///< EPIPE (abandoned) …
    std::size_t slot = 0;
    uint64_t generation = 0;           ///< which user of the slot
    std::span<std::byte> memory = {};  ///< of the ring: for a view elsewhere
  };
  /// An empty ring for a new producer, with the set's policy or one of its own.
  Producer acquire() { return acquire(options_.on_full); }
  Producer acquire(OnFull on_full) { return acquire(on_full, Where::arena); }
  /// Where the ring may lie: `own` is memory that no other process has, arena or not.
  enum class Where { arena, own };
  Producer acquire(OnFull on_full, Where where);
  /// Nothing more will be committed to this ring. A producer that was retired before is ignored.
  void retire(const Producer& producer);

  /// The consumer: calls visit(slot, RecordRing&) for every ring that may hold records; begins with another one each
  /// time.
  template <class Visit>
  void for_each(Visit&& visit) {
    const std::size_t count = used_.load(std::memory_order_acquire);
    if (count == 0) return;
    std::size_t i = first_ < count ? first_ : 0;
    first_ = i + 1;
    for (std::size_t n = 0; n < count; ++n, i = i + 1 == count ? 0 : i + 1) {
      Slot& slot = slot_at(i);
      if (slot.state.load(std::memory_order_acquire) < State::open) continue;
      visit(i, slot.reader);
      if (slot.reader.corrupt()) slot.believed.store(false, std::memory_order_relaxed);
    }
  }

  /// The consumer: hands at most `budget` records of each ring to handle(slot, const RecordView&), so that none waits
  /// longer than all others' budgets together. Returns how many. A handler that throws ends the round; nothing is lost.
  template <class Handle>
  std::size_t poll(std::size_t budget, Handle&& handle) {
    std::size_t n = 0;
    for_each([&](std::size_t slot, RecordRing& ring) {
      n += ring.consume(budget, [&](const RecordView& view) { handle(slot, view); });
    });
    settle();
    return n;
  }

  /// The consumer, at the end, when no producer writes any more: everything that is left. Returns how many.
  template <class Handle>
  std::size_t drain(Handle&& handle) {
    std::size_t n = 0;
    for (std::size_t more = 1; more != 0; n += more) more = poll(kDrainBatch, handle);
    return n;
  }
  /// The consumer, instead of drain(): closes all rings, for good, and returns how many records were left in them. Who
  /// waits for room in one gives its record up, and there are no new rings. Async-signal-safe.
  uint64_t abandon();

  /// The consumer: frees the slots that are closing and drained.
  void settle();
  /// The consumer of rings that are not drained as they fill (a flight recorder): frees the slots that are closing,
  /// with what they still hold.
  void discard_retired();

  /// The consumer: whether some ring holds a record.
  bool any_pending();

  /// The consumer: calls report(slot, Fault) for each ring found damaged since the last time. Such a ring gives nothing
  /// more and is closed: its producer drops what it still has.
  template <class Report>
  void report_faults(Report&& report) {
    for_each([&](std::size_t slot, RecordRing& ring) {
      if (const Fault fault = ring.take_fault(); fault != Fault::none) report(slot, fault);
    });
  }

  Doorbell& doorbell() { return *doorbell_; }
  /// Of all rings, past and present: a ring that serves again goes on counting. What a damaged ring says of itself is
  /// not believed.
  RingFigures totals() const;
  /// Bytes that all rings take, at most memory_limit.
  uint64_t memory() const { return memory_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t kDrainBatch = 1024;
  enum class State : uint32_t { free, damaged, open, closing };
  /// Rings that can serve instead of each other.
  struct Kind {
    OnFull on_full;
    Where where;
    std::size_t index() const { return static_cast<std::size_t>(on_full) * 2 + static_cast<std::size_t>(where); }
  };
  struct Slot {
    std::atomic<State> state{State::free};
    std::atomic<bool> believed{true};  // no damage was found
    RingMemory memory;
    uint64_t capacity = 0;
    Kind kind{OnFull::block, Where::arena};
    uint64_t generation = 0;
    uint64_t opened_at = 0;  // the position at which this user began
    uint64_t written = 0;    // the consumer's: bytes of the memory that users have touched, as long as it keeps them
    // Apart, or each commit would take the line that the consumer works with, and the other way round.
    alignas(StandardModel::kBlock) RecordRing writer;  // the producer's view
    alignas(StandardModel::kBlock) RecordRing reader;  // the consumer's view
  };

  /// Free slots; who came last goes first, as its memory is the warmest.
  class FreeSlots {
   public:
    /// A slot of whose memory `bytes` bytes were written.
    void add_warm(Kind kind, std::size_t slot, uint64_t bytes);
    /// One that has none.
    void add_cold(Kind kind, std::size_t slot);
    /// False: there is none of that kind.
    bool take(Kind kind, std::size_t& slot);
    /// The slot that has been free for longest, if the written ones have more than `bytes` bytes together. It is the
    /// caller's, as one that was taken.
    bool take_surplus(Kind kind, uint64_t bytes, std::size_t& slot);

   private:
    struct Warm {
      std::size_t slot;
      uint64_t bytes;
    };
    struct OfKind {
      std::deque<Warm> warm;
      uint64_t warm_bytes = 0;
      std::vector<std::size_t> cold;
    };
    std::mutex mutex_;  // added by the consumer, taken by who manages producers
    std::array<OfKind, 6> of_kind_;
  };

  static constexpr std::size_t kBlockSlots = 256;
  using SlotBlock = std::array<std::unique_ptr<Slot>, kBlockSlots>;

  Slot& slot_at(std::size_t i) const { return *(*blocks_[i / kBlockSlots])[i % kBlockSlots]; }
  uint64_t next_capacity(bool large) const;
  void format(Slot& slot);
  RingMemory memory_for(uint64_t bytes, Where where);
  Producer open(std::size_t i);
  void set_free(std::size_t i, State state);

  Options options_;
  Doorbell own_doorbell_;
  Doorbell* doorbell_ = &own_doorbell_;
  std::size_t arena_used_ = 0;
  std::size_t large_made_ = 0;
  // In blocks, which come as they are needed. The vector is sized once: the consumer reads it while acquire() fills it.
  std::vector<std::unique_ptr<SlotBlock>> blocks_;
  std::atomic<std::size_t> used_{0};
  std::atomic<bool> abandoned_{false};
  std::atomic<uint64_t> memory_{0};
  FreeSlots free_;
  std::size_t first_ = 0;  // the consumer's: where the next round begins
};

}  // namespace sightline::ringbuf
