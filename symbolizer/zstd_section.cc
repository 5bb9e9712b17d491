#include "symbolizer/zstd_section.h"

#include <gelf.h>
#include <zstd.h>

#include <cstring>

namespace sightline::symbolizer {
namespace {

constexpr uint32_t kZstd = 2;  // ELFCOMPRESS_ZSTD; elf.h of glibc 2.36 does not have it
constexpr uint64_t kMaxUnpacked = uint64_t{4} << 30;
// More than zstd makes of anything but a file made for it: what a header claims is allocated at once.
constexpr uint64_t kMaxRatio = 10'000;

/// The header, read from the section's own bytes: gelf_getchdr refuses types it does not know.
bool read_header(Elf_Scn* section, Elf64_Chdr& header, const Elf_Data*& data) {
  GElf_Shdr outer;
  if (!gelf_getshdr(section, &outer) || (outer.sh_flags & SHF_COMPRESSED) == 0) return false;
  data = elf_rawdata(section, nullptr);
  if (!data || !data->d_buf || data->d_size < sizeof header) return false;
  std::memcpy(&header, data->d_buf, sizeof header);
  return header.ch_type == kZstd;
}

}  // namespace

bool is_zstd(Elf_Scn* section) {
  Elf64_Chdr header;
  const Elf_Data* data = nullptr;
  return read_header(section, header, data);
}

std::vector<uint8_t> unpack_zstd(Elf_Scn* section) {
  Elf64_Chdr header;
  const Elf_Data* data = nullptr;
  if (!read_header(section, header, data)) return {};
  const std::size_t packed = data->d_size - sizeof header;
  if (header.ch_size > kMaxUnpacked || header.ch_size / kMaxRatio > packed) return {};
  std::vector<uint8_t> unpacked(header.ch_size);
  const std::size_t size =
      ZSTD_decompress(unpacked.data(), unpacked.size(), static_cast<const char*>(data->d_buf) + sizeof header, packed);
  if (ZSTD_isError(size) != 0 || size != unpacked.size()) return {};
  return unpacked;
}

}  // namespace sightline::symbolizer
