#include "symbolizer/dwarf_abbreviations.h"

#include <dwarf.h>

#include <algorithm>

namespace sightline::symbolizer {

int fixed_form_size(uint64_t form) {
  switch (form) {
    case DW_FORM_flag_present:
    case DW_FORM_implicit_const:
      return 0;
    case DW_FORM_data1:
    case DW_FORM_ref1:
    case DW_FORM_flag:
    case DW_FORM_strx1:
    case DW_FORM_addrx1:
      return 1;
    case DW_FORM_data2:
    case DW_FORM_ref2:
    case DW_FORM_strx2:
    case DW_FORM_addrx2:
      return 2;
    case DW_FORM_strx3:
    case DW_FORM_addrx3:
      return 3;
    case DW_FORM_data4:
    case DW_FORM_ref4:
    case DW_FORM_strx4:
    case DW_FORM_addrx4:
    case DW_FORM_ref_sup4:
      return 4;
    case DW_FORM_addr:  // of x86-64: other units are not read
    case DW_FORM_data8:
    case DW_FORM_ref8:
    case DW_FORM_ref_sig8:
    case DW_FORM_ref_sup8:
      return 8;
    case DW_FORM_data16:
      return 16;
    case DW_FORM_strp:
    case DW_FORM_line_strp:
    case DW_FORM_sec_offset:
    case DW_FORM_strp_sup:
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_GNU_strp_alt:
      return -2;
    default:
      return -1;
  }
}

bool read_abbreviation(DwarfCursor& cursor, DwarfAbbreviation& abbreviation, std::vector<DwarfAttribute>& attributes) {
  abbreviation = {};
  abbreviation.code = cursor.uleb();
  if (abbreviation.code == 0) return false;
  abbreviation.tag = static_cast<uint16_t>(std::min<uint64_t>(cursor.uleb(), UINT16_MAX));
  abbreviation.has_children = cursor.u8() != 0;
  abbreviation.first = static_cast<uint32_t>(attributes.size());
  for (;;) {
    const uint64_t name = cursor.uleb();
    const uint64_t form = cursor.uleb();
    if (cursor.failed()) return false;
    if (name == 0 && form == 0) break;
    if (name > UINT16_MAX || form > UINT16_MAX) return cursor.fail(), false;
    const int64_t constant = form == DW_FORM_implicit_const ? cursor.sleb() : 0;
    if (name == DW_AT_low_pc || name == DW_AT_ranges) abbreviation.has_code = true;
    const int size = fixed_form_size(form);
    attributes.push_back({.name = static_cast<uint16_t>(name),
                          .form = static_cast<uint16_t>(form),
                          .size = static_cast<int8_t>(size),
                          .constant = constant});
    if (size == -2) {
      ++abbreviation.offset_count;
    } else if (size == -1 || abbreviation.fixed_size < 0 || abbreviation.fixed_size > 1'000'000) {
      abbreviation.fixed_size = -1;
    } else {
      abbreviation.fixed_size += size;
    }
  }
  abbreviation.count = static_cast<uint32_t>(attributes.size()) - abbreviation.first;
  return true;
}

bool AbbreviationTable::read(DwarfCursor& cursor) {
  DwarfAbbreviation next;
  bool is_sorted = true;
  // Up to the zero that ends a table: bytes that end between two declarations are a part of one.
  while (read_abbreviation(cursor, next, attributes_)) {
    is_sorted = is_sorted && (entries_.empty() || entries_.back().code < next.code);
    entries_.push_back(next);
  }
  if (!is_sorted) {
    std::stable_sort(entries_.begin(), entries_.end(), [](const auto& a, const auto& b) { return a.code < b.code; });
  }
  return !cursor.failed();
}

const DwarfAbbreviation* AbbreviationTable::find_sorted(uint64_t code) const {
  const auto at = std::lower_bound(entries_.begin(), entries_.end(), code,
                                   [](const DwarfAbbreviation& entry, uint64_t wanted) { return entry.code < wanted; });
  return at != entries_.end() && at->code == code ? &*at : nullptr;
}

}  // namespace sightline::symbolizer
