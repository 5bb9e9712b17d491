/// Traces out of a seed: what a consumer could tell its sinks, and some things that it hardly ever does.
#pragma once

#include <cstdint>

#include "src/model.h"

namespace sightline::slt {

struct RandomTraceOptions {
  uint32_t seed = 1;
  uint32_t events = 1000;
  uint32_t max_threads = 12;
  bool odd = true;  ///< also names that are no UTF-8, bytes that are no captures, wild numbers, jumps in time
  uint32_t max_capture = 4000;  ///< bytes
  bool ends = true;             ///< false: breaks off without trace_ended(), as if killed
};

/// Tells `sink` a trace. Equal options tell equal traces.
void tell_random_trace(const RandomTraceOptions& options, Sink& sink);

/// A trace like that of `find /usr/include`: one thread, the usual calls in the usual order, and their data.
/// Tells about `calls` calls, at least one directory's worth.
void tell_find_trace(uint32_t seed, uint32_t calls, Sink& sink);

}  // namespace sightline::slt
