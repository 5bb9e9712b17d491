/// What every ring here has in common: two sequence numbers, who may move them, and what happens when they meet.
///
/// One producer, one consumer. Sequence numbers count units (bytes or elements), wrap only with their type (64 bits: 58
/// years at 10 G/s) and never index directly: slot = sequence & (capacity - 1). So full and empty differ, every unit is
/// usable, and no reused number can be mistaken for an old one.
///
///   word      written by   read by      order
///   tail      producer     consumer     release after the record's bytes / acquire before reading them
///   head      consumer     producer     release after the bytes were used / acquire before overwriting them
///   counters  one side     anyone       relaxed; never control flow
///
/// In a ring that overwrites, both sides move the head. Its word is `sequence << 1 | BUSY`: the consumer claims what is
/// there by setting BUSY (acquire), *then* loads the tail, and gives the claim back with the new head (release). A full
/// producer moves the head past the oldest records by compare-and-swap (acq_rel); where it finds BUSY it gives its own
/// record up instead. So bytes are never read and overwritten at once, at one locked instruction a batch on either
/// side.
///
/// Invariants, by the names under which they are asserted:
///   kWithinCapacity   0 <= tail - head <= capacity, by wrapping subtraction
///   kOwnSide          the producer writes only [tail, head + capacity), the consumer reads only [head, tail)
///   kOnce             a record is consumed exactly once, or counted exactly once as dropped or overwritten
///   kFifo             records of one producer come out in the order they went in
///   kOneReservation   one reservation at a time
///   kRegisterFirst    whoever waits registers first and checks again after (wakeup.h)
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <new>
#include <type_traits>
#include <utility>

#include "ringbuf/model.h"
#include "ringbuf/wakeup.h"

namespace sightline::ringbuf {

/// What a producer does that finds its ring full.
enum class OnFull : uint32_t {
  block,             ///< waits
  drop_newest,       ///< gives its record up
  overwrite_oldest,  ///< gives the oldest records up: the ring is a flight recorder
};

/// What a ring has done so far. attempts = committed + dropped; committed = consumed + overwritten + in flight. Exact
/// once both sides rest; a snapshot taken meanwhile may be a record apart.
struct RingFigures {
  uint64_t committed = 0;     ///< records
  uint64_t consumed = 0;      ///< records
  uint64_t dropped = 0;       ///< records given up by their producer
  uint64_t dropped_busy = 0;  ///< of these: an overwriting ring's, because the consumer held the oldest records
  uint64_t overwritten = 0;   ///< records evicted for newer ones
  uint64_t stalls = 0;        ///< times the producer had to wait
  uint64_t stall_ns = 0;      ///< how long, in all
  uint64_t high_water = 0;    ///< most units in use, as either side has seen it
  uint64_t wakeups = 0;       ///< system calls made to wake the other side

  uint64_t attempts() const { return committed + dropped; }
  uint64_t in_flight() const { return committed - consumed - overwritten; }
  /// Sums, and the larger high water.
  RingFigures& operator+=(const RingFigures& more);
};

/// What a consumer has found that no producer of ours writes. The memory may belong to a program gone wild.
enum class Fault : uint32_t {
  none,
  control,  ///< the constants at the front of the memory have changed
  tail,     ///< the tail is further from the head than the ring is long
  head,     ///< the head is not where the consumer has put it
  header,   ///< a record's length or type can't be true
};

/// One sentence fragment, as in "the ring's memory is damaged: …".
const char* describe(Fault fault);

/// The head of the shared memory; the data follow it. Holds no pointer.
template <class Model, class Index>
struct BasicRingControl {
  static constexpr uint64_t kMagic = 0x32474e4952544c53;  // "SLTRING2"

  // Constant once formatted; every view has its own copy and believes only that.
  uint64_t magic = kMagic;
  uint64_t capacity = 0;
  uint32_t on_full = 0;
  uint32_t unit = 0;   // bytes of an element; 0: records
  uint64_t start = 0;  // the first sequence number

