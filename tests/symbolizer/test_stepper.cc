// The stepper and the expression evaluator over registers and bytes made up here.
#include <doctest/doctest.h>
#include <dwarf.h>

#include <cstring>
#include <vector>

#include "symbolizer/dwarf_expression.h"
#include "symbolizer/stepper.h"
#include "symbolizer/walk_cache.h"

namespace sightline::symbolizer::testing {
namespace {

constexpr uint64_t kStack = 0x7ffc00001000;

/// Stack bytes in which the word at kStack + 8i is 0x1000 + i.
struct Memory {
  std::vector<std::byte> bytes;
  StackSample sample;

  explicit Memory(std::size_t words) : bytes(words * 8) {
    for (std::size_t i = 0; i < words; ++i) set(i, 0x1000 + i);
    sample.address = kStack;
    sample.bytes = bytes;
  }
  void set(std::size_t word, uint64_t value) { std::memcpy(&bytes[word * 8], &value, 8); }
};

FrameRegisters registers_at(uint64_t sp) {
  FrameRegisters registers;
  for (std::size_t i = 0; i < Registers::kCount; ++i) registers.value[i] = 100 + i;
  registers.value[Registers::kSp] = sp;
  return registers;
}

std::optional<uint64_t> value_of(const std::vector<Dwarf_Op>& ops, Evaluate what = Evaluate::value) {
  const Memory memory(16);
  StackView stack(memory.sample);
  return evaluate(ops, registers_at(kStack), kStack + 64, stack, what);
}

Dwarf_Op op(uint8_t atom, uint64_t number = 0, uint64_t number2 = 0, uint64_t offset = 0) {
  return {.atom = atom, .number = number, .number2 = number2, .offset = offset};
}

}  // namespace

TEST_CASE("a simple rule restores the caller's registers") {
  const Memory memory(16);
  StackView stack(memory.sample);
  FrameRegisters registers = registers_at(kStack);
  Rule rule;
  rule.kind = Rule::Kind::simple;
  rule.cfa_offset = 48;
  rule.saved[0] = -3;  // rbx
  rule.saved[1] = -2;  // rbp
  CHECK(step(rule, {}, registers, stack) == Step::stepped);
  CHECK(registers.sp() == kStack + 48);
  CHECK(registers.pc() == 0x1005);
  CHECK(registers.value[3] == 0x1003);
  CHECK(registers.value[6] == 0x1004);
  CHECK(registers.value[12] == 112);
  CHECK(registers.knows(12));
  CHECK_FALSE(registers.knows(0));
  CHECK(stack.read_to() == kStack + 48);
  CHECK_FALSE(stack.hit_end());
}

TEST_CASE("a rule that finds the frame through memory, and one with the return address in a register") {
  Memory memory(16);
  memory.set(2, kStack + 80);
  StackView stack(memory.sample);
  FrameRegisters registers = registers_at(kStack);
  registers.value[6] = kStack + 24;
  Rule rule;
  rule.kind = Rule::Kind::simple;
  rule.cfa_register = 6;
  rule.cfa_dereference = true;
  rule.cfa_offset = -8;
  rule.cfa_offset2 = 16;
  CHECK(step(rule, {}, registers, stack) == Step::stepped);
  CHECK(registers.sp() == kStack + 96);
  CHECK(registers.pc() == 0x100b);

  registers = registers_at(kStack);
  rule = {};
  rule.kind = Rule::Kind::simple;
  rule.cfa_offset = 8;
  rule.return_register = 5;
  CHECK(step(rule, {}, registers, stack) == Step::stepped);
  CHECK(registers.pc() == 105);
  // Further out rdi is gone.
  CHECK(step(rule, {}, registers, stack) == Step::nonsense);
}

TEST_CASE("a step fails where it must") {
  Memory memory(4);
  Rule rule;
  rule.kind = Rule::Kind::simple;
  {
    StackView stack(memory.sample);
    FrameRegisters registers = registers_at(kStack);
    rule.cfa_offset = 64;
    CHECK(step(rule, {}, registers, stack) == Step::unreadable);
    CHECK(stack.hit_end());
  }
  {
    StackView stack(memory.sample);
    FrameRegisters registers = registers_at(0x1000);
    CHECK(step(rule, {}, registers, stack) == Step::unreadable);
    CHECK_FALSE(stack.hit_end());
  }
  {
    StackView stack(memory.sample);
    FrameRegisters registers = registers_at(kStack + 16);
    rule.cfa_offset = -8;
    CHECK(step(rule, {}, registers, stack) == Step::nonsense);
  }
  {
    memory.set(1, 0);
    StackView stack(memory.sample);
    FrameRegisters registers = registers_at(kStack);
    rule.cfa_offset = 16;
    CHECK(step(rule, {}, registers, stack) == Step::outermost);
  }
  {
    StackView stack(memory.sample);
    FrameRegisters registers = registers_at(kStack);
    CHECK(step({}, {}, registers, stack) == Step::no_rule);
    CHECK(registers.sp() == kStack);
    rule.kind = Rule::Kind::end;
    CHECK(step(rule, {}, registers, stack) == Step::outermost);
  }
}

TEST_CASE("a register whose slot is popped already is not known, and that is all") {
  const Memory memory(4);
  StackView stack(memory.sample);
  FrameRegisters registers = registers_at(kStack);
  Rule rule;
  rule.kind = Rule::Kind::simple;
  rule.cfa_offset = 16;
  rule.saved[0] = -3;  // 8 bytes below the stack pointer
  CHECK(step(rule, {}, registers, stack) == Step::stepped);
  CHECK(registers.pc() == 0x1001);
  CHECK_FALSE(registers.knows(3));
  CHECK(registers.knows(6));
  // Above the stack pointer its absence is the end of the copied bytes.
  registers = registers_at(kStack);
  rule.cfa_offset = 24;
  rule.saved[0] = 20;
  CHECK(step(rule, {}, registers, stack) == Step::unreadable);
  CHECK(stack.hit_end());
}

TEST_CASE("a slow rule on a stack that was not copied is unreadable, not nonsense") {
  const Memory memory(4);
  StackView stack(memory.sample);
  CHECK(stack.holds(kStack));
  CHECK(stack.holds(kStack + 32));
  CHECK_FALSE(stack.holds(kStack + 33));
  CHECK_FALSE(stack.holds(kStack - 1));
  FrameRegisters registers = registers_at(0x1000);
  SlowRulesStore store(1);
  store[0].cfa = {op(DW_OP_breg7, 8), op(DW_OP_deref)};
  Rule rule;
  rule.kind = Rule::Kind::slow;
  CHECK(step(rule, store, registers, stack) == Step::unreadable);
  CHECK_FALSE(stack.hit_end());
  store[0].cfa = {op(DW_OP_breg7, 8)};  // and no rule for the return address
  registers = registers_at(kStack);
  CHECK(step(rule, store, registers, stack) == Step::nonsense);
}

TEST_CASE("a signal trampoline without rules: registers come from the ucontext") {
  Memory memory(64);
  // uc_mcontext.gregs begin 40 bytes in: r8 is word 5, …, rbp word 15, rsp word 20, rip word 21.
  memory.set(20, 0x500000);
  StackView stack(memory.sample);
  FrameRegisters registers = registers_at(kStack);
  registers.known = 0;
  registers.set(Registers::kSp, kStack);
  Rule rule;
  rule.kind = Rule::Kind::sigreturn;
  CHECK(step(rule, {}, registers, stack) == Step::stepped);
  CHECK(registers.known == FrameRegisters::kAll);
  CHECK(registers.value[8] == 0x1005);
  CHECK(registers.value[5] == 0x1000 + 13);
  CHECK(registers.value[6] == 0x1000 + 15);
  CHECK(registers.sp() == 0x500000);
  CHECK(registers.pc() == 0x1000 + 21);
}

TEST_CASE("expressions") {
  CHECK(value_of({op(DW_OP_lit5)}) == 5);
  CHECK(value_of({op(DW_OP_breg7, 8)}) == kStack + 8);
  CHECK(value_of({op(DW_OP_bregx, 3, static_cast<uint64_t>(-3))}) == 100);
  CHECK(value_of({op(DW_OP_call_frame_cfa)}) == kStack + 64);
  CHECK(value_of({op(DW_OP_breg7, 8), op(DW_OP_deref)}) == 0x1001);
  CHECK(value_of({op(DW_OP_breg7, 8), op(DW_OP_deref_size, 1)}) == 0x01);
  CHECK(value_of({op(DW_OP_breg7, 8)}, Evaluate::location) == 0x1001);
  CHECK(value_of({op(DW_OP_breg7, 8), op(DW_OP_stack_value)}, Evaluate::location) == kStack + 8);
  CHECK(value_of({op(DW_OP_regx, 12)}, Evaluate::location) == 112);
  CHECK(value_of({op(DW_OP_lit7), op(DW_OP_lit2), op(DW_OP_minus)}) == 5);
  CHECK(value_of({op(DW_OP_lit7), op(DW_OP_lit2), op(DW_OP_swap), op(DW_OP_minus)}) == uint64_t{0} - 5);
  CHECK(value_of({op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_lit3), op(DW_OP_rot)}) == 2);
  CHECK(value_of({op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_lit3), op(DW_OP_rot), op(DW_OP_drop)}) == 1);
  CHECK(value_of({op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_over)}) == 1);
  CHECK(value_of({op(DW_OP_lit1), op(DW_OP_lit2), op(DW_OP_pick, 1)}) == 1);
  CHECK(value_of({op(DW_OP_consts, static_cast<uint64_t>(-16)), op(DW_OP_lit2), op(DW_OP_shra)}) == uint64_t{0} - 4);
  CHECK(value_of({op(DW_OP_consts, static_cast<uint64_t>(-16)), op(DW_OP_lit3), op(DW_OP_div)}) == uint64_t{0} - 5);
  CHECK(value_of({op(DW_OP_lit6), op(DW_OP_lit4), op(DW_OP_ge)}) == 1);
  CHECK(value_of({op(DW_OP_consts, static_cast<uint64_t>(-6)), op(DW_OP_lit4), op(DW_OP_ge)}) == 0);
  CHECK(value_of({op(DW_OP_lit1), op(DW_OP_const1u, 200), op(DW_OP_shl)}) == 0);
  // lit1; bra +1 to lit9; lit4; lit9
  CHECK(value_of({op(DW_OP_lit1, 0, 0, 0), op(DW_OP_bra, 1, 0, 1), op(DW_OP_lit4, 0, 0, 4), op(DW_OP_lit9, 0, 0, 5)}) ==
        9);
  CHECK(value_of({op(DW_OP_lit4, 0, 0, 0), op(DW_OP_skip, 1, 0, 1), op(DW_OP_lit5, 0, 0, 4)}) == 4);
}

