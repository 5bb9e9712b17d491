/// What a pass over a unit's entries in the order in which they stand needs: stepping over entries and reading ranges.
#pragma once

#include <dwarf.h>

#include <cstdint>
#include <vector>

#include "symbolizer/dwarf_file.h"

namespace sightline::symbolizer {

class DwarfPass {
 public:
  explicit DwarfPass(const DwarfUnit& unit) : unit_(unit), table_(unit.file->abbreviations(unit)) {}

  /// nullptr: a malformed entry.
  const DwarfAbbreviation* abbreviation(uint64_t code) const {
    return table_ != nullptr ? table_->find(code) : nullptr;
  }

  void skip(DwarfCursor& cursor, const DwarfAbbreviation& abbreviation) const {
    if (abbreviation.fixed_size >= 0) {
      cursor.skip(static_cast<uint64_t>(abbreviation.fixed_size) + abbreviation.offset_count * unit_.offset_size);
      return;
    }
    for (const DwarfAttribute& attribute : table_->attributes(abbreviation)) skip(cursor, attribute);
  }

  /// Reads an entry's attributes and appends its ranges to `into`.
  void read_ranges(DwarfCursor& cursor, const DwarfAbbreviation& abbreviation,
                   std::vector<DwarfFile::Range>& into) const {
    DwarfValue low;
    DwarfValue high;
    DwarfValue ranges;
    for (const DwarfAttribute& attribute : table_->attributes(abbreviation)) {
      DwarfValue* const value = attribute.name == DW_AT_low_pc    ? &low
                                : attribute.name == DW_AT_high_pc ? &high
                                : attribute.name == DW_AT_ranges  ? &ranges
                                                                  : nullptr;
      if (value != nullptr) {
        *value = DwarfFile::read_form(cursor, attribute, unit_.offset_size, unit_.version);
      } else {
        skip(cursor, attribute);
      }
    }
    if (!cursor.failed()) unit_.file->read_ranges(unit_, low, high, ranges, into);
  }

 private:
  void skip(DwarfCursor& cursor, const DwarfAttribute& attribute) const {
    if (attribute.size >= 0) return cursor.skip(static_cast<uint64_t>(attribute.size));
    if (attribute.size == -2) return cursor.skip(unit_.offset_size);
    DwarfFile::skip_form(cursor, attribute.form, unit_.offset_size, unit_.version);
  }

  const DwarfUnit& unit_;
  const AbbreviationTable* table_;
};

}  // namespace sightline::symbolizer
