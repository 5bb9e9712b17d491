/// A fixture program under ptrace, stopped at system calls: what the symbolizer is fed with in these tests.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "symbolizer/symbolizer.h"

namespace sightline::symbolizer::testing {

/// One stop at the entry of a system call, between two calls of the fixture's mark().
struct Stop {
  pid_t pid = 0;
  pid_t tid = 0;
  long call = 0;  ///< system call number
  Registers registers = {};
  std::vector<std::byte> stack = {};  ///< from the stack pointer to the end of the stack, at most 1 MiB
  std::vector<Mapping> mappings = {};
  uint64_t below = 0;   ///< bytes of `stack` that lie below the stack pointer
  bool at_call = true;  ///< behind the instruction of a system call; else between any two instructions

  StackSample sample() const {
    return {.registers = registers,
            .address = registers.value[Registers::kSp] - below,
            .bytes = stack,
            .leaf_is_after_call = at_call};
  }
};

/// Executable mappings of a process.
std::vector<Mapping> mappings_of(pid_t pid);

/// Runs `arguments` (the first is the program) and calls `visit` at each stop, while the process is stopped.
/// Returns how often it did. Throws std::runtime_error if ptrace fails or the program cannot be started.
int trace(const std::vector<std::string>& arguments, const std::function<void(const Stop&)>& visit);

/// Runs `arguments` and everything that it starts, and calls `visit` at entries of system calls and, now and then,
/// some instructions behind one: at most `most` times, then all are killed. Returns how often it did.
std::size_t sample_stacks(const std::vector<std::string>& arguments, std::size_t most, uint32_t seed,
                          const std::function<void(const Stop&)>& visit);

/// The path of a fixture program.
std::string fixture(const std::string& name);

/// A mark in a fixture's source: in this scenario, this call's user line is here.
struct Expected {
  std::string scenario = {};
  long call = 0;
  uint32_t line = 0;
};
std::vector<Expected> expectations(const std::string& source);

}  // namespace sightline::symbolizer::testing
