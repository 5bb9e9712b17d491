/// Our rings with the members that the comparison rings have, over memory of their own.
#pragma once

#include <cstring>

#include "ringbuf/record_ring.h"
#include "ringbuf/ring_memory.h"
#include "ringbuf/spsc_ring.h"

namespace sightline::ringbuf::compare {

template <class Ring>
struct Owned {
  explicit Owned(uint64_t capacity, const typename Ring::Options& options = {})
      : memory(RingMemory::create(Ring::bytes_for(capacity))),
        writer(Ring::format(memory.data(), capacity, options)),
        reader(writer) {}
  RingMemory memory;
  Ring writer;
  Ring reader;
};

template <class T>
struct TypedRing : Owned<SpscRing<T>> {
  using Owned<SpscRing<T>>::Owned;
  bool try_push(const T& value) { return this->writer.try_push(value); }
  std::size_t try_push_some(std::span<const T> values) { return this->writer.try_push_some(values); }
  bool try_pop(T& value) { return this->reader.try_pop(value); }
  std::size_t pop_some(std::span<T> values) { return this->reader.pop_some(values); }
};

/// Values as records of their size; `capacity` counts values.
template <class T>
struct ValueRecords : Owned<RecordRing> {
  explicit ValueRecords(uint64_t capacity) : Owned<RecordRing>(capacity * std::bit_ceil(sizeof(T) + 8)) {}
  bool try_push(const T& value) {
    std::byte* place = writer.try_reserve(sizeof value);
    if (place == nullptr) return false;
    std::memcpy(place, &value, sizeof value);
    writer.commit(1, sizeof value);
    return true;
  }
  std::size_t try_push_some(std::span<const T> values) {
    std::size_t n = 0;
    while (n < values.size() && try_push(values[n])) ++n;
    return n;
  }
  bool try_pop(T& value) {
    return reader.consume(1, [&](const RecordView& view) { std::memcpy(&value, view.payload, sizeof value); }) != 0;
  }
  std::size_t pop_some(std::span<T> values) {
    std::size_t n = 0;
    reader.consume(values.size(), [&](const RecordView& view) { std::memcpy(&values[n++], view.payload, sizeof(T)); });
    return n;
  }
};

}  // namespace sightline::ringbuf::compare
