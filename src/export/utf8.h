/// Bytes of unknown origin (names, paths) as text that parsers accept.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sightline::exporting {

/// Bytes of the well-formed UTF-8 sequence at the start of `text` (RFC 3629, section 4: nothing overlong, no
/// surrogates, nothing beyond U+10FFFF); 0 if there is none.
std::size_t utf8_sequence(std::string_view text);

bool is_utf8(std::string_view text);

/// Appends `text` with U+FFFD in place of each byte that is not UTF-8.
void append_utf8(std::string& out, std::string_view text);

/// Appends `bytes` in base64 with padding (RFC 4648, section 4).
void append_base64(std::string& out, std::string_view bytes);

}  // namespace sightline::exporting
