/// i386's two multiplexers: `socketcall` and `ipc` carry a number and arguments of another call (socketcall(2), ipc(2);
/// net/socket.c, ipc/syscall.c of the kernel). Whoever prints or captures such a call treats it as the one it stands
/// for.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "tracer/syscall_table.h"

namespace sightline::tracer {

/// Where 32-bit words of memory are that complete the arguments, and how many (0: none are needed).
struct SubcallWords {
  uint64_t address = 0;
  uint32_t count = 0;
};

struct Subcall {
  const Syscall* call = nullptr;      ///< named as its own call would be: "accept", "semop", …
  std::array<uint64_t, 6> args = {};  ///< in that call's order; unused ones are 0
};

/// `call`: what find_syscall(Abi::i386, …) returned. No words for a call that is no multiplexer.
SubcallWords subcall_words(const Syscall& call, std::span<const uint64_t, 6> args);

/// nullopt if `call` is no multiplexer, if it carries an unknown number, or if `words`, the words found at
/// subcall_words().address, are fewer than were asked for.
std::optional<Subcall> find_subcall(const Syscall& call, std::span<const uint64_t, 6> args,
                                    std::span<const uint32_t> words);

}  // namespace sightline::tracer
