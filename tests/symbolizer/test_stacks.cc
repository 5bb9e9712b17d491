// Live fixture programs: chains compared with libdw's own walker, the user's line with the marks in the sources.
#include <doctest/doctest.h>
#include <sys/syscall.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "tests/symbolizer/live_process.h"
#include "tests/symbolizer/oracle.h"

namespace sightline::symbolizer::testing {
namespace {

Options test_options() {
  Options options;
  options.max_frames = 4096;
  options.debug_directories = {};  // what is installed on this machine must not matter
  return options;
}

std::vector<uint64_t> addresses(const Stack& stack) {
  std::vector<uint64_t> pcs;
  for (const Frame& frame : stack.frames) {
    if (!frame.inlined) pcs.push_back(frame.pc);
  }
  return pcs;
}

bool is_prefix(const std::vector<uint64_t>& part, const std::vector<uint64_t>& whole) {
  return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

std::string hexadecimal(const std::vector<uint64_t>& pcs) {
  std::string text;
  for (const uint64_t pc : pcs) {
    char buffer[20];
    std::snprintf(buffer, sizeof buffer, " %lx", pc);
    text += buffer;
  }
  return text;
}

const Frame& user_frame(const Stack& stack) {
  REQUIRE(stack.user_frame >= 0);
  REQUIRE(static_cast<std::size_t>(stack.user_frame) < stack.frames.size());
  return stack.frames[static_cast<std::size_t>(stack.user_frame)];
}

std::vector<std::string> command_line(const std::string& program, const std::string& scenario) {
  return {fixture(program), scenario, fixture("libfixture.so")};
}

std::set<std::string> scenarios(const std::vector<Expected>& expected) {
  std::set<std::string> names;
  for (const Expected& one : expected) names.insert(one.scenario);
  return names;
}

std::vector<Expected> all_expectations() {
  std::vector<Expected> expected = expectations("calls.cc");
  const std::vector<Expected> library = expectations("library.c");
  expected.insert(expected.end(), library.begin(), library.end());
  REQUIRE(expected.size() > 20);
  return expected;
}

/// libdw looks up a leaf's registers at the pc itself. Behind these calls the pc belongs to other code, or to a row
/// that holds for the child only, and libdw goes astray.
bool libdw_is_wrong_about(long call) {
  return call == SYS_exit_group || call == SYS_rt_sigreturn || call == SYS_clone3 || call == SYS_clone;
}

void compare_chain(const Stop& stop, const Stack& stack, const std::string& scenario) {
  if (libdw_is_wrong_about(stop.call)) {
    if (scenario == "altstack") return;
    CHECK(stack.frames.size() > 3);
    CHECK(stack.frames.back().function == (stop.pid == stop.tid ? "_start" : "clone3"));
    CHECK_FALSE(stack.lost);
    return;
  }
  const std::vector<uint64_t> oracle = walk_with_libdw(stop.pid, stop.tid);
  const std::vector<uint64_t> ours = addresses(stack);
  INFO("libdw:" << hexadecimal(oracle));
  INFO("ours: " << hexadecimal(ours));
  REQUIRE(oracle.size() > 1);
  if (scenario == "altstack") {
    // The interrupted frames lie on a stack of which no bytes were copied; up to there the chain must agree.
    CHECK(ours.size() >= 3);
    CHECK(is_prefix(ours, oracle));
    if (stop.call == SYS_write) {  // in the handler
      CHECK(ours.size() < oracle.size());
      CHECK(stack.truncated);
    }
    CHECK_FALSE(stack.lost);
    for (const Frame& frame : stack.frames) CHECK_FALSE(frame.guessed);
    return;
  }
  CHECK(ours == oracle);
  CHECK_FALSE(stack.truncated);
  CHECK_FALSE(stack.lost);
}

void check_user_line(const Stop& stop, const Stack& stack, const std::string& scenario,
                     const std::vector<Expected>& expected, std::set<uint32_t>& lines_seen) {
  std::vector<uint32_t> lines;
  for (const Expected& one : expected) {
    if (one.scenario == scenario && one.call == stop.call) lines.push_back(one.line);
  }
  if (lines.empty()) return;
  const Frame& frame = user_frame(stack);
  const std::string source = scenario == "library" ? "/fixtures/library.c" : "/fixtures/calls.cc";
  INFO("user line " << std::string(frame.file) << ":" << frame.line);
  CHECK(frame.file.ends_with(source));
  CHECK(frame.file.starts_with("/"));
  CHECK(std::find(lines.begin(), lines.end(), frame.line) != lines.end());
  CHECK_FALSE(frame.guessed);
  lines_seen.insert(frame.line);
}

}  // namespace

TEST_CASE("chains agree with libdw and user lines with the marks") {
  const std::vector<Expected> expected = all_expectations();
  for (const std::string kind : {"calls-o0", "calls-o2", "calls-o3", "calls-fp", "calls-stripped"}) {
    Symbolizer symbolizer(test_options());
    for (const std::string& scenario : scenarios(expected)) {
      CAPTURE(kind);
      CAPTURE(scenario);
      // One Symbolizer for all, but addresses compare only within the first process to reach a place: so one each.
      Symbolizer fresh(test_options());
      const SpaceId fresh_space = fresh.create_space();
      const SpaceId space = symbolizer.create_space();
      std::set<uint32_t> lines_seen;
      const int stops = trace(command_line(kind, scenario), [&](const Stop& stop) {
        CAPTURE(stop.call);
        fresh.set_mappings(fresh_space, stop.mappings);
        const Resolved whole = fresh.resolve(fresh_space, stop.sample(), Depth::whole);
        compare_chain(stop, fresh.stack(whole.stack), scenario);
        check_user_line(stop, fresh.stack(whole.stack), scenario, expected, lines_seen);

        symbolizer.set_mappings(space, stop.mappings);
        const Resolved brief = symbolizer.resolve(space, stop.sample(), Depth::user_line);
        const Stack& short_stack = symbolizer.stack(brief.stack);
        check_user_line(stop, short_stack, scenario, expected, lines_seen);
        CHECK(brief.bytes_used <= whole.bytes_used);
        CHECK(short_stack.frames.size() <= fresh.stack(whole.stack).frames.size());
      });
      CHECK(stops > 0);
      std::set<uint32_t> lines_expected;
      for (const Expected& one : expected) {
        if (one.scenario == scenario) lines_expected.insert(one.line);
      }
      CHECK(lines_seen == lines_expected);
    }
  }
}

TEST_CASE("C programs, from other compilers and linked statically too") {
  const std::vector<Expected> expected = expectations("plain.c");
  REQUIRE(expected.size() == 2);
  for (const std::string kind : {"plain-o0", "plain-o2", "plain-o3", "plain-fp", "plain-split", "plain-gz",
                                 "plain-debugframe", "static-o2", "plain-clang"}) {
    if (access(fixture(kind).c_str(), X_OK) != 0) {
      REQUIRE(kind == "plain-clang");  // the only fixture that may be missing
      continue;
    }
    for (const std::string& scenario : scenarios(expected)) {
      CAPTURE(kind);
      CAPTURE(scenario);
      Symbolizer symbolizer(test_options());
      const SpaceId space = symbolizer.create_space();
      int matched = 0;
      trace(command_line(kind, scenario), [&](const Stop& stop) {
        symbolizer.set_mappings(space, stop.mappings);
        const Stack& stack = symbolizer.stack(symbolizer.resolve(space, stop.sample(), Depth::whole).stack);
        CHECK(addresses(stack) == walk_with_libdw(stop.pid, stop.tid));
        for (const Expected& one : expected) {
          if (one.scenario != scenario || one.call != stop.call) continue;
          CHECK(user_frame(stack).line == one.line);
          CHECK(user_frame(stack).file.ends_with("/fixtures/plain.c"));
          ++matched;
        }
        CHECK(stack.frames.back().function == "_start");
      });
      CHECK(matched == 1);
    }
  }
}

TEST_CASE("without debug information the user's frame is the program's") {
  Symbolizer symbolizer(test_options());
  const SpaceId space = symbolizer.create_space();
  int writes = 0;
  trace(command_line("calls-nodebug", "printf"), [&](const Stop& stop) {
    symbolizer.set_mappings(space, stop.mappings);
    const Stack& stack = symbolizer.stack(symbolizer.resolve(space, stop.sample(), Depth::user_line).stack);
    CHECK(user_frame(stack).module == fixture("calls-nodebug"));
    CHECK(user_frame(stack).line == 0);
    if (stop.call != SYS_write) return;
    ++writes;
    CHECK(user_frame(stack).function == "(anonymous namespace)::print");
    CHECK(user_frame(stack).function_offset > 0);
    CHECK(user_frame(stack).function_offset < 200);
  });
  CHECK(writes == 1);
  const std::vector<ModuleNote> notes = symbolizer.modules_without_lines();
  REQUIRE(notes.size() == 1);
  CHECK(notes[0].path == fixture("calls-nodebug"));
  CHECK(notes[0].reason == "no debug information");
  CHECK(notes[0].frames >= 1);
}

TEST_CASE("without unwind rules the frame pointer leads on, and such frames are marked") {
  Symbolizer symbolizer(test_options());
  const SpaceId space = symbolizer.create_space();
  int writes = 0;
  trace(command_line("plain-nounwind", "c-leaf"), [&](const Stop& stop) {
    if (stop.call != SYS_write) return;
    ++writes;
    symbolizer.set_mappings(space, stop.mappings);
    const Stack& stack = symbolizer.stack(symbolizer.resolve(space, stop.sample(), Depth::whole).stack);
    std::vector<std::string> own;
    for (const Frame& frame : stack.frames) {
      if (frame.module != fixture("plain-nounwind")) continue;
      own.emplace_back(frame.function);
      // libc has rules, so leaf was found by them; whom leaf returns to is a guess, and so on up to libc again.
      CHECK(frame.guessed == (frame.function == "tail" || frame.function == "main"));
    }
    CHECK(own == std::vector<std::string>{"leaf", "tail", "main", "_start"});
    CHECK_FALSE(stack.lost);
    CHECK_FALSE(stack.truncated);
    CHECK(user_frame(stack).function == "leaf");
  });
  CHECK(writes == 1);
}

TEST_CASE("the end of the copied bytes is marked, and where it lies is told") {
  bool checked = false;
  trace(command_line("calls-o2", "recursion"), [&](const Stop& stop) {
    if (stop.call != SYS_write) return;
    checked = true;
    Symbolizer symbolizer(test_options());
    const SpaceId space = symbolizer.create_space();
    symbolizer.set_mappings(space, stop.mappings);
    StackSample sample = stop.sample();

    const Resolved whole = symbolizer.resolve(space, sample, Depth::whole);
    const Stack& all = symbolizer.stack(whole.stack);
    CHECK(all.frames.size() > 2000);
    CHECK_FALSE(all.truncated);
    CHECK_FALSE(whole.hit_end_of_bytes);

    sample.bytes = sample.bytes.first(4096);
    const Resolved cut = symbolizer.resolve(space, sample, Depth::whole);
    const Stack& part = symbolizer.stack(cut.stack);
    CHECK(part.truncated);
    CHECK_FALSE(part.lost);
    CHECK(cut.hit_end_of_bytes);
    CHECK(cut.bytes_used <= 4096);
    CHECK(part.frames.size() < all.frames.size());
    CHECK(is_prefix(addresses(part), addresses(all)));
    CHECK(cut.stack != whole.stack);

    // The user's line needs fewer bytes, and exactly as many as it says.
    const Resolved line = symbolizer.resolve(space, sample, Depth::user_line);
    const Stack& found = symbolizer.stack(line.stack);
    CHECK_FALSE(found.truncated);
    CHECK_FALSE(line.hit_end_of_bytes);
    REQUIRE(line.bytes_used >= 8);
    REQUIRE(line.bytes_used < 4096);
    sample.bytes = sample.bytes.first(line.bytes_used);
    CHECK(symbolizer.resolve(space, sample, Depth::user_line).stack == line.stack);
    sample.bytes = sample.bytes.first(line.bytes_used - 1);
    const Resolved too_short = symbolizer.resolve(space, sample, Depth::user_line);
    CHECK(too_short.hit_end_of_bytes);
    CHECK(symbolizer.stack(too_short.stack).truncated);
    CHECK(symbolizer.stack(too_short.stack).user_frame >= 0);

    Options few = test_options();
    few.max_frames = 10;
    Symbolizer limited(few);
    const SpaceId other = limited.create_space();
    limited.set_mappings(other, stop.mappings);
    const Resolved stopped = limited.resolve(other, stop.sample(), Depth::whole);
    CHECK(addresses(limited.stack(stopped.stack)).size() == 10);
    CHECK(limited.stack(stopped.stack).truncated);
    CHECK_FALSE(stopped.hit_end_of_bytes);
  });
  CHECK(checked);
}

TEST_CASE("the same chain is the same stack, in every process") {
  Symbolizer symbolizer(test_options());
  std::vector<std::vector<StackId>> runs;
  std::vector<uint64_t> starts;
  for (int run = 0; run < 2; ++run) {
    const SpaceId space = symbolizer.create_space();
    std::vector<StackId> ids;
    trace(command_line("calls-o2", "ofstream"), [&](const Stop& stop) {
      symbolizer.set_mappings(space, stop.mappings);
      const StackId id = symbolizer.resolve(space, stop.sample(), Depth::whole).stack;
      CHECK(id != kNoStack);
      CHECK(symbolizer.resolve(space, stop.sample(), Depth::whole).stack == id);
      // A copy of the address space resolves alike, also when the original is gone or remapped.
      const SpaceId copy = symbolizer.fork_space(space);
      symbolizer.set_mappings(space, {});
      CHECK(symbolizer.resolve(copy, stop.sample(), Depth::whole).stack == id);
      CHECK(symbolizer.resolve(space, stop.sample(), Depth::whole).stack != id);
      symbolizer.release_space(copy);
      ids.push_back(id);
    });
    REQUIRE(ids.size() >= 3);
    symbolizer.release_space(space);
    runs.push_back(ids);
  }
  CHECK(runs[0] == runs[1]);
  CHECK(std::set<StackId>(runs[0].begin(), runs[0].end()).size() >= 3);
}

}  // namespace sightline::symbolizer::testing
