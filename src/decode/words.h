/// Numbers that have names: how a vocabulary is kept, and how a value is written with it.
#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace sightline::decode {

struct Word {
  uint64_t value;
  std::string_view name;
};

/// The names of an enumeration's values or of a set's bits, in the order in which they are tried and written. A name
/// of several bits stands before the names of its parts (O_SYNC before O_DSYNC).
struct Vocabulary {
  std::span<const Word> words;
  std::string_view unknown;  ///< `PROT_???`: the comment behind a number that has no name
  bool sorted = false;       ///< by value, ascending: found by bisection. For large enumerations
};

/// A header's constant as the kernel sees it: int flags do not smear their sign over the upper half.
template <class T>
requires std::integral<T> || std::is_enum_v<T>
constexpr uint64_t word_value(T value) {
  if constexpr (std::is_enum_v<T>)
    return word_value(static_cast<std::underlying_type_t<T>>(value));
  else
    return static_cast<std::make_unsigned_t<T>>(value);
}

/// The name of `value`, or an empty view.
std::string_view find_word(const Vocabulary& words, uint64_t value);

/// `SEEK_SET`, or `0x7 /* SEEK_??? */`.
void append_choice(std::string& out, uint64_t value, const Vocabulary& words);

/// `PROT_READ|PROT_WRITE`, with bits that have no name behind it (`|0x40`), or `0x40 /* PROT_??? */` if none has.
/// Zero is its name, if it has one, and `0`.
void append_flags(std::string& out, uint64_t value, const Vocabulary& words);

/// Appends the names of the bits in `value`, with `|` between them and before the first if `joined`, and returns the
/// bits that have no name. For values that are part flags and part something else.
uint64_t append_known_flags(std::string& out, uint64_t value, const Vocabulary& words, bool& joined);

}  // namespace sightline::decode

/// One entry of a vocabulary whose name is that of the header's constant.
#define SIGHTLINE_WORD(name) \
  { ::sightline::decode::word_value(name), #name }
