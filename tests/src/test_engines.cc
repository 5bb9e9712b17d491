#include <doctest/doctest.h>

#include <set>
#include <string>

#include "src/engine_text.h"

using namespace sightline;
using tracer::EngineReason;

TEST_CASE("every reason has words of its own, and its number leads back to it") {
  std::set<std::string_view> names, clauses;
  int known = 0;
  for (uint64_t number = 0; number < 100; ++number) {
    const EngineReason reason = tracer::engine_reason(number);
    if (static_cast<uint64_t>(reason) != number) {
      CHECK(reason == EngineReason::unknown);
      continue;
    }
    ++known;
    CHECK(names.insert(tracer::name_of(reason)).second);
    CHECK(clauses.insert(tracer::clause_of(reason)).second);
    CHECK(tracer::name_of(reason).empty() == (reason == EngineReason::none));
    CHECK(tracer::clause_of(reason).empty() == (reason == EngineReason::none));
  }
  CHECK(known > 20);
  CHECK(tracer::engine_reason(UINT64_MAX) == EngineReason::unknown);
}

TEST_CASE("an engine and its reason in words") {
  CHECK(engine_text("in-process", EngineReason::none) == "in-process");
  CHECK(engine_text("ptrace", EngineReason::none) == "ptrace");
  CHECK(engine_text("ptrace", EngineReason::under_seccomp) == "ptrace: a seccomp filter is in force");
  CHECK(engine_text("ptrace", EngineReason::limited_addresses) ==
        "in-process until it limited its addresses (setrlimit), then ptrace");
  CHECK(engine_text("in-process", EngineReason::no_room) ==
        "in-process, some threads by ptrace: there are more threads than there is room for");
}

TEST_CASE("sentences for the end of a run") {
  CHECK(fallback_text({.reason = EngineReason::under_seccomp, .processes = 1}) ==
        "1 process was traced by ptrace: a seccomp filter is in force");
  CHECK(fallback_text({.reason = EngineReason::under_seccomp, .processes = 2}) ==
        "2 processes were traced by ptrace: a seccomp filter is in force");
  CHECK(fallback_text({.reason = EngineReason::locked_memory, .processes = 1}) ==
        "1 process was in-process at first, then traced by ptrace: it locked its memory (mlockall)");
  CHECK(fallback_text({.reason = EngineReason::no_room, .partly = true, .processes = 3}) ==
        "3 processes had threads that were traced by ptrace: there are more threads than there is room for");
}
