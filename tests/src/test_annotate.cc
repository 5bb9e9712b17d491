#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "src/annotate.h"
#include "src/terminal.h"
#include "tests/src/hand_made_trace.h"

using namespace sightline;

namespace {

constexpr uint64_t kSecond = 1'000'000'000;

/// A directory with sources, which is the current one meanwhile.
class Project {
 public:
  Project() : before_(std::filesystem::current_path()) { std::filesystem::current_path(scratch_.path("")); }
  ~Project() { std::filesystem::current_path(before_); }
  Project(const Project&) = delete;
  Project& operator=(const Project&) = delete;

  std::string path(const std::string& name) const { return scratch_.path(name); }

  /// A file as of so many seconds after the epoch.
  void write(const std::string& name, const std::string& text, time_t modified = 1000) {
    std::filesystem::create_directories(std::filesystem::path(path(name)).parent_path());
    slt::Scratch::write(path(name), text);
    const timespec times[2] = {{modified, 0}, {modified, 0}};
    REQUIRE(utimensat(AT_FDCWD, path(name).c_str(), times, 0) == 0);
  }

 private:
  slt::Scratch scratch_;
  std::filesystem::path before_;
};

struct Shown {
  std::string text;
  std::vector<std::string> problems;
};

Shown annotate(const std::vector<Call>& calls, AnnotateOptions options = {}, uint64_t recorded = 2000 * kSecond,
               std::vector<symbolizer::ModuleNote> notes = {}) {
  Written written;
  AnnotateSink sink(std::move(options), written.output());
  TraceStart start;
  start.realtime = recorded;
  sink.trace_started(start);
  for (const Call& call : calls) sink.call_finished(call);
  TraceEnd end;
  end.notes = std::move(notes);
  sink.trace_ended(end);
  return {written.text(), sink.problems()};
}

/// A trace with calls of the given lines of one file.
struct Lines : HandMade {
  std::vector<Call> calls;
  Lines(const std::string& file, std::initializer_list<uint32_t> lines, std::string_view module = "/no/such/binary")
      : file_(file) {
    for (const uint32_t line : lines)
      calls.push_back(call("read", 10, 1500,
                           stack({frame({.module = module, .function = "work", .file = file_, .line = line})}, 0)));
  }

