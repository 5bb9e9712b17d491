/// The contestants behind one face: each writes a value and reads it in the cheapest way its interface offers.
///
/// Values are generated while they are written and every word of them is read, so that no queue gains from payload that
/// stays in nobody's cache. All are bounded, allocated and touched before the clock starts, and small enough to wrap
/// all the time.
#pragma once

#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>
#include <boost/lockfree/spsc_queue.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <type_traits>
#include <vector>

#include "ringbuf/record_ring.h"
#include "ringbuf/ring_memory.h"
#include "ringbuf/ring_set.h"
#include "ringbuf/spsc_ring.h"
#include "tests/ringbuf/compare/mutex_queue.h"
#include "tests/ringbuf/compare/slot_ring.h"

namespace bench {

using namespace sightline::ringbuf;

constexpr std::size_t kCapacity = 1024;  // values
constexpr std::size_t kBatch = 256;

template <std::size_t kBytes>
struct Value {
  std::array<uint64_t, kBytes / 8> words;
  void fill(uint64_t n) {
    for (uint64_t& word : words) word = n++;
  }
  uint64_t sum() const {
    uint64_t total = 0;
    for (const uint64_t word : words) total += word;
    return total;
  }
};

template <class V, class Model = StandardModel>
class OurTyped {
 public:
  static constexpr const char* kName = Model::kLean ? "spsc_ring, lean" : "spsc_ring";
  using Ring = BasicSpscRing<V, Model>;
  explicit OurTyped(std::size_t capacity = kCapacity)
      : memory_(RingMemory::create(Ring::bytes_for(capacity), {.prefault = true})),
        writer_(Ring::format(memory_.data(), capacity)),
        reader_(writer_) {}
  bool push(uint64_t n) {
    return writer_.try_produce_one([&](V& slot) { slot.fill(n); });
  }
  std::size_t push_batch(uint64_t n, std::size_t count = kBatch) {
    return writer_.produce(count, [&](std::span<V> slots, std::size_t) {
      for (V& slot : slots) slot.fill(n++);
    });
  }
  bool pop(uint64_t& sum) {
    return reader_.consume_one([&](const V& value) noexcept { sum += value.sum(); });
  }
  std::size_t pop_batch(uint64_t& sum) {
    return reader_.consume_runs(kBatch, [&](std::span<const V> slots, std::size_t) {
      for (const V& slot : slots) sum += slot.sum();
    });
  }

 private:
  alignas(128) RingMemory memory_;
  Ring writer_;
  alignas(128) Ring reader_;
};

template <class V, class Model = StandardModel>
class OurRecords {
 public:
  static constexpr const char* kName = "record_ring";
  using Ring = BasicRecordRing<Model>;
  explicit OurRecords(std::size_t capacity = kCapacity * std::bit_ceil(sizeof(V) + 8), OnFull on_full = OnFull::block,
                      bool huge_pages = false)
      : memory_(RingMemory::create(Ring::bytes_for(capacity), {.prefault = true, .huge_pages = huge_pages})),
        writer_(Ring::format(memory_.data(), capacity, {.on_full = on_full, .doorbell = &doorbell_})),
        reader_(writer_) {}
  bool push(uint64_t n) {
    std::byte* place = writer_.try_reserve(sizeof(V));
    if (place == nullptr) return false;
    reinterpret_cast<V*>(place)->fill(n);
    writer_.commit(1, sizeof(V));
    return true;
  }
  std::size_t push_batch(uint64_t n, std::size_t count = kBatch) {
    std::size_t done = 0;
    while (done < count && push(n + done)) ++done;
    return done;
  }
  bool pop(uint64_t& sum) {
    typename Ring::View view;
    if (!reader_.peek(view)) return false;
    sum += reinterpret_cast<const V*>(view.payload)->sum();
    reader_.step(view);
    reader_.release();
    return true;
  }
  std::size_t pop_batch(uint64_t& sum) {
    return reader_.consume(
        kBatch, [&](const typename Ring::View& view) { sum += reinterpret_cast<const V*>(view.payload)->sum(); });
  }
  Ring& writer() { return writer_; }
  Ring& reader() { return reader_; }
  /// Until half the ring is full, or `ns` have passed.
  void sleep(uint64_t ns) {
    doorbell_.wait(ns, [&] { return reader_.empty(); });
  }

