// A trace file. Checksums and lengths are put right first, so that what lies behind them is reached.
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "src/export/exporter.h"
#include "src/slt/crc32c.h"
#include "src/slt/format.h"
#include "src/slt/reader.h"
#include "tests/fuzz/memory_file.h"

using namespace sightline;

namespace {

template <typename Header>
bool load(const std::vector<uint8_t>& bytes, std::size_t at, Header& header) {
  if (at > bytes.size() || bytes.size() - at < sizeof header) return false;
  std::memcpy(&header, bytes.data() + at, sizeof header);
  return true;
}

void seal(std::vector<uint8_t>& bytes) {
  slt::FileHeader head;
  if (!load(bytes, 0, head)) return;
  std::size_t at = sizeof head;
  head.body_bytes = static_cast<uint32_t>(std::min<std::size_t>(head.body_bytes, bytes.size() - at));
  head.crc = slt::crc32c(bytes.data() + at, head.body_bytes, slt::crc32c(&head, offsetof(slt::FileHeader, crc)));
  std::memcpy(bytes.data(), &head, sizeof head);
  at += head.body_bytes;
  slt::ChunkHeader chunk;
  for (uint32_t sequence = 0; load(bytes, at, chunk); ++sequence) {
    if (chunk.sync != slt::kSync) break;
    const std::size_t records = at + sizeof chunk;
    chunk.length = static_cast<uint32_t>(std::min<std::size_t>(chunk.length, bytes.size() - records));
    chunk.sequence = sequence;
    if ((chunk.flags & slt::kChunkZstd) == 0) chunk.raw_length = chunk.length;
    chunk.crc = slt::crc32c(bytes.data() + records, chunk.length, slt::crc32c(&chunk, offsetof(slt::ChunkHeader, crc)));
    std::memcpy(bytes.data() + at, &chunk, sizeof chunk);
    at = records + chunk.length;
  }
  slt::Trailer trailer;
  if (bytes.size() - at != sizeof trailer || !load(bytes, at, trailer)) return;
  trailer.crc = slt::crc32c(&trailer.summary_offset, sizeof trailer.summary_offset);
  std::memcpy(bytes.data() + at, &trailer, sizeof trailer);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  std::vector<uint8_t> bytes(data, data + size);
  if (size > 0 && (data[size - 1] & 15) != 15) seal(bytes);
  const fuzz::MemoryFile file(bytes.data(), bytes.size());
  std::string error;
  const auto reader = slt::Reader::open(file.path(), error, {.definition_limit = uint64_t{64} << 20});
  fuzz::require((reader != nullptr) == error.empty());
  if (!reader) return 0;
  (void)reader->summary();
  Output output(::open("/dev/null", O_WRONLY | O_CLOEXEC), "null");
  const auto sink = exporting::make_exporter("jsonl", output, error);
  fuzz::require(sink != nullptr);
  (void)reader->replay(*sink);
  return 0;
}
