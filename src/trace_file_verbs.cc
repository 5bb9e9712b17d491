#include "src/trace_file_verbs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <iterator>
#include <memory>

#include "src/annotate.h"
#include "src/engine_text.h"
#include "src/export/exporter.h"
#include "src/export/json.h"
#include "src/output.h"
#include "src/report.h"
#include "src/slt/reader.h"
#include "src/summary_sink.h"
#include "src/tee_sink.h"
#include "src/terminal.h"
#include "src/text_sink.h"

namespace sightline {
namespace {

void complain(const std::string& sentence) {
  fmt::print(stderr, "sightline: {}\n", sentence);
}

/// Lets only the calls of -e trace= through and, if asked, of their ends only those of -e status=.
class FilterSink : public Sink {
 public:
  enum class Status : uint8_t { all, successful, failed };
  FilterSink(const tracer::Filter& filter, Sink& next, Status status = Status::all)
      : filter_(filter), next_(next), status_(status) {}
  void trace_started(const TraceStart& e) override { next_.trace_started(e); }
  void process_started(const Process& e) override { next_.process_started(e); }
  void thread_started(const Thread& e) override { next_.thread_started(e); }
  void executed(const Thread& e, int32_t former, uint64_t time) override { next_.executed(e, former, time); }
  void call_entered(const Call& e) override {
    if (passes(e)) next_.call_entered(e);
  }
  void call_finished(const Call& e) override {
    if (passes(e) && has_status(e)) next_.call_finished(e);
  }
  void signal_delivered(const Signal& e) override { next_.signal_delivered(e); }
  void thread_ended(const ThreadEnd& e) override { next_.thread_ended(e); }
  void lost(const Loss& e) override { next_.lost(e); }
  void trace_ended(const TraceEnd& e) override { next_.trace_ended(e); }
  uint64_t output_errors() const override { return next_.output_errors(); }

