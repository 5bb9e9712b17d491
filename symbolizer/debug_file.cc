#include "symbolizer/debug_file.h"

#include <zlib.h>

#include <array>
#include <cstring>
#include <optional>

namespace sightline::symbolizer {
namespace {

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string(".") : path.substr(0, slash);
}

std::unique_ptr<ElfFile> open_candidate(const std::string& path) {
  std::string reason;
  UniqueFd fd = ElfFile::open_regular(path, reason);
  if (!fd) return nullptr;
  return ElfFile::open(std::move(fd)).file;
}

std::string build_id_path(const std::string& directory, const std::string& id) {
  return directory + "/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug";
}

struct DebugLink {
  std::string name;
  uint32_t crc = 0;
};

/// .gnu_debuglink: a file name, padded to four bytes, and the CRC-32 of that file.
std::optional<DebugLink> debug_link(const ElfFile& file) {
  const std::span<const std::byte> section = file.section(".gnu_debuglink");
  const auto* text = reinterpret_cast<const char*>(section.data());
  const std::size_t length = section.empty() ? 0 : ::strnlen(text, section.size());
  const std::size_t at = (length + 4) & ~std::size_t{3};
  if (length == 0 || at + 4 > section.size()) return std::nullopt;
  DebugLink link{.name = std::string(text, length)};
  std::memcpy(&link.crc, section.data() + at, sizeof link.crc);
  if (link.name.find('/') != std::string::npos) return std::nullopt;
  return link;
}

bool has_crc(const ElfFile& file, uint32_t wanted) {
  constexpr uint64_t kMaxSize = uint64_t{4} << 30;  // a sparse file may claim any size, and would be read to its end
  if (file.size() > kMaxSize) return false;
  std::array<unsigned char, 65536> buffer;
  uLong crc = crc32(0, nullptr, 0);
  off_t at = 0;
  ssize_t got = 0;
  while ((got = ::pread(file.fd(), buffer.data(), buffer.size(), at)) > 0) {
    crc = crc32(crc, buffer.data(), static_cast<uInt>(got));
    at += got;
  }
  return got == 0 && crc == wanted;
}

bool matches(const ElfFile& candidate, const ElfFile& file, uint32_t crc) {
  if (!file.build_id().empty() && !candidate.build_id().empty()) return candidate.build_id() == file.build_id();
  return has_crc(candidate, crc);
}

}  // namespace

std::unique_ptr<ElfFile> find_debug_file(const ElfFile& file, const std::string& path,
                                         std::span<const std::string> directories) {
  if (file.build_id().size() > 2) {
    for (const std::string& directory : directories) {
      std::unique_ptr<ElfFile> candidate = open_candidate(build_id_path(directory, file.build_id()));
      if (candidate && candidate->build_id() == file.build_id()) return candidate;
    }
  }
  const std::optional<DebugLink> link = debug_link(file);
  if (!link || !path.starts_with('/')) return nullptr;
  const std::string home = directory_of(path);
  std::vector<std::string> candidates = {home + "/" + link->name, home + "/.debug/" + link->name};
  for (const std::string& directory : directories) candidates.push_back(directory + home + "/" + link->name);
  for (const std::string& name : candidates) {
    if (name == path) continue;
    std::unique_ptr<ElfFile> candidate = open_candidate(name);
    if (candidate && matches(*candidate, file, link->crc)) return candidate;
  }
  return nullptr;
}

std::unique_ptr<ElfFile> find_alternate_file(const std::string& name, const std::string& build_id,
                                             const std::string& debug_path, std::span<const std::string> directories) {
  std::vector<std::string> candidates;
  candidates.push_back(name.starts_with('/') ? name : directory_of(debug_path) + "/" + name);
  if (build_id.size() > 2) {
    for (const std::string& directory : directories) candidates.push_back(build_id_path(directory, build_id));
  }
  for (const std::string& path : candidates) {
    std::unique_ptr<ElfFile> candidate = open_candidate(path);
    if (candidate && candidate->build_id() == build_id) return candidate;
  }
  return nullptr;
}

}  // namespace sightline::symbolizer
