#include "tracer/memory.h"

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace sightline::tracer {

ProcessMemory::~ProcessMemory() {
  if (file_ >= 0) close(file_);
}

std::size_t ProcessMemory::read(uint64_t address, std::span<std::byte> into) {
  if (into.empty()) return 0;
  if (refused_) return read_by_file(address, into);
  const iovec local{into.data(), into.size()};
  const iovec remote{reinterpret_cast<void*>(address), into.size()};
  const ssize_t n = process_vm_readv(tid_, &local, 1, &remote, 1, 0);
  if (n >= 0) return static_cast<std::size_t>(n);
  if (errno == ENOSYS || errno == EPERM) {
    refused_ = true;
    return read_by_file(address, into);
  }
  // A range that starts readable and ends beyond is read in part, by whole pages; EFAULT means not even the first.
  return 0;
}

std::size_t ProcessMemory::read_by_file(uint64_t address, std::span<std::byte> into) {
  if (file_tid_ != tid_) {
    if (file_ >= 0) close(file_);
    char path[32];
    std::snprintf(path, sizeof path, "/proc/%d/mem", tid_);
    file_ = open(path, O_RDONLY | O_CLOEXEC);
    file_tid_ = tid_;
  }
  if (file_ < 0) return 0;
  const ssize_t n = pread(file_, into.data(), into.size(), static_cast<off_t>(address));
  return n > 0 ? static_cast<std::size_t>(n) : 0;
}

}  // namespace sightline::tracer
