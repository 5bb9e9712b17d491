#include "src/slt/crc32c.h"

#include <array>
#include <cstring>
#if defined(__x86_64__)
#include <cpuid.h>
#include <nmmintrin.h>
#endif

namespace sightline::slt {
namespace {

// Slicing by four: table[k][b] is the CRC of byte b followed by k zero bytes.
using Tables = std::array<std::array<uint32_t, 256>, 4>;

constexpr Tables make_tables() {
  constexpr uint32_t kPolynomial = 0x82f63b78;  // 0x1edc6f41 reflected
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (uint32_t byte = 0; byte < 256; ++byte)
    for (std::size_t k = 1; k < tables.size(); ++k)
      tables[k][byte] = (tables[k - 1][byte] >> 8) ^ tables[0][tables[k - 1][byte] & 0xff];
  return tables;
}

constexpr Tables kTables = make_tables();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) uint32_t crc32c_sse42(const uint8_t* data, std::size_t size, uint32_t before) {
  uint64_t crc = ~before;
  for (; size >= 8; size -= 8, data += 8) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    crc = _mm_crc32_u64(crc, word);
  }
  auto low = static_cast<uint32_t>(crc);
  for (; size != 0; --size) low = _mm_crc32_u8(low, *data++);
  return ~low;
}
#endif

}  // namespace

uint32_t crc32c_portable(const void* data, std::size_t size, uint32_t before) {
  const auto* at = static_cast<const uint8_t*>(data);
  uint32_t crc = ~before;
  for (; size >= 4; size -= 4, at += 4) {
    uint32_t word;
    std::memcpy(&word, at, 4);
    crc ^= word;
    crc =
        kTables[3][crc & 0xff] ^ kTables[2][(crc >> 8) & 0xff] ^ kTables[1][(crc >> 16) & 0xff] ^ kTables[0][crc >> 24];
  }
  for (; size != 0; --size) crc = (crc >> 8) ^ kTables[0][(crc ^ *at++) & 0xff];
  return ~crc;
}

uint32_t crc32c(const void* data, std::size_t size, uint32_t before) {
#if defined(__x86_64__)
  // Not __builtin_cpu_supports: that looks at all features, in each run, before main().
  static const bool has_instruction = [] {
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid(1, &a, &b, &c, &d) != 0 && (c & bit_SSE4_2) != 0;
  }();
  if (has_instruction) return crc32c_sse42(static_cast<const uint8_t*>(data), size, before);
#endif
  return crc32c_portable(data, size, before);
}

}  // namespace sightline::slt
