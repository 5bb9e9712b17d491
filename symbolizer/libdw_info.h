/// Source lines and inlined functions by libdw, unit by unit.
///
/// DwarfIndex does the same many times faster and is asked first; this remains for split DWARF (.dwo beside the object
/// files, or all of them in a .dwp beside the program), and as what tests compare it with.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/dwarf_package.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/range_index.h"
#include "symbolizer/source_frame.h"
#include "symbolizer/string_pool.h"

namespace sightline::symbolizer {

class LibdwInfo {
 public:
  /// `alternate` (may be nullptr) is the file that dwz(1) made. All must outlive the result. nullptr: no or damaged
  /// debug information. A package of split units is looked for beside `path`, the program.
  static std::unique_ptr<LibdwInfo> open(const ElfFile& dwarf_file, const ElfFile* alternate, const ElfFile& code,
                                         const std::string& path);
  ~LibdwInfo();

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
    std::unique_ptr<ElfFile> packed_file;  ///< a split unit from a package: what `contents` lies in
    std::unique_ptr<Dwarf, DwarfDeleter> packed;
  };

  LibdwInfo() = default;
  void collect_units();
  void load(Unit& unit);
  bool take_from_package(Unit& unit);
  void index_functions(Unit& unit, bool deep) const;
  const RangeIndex<Dwarf_Die>::Range* find_function(Unit& unit, uint64_t address) const;
  static std::string source_path(const Unit& unit, std::string_view name);
  void find_line(const Unit& unit, uint64_t address, SourceFrame& frame);
  void set_call_site(const Unit& unit, Dwarf_Die& inlined, SourceFrame& caller);

  const ElfFile* dwarf_file_ = nullptr;
  const ElfFile* code_ = nullptr;
  std::string path_;
  bool tried_package_ = false;
  std::unique_ptr<DwarfPackage> package_;
  std::unique_ptr<Dwarf, DwarfDeleter> alternate_;
  std::unique_ptr<Dwarf, DwarfDeleter> dwarf_;
  bool has_units_ = false;
  std::vector<Unit> units_;
  RangeIndex<uint32_t> unit_ranges_;
  StringPool strings_;
};

}  // namespace sightline::symbolizer
