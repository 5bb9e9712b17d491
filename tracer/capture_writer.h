/// The executor's hands: writes one capture after another and keeps count of the room. Internal to capture*.cc.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "tracer/capture.h"

namespace sightline::tracer {

/// The sizes that make i386 and x32 layouts differ from x86_64 ones.
struct Layout {
  uint32_t word;       ///< a pointer inside a structure: x32 has 4 bytes like i386 (the kernel's in_compat_syscall())
  uint32_t long_size;  ///< long of the calls x32 shares with x86_64
};

constexpr Layout layout_of(Abi abi) {
  return {.word = abi == Abi::x86_64 ? 8u : 4u, .long_size = abi == Abi::i386 ? 4u : 8u};
}

/// A × B, or the largest number.
constexpr uint64_t product(uint64_t a, uint64_t b) {
  uint64_t result = 0;
  return __builtin_mul_overflow(a, b, &result) ? UINT64_MAX : result;
}

class CaptureWriter {
 public:
  static constexpr uint64_t kPage = 4096;

  CaptureWriter(Phase phase, const CaptureCall& call, const CaptureLimits& limits, MemoryReader& memory,
                std::span<std::byte> out)
      : layout_(layout_of(call.abi)),
        limits_(limits),
        phase_(phase),
        memory_(memory),
        out_(out.first(std::min<std::size_t>(out.size(), limits.total_limit) & ~std::size_t{7})),
        narrow_(call.abi == Abi::i386) {}

  /// `wanted` bytes at `address`, of which at most `keep` are copied. Returns what was copied.
  std::span<const std::byte> bytes(uint8_t arg, uint64_t address, uint64_t wanted, uint64_t keep = UINT64_MAX);
  /// A NUL-terminated string, of which at most `keep` bytes are copied. It counts as truncated if no NUL is among the
  /// first `look` bytes.
  void string(uint8_t arg, uint64_t address, uint32_t keep, uint32_t look);
  void path(uint8_t arg, uint64_t address) { string(arg, address, limits_.path_limit, limits_.path_limit); }
  /// One byte more is looked at than kept: a text of exactly the limit is whole.
  void text(uint8_t arg, uint64_t address) {
    string(arg, address, limits_.string_limit,
           limits_.string_limit == UINT32_MAX ? UINT32_MAX : limits_.string_limit + 1);
  }
  void payload(uint8_t arg, uint64_t address, uint64_t wanted) { bytes(arg, address, wanted, limits_.string_limit); }
  /// `count` elements of `size` bytes each.
  std::span<const std::byte> array(uint8_t arg, uint64_t address, uint64_t count, uint64_t size) {
    return bytes(arg, address, product(count, size), product(std::min<uint64_t>(count, limits_.array_limit), size));
  }
  /// Pointers up to and with a null one.
  std::span<const std::byte> pointers(uint8_t arg, uint64_t address);

  /// More than one piece of memory is about to be read. What belongs together usually lies together (a msghdr, its
  /// iovecs and its name on one stack, the strings of argv). Where a read of another process's memory costs some
  /// hundred times what the bytes do, reads from here on fetch the surroundings too and serve what follows from them.
  void expect_more() { expects_more_ = reads_are_dear(); }
  bool reads_are_dear() const { return memory_.is_dear(); }

  /// Reads without writing a capture; true if all of `into` could be read.
  bool peek(uint64_t address, std::span<std::byte> into) {
    address = reachable(address);
    return address != 0 && fetch(address, into) == into.size();
  }
  template <class T>
  bool peek(uint64_t address, T& into) {
    return peek(address, std::as_writable_bytes(std::span(&into, 1)));
  }

  /// No further capture will be written.
  bool full() const { return full_; }
  CaptureResult result() const { return {.bytes = used_, .count = count_}; }

  const Layout& layout() const { return layout_; }
  const CaptureLimits& limits() const { return limits_; }
  Phase phase() const { return phase_; }

 private:
  uint64_t reachable(uint64_t address) const { return narrow_ ? address & 0xffffffff : address; }
  /// Room for the bytes of the next capture; 0 if there is none for its header.
  uint64_t room() const {
    const uint64_t left = out_.size() - used_;
    return full_ || left < sizeof(Capture) ? 0 : left - sizeof(Capture);
  }
  bool begin(uint64_t address) {
    if (address == 0) return false;
    if (count_ == kMaxCaptures || out_.size() - used_ < sizeof(Capture)) full_ = true;
    return !full_;
  }
  std::span<const std::byte> commit(const Capture& header);
  std::size_t fetch(uint64_t address, std::span<std::byte> into);

  static constexpr uint64_t kBlock = 1024;  ///< surroundings come in such blocks; a page is a whole number of them

  Layout layout_;
  const CaptureLimits& limits_;
  Phase phase_;
  MemoryReader& memory_;
  std::span<std::byte> out_;
  uint32_t used_ = 0;
  uint8_t count_ = 0;
  bool full_ = false;
  bool narrow_;
  bool expects_more_ = false;
  uint64_t window_address_ = 0;
  std::size_t window_size_ = 0;
  std::array<std::byte, 2 * kBlock> window_;
};

/// The word of `size` (4 or 8) bytes at `offset` of `from`; 0 if it is not all there.
inline uint64_t word_at(std::span<const std::byte> from, uint64_t offset, uint32_t size) {
  uint64_t value = 0;  // little endian: a short word fills the low bytes
  if (offset > from.size() || from.size() - offset < size) return 0;
  std::memcpy(&value, from.data() + offset, size);
  return value;
}

/// Everything a single capture is made of.
struct CaptureStep {
  const Syscall& call;
  const CaptureCall& state;
  const Capturing& what;
  CaptureWriter& writer;

  uint64_t address() const { return state.args[what.arg]; }
  bool at_exit() const { return what.phase == Phase::exit; }
  /// Argument `index` as a length: cut to the width its type has, 0 if negative.
  uint64_t length_argument(uint8_t index) const;
  /// The return value as a length, cut to args[len_arg] if the table says so.
  uint64_t returned() const;
};

// Shapes that depend on a command in another argument: one function each.
void capture_ioctl(const CaptureStep& step);
void capture_fcntl(const CaptureStep& step);
void capture_prctl(const CaptureStep& step);
void capture_futex(const CaptureStep& step);
void capture_ptrace(const CaptureStep& step);
void capture_seccomp(const CaptureStep& step);
void capture_keyctl(const CaptureStep& step);
void capture_quotactl(const CaptureStep& step);
void capture_fsconfig(const CaptureStep& step);
void capture_io_uring_register(const CaptureStep& step);

/// `count` iovecs and the data they point to, together at most `data_limit` bytes of it.
void capture_iovec(CaptureWriter& writer, uint8_t arg, uint64_t address, uint64_t count, uint64_t data_limit);

}  // namespace sightline::tracer
