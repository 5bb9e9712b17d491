/// The functions of one compilation unit, found in one pass over its entries. What is inlined into one is read when an
/// address in it is first asked for (dwarf_inlines.h).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "symbolizer/dwarf_file.h"
#include "symbolizer/range_index.h"

namespace sightline::symbolizer {

class DwarfFunctions {
 public:
  /// `keep` tells whether code can lie at [low, high).
  DwarfFunctions(const DwarfUnit& unit, const std::function<bool(uint64_t, uint64_t)>& keep);

  struct Function {
    uint64_t start = 0;         ///< first address of the piece of it that holds the address
    uint64_t die = 0, end = 0;  ///< offsets of its entry, and behind its last child; die == 0: none
  };
  Function find(uint64_t address) const;

  /// The namespaces, classes and functions around the entry at `offset`, outermost first.
  std::vector<DieRef> scopes_of(uint64_t offset) const;

 private:
  // Offsets are from the unit's header: no unit is longer than 4 GiB.
  struct Entry {
    uint32_t die, end;
  };
  struct Scope {
    uint32_t die;
    uint32_t end;     // behind its last child
    uint32_t parent;  // in scopes_, or kNone
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  class Pass;

  const DwarfUnit* unit_;
  std::vector<Entry> functions_;
  std::vector<Scope> scopes_;
  RangeIndex<uint32_t> by_address_;
};

}  // namespace sightline::symbolizer
