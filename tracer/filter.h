/// Which calls are recorded.
#pragma once

#include <bitset>
#include <cstddef>
#include <cstdint>

#include "tracer/syscall_table.h"

namespace sightline::tracer {

/// Calls that do not pass leave no trace.
struct Filter {
  static constexpr std::size_t kNumbers = 1024;
  std::bitset<kNumbers> x86_64;  ///< by number
  std::bitset<kNumbers> i386;
  std::bitset<kNumbers> x32;
  bool unknown = true;  ///< numbers the table does not know

  static Filter all();
  bool passes(Abi abi, int32_t nr, const Syscall* syscall) const;
};

}  // namespace sightline::tracer