 private:
  bool passes(const Call& call) const { return filter_.passes(call.abi, call.nr, call.syscall); }
  bool has_status(const Call& call) const {
    if (status_ == Status::all) return true;
    if (status_ == Status::failed) return call.failed;
    return call.finished && !call.failed && call.end_kind == tracer::CallEnd::returned;
  }
  const tracer::Filter& filter_;
  Sink& next_;
  Status status_;
};

FilterSink::Status wanted_status(const Settings& settings) {
  if (settings.text.only_successful) return FilterSink::Status::successful;
  return settings.text.only_failed ? FilterSink::Status::failed : FilterSink::Status::all;
}

std::unique_ptr<slt::Reader> open_trace(const std::string& path) {
  std::string error;
  auto reader = slt::Reader::open(path, error);
  if (reader == nullptr) complain(error);
  return reader;
}

std::unique_ptr<Output> open_output(const std::string& path) {
  std::string error;
  auto output = Output::open(path.empty() ? "-" : path, false, error);
  if (output == nullptr) complain(error);
  return output;
}

/// Plays the trace and says what went wrong with it or with the output.
int play(slt::Reader& reader, Sink& sink, Output& output, const std::string& input) {
  const slt::Reader::Replayed played = reader.replay(sink);
  output.flush();
  int status = kExitFine;
  if (played.ending != slt::Reader::Ending::complete)
    complain(fmt::format("'{}' is incomplete: {}; {} calls recovered", input, played.problem,
                         played.finished + played.unfinished));
  if (played.ending == slt::Reader::Ending::damaged) status = kExitFailure;
  // A closed pipe is how `| head` ends: no more to say, but not a success either.
  if (output.error() == EPIPE) return kExitFailure;
  if (output.error() != 0) {
    complain(output.error_sentence());
    status = kExitFailure;
  }
  return status;
}

std::string info_json(const slt::Summary& s) {
  std::string out;
  exporting::JsonWriter json(out);
  json.begin_object();
  json.member("version", fmt::format("{}.{}", s.major, s.minor));
  json.member("tool_version", s.start.tool_version);
  json.key("command");
  json.begin_array();
  for (const std::string& word : s.start.command) json.string(word);
  json.end_array();
  json.member("start", s.start.realtime);
  json.member("duration", s.duration);
  json.member("bytes", s.bytes);
  json.member("entered", s.entered);
  json.member("spans", s.spans);
  json.member("unfinished", s.unfinished);
  json.member("dropped", s.dropped);
  json.flag("complete", s.complete);
  json.text_or_null("problem", s.problem);
  json.key("processes");
  json.begin_array();
  for (const auto& p : s.processes) {
    json.begin_object();
    json.member("pid", p.pid);
    json.member("comm", p.comm);
    json.member("engine", p.engine);
    json.text_or_null("reason", tracer::name_of(p.reason));
    json.member("explanation", engine_text(p.engine, p.reason));
    json.end_object();
  }
  json.end_array();
  json.key("modules_without_lines");
  json.begin_array();
  for (const auto& note : s.notes) {
    json.begin_object();
    json.member("path", note.path);
    json.member("reason", note.reason);
    json.member("frames", note.frames);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return out + "\n";
}

std::string info_text(const slt::Summary& s) {
  std::string out;
  const auto to = std::back_inserter(out);
  std::string command;
  for (const std::string& word : s.start.command) command += (command.empty() ? "" : " ") + word;
  fmt::format_to(to, "command      {}\n", command.empty() ? "(attached)" : command);
  const auto seconds = static_cast<time_t>(s.start.realtime / 1'000'000'000);
  char when[64] = {};
  tm local{};
  localtime_r(&seconds, &local);
  strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S %z", &local);
  fmt::format_to(to, "recorded     {}, for {:.3f} s, by sightline {}{}{}\n", when,
                 static_cast<double>(s.duration) / 1e9, s.start.tool_version, s.start.hostname.empty() ? "" : " on ",
                 s.start.hostname);
  fmt::format_to(to, "file         {} bytes, format {}.{}{}\n", s.bytes, s.major, s.minor,
                 s.spans != 0
                     ? fmt::format(", {:.1f} bytes a call", static_cast<double>(s.bytes) / static_cast<double>(s.spans))
                     : std::string());
  fmt::format_to(to, "calls        {} = {} finished + {} unfinished + {} dropped\n", s.entered, s.spans, s.unfinished,
                 s.dropped);
  fmt::format_to(to, "complete     {}\n", s.complete ? "yes" : "no: " + s.problem);
  fmt::format_to(to, "threads      {} in {} process{}\n", s.thread_count, s.process_count,
                 s.process_count == 1 ? "" : "es");
  constexpr std::size_t kListed = 20;
  for (std::size_t i = 0; i < s.processes.size() && i < kListed; ++i)
    fmt::format_to(to, "  {:>8}   {:<16} {}\n", s.processes[i].pid, printable(s.processes[i].comm),
                   printable(engine_text(s.processes[i].engine, s.processes[i].reason)));
  if (s.process_count > kListed) fmt::format_to(to, "             and {} more\n", s.process_count - kListed);
  for (const auto& loss : s.losses) fmt::format_to(to, "lost         {} calls: {}\n", loss.calls, loss.reason);
  for (const auto& note : s.notes) fmt::format_to(to, "no lines     {} ({})\n", note.path, note.reason);
  return out;
}

}  // namespace

int print_trace(const Settings& settings) {
  const auto reader = open_trace(settings.input);
  if (reader == nullptr) return kExitFailure;
  const auto output = open_output(settings.output);
  if (output == nullptr) return kExitFailure;
  TextOptions options = settings.text;
  options.always_show_pid = reader->summary().thread_count > 1;
  TeeSink sinks;
  TextSink text(options, *output);
  SummarySink summary(*output);
  if (!settings.summary) sinks.add(text);
  if (settings.summary || settings.summary_too) sinks.add(summary);
  FilterSink filtered(settings.filter, sinks);
  return play(*reader, filtered, *output, settings.input);
}

int report_trace(const Settings& settings) {
  const auto reader = open_trace(settings.input);
  if (reader == nullptr) return kExitFailure;
  const auto output = open_output(settings.output);
  if (output == nullptr) return kExitFailure;
  const std::vector<std::string>& how = reader->start().options;
  if (settings.report.by == ReportBy::stack && std::find(how.begin(), how.end(), "--source=line") != how.end())
    complain("the recorded stacks end at the user's line; record with -k to have its callers, too");
  ReportSink report(settings.report, *output);
  FilterSink filtered(settings.filter, report, wanted_status(settings));
  return play(*reader, filtered, *output, settings.input);
}

int annotate_trace(const Settings& settings) {
  std::string error;
  const auto reader = slt::Reader::open(settings.input, error);
  if (reader == nullptr) {
    if (error.ends_with("not a Sightline trace"))
      error +=
          fmt::format(": the trace comes first, as in 'sightline annotate {} {}'", Settings{}.input, settings.input);
    complain(error);
    return kExitFailure;
  }
  const auto output = open_output(settings.output);
  if (output == nullptr) return kExitFailure;
  AnnotateSink annotate(settings.annotate, *output);
  FilterSink filtered(settings.filter, annotate, wanted_status(settings));
  const int status = play(*reader, filtered, *output, settings.input);
  for (const std::string& problem : annotate.problems()) complain(problem);
  return annotate.problems().empty() ? status : kExitFailure;
}

int show_info(const Settings& settings) {
  const auto reader = open_trace(settings.input);
  if (reader == nullptr) return kExitFailure;
  const auto output = open_output("-");
  if (output == nullptr) return kExitFailure;
  const slt::Summary summary = reader->summary();
  output->append(settings.format == "json" ? info_json(summary) : info_text(summary));
  return output->flush() ? kExitFine : kExitFailure;
}

int export_trace(const Settings& settings) {
  const auto reader = open_trace(settings.input);
  if (reader == nullptr) return kExitFailure;
  const auto output = open_output(settings.output);
  if (output == nullptr) return kExitFailure;
  std::string error;
  const auto exporter = exporting::make_exporter(settings.format, *output, error);
  if (exporter == nullptr) {
    complain(error);
    return kExitUsage;
  }
  return play(*reader, *exporter, *output, settings.input);
}

}  // namespace sightline
