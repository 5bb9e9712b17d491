/// How many bytes of stack to copy at each call site, learned from what unwinding them took.
///
/// Copying 16 KiB at every call costs more than the rest of the record, and fills the ring so fast that the consumer
/// has to be woken every few calls; most sites need less than 1 KiB to reach the user's line, but an unbuffered fprintf
/// needs 10. So a site starts large and shrinks to what it needed: the first call is exact, the others are cheap.
///
/// Threads: the consumer teaches, the producers ask, without locks. The table is small and lossy: two sites that share
/// a slot evict each other, and an evicted site starts anew.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>

namespace sightline::tracer {

class StackWindows {
 public:
  static constexpr uint32_t kUnknownSite = 16 * 1024;
  static constexpr uint32_t kSmallest = 1024;
  /// Where most stacks are known and not copied at all (known_stacks.h), the others may have more: fewer of them are
  /// cut because they are deeper than those that came from the same site before.
  static constexpr uint32_t kSmallestIfKnown = 8192;
  static constexpr uint32_t kLargest = 64 * 1024;

  /// Bytes to copy for a call from `ip` in `process`: `unknown` until the first call from there was looked at.
  uint32_t wanted(uint32_t process, uint64_t ip, uint32_t unknown = kUnknownSite) const {
    const uint64_t key = hash(process, ip);
    const uint64_t entry = slots_[key % kSlots].load(std::memory_order_relaxed);
    return entry >> kSizeBits == key >> kSizeBits ? static_cast<uint32_t>(entry & kSizeMask) * kUnit : unknown;
  }

  /// A walk from there has read `used` bytes; `short_of` it ended because the copy did.
  void learn(uint32_t process, uint64_t ip, uint32_t used, bool short_of, uint32_t smallest = kSmallest) {
    const uint64_t key = hash(process, ip);
    std::atomic<uint64_t>& slot = slots_[key % kSlots];
    const uint64_t entry = slot.load(std::memory_order_relaxed);
    const bool known = entry >> kSizeBits == key >> kSizeBits;
    // Twice what it took: the same site is reached through callers of different depth.
    uint32_t need = short_of ? std::max(used * 4, kUnknownSite) : used * 2;
    if (known) need = std::max(need, static_cast<uint32_t>(entry & kSizeMask) * kUnit);
    need = std::clamp(need, smallest, kLargest);
    const uint64_t next = (key & ~kSizeMask) | ((need + kUnit - 1) / kUnit);
    if (next != entry) slot.store(next, std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kSlots = 8192;
  static constexpr uint32_t kUnit = 256;
  static constexpr int kSizeBits = 12;
  static constexpr uint64_t kSizeMask = (uint64_t{1} << kSizeBits) - 1;

  static uint64_t hash(uint32_t process, uint64_t ip) {
    uint64_t h = (ip ^ (uint64_t{process} << 48)) * 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
    return h | uint64_t{1} << 63;  // never 0, which is an empty slot
  }

  std::array<std::atomic<uint64_t>, kSlots> slots_{};
};

}  // namespace sightline::tracer