TEST_CASE("the rule of a PLT stub: the CFA depends on the pc") {
  // rsp + 8 + ((rip & 15) >= 11) * 8, as ld writes it
  const std::vector<Dwarf_Op> ops = {op(DW_OP_breg7, 8), op(DW_OP_breg16, 0), op(DW_OP_lit15),
                                     op(DW_OP_and),      op(DW_OP_lit11),     op(DW_OP_ge),
                                     op(DW_OP_lit3),     op(DW_OP_shl),       op(DW_OP_plus)};
  const Memory memory(4);
  StackView stack(memory.sample);
  FrameRegisters registers = registers_at(kStack);
  registers.value[Registers::kPc] = 0x40101a;
  CHECK(evaluate(ops, registers, std::nullopt, stack, Evaluate::value) == kStack + 8);
  registers.value[Registers::kPc] = 0x40101b;
  CHECK(evaluate(ops, registers, std::nullopt, stack, Evaluate::value) == kStack + 16);
}

TEST_CASE("malformed expressions fail, and end") {
  CHECK_FALSE(value_of({}));
  CHECK_FALSE(value_of({op(DW_OP_plus)}));
  CHECK_FALSE(value_of({op(DW_OP_lit1), op(DW_OP_drop)}));
  CHECK_FALSE(value_of({op(DW_OP_lit1), op(DW_OP_lit0), op(DW_OP_div)}));
  CHECK_FALSE(value_of({op(DW_OP_constu, uint64_t{1} << 63), op(DW_OP_consts, UINT64_MAX), op(DW_OP_div)}));
  CHECK_FALSE(value_of({op(DW_OP_lit1), op(DW_OP_lit0), op(DW_OP_mod)}));
  CHECK_FALSE(value_of({op(DW_OP_lit1), op(DW_OP_pick, 5)}));
  CHECK_FALSE(value_of({op(DW_OP_bregx, 17, 0)}));
  CHECK_FALSE(value_of({op(DW_OP_bregx, UINT64_MAX, 0)}));
  CHECK_FALSE(value_of({op(DW_OP_lit0), op(DW_OP_deref)}));
  CHECK_FALSE(value_of({op(DW_OP_breg7, 0), op(DW_OP_deref_size, 0)}));
  CHECK_FALSE(value_of({op(DW_OP_breg7, 0), op(DW_OP_deref_size, 9)}));
  CHECK_FALSE(value_of({op(DW_OP_implicit_value, 4, 0)}));
  CHECK_FALSE(value_of({op(DW_OP_lit1, 0, 0, 0), op(DW_OP_skip, static_cast<uint16_t>(-4), 0, 1)}));
  CHECK_FALSE(value_of({op(DW_OP_skip, static_cast<uint16_t>(-3), 0, 0)}));
  CHECK_FALSE(value_of({op(DW_OP_skip, static_cast<uint16_t>(-100), 0, 0)}));
  CHECK_FALSE(value_of(std::vector<Dwarf_Op>(100, op(DW_OP_lit1))));
}

