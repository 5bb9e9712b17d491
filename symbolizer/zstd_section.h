/// Sections compressed by Zstandard (ELFCOMPRESS_ZSTD in the gABI's chapter "Sections"), which libelf unpacks from its
/// 0.192 on only, and not where it was built without.
#pragma once

#include <libelf.h>

#include <cstdint>
#include <vector>

namespace sightline::symbolizer {

bool is_zstd(Elf_Scn* section);

/// Empty if it is damaged, or unpacks to something else than its header says.
std::vector<uint8_t> unpack_zstd(Elf_Scn* section);

}  // namespace sightline::symbolizer
