// One table of options per verb: a CLI::App. It parses, it makes --help, and the tests hold the manual page against it.
//
// The live and record verbs take a command whose own options are none of ours. So the arguments are cut first, where
// the command begins; which options take a value is asked of the same table.
#include "src/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <bit>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include "ringbuf/presets.h"
#include "src/export/exporter.h"
#include "src/terminal.h"
#include "src/trace_filter.h"

namespace sightline {
namespace {

constexpr std::string_view kUsage =
    R"(Sightline traces system calls and names the source line behind each.

  sightline [OPTIONS] COMMAND [ARG...]      trace a command, as strace does
  sightline [OPTIONS] -p PID[,PID...]       attach to running processes; Ctrl-C lets go
  sightline record [OPTIONS] COMMAND...     write a trace file (also with -p)
  sightline print [FILE]                    the trace file as text
  sightline report [FILE]                   calls, errors, time, bytes by line, function or stack
  sightline annotate [FILE [SOURCE...]]     the source with those figures beside each line
  sightline info [FILE]                     what the trace file holds
  sightline export --format=FORMAT [FILE]   convert it for other tools

)";

/// Room for a call with the strings and the stack it usually has.
constexpr uint64_t kSmallestRing = 64 * 1024;

constexpr std::string_view kReservedVerbs[] = {"diff"};

/// What CLI11 stores before it is turned into Settings.
struct Raw {
  std::vector<std::string> expressions;
  std::vector<std::string> pids;
  std::string source;
  std::string color = "auto";
  std::string on_full = "block";
  std::string engine = "auto";
  std::string ring_size;
  std::vector<std::string> source_map;
  std::string by;
  std::string sort = "time";
  std::string limit;
  std::string context;
  int clock = 0;
  int follow = 0;
  int hex = 0;
  int stacks = 0;
  int fd_paths = 0;
};

struct UserError {
  std::string message;
};

std::string help_of(const CLI::App& app, std::string_view head) {
  std::string text(head);
  text += "Options:\n";
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || option->get_positional()) continue;
    std::string names;
    for (const std::string& name : option->get_snames()) names += (names.empty() ? "-" : ", -") + name;
    for (const std::string& name : option->get_lnames()) names += (names.empty() ? "--" : ", --") + name;
    const std::string value = option->get_type_name();
    if (!value.empty()) names += (option->get_lnames().empty() ? " " : "=") + value;
    text += fmt::format("  {:<27} {}\n", names, option->get_description());
  }
  return text;
}

/// Where the command begins in `args`, or args.size(). Throws UserError for an option that is not ours.
std::size_t command_start(const CLI::App& app, const std::vector<std::string>& args, bool& after_dashes) {
  const auto takes_value = [&](const std::string& name) {
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option == nullptr) throw UserError{fmt::format("there is no option {} (see sightline --help)", name)};
    return option->get_items_expected_min() > 0;
  };
  for (std::size_t i = 0; i < args.size(); ++i) {
    const std::string& arg = args[i];
    if (arg == "--") {
      after_dashes = true;
      return i;
    }
    if (arg.size() < 2 || arg[0] != '-') return i;
    if (arg[1] == '-') {
      const std::size_t equals = arg.find('=');
      if (takes_value(arg.substr(0, equals)) && equals == std::string::npos) ++i;
      continue;
    }
    for (std::size_t at = 1; at < arg.size(); ++at) {
      if (!takes_value({'-', arg[at]})) continue;
      if (at + 1 == arg.size()) ++i;  // the value is the next argument
      break;
    }
  }
  return args.size();
}

