#include "src/decode/words.h"

#include <algorithm>

#include "src/decode/text.h"

namespace sightline::decode {

std::string_view find_word(const Vocabulary& words, uint64_t value) {
  if (words.sorted) {
    const auto at = std::ranges::lower_bound(words.words, value, {}, &Word::value);
    return at != words.words.end() && at->value == value ? at->name : std::string_view();
  }
  for (const Word& word : words.words)
    if (word.value == value) return word.name;
  return {};
}

namespace {

void append_nameless(std::string& out, uint64_t value, const Vocabulary& words) {
  append_hex(out, value);
  if (words.unknown.empty()) return;
  out += " /* ";
  out += words.unknown;
  out += " */";
}

}  // namespace

void append_choice(std::string& out, uint64_t value, const Vocabulary& words) {
  const std::string_view name = find_word(words, value);
  if (!name.empty()) {
    out += name;
  } else {
    append_nameless(out, value, words);
  }
}

uint64_t append_known_flags(std::string& out, uint64_t value, const Vocabulary& words, bool& joined) {
  for (const Word& word : words.words) {
    if (value == 0) break;
    if (word.value == 0 || (value & word.value) != word.value) continue;
    if (joined) out += '|';
    joined = true;
    out += word.name;
    value &= ~word.value;
  }
  return value;
}

void append_flags(std::string& out, uint64_t value, const Vocabulary& words) {
  if (value == 0) {
    const std::string_view name = find_word(words, 0);
    out += name.empty() ? std::string_view("0") : name;
    return;
  }
  bool joined = false;
  const uint64_t rest = append_known_flags(out, value, words, joined);
  if (rest == 0) return;
  if (joined) {
    out += '|';
    append_hex_always(out, rest);
  } else {
    append_nameless(out, rest, words);
  }
}

}  // namespace sightline::decode
