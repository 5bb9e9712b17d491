/// One ELF image, opened for reading: segments, identity, section access. Knows no DWARF.
///
/// The file is untrusted. It is read with pread(2) through libelf rather than mapped, because a mapped file that is
/// truncated under us raises SIGBUS; very large files are mapped all the same, since a copy would not fit.
#pragma once

#include <gelf.h>
#include <libelf.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/unique_fd.h"

namespace sightline::symbolizer {

class ElfFile {
 public:
  struct Opened {
    std::unique_ptr<ElfFile> file;  ///< nullptr if it is no x86-64 ELF file
    std::string reason;             ///< why not, one clause
  };

  /// Opens `path` without ever blocking on it (a fifo, a device); {} with `reason` if it is no regular file.
  static UniqueFd open_regular(const std::string& path, std::string& reason);
  static Opened open(UniqueFd fd);
  /// An image that was never a file: the vDSO.
  static Opened from_memory(std::vector<std::byte> image);

  Elf* elf() const { return elf_.get(); }
  /// -1 for an image from memory.
  int fd() const { return fd_.get(); }
  uint64_t size() const { return size_; }

  /// The file's own address of the byte at `file_offset`, if a segment holds it; executable segments come first.
  std::optional<uint64_t> address_of_offset(uint64_t file_offset) const;
  /// Whether [low, high) lies in one executable segment.
  bool is_executable_range(uint64_t low, uint64_t high) const;
  /// The first address of the first executable segment; 0 if there is none.
  uint64_t start_of_code() const;

  /// The NT_GNU_BUILD_ID note in hexadecimal, "" if there is none.
  const std::string& build_id() const { return build_id_; }
  /// DT_SONAME, "" if there is none.
  const std::string& soname() const { return soname_; }
  /// A program rather than a library: ET_EXEC or DF_1_PIE. (PT_INTERP alone does not tell: libc.so.6 has one.)
  bool is_program() const { return is_program_; }
  /// No PT_INTERP and no DT_NEEDED: the C library, if any, is inside.
  bool is_static() const { return is_program_ && !has_interpreter_ && !has_needed_; }

  /// Section contents as they stand in the file. Empty if it is missing, has no bytes in the file, or is malformed.
  std::span<const std::byte> section(std::string_view name) const;
  Elf_Scn* find_section(uint32_t type) const;
  bool has_section(std::string_view name) const;
  /// nullopt if it is missing.
  std::optional<GElf_Shdr> section_header(std::string_view name) const;

  /// Copies bytes of the file; false if they are not all there.
  bool read(uint64_t file_offset, std::span<std::byte> into) const;

 private:
  struct ElfDeleter {
    void operator()(Elf* elf) const { elf_end(elf); }
  };
  struct Segment {
    uint64_t offset, address, file_size, memory_size;
    bool executable;
  };

  ElfFile() = default;
  std::string load();
  std::string check_sections() const;
  void load_dynamic();
  void load_build_id();
  Elf_Scn* find_section(std::string_view name) const;

  UniqueFd fd_;
  std::vector<std::byte> image_;  // outlives elf_, which points into it
  std::unique_ptr<Elf, ElfDeleter> elf_;
  uint64_t size_ = 0;
  std::vector<Segment> segments_;
  std::string build_id_;
  std::string soname_;
  bool is_program_ = false;
  bool has_interpreter_ = false;
  bool has_needed_ = false;
};

}  // namespace sightline::symbolizer