void add_tracing_options(CLI::App& app, Settings& s, Raw& raw) {
  app.add_option("-p,--attach", raw.pids, "attach to running processes, with all their threads")->type_name("PID,...");
  app.add_option("-o,--output", s.output,
                 s.verb == Verb::record ? "the trace file (sightline.slt)" : "write to FILE, not to stderr")
      ->type_name("FILE");
  if (s.verb == Verb::live) {
    app.add_flag("-A,--output-append-mode", s.append, "append to FILE");
    app.add_flag("-f,--follow-forks", raw.follow, "trace children and threads too");
  } else {
    app.add_flag("-f,--follow-forks", raw.follow, "trace children too (record always does)")->group("");
    app.add_flag("-v", s.verbose, "at the end, the engine of each process");
  }
  app.add_option("-e", raw.expressions, "trace=SET, signal=SET or status=SET: what to show")->type_name("EXPR");
  app.add_option("-P,--trace-path", s.paths, "only calls that access PATH, by name or by descriptor")
      ->type_name("PATH");
  app.add_option("-s,--string-limit", s.string_limit, fmt::format("bytes shown of each string ({})", s.string_limit))
      ->type_name("N");
  app.add_option("-E,--env", s.environment, "set or remove a variable for the command")->type_name("VAR[=VALUE]");
  app.add_option("--source", raw.source, "the source behind each call: line, stack or none")->type_name("HOW");
  app.add_flag("-k,--stack-trace", raw.stacks, "the whole stack of each call");
  app.add_option("--user-prefix", s.symbols.user_prefixes, "programs, libraries, sources below DIR are yours")
      ->type_name("DIR");
  app.add_option("--lib-prefix", s.symbols.library_prefixes, "… below DIR are not: name their caller's line")
      ->type_name("DIR");
  app.add_option("--source-map", raw.source_map, "show sources below OLD as below NEW")->type_name("OLD=NEW");
  app.add_flag("--debuginfod", s.symbols.debuginfod, "ask debuginfod servers for missing debug information");
  app.add_flag("-y,--decode-fds", raw.fd_paths, "what descriptors refer to");
  app.add_flag("-q,--quiet", s.quiet, "fewer messages (-qq: no exits either)");
  app.add_option("--engine", raw.engine, "auto, inprocess or ptrace")->type_name("ENGINE");
  app.add_option("--on-full", raw.on_full,
                 s.verb == Verb::record ? "a thread whose ring is full: block (waits), drop or overwrite"
                                        : "a thread whose ring is full: block (waits) or drop")
      ->type_name("HOW");
  app.add_option("--ring-size", raw.ring_size, "bytes of each thread's ring (512K; first two: 2M)")->type_name("SIZE");
}

void add_text_options(CLI::App& app, Settings& s, Raw& raw) {
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

void apply_pids(Settings& s, const std::vector<std::string>& lists) {
  for (const std::string& list : lists) {
    std::size_t at = 0;
    while (at <= list.size()) {
      std::size_t end = list.find_first_of(", \t\n", at);
      if (end == std::string::npos) end = list.size();
      const std::string word = list.substr(at, end - at);
      at = end + 1;
      if (word.empty()) continue;
      pid_t pid = 0;
      const auto [rest, error] = std::from_chars(word.data(), word.data() + word.size(), pid);
      if (error != std::errc{} || rest != word.data() + word.size() || pid <= 0)
        throw UserError{fmt::format("'{}' is not a process id", word)};
      s.pids.push_back(pid);
    }
  }
}

bool wants_color(const std::string& when, int fd) {
  if (when == "always") return true;
  if (when == "never") return false;
  if (when != "auto") throw UserError{fmt::format("--color={} is not offered; it takes auto, always or never", when)};
  const char* no_color = std::getenv("NO_COLOR");
  return (no_color == nullptr || *no_color == '\0') && isatty(fd) != 0;
}

/// 4096, 64K, 16M, 1G or a preset's name, rounded up to a power of two.
uint64_t ring_size(const std::string& text) {
  if (const auto preset = ringbuf::find_preset(text)) return preset->capacity;
  uint64_t bytes = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, bytes);
  const std::string_view unit(rest, static_cast<std::size_t>(end - rest));
  const int shift = unit.empty()                 ? 0
                    : unit == "K" || unit == "k" ? 10
                    : unit == "M" || unit == "m" ? 20
                    : unit == "G" || unit == "g" ? 30
                                                 : -1;
  constexpr uint64_t kMost = uint64_t{1} << 30;
  if (error == std::errc{} && shift >= 0 && bytes <= kMost >> shift && bytes << shift >= kSmallestRing)
    return std::bit_ceil(bytes << shift);
  std::string names;
  for (const ringbuf::Preset& preset : ringbuf::kPresets) names += fmt::format(", {}", preset.name);
  throw UserError{
      fmt::format("--ring-size={} is not offered; it takes {}K to 1G{}", text, kSmallestRing / 1024, names)};
}

void apply_rings(Settings& s, const Raw& raw) {
  if (raw.engine == "inprocess")
    s.engine = Engine::inprocess;
  else if (raw.engine == "ptrace")
    s.engine = Engine::ptrace;
  else if (raw.engine != "auto")
    throw UserError{fmt::format("there is no engine named '{}'; use auto, inprocess or ptrace", raw.engine)};
  if (raw.on_full == "drop") {
    s.on_full = ringbuf::OnFull::drop_newest;
  } else if (raw.on_full == "overwrite") {
    s.on_full = ringbuf::OnFull::overwrite_oldest;
    if (s.verb != Verb::record)
      throw UserError{"--on-full=overwrite keeps the last calls for a trace file: use it with sightline record"};
  } else if (raw.on_full != "block") {
    throw UserError{fmt::format("--on-full={} is not offered; it takes block, drop or overwrite", raw.on_full)};
  }
  s.ring_bytes = raw.ring_size.empty() ? 0 : ring_size(raw.ring_size);
}

