#include "tracer/engine_reason.h"

#include <algorithm>
#include <iterator>

namespace sightline::tracer {
namespace {

struct Words {
  EngineReason reason;
  std::string_view name, clause;
};

constexpr Words kWords[] = {
    {EngineReason::none, "", ""},
    {EngineReason::code_of_32_bits, "code_of_32_bits", "it is a 32-bit program"},
    {EngineReason::uses_gs, "uses_gs", "the gs register is in use"},
    {EngineReason::under_seccomp, "under_seccomp", "a seccomp filter is in force"},
    {EngineReason::addresses_limited, "addresses_limited", "its address space is limited (ulimit -v)"},
    {EngineReason::memory_out_of_reach, "memory_out_of_reach", "its memory can't be reached"},
    {EngineReason::addresses_taken, "addresses_taken", "the addresses that the engine needs are taken"},
    {EngineReason::may_not_open, "may_not_open", "it may not open the tracer's memory"},
    {EngineReason::no_rest, "no_rest", "a thread of it could not be stopped"},
    {EngineReason::no_room, "no_room", "there are more threads than there is room for"},
    {EngineReason::old_kernel, "old_kernel",
     "the kernel does not divert system calls to their program (Linux 5.11 does)"},
    {EngineReason::born_after_leaving, "born_after_leaving", "it was forked by a process that had left the engine"},
    {EngineReason::asked_for_gs, "asked_for_gs", "it asked for the gs register (arch_prctl, modify_ldt)"},
    {EngineReason::asked_for_seccomp, "asked_for_seccomp", "it asked for a seccomp filter"},
    {EngineReason::locked_memory, "locked_memory", "it locked its memory (mlockall)"},
    {EngineReason::limited_addresses, "limited_addresses", "it limited its addresses (setrlimit)"},
    {EngineReason::forbade_counter, "forbade_counter", "it changed its right to the time stamp counter (prctl)"},
    {EngineReason::asked_for_dispatch, "asked_for_dispatch", "it asked for a dispatch of its own calls (prctl)"},
    {EngineReason::steps_itself, "steps_itself", "it goes through its instructions one by one (the trap flag)"},
    {EngineReason::checks_alignment, "checks_alignment",
     "it has its memory accesses checked for alignment (the AC flag)"},
    {EngineReason::took_addresses, "took_addresses", "it took the addresses where the engine was (munmap, mmap)"},
    {EngineReason::stub_faulted, "stub_faulted", "memory or the time stamp counter was taken from it"},
    {EngineReason::long_strings, "long_strings", "strings may be longer (-s) than it has room for"},
    {EngineReason::unfit_clock, "unfit_clock", "the processor's time stamp counter is not fit for a clock here"},
    {EngineReason::no_kcmp, "no_kcmp", "who shares memory with whom can't be found out (kcmp)"},
    {EngineReason::no_shared_memory, "no_shared_memory", "there is no memory to share with it"},
    {EngineReason::unknown, "unknown", "for a reason that this version does not know"},
};

const Words& words(uint64_t number) {
  const auto found = std::find_if(std::begin(kWords), std::end(kWords),
                                  [&](const Words& entry) { return static_cast<uint64_t>(entry.reason) == number; });
  return found != std::end(kWords) ? *found : *std::prev(std::end(kWords));
}

}  // namespace

EngineReason engine_reason(uint64_t number) {
  return words(number).reason;
}

std::string_view name_of(EngineReason reason) {
  return words(static_cast<uint64_t>(reason)).name;
}

std::string_view clause_of(EngineReason reason) {
  return words(static_cast<uint64_t>(reason)).clause;
}

}  // namespace sightline::tracer
