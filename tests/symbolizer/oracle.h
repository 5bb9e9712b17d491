/// Other people's answers to compare ours with: libdw's frame walker on the live process, and eu-addr2line.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tests/symbolizer/live_process.h"

namespace sightline::symbolizer::testing {

/// The program counters of a thread that stands in a ptrace stop, innermost first, as libdw finds them.
std::vector<uint64_t> walk_with_libdw(pid_t pid, pid_t tid);

/// libdw's frame walker over a Stop, while its process is stopped. Registers come from the Stop, memory from the
/// process; a leaf behind a system call is looked up at that instruction, as ours is. Kept from stop to stop it is much
/// faster.
class LibdwWalker {
 public:
  LibdwWalker();
  ~LibdwWalker();
  std::vector<uint64_t> walk(const Stop& stop);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// libdw's frame walker over one file, registers and stack bytes that are made up.
class SnapshotWalker {
 public:
  /// `words` are the stack from `stack_start` on, and must outlive the walker.
  SnapshotWalker(const std::string& path, uint64_t stack_start, std::span<const uint64_t> words);
  ~SnapshotWalker();
  /// Where the file's own `address` lies in the walker's process.
  uint64_t address(uint64_t address) const;
  /// At most `most` program counters, innermost first.
  std::vector<uint64_t> walk(const std::array<uint64_t, Registers::kCount>& registers, std::size_t most);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct SourceLine {
  std::string file;  ///< "" if unknown
  uint32_t line = 0;
  uint32_t column = 0;
  bool operator==(const SourceLine&) const = default;
};

/// The chain of inlined lines at each address, innermost first. `tool` is eu-addr2line or addr2line.
/// nullopt: the tool is not installed.
std::optional<std::vector<std::vector<SourceLine>>> addr2line(const std::string& tool, const std::string& file,
                                                              const std::vector<uint64_t>& addresses);

}  // namespace sightline::symbolizer::testing
