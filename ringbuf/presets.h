/// Sizes that have a name. All are bytes per ring, powers of two.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "ringbuf/ring_core.h"

namespace sightline::ringbuf {

struct Preset {
  std::string_view name;
  uint64_t capacity = 0;
  OnFull on_full = OnFull::block;
};

/// Stays in a core's own cache.
inline constexpr Preset kLowLatency{"low-latency", 64 * 1024};
inline constexpr Preset kBalanced{"balanced", 1024 * 1024};
/// Rides out a consumer that is away for milliseconds.
inline constexpr Preset kHighThroughput{"high-throughput", 8 * 1024 * 1024};
/// Keeps the last of what happened, and nobody waits.
inline constexpr Preset kFlightRecorder{"flight-recorder", 16 * 1024 * 1024, OnFull::overwrite_oldest};

inline constexpr Preset kPresets[] = {kLowLatency, kBalanced, kHighThroughput, kFlightRecorder};

constexpr std::optional<Preset> find_preset(std::string_view name) {
  for (const Preset& preset : kPresets)
    if (preset.name == name) return preset;
  return std::nullopt;
}

}  // namespace sightline::ringbuf
