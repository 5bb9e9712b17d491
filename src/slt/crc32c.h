/// CRC-32C (Castagnoli): the checksum of every chunk.
#pragma once

#include <cstddef>
#include <cstdint>

namespace sightline::slt {

/// The CRC-32C of `size` bytes, continuing from the CRC `before` of what precedes them (RFC 3720, appendix B.4 has test
/// vectors). Uses the processor's instruction where it has one.
uint32_t crc32c(const void* data, std::size_t size, uint32_t before = 0);

/// The same from tables, for processors without the instruction.
uint32_t crc32c_portable(const void* data, std::size_t size, uint32_t before = 0);

}  // namespace sightline::slt