  // The producer's.
  alignas(Model::kBlock) typename Model::template Atomic<Index> tail{0};
  uint64_t lost_first = 0;  // the run of dropped records not told of yet
  uint64_t lost_count = 0;
  typename Model::Counter committed;
  typename Model::Counter dropped;
  typename Model::Counter dropped_busy;
  typename Model::Counter overwritten;
  typename Model::Counter stalls;
  typename Model::Counter stall_ns;
  typename Model::Counter most_produced;
  typename Model::Counter wakeups;

  // The consumer's.
  alignas(Model::kBlock) typename Model::template Atomic<Index> head{0};
  typename Model::Counter consumed;
  typename Model::Counter most_consumed;
  typename Model::Counter gate_wakeups;

  alignas(Model::kBlock) BasicSpaceGate<Model> space;
  typename Model::template Atomic<uint32_t> closed{0};
};

template <class Model, class Index>
struct BasicRingOptions {
  OnFull on_full = OnFull::block;
  /// Rung when enough has come together; null: commits wake nobody.
  BasicDoorbell<Model>* doorbell = nullptr;
  /// How many units make a commit look whether the consumer sleeps. 0: half the capacity. 1: each commit (live mode).
  uint64_t wake_at = 0;
  /// The first sequence number, a multiple of 8.
  Index start = 0;
};

/// A view of a ring, made by either side over its own mapping. Rings are built on it; nothing else is.
template <class Model, class Index>
class RingCore {
  static_assert(std::unsigned_integral<Index>);

 public:
  using Control = BasicRingControl<Model, Index>;
  using Options = BasicRingOptions<Model, Index>;

  /// Distances must be told from their negatives, also with one bit less in an overwriting ring's head word. Lengths of
  /// records have 32 bits.
  static constexpr uint64_t kLargestCapacity = std::numeric_limits<Index>::digits >= 34
                                                   ? uint64_t{1} << 32
                                                   : uint64_t{1} << (std::numeric_limits<Index>::digits - 2);

  bool valid() const { return control_ != nullptr; }
  uint64_t capacity() const { return capacity_; }
  OnFull on_full() const { return on_full_; }

  /// No more records will come (producer) or be taken (consumer): wakes whoever waits.
  void close() {
    // Release: who sees the ring closed and then looks for the tail sees the last record.
    control_->closed.store(1, Model::kClose);
    if (control_->space.open()) control_->gate_wakeups.add(1);
    if (doorbell_ != nullptr) doorbell_->ring();
  }
  /// A new producer in a ring that is drained, released and at rest. What was dropped last stays counted, but is not
  /// told of. It writes where the memory begins, so that of a ring whose producers write little, little is ever
  /// touched. The consumer's view has to follow(), before it looks for anything.
  void reopen() {
    control_->lost_count = 0;
    limit_ = capacity_;
    tail_ = cached_head_ = static_cast<Index>((tail_ + mask_) & ~mask_);
    control_->tail.store(tail_, Model::kRelaxed);
    control_->head.store(overwrites() ? word_of(tail_) : tail_, Model::kRelaxed);
    bell_at_ = static_cast<Index>(tail_ + wake_at_);
    control_->closed.store(0, Model::kRelaxed);
  }
  /// The consumer's view of a ring that has been reopened.
  void follow() { cursor_ = cached_tail_ = released_ = gate_checked_ = control_->tail.load(Model::kReadTail); }
  /// Where the last published unit ends, for either side.
  Index position() const { return control_->tail.load(Model::kReadTail); }
  bool closed() const { return control_->closed.load(Model::kReadClosed) != 0; }

  /// The producer, where another view of the ring has been written through since this one was: takes up its place.
  void resume() {
    tail_ = control_->tail.load(Model::kReadTail);
    refresh_head(tail_, 0);
    bell_at_ = static_cast<Index>(cached_head_ + wake_at_);
    limit_ = control_->lost_count != 0 ? 0 : capacity_;
  }

