#include "src/log_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "ringbuf/model.h"
#include "src/output.h"
#include "src/terminal.h"

namespace sightline {

LogSettings parse_log_settings(std::string_view text) {
  using Level = tracer::Log::Level;
  LogSettings settings;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view entry = text.substr(0, comma);
    text = comma == std::string_view::npos ? std::string_view() : text.substr(comma + 1);
    if (entry.empty()) continue;
    const std::size_t equals = entry.find('=');
    const std::string_view component = entry.substr(0, equals);
    const std::string_view level = equals == std::string_view::npos ? std::string_view() : entry.substr(equals + 1);
    if (component != "tracer")
      settings.mistakes.push_back(fmt::format(
          "SIGHTLINE_LOG: there is no component '{}' that keeps a log; it takes tracer=LEVEL", printable(component)));
    else if (level == "debug")
      settings.tracer = Level::debug;
    else if (level == "info")
      settings.tracer = Level::info;
    else if (level == "off")
      settings.tracer.reset();
    else
      settings.mistakes.push_back(fmt::format(
          "SIGHTLINE_LOG: '{}' is no level of {}'s log; it takes debug, info or off", printable(level), component));
  }
  return settings;
}

std::unique_ptr<LogFile> LogFile::from_environment(std::vector<std::string>& mistakes) {
  const char* wanted = std::getenv("SIGHTLINE_LOG");
  if (wanted == nullptr) return nullptr;
  LogSettings settings = parse_log_settings(wanted);
  mistakes.insert(mistakes.end(), settings.mistakes.begin(), settings.mistakes.end());
  if (!settings.tracer) return nullptr;
  const char* path = std::getenv("SIGHTLINE_LOG_FILE");
  const bool to_file = path != nullptr && *path != '\0';
  // Readable by the owner only, as trace files are.
  const int fd = to_file ? ::open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0600)
                         : copy_of_descriptor(STDERR_FILENO);
  if (fd < 0) {
    mistakes.push_back(fmt::format("there is no log: can't write to {}: {}",
                                   to_file ? "'" + printable(path) + "'" : std::string("stderr"),
                                   std::strerror(errno)));
    return nullptr;
  }
  return std::make_unique<LogFile>(fd, *settings.tracer);
}

LogFile::~LogFile() {
  close(fd_);
}

void LogFile::write(pid_t tid, std::string_view line) {
  const uint64_t now = ringbuf::StandardModel::now() / 1000;
  const std::string text = fmt::format("{}.{:06} tracer: {} {}\n", now / 1'000'000, now % 1'000'000, tid, line);
  // A log that can't be written is no reason to disturb what it tells of.
  while (::write(fd_, text.data(), text.size()) < 0 && errno == EINTR) {
  }
}

}  // namespace sightline
