/// Characters beyond ASCII in Rust's symbols.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sightline::symbolizer {

/// `code` is_character().
void append_utf8(std::string& to, uint32_t code);

/// Within Unicode, and no half of a surrogate pair.
bool is_character(uint64_t code);

/// RFC 3492, with the parameters of its section 5 and "_" as delimiter. nullopt if it is malformed.
std::optional<std::string> from_punycode(std::string_view text);

}  // namespace sightline::symbolizer
