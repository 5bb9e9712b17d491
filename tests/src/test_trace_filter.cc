#include <doctest/doctest.h>

#include <csignal>
#include <string_view>

#include "src/trace_filter.h"
#include "tracer/syscall_table.h"

using namespace sightline;

namespace {

bool passes(std::string_view set, std::string_view name) {
  const auto parsed = parse_trace_set(set);
  REQUIRE(parsed.error == "");
  const int32_t nr = tracer::find_syscall_number(tracer::Abi::x86_64, name);
  REQUIRE(nr >= 0);
  return parsed.value.passes(tracer::Abi::x86_64, nr, tracer::find_syscall(tracer::Abi::x86_64, nr));
}

}  // namespace

TEST_CASE("names, numbers, classes and expressions select") {
  CHECK(passes("open,read", "read"));
  CHECK_FALSE(passes("open,read", "write"));
  CHECK(passes("all", "write"));
  CHECK_FALSE(passes("none", "write"));
  CHECK(passes("1", "write"));
  CHECK(passes("%file", "openat"));
  CHECK_FALSE(passes("%file", "read"));
  CHECK(passes("file", "openat"));
  CHECK(passes("%network", "sendto"));
  CHECK(passes("%net", "socket"));
  CHECK(passes("/^get.id$", "getpid"));
  CHECK_FALSE(passes("/^get.id$", "getppid"));
  CHECK(passes("%%stat", "newfstatat"));
}

TEST_CASE("a leading ! negates the whole set") {
  CHECK_FALSE(passes("!open,read", "read"));
  CHECK(passes("!open,read", "write"));
  CHECK_FALSE(passes("!%memory", "mmap"));
  CHECK(parse_trace_set("!read").value.passes(tracer::Abi::x86_64, 900, nullptr));
  CHECK_FALSE(parse_trace_set("read").value.passes(tracer::Abi::x86_64, 900, nullptr));
}

TEST_CASE("what is unknown is said, unless it is allowed to be") {
  CHECK(parse_trace_set("opne").error.find("opne") != std::string::npos);
  CHECK(parse_trace_set("%nothing").error.find("%nothing") != std::string::npos);
  CHECK(parse_trace_set("").error != "");
  CHECK(parse_trace_set("/[").error != "");
  CHECK(parse_trace_set("5000").error != "");
  CHECK(parse_trace_set("?opne,read").error == "");
  CHECK(passes("?opne,read", "read"));
}

TEST_CASE("a name selects the calls of all ABIs") {
  const auto parsed = parse_trace_set("write");
  const int32_t nr = tracer::find_syscall_number(tracer::Abi::i386, "write");
  CHECK(parsed.value.passes(tracer::Abi::i386, nr, tracer::find_syscall(tracer::Abi::i386, nr)));
  CHECK_FALSE(parsed.value.passes(tracer::Abi::i386, 1, tracer::find_syscall(tracer::Abi::i386, 1)));
}

TEST_CASE("signals by name and number") {
  const auto bit = [](int signo) { return uint64_t{1} << (signo - 1); };
  CHECK(parse_signal_set("SIGINT,TERM").value == (bit(SIGINT) | bit(SIGTERM)));
  CHECK(parse_signal_set("9").value == bit(SIGKILL));
  CHECK(parse_signal_set("!CHLD").value == ~bit(SIGCHLD));
  CHECK(parse_signal_set("none").value == 0);
  CHECK(parse_signal_set("SIGNOTHING").error != "");
  CHECK(parse_signal_set("65").error != "");
}