SourceMap source_map(const Raw& raw) {
  SourceMap map;
  for (const std::string& entry : raw.source_map) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0)
      throw UserError{fmt::format("--source-map={} is not offered; it takes OLD=NEW, two directories", entry)};
    map.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  return map;
}

void apply_tracing(Settings& s, const Raw& raw) {
  for (const std::string& text : raw.expressions) apply_expression(s, text);
  apply_pids(s, raw.pids);
  if (raw.follow > 1)
    throw UserError{"-ff (a file for each process) is not offered; use -f, or record, which keeps processes apart"};
  s.follow_children = raw.follow != 0 || s.verb == Verb::record;
  if (!s.output.empty() && (s.output[0] == '|' || s.output[0] == '!'))
    throw UserError{"-o '|COMMAND' is not offered; write to a named pipe or /dev/stdout instead"};
  s.text.style.fd_paths = raw.fd_paths != 0;
  apply_rings(s, raw);
  s.symbols.source_map = source_map(raw);

  // Files are read by programs that know strace's lines and nothing behind them; people read the terminal.
  s.source = s.verb == Verb::live && (!s.output.empty() || s.summary) ? Source::none : Source::line;
  if (raw.source == "line") s.source = Source::line;
  if (raw.source == "stack") s.source = Source::stack;
  if (raw.source == "none") s.source = Source::none;
  if (!raw.source.empty() && raw.source != "line" && raw.source != "stack" && raw.source != "none")
    throw UserError{fmt::format("--source={} is not offered; it takes line, stack or none", raw.source)};
  if (raw.stacks != 0) s.source = Source::stack;

  if (s.command.empty() && s.pids.empty())
    throw UserError{"there is nothing to trace: name a command, or a process with -p (see sightline --help)"};
  if (!s.command.empty() && !s.pids.empty()) throw UserError{"trace either a command or processes with -p, not both"};
}

void apply_text(Settings& s, const Raw& raw, int fd) {
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

/// An option that may be repeated. One value each time: what follows is a file.
CLI::Option* add_list(CLI::App& app, const char* names, std::vector<std::string>& values, const char* help) {
  return app.add_option(names, values, help)->allow_extra_args(false);
}

void add_counting_options(CLI::App& app, Settings& s, Raw& raw) {
  add_list(app, "-e", raw.expressions, "trace=SET or status=SET: which calls to count")->type_name("EXPR");
  app.add_option("-o,--output", s.output, "write to FILE, not to stdout")->type_name("FILE");
  app.add_option("--color", raw.color, "auto, always or never")->type_name("WHEN");
}

void add_report_options(CLI::App& app, Settings& s, Raw& raw) {
  app.add_option("--by", raw.by, "what a row is: line (the user's), function or stack")->type_name("WHAT");
  app.add_option("--sort", raw.sort, "most first: time, calls, errors or bytes")->type_name("FIGURE");
  app.add_option("--limit", raw.limit, "so many rows, the others in one (all; on a terminal 25)")->type_name("N");
  app.add_option("--format", s.format, "text, json, or folded: stacks for flame graphs")->type_name("FORMAT");
  add_counting_options(app, s, raw);
}

void add_annotate_options(CLI::App& app, Settings& s, Raw& raw) {
  app.add_option("sources", s.annotate.sources)->type_name("SOURCE");
  app.add_option("--context", raw.context, "lines around those that made calls, or all (all; on a terminal 3)")
      ->type_name("N");
  add_list(app, "--source-map", raw.source_map, "look below NEW for sources that were below OLD")->type_name("OLD=NEW");
  add_counting_options(app, s, raw);
}

void apply_counting(Settings& s, const Raw& raw) {
  for (const std::string& text : raw.expressions) apply_expression(s, text);
  if (s.text.signals != TextOptions{}.signals)
    throw UserError{"-e signal= says nothing here: calls are counted, not signals"};
}

/// Where the text goes: a descriptor that may be a terminal, or -1.
int text_descriptor(const Settings& s) {
  return s.output.empty() || s.output == "-" ? STDOUT_FILENO : -1;
}

std::size_t count_of(std::string_view option, std::string_view things, const std::string& text) {
  uint32_t count = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, count);
  if (error != std::errc{} || rest != end)
    throw UserError{fmt::format("{}={} is not offered; it takes a number of {}, or all", option, text, things)};
  return count;
}

