/// The debug log: what SIGHTLINE_LOG asks for, a line for each thing that is said, in one write(2) each.
///
///     SIGHTLINE_LOG        COMPONENT=LEVEL, more of them with commas between; the component is tracer, levels are
///                          info and debug, and off
///     SIGHTLINE_LOG_FILE   appended to; else it is stderr
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tracer/log.h"

namespace sightline {

struct LogSettings {
  std::optional<tracer::Log::Level> tracer;  ///< empty: off
  std::vector<std::string> mistakes;         ///< a sentence each for what has no meaning and is ignored
};
/// `text`: the value of SIGHTLINE_LOG.
LogSettings parse_log_settings(std::string_view text);

class LogFile final : public tracer::Log {
 public:
  /// What the environment asks for: nullptr if that is nothing. Sentences for the user are added to `mistakes`.
  static std::unique_ptr<LogFile> from_environment(std::vector<std::string>& mistakes);

  /// Owns `fd`.
  LogFile(int fd, Level level) : Log(level), fd_(fd) {}
  ~LogFile() override;

 private:
  void write(pid_t tid, std::string_view line) override;

  int fd_;
};

}  // namespace sightline
