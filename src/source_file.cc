#include "src/source_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "symbolizer/unique_fd.h"

namespace sightline {
namespace {

constexpr off_t kLargest = off_t{64} << 20;

int64_t nanoseconds(const timespec& time) {
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.emplace_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// Whole names only: /builder is not below /build.
bool lies_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() + 1 && path.starts_with(directory) && path[directory.size()] == '/';
}

}  // namespace

std::optional<SourceFile> read_source(const std::string& path) {
  // O_NONBLOCK: the path may name a FIFO, and nothing must wait for its writer.
  const symbolizer::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  struct stat status {};
  if (fd.get() < 0 || fstat(fd.get(), &status) != 0) return std::nullopt;
  if (!S_ISREG(status.st_mode) || status.st_size > kLargest) return std::nullopt;
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t n = read(fd.get(), text.data() + filled, text.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return std::nullopt;
    if (n == 0) break;  // it has become shorter meanwhile
    filled += static_cast<std::size_t>(n);
  }
  text.resize(filled);
  return SourceFile{.path = path, .lines = split_lines(text), .modified = nanoseconds(status.st_mtim)};
}

std::optional<int64_t> modification_time(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return std::nullopt;
  return nanoseconds(status.st_mtim);
}

std::vector<std::string> path_components(std::string_view path) {
  std::vector<std::string> names;
  for (const auto& part : std::filesystem::path(path).lexically_normal())
    if (const std::string name = part.string(); !name.empty() && name != "/" && name != "." && name != "..")
      names.push_back(name);
  return names;
}

std::size_t common_tail(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  std::size_t n = 0;
  while (n < a.size() && n < b.size() && a[a.size() - 1 - n] == b[b.size() - 1 - n]) ++n;
  return n;
}

std::optional<SourceFile> find_source(std::string_view path, const SourceMap& map) {
  const std::pair<std::string, std::string>* mapped = nullptr;
  for (const auto& entry : map)
    if (lies_below(path, entry.first) && (mapped == nullptr || entry.first.size() > mapped->first.size()))
      mapped = &entry;
  if (mapped != nullptr) {
    const std::filesystem::path there = std::filesystem::path(mapped->second) / path.substr(mapped->first.size() + 1);
    if (auto found = read_source(there.string())) return found;
  }
  if (auto found = read_source(std::string(path))) return found;
  const std::vector<std::string> names = path_components(path);
  // A path may be as long as it likes in a file that somebody forged.
  constexpr std::size_t kLongestTail = 64;
  for (std::size_t first = names.size() - std::min(names.size(), kLongestTail); first < names.size(); ++first) {
    std::filesystem::path tail;
    for (std::size_t i = first; i < names.size(); ++i) tail /= names[i];
    if (auto found = read_source(tail.string())) return found;
  }
  return std::nullopt;
}

}  // namespace sightline
