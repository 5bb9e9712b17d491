#include "src/command_line_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "src/trace_filter.h"

namespace sightline {

void add_text_options(CLI::App& app, Settings& s, RawOptions& raw) {
  app.add_flag("-t", raw.clock, "time of day (-tt: with microseconds, -ttt: since the epoch)");
  app.add_flag("-r,--relative-timestamps", s.text.relative_time, "time since the call before");
  app.add_flag("-T,--syscall-times", s.text.durations, "time spent in each call");
  app.add_flag("-v,--no-abbrev", s.text.style.verbose,
               s.verb == Verb::live ? "structs and environments in full; the engine of each process"
                                    : "structs and environments in full");
  app.add_flag("-x", raw.hex, "strings in hex if not ASCII (-xx: always)");
  app.add_flag("-i,--instruction-pointer", s.text.instruction_pointer, "the instruction pointer");
  app.add_flag("-n,--syscall-number", s.text.syscall_number, "the call's number");
  app.add_option("-a,--columns", s.text.column, "the column of results (40)")->type_name("N");
  app.add_flag("-z,--successful-only", s.text.only_successful, "only calls that succeeded");
  app.add_flag("-Z,--failed-only", s.text.only_failed, "only calls that failed");
  app.add_flag("-c,--summary-only", s.summary, "a table of counts, times and errors instead");
  app.add_flag("-C,--summary", s.summary_too, "that table after the calls");
  app.add_option("--color", raw.color, "auto, always or never")->type_name("WHEN");
}

void apply_expression(Settings& s, std::string_view text) {
  const std::size_t equals = text.find('=');
  std::string_view key = equals == std::string_view::npos ? "trace" : text.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? text : text.substr(equals + 1);
  if (key == "trace" || key == "t") {
    Parsed<tracer::Filter> filter = parse_trace_set(value);
    if (!filter.error.empty()) throw UserError{filter.error};
    s.filter = filter.value;
  } else if (key == "signal" || key == "signals" || key == "s") {
    const Parsed<uint64_t> signals = parse_signal_set(value);
    if (!signals.error.empty()) throw UserError{signals.error};
    s.text.signals = signals.value;
  } else if (key == "status") {
    if (value == "successful")
      s.text.only_successful = true;
    else if (value == "failed")
      s.text.only_failed = true;
    else if (value != "all")
      throw UserError{fmt::format("-e status={} is not offered; it takes successful, failed or all", value)};
  } else {
    throw UserError{fmt::format("-e {}= is not offered; there are trace=, signal= and status=", key)};
  }
}

bool wants_color(const std::string& when, int fd) {
  if (when == "always") return true;
  if (when == "never") return false;
  if (when != "auto") throw UserError{fmt::format("--color={} is not offered; it takes auto, always or never", when)};
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(fd) != 0;
}

SourceMap source_map(const RawOptions& raw) {
  SourceMap map;
  for (const std::string& entry : raw.source_map) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UserError{fmt::format("--source-map={} is not offered; it takes OLD=NEW, two directories", entry)};
    map.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return map;
}

void apply_text(Settings& s, const RawOptions& raw, int fd) {
  TextOptions& t = s.text;
  t.clock = raw.clock == 0   ? Clock::none
            : raw.clock == 1 ? Clock::seconds
            : raw.clock == 2 ? Clock::microseconds
                             : Clock::epoch;
  t.style.string_limit = s.string_limit;
  t.style.hex_strings = raw.hex == 0   ? decode::HexStrings::never
                        : raw.hex == 1 ? decode::HexStrings::non_ascii
                                       : decode::HexStrings::always;
  t.color = wants_color(raw.color, fd);
  t.source = s.source != Source::none;
  t.stacks = s.source == Source::stack;
  t.show_attach = s.quiet < 1 && fd == STDERR_FILENO;  // files hold the trace and nothing else, as strace's
  t.show_exit = s.quiet < 2;
  if (t.only_successful && t.only_failed) throw UserError{"-z and -Z exclude each other: together they show nothing"};
}

}  // namespace sightline
