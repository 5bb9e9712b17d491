#include "src/command_line_reading.h"

#include <fmt/format.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>

#include "src/export/exporter.h"
#include "src/terminal.h"

namespace sightline {
namespace {

/// An option that may be repeated. One value each time: what follows is a file.
CLI::Option* add_list(CLI::App& app, const char* names, std::vector<std::string>& values, const char* help) {
  return app.add_option(names, values, help)->allow_extra_args(false);
}

void add_counting_options(CLI::App& app, Settings& s, RawOptions& raw) {
  add_list(app, "-e", raw.expressions, "trace=SET or status=SET: which calls to count")->type_name("EXPR");
  app.add_option("-o,--output", s.output, "write to FILE, not to stdout")->type_name("FILE");
  app.add_option("--color", raw.color, "auto, always or never")->type_name("WHEN");
}

void add_report_options(CLI::App& app, Settings& s, RawOptions& raw) {
  app.add_option("--by", raw.by, "what a row is: line (the user's), function or stack")->type_name("WHAT");
  app.add_option("--sort", raw.sort, "most first: time, calls, errors or bytes")->type_name("FIGURE");
  app.add_option("--limit", raw.limit, "so many rows, the others in one (all; on a terminal 25)")->type_name("N");
  app.add_option("--format", s.format, "text, json, or folded: stacks for flame graphs")->type_name("FORMAT");
  add_counting_options(app, s, raw);
}

void add_annotate_options(CLI::App& app, Settings& s, RawOptions& raw) {
  app.add_option("sources", s.annotate.sources)->type_name("SOURCE");
  app.add_option("--context", raw.context, "lines around those that made calls, or all (all; on a terminal 3)")
      ->type_name("N");
  add_list(app, "--source-map", raw.source_map, "look below NEW for sources that were below OLD")->type_name("OLD=NEW");
  add_counting_options(app, s, raw);
}

void apply_counting(Settings& s, const RawOptions& raw) {
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

void apply_report(Settings& s, const RawOptions& raw) {
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

void apply_annotate(Settings& s, const RawOptions& raw) {
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

}  // namespace

std::string add_reading_options(CLI::App& app, Settings& s, RawOptions& raw) {
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
    return "sightline print [OPTIONS] [FILE]\n\nPrints a trace file (sightline.slt) as text.\n\n";
  }
  if (s.verb == Verb::report) {
    add_report_options(app, s, raw);
    return "sightline report [OPTIONS] [FILE]\n\nAdds up what the calls of a trace file (sightline.slt) cost.\n\n";
  }
  if (s.verb == Verb::annotate) {
    add_annotate_options(app, s, raw);
    return "sightline annotate [OPTIONS] [FILE [SOURCE...]]\n\nShows the sources behind a trace file (sightline.slt), "
           "all or those named, with\nthe calls, errors, time and bytes of each line beside it.\n\n";
  }
  if (s.verb == Verb::info) {
    s.format = "text";
    app.add_option("--format", s.format, "text or json")->type_name("FORMAT");
    return "sightline info [OPTIONS] [FILE]\n\nSays what a trace file (sightline.slt) holds, and whether it is "
           "complete.\n\n";
  }
  app.add_option("--format", s.format, "one of: " + exporting::format_names())->type_name("FORMAT");
  app.add_option("-o,--output", s.output, "write to FILE, not to stdout (- is stdout)")->type_name("FILE");
  return "sightline export --format=FORMAT [-o FILE] [FILE]\n\nConverts a trace file (sightline.slt) for other "
         "tools.\n\n" +
         exporting::format_help() + "\n";
}

void apply_reading(Settings& s, const RawOptions& raw) {
  switch (s.verb) {
    case Verb::live:
    case Verb::record:
      break;  // they read none
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
}

}  // namespace sightline
