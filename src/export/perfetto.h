/// Perfetto's protobuf: TracePackets for ui.perfetto.dev and trace_processor.
///
/// One packet sequence with a snapshot of the clocks (timestamps are CLOCK_MONOTONIC); a track per process and per
/// thread; a slice per call (BEGIN with the arguments known at entry and the call stack, END with the rest and the
/// result), so that what a thread was in when the trace broke off is there, too. Names, categories, frames, functions,
/// source paths and modules are interned; `src` (file:line) is an annotation as well, for viewers that don't show call
/// stacks. A slice that is open when the trace ends gets its END there, with `unfinished`.
#pragma once

#include <memory>

#include "src/decode/decode.h"
#include "src/model.h"
#include "src/output.h"

namespace sightline::exporting {

std::unique_ptr<Sink> make_perfetto(Output& output, const decode::Style& style);

}  // namespace sightline::exporting
