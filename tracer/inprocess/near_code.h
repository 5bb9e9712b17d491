/// Room for a few instructions near each patched site, within reach of its jump.
///
/// Mapped in the traced process, in pieces; found in the gaps that its mappings leave.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "tracer/proc.h"

namespace sightline::tracer {
struct Tracee;
}

namespace sightline::tracer::inprocess {

class NearCode {
 public:
  static constexpr uint64_t kBytes = 64;  ///< for one site
  /// What stands in a jump's displacement where a thread may go that has no business there: int3.
  static constexpr uint32_t kTraps = 0xcccc'cccc;

  static constexpr uint64_t kAreaBytes = 64 << 10;
  /// Where the places for code at `from` could be, before the first of them is needed. `maps`: all of the process's; 0:
  /// nowhere.
  static uint64_t wish(std::span<const proc::Map> maps, uint64_t from);
  /// They are there.
  void adopt(uint64_t start) { areas_.push_back({start, {}}); }

  /// A place whose distance from `from`, the end of a jump with 32 bits, equals kTraps in the bits of `fixed`. 0: there
  /// is none. Made in the name of the stopped thread `tracee`; `remote_syscall`: see RemoteCalls.
  uint64_t take(Tracee& tracee, uint64_t from, uint32_t fixed, uint64_t remote_syscall);
  void give_back(uint64_t place);
  /// The place that `address` lies in, or 0.
  uint64_t place_of(uint64_t address) const;
  /// The mapping that a place lies in: start and end.
  std::pair<uint64_t, uint64_t> area_of(uint64_t place) const;
  /// Whether there are places in these addresses, or would be.
  bool has_area(uint64_t start, uint64_t length) const;
  /// The process has unmapped this, or mapped something else there.
  void forget(uint64_t start, uint64_t length);
  /// All of it: starts and ends.
  std::vector<std::pair<uint64_t, uint64_t>> areas() const;

 private:
  struct Area {
    uint64_t start;
    std::bitset<kAreaBytes / kBytes> used;
  };

  static bool meets(const Area& area, uint64_t start, uint64_t length);
  static uint64_t take_from(Area& area, uint64_t from, uint32_t fixed);
  static std::vector<uint64_t> candidates(std::span<const proc::Map> maps, uint64_t from, uint32_t fixed);

  std::vector<Area> areas_;
  std::vector<std::pair<uint32_t, uint64_t>> hopeless_;  // `fixed` for which nothing was found, and in which 2 GiB
};

}  // namespace sightline::tracer::inprocess
