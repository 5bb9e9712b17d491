/// Interned stacks: each chain of places is stored once and has a number.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "symbolizer/places.h"
#include "symbolizer/symbolizer.h"

namespace sightline::symbolizer {

class Stacks {
 public:
  enum Ending : uint8_t { kEnded = 0, kTruncated = 1, kLost = 2 };

  Stacks();

  /// The stack with this chain, innermost place first, and this ending. Counts how often each was asked for.
  StackId intern(std::span<const PlaceId> chain, Ending ending, const Places& places);

  /// The stack was asked for once more, by its id.
  void count_use(StackId id) { ++entries_[id].uses; }
  uint64_t uses(StackId id) const { return entries_[id].uses; }

  /// Ids are below this.
  std::size_t size() const { return entries_.size(); }
  const Stack& operator[](StackId id) const { return entries_[id < entries_.size() ? id : kNoStack].stack; }

  struct Use {
    const Stack& stack;
    PlaceId user_place;  ///< the place of the user's line
    uint64_t count;
  };
  template <typename Visit>
  void for_each_use(Visit visit) const {
    for (std::size_t i = 1; i < entries_.size(); ++i) {
      visit(Use{entries_[i].stack, entries_[i].user_place, entries_[i].uses});
    }
  }

 private:
  struct Entry {
    Stack stack;
    std::size_t chain_start = 0;  // in chains_
    uint32_t chain_size = 0;
    uint32_t hash = 0;
    PlaceId user_place = Places::kNone;
    uint64_t uses = 0;
    Ending ending = kEnded;
  };
  void build(Entry& entry, std::span<const PlaceId> chain, const Places& places);
  void grow();

  std::deque<Entry> entries_;  // never moves: callers hold references
  std::vector<PlaceId> chains_;
  struct Slot {
    uint32_t hash = 0;
    StackId id = kNoStack;
  };
  std::vector<Slot> slots_;  // open addressing, at most half full
};

}  // namespace sightline::symbolizer
