/// A ring of variable-length records from one producer to one consumer, in memory that two processes may share.
///
///     RecordRing ring = RecordRing::format(memory, 1 << 20, {.on_full = OnFull::drop_newest});
///     if (std::byte* place = ring.reserve(size)) { fill(place, size); ring.commit(kMyType, size); }   // producer
///     ring.consume(256, [](const RecordView& record) { use(record); });                               // consumer
///
/// The memory holds no pointer: a RecordRing is a view of it, made by either side over its own mapping (format by the
/// first, attach by the other). Protocol, orders and invariants are those of ring_core.h.
///
/// A record is an 8-byte header {length, type, flags} and its payload, 8-byte aligned. Where it does not fit in one
/// piece before the end of the buffer, a padding record fills the end. A record takes at most half the capacity, so
/// that it and the padding before it fit an empty ring wherever its tail stands.
///
/// Threads: the producer's members from one thread at a time, the consumer's likewise. Nothing here throws (but what a
/// handler throws) or allocates; nothing but waiting and waking makes a system call.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "ringbuf/ring_core.h"

namespace sightline::ringbuf {

/// Precedes every record; records are 8-byte aligned and so is their length.
struct RecordHeader {
  uint32_t length = 0;  ///< bytes with this header, before padding to 8
  uint16_t type = 0;    ///< the user's, below kLostType
  uint16_t flags = 0;   ///< the user's, but for kCutFlag
};
static_assert(sizeof(RecordHeader) == 8);

/// Fills the end of the buffer when a record does not fit there in one piece. Never seen by the user.
inline constexpr uint16_t kPaddingType = 0xffff;
/// Stands where records are missing; its payload is a LostRun. Written before the first record after them. Not counted
/// in the figures.
inline constexpr uint16_t kLostType = 0xfffe;
/// The record was longer than half the ring and has been cut.
inline constexpr uint16_t kCutFlag = 0x8000;

/// Payload of a kLostType record.
struct LostRun {
  uint64_t count = 0;  ///< records dropped, one after the other
  uint64_t first = 0;  ///< the first one's number: how many its producer had attempted before it
};

/// A record as the consumer sees it: valid until the batch it came with is released.
template <class Model>
struct BasicRecordView {
  RecordHeader header;
  typename Model::Place payload = nullptr;
  std::size_t payload_size = 0;

  bool is_lost_run() const { return header.type == kLostType; }
  LostRun lost_run() const { return {Model::load_word(payload), Model::load_word(Model::at(payload, 8))}; }
  bool cut() const { return (header.flags & kCutFlag) != 0; }
};

template <class Model, class Index = uint64_t>
class BasicRecordRing : public RingCore<Model, Index> {
  using Core = RingCore<Model, Index>;

 public:
  using typename Core::Control;
  using typename Core::Options;
  using Place = typename Model::Place;
  using View = BasicRecordView<Model>;

  static constexpr uint64_t kSmallestCapacity = 64;

  /// An invalid ring; nothing but valid() and assignment may be called.
  BasicRecordRing() = default;

  static constexpr bool good_capacity(uint64_t capacity) { return Core::good_capacity(capacity, kSmallestCapacity); }
  static constexpr std::size_t bytes_for(uint64_t capacity) { return sizeof(Control) + capacity; }

  /// Lays out an empty ring in `memory` (aligned to Model::kBlock, bytes_for(capacity) long). Invalid if `memory` is
  /// null or `capacity` is not a power of two from 64 bytes to 4 GiB.
  static BasicRecordRing format(void* memory, uint64_t capacity, const Options& options = {}) {
    if (memory == nullptr || !good_capacity(capacity)) return {};
    Control* control = Core::format_control(memory, capacity, 0, options);
    return over(*control, data_of(control), capacity, options);
  }

  /// A view of the ring that another has formatted in these `bytes` bytes; goes on where the last one stopped. Invalid
  /// if they do not hold a ring of such size. Of `options`, only doorbell and wake_at count.
  static BasicRecordRing attach(void* memory, std::size_t bytes, Options options = {}) {
    auto* control = static_cast<Control*>(memory);
    if (memory == nullptr || bytes < sizeof(Control)) return {};
    const uint64_t capacity = control->capacity;
    const uint32_t on_full = control->on_full;
    if (control->magic != Control::kMagic || control->unit != 0 || !good_capacity(capacity) ||
        capacity > bytes - sizeof(Control) || on_full > static_cast<uint32_t>(OnFull::overwrite_oldest))
      return {};
    options.on_full = static_cast<OnFull>(on_full);
    BasicRecordRing ring = over(*control, data_of(control), capacity, options);
    ring.adopt();
    return ring;
  }

