#include "src/engine_text.h"

#include <fmt/format.h>

namespace sightline {

std::string engine_text(std::string_view engine, tracer::EngineReason reason) {
  const std::string_view clause = tracer::clause_of(reason);
  if (clause.empty()) return std::string(engine);
  if (engine == "in-process") return fmt::format("in-process, some threads by ptrace: {}", clause);
  if (tracer::ended_inprocess(reason)) return fmt::format("in-process until {}, then {}", clause, engine);
  return fmt::format("{}: {}", engine, clause);
}

std::string fallback_text(const Fallback& fallback) {
  const bool one = fallback.processes == 1;
  const char* what =
      fallback.partly
          ? one ? "process had threads that were traced by ptrace" : "processes had threads that were traced by ptrace"
      : tracer::ended_inprocess(fallback.reason) ? one ? "process was in-process at first, then traced by ptrace"
                                                       : "processes were in-process at first, then traced by ptrace"
      : one                                      ? "process was traced by ptrace"
                                                 : "processes were traced by ptrace";
  return fmt::format("{} {}: {}", fallback.processes, what, tracer::clause_of(fallback.reason));
}

}  // namespace sightline
