#include "symbolizer/demangle.h"

#include <cxxabi.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <optional>

#include "symbolizer/rust_v0.h"

namespace sightline::symbolizer {
namespace {

/// Whether demangling could take more memory than any name deserves; the library has no limit of its own.
///
/// A mangled name refers back to its own parts (S0_, T_), so each level of references can repeat the one before it:
/// n references expand a name at most 3^(n/3) times. A pack expansion (Dp) repeats its pattern for each element of the
/// pack, of which there are fewer than characters between the template arguments' begin and end. These bounds are
/// generous: they refuse one in 2,000 names of libLLVM.
bool could_explode(std::string_view mangled) {
  constexpr std::size_t kMaxMangled = 4096;
  constexpr double kMaxSize = 1 << 26;
  if (mangled.size() > kMaxMangled) return true;
  int references = 0;
  int packs = 0;
  for (std::size_t i = 0; i + 1 < mangled.size(); ++i) {
    const std::string_view rest = mangled.substr(i);
    packs += rest.starts_with("Dp") || rest.starts_with("sp") ? 1 : 0;
    if (mangled[i] != 'S' && mangled[i] != 'T') continue;
    const std::size_t end = rest.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", 1);
    references += end != std::string_view::npos && rest[end] == '_' ? 1 : 0;
  }
  const std::size_t first = std::min(mangled.find_first_of("IJ"), mangled.size());
  const std::size_t last = mangled.rfind('E');
  const std::size_t pack = last != std::string_view::npos && last > first + 2 ? last - first : 2;
  constexpr double kThirdOfThree = 1.4422495703;  // 3^(1/3)
  double size = static_cast<double>(mangled.size() + 1);
  for (; references > 0 && size <= kMaxSize; --references) size *= kThirdOfThree;
  for (; packs > 0 && size <= kMaxSize; --packs) size *= static_cast<double>(pack);
  return size > kMaxSize;
}

std::optional<std::string> demangle(const std::string& mangled) {
  struct Free {
    void operator()(char* text) const { std::free(text); }
  };
  int status = 0;
  const std::unique_ptr<char, Free> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status));
  if (status != 0 || !text) return std::nullopt;
  return std::string(text.get());
}

/// Copies a demangled name piece by piece, leaving out what is not the name.
class NameScanner {
 public:
  explicit NameScanner(std::string_view text) : text_(text) {}

  /// nullopt: brackets that do not match, or nothing is left.
  std::optional<std::string> run() {
    while (at_ < text_.size() && !failed_) piece();
    if (failed_ || out_.empty()) return std::nullopt;
    return out_;
  }

 private:
  void piece() {
    const char c = text_[at_];
    if (take("(anonymous namespace)")) return;
    if (starts_word() && rest().starts_with("operator") && !is_word(8)) return operator_name();
    if (c == '<' || c == '{' || c == '[') {
      const std::size_t end = closing(at_);
      out_ += text_.substr(at_, end - at_);
      at_ = end;
    } else if (c == '(') {
      at_ = closing(at_);
      skip_qualifiers();
    } else if (c == ' ') {
      ++at_;
      if (rest().starts_with("[clone")) {
        at_ = text_.size();
      } else {
        out_.clear();  // that was a return type, or "non-virtual thunk to"
      }
    } else {
      out_ += c;
      ++at_;
    }
  }

  void operator_name() {
    static constexpr std::array<std::string_view, 42> kSymbols = {
        "()", "[]", "<=>", "<<=", ">>=", "->*", "<<", ">>", "<=", ">=", "==", "!=",    "&&",     "||",
        "++", "--", "->",  "+=",  "-=",  "*=",  "/=", "%=", "^=", "&=", "|=", "\"\" ", "<",      ">",
        "+",  "-",  "*",   "/",   "%",   "^",   "&",  "|",  "~",  "!",  "=",  ",",     " new[]", " delete[]"};
    take("operator");
    for (const std::string_view symbol : kSymbols) {
      if (!symbol.empty() && take(symbol)) {
        // "operator<< <int>": the space keeps template arguments apart from the operator, it ends no return type.
        if (rest().starts_with(" <")) take(" ");
        return;
      }
    }
    // `operator new`, `operator delete`, `operator co_await`, or a conversion to a type up to the parameter list.
    while (at_ < text_.size() && text_[at_] != '(' && !failed_) {
      const std::size_t end = text_[at_] == '<' || text_[at_] == '[' ? closing(at_) : at_ + 1;
      out_ += text_.substr(at_, end - at_);
      at_ = end;
    }
  }