TEST_CASE("a walk is not made again where all that it used is the same") {
  constexpr std::size_t kRbx = 3;
  constexpr std::size_t kRbp = 6;
  Memory memory(16);
  memory.sample.registers.value = registers_at(kStack).value;
  memory.sample.registers.value[kRbp] = kStack + 32;
  memory.set(4, kStack + 80);
  const auto walk = [&](WalkCache& cache, StackId found) {
    StackView stack(memory.sample);
    FrameRegisters registers;
    registers.value = memory.sample.registers.value;
    Rule by_sp;  // a leaf …
    by_sp.kind = Rule::Kind::simple;
    by_sp.cfa_offset = 8;
    Rule by_rbp;  // … and a caller with a frame pointer
    by_rbp.kind = Rule::Kind::simple;
    by_rbp.cfa_register = kRbp;
    by_rbp.cfa_offset = 16;
    by_rbp.saved[1] = -2;
    REQUIRE(step(by_sp, {}, registers, stack) == Step::stepped);
    REQUIRE(step(by_rbp, {}, registers, stack) == Step::stepped);
    REQUIRE(step(by_rbp, {}, registers, stack) == Step::stepped);  // whose frame the first has kept
    REQUIRE(registers.value[kRbp] == 0x1000 + 10);
    cache.add(memory.sample, Depth::user_line, registers, stack, {.stack = found, .bytes_used = 48});
  };
  WalkCache cache;
  CHECK(cache.find(memory.sample, Depth::user_line) == nullptr);
  walk(cache, 7);
  const auto found = [&] {
    const Resolved* known = cache.find(memory.sample, Depth::user_line);
    return known == nullptr ? kNoStack : known->stack;
  };
  CHECK(found() == 7);
  CHECK(cache.find(memory.sample, Depth::whole) == nullptr);

  memory.sample.registers.value[kRbx] += 1;  // what no rule asked for
  memory.set(1, 0xdead);
  memory.set(6, 0xdead);
  memory.set(10, 0xdead);  // the last frame's, that nobody came to use
  CHECK(found() == 7);

  SUBCASE("a register") {
    memory.sample.registers.value[kRbp] += 8;
  }
  SUBCASE("the stack pointer") {
    memory.sample.registers.value[Registers::kSp] += 8;
  }
  SUBCASE("the place") {
    memory.sample.registers.value[Registers::kPc] += 1;
  }
  SUBCASE("a return address") {
    memory.set(0, 1);
  }
  SUBCASE("the caller's return address") {
    memory.set(5, 1);
  }
  SUBCASE("a saved register that was used") {
    memory.set(4, kStack + 88);
  }
  SUBCASE("a shorter copy") {
    memory.sample.bytes = memory.sample.bytes.first(40);
  }
  SUBCASE("another stack") {
    memory.sample.address += 8;
  }
  CHECK(found() == kNoStack);
}

TEST_CASE("a walk that missed bytes is made again") {
  Memory memory(4);
  memory.sample.registers.value = registers_at(kStack).value;
  StackView stack(memory.sample);
  FrameRegisters registers;
  registers.value = memory.sample.registers.value;
  CHECK(!stack.read(kStack + 32));
  WalkCache cache;
  cache.add(memory.sample, Depth::whole, registers, stack, {.stack = 7});
  CHECK(cache.find(memory.sample, Depth::whole) == nullptr);
}

}  // namespace sightline::symbolizer::testing
