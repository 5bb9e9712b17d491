/// Who could not be recorded as was wanted.
#pragma once

#include <cstdint>
#include <vector>

#include "tracer/engine_reason.h"

namespace sightline {

/// Processes for which the engine that was wanted could not be used, or not for all of their threads.
struct Fallback {
  tracer::EngineReason reason = tracer::EngineReason::none;
  bool partly = false;  ///< others of their threads were in-process
  uint64_t processes = 0;
};

class Fallbacks {
 public:
  /// One of a process that has `counted` in it, 0 at first: it counts once for a reason, whatever it executes.
  void count(tracer::EngineReason reason, bool partly, uint64_t& counted);

  const std::vector<Fallback>& all() const { return all_; }

 private:
  std::vector<Fallback> all_;
};

}  // namespace sightline
