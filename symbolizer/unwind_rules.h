/// Unwind rules: what it takes to get from a frame to its caller, compiled once per place in a file.
///
/// libdw interprets the call frame information (DWARF 5, section 6.4; the psABI's .eh_frame) for us but takes some
/// 400 ns a frame to do so, every time. So it is asked once for each place, its answer is boiled down to a Rule of
/// fixed size, and the stepper (stepper.h) runs Rules. What does not fit (a fraction of a percent of libc: PLT stubs,
/// signal frames) keeps its DWARF expressions as SlowRules, copied so that they outlive the file.
///
/// All callee-saved registers are followed, not only rbp: a frame further out may need any of them, and where it does
/// nothing warns the frames before it.
#pragma once

#include <elfutils/libdw.h>

#include <array>
#include <cstdint>
#include <deque>
#include <limits>
#include <vector>

#include "symbolizer/symbolizer.h"

namespace sightline::symbolizer {

struct Rule {
  enum class Kind : uint8_t {
    none,       ///< no rules for this place
    end,        ///< the outermost frame: its return address is undefined
    simple,     ///< the fields below
    slow,       ///< SlowRules number `slow`
    sigreturn,  ///< a signal trampoline without unwind rules: a ucontext at the stack pointer
  };
  /// `saved` and `return_slot` are in units of 8 bytes from the canonical frame address (CFA).
  static constexpr int16_t kSameValue = std::numeric_limits<int16_t>::min();
  static constexpr std::array<uint8_t, 6> kCalleeSaved = {3, 6, 12, 13, 14, 15};  // rbx rbp r12 r13 r14 r15
  static constexpr uint8_t kReturnInMemory = 0xff;

  Kind kind = Kind::none;
  bool signal_frame = false;     ///< its caller was interrupted, it did not call
  uint8_t cfa_register = 7;      ///< DWARF number
  bool cfa_dereference = false;  ///< CFA = *(register + cfa_offset) + cfa_offset2, else register + cfa_offset
  int32_t cfa_offset = 0;
  int32_t cfa_offset2 = 0;
  uint32_t slow = 0;
  int16_t return_slot = -1;
  uint8_t return_register = kReturnInMemory;  ///< glibc's vfork keeps its return address in rdi
  std::array<int16_t, 6> saved = {kSameValue, kSameValue, kSameValue, kSameValue, kSameValue, kSameValue};
};

/// A place whose rules need evaluation, register by register.
struct SlowRules {
  enum class Kind : uint8_t { undefined, same, expression };
  struct Column {
    Kind kind = Kind::undefined;
    std::vector<Dwarf_Op> ops;  ///< a location, or a value if it ends in DW_OP_stack_value
  };
  std::vector<Dwarf_Op> cfa;
  std::array<Column, Registers::kCount> columns;
};

/// Owns the SlowRules of all files, for the life of the Symbolizer.
using SlowRulesStore = std::deque<SlowRules>;

/// The rule for `address` (the file's own) by `cfi`, Kind::none if it has none.
Rule compile_rule(Dwarf_CFI* cfi, uint64_t address, SlowRulesStore& store);

}  // namespace sightline::symbolizer
