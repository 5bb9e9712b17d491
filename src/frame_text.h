/// How frames and paths are written for people.
///
/// Threads: the consumer's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/model.h"

namespace sightline {

/// `libfoo.so!parse+0x12`, `libfoo.so+0x1234`; `[unknown]` where nothing is mapped. Without offset: `libfoo.so!parse`.
std::string place_in_module(const symbolizer::Frame& frame, bool with_offset);

/// Shows paths below the directory the tracer was started in as relative.
class ShownPath {
 public:
  ShownPath();
  std::string_view operator()(std::string_view path) const {
    if (!directory_.empty() && path.starts_with(directory_)) path.remove_prefix(directory_.size());
    return path;
  }

 private:
  std::string directory_;
};

/// A call's source line and stack as text. A program makes many calls from few stacks, and writing one takes as long as
/// everything else a call's line needs: each is written once and kept.
class StackTexts {
 public:
  struct Colors {
    std::string_view arrow, place, plain;
  };
  explicit StackTexts(Colors colors) : colors_(colors) {}

  /// ` ← file.cc:12 function`, or "" for a call without a stack. Valid until the next call of either member.
  std::string_view source(const Call& call);
  /// ` > module(function+0x12) [0x3456] file.cc:12` and a line end for each frame. Likewise.
  std::string_view stack(const Call& call);

 private:
  static constexpr std::size_t kMostBytes = std::size_t{32} << 20;  // then all are forgotten
  using Texts = std::unordered_map<symbolizer::StackId, std::string>;

  template <class Write>
  std::string_view find_or_write(Texts& texts, const Call& call, Write&& write);
  void write_source(const symbolizer::Frame& frame, bool cut, std::string& text) const;
  static void write_stack(const symbolizer::Stack& stack, std::string& text);

  Colors colors_;
  ShownPath shown_path_;
  Texts sources_;
  Texts stacks_;
  std::string unkept_;  // of a stack that has no number
  std::size_t bytes_ = 0;
};

}  // namespace sightline
