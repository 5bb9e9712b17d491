#include "symbolizer/rust_v0.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "symbolizer/punycode.h"

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kMaxSize = 4096;
constexpr int kMaxDepth = 128;
constexpr int kMaxSteps = 20'000;

std::string_view basic_type(char tag) {
  static constexpr std::array<std::pair<char, std::string_view>, 21> kTypes = {
      {{'a', "i8"},    {'b', "bool"},  {'c', "char"}, {'d', "f64"}, {'e', "str"},  {'f', "f32"},  {'h', "u8"},
       {'i', "isize"}, {'j', "usize"}, {'l', "i32"},  {'m', "u32"}, {'n', "i128"}, {'o', "u128"}, {'p', "_"},
       {'s', "i16"},   {'t', "u16"},   {'u', "()"},   {'v', "..."}, {'x', "i64"},  {'y', "u64"},  {'z', "!"}}};
  const auto* found = std::find_if(kTypes.begin(), kTypes.end(), [&](const auto& type) { return type.first == tag; });
  return found == kTypes.end() ? std::string_view() : found->second;
}

/// Reads the symbol once from left to right, and writes as it goes; a back reference reads its target again.
class Demangler {
 public:
  explicit Demangler(std::string_view text) : text_(text) {}

  std::optional<std::string> run() {
    path(true);
    // The crate that has made this copy of a generic function.
    if (!failed_ && at_ < text_.size()) silently([&] { path(false); });
    if (failed_ || at_ != text_.size()) return std::nullopt;
    return std::move(out_);
  }

 private:
  struct Identifier {
    std::string name;
    uint64_t disambiguator = 0;
  };

  // --- Reading

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (failed_ || peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  char next() {
    if (failed_ || at_ >= text_.size()) {
      failed_ = true;
      return '\0';
    }
    return text_[at_++];
  }

  /// base-62-number: "_" is 0, "0_" is 1.
  uint64_t base62() {
    if (take('_')) return 0;
    uint64_t value = 0;
    while (!failed_) {
      const char c = next();
      if (c == '_') return value + 1;
      uint64_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<uint64_t>(c - '0');
      } else if (c >= 'a' && c <= 'z') {
        digit = 10 + static_cast<uint64_t>(c - 'a');
      } else if (c >= 'A' && c <= 'Z') {
        digit = 36 + static_cast<uint64_t>(c - 'A');
      } else {
        failed_ = true;
      }
      if (value > (UINT64_MAX - 1 - digit) / 62) failed_ = true;
      value = value * 62 + digit;
    }
    return 0;
  }

  /// A number that is there only behind `tag`: 0 without, else one more than what it says.
  uint64_t optional_base62(char tag) { return take(tag) ? base62() + 1 : 0; }

  uint64_t decimal() {
    if (take('0')) return 0;
    if (peek() < '1' || peek() > '9') failed_ = true;
    uint64_t value = 0;
    while (!failed_ && peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<uint64_t>(next() - '0');
      if (value > text_.size()) failed_ = true;
    }
    return value;
  }

  std::string undisambiguated_identifier() {
    const bool is_punycode = take('u');
    const uint64_t size = decimal();
    take('_');
    if (failed_ || size > text_.size() - at_) {
      failed_ = true;
      return {};
    }
    const std::string_view bytes = text_.substr(at_, size);
    at_ += size;
    if (!is_punycode) return std::string(bytes);
    std::optional<std::string> decoded = from_punycode(bytes);
    if (!decoded) failed_ = true;
    return decoded.value_or(std::string());
  }

  Identifier identifier() {
    const uint64_t disambiguator = optional_base62('s');
    return {undisambiguated_identifier(), disambiguator};
  }

  // --- Writing

  void put(std::string_view text) {
    if (silent_ > 0) return;
    if (out_.size() + text.size() > kMaxSize) {
      failed_ = true;
      return;
    }
    out_ += text;
  }

  template <typename Read>
  void silently(Read read) {
    ++silent_;
    read();
    --silent_;
  }

  /// Every nonterminal that can contain itself goes through here.
  template <typename Read>
  void nested(Read read) {
    if (++depth_ > kMaxDepth || ++steps_ > kMaxSteps) failed_ = true;
    if (!failed_) read();
    --depth_;
  }

  template <typename Read>
  void back_reference(Read read) {
    const std::size_t own = at_ - 1;
    const uint64_t target = base62();
    // Only to what stands before it: so references always end.
    if (failed_ || target >= own) {
      failed_ = true;
      return;
    }
    if (silent_ > 0) return;  // it has been read once, and nothing of it would be written
    const std::size_t behind = std::exchange(at_, static_cast<std::size_t>(target));
    read();
    at_ = behind;
  }

  /// `read` for each item up to "E", with `between` between them. Returns how many there were.
  template <typename Read>
  std::size_t list(std::string_view between, Read read) {
    std::size_t count = 0;
    for (; !failed_ && !take('E'); ++count) {
      if (count > 0) put(between);
      read();
    }
    return count;
  }

  // --- The grammar

