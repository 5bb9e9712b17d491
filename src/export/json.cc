#include "src/export/json.h"

#include <algorithm>

#include "src/export/utf8.h"

namespace sightline::exporting {
namespace {

bool is_plain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

void append_escaped(std::string& out, char c) {
  static constexpr char kHex[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  if (c == '"' || c == '\\') {
    out += {'\\', c};
  } else if (c == '\n') {
    out += "\\n";
  } else if (c == '\t') {
    out += "\\t";
  } else {
    out += {'\\', 'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]};
  }
}

}  // namespace

void JsonWriter::string(std::string_view text) {
  comma();
  out_ += '"';
  while (!text.empty()) {
    const auto plain = static_cast<std::size_t>(std::find_if_not(text.begin(), text.end(), is_plain) - text.begin());
    out_ += text.substr(0, plain);
    text.remove_prefix(plain);
    if (text.empty()) break;
    const std::size_t size = utf8_sequence(text);
    if (size > 1)
      out_ += text.substr(0, size);
    else if (size == 1)
      append_escaped(out_, text[0]);
    else
      out_ += "\xef\xbf\xbd";
    text.remove_prefix(std::max<std::size_t>(size, 1));
  }
  out_ += '"';
}

void JsonWriter::microseconds(int64_t ns) {
  comma();
  const uint64_t size = ns < 0 ? uint64_t{0} - static_cast<uint64_t>(ns) : static_cast<uint64_t>(ns);
  if (ns < 0) out_ += '-';
  char digits[24];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, size / 1000);
  out_.append(digits, end);
  const auto rest = static_cast<unsigned>(size % 1000);
  out_ += {'.', static_cast<char>('0' + rest / 100), static_cast<char>('0' + rest / 10 % 10),
           static_cast<char>('0' + rest % 10)};
}

void JsonWriter::hex(uint64_t value) {
  comma();
  out_ += "\"0x";
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value, 16);
  out_.append(digits, end);
  out_ += '"';
}

void JsonWriter::bytes_member(std::string_view name, std::string_view bytes) {
  member(name, bytes);
  if (is_utf8(bytes)) return;
  comma();
  out_ += '"';
  out_ += name;
  out_ += "_base64\":\"";
  append_base64(out_, bytes);
  out_ += '"';
}

}  // namespace sightline::exporting
