/// Which frame is "the user's line".
///
/// "The first frame that has a line" would not do: with its debug information installed, libc has lines as well.
/// So each file has a class, decided once, by Options::user_prefixes and library_prefixes (which count as system) if
/// one of them fits, else so:
///   runtime  the C and C++ runtime, the dynamic loader, sanitizers, the vDSO: by SONAME, else by base name
///   system   below one of Options::system_prefixes
///   user     everything else, and every program (ET_EXEC or DF_1_PIE) wherever it lies
///
/// The walk goes outward to the first user file. Within one of its frames the chain of inlined functions is walked
/// outward as well, to the first whose source is not a header of the system or of a package registry: a std::ofstream
/// inlined into a function yields that function's line.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sightline::symbolizer {

struct Options;

enum class FileClass : uint8_t { runtime, system, user };

/// How well a frame serves as the user's line. The first frame of the best rank present wins for Rank::user, the
/// outermost for all others.
enum class Rank : uint8_t {
  runtime,     ///< in a runtime file, or mapped from nowhere
  system,      ///< in a system file
  user_aside,  ///< in a user file, but not of the user's source: start-up code, a template of the C++ library
  user,        ///< the user's own
};

FileClass classify_file(std::string_view path, std::string_view soname, bool is_program, const Options& options);

/// Whether a source path belongs to a toolchain or a package registry rather than to the user.
bool is_runtime_source(std::string_view path, const Options& options);

/// `path` as Options::source_map has it shown.
std::string shown_source(std::string_view path, const Options& options);

/// Whether a function of which only the symbol is known (mangled, if it is) is the runtime's: start-up code, the C++
/// library, or a name that C reserves to the implementation (C17 7.1.3).
bool is_runtime_symbol(std::string_view symbol);

}  // namespace sightline::symbolizer
