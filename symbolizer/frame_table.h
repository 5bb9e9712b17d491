/// The usual unwind rules, straight from .eh_frame: only those of the place in question are read.
///
/// libdw (unwind_rules.h) knows all that may stand there, and reads the whole section for it: that of a C library takes
/// longer than everything else that is to be known of a place in it. What compilers write for nearly all functions is
/// little: the CFA is a register and an offset, registers are saved at offsets from it. This is read here. Of anything
/// else this says that it does not know; where it knows, the rule is the one that compile_rule() makes of libdw's row.
///
/// The source is the Linux Standard Base's description of .eh_frame and .eh_frame_hdr (LSB Core 5.0, section 10.6), and
/// DWARF 5, section 6.4, for the instructions.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "symbolizer/elf_file.h"
#include "symbolizer/section_bytes.h"
#include "symbolizer/unwind_rules.h"

namespace sightline::symbolizer {

class FrameTable {
 public:
  /// `file` must outlive it.
  explicit FrameTable(const ElfFile& file);

  /// The rule for `address` (the file's own), Kind::none if the file has none. nullopt: ask libdw.
  std::optional<Rule> rule_at(uint64_t address);

 private:
  /// What rules have in common (a CIE), and those of one function (an FDE).
  struct Program {
    const uint8_t* bytes = nullptr;
    uint64_t size = 0;
  };
  struct Common {
    Program program;
    uint64_t code_factor = 0;
    int64_t data_factor = 0;
  };
  struct Function {
    Program program;
    uint64_t start = 0;
    uint64_t size = 0;
  };

  /// One entry of .eh_frame, behind its length.
  using Entry = std::vector<uint8_t>;

  std::optional<uint64_t> look_up(uint64_t address);
  bool read_entry(uint64_t offset, Entry& entry) const;
  bool read_common(uint64_t offset);
  std::optional<Function> function_at(uint64_t offset);

  const ElfFile& file_;
  SectionBytes table_;
  uint64_t table_address_ = 0;
  uint64_t frames_address_ = 0;
  uint64_t frames_offset_ = 0;  ///< in the file
  uint64_t frames_size_ = 0;
  // Of the last look-up: nearly all functions of a file share one.
  std::optional<uint64_t> common_offset_;
  Entry common_bytes_;
  Common common_;
  Entry function_bytes_;
  uint64_t count_ = 0;  ///< of functions in the table; 0: there is none that can be read here
};

}  // namespace sightline::symbolizer