  /// What the consumer has found wrong; then nothing more comes out of this ring, and its producer is turned away.
  Fault fault() const { return fault_; }
  bool corrupt() const { return fault_ != Fault::none; }
  /// The fault, once: then Fault::none.
  Fault take_fault() { return std::exchange(unreported_, Fault::none); }

  RingFigures figures() const {
    const uint64_t by_producer = control_->most_produced.get();
    const uint64_t by_consumer = control_->most_consumed.get();
    return {.committed = control_->committed.get(),
            .consumed = control_->consumed.get(),
            .dropped = control_->dropped.get(),
            .dropped_busy = control_->dropped_busy.get(),
            .overwritten = control_->overwritten.get(),
            .stalls = control_->stalls.get(),
            .stall_ns = control_->stall_ns.get(),
            .high_water = by_producer > by_consumer ? by_producer : by_consumer,
            .wakeups = control_->wakeups.get() + control_->gate_wakeups.get()};
  }

 protected:
  RingCore() = default;
  RingCore(Control* control, uint64_t capacity, const Options& options)
      : control_(control),
        capacity_(capacity),
        mask_(capacity - 1),
        limit_(capacity),
        quarter_(capacity < 4 ? 1 : capacity / 4),
        look_limit_(options.on_full == OnFull::overwrite_oldest ? 0 : capacity),
        on_full_(options.on_full),
        wake_at_(options.wake_at != 0 ? options.wake_at : capacity / 2),
        bell_at_(static_cast<Index>(options.start + wake_at_)),
        doorbell_(options.doorbell),
        tail_(options.start),
        cached_head_(options.start),
        cursor_(options.start),
        cached_tail_(options.start),
        released_(options.start),
        gate_checked_(options.start) {}

  static constexpr bool good_capacity(uint64_t capacity, uint64_t smallest) {
    return capacity >= smallest && capacity <= kLargestCapacity && (capacity & (capacity - 1)) == 0;
  }

  static Control* format_control(void* memory, uint64_t capacity, uint32_t unit, const Options& options) {
    auto* control = new (memory) Control;
    init_control(*control, capacity, unit, options);
    return control;
  }
  static void init_control(Control& control, uint64_t capacity, uint32_t unit, const Options& options) {
    control.capacity = capacity;
    control.on_full = static_cast<uint32_t>(options.on_full);
    control.unit = unit;
    control.start = options.start;
    control.tail.store(options.start, Model::kRelaxed);
    const bool overwrites = options.on_full == OnFull::overwrite_oldest;
    control.head.store(overwrites ? word_of(options.start) : options.start, Model::kRelaxed);
  }

  bool overwrites() const { return !Model::kLean && on_full_ == OnFull::overwrite_oldest; }

  // Producer.

  Index tail() const { return tail_; }

  /// Whether `total` units fit behind the tail. The fast path is the caller's first look at `limit_`.
  bool fits(Index tail, uint64_t total) const { return static_cast<Index>(tail - cached_head_) + total <= capacity_; }
  bool refresh_head(Index tail, uint64_t total) {
    const Index word = control_->head.load(Model::kReadHead);
    // Acquire: the consumer's reads of those units happen before we overwrite them (kOwnSide).
    cached_head_ = overwrites() ? head_before(tail, word) : word;
    const Index used = tail - cached_head_;
    control_->most_produced.raise(used < capacity_ ? used : capacity_);
    return used + total <= capacity_;
  }

