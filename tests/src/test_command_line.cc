#include <doctest/doctest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "src/command_line.h"

using namespace sightline;

namespace {

CommandLine parse(std::initializer_list<const char*> words) {
  std::vector<const char*> argv{"sightline"};
  argv.insert(argv.end(), words);
  return parse_command_line(static_cast<int>(argv.size()), argv.data());
}

Settings fine(std::initializer_list<const char*> words) {
  const CommandLine line = parse(words);
  REQUIRE_MESSAGE(line.settings.has_value(), line.message);
  return *line.settings;
}

std::string complaint(std::initializer_list<const char*> words) {
  const CommandLine line = parse(words);
  REQUIRE_FALSE(line.settings.has_value());
  CHECK(line.status == kExitUsage);
  CHECK(line.message.starts_with("sightline: "));
  CHECK(line.message.find('\n') == line.message.size() - 1);
  return line.message;
}

}  // namespace

TEST_CASE("options end where the command begins") {
  const Settings s = fine({"-f", "-o", "out", "ls", "-l", "-o", "x", "--", "y"});
  CHECK(s.follow_children);
  CHECK(s.output == "out");
  CHECK(s.command == std::vector<std::string>{"ls", "-l", "-o", "x", "--", "y"});
  CHECK(fine({"--", "-weird", "a"}).command == std::vector<std::string>{"-weird", "a"});
  CHECK(fine({"-s100", "ls"}).string_limit == 100);
  CHECK(fine({"-fs", "7", "ls"}).string_limit == 7);
  CHECK(fine({"--string-limit=9", "ls"}).string_limit == 9);
  CHECK(fine({"--output", "o", "ls"}).output == "o");
}

TEST_CASE("a verb counts only as the first word") {
  CHECK(fine({"record", "ls"}).verb == Verb::record);
  CHECK(fine({"--", "record", "ls"}).command[0] == "record");
  CHECK(fine({"-f", "record"}).command[0] == "record");
  CHECK(fine({"record", "record"}).command[0] == "record");
  CHECK(complaint({"diff"}).find("diff") != std::string::npos);
}

TEST_CASE("record follows children and has its own file") {
  const Settings s = fine({"record", "ls"});
  CHECK(s.follow_children);
  CHECK(s.output == "sightline.slt");
  CHECK(s.source == Source::line);
}

TEST_CASE("source lines are for people: not with -o, not with -c, unless asked for") {
  CHECK(fine({"ls"}).source == Source::line);
  CHECK(fine({"-o", "f", "ls"}).source == Source::none);
  CHECK(fine({"-c", "ls"}).source == Source::none);
  CHECK(fine({"-o", "f", "--source=line", "ls"}).source == Source::line);
  CHECK(fine({"-o", "f", "-k", "ls"}).source == Source::stack);
  CHECK(fine({"--source=none", "ls"}).source == Source::none);
}

TEST_CASE("process ids come in lists") {
  CHECK(fine({"-p", "1,2", "-p3"}).pids == std::vector<pid_t>{1, 2, 3});
  complaint({"-p", "x"});
  complaint({"-p", "-1"});
  complaint({"-p", "99999999999"});
  complaint({"-p", "1", "ls"});
}

TEST_CASE("-t repeats") {
  CHECK(fine({"ls"}).text.clock == Clock::none);
  CHECK(fine({"-t", "ls"}).text.clock == Clock::seconds);
  CHECK(fine({"-tt", "ls"}).text.clock == Clock::microseconds);
  CHECK(fine({"-ttt", "ls"}).text.clock == Clock::epoch);
}

TEST_CASE("-v: all of the structures, and which engine it was") {
  CHECK_FALSE(fine({"ls"}).verbose);
  CHECK(fine({"-v", "ls"}).verbose);
  CHECK(fine({"-v", "ls"}).text.style.verbose);
  CHECK(fine({"record", "-v", "ls"}).verbose);
  CHECK_FALSE(fine({"record", "ls", "-v"}).verbose);
}

