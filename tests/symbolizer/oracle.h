/// Other people's answers to compare ours with: libdw's frame walker on the live process, and eu-addr2line.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sightline::symbolizer::testing {

/// The program counters of a thread that stands in a ptrace stop, innermost first, as libdw finds them.
std::vector<uint64_t> walk_with_libdw(pid_t pid, pid_t tid);

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