  /// Moves the head of a full overwriting ring past the oldest records until `total` units fit, and a sixteenth of the
  /// ring more: one locked instruction then serves many commits. `span_at(sequence, is_record)` gives the units of the
  /// record there. False: the consumer is at the oldest records right now, or the memory is damaged.
  template <class SpanAt>
  bool evict(Index tail, uint64_t total, SpanAt&& span_at) {
    const uint64_t wanted = total + capacity_ / 16 < capacity_ ? total + capacity_ / 16 : capacity_;
    Index word = control_->head.load(Model::kReadHead);
    for (;;) {
      if ((word & kBusyBit) != 0) return false;
      Index head = head_before(tail, word);
      uint64_t records = 0;
      while (static_cast<Index>(tail - head) + wanted > capacity_) {
        bool is_record = false;
        const uint64_t span = span_at(head, is_record);
        if (span == 0 || span > static_cast<Index>(tail - head)) return false;
        head = static_cast<Index>(head + span);
        records += is_record ? 1 : 0;
      }
      // Release: a consumer that claims this head also sees a tail that is not behind it. Acquire: as in refresh_head.
      if (control_->head.compare_exchange_strong(word, word_of(head), Model::kEvict, Model::kReadHead)) {
        control_->overwritten.add(records);
        cached_head_ = head;
        return true;
      }
    }
  }

  typename Model::template Atomic<Index>* tail_word() { return &control_->tail; }
  void move_tail(Index next) { tail_ = next; }
  void count_committed(uint64_t records) { control_->committed.add(records); }

  void publish_tail(Index next, uint64_t records) {
    if (records != 0) control_->committed.add(records);
    tail_ = next;
    // Release: whoever sees this tail sees the units before it.
    control_->tail.store(next, Model::kPublishTail);
    if constexpr (Model::kFenceEachCommit) Model::template fence<Fence::signaller>();
  }

  void notify_at(Index tail) {
    // Below the watermark nobody is woken: the consumer's timed wait bounds the delay, and the fast path stays free of
    // fences and of the consumer's line.
    if (!Model::kLean && doorbell_ != nullptr && static_cast<std::make_signed_t<Index>>(tail - bell_at_) >= 0)
      ring_bell(tail);
  }

  void note_drop(uint64_t records, bool busy) {
    if (control_->lost_count == 0) control_->lost_first = control_->committed.get() + control_->dropped.get();
    control_->lost_count += records;
    control_->dropped.add(records);
    if (busy) control_->dropped_busy.add(records);
    limit_ = 0;  // the next reservation takes the slow path, which tells of the run first
  }

  /// Calls `attempt()` until it is true; sleeps between. False: the ring was closed.
  template <class Attempt>
  bool wait_for_room(Attempt&& attempt) {
    for (int i = 0; i < Model::kSpins; ++i) {
      Model::pause();
      if (attempt()) return true;
    }
    control_->stalls.add(1);
    const uint64_t since = Model::now();
    bool done = false;
    while (!done && !closed()) {
      // The consumer may be asleep below its watermark while our record is larger than what is left above it.
      if (doorbell_ != nullptr && doorbell_->ring()) control_->wakeups.add(1);
      control_->space.wait([&] {
        done = attempt();
        return !done && !closed();
      });
      if (!done) done = attempt();
    }
    control_->stall_ns.add(Model::now() - since);
    return done;
  }

  // Consumer.

  /// Units that may be read at the cursor. Looks for the tail when it knows of none; an overwriting ring is claimed.
  uint64_t available() {
    const Index known = cached_tail_ - cursor_;
    if (Model::kCacheIndices && known != 0) return known;
    const Index tail = control_->tail.load(Model::kReadTail);
    const Index more = tail - cursor_;
    // "Something, and not more than there can be" is one comparison.
    if (more - uint64_t{1} < look_limit_) [[likely]] {
      if (!Model::kLean && more > most_seen_) [[unlikely]]
        note_high_water(tail);
      cached_tail_ = tail;
      return more;
    }
    return look_slowly();
  }

  void advance(uint64_t units, uint64_t records) {
    cursor_ = static_cast<Index>(cursor_ + units);
    stepped_ += records;
  }

