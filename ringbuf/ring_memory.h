/// Memory for rings: a memfd mapped shared, so that a second process can map the same ring; or memory of this process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

namespace sightline::ringbuf {

/// `bytes`, rounded up to whole pages.
constexpr std::size_t whole_pages(std::size_t bytes) {
  constexpr std::size_t kPage = 4096;
  return (bytes + kPage - 1) & ~(kPage - 1);
}

/// Owns a mapping and the descriptor behind it. Movable; unmaps and closes at its end.
class RingMemory {
 public:
  enum class Kind : uint8_t {
    shared,   ///< a memfd
    private_  ///< anonymous: forked children get a copy
  };
  struct Options {
    Kind kind = Kind::shared;
    bool prefault = false;    ///< take all pages now: the first lap does not wait for the kernel
    bool huge_pages = false;  ///< ask for 2 MiB pages; where there are none, small ones
  };

  RingMemory() = default;
  /// Zeroed and page-aligned; pages are taken when first touched. Where no memfd of that size is allowed (RLIMIT_FSIZE
  /// counts for them too, memfd_create(2)), shared memory without one: fd() is -1, and only children can share it. On
  /// failure data() is nullptr and errno says why (ENOMEM: more than there is room for, EINVAL: nothing asked for).
  static RingMemory create(std::size_t bytes, const Options& options);
  static RingMemory create(std::size_t bytes) { return create(bytes, {}); }
  /// Maps `fd`, a ring of another process; `fd` stays the caller's. Its size is the file's.
  static RingMemory map(int fd);

  /// Memory that another owns and that outlives this.
  static RingMemory borrow(void* data, std::size_t bytes);

  RingMemory(RingMemory&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        fd_(std::exchange(other.fd_, -1)),
        borrowed_(std::exchange(other.borrowed_, false)) {}
  RingMemory& operator=(RingMemory&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    std::swap(fd_, other.fd_);
    std::swap(borrowed_, other.borrowed_);
    return *this;
  }
  ~RingMemory();

  void* data() const { return data_; }
  std::size_t size() const { return size_; }
  /// For another process to map (SCM_RIGHTS, /proc/PID/fd). CLOEXEC.
  int fd() const { return fd_; }
  /// Gives the descriptor up, the mapping stays: for rings that no other process maps.
  void close_fd();
  /// Gives the pages behind the first `keep` bytes back to the kernel, for everyone who has them mapped: what is read
  /// there next means nothing (as a rule, zeroes). The mapping stays, and pages come again when they are touched. Where
  /// the kernel can't (locked memory), they stay.
  void give_back(std::size_t keep);

 private:
  void* data_ = nullptr;
  std::size_t size_ = 0;
  int fd_ = -1;
  bool borrowed_ = false;
};

}  // namespace sightline::ringbuf
