/// What the descriptors of a call refer to (-y), as captures in its record. The same for both engines, but for who
/// looks.
///
/// Also compiled into the in-process engine's stub: nothing here needs a linked library.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "tracer/capture.h"

namespace sightline::tracer {

/// What the kernel adds to the path of a file that has been removed. A file may be called that, too: its count of links
/// tells.
inline constexpr std::string_view kDeletedMark = " (deleted)";

/// As readlink(2) of /proc/TID/fd/FD gives it, less kDeletedMark; "" if the descriptor is not open. AT_FDCWD is the
/// working directory.
struct FdPath {
  std::string_view path;
  bool deleted = false;
};

class FdLookup {
 public:
  virtual ~FdLookup() = default;
  /// The text is good until the next one is asked for.
  virtual FdPath find(int fd) = 0;
};

/// Appends to what `result` says is in `out`: of each of the call's descriptors at its entry, and of the one that it
/// returns at its exit. What has no room is left out.
void capture_fd_paths(const Syscall& call, Phase phase, const CaptureCall& state, FdLookup& lookup,
                      std::span<std::byte> out, CaptureResult& result);

}  // namespace sightline::tracer
