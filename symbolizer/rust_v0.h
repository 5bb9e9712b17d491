/// Rust's second scheme of symbol names, as RFC 2603 and "v0 Symbol Format" in the rustc book describe it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace sightline::symbolizer {

/// `<alloc::string::String as core::fmt::Write>::write_str` for a symbol that begins with "_R"; hashes of crates are
/// left out. nullopt for anything that does not follow the grammar to its end. Symbols are untrusted and may refer back
/// to their own parts: depth, steps and the size of the result are bounded, and what is beyond them is refused as well.
std::optional<std::string> demangle_rust_v0(std::string_view symbol);

}  // namespace sightline::symbolizer
