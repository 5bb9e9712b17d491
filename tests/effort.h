/// How much of an exhaustive test to do: all of it in a plain build, less under the sanitizers, which take five to
/// thirty times as long. SIGHTLINE_TEST_SCALE multiplies it, as it does for the end-to-end tests.
#pragma once

#include <algorithm>
#include <cstdlib>

namespace sightline {

inline unsigned effort(unsigned full) {
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
  constexpr double kShare = 0.25;
#else
  constexpr double kShare = 1;
#endif
  const char* scale = std::getenv("SIGHTLINE_TEST_SCALE");
  return std::max(1u, static_cast<unsigned>(full * kShare * (scale != nullptr ? std::atof(scale) : 1)));
}

}  // namespace sightline
