/// What the stepped program and its test have in common. The program stops at breakpoints of its own; the test sets its
/// registers and says where it goes on.
#pragma once

#include <cstdint>

namespace stepped {

/// By what stands around the `syscall`: how it is patched.
enum Site { move_write, move_read, move_nanosleep, move_r8, compare, small, relative, padded, kSites };

/// From its first instruction to a breakpoint.
struct Place {
  uint64_t start, behind, end;
};

struct State {
  Place sites[kSites];
  uint64_t relative_word;  ///< what the instruction behind `relative`'s call loads
  struct {
    uint64_t count, rip, rsp;
  } handled;  ///< signals that came to a handler, and where the last found the program
  char buffer[64];
  uint64_t sleep[2];  ///< a timespec
};

}  // namespace stepped
