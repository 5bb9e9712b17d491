/// Chrome's Trace Event Format (JSON): for ui.perfetto.dev, chrome://tracing, speedscope.
///
/// A call is one complete event (`ph` X), `ts` and `dur` in microseconds since the start of the trace with the
/// nanoseconds as decimals; one whose end was not seen lasts until the last time seen and has `args.unfinished`. Names
/// of processes and threads are metadata events, signals, execs and ends of threads instant ones. The format knows
/// threads by pid and tid only: where the kernel has used one twice, two threads share a row.
#pragma once

#include <memory>

#include "src/decode/decode.h"
#include "src/model.h"
#include "src/output.h"

namespace sightline::exporting {

std::unique_ptr<Sink> make_chrome(Output& output, const decode::Style& style);

}  // namespace sightline::exporting
