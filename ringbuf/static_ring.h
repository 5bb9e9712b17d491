/// Rings in static storage: no allocation, no system call, ready before main.
#pragma once

#include "ringbuf/record_ring.h"
#include "ringbuf/spsc_ring.h"

namespace sightline::ringbuf {

/// The memory of a `Ring` (RecordRing or SpscRing<T>) of `kCapacity` units, with a view for either side.
template <class Ring, uint64_t kCapacity>
class StaticRing {
  static_assert(Ring::good_capacity(kCapacity), "a power of two");

 public:
  explicit StaticRing(const typename Ring::Options& options = {})
      : writer(Ring::format(memory_, kCapacity, options)), reader(writer) {}
  StaticRing(const StaticRing&) = delete;
  StaticRing& operator=(const StaticRing&) = delete;

 private:
  alignas(kBlock) std::byte memory_[Ring::bytes_for(kCapacity)];

 public:
  Ring writer;  ///< the producer's view
  Ring reader;  ///< the consumer's view
};

}  // namespace sightline::ringbuf