  /// Gives the units stepped over back: one store a batch. A waiting producer is woken when a quarter of the ring is
  /// free again, or when the consumer next finds the ring empty, not for each record.
  void release_head() {
    if (overwrites()) [[unlikely]]
      return release_claim();
    if (cursor_ == released_) return;
    count_consumed();
    give_back(cursor_);
  }
  /// As release_head, of a ring that does not overwrite, with something to release.
  void give_back(Index next) {
    released_ = next;
    // Release: our reads of those units happen before the producer overwrites them (kOwnSide).
    control_->head.store(next, Model::kPublishHead);
    if (!Model::kLean && static_cast<Index>(next - gate_checked_) >= quarter_) [[unlikely]]
      check();
  }

  /// Nothing that has not been stepped over.
  bool nothing_left() const {
    if (!overwrites() || claimed_) return cursor_ == control_->tail.load(Model::kReadTail);
    // The head before the tail: in between, it may be moved past a tail read first.
    const Index word = control_->head.load(Model::kAcquire);
    const Index tail = control_->tail.load(Model::kReadTail);
    return head_before(tail, word) == tail;
  }

  bool fail(Fault fault) {
    fault_ = unreported_ = fault;
    look_limit_ = 0;
    cached_tail_ = cursor_;
    close();  // a producer that waits for space would wait for ever
    return false;
  }

  /// A view that takes over from an earlier one of the same side, with all there is in shared memory.
  void adopt() {
    const Index tail = control_->tail.load(Model::kReadTail);
    const Index word = control_->head.load(Model::kAcquire);
    cursor_ = overwrites() ? head_before(tail, word) : word;
    cached_tail_ = released_ = gate_checked_ = cursor_;
    resume();
  }

  static constexpr Index kBusyBit = static_cast<Index>(Model::kBusy);
  static constexpr Index word_of(Index sequence) { return static_cast<Index>(sequence << 1); }
  /// The sequence number of a head word that is not after `tail`: the word lacks its highest bit.
  static constexpr Index head_before(Index tail, Index word) {
    const auto twice = static_cast<Index>(word_of(tail) - (word & static_cast<Index>(~Index{1})));
    return static_cast<Index>(tail - (twice >> 1));
  }

  Control* control_ = nullptr;
  uint64_t capacity_ = 0;  // private copies: the shared ones belong to whoever writes there
  uint64_t mask_ = 0;
  uint64_t limit_ = 0;       // producer: the capacity; 0 while a run of dropped records has to be told of
  uint64_t quarter_ = 0;     // consumer: how much is released between two looks for a waiting producer
  uint64_t look_limit_ = 0;  // consumer: the capacity; 0 if a look for the tail takes more than that
  OnFull on_full_ = OnFull::block;
  uint64_t wake_at_ = 0;
  Index bell_at_ = 0;  // producer: the tail at which to look whether the consumer must be woken
  BasicDoorbell<Model>* doorbell_ = nullptr;
  // Producer: copies of what it has published and of what it last saw. No load of the shared words stands between two
  // commits then, and a wild write there does not lead it astray.
  Index tail_ = 0;
  Index cached_head_ = 0;
  Index cursor_ = 0;  // consumer: first unit not yet stepped over
  Index cached_tail_ = 0;
  uint64_t stepped_ = 0;  // consumer: records stepped over and not yet released
  // Consumer: whether a producer may wait although less than a quarter of the ring has been taken since release_head()
  // last looked for one: it may if its record and the padding before it need more than three quarters.
  bool check_gate_when_empty_ = true;

 private:
  [[gnu::noinline, gnu::cold]] void ring_bell(Index tail) {
    // The cached head may be as old as the ring is long: by it, the ring would look full most of the time.
    if (wake_at_ > 1) refresh_head(tail, 0);
    if (wake_at_ <= 1 || static_cast<Index>(tail - cached_head_) >= wake_at_) {
      if (doorbell_->ring()) control_->wakeups.add(1);
      // A consumer that is awake will not sleep before it has looked at this ring again.
      bell_at_ = static_cast<Index>(wake_at_ <= 1 ? tail : tail + wake_at_);
    } else {
      bell_at_ = static_cast<Index>(cached_head_ + wake_at_);
    }
  }

