/// What a new thread or process shares with the one that bears it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string_view>

namespace sightline::tracer {

/// The CLONE_ flags of a thread's call, by its name and first argument. nullopt: it bears nobody, the thread is
/// gone, or its memory may not be read. Threads: the tracer's.
std::optional<uint64_t> clone_flags(pid_t tid, std::string_view call, uint64_t first_argument);

}  // namespace sightline::tracer
