/// Sources of traced programs: where they are now, and what stands in them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sightline {

/// A source that was read.
struct SourceFile {
  std::string path;  ///< as it was opened
  std::vector<std::string> lines;
  int64_t modified = 0;  ///< CLOCK_REALTIME ns
};

/// Reads a regular file of at most 64 MiB; nullopt if that is not possible.
std::optional<SourceFile> read_source(const std::string& path);

/// CLOCK_REALTIME ns of the last change of a file's content; nullopt if it is not there.
std::optional<int64_t> modification_time(const std::string& path);

/// `OLD=NEW` of --source-map: a directory at the time of the build, and the one that holds its sources now.
using SourceMap = std::vector<std::pair<std::string, std::string>>;

/// Reads a source by the path that debug information gives it: below the directory that the longest fitting entry of
/// `map` names, else where the
/// path says, else relative to the current directory by the path's tail, the longest that exists
/// (/build/app/src/main.cc as app/src/main.cc, src/main.cc, main.cc).
std::optional<SourceFile> find_source(std::string_view path, const SourceMap& map);

/// The names on a path, without `.` and with `x/..` resolved as text.
std::vector<std::string> path_components(std::string_view path);

/// How many of the last components are the same.
std::size_t common_tail(const std::vector<std::string>& a, const std::vector<std::string>& b);

}  // namespace sightline
