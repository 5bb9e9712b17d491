/// Calls made by hand, and what a sink writes of them.
#pragma once

#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <deque>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>

#include "src/model.h"
#include "src/output.h"
#include "tests/src/slt/scratch.h"

namespace sightline {

/// Plays events to a sink. Frames, stacks and calls live as long as it does.
class HandMade {
 public:
  const symbolizer::Frame* frame(symbolizer::Frame value) { return &frames_.emplace_back(value); }

  /// Innermost first; `user` is the index of the user's line.
  const symbolizer::Stack* stack(std::initializer_list<const symbolizer::Frame*> frames, int32_t user) {
    symbolizer::Stack& made = stacks_.emplace_back();
    for (const symbolizer::Frame* f : frames) made.frames.push_back(f);
    made.user_frame = user;
    return &made;
  }

  /// A call that took `ns` and has returned.
  Call call(std::string_view name, int64_t ret, uint64_t ns, const symbolizer::Stack* stack) {
    Call made;
    made.sequence = ++sequence_;
    made.nr = tracer::find_syscall_number(tracer::Abi::x86_64, name);
    REQUIRE(made.nr >= 0);
    made.syscall = tracer::find_syscall(tracer::Abi::x86_64, made.nr);
    made.finished = true;
    made.failed = ret < 0;
    made.start = 1000;
    made.end = 1000 + ns;
    made.ret = ret;
    made.stack = stack;
    return made;
  }

 private:
  std::deque<symbolizer::Frame> frames_;
  std::deque<symbolizer::Stack> stacks_;
  uint64_t sequence_ = 0;
};

/// An output into a file that is gone afterwards.
class Written {
 public:
  Written() : output_(Output::open(scratch_.path("out"), false, error_)) {
    REQUIRE_MESSAGE(output_ != nullptr, error_);
  }
  Output& output() { return *output_; }
  std::string text() {
    output_->flush();
    return slt::Scratch::read(scratch_.path("out"));
  }

 private:
  slt::Scratch scratch_;
  std::string error_;
  std::unique_ptr<Output> output_;
};

}  // namespace sightline
