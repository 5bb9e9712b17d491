#include "ringbuf/record_ring.h"

namespace sightline::ringbuf {

void RecordRing::ring_bell(uint64_t tail) {
  const uint64_t watermark = capacity_ / 2;
  // The cached head may be as old as the ring is long: by it, the ring would look full most of the time.
  control_->cached_head = control_->head.load(std::memory_order_acquire);
  if (tail - control_->cached_head >= watermark) {
    if (doorbell_ != nullptr) doorbell_->ring();
    // A consumer that is awake will not sleep before it has looked at this ring again.
    bell_at_ = tail + watermark;
  } else {
    bell_at_ = control_->cached_head + watermark;
  }
}

std::byte* RecordRing::reserve_slowly(uint32_t size) {
  add(control_->stalls, 1);
  std::byte* place = nullptr;
  while (place == nullptr) {
    if (closed()) return nullptr;
    // The consumer may be asleep below its watermark while our record is larger than what is left above it.
    if (doorbell_ != nullptr) doorbell_->ring();
    control_->space.wait([&] {
      place = try_reserve(size);
      return place == nullptr && !closed();
    });
    if (place == nullptr) place = try_reserve(size);
  }
  return place;
}

}  // namespace sightline::ringbuf
