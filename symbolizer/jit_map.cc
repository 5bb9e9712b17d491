#include "symbolizer/jit_map.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kMostPieces = 1 << 20;
constexpr std::size_t kLongestName = 1024;
constexpr std::size_t kLongestLine = 16 * 1024;  // names of templates and of nested functions can be long
constexpr std::size_t kReadAtOnce = 64 * 1024;

// One symbolizer runs on one thread.
uint32_t next_number = 0;

bool take_hex(std::string_view& line, uint64_t& value) {
  if (line.starts_with("0x")) line.remove_prefix(2);
  const auto [rest, error] = std::from_chars(line.data(), line.data() + line.size(), value, 16);
  if (error != std::errc{} || rest == line.data() + line.size() || *rest != ' ') return false;
  line.remove_prefix(static_cast<std::size_t>(rest - line.data()) + 1);
  return true;
}

/// Cuts ":NUMBER" off the end of `text`.
bool cut_number(std::string_view& text, uint32_t& number) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
  const auto [rest, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), number);
  if (error != std::errc{} || rest != text.data() + text.size()) return false;
  text = text.substr(0, colon);
  return true;
}

}  // namespace

JitName parse_jit_name(std::string_view name) {
  JitName parsed;
  parsed.function = name;
  if (name.starts_with("py::")) {
    const std::size_t colon = name.find(':', 4);
    parsed.function = name.substr(4, colon == std::string_view::npos ? colon : colon - 4);
    if (colon != std::string_view::npos) parsed.file = name.substr(colon + 1);
    parsed.is_runtime = parsed.file.starts_with("<frozen");
    return parsed;
  }
  static constexpr std::array<std::string_view, 7> kSources = {
      "JS:", "LazyCompile:", "Function:", "Script:", "Eval:", "Callback:", "Interpreted:"};
  static constexpr std::array<std::string_view, 6> kRuntime = {
      "Builtin:", "BytecodeHandler:", "Stub:", "Handler:", "RegExp:", "Trampoline:"};
  const auto heads = [&](std::string_view head) { return name.starts_with(head); };
  parsed.is_runtime = std::any_of(kRuntime.begin(), kRuntime.end(), heads);
  const auto* source = std::find_if(kSources.begin(), kSources.end(), heads);
  if (source == kSources.end()) return parsed;
  name.remove_prefix(source->size());
  // How far it is optimized.
  while (!name.empty() && std::string_view("*~^+'").find(name[0]) != std::string_view::npos) name.remove_prefix(1);
  const std::size_t space = name.find(' ');
  parsed.function = name.substr(0, space);
  std::string_view place = space == std::string_view::npos ? std::string_view() : name.substr(space + 1);
  uint32_t last = 0;
  if (!cut_number(place, last)) return parsed;
  if (cut_number(place, parsed.line)) {
    parsed.column = last;
  } else {
    parsed.line = last;
  }
  if (place.starts_with("file://")) place.remove_prefix(7);
  parsed.file = place;
  parsed.is_runtime = place.starts_with("node:");
  return parsed;
}

JitMap::~JitMap() {
  if (fd_ >= 0) close(fd_);
}

const JitMap::Piece* JitMap::find(uint64_t pc) {
  // Even if some piece covers it: code may have been replaced since.
  read_on();
  return known(pc);
}

const JitMap::Piece* JitMap::known(uint64_t pc) const {
  const auto after = pieces_.upper_bound(pc);
  if (after == pieces_.begin()) return nullptr;
  const Piece& piece = std::prev(after)->second;
  return pc < piece.end ? &piece : nullptr;
}

void JitMap::read_on() {
  for (std::size_t i = 0; fd_ < 0 && i < paths_.size(); ++i) {
    // Not a pipe that would never end, nor one that waits for a writer.
    fd_ = open(paths_[i].c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st {};
    if (fd_ >= 0 && (fstat(fd_, &st) < 0 || !S_ISREG(st.st_mode))) {
      close(fd_);
      fd_ = -1;
    }
  }
  struct stat now {};
  if (fd_ < 0 || fstat(fd_, &now) < 0 || static_cast<uint64_t>(now.st_size) <= offset_) return;
  std::vector<char> buffer(kReadAtOnce);
  for (;;) {
    const ssize_t n = pread(fd_, buffer.data(), buffer.size(), static_cast<off_t>(offset_));
    if (n <= 0) return;
    offset_ += static_cast<uint64_t>(n);
    std::string_view text(buffer.data(), static_cast<std::size_t>(n));
    for (std::size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      rest_ += text.substr(0, end);
      take_line(rest_);
      rest_.clear();
      text.remove_prefix(end + 1);
    }
    if (rest_.size() + text.size() <= kLongestLine) rest_ += text;
  }
}

void JitMap::take_line(std::string_view line) {
  uint64_t start = 0;
  uint64_t size = 0;
  if (!take_hex(line, start) || !take_hex(line, size) || size == 0 || start + size < start) return;
  if (pieces_.size() >= kMostPieces) return;
  const uint64_t end = start + size;
  // What lay there before is gone, or the part of it that is left.
  auto at = pieces_.lower_bound(start);
  if (at != pieces_.begin()) {
    Piece& before = std::prev(at)->second;
    if (before.end > end) {
      Piece behind = before;
      behind.start = end;
      pieces_.insert_or_assign(end, std::move(behind));
      at = pieces_.lower_bound(start);
      std::prev(at)->second.end = start;
    } else if (before.end > start) {
      before.end = start;
    }
  }
  while (at != pieces_.end() && at->second.start < end) {
    if (at->second.end > end) {
      Piece behind = std::move(at->second);
      pieces_.erase(at);
      behind.start = end;
      pieces_.insert_or_assign(end, std::move(behind));
      break;
    }
    at = pieces_.erase(at);
  }
  std::string name(line.substr(0, kLongestName));
  for (char& c : name)
    if (static_cast<unsigned char>(c) < ' ' || c == 127) c = '?';
  pieces_.insert_or_assign(start, Piece{start, end, std::move(name), next_number++});
}

}  // namespace sightline::symbolizer
