#include "src/trace_filter.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <regex>
#include <vector>

#include "src/decode/decode.h"
#include "tracer/syscall_table.h"

namespace sightline {
namespace {

using tracer::Abi;

struct ClassName {
  std::string_view name;
  uint32_t mask;
};
// strace(1), "-e trace": the classes with % in front; those without it are the historic spelling.
constexpr ClassName kClasses[] = {
    {"file", tracer::kClassFile},       {"process", tracer::kClassProcess},    {"network", tracer::kClassNetwork},
    {"net", tracer::kClassNetwork},     {"signal", tracer::kClassSignal},      {"ipc", tracer::kClassIpc},
    {"desc", tracer::kClassDesc},       {"memory", tracer::kClassMemory},      {"creds", tracer::kClassCreds},
    {"clock", tracer::kClassClock},     {"stat", tracer::kClassStat},          {"lstat", tracer::kClassLstat},
    {"fstat", tracer::kClassFstat},     {"%stat", tracer::kClassStatLike},     {"statfs", tracer::kClassStatfs},
    {"fstatfs", tracer::kClassFstatfs}, {"%statfs", tracer::kClassStatfsLike}, {"pure", tracer::kClassPure},
};
constexpr std::string_view kHistoric[] = {"file", "process", "network", "signal", "ipc", "desc", "memory"};

std::vector<std::string_view> split(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

std::optional<int32_t> number(std::string_view text) {
  int32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value < 0) return std::nullopt;
  return value;
}

std::optional<uint32_t> class_mask(std::string_view word) {
  const bool marked = word.starts_with('%');
  const std::string_view name = marked ? word.substr(1) : word;
  if (!marked) {
    bool historic = false;
    for (const std::string_view h : kHistoric) historic = historic || h == name;
    if (!historic) return std::nullopt;
  }
  for (const ClassName& c : kClasses)
    if (c.name == name) return c.mask;
  return std::nullopt;
}

template <class Wanted>
bool select(tracer::Filter& filter, Wanted&& wanted) {
  bool any = false;
  const auto visit = [&](Abi abi, auto& bits) {
    const int32_t limit = std::min<int32_t>(tracer::syscall_limit(abi), tracer::Filter::kNumbers);
    for (int32_t nr = 0; nr < limit; ++nr) {
      const tracer::Syscall* call = tracer::find_syscall(abi, nr);
      if (call == nullptr || !wanted(*call)) continue;
      bits.set(static_cast<std::size_t>(nr));
      any = true;
    }
  };
  visit(Abi::x86_64, filter.x86_64);
  visit(Abi::i386, filter.i386);
  visit(Abi::x32, filter.x32);
  return any;
}

void invert(tracer::Filter& filter) {
  filter.x86_64.flip();
  filter.i386.flip();
  filter.x32.flip();
  filter.unknown = !filter.unknown;
}

/// One word of a set into `filter`; "" or what is wrong.
std::string add_word(tracer::Filter& filter, std::string_view word) {
  const std::string_view whole = word;
  const bool forgiving = word.starts_with('?');
  if (forgiving) word.remove_prefix(1);
  if (word == "all" || word == "%all") {
    filter = tracer::Filter::all();
    return {};
  }
  if (word == "none") return {};
  if (const auto nr = number(word)) {
    if (static_cast<std::size_t>(*nr) >= tracer::Filter::kNumbers)
      return fmt::format("there is no system call number {}", *nr);
    filter.x86_64.set(static_cast<std::size_t>(*nr));
    filter.i386.set(static_cast<std::size_t>(*nr));
    return {};
  }
  if (word.starts_with('/')) {
    try {
      const std::regex pattern(std::string(word.substr(1)), std::regex::extended);
      if (select(filter,
                 [&](const tracer::Syscall& call) {
                   return std::regex_search(call.name.begin(), call.name.end(), pattern);
                 }) ||
          forgiving)
        return {};
      return fmt::format("no system call's name matches '{}'", word.substr(1));
    } catch (const std::regex_error&) {
      return fmt::format("'{}' is not a valid regular expression", word.substr(1));
    }
  }
  if (const auto mask = class_mask(word)) {
    select(filter, [&](const tracer::Syscall& call) { return (call.classes & *mask) != 0; });
    return {};
  }
  if (select(filter, [&](const tracer::Syscall& call) { return call.name == word; }) || forgiving) return {};
  if (word.starts_with('%')) return fmt::format("there is no class of system calls named '{}'", whole);
  return fmt::format("there is no system call named '{}' (write '?{}' to allow for that)", whole, whole);
}

}  // namespace

Parsed<tracer::Filter> parse_trace_set(std::string_view text) {
  Parsed<tracer::Filter> result;
  result.value.unknown = false;
  const bool negated = text.starts_with('!');
  if (negated) text.remove_prefix(1);
  if (text.empty()) return {{}, "the set of system calls to trace is empty; write 'none' for none"};
  for (const std::string_view word : split(text)) {
    result.error = add_word(result.value, word);
    if (!result.error.empty()) return result;
  }
  if (negated) invert(result.value);
  return result;
}

Parsed<uint64_t> parse_signal_set(std::string_view text) {
  Parsed<uint64_t> result;
  const bool negated = text.starts_with('!');
  if (negated) text.remove_prefix(1);
  for (const std::string_view word : split(text)) {
    if (word == "all") {
      result.value = ~uint64_t{0};
      continue;
    }
    if (word == "none") continue;
    int signo = 0;
    if (const auto nr = number(word)) signo = *nr;
    for (int candidate = 1; candidate <= 64 && signo == 0; ++candidate) {
      const std::string name = decode::signal_name(candidate);
      if (word == name || "SIG" + std::string(word) == name) signo = candidate;
    }
    if (signo < 1 || signo > 64) return {0, fmt::format("there is no signal named '{}'", word)};
    result.value |= uint64_t{1} << (signo - 1);
  }
  if (negated) result.value = ~result.value;
  return result;
}

}  // namespace sightline