 private:
  alignas(128) BasicDoorbell<Model> doorbell_;
  alignas(128) RingMemory memory_;
  Ring writer_;
  alignas(128) Ring reader_;
};

template <class V>
class Boost {
 public:
  static constexpr const char* kName = "boost::lockfree::spsc_queue";
  explicit Boost(std::size_t capacity = kCapacity) : queue_(capacity), in_(kBatch), out_(kBatch) {}
  bool push(uint64_t n) {
    V value;
    value.fill(n);
    return queue_.push(value);
  }
  std::size_t push_batch(uint64_t n, std::size_t count = kBatch) {
    for (std::size_t i = 0; i < count; ++i) in_[i].fill(n + i);
    return queue_.push(in_.data(), count);
  }
  bool pop(uint64_t& sum) {
    return queue_.consume_one([&](const V& value) { sum += value.sum(); });
  }
  std::size_t pop_batch(uint64_t& sum) {
    const std::size_t n = queue_.pop(out_.data(), kBatch);
    for (std::size_t i = 0; i < n; ++i) sum += out_[i].sum();
    return n;
  }

 private:
  boost::lockfree::spsc_queue<V> queue_;
  std::vector<V> in_, out_;
};

template <class V>
class ReaderWriter {
 public:
  static constexpr const char* kName = "moodycamel::ReaderWriterQueue";
  explicit ReaderWriter(std::size_t capacity = kCapacity) : queue_(capacity) {}
  bool push(uint64_t n) {
    V value;
    value.fill(n);
    return queue_.try_enqueue(value);
  }
  std::size_t push_batch(uint64_t n, std::size_t count = kBatch) {
    std::size_t done = 0;
    while (done < count && push(n + done)) ++done;
    return done;
  }
  bool pop(uint64_t& sum) {
    const V* value = queue_.peek();
    if (value == nullptr) return false;
    sum += value->sum();
    queue_.pop();
    return true;
  }
  std::size_t pop_batch(uint64_t& sum) {
    std::size_t n = 0;
    while (n < kBatch && pop(sum)) ++n;
    return n;
  }

 private:
  moodycamel::ReaderWriterQueue<V> queue_;
};

template <class V>
class Concurrent {
 public:
  static constexpr const char* kName = "moodycamel::ConcurrentQueue";
  explicit Concurrent(std::size_t capacity = kCapacity)
      : queue_(capacity + 64, 16, 0), producer_(queue_), consumer_(queue_), in_(kBatch), out_(kBatch) {}
  bool push(uint64_t n) {
    V value;
    value.fill(n);
    return queue_.try_enqueue(producer_, value);
  }
  std::size_t push_batch(uint64_t n, std::size_t count = kBatch) {
    for (std::size_t i = 0; i < count; ++i) in_[i].fill(n + i);
    return queue_.try_enqueue_bulk(producer_, in_.data(), count) ? count : 0;
  }
  bool pop(uint64_t& sum) {
    V value;
    if (!queue_.try_dequeue(consumer_, value)) return false;
    sum += value.sum();
    return true;
  }
  std::size_t pop_batch(uint64_t& sum) {
    const std::size_t n = queue_.try_dequeue_bulk(consumer_, out_.data(), kBatch);
    for (std::size_t i = 0; i < n; ++i) sum += out_[i].sum();
    return n;
  }

 private:
  moodycamel::ConcurrentQueue<V> queue_;
  moodycamel::ProducerToken producer_;
  moodycamel::ConsumerToken consumer_;
  std::vector<V> in_, out_;
};

template <class V>
class Mutex {
 public:
  static constexpr const char* kName = "std::mutex + std::deque";
  explicit Mutex(std::size_t capacity = kCapacity) : queue_(capacity), in_(kBatch), out_(kBatch) {}
  bool push(uint64_t n) {
    V value;
    value.fill(n);
    return queue_.try_push(value);
  }
  std::size_t push_batch(uint64_t n, std::size_t count = kBatch) {
    for (std::size_t i = 0; i < count; ++i) in_[i].fill(n + i);
    return queue_.try_push_some(std::span<const V>(in_).first(count));
  }
  bool pop(uint64_t& sum) {
    V value;
    if (!queue_.try_pop(value)) return false;
    sum += value.sum();
    return true;
  }
  std::size_t pop_batch(uint64_t& sum) {
    const std::size_t n = queue_.pop_some(out_);
    for (std::size_t i = 0; i < n; ++i) sum += out_[i].sum();
    return n;
  }

 private:
  compare::MutexQueue<V> queue_;
  std::vector<V> in_, out_;
};

}  // namespace bench
