/// The debugging information entries (DIEs) of one file, read where they stand: no tree is built.
///
/// DWARF 2 to 5 of x86-64, with the parts that dwz(1) has moved to another file. Split units are left to libdw
/// (libdw_info.h): is_complete() tells. Everything is read through bounds-checked cursors, and what a crafted file can
/// make us do is bounded by its size.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf_abbreviations.h"
#include "symbolizer/section_bytes.h"

namespace sightline::symbolizer {

class DwarfFile;

/// An attribute's value as it stands in the file.
struct DwarfValue {
  uint16_t form = 0;           ///< 0: the attribute is missing
  uint64_t number = 0;         ///< constant, offset, index or address
  std::string_view text = {};  ///< of DW_FORM_string
  explicit operator bool() const { return form != 0; }
};

struct DwarfUnit {
  DwarfFile* file = nullptr;
  uint64_t offset = 0;     ///< of its header in .debug_info
  uint64_t first_die = 0;  ///< of its root
  uint64_t end = 0;
  uint64_t abbreviations = 0;                                   ///< offset of its table
  uint64_t low_pc = 0;                                          ///< what its range lists are relative to
  uint64_t string_offsets = 0, addresses = 0, range_lists = 0;  ///< where its tables begin
  uint64_t line_program = UINT64_MAX;                           ///< offset in .debug_line; UINT64_MAX: none
  DwarfValue root_low, root_high, root_ranges;                  ///< the attributes that tell its ranges
  uint16_t root_tag = 0;
  uint8_t version = 0;
  uint8_t offset_size = 4;
  /// Its language puts functions into namespaces, classes or modules, so that names need these to be understood.
  bool has_scopes = true;
};

/// One entry. {} is none.
struct DieRef {
  const DwarfUnit* unit = nullptr;
  uint64_t offset = 0;
  explicit operator bool() const { return unit != nullptr; }
  bool operator==(const DieRef&) const = default;
};

class DwarfFile {
 public:
  /// `alternate` is the file that dwz made, or nullptr. Both must outlive it.
  DwarfFile(const ElfFile& file, DwarfFile* alternate);
  ~DwarfFile();
  DwarfFile(const DwarfFile&) = delete;
  DwarfFile& operator=(const DwarfFile&) = delete;

  /// False: the file has units that are not read here.
  bool is_complete() const { return is_complete_; }
  const std::vector<DwarfUnit>& units() const { return units_; }
  const DwarfUnit* unit_at(uint64_t offset) const;

  SectionBytes& info() { return info_; }
  SectionBytes& line() { return line_; }

  const AbbreviationTable* abbreviations(const DwarfUnit& unit);

  /// Calls visit(attribute name, DwarfValue) for each attribute of an entry until it returns false. Returns the tag, 0
  /// if there is no entry.
  template <typename Visit>
  uint16_t visit_attributes(const DieRef& die, Visit visit);

  std::string_view string(const DwarfUnit& unit, const DwarfValue& value);
  std::optional<uint64_t> address(const DwarfUnit& unit, const DwarfValue& value);
  /// The entry that `value` refers to; {} if it is none.
  DieRef reference(const DwarfUnit& unit, const DwarfValue& value);

  struct Range {
    uint64_t low = 0, high = 0;
  };
  /// Appends the ranges of an entry with these attributes. Draws from a budget that honest files don't use up.
  void read_ranges(const DwarfUnit& unit, const DwarfValue& low, const DwarfValue& high, const DwarfValue& ranges,
                   std::vector<Range>& into);

  /// Strings of the kinds that a line table's header refers to.
  std::string_view string_at(uint64_t form, uint64_t offset);

  static bool skip_form(DwarfCursor& cursor, uint64_t form, unsigned offset_size, unsigned version);
  static DwarfValue read_form(DwarfCursor& cursor, const DwarfAttribute& attribute, unsigned offset_size,
                              unsigned version);

 private:
  void collect_units();
  bool read_header(uint64_t offset, DwarfUnit& unit);
  bool read_root(DwarfUnit& unit);
  template <typename Parse>
  static bool parse_growing(SectionBytes& section, uint64_t offset, uint64_t end, uint64_t first, Parse parse);
  uint64_t indexed(SectionBytes& section, uint64_t base, uint64_t index, unsigned size, uint64_t missing);

  DwarfFile* alternate_;
  SectionBytes info_, abbrev_, str_, line_str_, str_offsets_, addr_, ranges_, rnglists_, line_;
  std::vector<DwarfUnit> units_;
  std::map<uint64_t, std::unique_ptr<AbbreviationTable>> tables_;
  std::size_t tables_size_ = 0;
  bool is_complete_ = true;
  uint64_t scanned_abbreviations_ = 0;
  uint64_t range_budget_ = 0;
};

// The bytes of an entry are not known to end anywhere but at the unit's end; most take fewer than these.
template <typename Parse>
bool DwarfFile::parse_growing(SectionBytes& section, uint64_t offset, uint64_t end, uint64_t first, Parse parse) {
  if (offset >= end) return false;
  for (uint64_t size = std::min(first, end - offset);; size = std::min(size * 16, end - offset)) {
    const uint8_t* bytes = section.at(offset, size);
    if (bytes == nullptr) return false;
    DwarfCursor cursor(bytes, size);
    const bool done = parse(cursor);
    if (!cursor.failed()) return done;
    if (size == end - offset) return false;
  }
}

template <typename Visit>
uint16_t DwarfFile::visit_attributes(const DieRef& die, Visit visit) {
  const AbbreviationTable* table = abbreviations(*die.unit);
  if (table == nullptr || die.offset < die.unit->first_die) return 0;
  const DwarfAbbreviation* abbreviation = nullptr;
  // First to its end, so that `visit` sees each attribute once.
  uint64_t size = 0;
  const bool is_whole = parse_growing(info_, die.offset, die.unit->end, 256, [&](DwarfCursor& cursor) {
    const uint64_t before = cursor.left();
    abbreviation = table->find(cursor.uleb());
    if (abbreviation == nullptr) return false;
    for (const DwarfAttribute& attribute : table->attributes(*abbreviation))
      if (!skip_form(cursor, attribute.form, die.unit->offset_size, die.unit->version)) return false;
    size = before - cursor.left();
    return true;
  });
  if (!is_whole || abbreviation == nullptr) return 0;
  DwarfCursor cursor(info_.at(die.offset, size), size);
  cursor.skip_leb();
  for (const DwarfAttribute& attribute : table->attributes(*abbreviation))
    if (!visit(attribute.name, read_form(cursor, attribute, die.unit->offset_size, die.unit->version))) break;
  return abbreviation->tag;
}

}  // namespace sightline::symbolizer
