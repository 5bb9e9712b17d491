#include "tracer/clone_flags.h"

#include <sched.h>

#include <cstddef>

#include "tracer/memory.h"

namespace sightline::tracer {

std::optional<uint64_t> clone_flags(pid_t tid, std::string_view call, uint64_t first_argument) {
  if (call == "fork") return 0;
  if (call == "vfork") return CLONE_VM | CLONE_VFORK;
  if (call == "clone") return first_argument;
  if (call != "clone3") return std::nullopt;
  uint64_t flags = 0;  // the first field of struct clone_args
  ProcessMemory memory;
  memory.select(tid);
  if (memory.read(first_argument, {reinterpret_cast<std::byte*>(&flags), sizeof flags}) != sizeof flags)
    return std::nullopt;
  return flags;
}

}  // namespace sightline::tracer
