#include "symbolizer/elf_file.h"

#include <elfutils/libdwelf.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace sightline::symbolizer {
namespace {

constexpr uint64_t kPageMask = 4095;
// Beyond this, a private copy of the sections that matter may not fit into memory.
constexpr off_t kReadLimit = off_t{256} << 20;
// Real files have fewer than 20 that are loaded; every symbol and range is checked against all of them.
constexpr std::size_t kMaxSegments = 256;
// What all compressed sections of one file may claim to unpack to: a crafted header must not make us allocate more.
constexpr uint64_t kUnpackedLimit = uint64_t{4} << 30;

}  // namespace

UniqueFd ElfFile::open_regular(const std::string& path, std::string& reason) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    reason = errno == ENOENT ? "file not found" : "cannot open the file: " + std::string(std::strerror(errno));
    return {};
  }
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    reason = "not a regular file";
    return {};
  }
  return fd;
}

ElfFile::Opened ElfFile::open(UniqueFd fd) {
  elf_version(EV_CURRENT);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) return {nullptr, "not a regular file"};
  std::unique_ptr<ElfFile> file(new ElfFile);
  file->elf_.reset(elf_begin(fd.get(), status.st_size > kReadLimit ? ELF_C_READ_MMAP : ELF_C_READ, nullptr));
  file->fd_ = std::move(fd);
  file->size_ = static_cast<uint64_t>(status.st_size);
  std::string reason = file->load();
  if (!reason.empty()) return {nullptr, std::move(reason)};
  return {std::move(file), {}};
}

ElfFile::Opened ElfFile::from_memory(std::vector<std::byte> image) {
  elf_version(EV_CURRENT);
  std::unique_ptr<ElfFile> file(new ElfFile);
  file->image_ = std::move(image);
  file->size_ = file->image_.size();
  file->elf_.reset(elf_memory(reinterpret_cast<char*>(file->image_.data()), file->image_.size()));
  std::string reason = file->load();
  if (!reason.empty()) return {nullptr, std::move(reason)};
  return {std::move(file), {}};
}

std::string ElfFile::load() {
  GElf_Ehdr header;
  if (!elf_ || elf_kind(elf_.get()) != ELF_K_ELF || !gelf_getehdr(elf_.get(), &header)) return "not an ELF file";
  if (header.e_machine != EM_X86_64 || gelf_getclass(elf_.get()) != ELFCLASS64) return "not an x86-64 ELF file";
  std::size_t count = 0;
  if (elf_getphdrnum(elf_.get(), &count) != 0) return "unreadable program headers";
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (!gelf_getphdr(elf_.get(), static_cast<int>(i), &segment)) return "unreadable program headers";
    if (segment.p_type == PT_INTERP) has_interpreter_ = true;
    if (segment.p_type != PT_LOAD || segments_.size() == kMaxSegments ||
        segment.p_offset + segment.p_filesz < segment.p_offset || segment.p_vaddr + segment.p_memsz < segment.p_vaddr) {
      continue;
    }
    segments_.push_back({.offset = segment.p_offset,
                         .address = segment.p_vaddr,
                         .file_size = segment.p_filesz,
                         .memory_size = segment.p_memsz,
                         .executable = (segment.p_flags & PF_X) != 0});
  }
  if (std::string reason = check_sections(); !reason.empty()) return reason;
  is_program_ = header.e_type == ET_EXEC;
  load_dynamic();
  load_build_id();
  return {};
}

std::string ElfFile::check_sections() const {
  uint64_t stored = 0;
  uint64_t unpacked = 0;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section));) {
    GElf_Shdr header;
    GElf_Chdr compressed;
    if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS) continue;
    // What reaches beyond the file libelf refuses; what overlaps it copies as often as it is there.
    if (header.sh_size <= size_) stored += header.sh_size;
    if (stored / 4 > size_) return "overlapping sections";
    if (!(header.sh_flags & SHF_COMPRESSED) || !gelf_getchdr(section, &compressed)) continue;
    unpacked += std::min(compressed.ch_size, kUnpackedLimit + 1);
    if (unpacked > kUnpackedLimit) return "compressed sections of an implausible size";
  }
  return {};
}

std::optional<uint64_t> ElfFile::address_of_offset(uint64_t file_offset) const {
  // The kernel maps whole pages, so a mapping starts up to a page before its segment does.
  const auto holds = [&](const Segment& segment) {
    return file_offset >= (segment.offset & ~kPageMask) && file_offset < segment.offset + segment.file_size;
  };
  const Segment* found = nullptr;
  for (const Segment& segment : segments_) {
    if (holds(segment) && (!found || (segment.executable && !found->executable))) found = &segment;
  }
  if (!found) return std::nullopt;
  return found->address + (file_offset - found->offset);
}

