// One table of options per verb: a CLI::App. It parses, it makes --help, and the tests hold the manual page against it.
//
// The live and record verbs take a command whose own options are none of ours. So the arguments are cut first, where
// the command begins; which options take a value is asked of the same table.
#include "src/command_line.h"

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <bit>
#include <charconv>
#include <string_view>
#include <utility>

#include "ringbuf/presets.h"
#include "src/command_line_options.h"
#include "src/command_line_reading.h"

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

void add_tracing_options(CLI::App& app, Settings& s, RawOptions& raw) {
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

void apply_rings(Settings& s, const RawOptions& raw) {
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

void apply_tracing(Settings& s, const RawOptions& raw) {
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

/// Throws UserError, or returns a help text instead of settings.
CommandLine parse(int argc, const char* const* argv) {
  Settings s;
  RawOptions raw;
  std::vector<std::string> args(argv + 1, argv + argc);
  if (!args.empty()) {
    s.verb = verb_named(args[0]);
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
    head = add_reading_options(app, s, raw);
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
    case Verb::report:
    case Verb::annotate:
    case Verb::info:
    case Verb::export_file:
      apply_reading(s, raw);
      break;
  }
  return {.settings = std::move(s), .message = {}, .status = kExitFine};
}

}  // namespace

Verb verb_named(std::string_view name) {
  if (name == "record") return Verb::record;
  if (name == "print") return Verb::print;
  if (name == "report") return Verb::report;
  if (name == "annotate") return Verb::annotate;
  if (name == "info") return Verb::info;
  if (name == "export") return Verb::export_file;
  return Verb::live;
}

CommandLine parse_command_line(int argc, const char* const* argv) {
  try {
    return parse(argc, argv);
  } catch (const UserError& error) {
    return {.settings = {}, .message = "sightline: " + error.message + "\n", .status = kExitUsage};
  }
}

}  // namespace sightline
