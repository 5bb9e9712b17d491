/// Chunks to and from a file: compression, checksums, write errors.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "src/slt/bytes.h"
#include "src/slt/format.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace sightline::slt {

/// The writing end. Owns the descriptor. After the first write that fails nothing more is written.
class ChunkWriter {
 public:
  ChunkWriter(int fd, int level);
  ~ChunkWriter();
  ChunkWriter(const ChunkWriter&) = delete;
  ChunkWriter& operator=(const ChunkWriter&) = delete;

  /// Makes what write_chunk() needs, if it is not there yet: for when there is time.
  void prepare();
  /// Writes bytes that are no chunk: the file's header and trailer. False if they are not in the file.
  bool write(const void* bytes, std::size_t size);
  /// Writes a chunk; `header` says its type, calls and times. False if it is not in the file.
  bool write_chunk(ChunkHeader header, const ByteWriter& records);
  /// Closes the descriptor, once. Some file systems report errors only here.
  void close();

  int error() const { return error_; }     ///< errno of the write that failed, 0 if none did
  uint64_t size() const { return size_; }  ///< bytes written so far

 private:
  int fd_;
  int level_;
  int error_ = 0;
  uint64_t size_ = 0;
  uint32_t sequence_ = 0;
  ZSTD_CCtx_s* compressor_ = nullptr;
  std::vector<uint8_t> buffer_;
};

/// The reading end. Owns the descriptor.
class ChunkReader {
 public:
  explicit ChunkReader(int fd, uint64_t file_size);
  ~ChunkReader();
  ChunkReader(const ChunkReader&) = delete;
  ChunkReader& operator=(const ChunkReader&) = delete;

  enum class Status : uint8_t {
    chunk,    ///< header() and records() are valid until the next call
    end,      ///< nothing follows
    cut,      ///< the file ends inside a chunk
    damaged,  ///< what follows is no chunk, or not the one that was written; problem() says why
  };

  /// Goes to `offset`, and expects the chunk with `sequence` there.
  void seek(uint64_t offset, uint32_t sequence);
  Status next();

  const ChunkHeader& header() const { return header_; }
  std::span<const uint8_t> records() const { return records_; }
  uint64_t offset() const { return offset_; }  ///< of the chunk that next() returned, or failed at
  const std::string& problem() const { return problem_; }
  uint64_t file_size() const { return file_size_; }

  /// Reads exactly `size` bytes; false if they are not there.
  bool read(uint64_t offset, void* into, std::size_t size) const;

 private:
  Status damaged(const char* why);

  int fd_;
  uint64_t file_size_;
  uint64_t offset_ = 0;
  uint64_t next_offset_ = 0;
  uint32_t sequence_ = 0;
  ChunkHeader header_;
  std::span<const uint8_t> records_;
  std::string problem_;
  std::vector<uint8_t> stored_;
  std::vector<uint8_t> raw_;
  ZSTD_DCtx_s* decompressor_;
};

}  // namespace sightline::slt
