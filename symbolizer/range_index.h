/// A sorted set of address ranges that may nest or overlap, asked "which range holds this address?".
///
/// Three tables need it: symbols, the address ranges of compilation units, and those of functions within one unit.
/// Files are untrusted, so ranges may overlap in any way; the answer is then the holder that starts last, and the
/// search gives up after kLookBack candidates rather than scan a crafted table from end to end.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sightline::symbolizer {

template <typename Value>
class RangeIndex {
 public:
  struct Range {
    uint64_t low = 0;
    uint64_t high = 0;  ///< one past the last address
    Value value{};
  };

  void add(uint64_t low, uint64_t high, Value value) {
    if (low < high) ranges_.push_back({low, high, value});
  }

  /// So many more will be added at most.
  void expect(std::size_t count) { ranges_.reserve(ranges_.size() + count); }

  /// To be called once, behind the last add().
  void finish() {
    // What is sorted is small: ranges are not, and there are thousands of them in a library.
    struct Key {
      uint64_t low;
      std::size_t index;
    };
    std::vector<Key> keys;
    keys.reserve(ranges_.size());
    for (const Range& range : ranges_) keys.push_back({range.low, keys.size()});
    std::sort(keys.begin(), keys.end(),
              [](const Key& a, const Key& b) { return a.low != b.low ? a.low < b.low : a.index < b.index; });
    // In place: memory that was never touched costs more than all the rest.
    for (std::size_t first = 0; first < keys.size(); ++first) {
      if (keys[first].index == first) continue;
      const Range held = ranges_[first];
      std::size_t at = first;
      for (;;) {
        const std::size_t from = std::exchange(keys[at].index, at);
        if (from == first) break;
        ranges_[at] = ranges_[from];
        at = from;
      }
      ranges_[at] = held;
    }
    // Memory beyond the end was never touched, but is accounted for: not kept where it is much.
    if (ranges_.capacity() > 2 * ranges_.size()) ranges_.shrink_to_fit();
    furthest_.reserve(ranges_.size());
    uint64_t furthest = 0;
    for (const Range& range : ranges_) furthest_.push_back(furthest = std::max(furthest, range.high));
  }

  /// The range that starts last among those that hold `address`; the first added among equals. nullptr: none.
  const Range* find(uint64_t address) const {
    auto it = std::upper_bound(ranges_.begin(), ranges_.end(), address,
                               [](uint64_t wanted, const Range& range) { return wanted < range.low; });
    const Range* best = nullptr;
    for (int i = 0; i < kLookBack && it != ranges_.begin(); ++i) {
      --it;
      if (best && it->low != best->low) break;
      if (address < it->high) best = &*it;
      // No range from here to the left reaches the address.
      if (furthest_[static_cast<std::size_t>(it - ranges_.begin())] <= address) break;
    }
    return best;
  }

  /// All ranges, by their first address.
  const std::vector<Range>& ranges() const { return ranges_; }
  bool empty() const { return ranges_.empty(); }

 private:
  static constexpr int kLookBack = 256;
  std::vector<Range> ranges_;
  std::vector<uint64_t> furthest_;  // [i]: the furthest end among ranges_[0..i]
};

}  // namespace sightline::symbolizer
