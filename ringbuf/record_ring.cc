#include "ringbuf/record_ring.h"

namespace sightline::ringbuf {

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