  /// One past the bracket that closes the one at `open`. Within parentheses, < and > may be operators.
  std::size_t closing(std::size_t open) {
    int angle = 0;
    int round = 0;
    int other = 0;
    for (std::size_t i = open; i < text_.size(); ++i) {
      const char c = text_[i];
      if (c == '(') ++round;
      if (c == ')') --round;
      if (c == '{' || c == '[') ++other;
      if (c == '}' || c == ']') --other;
      if (round == 0 && other == 0 && c == '<') ++angle;
      if (round == 0 && other == 0 && c == '>' && i > 0 && text_[i - 1] != '-') --angle;
      if (round < 0 || other < 0 || angle < 0) break;
      if (round == 0 && other == 0 && angle == 0) return i + 1;
    }
    failed_ = true;
    return text_.size();
  }

  void skip_qualifiers() {
    static constexpr std::array<std::string_view, 5> kQualifiers = {" const", " volatile", " &&", " &", " noexcept"};
    for (bool again = true; again;) {
      again = false;
      for (const std::string_view qualifier : kQualifiers) {
        if (rest().starts_with(qualifier)) {
          at_ += qualifier.size();
          again = true;
        }
      }
    }
  }

  std::string_view rest() const { return text_.substr(at_); }
  bool take(std::string_view what) {
    if (!rest().starts_with(what)) return false;
    out_ += what;
    at_ += what.size();
    return true;
  }
  static bool word_char(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  }
  bool starts_word() const { return at_ == 0 || !word_char(text_[at_ - 1]); }
  bool is_word(std::size_t ahead) const { return at_ + ahead < text_.size() && word_char(text_[at_ + ahead]); }

  std::string_view text_;
  std::size_t at_ = 0;
  std::string out_;
  bool failed_ = false;
};

/// Rust's legacy scheme is Itanium's with a hash as last part and escapes within names.
std::optional<std::string> rust_name(std::string_view demangled) {
  constexpr std::size_t kHashSize = 19;  // "::h" and 16 hexadecimal digits
  if (demangled.size() <= kHashSize) return std::nullopt;
  const std::string_view hash = demangled.substr(demangled.size() - kHashSize);
  if (!hash.starts_with("::h") || hash.find_first_not_of("0123456789abcdef", 3) != std::string_view::npos) {
    return std::nullopt;
  }
  struct Escape {
    std::string_view from, to;
  };
  static constexpr std::array<Escape, 12> kEscapes = {{{"$LT$", "<"},
                                                       {"$GT$", ">"},
                                                       {"$RF$", "&"},
                                                       {"$BP$", "*"},
                                                       {"$LP$", "("},
                                                       {"$RP$", ")"},
                                                       {"$C$", ","},
                                                       {"$SP$", "@"},
                                                       {"$u20$", " "},
                                                       {"$u7b$", "{"},
                                                       {"$u7d$", "}"},
                                                       {"..", "::"}}};
  std::string_view rest = demangled.substr(0, demangled.size() - kHashSize);
  std::string out;
  while (!rest.empty()) {
    // A name that begins with an escape has an underscore before it.
    if (rest.starts_with("_$") && (out.empty() || out.ends_with(':'))) rest.remove_prefix(1);
    bool replaced = false;
    for (const Escape& escape : kEscapes) {
      if (!rest.starts_with(escape.from)) continue;
      out += escape.to;
      rest.remove_prefix(escape.from.size());
      replaced = true;
      break;
    }
    if (replaced) continue;
    out += rest.front();
    rest.remove_prefix(1);
  }
  return out;
}

/// "read@@GLIBC_2.2.5", "parse.constprop.0", "main.cold".
std::string_view without_suffixes(std::string_view symbol) {
  static constexpr std::array<std::string_view, 8> kClones = {".cold",     ".constprop", ".isra",       ".part",
                                                              ".lto_priv", ".llvm",      ".localalias", ".clone"};
  if (const std::size_t at = symbol.find('@'); at != std::string_view::npos && at > 0) symbol = symbol.substr(0, at);
  for (const std::string_view clone : kClones) {
    const std::size_t at = symbol.find(clone);
    if (at == std::string_view::npos || at == 0) continue;
    const std::size_t end = at + clone.size();
    if (end == symbol.size() || symbol[end] == '.') symbol = symbol.substr(0, at);
  }
  return symbol;
}

}  // namespace

std::string without_parameters(std::string_view demangled) {
  return NameScanner(demangled).run().value_or(std::string(demangled));
}

std::string readable_function(std::string_view symbol) {
  std::string plain(without_suffixes(symbol));
  if (plain.starts_with("_R")) return demangle_rust_v0(plain).value_or(plain);
  if (!plain.starts_with("_Z") || could_explode(plain)) return plain;
  const std::optional<std::string> demangled = demangle(plain);
  if (!demangled) return plain;
  if (std::optional<std::string> rust = rust_name(*demangled)) return *rust;
  return without_parameters(*demangled);
}

}  // namespace sightline::symbolizer