SortBy sort_by(const std::string& text) {
  if (text == "time") return SortBy::time;
  if (text == "calls") return SortBy::calls;
  if (text == "errors") return SortBy::errors;
  if (text == "bytes") return SortBy::bytes;
  throw UserError{fmt::format("--sort={} is not offered; it takes time, calls, errors or bytes", text)};
}

ReportFormat report_format(const std::string& text) {
  if (text.empty() || text == "text") return ReportFormat::text;
  if (text == "json") return ReportFormat::json;
  if (text == "folded") return ReportFormat::folded;
  throw UserError{fmt::format("report --format={} is not offered; it takes text, json or folded", text)};
}

ReportBy report_by(const std::string& text, ReportFormat format) {
  if (format == ReportFormat::folded && !text.empty() && text != "stack")
    throw UserError{fmt::format("--format=folded is a form of stacks: it needs --by=stack, not --by={}", text)};
  if (text.empty()) return format == ReportFormat::folded ? ReportBy::stack : ReportBy::line;
  if (text == "line") return ReportBy::line;
  if (text == "function") return ReportBy::function;
  if (text == "stack") return ReportBy::stack;
  throw UserError{fmt::format("--by={} is not offered; it takes line, function or stack", text)};
}

void apply_report(Settings& s, const Raw& raw) {
  apply_counting(s, raw);
  ReportOptions& r = s.report;
  r.format = report_format(s.format);
  r.by = report_by(raw.by, r.format);
  r.sort = sort_by(raw.sort);
  const int fd = text_descriptor(s);
  r.color = wants_color(raw.color, fd);
  r.width = terminal_columns(fd);
  constexpr std::size_t kRowsOnTerminal = 25;
  if (!raw.limit.empty() && raw.limit != "all")
    r.limit = count_of("--limit", "rows", raw.limit);
  else if (raw.limit.empty() && r.format == ReportFormat::text && isatty(fd) != 0)
    r.limit = kRowsOnTerminal;
}

void apply_annotate(Settings& s, const Raw& raw) {
  apply_counting(s, raw);
  AnnotateOptions& a = s.annotate;
  a.map = source_map(raw);
  const int fd = text_descriptor(s);
  a.style.color = wants_color(raw.color, fd);
  a.style.width = terminal_columns(fd);
  if (raw.context.empty()) {
    constexpr std::size_t kContextOnTerminal = 3;
    if (isatty(fd) != 0) a.style.context = kContextOnTerminal;
  } else if (raw.context != "all") {
    a.style.context = count_of("--context", "lines", raw.context);
  }
}

