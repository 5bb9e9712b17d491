#include "src/trace.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

#include "ringbuf/presets.h"
#include "ringbuf/ring_set.h"
#include "src/consumer.h"
#include "src/engine_text.h"
#include "src/log_file.h"
#include "src/output.h"
#include "src/path_filter.h"
#include "src/signals.h"
#include "src/slt/writer.h"
#include "src/summary_sink.h"
#include "src/tee_sink.h"
#include "src/terminal.h"
#include "src/text_sink.h"
#include "symbolizer/symbolizer.h"
#include "tracer/inprocess/arena.h"
#include "tracer/keeper.h"
#include "tracer/ptrace_engine.h"

namespace sightline {
namespace {

constexpr uint32_t kWholeStack = 32 * 1024;  // copied from a call site not seen before
constexpr uint64_t kRingBytes = 512 * 1024;  // --ring-size
// Without --ring-size. A program of one thread or two loses some 7 percent less of its time than with rings of 512K (4M
// are not better); with many more such rings, what is unknown yet of stacks is copied more often before the consumer
// has learned it.
constexpr std::size_t kLargeRings = 2;
constexpr uint64_t kLargeRingBytes = 2 * 1024 * 1024;
constexpr std::size_t kRingsOfTheEnded = 64;  // that a flight recorder keeps
constexpr uint32_t kLargestString = 4 * 1024 * 1024;

void complain(const std::string& sentence) {
  // Not fmt::print: it throws if stderr is closed or full.
  std::fputs(("sightline: " + sentence + "\n").c_str(), stderr);
}

uint64_t clock_ns(clockid_t clock) {
  timespec t;
  clock_gettime(clock, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(t.tv_nsec);
}

TraceStart describe(const Settings& settings) {
  TraceStart start;
  start.monotonic = clock_ns(CLOCK_MONOTONIC);
  start.realtime = clock_ns(CLOCK_REALTIME);
  std::ifstream("/proc/sys/kernel/random/boot_id") >> start.boot_id;
  start.command = settings.command;
  start.tool_version = SIGHTLINE_VERSION;
  char name[256] = {};
  if (gethostname(name, sizeof name - 1) == 0) start.hostname = name;
  start.string_limit = settings.string_limit;
  start.options.push_back(settings.source == Source::none    ? "--source=none"
                          : settings.source == Source::stack ? "--source=stack"
                                                             : "--source=line");
  if (settings.follow_children) start.options.emplace_back("-f");
  for (const std::string& path : settings.paths) start.options.push_back("--trace-path=" + path);
  return start;
}

bool is_flight_recorder(const Settings& settings) {
  return settings.on_full == ringbuf::OnFull::overwrite_oldest;
}

tracer::EngineOptions engine_options(const Settings& settings, const tracer::PathSet& paths, uint64_t ring_bytes) {
  tracer::EngineOptions options;
  options.follow_children = settings.follow_children;
  options.record.filter = settings.filter;
  options.record.paths = paths;
  if (!paths.empty()) leave_paths_only(options.record.filter);
  options.record.limits.string_limit = std::min(settings.string_limit, kLargestString);
  // The other quarter of the half that a record may take is for its stack.
  options.record.limits.total_limit = static_cast<uint32_t>(std::min<uint64_t>(ring_bytes / 4, 2 * kLargestString));
  options.record.limits.env_strings = settings.text.style.verbose || settings.verb == Verb::record;
  options.record.stacks = settings.source != Source::none;
  if (settings.source == Source::stack) options.record.unknown_stack = kWholeStack;
  if (is_flight_recorder(settings)) {
    options.record.rings_of_the_ended = kRingsOfTheEnded;
    // Nobody looks at the calls before they are dumped, so no site is ever known: less of the stack, and more calls.
    options.record.unknown_stack /= 8;
  }
  options.record.fd_paths = settings.text.style.fd_paths;
  return options;
}

/// SIGHTLINE_DISPATCH=prctl: to try the way of older kernels on a newer one (docs/inprocess.md).
bool is_dispatch_by_call() {
  const char* wanted = std::getenv("SIGHTLINE_DISPATCH");
  return wanted != nullptr && std::string_view(wanted) == "prctl";
}

/// Large enough that the largest record takes at most half of it.
uint64_t ring_bytes_for(const Settings& settings) {
  uint64_t bytes = settings.ring_bytes != 0       ? settings.ring_bytes
                   : is_flight_recorder(settings) ? ringbuf::kFlightRecorder.capacity
                                                  : kRingBytes;
  while (bytes / 4 < std::min(settings.string_limit, kLargestString)) bytes *= 2;
  return bytes;
}

/// What threads need to record their calls themselves; nullptr if they are not to, or can't.
std::unique_ptr<tracer::inprocess::Arena> make_arena(const Settings& settings, tracer::EngineOptions& options,
                                                     tracer::inprocess::Arena::Failure& why_not) {
  tracer::CaptureLimits& limits = options.record.limits;
  if (settings.engine == Engine::ptrace) return nullptr;
  if (limits.string_limit > tracer::inprocess::kScratchBytes / 4) {
    why_not.reason = tracer::EngineReason::long_strings;
    return nullptr;
  }
  limits.total_limit = std::min<uint32_t>(limits.total_limit, tracer::inprocess::kScratchBytes);
  return tracer::inprocess::Arena::create(why_not);
}

/// Where the trace goes; owns every sink and output of it.
struct Sinks {
  std::unique_ptr<Output> output;
  std::unique_ptr<TextSink> text;
  std::unique_ptr<SummarySink> summary;
  std::unique_ptr<slt::Writer> file;
  TeeSink all;

  /// "" or one sentence.
  std::string open(const Settings& settings) {
    if (settings.verb == Verb::record) {
      std::string error;
      file = slt::Writer::open(settings.output, error);
      if (file == nullptr) return error;
      all.add(*file);
      return {};
    }
    if (settings.output.empty()) {
      // A copy: what happens to descriptor 2 later is no business of ours.
      const int fd = copy_of_descriptor(STDERR_FILENO);
      if (fd < 0) return std::string("can't write to stderr: ") + std::strerror(errno);
      output = std::make_unique<Output>(fd, "stderr");
    } else {
      std::string error;
      output = Output::open(settings.output, settings.append, error);
      if (output == nullptr) return error;
    }
    if (!settings.summary) {
      text = std::make_unique<TextSink>(settings.text, *output);
      all.add(*text);
    }
    if (settings.summary || settings.summary_too) {
      summary = std::make_unique<SummarySink>(*output);
      all.add(*summary);
    }
    return {};
  }

  std::string failure() const {
    if (file != nullptr) return file->last_error();
    return output != nullptr ? output->error_sentence() : std::string();
  }
};

/// What the user should know at the end. True if something is missing from the output.
bool report_losses(const Settings& settings, const Sinks& sinks, const TraceEnd& end) {
  bool incomplete = false;
  if (const std::string failure = sinks.failure(); !failure.empty()) {
    complain(fmt::format("{}; {} calls are missing there", failure, end.output_errors));
    incomplete = true;
  }
  if (end.dropped != 0) {
    switch (settings.on_full) {
      case ringbuf::OnFull::block:
        complain(fmt::format("{} calls could not be recorded for lack of memory", end.dropped));
        incomplete = true;
        break;
      case ringbuf::OnFull::drop_newest:  // asked for, and so no failure
        complain(fmt::format("{} of {} calls were dropped, because rings were full; --ring-size=SIZE makes them larger",
                             end.dropped, end.entered));
        break;
      case ringbuf::OnFull::overwrite_oldest:
        if (settings.quiet == 0)
          complain(fmt::format("of {} calls the last {} were kept", end.entered, end.entered - end.dropped));
        break;
    }
  }
  if (!end.complete) {
    complain("some records were damaged and are missing");
    incomplete = true;
  }
  return incomplete;
}

/// Which engine it was, and why it was not the one that was wanted. With --engine=auto no particular one was.
void report_engines(const Settings& settings, const tracer::inprocess::Arena::Failure& why_not,
                    const Consumer& consumer) {
  if (settings.quiet != 0) return;
  if (settings.verbose)
    for (const Process* process : consumer.processes())
      complain(fmt::format("process {} ({}): {}", process->pid, printable(process->comm),
                           engine_text(process->engine, process->reason)));
  if (settings.engine != Engine::inprocess && !settings.verbose) return;
  if (why_not.reason != tracer::EngineReason::none)
    complain(fmt::format("the in-process engine can't be used here: {}{}{}", tracer::clause_of(why_not.reason),
                         why_not.error != 0 ? ": " : "", why_not.error != 0 ? std::strerror(why_not.error) : ""));
  for (const Fallback& fallback : consumer.fallbacks()) complain(fallback_text(fallback));
}

/// Why calls show no line of a source, for whoever looks at them now.
void explain_missing_lines(const TraceEnd& end) {
  constexpr std::size_t kMost = 4;
  std::size_t told = 0;
  for (const symbolizer::ModuleNote& note : end.notes) {
    if (note.frames == 0) continue;
    if (told++ == kMost) {
      complain("… and for more; sightline info lists them all for a trace file");
      return;
    }
    complain(fmt::format("no source lines for {}: {}", printable(note.path), printable(note.reason)));
  }
  if (told != 0) complain("debug symbols bring them: build with -g, install the -dbgsym package, or try --debuginfod");
}

/// `why`: 0: there is no such program.
std::string not_executable(const std::string& name, int why) {
  if (why != 0) return fmt::format("can't execute '{}': {}", name, std::strerror(why));
  if (verb_named(name) != Verb::live)
    return fmt::format("can't find '{0}'; if you mean the verb, it comes before all options: sightline {0} …", name);
  return fmt::format("can't find '{}'; is it installed, and in PATH?", name);
}

}  // namespace

int trace(const Settings& settings) {
  std::string executable;
  if (!settings.command.empty()) {
    executable = tracer::find_executable(settings.command[0]);
    if (executable.empty()) {
      const bool missing = errno == ENOENT || errno == ENOTDIR;
      complain(not_executable(settings.command[0], missing ? 0 : errno));
      return missing ? kExitNotFound : kExitNotExecutable;
    }
  }

  const PathFilter wanted = resolve_paths(settings.paths);
  if (!wanted.error.empty()) {
    complain(wanted.error);
    return kExitUsage;
  }
  if (settings.quiet < 3)
    for (const std::string& note : wanted.notes) complain(note);

  // The outputs are open before anything is traced: a mistake in their name must not cost a run.
  Sinks sinks;
  if (const std::string error = sinks.open(settings); !error.empty()) {
    complain(error);
    return kExitFailure;
  }

  SignalRouting signals(!settings.command.empty());
  tracer::Child child;
  if (!settings.command.empty()) {
    tracer::Command command{.argv = settings.command, .unset_environment = {}, .set_environment = {}};
    for (const std::string& entry : settings.environment)
      (entry.find('=') == std::string::npos ? command.unset_environment : command.set_environment).push_back(entry);
    child = tracer::spawn_waiting(executable, command, signals.sigchld_was_ignored());
    if (child.pid < 0) {
      complain(std::string("can't start a process: ") + std::strerror(errno));
      return kExitFailure;
    }
  }

  const uint64_t ring_bytes = ring_bytes_for(settings);
  tracer::EngineOptions options = engine_options(settings, wanted.paths, ring_bytes);
  std::vector<std::string> mistakes;
  const std::unique_ptr<LogFile> log = LogFile::from_environment(mistakes);
  for (const std::string& mistake : mistakes) complain(mistake);
  options.log = log.get();
  options.dispatch_by_call = is_dispatch_by_call();
  tracer::inprocess::Arena::Failure why_not;
  const std::unique_ptr<tracer::inprocess::Arena> arena = make_arena(settings, options, why_not);
  ringbuf::RingSet::Options ring_options{.capacity = ring_bytes, .on_full = settings.on_full};
  if (settings.ring_bytes == 0) {
    ring_options.large_rings = kLargeRings;
    ring_options.large_capacity = kLargeRingBytes;
  }
  // Not on the stack: most of it are 64 KiB of zeros, which need not be written here, and mostly never are.
  static constinit tracer::Progress progress;
  if (arena != nullptr) {
    ring_options.arena = arena->rings();
    ring_options.doorbell = &tracer::inprocess::shared().doorbell;
    options.arena = arena.get();
    progress.use(*arena);
  }
  ringbuf::RingSet rings(ring_options);
  symbolizer::Symbolizer symbolizer(settings.symbols);
  Consumer consumer(
      {.resolve_stacks = settings.source != Source::none,
       .depth = settings.source == Source::stack ? symbolizer::Depth::whole : symbolizer::Depth::user_line,
       .on_full = settings.on_full,
       .keep_until_dumped = is_flight_recorder(settings),
       .engine_reason = why_not.reason,
       .remember_processes = settings.verbose},
      rings, progress, symbolizer, sinks.all.shortest());
  sinks.all.trace_started(describe(settings));
  consumer.start();
  // After the command has been started: it gets what we were given of SIGUSR2.
  if (is_flight_recorder(settings)) signals.dump_from(&consumer);

  tracer::RootStatus root;
  std::size_t attached = 0;
  const auto trace_all = [&] {
    // The engine goes before the drain: it gives the tracer thread its own scheduling back.
    tracer::PtraceEngine engine(options, rings, progress);
    signals.route_to(&engine);
    if (child.pid > 0) {
      if (const std::string error = engine.adopt(child); !error.empty())
        complain(error);
      else
        ++attached;
    }
    for (const pid_t pid : settings.pids) {
      if (const std::string error = engine.attach(pid); !error.empty())
        complain(error);
      else
        ++attached;
    }
    engine.run();
    signals.route_to(nullptr);
    root = engine.root_status();
  };
  std::string broken;
  if (arena != nullptr && !settings.pids.empty())
    broken = tracer::run_in_keeper({.work = trace_all, .orphaned = [&] { signals.orphaned(); }});
  else
    trace_all();
  // Beyond this point no thread is traced; the rings only drain.
  signals.dump_from(nullptr);
  consumer.finish();

  report_engines(settings, why_not, consumer);
  const bool incomplete = report_losses(settings, sinks, consumer.account());
  if (settings.source != Source::none && settings.quiet == 0 && isatty(STDERR_FILENO) != 0)
    explain_missing_lines(consumer.account());
  if (!broken.empty()) complain(broken);
  if (attached == 0 || !broken.empty()) return kExitFailure;
  if (settings.verb == Verb::record && settings.quiet == 0 && !incomplete && isatty(STDERR_FILENO) != 0)
    complain(fmt::format("{} calls are in {}; look at them with: sightline print{}", consumer.account().entered,
                         settings.output, settings.output == "sightline.slt" ? "" : " " + settings.output));
  if (incomplete) return kExitFailure;
  if (root.signaled) die_by_signal(root.value);
  return root.known ? root.value : kExitFine;
}

}  // namespace sightline
