#include "symbolizer/punycode.h"

#include <cstddef>
#include <vector>

namespace sightline::symbolizer {

void append_utf8(std::string& to, uint32_t code) {
  const auto byte = [&](uint32_t value) { to += static_cast<char>(static_cast<unsigned char>(value)); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xc0 | code >> 6);
  } else {
    if (code < 0x10000) {
      byte(0xe0 | code >> 12);
    } else {
      byte(0xf0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3f));
    }
    byte(0x80 | (code >> 6 & 0x3f));
  }
  byte(0x80 | (code & 0x3f));
}

bool is_character(uint64_t code) {
  return code < 0xd800 || (code >= 0xe000 && code < 0x110000);
}

std::optional<std::string> from_punycode(std::string_view text) {
  constexpr uint32_t kBase = 36;
  std::vector<uint32_t> codes;
  if (const std::size_t delimiter = text.rfind('_'); delimiter != std::string_view::npos) {
    for (const char c : text.substr(0, delimiter)) codes.push_back(static_cast<unsigned char>(c));
    text.remove_prefix(delimiter + 1);
  }
  uint32_t code = 128;
  uint32_t bias = 72;
  uint64_t index = 0;
  for (bool first = true; !text.empty(); first = false) {
    const uint64_t before = index;
    uint64_t weight = 1;
    for (uint32_t k = kBase;; k += kBase) {
      if (text.empty()) return std::nullopt;
      const char c = text.front();
      text.remove_prefix(1);
      uint32_t digit = 0;
      if (c >= 'a' && c <= 'z') {
        digit = static_cast<uint32_t>(c - 'a');
      } else if (c >= '0' && c <= '9') {
        digit = 26 + static_cast<uint32_t>(c - '0');
      } else {
        return std::nullopt;
      }
      index += digit * weight;
      const uint32_t threshold = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
      if (digit < threshold) break;
      weight *= kBase - threshold;
      if (index > UINT32_MAX || weight > UINT32_MAX) return std::nullopt;
    }
    const uint64_t count = codes.size() + 1;
    uint64_t delta = (index - before) / (first ? 700 : 2);
    delta += delta / count;
    bias = 0;
    for (; delta > (kBase - 1) * 26 / 2; bias += kBase) delta /= kBase - 1;
    bias += static_cast<uint32_t>(kBase * delta / (delta + 38));
    if (index / count > 0x10ffff - code) return std::nullopt;
    code += static_cast<uint32_t>(index / count);
    if (!is_character(code)) return std::nullopt;
    index %= count;
    codes.insert(codes.begin() + static_cast<std::ptrdiff_t>(index++), code);
  }
  std::string decoded;
  for (const uint32_t one : codes) append_utf8(decoded, one);
  return decoded;
}

}  // namespace sightline::symbolizer
