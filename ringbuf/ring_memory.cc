#include "ringbuf/ring_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

namespace sightline::ringbuf {

RingMemory RingMemory::create(std::size_t bytes) {
  RingMemory memory;
  int fd = memfd_create("sightline-ring", MFD_CLOEXEC);
  if (fd >= 0 && ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    close(fd);
    fd = -1;
  }
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);
  if (data == MAP_FAILED) {
    const int why = errno;
    if (fd >= 0) close(fd);
    errno = why;
    return memory;
  }
  memory.data_ = data;
  memory.size_ = bytes;
  memory.fd_ = fd;
  return memory;
}

void RingMemory::close_fd() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

RingMemory::~RingMemory() {
  if (data_ != nullptr) munmap(data_, size_);
  close_fd();
}

}  // namespace sightline::ringbuf
