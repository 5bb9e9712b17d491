#include "symbolizer/places.h"

namespace sightline::symbolizer {

PlaceId Places::add(const PlaceKey& key, Place place, const std::vector<Frame>& frames) {
  if (places_.size() * 2 >= slots_.size()) grow();
  place.file = key.file;
  place.first_frame = static_cast<uint32_t>(frames_.size());
  place.frame_count = static_cast<uint32_t>(frames.size());
  for (const Frame& frame : frames) frames_.push_back(frame);
  const auto id = static_cast<PlaceId>(places_.size());
  places_.push_back(place);
  std::size_t at = hash(key) & mask_;
  while (slots_[at].id != kNone) at = (at + 1) & mask_;
  slots_[at] = {key, id};
  return id;
}

void Places::grow() {
  std::vector<Slot> old(slots_.empty() ? 1024 : slots_.size() * 2);
  old.swap(slots_);
  mask_ = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.id == kNone) continue;
    std::size_t at = hash(slot.key) & mask_;
    while (slots_[at].id != kNone) at = (at + 1) & mask_;
    slots_[at] = slot;
  }
}

}  // namespace sightline::symbolizer
