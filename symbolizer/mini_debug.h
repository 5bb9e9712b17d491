/// .gnu_debugdata: the symbols of a stripped program, as an ELF file of its own packed by xz into one section
/// ("MiniDebugInfo" in gdb's manual). Fedora and its kin build all their programs with it.
#pragma once

#include <memory>

#include "symbolizer/elf_file.h"

namespace sightline::symbolizer {

/// nullptr if `file` has no such section, or it does not unpack to an ELF file within bounds.
std::unique_ptr<ElfFile> open_mini_debug(const ElfFile& file);

}  // namespace sightline::symbolizer
