#include "symbolizer/frame_table.h"

#include <dwarf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>

#include "symbolizer/dwarf_cursor.h"

namespace sightline::symbolizer {
namespace {

// How addresses are written (LSB, table 10.5), as linkers for x86-64 do: four bytes, relative to themselves or to the
// beginning of the table.
constexpr uint8_t kHere4 = 0x1b;        // DW_EH_PE_pcrel | DW_EH_PE_sdata4
constexpr uint8_t kFromTable4 = 0x3b;   // DW_EH_PE_datarel | DW_EH_PE_sdata4
constexpr uint8_t kCount4 = 0x03;       // DW_EH_PE_udata4
constexpr uint64_t kTableHeader = 12;   // version, three encodings, address of .eh_frame, count
constexpr uint64_t kTableEntry = 8;     // address of a function, address of its FDE
constexpr uint64_t kMostBytes = 65536;  // of one entry; real ones have some hundred at most
constexpr std::size_t kMostRemembered = 8;
constexpr uint64_t kReturnColumn = 16;

int32_t word_at(const uint8_t* bytes) {
  int32_t word;
  std::memcpy(&word, bytes, sizeof word);
  return word;
}

/// Of a personality routine: 0 if it can't be told.
uint64_t size_of_pointer(uint8_t encoding) {
  if ((encoding & 0x70) == 0x50) return 0;  // DW_EH_PE_aligned
  switch (encoding & 0x07) {
    case 0x00:
    case 0x04:
      return 8;
    case 0x02:
      return 2;
    case 0x03:
      return 4;
  }
  return 0;
}

struct Column {
  enum class Kind : uint8_t { unsaid, undefined, same, saved, other } kind = Kind::unsaid;
  int64_t offset = 0;  ///< saved: from the CFA
};

struct Row {
  enum class Cfa : uint8_t { unsaid, offset, other } cfa = Cfa::unsaid;
  uint64_t cfa_register = 0;
  uint64_t cfa_offset = 0;
  std::array<Column, kReturnColumn + 1> columns{};
};

/// Runs the instructions of a CIE or an FDE. False: something stands there that is not known here.
class Machine {
 public:
  Machine(uint64_t code_factor, int64_t data_factor) : code_factor_(code_factor), data_factor_(data_factor) {}

  /// Of a function: the row of the place `distance` behind its start. `initial` is the CIE's row, nullptr for the CIE.
  bool run(DwarfCursor instructions, uint64_t distance, const Row* initial) {
    uint64_t at = 0;
    while (!instructions.at_end()) {
      const uint8_t byte = instructions.u8();
      const uint8_t low = byte & 0x3f;
      uint64_t advance = 0;
      switch (byte & 0xc0) {
        case DW_CFA_advance_loc:
          advance = low;
          break;
        case DW_CFA_offset:
          save(low, instructions.uleb());
          continue;
        case DW_CFA_restore:
          if (!restore(low, initial)) return false;
          continue;
        default:
          switch (byte) {
            case DW_CFA_advance_loc1:
              advance = instructions.u8();
              break;
            case DW_CFA_advance_loc2:
              advance = instructions.u16();
              break;
            case DW_CFA_advance_loc4:
              advance = instructions.u32();
              break;
            default:
              if (!other(byte, instructions, initial)) return false;
              continue;
          }
      }
      if (initial == nullptr || instructions.failed() || __builtin_mul_overflow(advance, code_factor_, &advance) ||
          __builtin_add_overflow(at, advance, &at))
        return false;
      if (at > distance) break;
    }
    return !instructions.failed();
  }

  Row& row() { return row_; }

 private:
  void set(uint64_t number, Column column) {
    if (number < row_.columns.size()) row_.columns[number] = column;
  }

  void save(uint64_t number, uint64_t factored) {
    int64_t offset = 0;
    if (factored > INT64_MAX || __builtin_mul_overflow(static_cast<int64_t>(factored), data_factor_, &offset))
      set(number, {Column::Kind::other});
    else
      set(number, {Column::Kind::saved, offset});
  }

  bool restore(uint64_t number, const Row* initial) {
    if (initial == nullptr) return false;
    if (number < row_.columns.size()) row_.columns[number] = initial->columns[number];
    return true;
  }

