/// Looking things up in a call's captures. What is in them comes from the traced program: every length is checked, and
/// a capture that does not fit ends the list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "tracer/span.h"

namespace sightline::decode {

/// A copied piece of the traced program's memory, or nothing.
struct Piece {
  std::span<const std::byte> bytes;
  uint64_t address = 0;
  uint32_t wanted = 0;  ///< bytes the object has; 0 if unknown
  uint8_t flags = 0;    ///< tracer::CaptureFlags
  bool found = false;

  bool cut() const { return (flags & tracer::kCaptureTruncated) != 0; }
  bool fault() const { return (flags & tracer::kCaptureFault) != 0; }
};

/// The captures of one phase.
class Captures {
 public:
  explicit Captures(std::span<const std::byte> raw) : raw_(raw) {}

  /// The capture that argument `arg` led to at `address`. The search goes on behind the last one found and comes round:
  /// printers ask in the order in which captures were made, so that an array of a thousand strings is no search of a
  /// million steps, and equal addresses (two iovecs into one buffer) are found one after the other.
  Piece find(unsigned arg, uint64_t address, tracer::CaptureKind kind) const;

  /// What descriptor `fd` was open for, whichever argument it is.
  Piece find_path(int32_t fd) const;

  bool empty() const { return raw_.empty(); }

 private:
  struct Entry {
    tracer::Capture header;
    std::span<const std::byte> bytes;
    std::size_t next = 0;
  };
  bool read(std::size_t at, Entry& into) const;

  std::span<const std::byte> raw_;
  mutable std::size_t cursor_ = 0;
};

}  // namespace sightline::decode
