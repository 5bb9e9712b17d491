/// From an address to its source line and the functions inlined there, by indexes of our own.
///
/// At the start the address ranges of all units are read, from their root entries (clang writes no .debug_aranges). A
/// unit's line table and functions are read when an address in it is first asked for, in one pass each, into sorted
/// vectors; what was read to make them is given back. Names are read when a frame needs them, and kept.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "symbolizer/dwarf_file.h"
#include "symbolizer/dwarf_functions.h"
#include "symbolizer/dwarf_inlines.h"
#include "symbolizer/dwarf_lines.h"
#include "symbolizer/range_index.h"
#include "symbolizer/source_frame.h"
#include "symbolizer/string_pool.h"

namespace sightline::symbolizer {

class DwarfIndex {
 public:
  /// `dwarf_file` holds the DWARF of `code`, and may be `code`; `alternate` is the file that dwz(1) made, or nullptr.
  /// All must outlive it.
  DwarfIndex(const ElfFile& dwarf_file, const ElfFile* alternate, const ElfFile& code);
  ~DwarfIndex();

  /// False: there are units that only libdw reads.
  bool is_complete() const { return file_->is_complete(); }

  /// The chain of inlined functions at `address`; empty if no unit holds it.
  std::vector<SourceFrame> find(uint64_t address);

 private:
  struct LineTable {
    std::unique_ptr<DwarfLines> lines;
    std::string directory;                // of the unit
    std::vector<std::string_view> paths;  // by DWARF's number; data() == nullptr: not yet known
  };
  struct Names {
    std::string_view linkage, source;
  };
  struct HashDie {
    std::size_t operator()(const DieRef& die) const {
      return std::hash<const void*>{}(die.unit->file) ^ (die.offset * 0x9e3779b97f4a7c15u);
    }
  };

  bool is_code(uint64_t low, uint64_t high) const { return code_.is_executable_range(low, high); }
  void collect_ranges();
  LineTable& lines_of(const DwarfUnit& unit);
  const DwarfFunctions& functions_of(const DwarfUnit& unit);
  const DwarfInlines& inlines_of(const DwarfUnit& unit, const DwarfFunctions::Function& function);
  std::string_view path_of(LineTable& table, uint32_t number);
  const Names& names_of(DieRef die, int depth = 0);
  std::string scope_of(const DieRef& declaration, int depth);

  const ElfFile& code_;
  std::unique_ptr<DwarfFile> alternate_;
  std::unique_ptr<DwarfFile> file_;
  RangeIndex<uint32_t> unit_ranges_;               // numbers of file_->units()
  std::unordered_map<uint64_t, LineTable> lines_;  // by offset in .debug_line
  std::unordered_map<const DwarfUnit*, std::unique_ptr<DwarfFunctions>> functions_;
  std::unordered_map<uint64_t, DwarfInlines> inlines_;  // by offset of the function's entry
  std::size_t inlines_memory_ = 0;
  std::unordered_map<DieRef, Names, HashDie> names_;
  std::size_t rows_ = 0;
  StringPool strings_;
};

}  // namespace sightline::symbolizer
