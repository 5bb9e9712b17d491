#include "symbolizer/unwind_rules.h"

#include <dwarf.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>
#include <span>

namespace sightline::symbolizer {
namespace {

// A crafted expression must not cost memory without bound; real ones have fewer than 20 operations.
constexpr std::size_t kMaxOps = 1024;

struct FrameDeleter {
  void operator()(Dwarf_Frame* frame) const { std::free(frame); }  // libdw.h: allocated with malloc for the caller
};

/// What CFI says of one register.
struct Column {
  enum class Kind : uint8_t { error, undefined, same, expression } kind = Kind::error;
  std::span<const Dwarf_Op> ops;
};

/// A callee-saved register that the rules do not mention is unchanged. libdw's defaults (0.188) know that of all but
/// rbx, in whose place they name rax, so rbx would come back as undefined from most functions.
bool is_callee_saved(int number) {
  return std::find(Rule::kCalleeSaved.begin(), Rule::kCalleeSaved.end(), number) != Rule::kCalleeSaved.end();
}

Column column_of(Dwarf_Frame* frame, int number, Dwarf_Op (&scratch)[3]) {
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_register(frame, number, scratch, &ops, &count) != 0 || count > kMaxOps) return {};
  if (count == 0) return {ops == nullptr || is_callee_saved(number) ? Column::Kind::same : Column::Kind::undefined, {}};
  return {Column::Kind::expression, {ops, count}};
}

std::optional<int64_t> register_offset(const Dwarf_Op& op, uint8_t& number) {
  if (op.atom == DW_OP_bregx && op.number < 16) {
    number = static_cast<uint8_t>(op.number);
    return static_cast<int64_t>(op.number2);
  }
  if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg15) {
    number = static_cast<uint8_t>(op.atom - DW_OP_breg0);
    return static_cast<int64_t>(op.number);
  }
  return std::nullopt;
}

bool fits(int64_t value) {
  return value >= INT32_MIN && value <= INT32_MAX;
}

/// CFA = register + k, or *(register + a) [+ b].
bool compile_cfa(std::span<const Dwarf_Op> ops, Rule& rule) {
  if (ops.empty() || ops.size() > 3) return false;
  const std::optional<int64_t> offset = register_offset(ops[0], rule.cfa_register);
  if (!offset || !fits(*offset)) return false;
  rule.cfa_offset = static_cast<int32_t>(*offset);
  if (ops.size() == 1) return true;
  if (ops[1].atom == DW_OP_plus_uconst && ops.size() == 2) {
    const int64_t sum = *offset + static_cast<int64_t>(ops[1].number & INT32_MAX);
    if (ops[1].number > INT32_MAX || !fits(sum)) return false;
    rule.cfa_offset = static_cast<int32_t>(sum);
    return true;
  }
  if (ops[1].atom != DW_OP_deref) return false;
  rule.cfa_dereference = true;
  if (ops.size() == 2) return true;
  if (ops[2].atom != DW_OP_plus_uconst || ops[2].number > INT32_MAX) return false;
  rule.cfa_offset2 = static_cast<int32_t>(ops[2].number);
  return true;
}

/// The slot of a register saved at CFA + 8n.
std::optional<int16_t> slot_of(std::span<const Dwarf_Op> ops) {
  if (ops.empty() || ops.size() > 2 || ops[0].atom != DW_OP_call_frame_cfa) return std::nullopt;
  int64_t offset = 0;
  if (ops.size() == 2) {
    if (ops[1].atom != DW_OP_plus_uconst) return std::nullopt;
    offset = static_cast<int64_t>(ops[1].number);  // libdw stores negative offsets in two's complement
  }
  if (offset % 8 != 0 || offset / 8 <= Rule::kSameValue || offset / 8 > INT16_MAX) return std::nullopt;
  return static_cast<int16_t>(offset / 8);
}

bool is_cfa_itself(std::span<const Dwarf_Op> ops) {
  return ops.size() == 2 && ops[0].atom == DW_OP_call_frame_cfa && ops[1].atom == DW_OP_stack_value;
}

/// Fills the fields of a simple rule; false if the row does not fit one.
bool compile_simple(Dwarf_Frame* frame, std::span<const Dwarf_Op> cfa, Rule& rule) {
  if (!compile_cfa(cfa, rule)) return false;
  Dwarf_Op scratch[3];
  const Column stack_pointer = column_of(frame, Registers::kSp, scratch);
  if (stack_pointer.kind == Column::Kind::error ||
      (stack_pointer.kind == Column::Kind::expression && !is_cfa_itself(stack_pointer.ops))) {
    return false;
  }
  for (std::size_t i = 0; i < Rule::kCalleeSaved.size(); ++i) {
    const Column column = column_of(frame, Rule::kCalleeSaved[i], scratch);
    if (column.kind == Column::Kind::same) continue;
    if (column.kind != Column::Kind::expression) return false;
    const std::optional<int16_t> slot = slot_of(column.ops);
    if (!slot) return false;
    rule.saved[i] = *slot;
  }
  const Column caller = column_of(frame, Registers::kPc, scratch);
  if (caller.kind != Column::Kind::expression) return false;
  if (caller.ops.size() == 1 && caller.ops[0].atom == DW_OP_regx && caller.ops[0].number < 16) {
    rule.return_register = static_cast<uint8_t>(caller.ops[0].number);
    return true;
  }
  const std::optional<int16_t> slot = slot_of(caller.ops);
  if (!slot) return false;
  rule.return_slot = *slot;
  return true;
}

bool compile_slow(Dwarf_Frame* frame, std::span<const Dwarf_Op> cfa, SlowRules& slow) {
  slow.cfa.assign(cfa.begin(), cfa.end());
  for (std::size_t i = 0; i < Registers::kCount; ++i) {
    Dwarf_Op scratch[3];
    const Column column = column_of(frame, static_cast<int>(i), scratch);
    switch (column.kind) {
      case Column::Kind::error:
        return false;
      case Column::Kind::undefined:
        slow.columns[i].kind = SlowRules::Kind::undefined;
        break;
      case Column::Kind::same:
        slow.columns[i].kind = SlowRules::Kind::same;
        break;
      case Column::Kind::expression:
        slow.columns[i].kind = SlowRules::Kind::expression;
        slow.columns[i].ops.assign(column.ops.begin(), column.ops.end());
        break;
    }
  }
  return true;
}

}  // namespace

Rule compile_rule(Dwarf_CFI* cfi, uint64_t address, SlowRulesStore& store) {
  Dwarf_Frame* raw = nullptr;
  if (!cfi || dwarf_cfi_addrframe(cfi, address, &raw) != 0) return {};
  const std::unique_ptr<Dwarf_Frame, FrameDeleter> frame(raw);

  Rule rule;
  if (dwarf_frame_info(raw, nullptr, nullptr, &rule.signal_frame) < 0) return {};

  Dwarf_Op scratch[3];
  if (column_of(raw, Registers::kPc, scratch).kind == Column::Kind::undefined) {
    rule.kind = Rule::Kind::end;
    return rule;
  }
  Dwarf_Op* cfa = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(raw, &cfa, &count) != 0 || count == 0 || count > kMaxOps) return {};

  Rule simple = rule;
  if (compile_simple(raw, {cfa, count}, simple)) {
    simple.kind = Rule::Kind::simple;
    return simple;
  }
  SlowRules slow;
  if (!compile_slow(raw, {cfa, count}, slow)) return {};
  rule.kind = Rule::Kind::slow;
  rule.slow = static_cast<uint32_t>(store.size());
  store.push_back(std::move(slow));
  return rule;
}

}  // namespace sightline::symbolizer