TEST_CASE("mistakes are one sentence") {
  complaint({});
  CHECK(complaint({"--nope", "ls"}).find("--nope") != std::string::npos);
  CHECK(complaint({"-Q", "ls"}).find("-Q") != std::string::npos);
  complaint({"-s", "many", "ls"});
  complaint({"-e", "trace=opne", "ls"});
  complaint({"-e", "inject=open:error=EIO", "ls"});
  complaint({"-ff", "ls"});
  complaint({"-z", "-Z", "ls"});
  complaint({"-o", "|cat", "ls"});
  complaint({"--engine=magic", "ls"});
  complaint({"--engine=warp", "ls"});
  complaint({"--source=all", "ls"});
  complaint({"--color=red", "ls"});
  complaint({"export", "x.slt"});
  complaint({"info", "--format=xml"});
  complaint({"print", "a", "b"});
  complaint({"-o"});
}

TEST_CASE("every verb has its help") {
  for (const char* verb : {"record", "print", "info", "export"}) {
    const CommandLine line = parse({verb, "--help"});
    CHECK_FALSE(line.settings.has_value());
    CHECK(line.status == kExitFine);
    CHECK(line.message.find(verb) != std::string::npos);
  }
  CHECK(parse({"-h"}).status == kExitFine);
  CHECK(parse({"--version"}).message.starts_with("sightline "));
}

TEST_CASE("an option that may be repeated leaves the file behind it alone") {
  const Settings s = fine({"print", "-e", "trace=read", "-e", "status=failed", "run.slt"});
  CHECK(s.input == "run.slt");
  CHECK(s.text.only_failed);
}

TEST_CASE("paths to trace by: one each time, and the command stays the command") {
  for (const Settings& s : {fine({"-P", "a", "-P", "/b,c", "--trace-path=d", "ls", "-P", "x"}),
                            fine({"record", "-P", "a", "-P", "/b,c", "--trace-path=d", "ls", "-P", "x"})}) {
    CHECK(s.paths == std::vector<std::string>{"a", "/b,c", "d"});
    CHECK(s.command == std::vector<std::string>{"ls", "-P", "x"});
  }
  complaint({"-P"});
  complaint({"print", "-P", "a"});
}

TEST_CASE("report") {
  const Settings s = fine({"report", "--by=function", "--sort", "bytes", "--limit=5", "-e", "%file", "run.slt"});
  CHECK(s.verb == Verb::report);
  CHECK(s.input == "run.slt");
  CHECK(s.report.by == ReportBy::function);
  CHECK(s.report.sort == SortBy::bytes);
  CHECK(s.report.limit == 5);
  CHECK(fine({"report"}).input == "sightline.slt");
  CHECK(fine({"report"}).report.by == ReportBy::line);
  CHECK(fine({"report", "--limit=all"}).report.limit == std::nullopt);
  CHECK(fine({"report", "--format=folded"}).report.by == ReportBy::stack);
  CHECK(fine({"report", "-e", "status=failed"}).text.only_failed);
  for (const char* wrong : {"--by=path", "--sort=name", "--limit=-1", "--limit=1x", "--limit=", "--format=xml",
                            "-esignal=INT", "-etrace=nosuchcall", "--context=3"})
    complaint({"report", wrong});
  CHECK(complaint({"report", "--format=folded", "--by=line"}).find("--by=stack") != std::string::npos);
}

TEST_CASE("annotate") {
  const Settings s = fine({"annotate", "--context=2", "--source-map=/a=/b", "run.slt", "x.cc", "y.cc"});
  CHECK(s.verb == Verb::annotate);
  CHECK(s.input == "run.slt");
  CHECK(s.annotate.sources == std::vector<std::string>{"x.cc", "y.cc"});
  CHECK(s.annotate.style.context == 2);
  REQUIRE(s.annotate.map.size() == 1);
  CHECK(s.annotate.map[0] == std::pair<std::string, std::string>("/a", "/b"));
  CHECK(fine({"annotate"}).input == "sightline.slt");
  CHECK(fine({"annotate", "--context=all"}).annotate.style.context == std::nullopt);
  for (const char* wrong : {"--context=-1", "--context=some", "--source-map=/a", "--source-map==/b", "--by=line"})
    complaint({"annotate", wrong});
}
