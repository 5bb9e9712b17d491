// Sightline: which system calls a program makes, and which line of its source made them.
//
// A trace goes one way: the tracer writes records into rings (tracer/, ringbuf/), the consumer takes them out, finds
// their source lines (symbolizer/) and hands them to sinks: text, a table, a trace file. The other verbs read that file
// and hand the same events to other sinks.
#include <malloc.h>

#include <cstdio>
#include <exception>

#include "src/command_line.h"
#include "src/trace.h"
#include "src/trace_file_verbs.h"

namespace {

int run(const sightline::Settings& settings) {
  switch (settings.verb) {
    case sightline::Verb::live:
    case sightline::Verb::record:
      return sightline::trace(settings);
    case sightline::Verb::print:
      return sightline::print_trace(settings);
    case sightline::Verb::report:
      return sightline::report_trace(settings);
    case sightline::Verb::annotate:
      return sightline::annotate_trace(settings);
    case sightline::Verb::info:
      return sightline::show_info(settings);
    case sightline::Verb::export_file:
      return sightline::export_trace(settings);
  }
  return sightline::kExitFailure;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef M_TOP_PAD
  // What is large is mapped and unmapped each time, and heaps grow by little: much of a short run. Not one heap for all
  // threads, though: the keeper (tracer/keeper.h) would wait for ever for its lock, had a thread it when it was killed.
  mallopt(M_MMAP_THRESHOLD, 4 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
#endif
  try {
    const sightline::CommandLine line = sightline::parse_command_line(argc, argv);
    if (!line.settings) {
      std::fputs(line.message.c_str(), line.status == sightline::kExitFine ? stdout : stderr);
      return line.status;
    }
    return run(*line.settings);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "sightline: internal error: %s\n", error.what());
    return sightline::kExitFailure;
  }
}
