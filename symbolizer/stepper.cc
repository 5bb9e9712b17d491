#include "symbolizer/stepper.h"

#include "symbolizer/dwarf_expression.h"

namespace sightline::symbolizer {
namespace {

constexpr uint32_t bit(std::size_t number) {
  return 1u << number;
}

// What a normal call leaves intact (psABI, figure 3.4), and what a step computes.
constexpr uint32_t kKeptByCalls =
    bit(3) | bit(6) | bit(12) | bit(13) | bit(14) | bit(15) | bit(Registers::kSp) | bit(Registers::kPc);

/// Whether a walk may go from `sp` to a caller's `cfa`. The stack grows downwards, so it lies above; at the same place
/// only if the return address is on no stack, as in glibc's vfork. Without this, a corrupt stack could loop.
bool is_outward(uint64_t sp, uint64_t cfa, bool return_address_popped) {
  return cfa > sp || (cfa == sp && return_address_popped);
}

Step finish(const Rule& rule, uint64_t cfa, uint64_t caller, FrameRegisters& registers) {
  if (caller == 0) return Step::outermost;
  if (!is_outward(registers.sp(), cfa, rule.return_register != Rule::kReturnInMemory)) return Step::nonsense;
  registers.set(Registers::kSp, cfa);
  registers.set(Registers::kPc, caller);
  registers.known &= kKeptByCalls;
  return Step::stepped;
}

Step step_simple(const Rule& rule, FrameRegisters& registers, StackView& stack) {
  if (!registers.use(rule.cfa_register, stack)) return Step::nonsense;
  uint64_t cfa = registers.value[rule.cfa_register] + static_cast<int64_t>(rule.cfa_offset);
  if (rule.cfa_dereference) {
    const std::optional<uint64_t> loaded = stack.read(cfa);
    if (!loaded) return Step::unreadable;
    cfa = *loaded + static_cast<int64_t>(rule.cfa_offset2);
  }
  uint64_t caller = 0;
  if (rule.return_register == Rule::kReturnInMemory) {
    const std::optional<uint64_t> loaded = stack.read(cfa + int64_t{rule.return_slot} * 8);
    if (!loaded) return Step::unreadable;
    caller = *loaded;
  } else {
    if (!registers.use(rule.return_register, stack)) return Step::nonsense;
    caller = registers.value[rule.return_register];
  }
  for (std::size_t i = 0; i < rule.saved.size(); ++i) {
    if (rule.saved[i] == Rule::kSameValue) continue;
    const uint64_t slot = cfa + int64_t{rule.saved[i]} * 8;
    const std::optional<uint64_t> loaded = stack.look(slot);
    if (loaded) {
      registers.restore(Rule::kCalleeSaved[i], *loaded, slot);
    } else if (slot < registers.sp()) {
      // Popped already, or kept in the red zone of an interrupted leaf: bytes below the stack pointer are not copied.
      // Frames further out mostly do not need it.
      registers.known &= ~bit(Rule::kCalleeSaved[i]);
    } else {
      return Step::unreadable;
    }
  }
  return finish(rule, cfa, caller, registers);
}

Step step_slow(const SlowRules& rules, bool signal_frame, FrameRegisters& registers, StackView& stack) {
  stack.forget_misses();
  const std::optional<uint64_t> cfa = evaluate(rules.cfa, registers, std::nullopt, stack, Evaluate::value);
  if (!cfa) return stack.missed() ? Step::unreadable : Step::nonsense;
  FrameRegisters caller;
  caller.known = 0;
  for (std::size_t i = 0; i < Registers::kCount; ++i) {
    const SlowRules::Column& column = rules.columns[i];
    switch (column.kind) {
      case SlowRules::Kind::undefined:
        break;
      case SlowRules::Kind::same:
        if (registers.knows(i)) caller.set(i, registers.value[i]);
        break;
      case SlowRules::Kind::expression: {
        const std::optional<uint64_t> value = evaluate(column.ops, registers, cfa, stack, Evaluate::location);
        if (value) caller.set(i, *value);
        break;
      }
    }
  }
  if (!caller.knows(Registers::kPc)) return stack.missed() ? Step::unreadable : Step::nonsense;
  if (caller.pc() == 0) return Step::outermost;
  if (!caller.knows(Registers::kSp)) caller.set(Registers::kSp, *cfa);
  // The frame that a signal interrupted may lie on another stack, anywhere (sigaltstack(2)).
  if (!signal_frame && caller.sp() <= registers.sp()) return Step::nonsense;
  registers = caller;
  return Step::stepped;
}

/// The frame a signal handler returns to: a ucontext_t (arch/x86/include/uapi/asm/sigcontext.h) at the stack pointer.
Step step_sigreturn(FrameRegisters& registers, StackView& stack) {
  constexpr uint64_t kGeneralRegisters = 40;  // offset of uc_mcontext.gregs
  // The order of gregs as DWARF numbers: r8-r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip.
  constexpr std::array<uint8_t, Registers::kCount> kOrder = {8, 9, 10, 11, 12, 13, 14, 15, 5, 4, 6, 3, 1, 0, 2, 7, 16};
  FrameRegisters caller;
  for (std::size_t i = 0; i < kOrder.size(); ++i) {
    const std::optional<uint64_t> value = stack.read(registers.sp() + kGeneralRegisters + i * 8);
    if (!value) return Step::unreadable;
    caller.set(kOrder[i], *value);
  }
  if (caller.pc() == 0) return Step::outermost;
  registers = caller;
  return Step::stepped;
}

}  // namespace

Step step(const Rule& rule, const SlowRulesStore& slow, FrameRegisters& registers, StackView& stack) {
  switch (rule.kind) {
    case Rule::Kind::none:
      return Step::no_rule;
    case Rule::Kind::end:
      return Step::outermost;
    case Rule::Kind::simple:
      return step_simple(rule, registers, stack);
    case Rule::Kind::slow:
      return step_slow(slow[rule.slow], rule.signal_frame, registers, stack);
    case Rule::Kind::sigreturn:
      return step_sigreturn(registers, stack);
  }
  return Step::no_rule;
}

}  // namespace sightline::symbolizer
