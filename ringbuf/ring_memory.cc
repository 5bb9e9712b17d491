#include "ringbuf/ring_memory.h"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace sightline::ringbuf {
namespace {

constexpr std::size_t kHugePage = 2 * 1024 * 1024;

int file_of(std::size_t bytes, unsigned flags) {
  const int fd = memfd_create("sightline-ring", MFD_CLOEXEC | flags);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    close(fd);
    return -1;
  }
  return fd;
}

}  // namespace

RingMemory RingMemory::create(std::size_t bytes, const Options& options) {
  RingMemory memory;
  if (bytes == 0 || bytes > SIZE_MAX / 2) {
    errno = bytes == 0 ? EINVAL : ENOMEM;
    return memory;
  }
  const int populate = options.prefault ? MAP_POPULATE : 0;
  int fd = -1;
  void* data = MAP_FAILED;
  const std::size_t rounded = (bytes + kHugePage - 1) & ~(kHugePage - 1);
  // Reserved huge pages first. MAP_POPULATE does not report a page that is not there, a later touch is SIGBUS; so
  // without MAP_NORESERVE: then the mapping fails at once.
  if (options.huge_pages) {
    if (options.kind == Kind::shared && (fd = file_of(rounded, MFD_HUGETLB)) >= 0)
      data = mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_SHARED | populate, fd, 0);
    else if (options.kind == Kind::private_)
      data =
          mmap(nullptr, rounded, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | populate, -1, 0);
    if (data != MAP_FAILED) {
      bytes = rounded;
    } else if (fd >= 0) {
      close(fd);
      fd = -1;
    }
  }
  if (data == MAP_FAILED) {
    if (options.kind == Kind::shared) fd = file_of(bytes, 0);
    const int sharing = options.kind == Kind::shared ? MAP_SHARED : MAP_PRIVATE;
    // Transparent huge pages must be asked for before the pages are taken.
    const int now = options.huge_pages ? 0 : populate;
    data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, sharing | now | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
    if (data == MAP_FAILED) {
      const int why = errno;
      if (fd >= 0) close(fd);
      errno = why;
      return memory;
    }
    if (options.huge_pages) {
      madvise(data, bytes, MADV_HUGEPAGE);
      if (options.prefault) madvise(data, bytes, MADV_POPULATE_WRITE);
    }
  }
  memory.data_ = data;
  memory.size_ = bytes;
  memory.fd_ = fd;
  return memory;
}

RingMemory RingMemory::map(int fd) {
  RingMemory memory;
  struct stat status {};
  if (fstat(fd, &status) != 0) return memory;
  if (status.st_size <= 0) {
    errno = EINVAL;
    return memory;
  }
  const auto bytes = static_cast<std::size_t>(status.st_size);
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return memory;
  memory.data_ = data;
  memory.size_ = bytes;
  return memory;
}

RingMemory RingMemory::borrow(void* data, std::size_t bytes) {
  RingMemory memory;
  memory.data_ = data;
  memory.size_ = bytes;
  memory.borrowed_ = true;
  return memory;
}

void RingMemory::close_fd() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void RingMemory::give_back(std::size_t keep) {
  const std::size_t from = whole_pages(keep);
  if (from >= size_) return;
  std::byte* const at = static_cast<std::byte*>(data_) + from;
  // Shared pages belong to the file: taken out of this mapping only, they would still be memory (madvise(2)).
  if (madvise(at, size_ - from, MADV_REMOVE) != 0) madvise(at, size_ - from, MADV_DONTNEED);
}

RingMemory::~RingMemory() {
  if (data_ != nullptr && !borrowed_) munmap(data_, size_);
  close_fd();
}

}  // namespace sightline::ringbuf
