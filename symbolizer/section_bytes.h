/// The bytes of one ELF section, read from the file page by page as they are asked for.
///
/// Debug information is many times larger than the part of it that a trace needs. Mapping the file would read it lazily
/// too, but one that is cut off under us would raise SIGBUS. So the section has a place in memory of its own, reserved
/// but not filled, and pages are read into it with pread(2): addresses stay, memory is taken only for what was read.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "symbolizer/elf_file.h"

namespace sightline::symbolizer {

class SectionBytes {
 public:
  SectionBytes() = default;
  /// Section `name` of `file`, unpacked if it is compressed (".zdebug_info" counts as ".debug_info"). `file` must
  /// outlive it. Empty if there is none.
  SectionBytes(const ElfFile& file, std::string_view name);
  SectionBytes(const SectionBytes&) = delete;
  SectionBytes& operator=(const SectionBytes&) = delete;
  SectionBytes(SectionBytes&& other) noexcept { *this = std::move(other); }
  SectionBytes& operator=(SectionBytes&& other) noexcept;
  ~SectionBytes();

  uint64_t size() const { return size_; }
  /// Bytes that release() could give back.
  uint64_t held() const { return pages_held_ << kPageBits; }

  /// The bytes [offset, offset + size). nullptr: they are not all within the section, or cannot be read. Stay where
  /// they are; release() makes them unspecified.
  const uint8_t* at(uint64_t offset, uint64_t size) {
    if (offset > size_ || size > size_ - offset) return nullptr;
    if (is_whole_ || is_read(offset, size) || read(offset, size)) return base_ + offset;
    return nullptr;
  }

  /// The string at `offset`; "" if it does not end within the section, or after kLongestString bytes.
  std::string_view string(uint64_t offset);

  /// Gives back the memory of the pages that lie wholly within [offset, offset + size).
  void release(uint64_t offset, uint64_t size);

  static constexpr std::size_t kLongestString = std::size_t{1} << 20;

 private:
  static constexpr unsigned kPageBits = 12;
  static constexpr uint64_t kPage = uint64_t{1} << kPageBits;
  static constexpr uint64_t kSmall = uint64_t{256} << 10;  // what is mapped takes two calls more
  static constexpr uint64_t kAtOnce = uint64_t{32} << 10;  // read as a whole: fewer calls than page by page
  bool is_read(uint64_t offset, uint64_t size) const {
    if (size == 0) return true;
    for (uint64_t page = offset >> kPageBits; page <= (offset + size - 1) >> kPageBits; ++page)
      if (pages_[page] == 0) return false;
    return true;
  }
  bool read(uint64_t offset, uint64_t size);

  const ElfFile* file_ = nullptr;
  uint8_t* base_ = nullptr;
  uint64_t size_ = 0;
  uint64_t file_offset_ = 0;
  bool is_whole_ = true;              // base_ belongs to libelf or unpacked_, and all of it is there
  std::unique_ptr<uint8_t[]> small_;  // what base_ points to if it is little; else it is mapped
  uint64_t pages_held_ = 0;
  std::vector<uint8_t> pages_;  // 1: read
  std::vector<uint8_t> unpacked_;
};

}  // namespace sightline::symbolizer