/// Throws UserError, or returns a help text instead of settings.
CommandLine parse(int argc, const char* const* argv) {
  Settings s;
  Raw raw;
  std::vector<std::string> args(argv + 1, argv + argc);
  if (!args.empty()) {
    if (args[0] == "record") s.verb = Verb::record;
    if (args[0] == "print") s.verb = Verb::print;
    if (args[0] == "report") s.verb = Verb::report;
    if (args[0] == "annotate") s.verb = Verb::annotate;
    if (args[0] == "info") s.verb = Verb::info;
    if (args[0] == "export") s.verb = Verb::export_file;
    for (const std::string_view verb : kReservedVerbs)
      if (args[0] == verb)
        throw UserError{fmt::format(
            "'{0}' is not offered by this version (to trace a program of that name: sightline -- {0})", verb)};
  }
  if (s.verb != Verb::live) args.erase(args.begin());
  const bool traces = s.verb == Verb::live || s.verb == Verb::record;
  if (s.verb == Verb::record) s.string_limit = 128;

  CLI::App app;
  app.set_help_flag();
  bool help = false;
  bool version = false;
  std::string head;
  if (traces) {
    add_tracing_options(app, s, raw);
    if (s.verb == Verb::live) add_text_options(app, s, raw);
    head = s.verb == Verb::live
               ? std::string(kUsage)
               : "sightline record [OPTIONS] COMMAND [ARG...]\nsightline record [OPTIONS] -p PID[,PID...]\n\n"
                 "Traces a command, or running processes, with all children, into a trace file.\n\n";
  } else {
    app.add_option("file", s.input)->type_name("FILE");
    if (s.verb == Verb::print) {
      app.add_option("-o,--output", s.output, "write to FILE, not to stdout")->type_name("FILE");
      add_list(app, "-e", raw.expressions, "trace=SET, signal=SET or status=SET: what to show")->type_name("EXPR");
      s.string_limit = 1u << 20;
      app.add_option("-s,--string-limit", s.string_limit, "bytes shown of each string (all that was recorded)")
          ->type_name("N");
      app.add_option("--source", raw.source, "the source behind each call: line, stack or none")->type_name("HOW");
      app.add_flag("-k,--stack-trace", raw.stacks, "the stack of each call, as recorded");
      app.add_flag("-q,--quiet", s.quiet, "fewer messages (-qq: no exits either)");
      add_text_options(app, s, raw);
      head = "sightline print [OPTIONS] [FILE]\n\nPrints a trace file (sightline.slt) as text.\n\n";
    } else if (s.verb == Verb::report) {
      add_report_options(app, s, raw);
      head = "sightline report [OPTIONS] [FILE]\n\nAdds up what the calls of a trace file (sightline.slt) cost.\n\n";
    } else if (s.verb == Verb::annotate) {
      add_annotate_options(app, s, raw);
      head =
          "sightline annotate [OPTIONS] [FILE [SOURCE...]]\n\nShows the sources behind a trace file (sightline.slt), "
          "all or those named, with\nthe calls, errors, time and bytes of each line beside it.\n\n";
    } else if (s.verb == Verb::info) {
      s.format = "text";
      app.add_option("--format", s.format, "text or json")->type_name("FORMAT");
      head =
          "sightline info [OPTIONS] [FILE]\n\nSays what a trace file (sightline.slt) holds, and whether it is "
          "complete.\n\n";
    } else {
      app.add_option("--format", s.format, "one of: " + exporting::format_names())->type_name("FORMAT");
      app.add_option("-o,--output", s.output, "write to FILE, not to stdout (- is stdout)")->type_name("FILE");
      head =
          "sightline export --format=FORMAT [-o FILE] [FILE]\n\nConverts a trace file (sightline.slt) for other "
          "tools.\n\n" +
          exporting::format_help() + "\n";
    }
  }
  app.add_flag("-h,--help", help, "this text");
  app.add_flag("-V,--version", version, "the version");

  if (traces) {
    bool after_dashes = false;
    const std::size_t cut = command_start(app, args, after_dashes);
    s.command.assign(args.begin() + static_cast<std::ptrdiff_t>(std::min(cut + (after_dashes ? 1 : 0), args.size())),
                     args.end());
    args.resize(std::min(cut, args.size()));
  }
  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(reversed);
  } catch (const CLI::ParseError& error) {
    std::string what = error.what();
    if (what.starts_with("The following argument"))
      what = "there is one argument too many: " + what.substr(what.rfind(": ") + 2);
    throw UserError{what};
  }
  if (help) return {.settings = {}, .message = help_of(app, head), .status = kExitFine};
  if (version) return {.settings = {}, .message = "sightline " SIGHTLINE_VERSION "\n", .status = kExitFine};

  switch (s.verb) {
    case Verb::live:
      apply_tracing(s, raw);
      apply_text(s, raw, s.output.empty() ? STDERR_FILENO : -1);
      s.verbose = s.text.style.verbose;
      s.text.always_show_pid = !s.output.empty() && (s.follow_children || !s.pids.empty());
      s.text.pid_in_brackets = s.output.empty();
      break;
    case Verb::record:
      apply_tracing(s, raw);
      if (s.output.empty()) s.output = "sightline.slt";
      break;
    case Verb::print:
      for (const std::string& text : raw.expressions) apply_expression(s, text);
      s.source = raw.stacks != 0 || raw.source == "stack" ? Source::stack
                 : raw.source == "none"                   ? Source::none
                                                          : Source::line;
      apply_text(s, raw, s.output.empty() ? STDOUT_FILENO : -1);
      break;
    case Verb::report:
      apply_report(s, raw);
      break;
    case Verb::annotate:
      apply_annotate(s, raw);
      break;
    case Verb::info:
      if (s.format != "text" && s.format != "json")
        throw UserError{fmt::format("info --format={} is not offered; it takes text or json", s.format)};
      break;
    case Verb::export_file:
      if (s.format.empty()) throw UserError{"export needs --format=FORMAT, one of: " + exporting::format_names()};
      break;
  }
  return {.settings = std::move(s), .message = {}, .status = kExitFine};
}

}  // namespace

CommandLine parse_command_line(int argc, const char* const* argv) {
  try {
    return parse(argc, argv);
  } catch (const UserError& error) {
    return {.settings = {}, .message = "sightline: " + error.message + "\n", .status = kExitUsage};
  }
}

}  // namespace sightline
