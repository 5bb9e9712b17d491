/// Strings that live as long as the Symbolizer: file names, function names, module paths. Each is stored once.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_set>

namespace sightline::symbolizer {

class StringPool {
 public:
  /// The returned view stays valid until the pool dies: the set's nodes never move.
  std::string_view intern(std::string_view text) {
    if (text.empty()) return {};
    if (const auto it = strings_.find(text); it != strings_.end()) return *it;
    return *strings_.emplace(text).first;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_set<std::string, Hash, std::equal_to<>> strings_;
};

}  // namespace sightline::symbolizer