  bool other(uint8_t instruction, DwarfCursor& rest, const Row* initial) {
    uint64_t number = 0;
    switch (instruction) {
      case DW_CFA_nop:
        return true;
      case DW_CFA_def_cfa:
        row_.cfa = Row::Cfa::offset;
        row_.cfa_register = rest.uleb();
        row_.cfa_offset = rest.uleb();
        return true;
      case DW_CFA_def_cfa_register:
        row_.cfa_register = rest.uleb();
        return row_.cfa == Row::Cfa::offset;
      case DW_CFA_def_cfa_offset:
        row_.cfa_offset = rest.uleb();
        return row_.cfa == Row::Cfa::offset;
      case DW_CFA_def_cfa_expression:
        row_.cfa = Row::Cfa::other;
        rest.skip(rest.uleb());
        return true;
      case DW_CFA_offset_extended:
        number = rest.uleb();
        save(number, rest.uleb());
        return true;
      case DW_CFA_restore_extended:
        return restore(rest.uleb(), initial);
      case DW_CFA_undefined:
        set(rest.uleb(), {Column::Kind::undefined});
        return true;
      case DW_CFA_same_value:
        set(rest.uleb(), {Column::Kind::same});
        return true;
      case DW_CFA_register:
        set(rest.uleb(), {Column::Kind::other});
        rest.skip_leb();
        return true;
      case DW_CFA_expression:
      case DW_CFA_val_expression:
        set(rest.uleb(), {Column::Kind::other});
        rest.skip(rest.uleb());
        return true;
      case DW_CFA_remember_state:
        if (remembered_ == stack_.size()) return false;
        stack_[remembered_++] = row_;
        return true;
      case DW_CFA_restore_state:
        if (remembered_ == 0) return false;
        row_ = stack_[--remembered_];
        return true;
      case DW_CFA_GNU_args_size:
        rest.skip_leb();
        return true;
    }
    return false;
  }

