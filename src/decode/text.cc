#include "src/decode/text.h"

#include <algorithm>
#include <charconv>
#include <ctime>

#include <sys/sysmacros.h>

namespace sightline::decode {
namespace {

template <class T>
void append_number(std::string& out, T value, int base) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, base).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

constexpr char kHexDigits[] = "0123456789abcdef";

bool plain(unsigned char c) {
  return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

// What -x takes for text: printable ASCII and the white space that has an escape of its own.
bool ascii_text(unsigned char c) {
  return (c >= 0x20 && c < 0x7f) || (c >= '\t' && c <= '\r');
}

// strace writes the shortest octal escape, but three digits where a digit follows and would be read as part of it.
void append_octal_escape(std::string& out, unsigned char c, bool digit_follows) {
  out += '\\';
  if (digit_follows || c >= 0100) out += static_cast<char>('0' + (c >> 6));
  if (digit_follows || c >= 010) out += static_cast<char>('0' + ((c >> 3) & 7));
  out += static_cast<char>('0' + (c & 7));
}

void append_escaped(std::string& out, unsigned char c, bool digit_follows) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    case '\v':
      out += "\\v";
      return;
    default:
      append_octal_escape(out, c, digit_follows);
  }
}

}  // namespace

void append_decimal(std::string& out, int64_t value) {
  append_number(out, value, 10);
}

void append_unsigned(std::string& out, uint64_t value) {
  append_number(out, value, 10);
}

void append_hex(std::string& out, uint64_t value) {
  if (value != 0) out += "0x";
  append_number(out, value, 16);
}

void append_hex_always(std::string& out, uint64_t value) {
  out += "0x";
  append_number(out, value, 16);
}

void append_octal(std::string& out, uint64_t value) {
  if (value != 0) out += '0';
  append_number(out, value, 8);
}

void append_padded(std::string& out, uint64_t value, unsigned width) {
  const std::size_t before = out.size();
  append_number(out, value, 10);
  const std::size_t digits = out.size() - before;
  if (digits < width) out.insert(before, width - digits, '0');
}

void append_hex_byte(std::string& out, unsigned char value) {
  out += kHexDigits[value >> 4];
  out += kHexDigits[value & 15];
}

void append_kilo(std::string& out, uint64_t value) {
  if (value == 0 || value % 1024 != 0 || value <= 1024) return append_unsigned(out, value);
  append_unsigned(out, value / 1024);
  out += "*1024";
}

void append_mode(std::string& out, uint32_t mode) {
  if (mode < 0100) out += '0';
  if (mode < 010) out += '0';
  if (mode >= 010) {
    if (mode >= 0100) out += '0';
    append_number(out, mode, 8);
  } else {
    out += static_cast<char>('0' + mode);
  }
}

void append_device(std::string& out, uint64_t device) {
  out += "makedev(";
  append_hex(out, major(device));
  out += ", ";
  append_hex(out, minor(device));
  out += ')';
}

void append_path(std::string& out, std::span<const std::byte> bytes) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const unsigned char c = data[i];
    const bool digit_follows = i + 1 < bytes.size() && data[i + 1] >= '0' && data[i + 1] <= '7';
    if (c == '<' || c == '>') {
      append_octal_escape(out, c, digit_follows);
    } else if (plain(c)) {
      out += static_cast<char>(c);
    } else {
      append_escaped(out, c, digit_follows);
    }
  }
}

bool append_date(std::string& out, int64_t seconds, uint64_t fraction, unsigned digits) {
  uint64_t limit = 1;
  for (unsigned i = 0; i < digits; ++i) limit *= 10;
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  char text[64];
  if (fraction >= limit || localtime_r(&time, &parts) == nullptr) return false;
  out.append(text, std::strftime(text, sizeof text, "%FT%T", &parts));
  if (fraction != 0) {
    out += '.';
    append_padded(out, fraction, digits);
  }
  out.append(text, std::strftime(text, sizeof text, "%z", &parts));
  return true;
}

void append_date_comment(std::string& out, int64_t seconds, uint64_t fraction, unsigned digits) {
  if (seconds == 0 && fraction == 0) return;
  const std::size_t mark = out.size();
  out += " /* ";
  if (append_date(out, seconds, fraction, digits)) {
    out += " */";
  } else {
    out.resize(mark);
  }
}

void append_hex_string(std::string& out, std::span<const std::byte> bytes) {
  out += '"';
  for (const std::byte byte : bytes) {
    out += "\\x";
    append_hex_byte(out, static_cast<unsigned char>(byte));
  }
  out += '"';
}

std::span<const std::byte> up_to_nul(std::span<const std::byte> bytes) {
  const auto nul = std::find(bytes.begin(), bytes.end(), std::byte{0});
  return bytes.first(static_cast<std::size_t>(nul - bytes.begin()));
}

void append_quoted(std::string& out, std::span<const std::byte> bytes, HexStrings hex, bool truncated) {
  const auto* data = reinterpret_cast<const unsigned char*>(bytes.data());
  const std::size_t size = bytes.size();
  const bool all_hex =
      hex == HexStrings::always || (hex == HexStrings::non_ascii && !std::all_of(data, data + size, ascii_text));
  out += '"';
  if (all_hex) {
    for (std::size_t i = 0; i < size; ++i) {
      out += "\\x";
      append_hex_byte(out, data[i]);
    }
  } else {
    for (std::size_t i = 0; i < size;) {
      std::size_t end = i;
      while (end < size && plain(data[end])) ++end;
      out.append(reinterpret_cast<const char*>(data + i), end - i);
      i = end;
      if (i == size) break;
      append_escaped(out, data[i], i + 1 < size && data[i + 1] >= '0' && data[i + 1] <= '7');
      ++i;
    }
  }
  out += truncated ? "\"..." : "\"";
}

}  // namespace sightline::decode
