/// Writing JSON (RFC 8259) front to back into a string.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace sightline::exporting {

/// Appends to a string that somebody else empties. Commas are its business, nesting is the caller's.
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  /// The string has been emptied.
  void restart() { first_ = true; }

  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  /// The name of the next value. `name` must need no escape.
  void key(std::string_view name) {
    comma();
    out_ += '"';
    out_ += name;
    out_ += "\":";
    first_ = true;
  }

  /// Bytes that are not UTF-8 become U+FFFD.
  void string(std::string_view text);
  void number(std::integral auto value) {
    comma();
    char digits[24];
    const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value);
    out_.append(digits, end);
  }
  /// Microseconds with three decimals.
  void microseconds(int64_t ns);
  /// "0x…", as a string: no JSON number holds 64 bits in every reader.
  void hex(uint64_t value);
  void boolean(bool value) { literal(value ? "true" : "false"); }
  void null() { literal("null"); }

  void member(std::string_view name, std::string_view text) { key(name), string(text); }
  void member(std::string_view name, std::integral auto value) { key(name), number(value); }
  void flag(std::string_view name, bool value) { key(name), boolean(value); }
  void null_member(std::string_view name) { key(name), null(); }
  /// null if the text is empty.
  void text_or_null(std::string_view name, std::string_view text) {
    key(name);
    text.empty() ? null() : string(text);
  }
  /// A text out of the traced system: if it is not UTF-8, its bytes in base64 as member `name`_base64 besides.
  void bytes_member(std::string_view name, std::string_view bytes);

 private:
  void comma() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void literal(std::string_view text) {
    comma();
    out_ += text;
  }
  void open(char bracket) {
    comma();
    out_ += bracket;
    first_ = true;
  }
  void close(char bracket) {
    out_ += bracket;
    first_ = false;
  }

  std::string& out_;
  bool first_ = true;
};

}  // namespace sightline::exporting
