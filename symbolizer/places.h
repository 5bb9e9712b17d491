/// A place: one (file, offset) that a frame's pc can stand at, with all that is known about it.
///
/// Places are what makes a repeated resolve cheap. Each is described once (unwind rule, names, lines) and found again
/// through one hash table; its number, 32 bits, stands for the frame in an interned stack. Places know no address
/// space, so that all processes share them, wherever a file is mapped.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "symbolizer/unwind_rules.h"
#include "symbolizer/user_line.h"

namespace sightline::symbolizer {

using PlaceId = uint32_t;

struct PlaceKey {
  static constexpr uint32_t kExact = 1;    ///< the pc was interrupted, not left by a call
  static constexpr uint32_t kGuessed = 2;  ///< reached without unwind rules
  static constexpr uint32_t kBrief = 4;    ///< described for the sake of the user's line alone
  uint64_t offset = 0;                     ///< into the file; the address itself where no file is mapped
  uint32_t file = 0;                       ///< MappedFile::id(), 0 for none
  uint32_t flags = 0;
  bool operator==(const PlaceKey&) const = default;
};

struct Place {
  Rule rule;
  uint32_t first_frame = 0;  ///< in Places::frame()
  uint32_t frame_count = 0;
  uint32_t user_index = 0;  ///< which of them is the user's line, if `rank` says so
  Rank rank = Rank::runtime;
  uint32_t file = 0;
};

class Places {
 public:
  static constexpr PlaceId kNone = UINT32_MAX;

  PlaceId find(const PlaceKey& key) const {
    if (slots_.empty()) return kNone;
    for (std::size_t at = hash(key) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at].id == kNone || slots_[at].key == key) return slots_[at].id;
    }
  }
  /// `key` must not be there yet. `place`'s frame fields are set from `frames`.
  PlaceId add(const PlaceKey& key, Place place, const std::vector<Frame>& frames);

  const Place& operator[](PlaceId id) const { return places_[id]; }
  const Frame& frame(uint32_t index) const { return frames_[index]; }

 private:
  struct Slot {
    PlaceKey key;
    PlaceId id = kNone;
  };
  static std::size_t hash(const PlaceKey& key) {
    uint64_t mixed = (key.offset << 3 | key.flags) * 0x9e3779b97f4a7c15u;
    mixed = (mixed ^ (uint64_t{key.file} << 32)) * 0xff51afd7ed558ccdu;
    return mixed ^ (mixed >> 32);
  }
  void grow();

  std::vector<Slot> slots_;  // open addressing, at most half full
  std::size_t mask_ = 0;
  std::vector<Place> places_;
  std::deque<Frame> frames_;  // never moves: interned stacks point into it
};

/// The places that a program's stacks pass through again and again, by their addresses: saves the way through mapping,
/// file and offset. One for each state of an address space.
class PlaceCache {
 public:
  PlaceId find(uint64_t pc, uint32_t flags) const {
    if (slots_.empty()) return Places::kNone;
    const Slot& slot = slots_[index(pc)];
    return slot.pc == pc && slot.flags == flags ? slot.id : Places::kNone;
  }
  void add(uint64_t pc, uint32_t flags, PlaceId id) {
    if (slots_.empty()) slots_.resize(kSlots);
    slots_[index(pc)] = {pc, flags, id};
  }

 private:
  static constexpr std::size_t kSlots = 1024;
  struct Slot {
    uint64_t pc = 0;
    uint32_t flags = 0;
    PlaceId id = Places::kNone;
  };
  static std::size_t index(uint64_t pc) { return (pc ^ (pc >> 10)) & (kSlots - 1); }
  std::vector<Slot> slots_;
};

}  // namespace sightline::symbolizer