  /// A view over a control block and data that lie apart, as a model checker needs them.
  static BasicRecordRing over(Control& control, Place data, uint64_t capacity, const Options& options) {
    BasicRecordRing ring(control, capacity, options);
    ring.data_ = data;
    return ring;
  }
  static void init(Control& control, uint64_t capacity, const Options& options) {
    Core::init_control(control, capacity, 0, options);
  }

  /// Half the capacity, header and all; a little less where a LostRun may have to go before the record.
  uint32_t largest_payload() const { return static_cast<uint32_t>(largest_ - sizeof(RecordHeader)); }

  // Producer.

  /// A place for a record of up to `size` payload bytes, or nullptr if there is none now or `size` is more than
  /// largest_payload(). Counts nothing. A reservation that is not committed leaves no trace; the next one replaces it
  /// (kOneReservation).
  Place try_reserve(uint32_t size) {
    const uint64_t need = span_of(size);
    const Index tail = this->tail();
    const uint64_t to_end = this->capacity_ - (tail & this->mask_);
    // Without the padding a record would be in two pieces, and the reader would have to copy it together.
    const uint64_t padding = need <= to_end ? 0 : to_end;
    const uint64_t used = static_cast<Index>(tail - known_head());
    if (used + padding + need > this->limit_ || need > largest_) [[unlikely]]
      return try_reserve_slowly(need, false);
    padding_ = padding;
    return Model::at(data_, ((tail + padding) & this->mask_) + sizeof(RecordHeader));
  }

  /// As try_reserve, but does what the ring does when it is full: waits, or gives records up. nullptr: this record was
  /// given up and counted as dropped, or the ring was closed or the record is too large, which counts as dropped too.
  Place reserve(uint32_t size) {
    if (Place place = try_reserve(size)) return place;
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
    this->publish_tail(finish_record(type, size, flags), 1);
  }
  void notify() { this->notify_at(this->tail()); }

  /// publish() for a producer that makes the last step itself, in the one instruction before the event that the record
  /// tells of: a release store of `value` to `*word`. Until then the record is not there; resume() forgets it.
  struct Unpublished {
    typename Model::template Atomic<Index>* word;
    Index value;
  };
  Unpublished prepare(uint16_t type, uint32_t size, uint16_t flags = 0) {
    return {this->tail_word(), finish_record(type, size, flags)};
  }
  /// The record of the last prepare() has been published.
  void count_published() { this->count_committed(1); }

  /// Counts records that never came to a reservation.
  void count_drop(uint64_t records = 1) { this->note_drop(records, false); }

  /// A reservation that remembers its size. Destroyed without commit(), it leaves no trace.
  class Writer {
   public:
    explicit operator bool() const { return ring_ != nullptr; }
    std::span<std::byte> bytes() const { return bytes_; }
    bool cut() const { return flags_ != 0; }
    void commit(uint16_t type, uint16_t flags = 0) { commit(type, bytes_.size(), flags); }
    void commit(uint16_t type, std::size_t size, uint16_t flags = 0) {
      ring_->commit(type, static_cast<uint32_t>(std::min(size, bytes_.size())), static_cast<uint16_t>(flags | flags_));
      ring_ = nullptr;
    }

   private:
    friend BasicRecordRing;
    BasicRecordRing* ring_ = nullptr;
    std::span<std::byte> bytes_;
    uint16_t flags_ = 0;
  };
  /// As reserve(), but what is larger than half the ring is cut to what fits, and marked.
  Writer begin(std::size_t size) {
    Writer writer;
    const std::size_t granted = std::min<std::size_t>(size, largest_payload());
    if (std::byte* place = reserve(static_cast<uint32_t>(granted))) {
      writer.ring_ = this;
      writer.bytes_ = {place, granted};
      writer.flags_ = granted < size ? kCutFlag : uint16_t{0};
    }
    return writer;
  }
  /// begin, copy, commit.
  bool push(uint16_t type, std::span<const std::byte> payload, uint16_t flags = 0) {
    Writer writer = begin(payload.size());
    if (!writer) return false;
    if (!writer.bytes().empty()) std::memcpy(writer.bytes().data(), payload.data(), writer.bytes().size());
    writer.commit(type, flags);
    return true;
  }

