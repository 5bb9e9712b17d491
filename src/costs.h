/// What calls cost: the figures that reports add up by line, function or stack.
#pragma once

#include <cstdint>

#include "src/model.h"

namespace sightline {

/// The bytes that a call has moved from one place to another: the result of read(2), sendto(2), splice(2) and their
/// kin. 0 for calls that failed or whose result is no number of bytes (recvmmsg(2) counts messages).
uint64_t bytes_moved(const Call& call);

/// Sums. They stop at the largest number instead of starting again from 0: a trace file may claim anything.
struct Costs {
  uint64_t calls = 0;
  uint64_t errors = 0;
  uint64_t nanoseconds = 0;  ///< from entry to exit, as the tracer saw them
  uint64_t bytes = 0;

  /// Adds a finished call.
  void add(const Call& call);
  void add(const Costs& other);
};

enum class SortBy : uint8_t { time, calls, errors, bytes };

/// What rows are ordered by, most first.
uint64_t sort_key(const Costs& costs, SortBy by);

}  // namespace sightline
