#include "symbolizer/dwarf_lines.h"

#include <dwarf.h>

#include <algorithm>
#include <array>

namespace sightline::symbolizer {
namespace {

// Rows of line 0 that are passed over in search of one with a line.
constexpr int kMaxRowsBack = 64;
// Entries of the tables of directories and files. Programs made of one unit (LTO's are not) have some thousands.
constexpr std::size_t kMaxNames = DwarfLines::kNoFile;

}  // namespace

struct DwarfLines::Header {
  uint8_t offset_size = 4;
  uint16_t version = 0;
  uint8_t instruction_size = 1;
  int8_t line_base = 0;
  uint8_t line_range = 1;
  uint8_t opcode_base = 0;
  std::array<uint8_t, 256> operands{};  // of standard opcodes
  const uint8_t* program = nullptr;
};

DwarfLines::DwarfLines(const DwarfUnit& unit, const std::function<bool(uint64_t, uint64_t)>& keep,
                       std::size_t most_rows)
    : unit_(unit) {
  SectionBytes& section = unit.file->line();
  const uint8_t* length_bytes = section.at(unit.line_program, 12);
  if (length_bytes == nullptr) return;
  DwarfCursor length_cursor(length_bytes, 12);
  Header header;
  uint64_t length = length_cursor.u32();
  if (length == 0xffffffff) {
    header.offset_size = 8;
    length = length_cursor.u64();
  }
  const uint64_t begin = unit.line_program + (12 - length_cursor.left());
  const uint8_t* bytes = section.at(begin, length);
  if (bytes == nullptr) return;
  start_ = section.at(0, 0);
  DwarfCursor cursor(bytes, length);
  if (read_header(cursor, header)) {
    DwarfCursor program(header.program, length - static_cast<uint64_t>(header.program - bytes));
    run(program, header, keep, most_rows);
  }
  rows_.shrink_to_fit();
  files_.shrink_to_fit();
  sequences_.finish();
}

bool DwarfLines::read_header(DwarfCursor& cursor, Header& header) {
  header.version = cursor.u16();
  if (header.version < 2 || header.version > 5) return false;
  if (header.version >= 5) {
    const uint8_t address_size = cursor.u8();
    cursor.skip(1);  // bytes of a segment selector
    if (address_size != 8) return false;
  }
  const uint64_t header_length = cursor.number(header.offset_size);
  if (header_length > cursor.left()) return false;
  header.program = cursor.position() + header_length;
  header.instruction_size = cursor.u8();
  if (header.version >= 4) cursor.skip(1);  // operations of an instruction, 1 but for VLIW machines
  cursor.skip(1);                           // default_is_stmt
  header.line_base = static_cast<int8_t>(cursor.u8());
  header.line_range = cursor.u8();
  header.opcode_base = cursor.u8();
  for (unsigned opcode = 1; opcode < header.opcode_base; ++opcode) header.operands[opcode] = cursor.u8();
  if (header.line_range == 0 || cursor.failed()) return false;
  if (header.version < 5) return read_old_names(cursor, header);
  return read_names(cursor, header, directories_) && read_names(cursor, header, files_);
}

bool DwarfLines::read_old_names(DwarfCursor& cursor, const Header& header) {
  counts_from_one_ = true;
  directories_.emplace_back();  // number 0 is the unit's own
  const auto offset_of = [&](std::string_view text) {
    return static_cast<uint64_t>(reinterpret_cast<const uint8_t*>(text.data()) - start_);
  };
  while (cursor.position() < header.program && directories_.size() < kMaxNames) {
    const std::string_view name = cursor.string();
    if (name.empty()) break;
    directories_.push_back({.offset = offset_of(name), .directory = 0, .form = DW_FORM_string});
  }
  while (cursor.position() < header.program && files_.size() < kMaxNames) {
    const std::string_view name = cursor.string();
    if (name.empty()) break;
    const auto directory = static_cast<uint32_t>(std::min<uint64_t>(cursor.uleb(), UINT32_MAX));
    cursor.skip_leb();  // time of modification
    cursor.skip_leb();  // size
    files_.push_back({.offset = offset_of(name), .directory = directory, .form = DW_FORM_string});
  }
  return !cursor.failed();
}

bool DwarfLines::read_names(DwarfCursor& cursor, const Header& header, std::vector<Name>& into) {
  struct Column {
    uint64_t content;
    DwarfAttribute attribute;
  };
  std::vector<Column> columns;
  for (unsigned count = cursor.u8(); count > 0; --count) {
    const uint64_t content = cursor.uleb();
    const uint64_t form = cursor.uleb();
    if (form > UINT16_MAX || form == DW_FORM_indirect || form == DW_FORM_implicit_const) return false;
    columns.push_back({content, {.name = 0, .form = static_cast<uint16_t>(form)}});
  }
  const uint64_t count = cursor.uleb();
  // An entry without a byte would let the count be anything.
  if (cursor.failed() || count > cursor.left() || (count > 0 && columns.empty())) return false;
  for (uint64_t i = 0; i < count && into.size() < kMaxNames; ++i) {
    Name name;
    for (const Column& column : columns) {
      const DwarfValue value = DwarfFile::read_form(cursor, column.attribute, header.offset_size, 5);
      if (cursor.failed()) return false;
      if (column.content == DW_LNCT_path) {
        name.form = value.form;
        name.offset = value.form == DW_FORM_string
                          ? static_cast<uint64_t>(reinterpret_cast<const uint8_t*>(value.text.data()) - start_)
                          : value.number;
      } else if (column.content == DW_LNCT_directory_index) {
        name.directory = static_cast<uint32_t>(std::min<uint64_t>(value.number, UINT32_MAX));
      }
    }
    into.push_back(name);
  }
  return true;
}

void DwarfLines::run(DwarfCursor& cursor, const Header& header, const std::function<bool(uint64_t, uint64_t)>& keep,
                     std::size_t most_rows) {
  struct Raw {
    uint64_t address;
    Row row;
  };
  std::vector<Raw> sequence;
  uint64_t address = 0;
  uint64_t file = 1;
  uint64_t line = 1;
  uint64_t column = 0;
  const auto add_row = [&] {
    const uint32_t shown = line <= UINT32_MAX ? static_cast<uint32_t>(line) : 0;
    const Row row{.offset = 0,
                  .line = shown,
                  .file = static_cast<uint16_t>(std::min<uint64_t>(file, kNoFile)),
                  .column = static_cast<uint16_t>(column <= UINT16_MAX ? column : 0)};
    if (!sequence.empty()) {
      Raw& last = sequence.back();
      // Of several rows for one address the last counts; one of line 0 must leave what it is near to.
      if (last.address == address && shown != 0) {
        last.row = row;
        return;
      }
      if (last.row.line == row.line && last.row.file == row.file && last.row.column == row.column) return;
    }
    sequence.push_back({address, row});
  };
  const auto end_sequence = [&] {
    if (!sequence.empty()) {
      const auto before = [](const Raw& a, const Raw& b) { return a.address < b.address; };
      if (!std::is_sorted(sequence.begin(), sequence.end(), before))
        std::stable_sort(sequence.begin(), sequence.end(), before);
      const uint64_t low = sequence.front().address;
      if (address > low && address - low <= UINT32_MAX && rows_.size() + sequence.size() <= most_rows &&
          keep(low, address)) {
        sequences_.add(low, address, {static_cast<uint32_t>(rows_.size()), static_cast<uint32_t>(sequence.size())});
        for (Raw& raw : sequence) {
          raw.row.offset = static_cast<uint32_t>(std::min<uint64_t>(raw.address - low, UINT32_MAX));
          rows_.push_back(raw.row);
        }
      }
      sequence.clear();
    }
    address = 0;
    file = 1;
    line = 1;
    column = 0;
  };

  while (!cursor.at_end()) {
    const uint8_t opcode = cursor.u8();
    if (opcode >= header.opcode_base) {
      const unsigned adjusted = opcode - header.opcode_base;
      address += uint64_t{adjusted / header.line_range} * header.instruction_size;
      line += static_cast<uint64_t>(header.line_base + static_cast<int>(adjusted % header.line_range));
      add_row();
      continue;
    }
    switch (opcode) {
      case 0: {  // an extended opcode
        const uint64_t size = cursor.uleb();
        if (size == 0 || size > cursor.left()) return;
        DwarfCursor extended(cursor.position(), size);
        cursor.skip(size);
        switch (extended.u8()) {
          case DW_LNE_end_sequence:
            end_sequence();
            break;
          case DW_LNE_set_address:
            if (size != 9) return;
            address = extended.u64();
            break;
          default:
            break;
        }
        break;
      }
      case DW_LNS_copy:
        add_row();
        break;
      case DW_LNS_advance_pc:
        address += cursor.uleb() * header.instruction_size;
        break;
      case DW_LNS_advance_line:
        line += static_cast<uint64_t>(cursor.sleb());
        break;
      case DW_LNS_set_file:
        file = cursor.uleb();
        break;
      case DW_LNS_set_column:
        column = cursor.uleb();
        break;
      case DW_LNS_const_add_pc:
        address += uint64_t{(255u - header.opcode_base) / header.line_range} * header.instruction_size;
        break;
      case DW_LNS_fixed_advance_pc:
        address += cursor.u16();
        break;
      default:
        for (unsigned i = 0; i < header.operands[opcode]; ++i) cursor.skip_leb();
        break;
    }
  }
}

DwarfLines::Place DwarfLines::find(uint64_t address) const {
  const auto* range = sequences_.find(address);
  if (range == nullptr) return {.file = kNoFile};
  const auto begin = rows_.begin() + range->value.first;
  auto row = std::upper_bound(begin, begin + range->value.count, address - range->low,
                              [](uint64_t wanted, const Row& candidate) { return wanted < candidate.offset; });
  for (int back = 0; back < kMaxRowsBack && row != begin; ++back) {
    --row;
    if (row->line != 0) return {.file = row->file, .line = row->line, .column = row->column, .is_near = back > 0};
  }
  return {.file = kNoFile};
}

std::string_view DwarfLines::text(const Name& name) const {
  SectionBytes& line = unit_.file->line();
  return name.form == DW_FORM_string
             ? line.string(name.offset)
             : unit_.file->string(unit_, {.form = name.form, .number = name.offset, .text = {}});
}

std::string DwarfLines::file_path(uint32_t number) const {
  if (counts_from_one_ && number == 0) return {};
  const std::size_t index = counts_from_one_ ? number - 1 : number;
  if (index >= files_.size() || number == kNoFile) return {};
  const std::string_view name = text(files_[index]);
  const std::size_t directory = files_[index].directory;
  if (name.empty() || name.starts_with('/') || directory >= directories_.size()) return std::string(name);
  const std::string_view home = text(directories_[directory]);
  return home.empty() ? std::string(name) : std::string(home) + "/" + std::string(name);
}

}  // namespace sightline::symbolizer