  /// The producer's last act: tells of records dropped last, if there is room for that, and closes.
  void finish() {
    if (this->limit_ == 0) try_reserve_slowly(0, false);
    this->close();
  }

  // Consumer.

  /// The oldest record not yet stepped over, or false if there is none. Padding is stepped over on the way. What can't
  /// be true (the memory may belong to a program gone wild) makes the ring corrupt(): nothing follows.
  bool peek(View& view) {
    for (;;) {
      const uint64_t available = this->available();
      if (available == 0) return false;
      const uint64_t offset = this->cursor_ & this->mask_;
      const uint64_t to_end = this->capacity_ - offset;
      const Place place = Model::at(data_, offset);
      const auto header = std::bit_cast<RecordHeader>(Model::load_word(place));
      const uint64_t span = round_up(header.length);
      if (header.length < sizeof header || span > available || span > to_end) [[unlikely]]
        return this->fail(Fault::header);
      if (header.type >= kLostType) [[unlikely]] {
        if (header.type == kPaddingType) {
          if (span != to_end) return this->fail(Fault::header);
          this->advance(span, 0);
          continue;
        }
        if (header.length != kLostSpan) return this->fail(Fault::header);
      }
      view.header = header;
      view.payload = Model::at(place, sizeof header);
      view.payload_size = header.length - sizeof header;
      return true;
    }
  }

  /// Steps over the record peek() gave. Its bytes stay valid until release().
  void step(const View& view) { this->advance(round_up(view.header.length), view.is_lost_run() ? 0 : 1); }

  /// Gives the space of all records stepped over back to the producer: one store a batch. In an overwriting ring, also
  /// gives back the claim that peek() made: until then the producer can't evict.
  void release() { this->release_head(); }

  /// Hands at most `max` records to `handle(const View&)`; returns how many. Space is given back once per batch, that
  /// is at the end and whenever all that was known of is consumed. If the handler throws, its record counts as consumed
  /// and the next call goes on behind it: nothing is lost, nothing comes twice.
  template <class Handle>
  std::size_t consume(std::size_t max, Handle&& handle) {
    struct AtEnd {
      BasicRecordRing& ring;
      ~AtEnd() { ring.release(); }
    } at_end{*this};
    std::size_t n = 0;
    View view;
    while (n < max) {
      if (this->cursor_ == this->cached_tail_) release();
      if (!peek(view)) break;
      step(view);
      ++n;
      handle(static_cast<const View&>(view));
    }
    return n;
  }

  bool empty() const { return this->nothing_left(); }

 private:
  static constexpr uint64_t kLostSpan = sizeof(RecordHeader) + sizeof(LostRun);

  static constexpr uint64_t round_up(uint64_t n) { return (n + 7) & ~uint64_t{7}; }
  static constexpr uint64_t span_of(uint64_t payload) { return round_up(sizeof(RecordHeader) + payload); }
  static Place data_of(Control* control) {
    if constexpr (std::is_same_v<Place, std::byte*>)
      return reinterpret_cast<std::byte*>(control) + sizeof(Control);
    else
      return nullptr;
  }

  // In a ring that drops, a LostRun (24 bytes, with at most 16 of padding) must fit before the largest record, or a
  // producer of only such records would drop for ever.
  BasicRecordRing(Control& control, uint64_t capacity, const Options& options)
      : Core(&control, capacity, options), largest_(capacity / 2 - (options.on_full == OnFull::block ? 0 : 16)) {}

  Index known_head() const {
    return Model::kCacheIndices ? this->cached_head_ : this->control_->head.load(Model::kReadHead);
  }

  /// The headers of the reserved record; returns where it ends. The next reservation begins there.
  Index finish_record(uint16_t type, uint32_t size, uint16_t flags) {
    const Index tail = this->tail();
    if (padding_ != 0) [[unlikely]]
      store_header(tail, {static_cast<uint32_t>(padding_), kPaddingType, 0});
    store_header(static_cast<Index>(tail + padding_),
                 {static_cast<uint32_t>(sizeof(RecordHeader) + size), type, flags});
    const auto next = static_cast<Index>(tail + padding_ + span_of(size));
    padding_ = 0;
    this->move_tail(next);
    return next;
  }

