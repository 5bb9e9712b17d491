#include "symbolizer/section_bytes.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <string>
#include <utility>

#include "symbolizer/zstd_section.h"

namespace sightline::symbolizer {
namespace {

struct Found {
  Elf_Scn* section = nullptr;
  GElf_Shdr header{};
  bool is_old_compressed = false;  // ".zdebug_…", as GNU tools wrote before the ELF specification knew of compression
};

Found find(const ElfFile& file, std::string_view name) {
  std::size_t names = 0;
  if (elf_getshdrstrndx(file.elf(), &names) != 0) return {};
  const std::string old_name = ".z" + std::string(name.substr(1));
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.elf(), section));) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS) continue;
    const char* found = elf_strptr(file.elf(), names, header.sh_name);
    if (found && (name == found || old_name == found)) return {section, header, name != found};
  }
  return {};
}

}  // namespace

SectionBytes::SectionBytes(const ElfFile& file, std::string_view name) : file_(&file) {
  const Found found = find(file, name);
  if (!found.section) return;
  const bool is_compressed = (found.header.sh_flags & SHF_COMPRESSED) != 0;
  if (is_compressed && is_zstd(found.section)) {
    unpacked_ = unpack_zstd(found.section);
    base_ = unpacked_.data();
    size_ = unpacked_.size();
    return;
  }
  if (is_compressed && elf_compress(found.section, 0, 0) < 0) return;
  if (found.is_old_compressed && !is_compressed && elf_compress_gnu(found.section, 0, 0) < 0) return;
  if (is_compressed || found.is_old_compressed || file.fd() < 0) {
    const Elf_Data* data = elf_rawdata(found.section, nullptr);
    if (!data || !data->d_buf) return;
    base_ = static_cast<uint8_t*>(data->d_buf);
    size_ = data->d_size;
    return;
  }
  const GElf_Shdr& header = found.header;
  if (header.sh_size == 0 || header.sh_size > file.size() || header.sh_offset > file.size() - header.sh_size) return;
  if (header.sh_size <= kSmall) {
    small_ = std::make_unique_for_overwrite<uint8_t[]>(header.sh_size);
    base_ = small_.get();
  } else {
    void* memory =
        ::mmap(nullptr, header.sh_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return;
    base_ = static_cast<uint8_t*>(memory);
  }
  size_ = header.sh_size;
  file_offset_ = header.sh_offset;
  is_whole_ = false;
  pages_.assign((size_ + kPage - 1) >> kPageBits, 0);
}

SectionBytes& SectionBytes::operator=(SectionBytes&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(base_, other.base_);
  std::swap(size_, other.size_);
  std::swap(file_offset_, other.file_offset_);
  std::swap(is_whole_, other.is_whole_);
  std::swap(small_, other.small_);
  std::swap(pages_held_, other.pages_held_);
  std::swap(pages_, other.pages_);
  std::swap(unpacked_, other.unpacked_);
  return *this;
}

SectionBytes::~SectionBytes() {
  if (!is_whole_ && !small_) ::munmap(base_, size_);
}

bool SectionBytes::read(uint64_t offset, uint64_t size) {
  if (size_ <= kAtOnce) {
    offset = 0;
    size = size_;
  }
  const uint64_t end = (offset + size + kPage - 1) >> kPageBits;
  for (uint64_t page = offset >> kPageBits; page < end; ++page) {
    if (pages_[page] != 0) continue;
    uint64_t last = page + 1;
    while (last < end && pages_[last] == 0) ++last;
    const uint64_t from = page << kPageBits;
    const uint64_t to = std::min(last << kPageBits, size_);
    if (!file_->read(file_offset_ + from, std::as_writable_bytes(std::span(base_ + from, to - from)))) return false;
    std::fill(pages_.begin() + static_cast<std::ptrdiff_t>(page), pages_.begin() + static_cast<std::ptrdiff_t>(last),
              uint8_t{1});
    pages_held_ += last - page;
    page = last - 1;
  }
  return true;
}

std::string_view SectionBytes::string(uint64_t offset) {
  if (offset >= size_) return {};
  const uint64_t longest = std::min<uint64_t>(size_ - offset, kLongestString);
  for (uint64_t length = 0; length < longest;) {
    // To the end of the page: what follows the string there may not be read yet, and need not be.
    const uint64_t step = std::min(longest - length, kPage - ((offset + length) & (kPage - 1)));
    const uint8_t* part = at(offset + length, step);
    if (!part) return {};
    if (const void* end = std::memchr(part, 0, step)) {
      length += static_cast<uint64_t>(static_cast<const uint8_t*>(end) - part);
      return {reinterpret_cast<const char*>(base_ + offset), length};
    }
    length += step;
  }
  return {};
}

void SectionBytes::release(uint64_t offset, uint64_t size) {
  if (is_whole_ || small_ || offset > size_ || size > size_ - offset) return;
  const uint64_t first = (offset + kPage - 1) >> kPageBits;
  const uint64_t last = (offset + size) >> kPageBits;
  if (first >= last) return;
  if (::madvise(base_ + (first << kPageBits), (last - first) << kPageBits, MADV_DONTNEED) != 0) return;
  for (uint64_t page = first; page < last; ++page) {
    pages_held_ -= pages_[page];
    pages_[page] = 0;
  }
}

}  // namespace sightline::symbolizer
