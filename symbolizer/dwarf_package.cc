#include "symbolizer/dwarf_package.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <span>
#include <string_view>
#include <utility>

#include "symbolizer/dwarf_cursor.h"

namespace sightline::symbolizer {
namespace {

constexpr uint64_t kMaxUnpacked = uint64_t{1} << 30;
// Of one unit: as many addresses and ranges as the skeleton's tables are read for, where nothing says how long they
// are.
constexpr uint64_t kMaxTable = uint64_t{8} << 20;

using Bytes = std::vector<uint8_t>;

Bytes copy(SectionBytes& section, uint64_t offset, uint64_t size) {
  const uint8_t* bytes = size == 0 ? nullptr : section.at(offset, size);
  return bytes == nullptr ? Bytes() : Bytes(bytes, bytes + size);
}

template <typename Number>
Number number_at(const Bytes& bytes, std::size_t at) {
  Number number = 0;
  if (at <= bytes.size() && sizeof number <= bytes.size() - at) std::memcpy(&number, bytes.data() + at, sizeof number);
  return number;
}

template <typename Number>
void put(Bytes& bytes, Number number) {
  const std::size_t at = bytes.size();
  bytes.resize(at + sizeof number);
  std::memcpy(bytes.data() + at, &number, sizeof number);
}

/// From `base` to the end of the table there, or of what may be read.
Bytes addresses_of(const ElfFile& program, const Skeleton& skeleton) {
  SectionBytes section(program, ".debug_addr");
  if (skeleton.address_base > section.size()) return {};
  uint64_t size = std::min(section.size() - skeleton.address_base, kMaxTable);
  if (skeleton.version >= 5 && skeleton.address_base >= 8) {
    // The header before it (7.27): length, version, sizes. The length counts what follows it.
    const Bytes header = copy(section, skeleton.address_base - 8, 4);
    const uint64_t length = number_at<uint32_t>(header, 0);
    if (length >= 4) size = std::min(size, length - 4);
  }
  return copy(section, skeleton.address_base, size);
}

/// Range lists of DWARF 4 as they would stand in a file of the unit's own: relative to 0 instead of the skeleton's
/// low_pc. Other units' lists behind them come along, and are never looked at.
Bytes ranges_of(const ElfFile& program, const Skeleton& skeleton) {
  SectionBytes section(program, ".debug_ranges");
  if (skeleton.range_base > section.size()) return {};
  Bytes ranges = copy(section, skeleton.range_base, std::min(section.size() - skeleton.range_base, kMaxTable));
  bool has_base = false;
  for (std::size_t at = 0; at + 16 <= ranges.size(); at += 16) {
    uint64_t pair[2];
    std::memcpy(pair, ranges.data() + at, sizeof pair);
    if (pair[0] == 0 && pair[1] == 0) {
      has_base = false;
    } else if (pair[0] == UINT64_MAX) {
      has_base = true;
    } else if (!has_base) {
      pair[0] += skeleton.low_pc;
      pair[1] += skeleton.low_pc;
      std::memcpy(ranges.data() + at, pair, sizeof pair);
    }
  }
  return ranges;
}

/// Size of the range list at the head of `bytes` (DWARF 5, section 7.25), 0 if it does not end.
std::size_t list_size(std::span<const uint8_t> bytes) {
  DwarfCursor cursor(bytes.data(), bytes.size());
  while (!cursor.failed()) {
    switch (cursor.u8()) {
      case 0:  // DW_RLE_end_of_list
        return cursor.failed() ? 0 : bytes.size() - cursor.left();
      case 1:  // DW_RLE_base_addressx
        cursor.skip_leb();
        break;
      case 2:  // startx_endx, startx_length, offset_pair
      case 3:
      case 4:
        cursor.skip_leb();
        cursor.skip_leb();
        break;
      case 5:  // base_address
        cursor.skip(8);
        break;
      case 6:  // start_end
        cursor.skip(16);
        break;
      case 7:  // start_length
        cursor.skip(8);
        cursor.skip_leb();
        break;
      default:
        return 0;
    }
  }
  return 0;
}

/// DWARF 5's lists, each with the skeleton's low_pc as base address before it.
Bytes with_base(const Bytes& lists, uint64_t low_pc) {
  constexpr std::size_t kHeader = 12;  // 7.28: length, version, two sizes, count of offsets
  const uint64_t count = number_at<uint32_t>(lists, 8);
  if (low_pc == 0 || lists.size() < kHeader || count > (lists.size() - kHeader) / 4) return lists;
  Bytes moved(lists.begin(), lists.begin() + kHeader);
  moved.resize(kHeader + count * 4);
  for (std::size_t i = 0; i < count; ++i) {
    const uint64_t at = kHeader + uint64_t{number_at<uint32_t>(lists, kHeader + i * 4)};
    if (at >= lists.size()) return lists;
    const std::span<const uint8_t> list = std::span(lists).subspan(at);
    const std::size_t size = list_size(list);
    // Lists may share their ends in a file made for it: what is copied stays within a small multiple of it.
    if (size == 0 || moved.size() + size > lists.size() * 4 + count * 9 + kHeader) return lists;
    const auto offset = static_cast<uint32_t>(moved.size() - kHeader);
    std::memcpy(moved.data() + kHeader + i * 4, &offset, sizeof offset);
    put<uint8_t>(moved, 5);
    put(moved, low_pc);
    moved.insert(moved.end(), list.begin(), list.begin() + static_cast<std::ptrdiff_t>(size));
  }
  const auto length = static_cast<uint32_t>(moved.size() - 4);
  std::memcpy(moved.data(), &length, sizeof length);
  return moved;
}

/// A little ELF file of these sections.
std::vector<std::byte> elf_image(std::span<const std::pair<std::string_view, Bytes>> sections) {
  Bytes names(1);
  Bytes image(sizeof(Elf64_Ehdr));
  std::vector<Elf64_Shdr> headers(1);
  const auto add = [&](std::string_view name, const Bytes& bytes, uint32_t type) {
    Elf64_Shdr header{};
    header.sh_name = static_cast<uint32_t>(names.size());
    header.sh_type = type;
    names.insert(names.end(), name.begin(), name.end());
    names.push_back(0);
    image.resize((image.size() + 7) & ~std::size_t{7});
    header.sh_offset = image.size();
    header.sh_addralign = 1;
    const Bytes& contents = type == SHT_STRTAB ? names : bytes;
    header.sh_size = contents.size();
    image.insert(image.end(), contents.begin(), contents.end());
    headers.push_back(header);
  };
  for (const auto& [name, bytes] : sections)
    if (!bytes.empty()) add(name, bytes, SHT_PROGBITS);
  add(".shstrtab", {}, SHT_STRTAB);
  image.resize((image.size() + 7) & ~std::size_t{7});
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_REL;
  header.e_machine = EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_shoff = image.size();
  header.e_ehsize = sizeof header;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = static_cast<uint16_t>(headers.size());
  header.e_shstrndx = static_cast<uint16_t>(headers.size() - 1);
  std::memcpy(image.data(), &header, sizeof header);
  const auto* first = reinterpret_cast<const uint8_t*>(headers.data());
  image.insert(image.end(), first, first + headers.size() * sizeof(Elf64_Shdr));
  const auto* bytes = reinterpret_cast<const std::byte*>(image.data());
  return {bytes, bytes + image.size()};
}

}  // namespace

std::unique_ptr<DwarfPackage> DwarfPackage::open(const std::string& path) {
  std::string reason;
  UniqueFd fd = ElfFile::open_regular(path + ".dwp", reason);
  if (!fd) return nullptr;
  std::unique_ptr<DwarfPackage> package(new DwarfPackage);
  package->file_ = ElfFile::open(std::move(fd)).file;
  if (!package->file_) return nullptr;
  static constexpr std::array<std::string_view, kParts> kNames = {
      ".debug_info.dwo", ".debug_abbrev.dwo", ".debug_line.dwo", ".debug_str_offsets.dwo", ".debug_rnglists.dwo"};
  for (std::size_t i = 0; i < kParts; ++i) package->sections_[i] = SectionBytes(*package->file_, kNames[i]);
  package->strings_ = SectionBytes(*package->file_, ".debug_str.dwo");
  return package->read_index() ? std::move(package) : nullptr;
}

bool DwarfPackage::read_index() {
  SectionBytes section(*file_, ".debug_cu_index");
  const Bytes index = copy(section, 0, section.size());
  const auto version = number_at<uint32_t>(index, 0);
  // DWARF 5's field has two bytes, with two of padding.
  if (version != 2 && version != 5) return false;
  const uint64_t columns = number_at<uint32_t>(index, 4);
  const uint64_t units = number_at<uint32_t>(index, 8);
  const uint64_t slots = number_at<uint32_t>(index, 12);
  if (columns > 16 || units > index.size() || slots > index.size()) return false;
  const uint64_t numbers = 16 + slots * 8;
  const uint64_t names = numbers + slots * 4;
  const uint64_t offsets = names + columns * 4;
  const uint64_t sizes = offsets + units * columns * 4;
  if (sizes + units * columns * 4 > index.size()) return false;
  for (uint64_t slot = 0; slot < slots; ++slot) {
    const uint64_t row = number_at<uint32_t>(index, numbers + slot * 4);
    if (row == 0 || row > units) continue;
    Row found;
    for (uint64_t column = 0; column < columns; ++column) {
      // DW_SECT_*, table 7.1. Number 8 is macros in version 2.
      Part part = kParts;
      switch (number_at<uint32_t>(index, names + column * 4)) {
        case 1:
          part = info;
          break;
        case 3:
          part = abbrev;
          break;
        case 4:
          part = line;
          break;
        case 6:
          part = string_offsets;
          break;
        case 8:
          part = version == 5 ? range_lists : kParts;
          break;
        default:
          break;
      }
      const uint64_t at = ((row - 1) * columns + column) * 4;
      if (part != kParts) {
        found.pieces[part] = {number_at<uint32_t>(index, offsets + at), number_at<uint32_t>(index, sizes + at)};
      }
    }
    rows_.emplace(number_at<uint64_t>(index, 16 + slot * 8), found);
  }
  return !rows_.empty();
}

std::unique_ptr<ElfFile> DwarfPackage::unit(const Skeleton& skeleton, const ElfFile& program) {
  const auto row = rows_.find(skeleton.id);
  if (row == rows_.end() || unpacked_ > kMaxUnpacked) return nullptr;
  std::array<Bytes, kParts> parts;
  for (std::size_t i = 0; i < kParts; ++i) {
    parts[i] = copy(sections_[i], row->second.pieces[i].offset, row->second.pieces[i].size);
  }
  if (parts[info].empty() || parts[abbrev].empty()) return nullptr;

  // Only the strings that the unit names: those of all units are the larger part of a package.
  Bytes strings(1);
  const std::size_t header = skeleton.version >= 5 ? 8 : 0;
  for (std::size_t at = header; at + 4 <= parts[string_offsets].size(); at += 4) {
    const std::string_view text = strings_.string(number_at<uint32_t>(parts[string_offsets], at));
    const auto offset = text.empty() || strings.size() > kMaxUnpacked ? 0u : static_cast<uint32_t>(strings.size());
    std::memcpy(parts[string_offsets].data() + at, &offset, sizeof offset);
    if (offset == 0) continue;
    strings.insert(strings.end(), text.begin(), text.end());
    strings.push_back(0);
  }

  std::vector<std::pair<std::string_view, Bytes>> sections;
  sections.emplace_back(".debug_info", std::move(parts[info]));
  sections.emplace_back(".debug_abbrev", std::move(parts[abbrev]));
  sections.emplace_back(".debug_line", std::move(parts[line]));
  sections.emplace_back(".debug_str_offsets", std::move(parts[string_offsets]));
  sections.emplace_back(".debug_str", std::move(strings));
  sections.emplace_back(".debug_addr", addresses_of(program, skeleton));
  if (skeleton.version >= 5) {
    sections.emplace_back(".debug_rnglists", with_base(parts[range_lists], skeleton.low_pc));
  } else {
    sections.emplace_back(".debug_ranges", ranges_of(program, skeleton));
  }
  std::vector<std::byte> image = elf_image(sections);
  unpacked_ += image.size();
  return ElfFile::from_memory(std::move(image)).file;
}

}  // namespace sightline::symbolizer
