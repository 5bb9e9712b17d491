/// Everything known about one ELF file: unwind rules, symbols, lines. Each part is read when first asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "symbolizer/debug_info.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/frame_table.h"
#include "symbolizer/string_pool.h"
#include "symbolizer/symbolizer.h"
#include "symbolizer/symbols.h"
#include "symbolizer/unwind_rules.h"
#include "symbolizer/user_line.h"

namespace sightline::symbolizer {

class Module {
 public:
  /// `path` names the file for its class and for finding debug files. `options` and `strings` must outlive the module.
  Module(std::unique_ptr<ElfFile> file, std::string path, const Options& options, StringPool& strings);
  ~Module();

  const ElfFile& file() const { return *file_; }
  FileClass file_class() const { return class_; }

  /// The unwind rule at the file's own address `lookup`. `pc_offset` is the frame's pc as an offset into the file.
  Rule rule_at(uint64_t lookup, uint64_t pc_offset, SlowRulesStore& store);

  /// Whether the bytes before `file_offset` are a call instruction.
  bool is_behind_call(uint64_t file_offset) const;

  struct Description {
    std::vector<Frame> frames;  ///< innermost first, at least one; pc and module are the caller's to fill in
    Rank rank = Rank::runtime;
    uint32_t user_index = 0;  ///< which of `frames` is the user's line, if this place has it
  };
  /// Names and lines at address `pc`, for the instruction that holds `lookup`. `brief` leaves the debug information
  /// of runtime files alone: libc's takes 50 ms to read, and nobody looks at it if only the user's line is wanted.
  Description describe(uint64_t pc, uint64_t lookup, bool brief);

  /// A debug file that was found only now: what is described from here on has its lines.
  void set_debug_file(std::unique_ptr<ElfFile> file);

  /// Why there are no lines, one clause; "" if there are.
  const std::string& reason_without_lines() const { return reason_; }

 private:
  void open_debug_info();
  const SymbolTable& symbols(bool with_debug_file);
  std::string_view readable(std::string_view linkage_name);
  void rate(Description& description, const std::optional<SymbolTable::Symbol>& symbol, bool in_unit) const;

  struct CfiDeleter {
    void operator()(Dwarf_CFI* cfi) const { dwarf_cfi_end(cfi); }
  };

  std::unique_ptr<ElfFile> file_;
  std::string path_;
  const Options& options_;
  StringPool& strings_;
  FileClass class_;

  std::optional<FrameTable> frames_;
  bool cfi_opened_ = false;  // what frames_ does not know
  std::unique_ptr<Dwarf_CFI, CfiDeleter> cfi_;

  bool debug_opened_ = false;
  std::unique_ptr<ElfFile> debug_file_;  // nullptr: the file itself
  std::unique_ptr<DebugInfo> debug_;
  std::string reason_;
  std::unordered_map<const char*, std::string_view> readable_;  // by DWARF's interned linkage name
  std::unique_ptr<SymbolTable> own_symbols_;
  std::unique_ptr<SymbolTable> all_symbols_;  // with the debug file's
};

}  // namespace sightline::symbolizer