  /// `is_value`: generic arguments are written with a "::" before them, as in expressions.
  void path(bool is_value) {
    nested([&] {
      switch (next()) {
        case 'C':
          put(identifier().name);
          return;
        case 'M':
          impl_path();
          put("<");
          type();
          put(">");
          return;
        case 'X':
          impl_path();
          as_trait();
          return;
        case 'Y':
          as_trait();
          return;
        case 'N':
          nested_path(is_value);
          return;
        case 'I':
          path(is_value);
          if (is_value) put("::");
          put("<");
          list(", ", [&] { generic_argument(); });
          put(">");
          return;
        case 'B':
          back_reference([&] { path(is_value); });
          return;
        default:
          failed_ = true;
      }
    });
  }

  void as_trait() {
    put("<");
    type();
    put(" as ");
    path(false);
    put(">");
  }

  /// Where the impl stands: nobody but the compiler cares.
  void impl_path() {
    silently([&] {
      optional_base62('s');
      path(false);
    });
  }

  void nested_path(bool is_value) {
    const char space = next();
    const bool is_special = space >= 'A' && space <= 'Z';
    if (!is_special && (space < 'a' || space > 'z')) failed_ = true;
    path(is_value);
    const Identifier name = identifier();
    if (!is_special) {
      if (!name.name.empty()) put("::");
      put(name.name);
      return;
    }
    put("::{");
    if (space == 'C') {
      put("closure");
    } else if (space == 'S') {
      put("shim");
    } else {
      put(std::string(1, space));
    }
    if (!name.name.empty()) put(":");
    put(name.name);
    put("#" + std::to_string(name.disambiguator) + "}");
  }

  void generic_argument() {
    if (take('L')) {
      lifetime(base62());
    } else if (take('K')) {
      constant(false);
    } else {
      type();
    }
  }

  /// 0 is erased; others count from the innermost binder outward.
  void lifetime(uint64_t index) {
    if (index == 0) return put("'_");
    if (index > bound_lifetimes_) {
      failed_ = true;
      return;
    }
    const uint64_t number = bound_lifetimes_ - index;
    put("'");
    put(number < 26 ? std::string(1, static_cast<char>('a' + number)) : "z" + std::to_string(number - 25));
  }

  /// for<'a, 'b>, around what `read` reads.
  template <typename Read>
  void bound(Read read) {
    const uint64_t count = optional_base62('G');
    const uint64_t before = bound_lifetimes_;
    if (count > kMaxSize) failed_ = true;
    if (!failed_ && count > 0) {
      put("for<");
      for (uint64_t i = 0; i < count && !failed_; ++i) {
        if (i > 0) put(", ");
        ++bound_lifetimes_;
        lifetime(1);
      }
      put("> ");
    }
    if (!failed_) read();
    bound_lifetimes_ = before;
  }

  void type() {
    nested([&] {
      const char tag = next();
      if (const std::string_view basic = basic_type(tag); !basic.empty()) return put(basic);
      switch (tag) {
        case 'A':
        case 'S':
          put("[");
          type();
          if (tag == 'A') {
            put("; ");
            constant(true);
          }
          put("]");
          return;
        case 'T': {
          put("(");
          const std::size_t count = list(", ", [&] { type(); });
          put(count == 1 ? ",)" : ")");
          return;
        }
        case 'R':
        case 'Q':
          put("&");
          if (take('L')) {
            if (const uint64_t index = base62(); index != 0) {
              lifetime(index);
              put(" ");
            }
          }
          if (tag == 'Q') put("mut ");
          type();
          return;
        case 'P':
        case 'O':
          put(tag == 'P' ? "*const " : "*mut ");
          type();
          return;
        case 'F':
          bound([&] { function_signature(); });
          return;
        case 'D':
          put("dyn ");
          bound([&] { list(" + ", [&] { dynamic_trait(); }); });
          if (!take('L')) failed_ = true;
          if (const uint64_t index = base62(); index != 0) {
            put(" + ");
            lifetime(index);
          }
          return;
        case 'B':
          back_reference([&] { type(); });
          return;
        default:
          --at_;
          path(false);
      }
    });
  }

  void function_signature() {
    if (take('U')) put("unsafe ");
    if (take('K')) {
      std::string abi = "C";
      if (!take('C')) {
        abi = undisambiguated_identifier();
        std::replace(abi.begin(), abi.end(), '_', '-');
      }
      put("extern \"" + abi + "\" ");
    }
    put("fn(");
    list(", ", [&] { type(); });
    put(")");
    if (take('u')) return;  // returns nothing
    put(" -> ");
    type();
  }

  /// A path without the ">" of its generic arguments, if it has some: bindings belong within. Whether it is open.
  bool open_path() {
    bool is_open = false;
    nested([&] {
      if (take('B')) {
        back_reference([&] { is_open = open_path(); });
      } else if (take('I')) {
        path(false);
        put("<");
        list(", ", [&] { generic_argument(); });
        is_open = true;
      } else {
        path(false);
      }
    });
    return is_open;
  }

  void dynamic_trait() {
    // While nothing is written back references are not followed, and whether they are open makes no difference.
    bool is_open = open_path();
    while (take('p')) {
      put(is_open ? ", " : "<");
      is_open = true;
      put(undisambiguated_identifier());
      put(" = ");
      type();
    }
    if (is_open) put(">");
  }

