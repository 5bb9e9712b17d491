#include "src/slt/chunk_file.h"

#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <cstring>

#include "src/slt/crc32c.h"

namespace sightline::slt {
namespace {

uint32_t chunk_crc(const ChunkHeader& header, const void* stored) {
  return crc32c(stored, header.length, crc32c(&header, offsetof(ChunkHeader, crc)));
}

}  // namespace

ChunkWriter::ChunkWriter(int fd, int level) : fd_(fd), level_(level) {}

ChunkWriter::~ChunkWriter() {
  close();
  ZSTD_freeCCtx(compressor_);
}

void ChunkWriter::close() {
  if (fd_ < 0) return;
  const int result = ::close(fd_);
  if (result != 0 && errno != EINTR && error_ == 0) error_ = errno;
  fd_ = -1;
}

void ChunkWriter::prepare() {
  if (compressor_ == nullptr) compressor_ = ZSTD_createCCtx();
}

bool ChunkWriter::write(const void* bytes, std::size_t size) {
  if (error_ != 0) return false;
  const auto* at = static_cast<const uint8_t*>(bytes);
  std::size_t left = size;
  while (left != 0) {
    const ssize_t written = ::write(fd_, at, left);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      error_ = written < 0 ? errno : EIO;
      // Half a chunk at the end is no harm to a reader; without it the file is exactly what was recorded.
      [[maybe_unused]] const int ignored = ::ftruncate(fd_, static_cast<off_t>(size_));
      return false;
    }
    at += written;
    left -= static_cast<std::size_t>(written);
  }
  size_ += size;
  return true;
}

bool ChunkWriter::write_chunk(ChunkHeader header, const ByteWriter& records) {
  if (error_ != 0) return false;
  if (records.size() > kMaxRaw) {
    error_ = EFBIG;
    return false;
  }
  prepare();
  header.sync = kSync;
  header.sequence = sequence_++;
  header.raw_length = static_cast<uint32_t>(records.size());
  buffer_.resize(sizeof header + ZSTD_compressBound(records.size()));
  uint8_t* const stored = buffer_.data() + sizeof header;
  const std::size_t packed = compressor_ == nullptr
                                 ? SIZE_MAX
                                 : ZSTD_compressCCtx(compressor_, stored, buffer_.size() - sizeof header,
                                                     records.data(), records.size(), level_);
  if (packed < records.size()) {  // ZSTD's errors are sizes near SIZE_MAX
    header.flags = kChunkZstd;
    header.length = static_cast<uint32_t>(packed);
  } else {
    header.flags = 0;
    header.length = header.raw_length;
    if (!records.empty()) std::memcpy(stored, records.data(), records.size());
  }
  header.crc = chunk_crc(header, stored);
  std::memcpy(buffer_.data(), &header, sizeof header);
  return write(buffer_.data(), sizeof header + header.length);
}

ChunkReader::ChunkReader(int fd, uint64_t file_size)
    : fd_(fd), file_size_(file_size), decompressor_(ZSTD_createDCtx()) {}

ChunkReader::~ChunkReader() {
  ::close(fd_);
  ZSTD_freeDCtx(decompressor_);
}

void ChunkReader::seek(uint64_t offset, uint32_t sequence) {
  next_offset_ = offset;
  sequence_ = sequence;
}

bool ChunkReader::read(uint64_t offset, void* into, std::size_t size) const {
  auto* at = static_cast<uint8_t*>(into);
  while (size != 0) {
    const ssize_t got = ::pread(fd_, at, size, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    at += got;
    offset += static_cast<uint64_t>(got);
    size -= static_cast<std::size_t>(got);
  }
  return true;
}

ChunkReader::Status ChunkReader::damaged(const char* why) {
  problem_ = why;
  return Status::damaged;
}

ChunkReader::Status ChunkReader::next() {
  offset_ = next_offset_;
  if (offset_ >= file_size_) return Status::end;
  const uint64_t left = file_size_ - offset_;
  if (left < sizeof header_) return Status::cut;
  if (!read(offset_, &header_, sizeof header_)) return damaged("cannot be read");
  if (header_.sync != kSync) return damaged("no chunk begins there");
  if (header_.raw_length > kMaxRaw || header_.length > kMaxRaw) return damaged("a chunk of impossible size");
  if (header_.length > left - sizeof header_) return Status::cut;
  stored_.resize(header_.length);
  if (!read(offset_ + sizeof header_, stored_.data(), stored_.size())) return damaged("cannot be read");
  if (chunk_crc(header_, stored_.data()) != header_.crc) return damaged("checksum mismatch");
  if (header_.sequence != sequence_) return damaged("a chunk is missing");

  if ((header_.flags & kChunkZstd) != 0) {
    if (decompressor_ == nullptr) return damaged("no memory to unpack it");
    if (ZSTD_getFrameContentSize(stored_.data(), stored_.size()) != header_.raw_length)
      return damaged("compressed data of another size");
    raw_.resize(header_.raw_length);
    const std::size_t size =
        ZSTD_decompressDCtx(decompressor_, raw_.data(), raw_.size(), stored_.data(), stored_.size());
    if (size != header_.raw_length) return damaged("broken compressed data");
    records_ = raw_;
  } else {
    if (header_.length != header_.raw_length) return damaged("a chunk of impossible size");
    records_ = stored_;
  }
  next_offset_ = offset_ + sizeof header_ + header_.length;
  ++sequence_;
  return Status::chunk;
}

}  // namespace sightline::slt
