/// Finds the separate debug file of an ELF file, as gdb's manual describes under "Separate Debug Files".
#pragma once

#include <memory>
#include <span>
#include <string>

#include "symbolizer/elf_file.h"

namespace sightline::symbolizer {

/// By build-id (DIR/.build-id/xx/yyyy.debug), then by .gnu_debuglink (beside the file, in its .debug/, and below DIR).
/// A candidate counts only if its build-id, or the CRC that .gnu_debuglink names, matches. nullptr: none.
std::unique_ptr<ElfFile> find_debug_file(const ElfFile& file, const std::string& path,
                                         std::span<const std::string> directories);

/// The alternate file that dwz(1) moved common parts to, as `name` (from .gnu_debugaltlink) and its build-id say.
std::unique_ptr<ElfFile> find_alternate_file(const std::string& name, const std::string& build_id,
                                             const std::string& debug_path, std::span<const std::string> directories);

}  // namespace sightline::symbolizer
