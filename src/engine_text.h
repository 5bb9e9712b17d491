/// Which engine recorded a process, and why, in words.
#pragma once

#include <string>
#include <string_view>

#include "src/fallbacks.h"
#include "tracer/engine_reason.h"

namespace sightline {

/// "in-process", "ptrace: a seccomp filter is in force". `engine` and `reason` as Process has them.
std::string engine_text(std::string_view engine, tracer::EngineReason reason);

/// A sentence for the end of a run: "2 processes were traced by ptrace: a seccomp filter is in force".
std::string fallback_text(const Fallback& fallback);

}  // namespace sightline
