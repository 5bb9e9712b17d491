#include "src/fallbacks.h"

#include <algorithm>
#include <utility>

namespace sightline {

void Fallbacks::count(tracer::EngineReason reason, bool partly, uint64_t& counted) {
  if (reason == tracer::EngineReason::none) return;
  auto found = std::find_if(all_.begin(), all_.end(), [&](const Fallback& fallback) {
    return fallback.reason == reason && fallback.partly == partly;
  });
  if (found == all_.end()) found = all_.insert(found, {reason, partly, 0});
  // There are fewer than 32 reasons, each of them twice here.
  const uint64_t bit = uint64_t{1} << (found - all_.begin());
  if ((std::exchange(counted, counted | bit) & bit) == 0) ++found->processes;
}

}  // namespace sightline