bool ElfFile::is_executable_range(uint64_t low, uint64_t high) const {
  return std::any_of(segments_.begin(), segments_.end(), [&](const Segment& segment) {
    return segment.executable && low >= segment.address && high <= segment.address + segment.memory_size && low < high;
  });
}

uint64_t ElfFile::start_of_code() const {
  std::optional<uint64_t> first;
  for (const Segment& segment : segments_)
    if (segment.executable && (!first || segment.address < *first)) first = segment.address;
  return first.value_or(0);
}

void ElfFile::load_dynamic() {
  std::size_t count = 0;
  if (elf_getphdrnum(elf_.get(), &count) != 0) return;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (!gelf_getphdr(elf_.get(), static_cast<int>(i), &segment) || segment.p_type != PT_DYNAMIC) continue;
    Elf_Data* data =
        elf_getdata_rawchunk(elf_.get(), static_cast<int64_t>(segment.p_offset), segment.p_filesz, ELF_T_DYN);
    if (!data) return;
    uint64_t names = 0;
    uint64_t names_size = 0;
    std::optional<uint64_t> soname;
    for (std::size_t entry = 0; entry < data->d_size / sizeof(Elf64_Dyn); ++entry) {
      GElf_Dyn dynamic;
      if (!gelf_getdyn(data, static_cast<int>(entry), &dynamic) || dynamic.d_tag == DT_NULL) break;
      if (dynamic.d_tag == DT_SONAME) soname = dynamic.d_un.d_val;
      if (dynamic.d_tag == DT_STRTAB) names = dynamic.d_un.d_ptr;
      if (dynamic.d_tag == DT_STRSZ) names_size = dynamic.d_un.d_val;
      if (dynamic.d_tag == DT_NEEDED) has_needed_ = true;
      if (dynamic.d_tag == DT_FLAGS_1 && (dynamic.d_un.d_val & DF_1_PIE)) is_program_ = true;
    }
    if (!soname || *soname >= names_size) return;
    for (const Segment& load : segments_) {
      if (names < load.address || names - load.address >= load.file_size) continue;
      char name[256] = {};
      const uint64_t at = load.offset + (names - load.address) + *soname;
      const std::size_t size = std::min<uint64_t>(sizeof name - 1, names_size - *soname);
      if (read(at, std::as_writable_bytes(std::span(name, size)))) soname_ = name;
      return;
    }
    return;
  }
}

void ElfFile::load_build_id() {
  const void* bytes = nullptr;
  const ssize_t size = dwelf_elf_gnu_build_id(elf_.get(), &bytes);
  if (size <= 0 || size > 64) return;
  constexpr char kDigits[] = "0123456789abcdef";
  for (const unsigned char byte : std::span(static_cast<const unsigned char*>(bytes), static_cast<std::size_t>(size))) {
    build_id_ += kDigits[byte >> 4];
    build_id_ += kDigits[byte & 15];
  }
}

Elf_Scn* ElfFile::find_section(std::string_view name) const {
  std::size_t names = 0;
  if (elf_getshdrstrndx(elf_.get(), &names) != 0) return nullptr;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section));) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header)) continue;
    const char* found = elf_strptr(elf_.get(), names, header.sh_name);
    if (found && name == found) return section;
  }
  return nullptr;
}

Elf_Scn* ElfFile::find_section(uint32_t type) const {
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf_.get(), section));) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) && header.sh_type == type) return section;
  }
  return nullptr;
}

bool ElfFile::has_section(std::string_view name) const {
  GElf_Shdr header;
  Elf_Scn* section = find_section(name);
  return section && gelf_getshdr(section, &header) && header.sh_type != SHT_NOBITS && header.sh_size != 0;
}

std::optional<GElf_Shdr> ElfFile::section_header(std::string_view name) const {
  GElf_Shdr header;
  Elf_Scn* section = find_section(name);
  if (!section || !gelf_getshdr(section, &header)) return std::nullopt;
  return header;
}

std::span<const std::byte> ElfFile::section(std::string_view name) const {
  if (!has_section(name)) return {};
  Elf_Data* data = elf_rawdata(find_section(name), nullptr);
  if (!data || !data->d_buf) return {};
  return {static_cast<const std::byte*>(data->d_buf), data->d_size};
}

bool ElfFile::read(uint64_t file_offset, std::span<std::byte> into) const {
  if (!fd_) {
    if (file_offset > image_.size() || into.size() > image_.size() - file_offset) return false;
    std::memcpy(into.data(), image_.data() + file_offset, into.size());
    return true;
  }
  if (file_offset > INT64_MAX - into.size()) return false;
  return ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(file_offset)) ==
         static_cast<ssize_t>(into.size());
}

}  // namespace sightline::symbolizer
