/// What the tracer does, told while it does it: for whoever looks for a fault in it. The tracer says it, somebody else
/// writes it down.
///
/// Who has a line to say asks whether there is a log first, so that one that is off costs a branch:
///
///     if (log_ != nullptr) log_->print(Log::Level::debug, tid, "stub injected");
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace sightline::tracer {

class Log {
 public:
  enum class Level : uint8_t {
    info,   ///< what becomes of processes: attached to, in-process or not and why, let go
    debug,  ///< and every stop, call site and signal
  };

  explicit Log(Level level) : level_(level) {}
  virtual ~Log() = default;
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// printf(3)'s format. `tid`: of whom it is said.
  [[gnu::format(printf, 4, 5)]] void print(Level level, pid_t tid, const char* format, ...);

 private:
  /// One line, without an end of line, of less than 256 bytes.
  virtual void write(pid_t tid, std::string_view line) = 0;

  Level level_;
};

}  // namespace sightline::tracer
