/// What debug information says of one address.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sightline::symbolizer {

/// One level of inlining at an address, innermost first. The last is the function that owns the code. The views live as
/// long as the DebugInfo they came from.
struct SourceFrame {
  std::string_view linkage_name = {};  ///< mangled; "" in C
  std::string_view name = {};          ///< as the source spells it; "" if DWARF names no function here
  uint64_t function_start = 0;         ///< where the piece of the owning function starts, 0 if unknown
  std::string_view file = {};
  uint32_t line = 0;
  uint32_t column = 0;
  bool line_is_near = false;
};

/// Joins `name` to `directory` if it is relative, and resolves "." and ".." by their letter.
std::string join_source_path(std::string_view directory, std::string_view name);

}  // namespace sightline::symbolizer
