#include "tracer/inprocess/near_code.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdlib>

#include "tracer/inprocess/remote.h"
#include "tracer/tracee.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr int64_t kReach = 0x7ff0'0000;    // of a jump with 32 bits, and some
constexpr uint64_t kLowest = 0x1'0000;     // vm.mmap_min_addr and some
constexpr uint64_t kGuard = 16 << 20;      // from other mappings, which may grow
constexpr std::size_t kTries = 4;          // somebody may be faster
constexpr std::size_t kMostHopeless = 16;  // of combinations; there are no more in practice

int64_t distance(uint64_t to, uint64_t from) {
  return static_cast<int64_t>(to - from);
}

bool fits(uint64_t place, uint64_t from, uint32_t fixed) {
  const int64_t away = distance(place, from);
  return std::abs(away) < kReach && ((static_cast<uint32_t>(away) ^ NearCode::kTraps) & fixed) == 0;
}

struct Gap {
  uint64_t start, end;
};

/// What is free between the mappings, well away from them.
std::vector<Gap> find_gaps(std::span<const proc::Map> maps) {
  std::vector<Gap> gaps;
  uint64_t end = kLowest;  // of the mapping before
  for (const proc::Map& map : maps) {
    if (map.start > end && map.start - end > 2 * kGuard) gaps.push_back({end + kGuard, map.start - kGuard});
    end = map.end;
  }
  return gaps;
}

}  // namespace

/// Where an area could be mapped that holds such a place; the best first.
std::vector<uint64_t> NearCode::candidates(std::span<const proc::Map> maps, uint64_t from, uint32_t fixed) {
  constexpr uint64_t kPage = 4096;
  std::vector<uint64_t> found;
  for (const Gap& gap : find_gaps(maps)) {
    if (gap.end - gap.start < kAreaBytes + kPage) continue;
    const uint64_t last = (gap.end - kAreaBytes) & ~(kPage - 1);
    if ((fixed & 0xffff'0000) == 0) {
      // Any piece as long as an area has all combinations of the lower 16 bits. From a gap above the site the far end
      // is taken: its near end is where a heap grows.
      const uint64_t farthest = (from + kReach - kAreaBytes) & ~(kPage - 1);
      const uint64_t place = last > from ? std::min(last, farthest) : last;
      if (place >= gap.start && std::abs(distance(place, from)) < kReach) found.push_back(place);
      continue;
    }
    for (uint32_t high = 0; high < 0x1'0000; ++high) {
      const uint32_t combined = high << 16 | (kTraps & 0xff00);
      if (((combined ^ kTraps) & fixed & 0xffff'0000) != 0) continue;
      const auto offset = static_cast<int64_t>(static_cast<int32_t>(combined));
      const uint64_t place = (from + static_cast<uint64_t>(offset)) & ~(kPage - 1);
      if (std::abs(offset) < kReach && place >= gap.start && place <= last) found.push_back(place);
    }
  }
  const auto rank = [&](uint64_t place) {  // below the site first, there the nearest
    const int64_t away = distance(place, from);
    return away < 0 ? -away : away + kReach;
  };
  std::sort(found.begin(), found.end(), [&](uint64_t a, uint64_t b) { return rank(a) < rank(b); });
  if (found.size() > kTries) found.resize(kTries);
  return found;
}

uint64_t NearCode::take_from(Area& area, uint64_t from, uint32_t fixed) {
  for (std::size_t i = 0; i < area.used.size(); ++i) {
    const uint64_t place = area.start + i * kBytes;
    if (area.used[i] || !fits(place, from, fixed)) continue;
    area.used.set(i);
    return place;
  }
  return 0;
}

uint64_t NearCode::wish(std::span<const proc::Map> maps, uint64_t from) {
  const std::vector<uint64_t> found = candidates(maps, from, 0);
  return found.empty() ? 0 : found.front();
}

uint64_t NearCode::take(Tracee& tracee, uint64_t from, uint32_t fixed, uint64_t remote_syscall) {
  for (Area& area : areas_)
    if (const uint64_t place = take_from(area, from, fixed); place != 0) return place;
  const std::pair<uint32_t, uint64_t> wish{fixed, from >> 31};
  if (std::find(hopeless_.begin(), hopeless_.end(), wish) != hopeless_.end()) return 0;
  for (const uint64_t wanted : candidates(proc::maps(tracee.tid), from, fixed)) {
    RemoteCalls remote(tracee, remote_syscall);
    const auto got = remote.call(SYS_mmap, {wanted, kAreaBytes, PROT_READ | PROT_EXEC,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ~uint64_t{0}, 0});
    if (!got) return 0;
    if (static_cast<uint64_t>(*got) != wanted) continue;
    areas_.push_back({wanted, {}});
    return take_from(areas_.back(), from, fixed);
  }
  if (hopeless_.size() < kMostHopeless) hopeless_.push_back(wish);
  return 0;
}

uint64_t NearCode::place_of(uint64_t address) const {
  for (const Area& area : areas_)
    if (address - area.start < kAreaBytes) return address - (address - area.start) % kBytes;
  return 0;
}

std::pair<uint64_t, uint64_t> NearCode::area_of(uint64_t place) const {
  for (const Area& area : areas_)
    if (place - area.start < kAreaBytes) return {area.start, area.start + kAreaBytes};
  return {place, place};
}

void NearCode::give_back(uint64_t place) {
  for (Area& area : areas_)
    if (place - area.start < kAreaBytes) area.used.reset((place - area.start) / kBytes);
}

bool NearCode::meets(const Area& area, uint64_t start, uint64_t length) {
  return area.start - start < length || start - area.start < kAreaBytes;
}

bool NearCode::has_area(uint64_t start, uint64_t length) const {
  return std::ranges::any_of(areas_, [&](const Area& area) { return meets(area, start, length); });
}

void NearCode::forget(uint64_t start, uint64_t length) {
  std::erase_if(areas_, [&](const Area& area) { return meets(area, start, length); });
}

std::vector<std::pair<uint64_t, uint64_t>> NearCode::areas() const {
  std::vector<std::pair<uint64_t, uint64_t>> all;
  for (const Area& area : areas_) all.emplace_back(area.start, area.start + kAreaBytes);
  return all;
}

}  // namespace sightline::tracer::inprocess
