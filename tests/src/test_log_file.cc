#include <doctest/doctest.h>

#include <unistd.h>

#include <string>

#include "src/log_file.h"

using namespace sightline;
using Level = tracer::Log::Level;

TEST_CASE("SIGHTLINE_LOG") {
  CHECK_FALSE(parse_log_settings("").tracer.has_value());
  CHECK(parse_log_settings("tracer=debug").tracer == Level::debug);
  CHECK(parse_log_settings("tracer=info").tracer == Level::info);
  CHECK(parse_log_settings(",tracer=info,").tracer == Level::info);
  CHECK_FALSE(parse_log_settings("tracer=debug,tracer=off").tracer.has_value());
  for (const char* fine : {"", ",", "tracer=debug", "tracer=off,tracer=info"})
    CHECK(parse_log_settings(fine).mistakes.empty());
  // What has no meaning is told, and the rest counts.
  for (const char* wrong :
       {"ringbuf=debug", "debug", "=", "=debug", "tracer", "tracer=", "tracer=loud", "\x1b[2J=debug"}) {
    const LogSettings settings = parse_log_settings(std::string(wrong) + ",tracer=info");
    CAPTURE(wrong);
    CHECK(settings.tracer == Level::info);
    REQUIRE(settings.mistakes.size() == 1);
    CHECK(settings.mistakes[0].starts_with("SIGHTLINE_LOG: "));
    CHECK(settings.mistakes[0].find('\x1b') == std::string::npos);
  }
}

TEST_CASE("a log has lines of the levels that it wants, each of them whole") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  {
    LogFile log(ends[1], Level::info);
    log.print(Level::debug, 7, "not %s", "wanted");
    log.print(Level::info, 7, "stub %s", "injected");
    log.print(Level::info, 8, "%s", std::string(1000, 'x').c_str());
  }
  std::string text(4096, '\0');
  text.resize(static_cast<std::size_t>(read(ends[0], text.data(), text.size())));
  close(ends[0]);
  const std::size_t end = text.find('\n');
  CHECK(text.substr(0, end).ends_with(" tracer: 7 stub injected"));
  const std::string second = text.substr(end + 1);
  CHECK(second.find(" tracer: 8 xxx") != std::string::npos);
  CHECK(second.find('\n') == second.size() - 1);
  CHECK(second.size() < 400);
}
