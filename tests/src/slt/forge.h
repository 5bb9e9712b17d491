/// Trace files with other contents and right checksums.
#pragma once

#include <fcntl.h>

#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "src/slt/chunk_file.h"
#include "src/slt/crc32c.h"
#include "src/slt/format.h"
#include "tests/src/slt/scratch.h"

namespace sightline::slt {

struct Unpacked {
  std::string head;                                         ///< FileHeader and its fields
  std::vector<std::pair<ChunkHeader, std::string>> chunks;  ///< with the records as they are
};

inline Unpacked unpack(const std::string& path) {
  const std::string file = Scratch::read(path);
  FileHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  Unpacked trace;
  trace.head = file.substr(0, sizeof header + header.body_bytes);
  ChunkReader reader(::open(path.c_str(), O_RDONLY | O_CLOEXEC), file.size());
  reader.seek(trace.head.size(), 0);
  while (reader.next() == ChunkReader::Status::chunk)
    trace.chunks.emplace_back(reader.header(), std::string(reader.records().begin(), reader.records().end()));
  if (trace.chunks.empty()) throw std::runtime_error("no chunks in " + path);
  return trace;
}

inline void append_chunk(std::string& file, ChunkHeader header, const std::string& records) {
  header.flags = 0;
  header.length = header.raw_length = static_cast<uint32_t>(records.size());
  header.crc = crc32c(records.data(), records.size(), crc32c(&header, offsetof(ChunkHeader, crc)));
  file.append(reinterpret_cast<const char*>(&header), sizeof header);
  file += records;
}

/// The trace with some bytes of one chunk changed, lost or doubled.
inline std::string forge(const Unpacked& trace, std::mt19937& random) {
  std::string file = trace.head;
  const std::size_t victim = random() % trace.chunks.size();
  for (std::size_t i = 0; i < trace.chunks.size(); ++i) {
    auto [header, records] = trace.chunks[i];
    for (auto changes = i == victim ? 1 + random() % 3 : 0; changes > 0 && !records.empty(); --changes) {
      const std::size_t at = random() % records.size();
      const auto how = random() % 4;
      if (how == 0) records[at] = static_cast<char>(random());
      if (how == 1) records[at] = '\xff';
      if (how == 2) records.erase(at, 1 + random() % 4);
      if (how == 3) records.insert(at, records.substr(random() % records.size(), 1 + random() % 30));
    }
    append_chunk(file, header, records);
  }
  return file;
}

}  // namespace sightline::slt
