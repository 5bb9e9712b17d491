/// A file that is only in memory, for code that reads files.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>

namespace sightline::fuzz {

class MemoryFile {
 public:
  MemoryFile(const uint8_t* data, std::size_t size) : fd_(::memfd_create("fuzz", MFD_CLOEXEC)) {
    for (std::size_t at = 0; fd_ >= 0 && at < size;) {
      const ssize_t written = ::write(fd_, data + at, size - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
  }
  ~MemoryFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;

  int fd() const { return fd_; }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

/// For libFuzzer and replay.cc alike.
inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

}  // namespace sightline::fuzz
