/// Copies what the syscall table says from the traced program's memory into a record.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tracer/span.h"
#include "tracer/syscall_table.h"

namespace sightline::tracer {

/// A reader of another process's memory. Both engines have one (process_vm_readv; a copy with fault recovery).
class MemoryReader {
 public:
  virtual ~MemoryReader() = default;
  /// Copies up to `into.size()` bytes from `address`; returns how many could be read, in order, before the first
  /// unreadable one. 0 if nothing could. Never throws.
  virtual std::size_t read(uint64_t address, std::span<std::byte> into) = 0;
  /// Whether a read costs far more than what it copies: then it is better to read once too much than once more.
  virtual bool is_dear() const { return true; }
};

struct CaptureLimits {
  uint32_t string_limit = 32;    ///< bytes of payload kept per buffer or string (strace's -s)
  uint32_t path_limit = 4096;    ///< bytes kept of a path, with its NUL
  uint32_t array_limit = 1024;   ///< elements kept of any array
  uint32_t total_limit = 65536;  ///< bytes a phase may add to a record, headers included
  bool env_strings = false;      ///< envp's strings too; else only its pointers, which say how many there are
};

/// What a phase's captures need to know of the call.
struct CaptureCall {
  Abi abi = Abi::x86_64;
  const uint64_t* args = nullptr;  ///< six
  int64_t ret = 0;                 ///< at exit
  bool failed = false;             ///< at exit: the call returned an error
};

struct CaptureResult {
  uint32_t bytes = 0;  ///< written to `out`: captures with headers and padding
  uint8_t count = 0;   ///< captures written, at most kMaxCaptures
};

/// Captures a phase makes at most, of a hundred arguments or a thousand iovecs: the record counts them in a byte, and
/// the engine has descriptor paths to add.
inline constexpr uint8_t kMaxCaptures = 240;

/// Runs all captures of `phase` in table order and writes them to `out` as `Capture` headers, each followed by its
/// bytes padded to 8. Unreadable memory yields a capture with kCaptureFault and what could be read. A capture that no
/// longer fits in `out` (or in total_limit) is cut and marked kCaptureTruncated, further ones are left out. A null
/// address, and a length that is zero, negative or not known yet, yield no capture.
///
/// `out` is aligned to 8. Allocates nothing. A piece costs one read, less where several lie close together.
CaptureResult capture(const Syscall& call, Phase phase, const CaptureCall& state, const CaptureLimits& limits,
                      MemoryReader& memory, std::span<std::byte> out);

}  // namespace sightline::tracer
