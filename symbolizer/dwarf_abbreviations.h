/// Abbreviation tables (DWARF 5, section 7.5.3): what attributes a debugging information entry has, in which forms.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "symbolizer/dwarf_cursor.h"

namespace sightline::symbolizer {

struct DwarfAttribute {
  uint16_t name = 0;
  uint16_t form = 0;
  int8_t size = -1;      ///< as fixed_form_size() says
  int64_t constant = 0;  ///< of DW_FORM_implicit_const
};

struct DwarfAbbreviation {
  uint64_t code = 0;
  uint16_t tag = 0;
  bool has_children = false;
  bool has_code = false;      ///< DW_AT_low_pc or DW_AT_ranges
  int32_t fixed_size = 0;     ///< bytes of the attributes whose size is always the same; -1: some vary
  uint32_t offset_count = 0;  ///< attributes the size of an offset, on top
  uint32_t first = 0;         ///< in AbbreviationTable::attributes
  uint32_t count = 0;
};

class AbbreviationTable {
 public:
  /// Reads one table to its end; false, and what came before, if it is malformed or the bytes end before it does.
  bool read(DwarfCursor& cursor);

  const DwarfAbbreviation* find(uint64_t code) const {
    if (code - 1 < entries_.size() && entries_[code - 1].code == code) return &entries_[code - 1];
    return find_sorted(code);
  }
  std::span<const DwarfAttribute> attributes(const DwarfAbbreviation& of) const {
    return {attributes_.data() + of.first, of.count};
  }
  std::size_t size() const { return attributes_.size() + entries_.size(); }

 private:
  const DwarfAbbreviation* find_sorted(uint64_t code) const;
  std::vector<DwarfAbbreviation> entries_;  // by code
  std::vector<DwarfAttribute> attributes_;
};

/// Reads the next declaration of a table, its attributes appended to `attributes`. False at the table's end.
bool read_abbreviation(DwarfCursor& cursor, DwarfAbbreviation& abbreviation, std::vector<DwarfAttribute>& attributes);

/// Bytes of a form that always has as many; -1: it varies; -2: as many as an offset has.
int fixed_form_size(uint64_t form);

}  // namespace sightline::symbolizer
