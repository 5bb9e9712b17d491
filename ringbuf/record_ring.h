/// A ring of variable-length records from one producer to one consumer, in memory that two processes may share.
///
/// The memory holds no pointer: a RecordRing is a view of it, made by either side over its own mapping. Sequence
/// numbers count bytes, never wrap in practice (2^64) and never index directly: slot = sequence & (capacity - 1). So
/// full and empty differ, every byte is usable, and no reused number can be mistaken for an old one.
///
///   word      written by   read by      order
///   tail      producer     consumer     release after the record's bytes / acquire before reading them
///   head      consumer     producer     release after the bytes were used / acquire before overwriting them
///   counters  one side     anyone       relaxed; never control flow
///
/// Invariants: 0 <= tail - head <= capacity (by wrapping subtraction); the producer writes only
/// [tail, head + capacity), the consumer reads only [head, tail); one reservation at a time.
///
/// Threads: the producer's members from one thread at a time, the consumer's likewise. Nothing here throws or
/// allocates; nothing but the waits makes a system call.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "ringbuf/wakeup.h"

namespace sightline::ringbuf {

/// Two lines: the adjacent-line prefetcher pulls pairs, so 64 would still share between producer and consumer.
inline constexpr std::size_t kBlock = 128;

/// Precedes every record; records are 8-byte aligned and so is their length.
struct RecordHeader {
  uint32_t length = 0;  ///< bytes with this header, before padding to 8
  uint16_t type = 0;    ///< the user's; kPaddingType is taken
  uint16_t flags = 0;   ///< the user's
};
static_assert(sizeof(RecordHeader) == 8);

/// Fills the end of the buffer when a record does not fit there in one piece.
inline constexpr uint16_t kPaddingType = 0xffff;

/// What a ring has done so far. attempts = committed + dropped; committed = consumed + what is still inside.
struct RingFigures {
  uint64_t committed = 0;   ///< records
  uint64_t consumed = 0;    ///< records
  uint64_t dropped = 0;     ///< records that found the ring full and were given up
  uint64_t stalls = 0;      ///< times the producer had to wait
  uint64_t high_water = 0;  ///< most bytes in use
};

/// The head of the shared memory; the data follow it, `capacity` bytes.
struct RingControl {
  static constexpr uint64_t kMagic = 0x31474e4952544c53;  // "SLTRING1"

  uint64_t magic = kMagic;
  uint64_t capacity = 0;

  alignas(kBlock) std::atomic<uint64_t> tail{0};
  uint64_t cached_head = 0;
  std::atomic<uint64_t> committed{0};
  std::atomic<uint64_t> dropped{0};
  std::atomic<uint64_t> stalls{0};
  std::atomic<uint64_t> high_water{0};

  alignas(kBlock) std::atomic<uint64_t> head{0};
  uint64_t cached_tail = 0;
  std::atomic<uint64_t> consumed{0};

  alignas(kBlock) SpaceGate space;
  std::atomic<uint32_t> closed{0};
};

/// A record as the consumer sees it: valid until the batch it came with is released.
struct RecordView {
  RecordHeader header;
  const std::byte* payload = nullptr;
  std::size_t payload_size = 0;
};

class RecordRing {
 public:
  RecordRing() = default;

  /// Lays out an empty ring in `memory` (zeroed, aligned to kBlock, bytes_for(capacity) long). `capacity` must be a
  /// power of two, at least kBlock. `doorbell` may be null: then commits wake nobody.
  static RecordRing format(void* memory, uint64_t capacity, Doorbell* doorbell) {
    auto* control = new (memory) RingControl;
    control->capacity = capacity;
    return RecordRing(control, capacity, doorbell);
  }

  static constexpr std::size_t bytes_for(uint64_t capacity) { return sizeof(RingControl) + capacity; }

  bool valid() const { return control_ != nullptr; }
  uint64_t capacity() const { return capacity_; }

  /// Half the capacity: a record that long plus the padding before it always fits an empty ring.
  uint32_t largest_payload() const { return static_cast<uint32_t>(capacity_ / 2 - sizeof(RecordHeader)); }

  // Producer.

  /// A place for a record of up to `size` payload bytes, or nullptr if the ring is full now. At most
  /// largest_payload(). A reservation that is not committed leaves no trace; the next one replaces it.
  std::byte* try_reserve(uint32_t size) {
    const uint64_t tail = control_->tail.load(std::memory_order_relaxed);
    const uint64_t need = round_up(sizeof(RecordHeader) + size);
    const uint64_t to_end = capacity_ - (tail & mask_);
    // Without the padding a record would be in two pieces, and the reader would have to copy it together.
    const uint64_t padding = need <= to_end ? 0 : to_end;
    if (tail + padding + need - control_->cached_head > capacity_) {
      // Acquire: the consumer's reads of those bytes happen before we overwrite them.
      control_->cached_head = control_->head.load(std::memory_order_acquire);
      if (tail + padding + need - control_->cached_head > capacity_) return nullptr;
    }
    padding_ = padding;
    return data_ + ((tail + padding) & mask_) + sizeof(RecordHeader);
  }

  /// As try_reserve, but waits for the consumer to make room; nullptr only if the ring was closed meanwhile.
  std::byte* reserve(uint32_t size) {
    if (std::byte* place = try_reserve(size)) return place;
    return reserve_slowly(size);
  }

  /// Publishes the reserved record with `size` bytes of payload (at most what was reserved), and wakes the consumer if
  /// enough has come together.
  void commit(uint16_t type, uint32_t size, uint16_t flags = 0) {
    publish(type, size, flags);
    notify();
  }