 private:
  std::string file_;
};

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("annotate: figures beside the lines that made calls") {
  Project project;
  project.write("a.cc", "one\n\ttwo\nthree\n");
  HandMade made;
  const auto* second = made.stack({made.frame({.function = "f", .file = "/build/a.cc", .line = 2})}, 0);
  const auto* third =
      made.stack({made.frame({.function = "f", .file = "/build/a.cc", .line = 3, .line_is_near = true})}, 0);
  const Shown shown = annotate({made.call("read", 4096, 1'210'000, second), made.call("write", -9, 999, second),
                                made.call("close", 0, 250, third)});
  CHECK(shown.text ==
        "/build/a.cc  3 calls, 1 error, 1.21 ms, 4096 bytes\n"
        "  the source is a.cc\n"
        "  calls errors    time bytes\n"
        "                             │    1 one\n"
        "      2      1 1.21 ms  4096 │    2         two\n"
        "      1         250 ns       │   ~3 three\n");
  CHECK(shown.problems.empty());
}

TEST_CASE("annotate: only the neighbourhood") {
  Project project;
  std::string text;
  for (int i = 1; i <= 30; ++i) text += "line " + std::to_string(i) + "\n";
  project.write("a.cc", text);
  AnnotateOptions options;
  options.style.context = 1;
  const Lines lines("/build/a.cc", {5, 9, 20, 30});
  const Shown shown = annotate(lines.calls, options);
  // 7 alone would be left out between 4-6 and 8-10.
  for (const int n : {4, 5, 6, 7, 8, 9, 10, 19, 20, 21, 29, 30})
    CHECK_MESSAGE(has(shown.text, "line " + std::to_string(n) + "\n"), n);
  for (const int n : {1, 3, 11, 18, 22, 28})
    CHECK_FALSE_MESSAGE(has(shown.text, "line " + std::to_string(n) + "\n"), n);
  std::size_t gaps = 0;
  for (std::size_t at = 0; (at = shown.text.find("⋮", at)) != std::string::npos; ++at) ++gaps;
  CHECK(gaps == 2);
}

TEST_CASE("annotate: lines beyond the end are told") {
  Project project;
  project.write("a.cc", "one\ntwo");
  for (const bool abridged : {false, true}) {
    AnnotateOptions options;
    if (abridged) options.style.context = 3;
    const Lines lines("/build/a.cc", {0, 2, 120});
    const Shown shown = annotate(lines.calls, options);
    CHECK(has(shown.text, "│    2 two\n"));
    CHECK(has(shown.text, "│  120 work (beyond the end of the file, which has 2 lines)\n"));
    CHECK(has(shown.text, "│    0 work (line not known)\n"));
  }
}

TEST_CASE("annotate: a source that is not there") {
  Project project;
  const Lines lines("/build/gone.cc", {3, 8});
  const Shown shown = annotate(lines.calls);
  CHECK(has(shown.text, "--source-map=OLD=NEW"));
  CHECK(has(shown.text, "│    3 work\n"));
  CHECK(has(shown.text, "│    8 work\n"));
}

TEST_CASE("annotate: sources are found where they are now") {
  Project project;
  project.write("src/a.cc", "by its tail\n");
  project.write("a.cc", "by its name\n");
  project.write("elsewhere/new/src/a.cc", "by the map\n");
  project.write("longer/a.cc", "by the longer entry\n");
  const Lines lines("/build/app/src/a.cc", {1});
  CHECK(has(annotate(lines.calls).text, "by its tail"));
  CHECK(has(annotate(Lines("/b/other/a.cc", {1}).calls).text, "by its name"));
  CHECK(has(annotate(Lines("../x/../other/a.cc", {1}).calls).text, "by its name"));
  AnnotateOptions options;
  options.map = {{"/build/app", project.path("elsewhere/new")}};
  CHECK(has(annotate(lines.calls, options).text, "by the map"));
  options.map.emplace_back("/build/app/src", "longer");
  CHECK(has(annotate(lines.calls, options).text, "by the longer entry"));
  options.map = {{"/build/ap", "longer"}};
  CHECK(has(annotate(lines.calls, options).text, "by its tail"));
  // A directory or a pipe of that name is no source.
  std::filesystem::create_directory("b.cc");
  REQUIRE(mkfifo("c.cc", 0600) == 0);
  CHECK(has(annotate(Lines("/build/b.cc", {1}).calls).text, "not found"));
  CHECK(has(annotate(Lines("/build/c.cc", {1}).calls).text, "not found"));
}

TEST_CASE("annotate: says when the source is newer") {
  Project project;
  project.write("app", "a binary", 1500);
  project.write("a.cc", "x\n", 1400);
  const std::string file = project.path("a.cc");
  const std::string app = project.path("app");
  const Lines lines(file, {1}, app);
  CHECK_FALSE(has(annotate(lines.calls).text, "newer"));
  CHECK_FALSE(has(annotate(lines.calls).text, "changed after"));
  project.write("a.cc", "x\n", 1600);
  CHECK(has(annotate(lines.calls).text, "the source is newer than app:"));
  // Both are new since.
  project.write("a.cc", "x\n", 2100);
  project.write("app", "a binary", 2200);
  CHECK_FALSE(has(annotate(lines.calls).text, "newer than"));
  CHECK(has(annotate(lines.calls).text, "changed after the trace was recorded"));
  std::filesystem::remove("app");
  CHECK(has(annotate(lines.calls).text, "changed after the trace was recorded"));
}

TEST_CASE("annotate: only the sources that are named") {
  Project project;
  project.write("src/a.cc", "text of src/a\n");
  project.write("lib/a.cc", "text of lib/a\n");
  project.write("src/b.cc", "text of src/b\n");
  project.write("copy/a.cc", "text of the copy\n");
  Lines lines("/build/src/a.cc", {1});
  const Lines others("/build/lib/a.cc", {1}), third("/build/src/b.cc", {1}), here(project.path("src/b.cc"), {1});
  for (const Lines* more : {&others, &third, &here})
    lines.calls.insert(lines.calls.end(), more->calls.begin(), more->calls.end());
  const auto named = [&](std::vector<std::string> sources) {
    AnnotateOptions options;
    options.sources = std::move(sources);
    return annotate(lines.calls, std::move(options));
  };
  CHECK(has(named({"src/a.cc"}).text, "text of src/a"));
  CHECK_FALSE(has(named({"src/a.cc"}).text, "text of lib/a"));
  CHECK_FALSE(has(named({"src/a.cc"}).text, "text of src/b"));
  CHECK(has(named({"a.cc"}).text, "text of src/a"));
  CHECK(has(named({"a.cc"}).text, "text of lib/a"));
  CHECK(has(named({"/build/lib/a.cc"}).text, "text of lib/a"));
  CHECK(has(named({"a.cc", "b.cc"}).text, "text of src/b"));
  const Shown none = named({"src/a.cc", "src/nothing.cc", "c"});
  CHECK(has(none.text, "text of src/a"));
  REQUIRE(none.problems.size() == 2);
  CHECK(has(none.problems[0], "'src/nothing.cc'"));
  AnnotateOptions options;
  options.sources = {"copy/a.cc"};
  CHECK(has(annotate(Lines("/build/src/a.cc", {1}).calls, options).text, "text of the copy"));
}

TEST_CASE("annotate: calls without a source line are accounted for") {
  Project project;
  HandMade made;
  const auto* library = made.stack({made.frame({.module = "/opt/libx.so", .function = "f"})}, 0);
  const Shown shown = annotate({made.call("read", 7, 2000, library), made.call("read", 7, 2000, nullptr)}, {},
                               2000 * kSecond, {{.path = "/opt/libx.so", .reason = "no debug information"}});
  CHECK(shown.text ==
        "without a source line: 2 calls, 4.00 µs, 14 bytes\n"
        "  /opt/libx.so: 1 call, 2.00 µs, 7 bytes (no debug information)\n"
        "  calls without a stack: 1 call, 2.00 µs, 7 bytes\n");
  CHECK(annotate({}).text == "the trace has no calls\n");
}

TEST_CASE("annotate: sources can't command the terminal, and are cut to its width") {
  Project project;
  project.write("a.cc", "evil \x1b[2J\x07 \xff\xc2\x9b é\r\n" + std::string(200, 'x') + "\n");
  AnnotateOptions options;
  options.style.width = 100;
  const Shown shown = annotate(Lines("/build/a.cc", {1}).calls, options);
  CHECK(has(shown.text, "│    1 evil ?[2J? ?? é\n"));
  CHECK(has(shown.text, "xx…\n"));
  std::size_t from = 0;
  for (std::size_t to = 0; (to = shown.text.find('\n', from)) != std::string::npos; from = to + 1)
    CHECK(columns(std::string_view(shown.text).substr(from, to - from)) <= 100);
}

TEST_CASE("annotate: times and sizes in few letters") {
  CHECK(short_time(0) == "0 ns");
  CHECK(short_time(999) == "999 ns");
  CHECK(short_time(1000) == "1.00 µs");
  CHECK(short_time(999'499) == "999 µs");
  CHECK(short_time(999'500) == "1.00 ms");
  CHECK(short_time(34'540'000) == "34.5 ms");
  CHECK(short_time(999'500'000) == "1.00 s");
  CHECK(short_time(1234 * kSecond) == "1234 s");
  CHECK(short_bytes(9999) == "9999");
  CHECK(short_bytes(10'240) == "10.0K");
  CHECK(short_bytes(1024 * 1024) == "1.00M");
  CHECK(short_bytes(~uint64_t{0}) == "16.0E");
}

TEST_CASE("terminal: cutting counts characters, not bytes") {
  CHECK(cut_behind("äöü", 3) == "äöü");
  CHECK(cut_behind("äöüß", 3) == "äö…");
  CHECK(cut_in_front("äöüß", 3) == "…üß");
  CHECK(cut_in_front("abc", 1) == "…");
  CHECK(cut_behind("abc", 1) == "…");
  CHECK(cut_behind("abc", 0) == "abc");
  CHECK(printable("a\tb") == "a       b");
  CHECK(printable("12345678\tb") == "12345678        b");
}
