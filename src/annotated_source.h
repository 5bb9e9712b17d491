/// How one annotated source file is shown: the costs of each line in the gutter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/costs.h"
#include "src/source_file.h"

namespace sightline {

/// What the calls of one line cost.
struct LineCosts {
  Costs costs;
  std::string_view function;  ///< of the first call
  bool near = true;           ///< DWARF had no line of its own for any of the calls: the nearest before them
};

struct AnnotationStyle {
  std::optional<std::size_t> context = {};  ///< lines shown around each that made calls; nullopt: the whole file
  std::size_t width = 0;                    ///< longer lines are cut; 0: none is
  bool color = false;
};

/// A source with its costs. Views and the pointer must outlive the call of append_annotated().
struct AnnotatedSource {
  std::string title;                   ///< the path as the user is to see it
  const SourceFile* source = nullptr;  ///< nullptr: not found; the lines that made calls are listed by function
  std::vector<std::string> notes;      ///< what the reader should know, one clause each
  std::map<uint32_t, LineCosts> lines;
  Costs total;
  uint64_t trace_nanoseconds = 0;  ///< of the whole trace: what a line's share is of
};

/// Appends it as text. Lines beyond the end of the file are listed behind it.
void append_annotated(std::string& out, const AnnotatedSource& annotated, const AnnotationStyle& style);

/// `812 ns`, `1.21 ms`, `34.5 s`.
std::string short_time(uint64_t nanoseconds);
/// `512`, `9999`, `12.3K`, `4.56M`.
std::string short_bytes(uint64_t bytes);
/// `1 call, 2 errors, 1.21 ms, 4096 bytes`; what is 0 is left out, except the calls and the time.
std::string in_words(const Costs& costs);

}  // namespace sightline
