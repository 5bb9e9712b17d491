/// Why the calls of a process are recorded by ptrace where the in-process engine was wanted: all reasons there are, and
/// the words for them.
#pragma once

#include <cstdint>
#include <string_view>

namespace sightline::tracer {

/// The numbers stand in trace files: a new one goes to an end of its kind, none is used twice.
enum class EngineReason : uint8_t {
  none = 0,  ///< it is in-process, or ptrace was what was wanted

  // Of a program, when it was to be brought in; of a thread, when it was to begin inside.
  code_of_32_bits = 1,
  uses_gs = 2,
  under_seccomp = 3,
  addresses_limited = 5,
  memory_out_of_reach = 6,
  addresses_taken = 7,
  may_not_open = 8,
  no_rest = 9,
  no_room = 10,
  old_kernel = 11,
  born_after_leaving = 12,

  // The program was in-process until then. Behind these there is no room: more go before them.
  asked_for_gs = 15,
  asked_for_seccomp = 16,
  locked_memory = 17,
  limited_addresses = 18,
  forbade_counter = 19,
  stub_faulted = 20,
  asked_for_dispatch = 21,
  steps_itself = 22,
  checks_alignment = 23,
  took_addresses = 24,

  // Of the whole run.
  long_strings = 25,
  unfit_clock = 26,
  no_kcmp = 27,
  no_shared_memory = 28,

  unknown = 31,  ///< a later version's
};

/// What a number that was read means.
EngineReason engine_reason(uint64_t number);

/// One word for programs: "under_seccomp". "" for none.
std::string_view name_of(EngineReason reason);

/// One clause for people, with the process as its "it": "a seccomp filter is in force". "" for none.
std::string_view clause_of(EngineReason reason);

/// The process was in-process until then.
constexpr bool ended_inprocess(EngineReason reason) {
  return reason >= EngineReason::asked_for_gs && reason <= EngineReason::took_addresses;
}

}  // namespace sightline::tracer
