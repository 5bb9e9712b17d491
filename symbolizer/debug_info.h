/// Source lines and inlined functions from one file's debug information.
///
/// DWARF 2 to 5, split DWARF (.dwo beside the object files, .dwp beside the program), and dwz(1)'s alternate files.
/// DwarfIndex reads all but split DWARF, which is left to libdw, as is .debug_frame.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "symbolizer/dwarf_index.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/libdw_info.h"
#include "symbolizer/source_frame.h"

namespace sightline::symbolizer {

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

  /// .debug_frame, nullptr if there is none. Lives as long as this.
  Dwarf_CFI* frame_info();

  /// The chain of inlined functions at `address`; empty if no compilation unit holds it.
  std::vector<SourceFrame> find(uint64_t address);

 private:
  DebugInfo(const ElfFile& dwarf_file, const ElfFile& code, std::string path)
      : dwarf_file_(dwarf_file), code_(code), path_(std::move(path)) {}
  LibdwInfo* libdw();

  const ElfFile& dwarf_file_;
  const ElfFile& code_;
  const std::string path_;
  std::unique_ptr<ElfFile> alternate_;
  std::unique_ptr<DwarfIndex> index_;
  bool tried_libdw_ = false;
  std::unique_ptr<LibdwInfo> libdw_;
};

}  // namespace sightline::symbolizer
