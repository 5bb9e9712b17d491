/// A .dwp file: the split units of a whole program, packed into one file with an index.
///
/// The index is that of DWARF 5, section 7.3.5, or the one GNU tools wrote for DWARF 4 before it (version 2,
/// https://gcc.gnu.org/wiki/DebugFissionDWP). libdw 0.188 reads neither. So a unit is cut out and put into an ELF image
/// of its own, together with what its skeleton in the program lends it, in a form that libdw reads like any other file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "symbolizer/elf_file.h"
#include "symbolizer/section_bytes.h"

namespace sightline::symbolizer {

/// What a split unit takes from its skeleton (DWARF 5, section 3.1.3).
struct Skeleton {
  uint64_t id = 0;
  uint16_t version = 5;
  uint64_t low_pc = 0;        ///< what its ranges are relative to
  uint64_t address_base = 0;  ///< where its addresses begin in .debug_addr
  uint64_t range_base = 0;    ///< DWARF 4: where its range lists begin in .debug_ranges
};

class DwarfPackage {
 public:
  /// The package beside the program, `path`.dwp. nullptr: there is none, or it has no index that is known.
  static std::unique_ptr<DwarfPackage> open(const std::string& path);

  /// The unit of `skeleton` as a file of its own, its addresses and ranges taken from `program`. nullptr: it is not in
  /// the package, or damaged. What is unpacked in all is bounded.
  std::unique_ptr<ElfFile> unit(const Skeleton& skeleton, const ElfFile& program);

 private:
  enum Part : uint8_t { info, abbrev, line, string_offsets, range_lists, kParts };
  struct Piece {
    uint32_t offset = 0, size = 0;
  };
  struct Row {
    Piece pieces[kParts];
  };

  DwarfPackage() = default;
  bool read_index();

  std::unique_ptr<ElfFile> file_;
  SectionBytes sections_[kParts];
  SectionBytes strings_;
  std::unordered_map<uint64_t, Row> rows_;  // by the unit's id
  uint64_t unpacked_ = 0;
};

}  // namespace sightline::symbolizer
