/// The functions of one compilation unit, and what is inlined into them: found in one pass over its entries.
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

  struct Chain {
    std::vector<DieRef> dies;     ///< outermost first: the function, then each inlined one; empty if there is none
    uint64_t function_start = 0;  ///< first address of the piece of the function that holds the address
  };
  Chain find(uint64_t address) const;

  /// The namespaces, classes and functions around the entry at `offset`, outermost first.
  std::vector<DieRef> scopes_of(uint64_t offset) const;

  std::size_t memory() const;

 private:
  using Range = DwarfFile::Range;
  // Offsets are from the unit's header: no unit is longer than 4 GiB.
  struct Function {
    uint32_t die;
    uint32_t first_inlined, end_inlined;
  };
  struct Inlined {
    uint32_t die;
    uint32_t end;  // in inlined_: behind all that is inlined into it
    uint32_t first_range, end_range;
  };
  struct Scope {
    uint32_t die;
    uint32_t end;     // behind its last child
    uint32_t parent;  // in scopes_, or kNone
  };
  static constexpr uint32_t kNone = UINT32_MAX;
  class Pass;

  const DwarfUnit* unit_;
  std::vector<Function> functions_;
  std::vector<Inlined> inlined_;
  std::vector<Range> ranges_;
  std::vector<Scope> scopes_;
  RangeIndex<uint32_t> by_address_;
};

}  // namespace sightline::symbolizer