  [[gnu::noinline, gnu::cold]] void note_high_water(Index tail) {
    most_seen_ = static_cast<Index>(tail - released_);
    control_->most_consumed.raise(most_seen_ < capacity_ ? most_seen_ : capacity_);
  }

  void count_consumed() {
    if (stepped_ != 0) control_->consumed.add(std::exchange(stepped_, 0));
  }

  void release_claim() {
    if (!claimed_) return;
    count_consumed();
    released_ = cursor_;
    control_->head.store(word_of(cursor_), Model::kPublishHead);  // clears BUSY
    claimed_ = false;
    cached_tail_ = cursor_;  // what we knew of may be evicted from now on
  }

  /// Whether the shared words that nobody but us writes, or nobody at all, still hold what they must. Nothing here
  /// believes them, so looking now and then is enough.
  bool undamaged() {
    if (control_->magic != Control::kMagic || control_->capacity != capacity_ ||
        control_->on_full != static_cast<uint32_t>(on_full_))
      return fail(Fault::control);
    if (!overwrites() && control_->head.load(Model::kRelaxed) != released_) return fail(Fault::head);
    return true;
  }

  /// Nothing is there, or too much, or a claim is needed.
  [[gnu::noinline]] uint64_t look_slowly() {
    if (fault_ != Fault::none || !undamaged()) return 0;
    if (overwrites()) return claim();
    const Index tail = control_->tail.load(Model::kReadTail);
    if (tail == cursor_) {
      // The last moment: we may go to sleep now, and the producer may be waiting for what we released last.
      if (check_gate_when_empty_ && released_ != gate_checked_) check_gate();
      return 0;
    }
    const Index used = tail - released_;
    if (used > capacity_ || static_cast<Index>(tail - cursor_) > used) return fail(Fault::tail);
    cached_tail_ = tail;
    return static_cast<Index>(tail - cursor_);
  }

  uint64_t claim() {
    // A claim makes the producer give records up: not for an empty ring.
    if (!claimed_ && nothing_left()) return 0;
    const Index early = Model::kTailAfterClaim ? Index{0} : control_->tail.load(Model::kReadTail);
    Index word = 0;
    if (!claimed_) {
      word = control_->head.load(Model::kRelaxed);
      // Only we set BUSY. One that is there already was left behind by a consumer that died; it is ours now.
      // Acquire: we see all of what the producer had written when it moved the head here, the tail too.
      while (!control_->head.compare_exchange_strong(word, static_cast<Index>(word | kBusyBit), Model::kClaim,
                                                     Model::kRelaxed)) {
      }
    }
    const Index tail = Model::kTailAfterClaim ? control_->tail.load(Model::kReadTail) : early;
    if (!claimed_) {
      claimed_ = true;
      // By the tail, not by where we stopped: with small indices the head may have been around since.
      cursor_ = released_ = cached_tail_ = head_before(tail, word);
    }
    const Index used = tail - released_;
    if (used > capacity_ || static_cast<Index>(tail - cursor_) > used) return fail(Fault::tail);
    if (tail == cursor_) return 0;
    control_->most_consumed.raise(used);
    cached_tail_ = tail;
    return static_cast<Index>(tail - cursor_);
  }

  /// Each quarter of the ring.
  [[gnu::noinline]] void check() {
    check_gate();
    if (fault_ == Fault::none) undamaged();
  }

  void check_gate() {
    gate_checked_ = released_;
    if (control_->space.open()) control_->gate_wakeups.add(1);
  }

  Index released_ = 0;      // consumer: the head as the producer knows it
  Index most_seen_ = 0;     // consumer: the high water it has noted
  Index gate_checked_ = 0;  // consumer: the head at which it last looked for a waiting producer
  bool claimed_ = false;    // consumer: BUSY is set
  Fault fault_ = Fault::none;
  Fault unreported_ = Fault::none;
};

}  // namespace sightline::ringbuf
