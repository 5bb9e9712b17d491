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
  CHECK(complaint({"report"}).find("report") != std::string::npos);
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
  complaint({"--engine=inprocess", "ls"});
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
