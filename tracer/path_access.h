/// Which calls access one of some paths (-P). Looked at before anything of a call is recorded: by path, a call that is
/// not wanted costs the look at it and no more, and how many descriptors a poll(2) has is no matter of a record's size.
///
/// Also compiled into the in-process engine's stub: nothing here needs a linked library.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tracer/capture.h"
#include "tracer/fd_paths.h"

namespace sightline::tracer {

/// A few paths in one piece of memory without pointers, so that traced programs can have a copy.
class PathSet {
 public:
  static constexpr std::size_t kBytes = 16 << 10;  ///< of all paths, with a NUL each
  static constexpr std::size_t kLongest = 4095;    ///< of one: PATH_MAX, less its NUL

  /// False: it is too long, or there is no room left. One that is there already needs none.
  bool add(std::string_view path);
  bool has(std::string_view path) const;
  bool empty() const { return used_ == 0; }
  /// Bytes of the longest path.
  std::size_t longest() const { return longest_; }

 private:
  uint32_t used_ = 0;
  uint32_t longest_ = 0;
  std::array<char, kBytes> text_ = {};
};

/// Whether `call` has a path or a descriptor among its arguments at all, in one of strace's classes for such calls:
/// %file, %desc, %network. What has none can't access a path, whatever its arguments are.
bool can_access_paths(const Syscall& call);

/// Whether the call, about to begin, accesses one of `paths`: by a path argument that reads like one of them, or by a
/// descriptor that refers to one. Descriptors in the memory that poll, select and their like are given count; those
/// that a call returns do not, nor does the working directory. False for what can't be read.
bool accesses(const Syscall& call, const CaptureCall& state, const PathSet& paths, MemoryReader& memory,
              FdLookup& lookup);

}  // namespace sightline::tracer
