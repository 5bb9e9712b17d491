/// Source lines and inlined functions from one file's DWARF.
///
/// libdw's own address lookup relies on .debug_aranges, which clang does not write; so the address ranges of all
/// compilation units are collected once, from their DIEs. Everything else is parsed unit by unit, when an address in
/// it is first asked for: the line table, and an index of the unit's functions.
///
/// DWARF 2 to 5, split DWARF (.dwo beside the object files; no .dwp), and dwz(1)'s alternate files.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/elf_file.h"
#include "symbolizer/range_index.h"

namespace sightline::symbolizer {

/// One level of inlining at an address, innermost first. The last is the function that owns the code.
struct SourceFrame {
  std::string linkage_name;     ///< mangled; "" in C
  std::string name;             ///< as the source spells it; "" if DWARF names no function here
  uint64_t function_start = 0;  ///< first address of the function that owns the code, 0 if unknown
  std::string file;
  uint32_t line = 0;
  uint32_t column = 0;
  bool line_is_near = false;
};

class DebugInfo {
 public:
  struct Opened {
    std::unique_ptr<DebugInfo> info;
    std::string reason;  ///< one clause, if there is none
  };
  /// `dwarf_file` (path `path`) holds the DWARF of `code`, and may be `code`. Both must outlive the result.
  static Opened open(const ElfFile& dwarf_file, const ElfFile& code, const std::string& path,
                     std::span<const std::string> debug_directories);
  ~DebugInfo();

  /// .debug_frame, nullptr if there is none. Owned by libdw.
  Dwarf_CFI* frame_info() const;

  /// The chain of inlined functions at `address`; empty if no compilation unit holds it.
  std::vector<SourceFrame> find(uint64_t address);

 private:
  struct DwarfDeleter {
    void operator()(Dwarf* dwarf) const { dwarf_end(dwarf); }
  };
  /// A compilation unit. `lines` and `functions` are filled at its first hit.
  struct Unit {
    Dwarf_Die die{};
    Dwarf_Die contents{};  ///< where the DIEs are: `die`, or the split unit's
    bool loaded = false;
    bool searched_deep = false;
    Dwarf_Lines* lines = nullptr;
    std::size_t line_count = 0;
    Dwarf_Files* files = nullptr;
    std::size_t file_count = 0;
    std::string directory;  ///< DW_AT_comp_dir
    RangeIndex<Dwarf_Die> functions;
  };

  DebugInfo() = default;
  std::string attach_alternate(const std::string& path, std::span<const std::string> directories);
  void collect_units(const ElfFile& code);
  void load(Unit& unit) const;
  void index_functions(Unit& unit, bool deep) const;
  const Dwarf_Die* find_function(Unit& unit, uint64_t address) const;
  static std::string source_path(const Unit& unit, std::string_view name);
  void find_line(const Unit& unit, uint64_t address, SourceFrame& frame) const;
  void set_call_site(const Unit& unit, Dwarf_Die& inlined, SourceFrame& caller) const;

  std::unique_ptr<ElfFile> alternate_file_;
  std::unique_ptr<Dwarf, DwarfDeleter> alternate_;
  std::unique_ptr<Dwarf, DwarfDeleter> dwarf_;
  std::vector<Unit> units_;
  RangeIndex<uint32_t> unit_ranges_;
};

/// Joins `name` to `directory` if it is relative, and resolves "." and ".." by their letter.
std::string join_source_path(std::string_view directory, std::string_view name);

}  // namespace sightline::symbolizer