  /// commit() in two steps, for a producer that has more to publish before the consumer may wake up.
  void publish(uint16_t type, uint32_t size, uint16_t flags = 0) {
    const uint64_t tail = control_->tail.load(std::memory_order_relaxed);
    if (padding_ != 0) {
      const RecordHeader filler{static_cast<uint32_t>(padding_), kPaddingType, 0};
      std::memcpy(data_ + (tail & mask_), &filler, sizeof filler);
    }
    const RecordHeader header{static_cast<uint32_t>(sizeof(RecordHeader) + size), type, flags};
    std::memcpy(data_ + ((tail + padding_) & mask_), &header, sizeof header);
    const uint64_t next = tail + padding_ + round_up(header.length);
    padding_ = 0;
    add(control_->committed, 1);
    const uint64_t used = next - control_->cached_head;
    if (used > control_->high_water.load(std::memory_order_relaxed))
      control_->high_water.store(used, std::memory_order_relaxed);
    // Release: whoever sees this tail sees the bytes before it.
    control_->tail.store(next, std::memory_order_release);
  }
  void notify() {
    // Below the watermark nobody is woken: the consumer's timed wait bounds the delay, and the fast path stays free of
    // fences.
    const uint64_t tail = control_->tail.load(std::memory_order_relaxed);
    if (tail >= bell_at_) ring_bell(tail);
  }

  void count_drop() { add(control_->dropped, 1); }

  /// No more records will come (producer) or be taken (consumer): wakes whoever waits.
  void close() {
    control_->closed.store(1, std::memory_order_seq_cst);
    control_->space.open();
    if (doorbell_ != nullptr) doorbell_->ring();
  }

  // Consumer.

  /// The oldest record not yet stepped over, or false if there is none. Padding is stepped over on the way. A header
  /// that can't be true (the memory may belong to a program gone wild) makes the ring corrupt(): nothing follows.
  bool peek(RecordView& view) {
    for (;;) {
      if (cursor_ == control_->cached_tail) {
        const uint64_t tail = control_->tail.load(std::memory_order_acquire);
        if (tail == cursor_ || corrupt_) return false;
        if (tail - cursor_ > capacity_) return give_up();
        control_->cached_tail = tail;
      }
      const uint64_t available = control_->cached_tail - cursor_;
      const uint64_t to_end = capacity_ - (cursor_ & mask_);
      RecordHeader header;
      std::memcpy(&header, data_ + (cursor_ & mask_), sizeof header);
      const uint64_t span = round_up(header.length);
      if (header.length < sizeof header || span > available || span > to_end) return give_up();
      if (header.type == kPaddingType) {
        cursor_ += span;
        continue;
      }
      view.header = header;
      view.payload = data_ + (cursor_ & mask_) + sizeof header;
      view.payload_size = header.length - sizeof header;
      return true;
    }
  }

  /// Steps over the record peek() gave. Its bytes stay valid until release().
  void step(const RecordView& view) {
    cursor_ += round_up(view.header.length);
    ++stepped_;
  }

  /// Gives the space of all records stepped over back to the producer: one store a batch.
  void release() {
    if (control_->head.load(std::memory_order_relaxed) == cursor_) return;
    add(control_->consumed, stepped_);
    stepped_ = 0;
    control_->head.store(cursor_, std::memory_order_release);
    control_->space.open();
  }

  bool empty() const { return cursor_ == control_->tail.load(std::memory_order_acquire); }
  bool closed() const { return control_->closed.load(std::memory_order_acquire) != 0; }
  /// The memory held something that no producer of ours writes.
  bool corrupt() const { return corrupt_; }

  RingFigures figures() const {
    return {.committed = control_->committed.load(std::memory_order_relaxed),
            .consumed = control_->consumed.load(std::memory_order_relaxed),
            .dropped = control_->dropped.load(std::memory_order_relaxed),
            .stalls = control_->stalls.load(std::memory_order_relaxed),
            .high_water = control_->high_water.load(std::memory_order_relaxed)};
  }

 private:
  RecordRing(RingControl* control, uint64_t capacity, Doorbell* doorbell)
      : control_(control),
        data_(reinterpret_cast<std::byte*>(control) + sizeof(RingControl)),
        capacity_(capacity),
        mask_(capacity - 1),
        bell_at_(capacity / 2),
        doorbell_(doorbell) {}

  static constexpr uint64_t round_up(uint64_t n) { return (n + 7) & ~uint64_t{7}; }

  /// Single writer: a load and a store, no locked instruction.
  static void add(std::atomic<uint64_t>& counter, uint64_t n) {
    counter.store(counter.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }

  std::byte* reserve_slowly(uint32_t size);
  void ring_bell(uint64_t tail);
  bool give_up() {
    corrupt_ = true;
    return false;
  }

  RingControl* control_ = nullptr;
  std::byte* data_ = nullptr;
  uint64_t capacity_ = 0;  // a private copy: the shared one belongs to whoever writes there
  uint64_t mask_ = 0;
  uint64_t bell_at_ = 0;  // producer: the tail at which to look whether the consumer must be woken
  Doorbell* doorbell_ = nullptr;
  uint64_t padding_ = 0;  // producer: of the open reservation
  uint64_t cursor_ = 0;   // consumer: first byte not yet stepped over
  uint64_t stepped_ = 0;  // consumer: records stepped over and not yet released
  bool corrupt_ = false;  // consumer
};

}  // namespace sightline::ringbuf
