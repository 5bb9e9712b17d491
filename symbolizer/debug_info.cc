#include "symbolizer/debug_info.h"

#include <string_view>

#include "symbolizer/debug_file.h"

namespace sightline::symbolizer {
namespace {

struct AlternateLink {
  std::string name;
  std::string build_id;
};

/// .gnu_debugaltlink: a file name with its NUL, then that file's build-id (dwz(1)).
AlternateLink alternate_link(const ElfFile& file) {
  const std::span<const std::byte> section = file.section(".gnu_debugaltlink");
  const std::string_view text(reinterpret_cast<const char*>(section.data()), section.size());
  const std::size_t end = text.find('\0');
  if (end == std::string_view::npos) return {};
  AlternateLink link{.name = std::string(text.substr(0, end)), .build_id = {}};
  for (const char c : text.substr(end + 1)) {
    const auto byte = static_cast<unsigned char>(c);
    link.build_id += "0123456789abcdef"[byte >> 4];
    link.build_id += "0123456789abcdef"[byte & 15];
  }
  return link;
}

}  // namespace

DebugInfo::~DebugInfo() = default;

DebugInfo::Opened DebugInfo::open(const ElfFile& dwarf_file, const ElfFile& code, const std::string& path,
                                  std::span<const std::string> debug_directories) {
  std::unique_ptr<DebugInfo> info(new DebugInfo(dwarf_file, code, path));
  if (const AlternateLink link = alternate_link(dwarf_file); !link.name.empty()) {
    info->alternate_ = find_alternate_file(link.name, link.build_id, path, debug_directories);
    if (!info->alternate_) return {nullptr, "debug information refers to a file that is missing: " + link.name};
  }
  info->index_ = std::make_unique<DwarfIndex>(dwarf_file, info->alternate_.get(), code);
  if (!info->index_->is_complete()) info->index_.reset();
  if (!info->index_ && !info->libdw()) return {nullptr, "damaged debug information"};
  return {std::move(info), {}};
}

LibdwInfo* DebugInfo::libdw() {
  if (!tried_libdw_) {
    tried_libdw_ = true;
    libdw_ = LibdwInfo::open(dwarf_file_, alternate_.get(), code_, path_);
  }
  return libdw_.get();
}

Dwarf_CFI* DebugInfo::frame_info() {
  return libdw() ? libdw_->frame_info() : nullptr;
}

std::vector<SourceFrame> DebugInfo::find(uint64_t address) {
  return index_ ? index_->find(address) : libdw_->find(address);
}

}  // namespace sightline::symbolizer
