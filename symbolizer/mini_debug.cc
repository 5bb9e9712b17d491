#include "symbolizer/mini_debug.h"

#include <lzma.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace sightline::symbolizer {
namespace {

// That of the largest programs is a few megabytes. The section is as untrusted as the file.
constexpr std::size_t kMaxUnpacked = std::size_t{256} << 20;
constexpr uint64_t kMaxMemory = uint64_t{256} << 20;  // for xz's dictionary; xz -9 takes 65 MiB
constexpr std::size_t kStep = std::size_t{1} << 20;

/// Empty if `packed` is no whole xz stream, or too large.
std::vector<std::byte> unpack_xz(std::span<const std::byte> packed) {
  lzma_stream stream = LZMA_STREAM_INIT;
  if (lzma_stream_decoder(&stream, kMaxMemory, 0) != LZMA_OK) return {};
  std::vector<std::byte> unpacked;
  stream.next_in = reinterpret_cast<const uint8_t*>(packed.data());
  stream.avail_in = packed.size();
  lzma_ret outcome = LZMA_OK;
  while (outcome == LZMA_OK && unpacked.size() < kMaxUnpacked) {
    const std::size_t before = unpacked.size();
    unpacked.resize(before + std::max(kStep, before / 2));
    stream.next_out = reinterpret_cast<uint8_t*>(unpacked.data() + before);
    stream.avail_out = unpacked.size() - before;
    outcome = lzma_code(&stream, LZMA_FINISH);
    unpacked.resize(unpacked.size() - stream.avail_out);
  }
  lzma_end(&stream);
  if (outcome != LZMA_STREAM_END) return {};
  unpacked.shrink_to_fit();
  return unpacked;
}

}  // namespace

std::unique_ptr<ElfFile> open_mini_debug(const ElfFile& file) {
  const std::span<const std::byte> packed = file.section(".gnu_debugdata");
  if (packed.empty()) return nullptr;
  std::vector<std::byte> unpacked = unpack_xz(packed);
  if (unpacked.empty()) return nullptr;
  return ElfFile::from_memory(std::move(unpacked)).file;
}

}  // namespace sightline::symbolizer
