/// What the user asked for.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ringbuf/ring_core.h"
#include "src/annotate.h"
#include "src/report.h"
#include "src/text_sink.h"
#include "symbolizer/symbolizer.h"
#include "tracer/recorder.h"

namespace sightline {

/// Exit statuses of our own; else it is the traced command's.
enum ExitStatus : int {
  kExitFine = 0,
  kExitUsage = 2,            ///< the command line makes no sense
  kExitFailure = 125,        ///< sightline itself failed, or an output is incomplete
  kExitNotExecutable = 126,  ///< the command was found but can't be executed
  kExitNotFound = 127,       ///< there is no such command
};

enum class Verb : uint8_t { live, record, print, report, annotate, info, export_file };

enum class Source : uint8_t { none, line, stack };

/// How calls are recorded.
enum class Engine {
  automatic,
  inprocess,  ///< by the threads themselves, where a program allows it
  ptrace,     ///< each call stops its thread
};

struct Settings {
  Verb verb = Verb::live;

  // live and record
  std::vector<std::string> command;
  std::vector<pid_t> pids;
  std::vector<std::string> environment;  ///< -E
  bool follow_children = false;
  tracer::Filter filter = tracer::Filter::all();
  std::vector<std::string> paths;  ///< -P
  uint32_t string_limit = 32;
  Source source = Source::line;
  symbolizer::Options symbols;
  bool summary = false;      ///< -c: the table instead of the lines
  bool summary_too = false;  ///< -C: the table after the lines
  std::string output;        ///< -o; "" is stderr (live)
  bool append = false;       ///< -A
  ringbuf::OnFull on_full = ringbuf::OnFull::block;
  Engine engine = Engine::automatic;
  uint64_t ring_bytes = 0;  ///< --ring-size, a power of two; 0: what suits the policy

  TextOptions text;
  int quiet = 0;         ///< -q count
  bool verbose = false;  ///< -v: also say which engine each process had

  // print, report, annotate, info, export
  std::string input = "sightline.slt";
  std::string format;  ///< of report, info and export
  ReportOptions report;
  AnnotateOptions annotate;
};

struct CommandLine {
  std::optional<Settings> settings;  ///< empty: print `message` and exit with `status`
  std::string message;
  int status = kExitFine;
};

/// The verb of that name. Verb::live: there is none.
Verb verb_named(std::string_view name);

CommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace sightline
