/// Appending numbers and strings the way strace writes them. No streams, no temporary strings: a trace formats
/// hundreds of thousands of arguments a second into strings that are used again and again.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/decode/decode.h"

namespace sightline::decode {

void append_decimal(std::string& out, int64_t value);
void append_unsigned(std::string& out, uint64_t value);
/// `0x2a`; zero is `0`, as printf's %#x does.
void append_hex(std::string& out, uint64_t value);
/// `0x2a`; zero is `0x0`.
void append_hex_always(std::string& out, uint64_t value);
/// `0644`; zero is `0`, as printf's %#o does.
void append_octal(std::string& out, uint64_t value);
/// `value` in decimal with at least `width` digits, filled up with zeros.
void append_padded(std::string& out, uint64_t value, unsigned width);
/// Two hexadecimal digits.
void append_hex_byte(std::string& out, unsigned char value);

/// `8192*1024`, as strace writes resource limits.
void append_kilo(std::string& out, uint64_t value);
/// Permission bits: `0644`, `000`; at least three digits.
void append_mode(std::string& out, uint32_t mode);
/// `makedev(0x8, 0x1)`.
void append_device(std::string& out, uint64_t device);
/// Bytes escaped as in a quoted string, but without the quotes and with `<` and `>` escaped, too: what stands between
/// them behind a descriptor.
void append_path(std::string& out, std::span<const std::byte> bytes);
/// ` /* 2026-11-21T01:10:05.000000007+0000 */` in the local time zone, the fraction (of `digits` digits) only if it is
/// not zero. Nothing for the zero time, which says that there is none, and for what is no time.
void append_date_comment(std::string& out, int64_t seconds, uint64_t fraction, unsigned digits);
/// `2026-11-21T01:10:05+0000`; false and nothing if it is no time.
bool append_date(std::string& out, int64_t seconds, uint64_t fraction, unsigned digits);
/// `\x00\x1f…`
void append_hex_string(std::string& out, std::span<const std::byte> bytes);

inline std::span<const std::byte> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

/// The bytes up to, not including, the first NUL.
std::span<const std::byte> up_to_nul(std::span<const std::byte> bytes);

}  // namespace sightline::decode
