/// What is mapped where in a traced process: sorted intervals, each a piece of a file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

#include "symbolizer/places.h"
#include "symbolizer/walk_cache.h"

namespace sightline::symbolizer {

class MappedFile;

struct Interval {
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t file_offset = 0;
  std::shared_ptr<MappedFile> file;
};

class AddressSpace {
 public:
  /// nullptr: nothing executable is mapped there.
  const Interval* find(uint64_t address) const {
    const Interval* const begin = intervals_.data();
    // Frames next to each other mostly lie in the same file.
    if (last_ < intervals_.size() && address >= begin[last_].start && address < begin[last_].end) return begin + last_;
    const Interval* const end = begin + intervals_.size();
    const Interval* const after =
        std::upper_bound(begin, end, address, [](uint64_t wanted, const Interval& it) { return wanted < it.start; });
    if (after == begin || address >= (after - 1)->end) return nullptr;
    last_ = static_cast<std::size_t>(after - 1 - begin);
    return after - 1;
  }

  PlaceCache& places() const { return places_; }
  WalkCache& walks() const { return walks_; }
  /// What is known of places has changed.
  void forget_places() const {
    places_ = {};
    walks_ = {};
  }

  /// Takes intervals in any order; where two overlap, the later one is dropped (the kernel reports none that do).
  void assign(std::vector<Interval> intervals) {
    std::stable_sort(intervals.begin(), intervals.end(),
                     [](const Interval& a, const Interval& b) { return a.start < b.start; });
    intervals_.clear();
    for (Interval& interval : intervals) {
      if (interval.start >= interval.end) continue;
      if (!intervals_.empty() && interval.start < intervals_.back().end) continue;
      intervals_.push_back(std::move(interval));
    }
    last_ = 0;
    forget_places();
  }

 private:
  std::vector<Interval> intervals_;
  mutable std::size_t last_ = 0;
  mutable PlaceCache places_;
  mutable WalkCache walks_;
};

}  // namespace sightline::symbolizer