  uint64_t code_factor_;
  int64_t data_factor_;
  Row row_;
  std::array<Row, kMostRemembered> stack_;
  std::size_t remembered_ = 0;
};

/// nullopt: no simple rule.
std::optional<Rule> rule_of(const Row& row) {
  using Kind = Column::Kind;
  Rule rule;
  const auto slot = [](const Column& column) -> std::optional<int16_t> {
    const int64_t number = column.offset / 8;
    if (column.offset % 8 != 0 || number <= Rule::kSameValue || number > INT16_MAX) return std::nullopt;
    return static_cast<int16_t>(number);
  };
  const Column& caller = row.columns[kReturnColumn];
  if (caller.kind == Kind::undefined) {
    rule.kind = Rule::Kind::end;
    return rule;
  }
  if (caller.kind != Kind::saved || row.cfa != Row::Cfa::offset || row.cfa_register >= kReturnColumn ||
      row.cfa_offset > INT32_MAX || row.columns[Registers::kSp].kind != Kind::unsaid)
    return std::nullopt;
  rule.kind = Rule::Kind::simple;
  rule.cfa_register = static_cast<uint8_t>(row.cfa_register);
  rule.cfa_offset = static_cast<int32_t>(row.cfa_offset);
  const std::optional<int16_t> return_slot = slot(caller);
  if (!return_slot) return std::nullopt;
  rule.return_slot = *return_slot;
  for (std::size_t i = 0; i < Rule::kCalleeSaved.size(); ++i) {
    const Column& column = row.columns[Rule::kCalleeSaved[i]];
    if (column.kind == Kind::other) return std::nullopt;
    if (column.kind != Kind::saved) continue;
    const std::optional<int16_t> saved = slot(column);
    if (!saved) return std::nullopt;
    rule.saved[i] = *saved;
  }
  return rule;
}

}  // namespace

FrameTable::FrameTable(const ElfFile& file) : file_(file), table_(file, ".eh_frame_hdr") {
  const std::optional<GElf_Shdr> table_header = file.section_header(".eh_frame_hdr");
  const std::optional<GElf_Shdr> frames_header = file.section_header(".eh_frame");
  const uint8_t* table = table_.at(0, kTableHeader);
  if (!table || !table_header || !frames_header || frames_header->sh_type == SHT_NOBITS ||
      (frames_header->sh_flags & SHF_COMPRESSED) != 0 || frames_header->sh_size > file.size() ||
      frames_header->sh_offset > file.size() - frames_header->sh_size)
    return;
  constexpr std::array<uint8_t, 4> kKnown = {1, kHere4, kCount4, kFromTable4};
  if (std::memcmp(table, kKnown.data(), kKnown.size()) != 0) return;
  table_address_ = table_header->sh_addr;
  frames_address_ = frames_header->sh_addr;
  frames_offset_ = frames_header->sh_offset;
  frames_size_ = frames_header->sh_size;
  if (table_address_ + 4 + static_cast<uint64_t>(int64_t{word_at(table + 4)}) != frames_address_) return;
  const uint64_t count = static_cast<uint32_t>(word_at(table + 8));
  if (count <= (table_.size() - kTableHeader) / kTableEntry) count_ = count;
}

/// The offset of the last FDE in the table that starts at `address` or before.
std::optional<uint64_t> FrameTable::look_up(uint64_t address) {
  uint64_t low = 0;
  uint64_t high = count_;
  std::optional<uint64_t> found;
  while (low < high) {
    const uint64_t middle = low + (high - low) / 2;
    const uint8_t* entry = table_.at(kTableHeader + middle * kTableEntry, kTableEntry);
    if (!entry) return std::nullopt;
    if (address < table_address_ + static_cast<uint64_t>(int64_t{word_at(entry)})) {
      high = middle;
    } else {
      found = table_address_ + static_cast<uint64_t>(int64_t{word_at(entry + 4)}) - frames_address_;
      low = middle + 1;
    }
  }
  return found;
}

/// False: nothing that is known here.
bool FrameTable::read_entry(uint64_t offset, Entry& entry) const {
  constexpr std::size_t kUsual = 128;  // most are shorter, and read at once
  constexpr std::size_t kLength = 4;
  std::array<uint8_t, kUsual> first;
  if (offset >= frames_size_ || frames_size_ - offset < kLength) return false;
  const std::size_t read = std::min<uint64_t>(first.size(), frames_size_ - offset);
  if (!file_.read(frames_offset_ + offset, std::as_writable_bytes(std::span(first).first(read)))) return false;
  const uint64_t size = static_cast<uint32_t>(word_at(first.data()));
  if (size < 4 || size > kMostBytes || size > frames_size_ - offset - kLength) return false;
  entry.resize(size);
  if (size <= read - kLength) {
    std::memcpy(entry.data(), first.data() + kLength, size);
    return true;
  }
  return file_.read(frames_offset_ + offset + kLength, std::as_writable_bytes(std::span(entry)));
}

/// The CIE at `offset`, into common_.
bool FrameTable::read_common(uint64_t offset) {
  if (common_offset_ == offset) return true;
  common_offset_.reset();
  if (!read_entry(offset, common_bytes_)) return false;
  DwarfCursor cursor(common_bytes_.data(), common_bytes_.size());
  const uint32_t id = cursor.u32();
  const uint8_t version = cursor.u8();
  const std::string_view augmentation = cursor.string();
  if (id != 0 || (version != 1 && version != 3) || !augmentation.starts_with('z')) return false;
  Common common;
  common.code_factor = cursor.uleb();
  common.data_factor = cursor.sleb();
  const uint64_t return_column = version == 1 ? cursor.u8() : cursor.uleb();
  const uint64_t data_size = cursor.uleb();
  if (cursor.failed() || return_column != kReturnColumn || data_size > cursor.left()) return false;
  DwarfCursor data(cursor.position(), data_size);
  cursor.skip(data_size);
  bool addresses_known = false;
  for (const char letter : augmentation.substr(1)) {
    if (letter == 'R') {
      addresses_known = data.u8() == kHere4;
    } else if (letter == 'L') {
      data.u8();
    } else if (letter == 'P') {
      const uint64_t pointer = size_of_pointer(data.u8());
      if (pointer == 0) return false;
      data.skip(pointer);
    } else {
      return false;  // S: a signal's frame; others mean nothing on this machine
    }
  }
  if (!addresses_known || data.failed()) return false;
  common.program = {cursor.position(), cursor.left()};
  common_ = common;
  common_offset_ = offset;
  return true;
}

std::optional<FrameTable::Function> FrameTable::function_at(uint64_t offset) {
  if (!read_entry(offset, function_bytes_)) return std::nullopt;
  DwarfCursor cursor(function_bytes_.data(), function_bytes_.size());
  const uint64_t back = cursor.u32();  // from here to the CIE
  if (back == 0 || back > offset + 4 || !read_common(offset + 4 - back)) return std::nullopt;
  Function function;
  const uint64_t here = frames_address_ + offset + 8;
  function.start = here + static_cast<uint64_t>(int64_t{static_cast<int32_t>(cursor.u32())});
  const auto length = static_cast<int32_t>(cursor.u32());
  cursor.skip(cursor.uleb());
  if (cursor.failed() || length < 0) return std::nullopt;
  function.size = static_cast<uint64_t>(length);
  function.program = {cursor.position(), cursor.left()};
  return function;
}

std::optional<Rule> FrameTable::rule_at(uint64_t address) {
  if (count_ == 0) return std::nullopt;
  const std::optional<uint64_t> offset = look_up(address);
  const std::optional<Function> function = offset ? function_at(*offset) : std::nullopt;
  if (!function || address < function->start) return std::nullopt;
  if (address - function->start >= function->size) return Rule{};
  Machine machine(common_.code_factor, common_.data_factor);
  if (!machine.run({common_.program.bytes, common_.program.size}, 0, nullptr)) return std::nullopt;
  const Row initial = machine.row();
  if (!machine.run({function->program.bytes, function->program.size}, address - function->start, &initial))
    return std::nullopt;
  return rule_of(machine.row());
}

}  // namespace sightline::symbolizer
