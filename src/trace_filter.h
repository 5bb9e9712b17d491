/// The expressions of `-e`: which calls and which signals are wanted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tracer/recorder.h"

namespace sightline {

/// An expression's result, or one sentence on what is wrong with it.
template <class Value>
struct Parsed {
  Value value{};
  std::string error;  ///< "" if fine
};

/// `-e trace=SET`: names, numbers, `%class`, `/regex`, `all`, `none`, joined by commas; `!` in front negates the whole
/// set, `?` in front of a name forgives an unknown one (strace(1), "Filtering").
Parsed<tracer::Filter> parse_trace_set(std::string_view text);

/// `-e signal=SET`: names with or without SIG, numbers, `all`, `none`, `!`. Bit signo-1 each.
Parsed<uint64_t> parse_signal_set(std::string_view text);

}  // namespace sightline