  /// `in_type`: a length needs no braces, which a value within generic arguments does.
  void constant(bool in_type) {
    nested([&] {
      const char tag = next();
      switch (tag) {
        case 'p':
          return put("_");
        case 'B':
          return back_reference([&] { constant(in_type); });
        case 'a':
        case 's':
        case 'l':
        case 'x':
        case 'n':
        case 'i':
          if (take('n')) put("-");
          return number();
        case 'h':
        case 't':
        case 'm':
        case 'y':
        case 'o':
        case 'j':
          return number();
        case 'b': {
          const std::string_view digits = hexadecimal();
          if (digits != "0" && digits != "1") failed_ = true;
          return put(digits == "1" ? "true" : "false");
        }
        case 'c':
          return character();
        default:
          break;
      }
      if (!in_type) put("{");
      structural(tag);
      if (!in_type) put("}");
    });
  }

  /// Values of other types than the RFC's: they came with adt_const_params.
  void structural(char tag) {
    switch (tag) {
      case 'e':
        put("*");
        return string();
      case 'R':
        if (take('e')) return string();
        put("&");
        return constant(true);
      case 'Q':
        put("&mut ");
        return constant(true);
      case 'A':
        put("[");
        list(", ", [&] { constant(true); });
        return put("]");
      case 'T': {
        put("(");
        const std::size_t count = list(", ", [&] { constant(true); });
        return put(count == 1 ? ",)" : ")");
      }
      case 'V':
        path(true);
        return fields();
      default:
        failed_ = true;
    }
  }

  void fields() {
    switch (next()) {
      case 'U':
        return;
      case 'T':
        put("(");
        list(", ", [&] { constant(true); });
        return put(")");
      case 'S':
        put(" { ");
        list(", ", [&] {
          put(identifier().name);
          put(": ");
          constant(true);
        });
        return put(" }");
      default:
        failed_ = true;
    }
  }

  std::string_view hexadecimal() {
    const std::size_t start = at_;
    while (!failed_) {
      const char c = next();
      if (c == '_') break;
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) failed_ = true;
    }
    if (failed_) return {};
    const std::string_view digits = text_.substr(start, at_ - 1 - start);
    // The book has no leading zeros but in 0 itself.
    if (digits.empty() || (digits.size() > 1 && digits.front() == '0')) failed_ = true;
    return digits;
  }

  static uint64_t value_of(std::string_view digits) {
    uint64_t value = 0;
    for (const char c : digits) value = value << 4 | static_cast<uint64_t>(c <= '9' ? c - '0' : c - 'a' + 10);
    return value;
  }

  void number() {
    const std::string_view digits = hexadecimal();
    if (failed_) return;
    put(digits.size() <= 16 ? std::to_string(value_of(digits)) : "0x" + std::string(digits));
  }

  static std::string escaped(uint32_t code, char quote) {
    if (code == '\t') return "\\t";
    if (code == '\r') return "\\r";
    if (code == '\n') return "\\n";
    std::string text;
    if (code == '\\' || code == static_cast<uint32_t>(quote)) text += '\\';
    if (code < ' ' || code == 127) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += "\\u{";
      if (code >= 16) text += kDigits[code >> 4];
      text += kDigits[code & 15];
      return text + "}";
    }
    append_utf8(text, code);
    return text;
  }

  void character() {
    const std::string_view digits = hexadecimal();
    if (failed_ || digits.size() > 6 || !is_character(value_of(digits))) {
      failed_ = true;
      return;
    }
    put("'" + escaped(static_cast<uint32_t>(value_of(digits)), '\'') + "'");
  }

  /// Its bytes, two digits each.
  void string() {
    const std::size_t start = at_;
    while (!failed_ && next() != '_') {
    }
    if (failed_) return;
    const std::string_view digits = text_.substr(start, at_ - 1 - start);
    if (digits.size() % 2 != 0 || digits.find_first_not_of("0123456789abcdef") != std::string_view::npos) {
      failed_ = true;
      return;
    }
    put("\"");
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      const auto byte = static_cast<uint32_t>(value_of(digits.substr(i, 2)));
      // Bytes of UTF-8 go as they are.
      put(byte < 128 ? escaped(byte, '"') : std::string(1, static_cast<char>(byte)));
    }
    put("\"");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
  bool failed_ = false;
  int silent_ = 0;
  int depth_ = 0;
  int steps_ = 0;
  uint64_t bound_lifetimes_ = 0;
};

}  // namespace

std::optional<std::string> demangle_rust_v0(std::string_view symbol) {
  if (!symbol.starts_with("_R")) return std::nullopt;
  symbol.remove_prefix(2);
  // What LLVM or a linker has appended.
  symbol = symbol.substr(0, symbol.find_first_of(".$"));
  // A number here would be the version of the encoding: there is none but this one.
  if (symbol.empty() || symbol.front() < 'A' || symbol.front() > 'Z' || symbol.size() > kMaxSize) return std::nullopt;
  return Demangler(symbol).run();
}

}  // namespace sightline::symbolizer