  void store_header(Index sequence, RecordHeader header) {
    Model::store_word(Model::at(data_, sequence & this->mask_), std::bit_cast<uint64_t>(header));
  }

  /// Units of the record at `sequence`, read by the producer that wrote it; 0 if the memory is damaged.
  uint64_t span_at(Index sequence, bool& is_record) const {
    const uint64_t offset = sequence & this->mask_;
    const auto header = std::bit_cast<RecordHeader>(Model::load_word(Model::at(data_, offset)));
    const uint64_t span = round_up(header.length);
    is_record = header.type < kLostType;
    // The walk is a chain of loads from memory not touched for a lap. Records are often like their neighbours.
    Model::prefetch(Model::at(data_, (offset + 8 * span) & this->mask_));
    return header.length < sizeof header || span > this->capacity_ - offset ? 0 : span;
  }

  /// Makes room for `total` bytes, if the ring's policy and `may_evict` allow it.
  bool make_room(Index tail, uint64_t total, bool may_evict) {
    if (this->fits(tail, total) || this->refresh_head(tail, total)) return true;
    return may_evict && this->on_full_ == OnFull::overwrite_oldest &&
           this->evict(tail, total, [this](Index at, bool& is_record) { return span_at(at, is_record); });
  }

  /// What the padding before `need` bytes at `tail` takes.
  uint64_t padding_at(Index tail, uint64_t need) const {
    const uint64_t to_end = this->capacity_ - (tail & this->mask_);
    return need <= to_end ? 0 : to_end;
  }

  /// `need` 0: only tell of dropped records.
  [[gnu::noinline]] Place try_reserve_slowly(uint64_t need, bool may_evict) {
    if (need > largest_) return nullptr;
    Index tail = this->tail();
    if (this->limit_ == 0) {
      const uint64_t padding = padding_at(tail, kLostSpan);
      const auto behind = static_cast<Index>(tail + padding + kLostSpan);
      // Where the record would not fit as well, the run goes on. A ring that blocks drops nothing for lack of room.
      const uint64_t rest = this->on_full_ == OnFull::block ? 0 : padding_at(behind, need) + need;
      if (!make_room(tail, padding + kLostSpan + rest, may_evict)) return nullptr;
      if (padding != 0) store_header(tail, {static_cast<uint32_t>(padding), kPaddingType, 0});
      tell_of_lost_run(static_cast<Index>(tail + padding));
      tail = behind;
      this->publish_tail(tail, 0);
    }
    if (need == 0) return nullptr;
    const uint64_t padding = padding_at(tail, need);
    if (!make_room(tail, padding + need, may_evict)) return nullptr;
    padding_ = padding;
    return Model::at(data_, ((tail + padding) & this->mask_) + sizeof(RecordHeader));
  }

  void tell_of_lost_run(Index sequence) {
    store_header(sequence, {static_cast<uint32_t>(kLostSpan), kLostType, 0});
    const Place payload = Model::at(data_, (sequence & this->mask_) + sizeof(RecordHeader));
    Model::store_word(payload, this->control_->lost_count);
    Model::store_word(Model::at(payload, 8), this->control_->lost_first);
    this->control_->lost_count = 0;
    this->limit_ = this->capacity_;
  }

  [[gnu::noinline]] Place reserve_slowly(uint32_t size) {
    const uint64_t need = span_of(size);
    Place place = nullptr;
    bool busy = false;
    if (need <= largest_ && !this->closed()) {
      switch (this->on_full_) {
        case OnFull::block:
          this->wait_for_room([&] { return (place = try_reserve(size)) != nullptr; });
          break;
        case OnFull::drop_newest:
          break;
        case OnFull::overwrite_oldest:
          place = try_reserve_slowly(need, true);
          busy = place == nullptr;
          break;
      }
    }
    if (place == nullptr) this->note_drop(1, busy);
    return place;
  }

  Place data_ = nullptr;
  uint64_t largest_ = 0;  // of a record with its header
  uint64_t padding_ = 0;  // producer: of the open reservation
};

using RecordView = BasicRecordView<StandardModel>;
using RecordRing = BasicRecordRing<StandardModel>;
using RingControl = RecordRing::Control;
using RingOptions = RecordRing::Options;
inline constexpr std::size_t kBlock = StandardModel::kBlock;

}  // namespace sightline::ringbuf
