#include "symbolizer/dwarf_file.h"

#include <dwarf.h>

#include <algorithm>

namespace sightline::symbolizer {
namespace {

// The largest programs known have some 100,000 units.
constexpr std::size_t kMaxUnits = 1 << 20;
// Attributes in the tables that are kept. Real files have a few million.
constexpr std::size_t kMaxTables = 8'000'000;

bool has_scopes(uint64_t language) {
  switch (language) {
    case DW_LANG_C89:
    case DW_LANG_C:
    case DW_LANG_C99:
    case DW_LANG_C11:
    case 0x2c:  // C17, of which elfutils 0.188 knows nothing
    case DW_LANG_Mips_Assembler:
    case DW_LANG_Go:  // its names hold the package
      return false;
    default:
      return true;
  }
}

}  // namespace

DwarfFile::DwarfFile(const ElfFile& file, DwarfFile* alternate)
    : alternate_(alternate),
      info_(file, ".debug_info"),
      abbrev_(file, ".debug_abbrev"),
      str_(file, ".debug_str"),
      line_str_(file, ".debug_line_str"),
      str_offsets_(file, ".debug_str_offsets"),
      addr_(file, ".debug_addr"),
      ranges_(file, ".debug_ranges"),
      rnglists_(file, ".debug_rnglists"),
      line_(file, ".debug_line") {
  // A list's entry has two bytes at least, and each list has one entry that refers to it.
  range_budget_ = 4096 + 2 * (info_.size() + ranges_.size() + rnglists_.size());
  collect_units();
}

DwarfFile::~DwarfFile() = default;

void DwarfFile::collect_units() {
  for (uint64_t offset = 0; offset < info_.size() && units_.size() < kMaxUnits;) {
    DwarfUnit unit;
    unit.file = this;
    if (!read_header(offset, unit)) {
      if (unit.end <= offset) return;  // even its length is damaged, so where the next one begins is not known
    } else if (read_root(unit)) {
      units_.push_back(unit);
    }
    offset = unit.end;
  }
}

/// DWARF 5, section 7.5.1. Sets `unit.end` as soon as it is known.
bool DwarfFile::read_header(uint64_t offset, DwarfUnit& unit) {
  const uint64_t available = std::min<uint64_t>(info_.size() - offset, 64);
  const uint8_t* bytes = info_.at(offset, available);
  if (bytes == nullptr) return false;
  DwarfCursor cursor(bytes, available);
  uint64_t length = cursor.u32();
  if (length == 0xffffffff) {
    unit.offset_size = 8;
    length = cursor.u64();
  } else if (length >= 0xfffffff0) {
    return false;
  }
  const uint64_t start = offset + available - cursor.left();
  if (cursor.failed() || length > info_.size() - start || length >= UINT32_MAX) return false;
  unit.offset = offset;
  unit.end = start + length;
  const uint16_t version = cursor.u16();
  if (version < 2 || version > 5) return false;
  unit.version = static_cast<uint8_t>(version);
  uint8_t type = DW_UT_compile;
  uint8_t address_size = 0;
  if (version >= 5) {
    type = cursor.u8();
    address_size = cursor.u8();
    unit.abbreviations = cursor.number(unit.offset_size);
  } else {
    unit.abbreviations = cursor.number(unit.offset_size);
    address_size = cursor.u8();
  }
  if (type == DW_UT_skeleton || type == DW_UT_split_compile) is_complete_ = false;
  if (type != DW_UT_compile && type != DW_UT_partial) return false;
  unit.first_die = offset + available - cursor.left();
  return !cursor.failed() && address_size == 8 && unit.first_die < unit.end;
}

bool DwarfFile::read_root(DwarfUnit& unit) {
  uint64_t code = 0;
  if (!parse_growing(info_, unit.first_die, unit.end, 16, [&](DwarfCursor& cursor) {
        code = cursor.uleb();
        return true;
      })) {
    return false;
  }
  // Only this one entry is wanted, so its table is looked through, not kept.
  DwarfAbbreviation root;
  std::vector<DwarfAttribute> attributes;
  const bool found = parse_growing(abbrev_, unit.abbreviations, abbrev_.size(), 4096, [&](DwarfCursor& cursor) {
    const uint64_t all = cursor.left();
    bool is_there = false;
    do {
      attributes.clear();
    } while ((is_there = read_abbreviation(cursor, root, attributes)) && root.code != code);
    scanned_abbreviations_ += all - cursor.left();
    return is_there;
  });
  // Every unit may have a table of its own. More than all of them together is read only where none has what is looked
  // for, or where each unit looks for the last entry of one large table.
  if (!found || scanned_abbreviations_ > 64 * abbrev_.size() + 100'000'000) return false;
  unit.root_tag = root.tag;

  if (unit.version >= 5) {
    // Where no attribute says otherwise: behind the header of the section's first table.
    const unsigned header = unit.offset_size == 8 ? 16 : 8;
    unit.string_offsets = header;
    unit.addresses = header;
    unit.range_lists = header + 4;
  }
  const bool is_read = parse_growing(info_, unit.first_die, unit.end, 256, [&](DwarfCursor& cursor) {
    cursor.skip_leb();
    for (const DwarfAttribute& attribute : attributes) {
      const DwarfValue value = read_form(cursor, attribute, unit.offset_size, unit.version);
      if (cursor.failed()) return false;
      switch (attribute.name) {
        case DW_AT_low_pc:
          unit.root_low = value;
          break;
        case DW_AT_high_pc:
          unit.root_high = value;
          break;
        case DW_AT_ranges:
          unit.root_ranges = value;
          break;
        case DW_AT_stmt_list:
          unit.line_program = value.number;
          break;
        case DW_AT_str_offsets_base:
          unit.string_offsets = value.number;
          break;
        case DW_AT_addr_base:
          unit.addresses = value.number;
          break;
        case DW_AT_rnglists_base:
          unit.range_lists = value.number;
          break;
        case DW_AT_language:
          unit.has_scopes = has_scopes(value.number);
          break;
        case DW_AT_dwo_name:
        case DW_AT_GNU_dwo_name:
        case DW_AT_GNU_dwo_id:
          is_complete_ = false;
          break;
        default:
          break;
      }
    }
    return true;
  });
  unit.low_pc = address(unit, unit.root_low).value_or(0);
  return is_read;
}

const DwarfUnit* DwarfFile::unit_at(uint64_t offset) const {
  const auto after = std::upper_bound(units_.begin(), units_.end(), offset,
                                      [](uint64_t wanted, const DwarfUnit& unit) { return wanted < unit.offset; });
  if (after == units_.begin()) return nullptr;
  const DwarfUnit& unit = *(after - 1);
  return offset >= unit.first_die && offset < unit.end ? &unit : nullptr;
}

const AbbreviationTable* DwarfFile::abbreviations(const DwarfUnit& unit) {
  const auto known = tables_.find(unit.abbreviations);
  if (known != tables_.end()) return known->second.get();
  // A crafted file may have as many tables as units, each all the rest of the section.
  if (tables_size_ > kMaxTables) return nullptr;
  auto table = std::make_unique<AbbreviationTable>();
  const bool is_read = parse_growing(abbrev_, unit.abbreviations, abbrev_.size(), 4096, [&](DwarfCursor& cursor) {
    *table = {};
    return table->read(cursor);
  });
  // Of a damaged table, what came before the damage counts.
  tables_size_ += 1 + table->size() + (is_read ? 0 : abbrev_.size() / 4);
  return tables_.emplace(unit.abbreviations, std::move(table)).first->second.get();
}

bool DwarfFile::skip_form(DwarfCursor& cursor, uint64_t form, unsigned offset_size, unsigned version) {
  const int fixed = fixed_form_size(form);
  if (fixed >= 0) {
    cursor.skip(static_cast<uint64_t>(fixed));
    return !cursor.failed();
  }
  switch (form) {
    case DW_FORM_ref_addr:
      cursor.skip(version == 2 ? 8 : offset_size);
      break;
    case DW_FORM_udata:
    case DW_FORM_sdata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_rnglistx:
    case DW_FORM_loclistx:
    case DW_FORM_GNU_str_index:
    case DW_FORM_GNU_addr_index:
      cursor.skip_leb();
      break;
    case DW_FORM_string:
      cursor.string();
      break;
    case DW_FORM_exprloc:
    case DW_FORM_block:
      cursor.skip(cursor.uleb());
      break;
    case DW_FORM_block1:
      cursor.skip(cursor.u8());
      break;
    case DW_FORM_block2:
      cursor.skip(cursor.u16());
      break;
    case DW_FORM_block4:
      cursor.skip(cursor.u32());
      break;
    case DW_FORM_indirect: {
      const uint64_t actual = cursor.uleb();
      if (actual == DW_FORM_indirect || actual == DW_FORM_implicit_const) return cursor.fail(), false;
      return skip_form(cursor, actual, offset_size, version);
    }
    default:
      if (fixed != -2) return cursor.fail(), false;
      cursor.skip(offset_size);
      break;
  }
  return !cursor.failed();
}

DwarfValue DwarfFile::read_form(DwarfCursor& cursor, const DwarfAttribute& attribute, unsigned offset_size,
                                unsigned version) {
  DwarfValue value{.form = attribute.form};
  switch (attribute.form) {
    case DW_FORM_flag_present:
      value.number = 1;
      return value;
    case DW_FORM_implicit_const:
      value.number = static_cast<uint64_t>(attribute.constant);
      return value;
    case DW_FORM_string:
      value.text = cursor.string();
      return value;
    case DW_FORM_sdata:
      value.number = static_cast<uint64_t>(cursor.sleb());
      return value;
    case DW_FORM_udata:
    case DW_FORM_ref_udata:
    case DW_FORM_strx:
    case DW_FORM_addrx:
    case DW_FORM_rnglistx:
    case DW_FORM_loclistx:
    case DW_FORM_GNU_str_index:
    case DW_FORM_GNU_addr_index:
      value.number = cursor.uleb();
      return value;
    case DW_FORM_ref_addr:
      value.number = cursor.number(version == 2 ? 8 : offset_size);
      return value;
    case DW_FORM_indirect: {
      const uint64_t actual = cursor.uleb();
      if (actual == DW_FORM_indirect || actual == DW_FORM_implicit_const || actual > UINT16_MAX)
        return cursor.fail(), DwarfValue();
      return read_form(cursor, {.name = attribute.name, .form = static_cast<uint16_t>(actual)}, offset_size, version);
    }
    default:
      break;
  }
  const int size = fixed_form_size(attribute.form);
  if (size == -2) {
    value.number = cursor.number(offset_size);
  } else if (size > 0 && size <= 8) {
    value.number = cursor.number(static_cast<unsigned>(size));
  } else {
    skip_form(cursor, attribute.form, offset_size, version);
  }
  return value;
}

uint64_t DwarfFile::indexed(SectionBytes& section, uint64_t base, uint64_t index, unsigned size, uint64_t missing) {
  if (index > section.size() / size || base > section.size()) return missing;
  const uint8_t* bytes = section.at(base + index * size, size);
  return bytes != nullptr ? DwarfCursor(bytes, size).number(size) : missing;
}

std::string_view DwarfFile::string_at(uint64_t form, uint64_t offset) {
  switch (form) {
    case DW_FORM_strp:
      return str_.string(offset);
    case DW_FORM_line_strp:
      return line_str_.string(offset);
    case DW_FORM_GNU_strp_alt:
    case DW_FORM_strp_sup:
      return alternate_ != nullptr ? alternate_->str_.string(offset) : std::string_view();
    default:
      return {};
  }
}

std::string_view DwarfFile::string(const DwarfUnit& unit, const DwarfValue& value) {
  switch (value.form) {
    case DW_FORM_string:
      return value.text;
    case DW_FORM_strx:
    case DW_FORM_strx1:
    case DW_FORM_strx2:
    case DW_FORM_strx3:
    case DW_FORM_strx4:
      return str_.string(indexed(str_offsets_, unit.string_offsets, value.number, unit.offset_size, str_.size()));
    default:
      return string_at(value.form, value.number);
  }
}

std::optional<uint64_t> DwarfFile::address(const DwarfUnit& unit, const DwarfValue& value) {
  switch (value.form) {
    case DW_FORM_addr:
      return value.number;
    case DW_FORM_addrx:
    case DW_FORM_addrx1:
    case DW_FORM_addrx2:
    case DW_FORM_addrx3:
    case DW_FORM_addrx4: {
      const uint64_t found = indexed(addr_, unit.addresses, value.number, 8, UINT64_MAX);
      return found != UINT64_MAX ? std::optional(found) : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

DieRef DwarfFile::reference(const DwarfUnit& unit, const DwarfValue& value) {
  switch (value.form) {
    case DW_FORM_ref1:
    case DW_FORM_ref2:
    case DW_FORM_ref4:
    case DW_FORM_ref8:
    case DW_FORM_ref_udata: {
      const uint64_t offset = unit.offset + value.number;
      if (offset < unit.first_die || offset >= unit.end) return {};
      return {&unit, offset};
    }
    case DW_FORM_ref_addr: {
      const DwarfUnit* other = unit_at(value.number);
      return other != nullptr ? DieRef{other, value.number} : DieRef{};
    }
    case DW_FORM_GNU_ref_alt:
    case DW_FORM_ref_sup4:
    case DW_FORM_ref_sup8: {
      const DwarfUnit* other = alternate_ != nullptr ? alternate_->unit_at(value.number) : nullptr;
      return other != nullptr ? DieRef{other, value.number} : DieRef{};
    }
    default:
      return {};
  }
}

void DwarfFile::read_ranges(const DwarfUnit& unit, const DwarfValue& low, const DwarfValue& high,
                            const DwarfValue& ranges, std::vector<Range>& into) {
  const std::optional<uint64_t> start = low ? address(unit, low) : std::nullopt;
  if (start && high) {
    // Up to DWARF 3 an address, since then mostly the size.
    const std::optional<uint64_t> end = address(unit, high);
    const uint64_t last = end ? *end : *start + high.number;
    if (last > *start && range_budget_ > 0) {
      into.push_back({*start, last});
      --range_budget_;
    }
    return;
  }
  if (!ranges) return;
  const bool is_new = unit.version >= 5;
  SectionBytes& section = is_new ? rnglists_ : ranges_;
  uint64_t offset = ranges.number;
  if (ranges.form == DW_FORM_rnglistx) {
    offset = indexed(section, unit.range_lists, ranges.number, unit.offset_size, section.size());
    if (offset >= section.size()) return;
    offset += unit.range_lists;
  }
  const std::size_t before = into.size();
  uint64_t entries = 0;
  parse_growing(section, offset, section.size(), 256, [&](DwarfCursor& cursor) {
    into.resize(before);
    uint64_t base = unit.low_pc;
    while (!cursor.failed() && ++entries < range_budget_) {
      uint64_t first = 0;
      uint64_t last = 0;
      if (!is_new) {
        first = cursor.u64();
        last = cursor.u64();
        if (first == 0 && last == 0) return true;
        if (first == UINT64_MAX) {
          base = last;
          continue;
        }
        first += base;
        last += base;
      } else {
        const auto indexed_address = [&](uint64_t index) { return indexed(addr_, unit.addresses, index, 8, 0); };
        switch (cursor.u8()) {
          case DW_RLE_end_of_list:
            return true;
          case DW_RLE_base_addressx:
            base = indexed_address(cursor.uleb());
            continue;
          case DW_RLE_startx_endx:
            first = indexed_address(cursor.uleb());
            last = indexed_address(cursor.uleb());
            break;
          case DW_RLE_startx_length:
            first = indexed_address(cursor.uleb());
            last = first + cursor.uleb();
            break;
          case DW_RLE_offset_pair:
            first = base + cursor.uleb();
            last = base + cursor.uleb();
            break;
          case DW_RLE_base_address:
            base = cursor.u64();
            continue;
          case DW_RLE_start_end:
            first = cursor.u64();
            last = cursor.u64();
            break;
          case DW_RLE_start_length:
            first = cursor.u64();
            last = first + cursor.uleb();
            break;
          default:
            return true;  // damaged: what came before counts
        }
      }
      if (!cursor.failed() && first < last) into.push_back({first, last});
    }
    return true;
  });
  range_budget_ -= std::min(range_budget_, entries);
}

}  // namespace sightline::symbolizer
