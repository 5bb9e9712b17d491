/// What generate.py writes into syscall_data.cc; only syscall_table.cc looks at it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "tracer/syscall_table.h"

namespace sightline::tracer {

struct NamedNumber {
  std::string_view name;
  int32_t number;
};

/// Both arrays of spans are indexed by Abi. A number table holds an index into `calls` plus one, 0 for a hole.
struct SyscallData {
  std::span<const Syscall> calls;
  std::array<std::span<const uint16_t>, 3> by_number;
  std::array<std::span<const NamedNumber>, 3> by_name;  ///< sorted by name
  std::span<const uint16_t> socketcalls;                ///< by the number of i386 socketcall
  std::span<const uint16_t> ipc_calls;                  ///< by the number of i386 ipc
};

extern const SyscallData kSyscallData;

}  // namespace sightline::tracer
