/// What is inlined into one function.
#pragma once

#include <cstdint>
#include <vector>

#include "symbolizer/dwarf_file.h"

namespace sightline::symbolizer {

class DwarfInlines {
 public:
  /// Reads the entries [begin, end) of `unit`: those of one function.
  DwarfInlines(const DwarfUnit& unit, uint64_t begin, uint64_t end);

  /// Appends the inlined functions at `address` to `chain`, outermost first.
  void find(uint64_t address, std::vector<DieRef>& chain) const;

  std::size_t memory() const {
    return sizeof *this + entries_.capacity() * sizeof(Entry) + ranges_.capacity() * sizeof(DwarfFile::Range);
  }

 private:
  struct Entry {
    uint32_t die;  // from the unit's header: no unit is longer than 4 GiB
    uint32_t end;  // in entries_: behind all that is inlined into it
    uint32_t first_range, end_range;
  };
  const DwarfUnit* unit_;
  std::vector<Entry> entries_;  // as they stand: preorder
  std::vector<DwarfFile::Range> ranges_;
};

}  // namespace sightline::symbolizer
