#include "symbolizer/stacks.h"

#include <algorithm>

namespace sightline::symbolizer {

Stacks::Stacks() : slots_(1024) {
  entries_.emplace_back();  // kNoStack
}

StackId Stacks::intern(std::span<const PlaceId> chain, Ending ending, const Places& places) {
  uint64_t mixed = ending;
  for (const PlaceId place : chain) {
    mixed = (mixed ^ place) * 0x9e3779b97f4a7c15u;
    mixed ^= mixed >> 29;
  }
  const auto hash = static_cast<uint32_t>(mixed >> 16);

  std::size_t at = hash & (slots_.size() - 1);
  for (; slots_[at].id != kNoStack; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at].hash != hash) continue;
    Entry& known = entries_[slots_[at].id];
    if (known.ending == ending && known.chain_size == chain.size() &&
        std::equal(chain.begin(), chain.end(), chains_.begin() + static_cast<std::ptrdiff_t>(known.chain_start))) {
      ++known.uses;
      return slots_[at].id;
    }
  }
  const auto id = static_cast<StackId>(entries_.size());
  Entry& entry = entries_.emplace_back();
  entry.hash = hash;
  entry.uses = 1;
  entry.ending = ending;
  entry.chain_start = chains_.size();
  entry.chain_size = static_cast<uint32_t>(chain.size());
  chains_.insert(chains_.end(), chain.begin(), chain.end());
  build(entry, chain, places);
  slots_[at] = {hash, id};
  if (entries_.size() * 2 >= slots_.size()) grow();
  return id;
}

void Stacks::build(Entry& entry, std::span<const PlaceId> chain, const Places& places) {
  Stack& stack = entry.stack;
  stack.truncated = entry.ending == kTruncated;
  stack.lost = entry.ending == kLost;
  std::size_t count = 0;
  for (const PlaceId id : chain) count += places[id].frame_count;
  stack.frames.reserve(count);

  Rank best = Rank::runtime;
  for (const PlaceId id : chain) {
    const Place& place = places[id];
    // The innermost of the user's own frames; of any lesser rank the outermost (user_line.h).
    if (stack.user_frame < 0 || (best != Rank::user && place.rank >= best)) {
      best = place.rank;
      stack.user_frame = static_cast<int32_t>(stack.frames.size() + place.user_index);
      entry.user_place = id;
    }
    for (uint32_t i = 0; i < place.frame_count; ++i) stack.frames.push_back(&places.frame(place.first_frame + i));
  }
}

void Stacks::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  for (const Slot& slot : old) {
    if (slot.id == kNoStack) continue;
    std::size_t at = slot.hash & (slots_.size() - 1);
    while (slots_[at].id != kNoStack) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = slot;
  }
}

}  // namespace sightline::symbolizer
