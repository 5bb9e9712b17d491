#include "symbolizer/dwarf_expression.h"

#include <dwarf.h>

#include <array>
#include <cstddef>

namespace sightline::symbolizer {
namespace {

// A backward branch can loop; real expressions execute fewer than 50 operations.
constexpr int kMaxExecuted = 2000;
constexpr std::size_t kMaxDepth = 64;

/// The evaluation stack. A pop from the empty stack or a push onto the full one spoils it for good.
class Operands {
 public:
  void push(uint64_t value) {
    if (size_ == kMaxDepth) {
      broken_ = true;
    } else {
      values_[size_++] = value;
    }
  }
  uint64_t pop() {
    if (size_ == 0) {
      broken_ = true;
      return 0;
    }
    return values_[--size_];
  }
  void pick(uint64_t depth) {
    if (depth < size_) {
      push(values_[size_ - 1 - static_cast<std::size_t>(depth)]);
    } else {
      broken_ = true;
    }
  }
  void fail() { broken_ = true; }
  bool broken() const { return broken_; }
  bool empty() const { return size_ == 0; }

 private:
  std::array<uint64_t, kMaxDepth> values_;
  std::size_t size_ = 0;
  bool broken_ = false;
};

uint64_t arithmetic(uint8_t atom, uint64_t left, uint64_t right, bool& known) {
  const auto sleft = static_cast<int64_t>(left);
  const auto sright = static_cast<int64_t>(right);
  known = true;
  switch (atom) {
    case DW_OP_and:
      return left & right;
    case DW_OP_or:
      return left | right;
    case DW_OP_xor:
      return left ^ right;
    case DW_OP_plus:
      return left + right;
    case DW_OP_minus:
      return left - right;
    case DW_OP_mul:
      return left * right;
    case DW_OP_shl:
      return right < 64 ? left << right : 0;
    case DW_OP_shr:
      return right < 64 ? left >> right : 0;
    case DW_OP_shra:
      return static_cast<uint64_t>(sleft >> (right < 63 ? right : 63));
    case DW_OP_le:
      return sleft <= sright;
    case DW_OP_ge:
      return sleft >= sright;
    case DW_OP_eq:
      return left == right;
    case DW_OP_lt:
      return sleft < sright;
    case DW_OP_gt:
      return sleft > sright;
    case DW_OP_ne:
      return left != right;
    case DW_OP_div:
      // INT64_MIN / -1 traps like a division by zero.
      known = right != 0 && !(sright == -1 && sleft == INT64_MIN);
      return known ? static_cast<uint64_t>(sleft / sright) : 0;
    case DW_OP_mod:
      known = right != 0;
      return known ? left % right : 0;
    default:
      known = false;
      return 0;
  }
}

/// The index of the operation that a DW_OP_skip or DW_OP_bra leads to; the end of the expression is a valid target.
std::optional<std::size_t> branch_target(std::span<const Dwarf_Op> ops, const Dwarf_Op& from) {
  constexpr uint64_t kBranchSize = 3;  // opcode and two bytes of distance
  const uint64_t offset = from.offset + kBranchSize + static_cast<uint64_t>(static_cast<int16_t>(from.number));
  for (std::size_t i = 0; i < ops.size(); ++i) {
    if (ops[i].offset == offset) return i;
  }
  if (offset > ops.back().offset) return ops.size();
  return std::nullopt;
}

class Evaluation {
 public:
  Evaluation(const FrameRegisters& registers, std::optional<uint64_t> cfa, StackView& stack)
      : registers_(registers), cfa_(cfa), stack_(stack) {}

  std::optional<uint64_t> run(std::span<const Dwarf_Op> ops, Evaluate what) {
    std::size_t at = 0;
    for (int executed = 0; at < ops.size(); ++executed) {
      if (executed == kMaxExecuted || operands_.broken()) return std::nullopt;
      const Dwarf_Op& op = ops[at];
      if (op.atom == DW_OP_skip || op.atom == DW_OP_bra) {
        ++at;
        if (op.atom == DW_OP_bra && operands_.pop() == 0) continue;
        const std::optional<std::size_t> target = branch_target(ops, op);
        if (!target) return std::nullopt;
        at = *target;
        continue;
      }
      execute(op);
      ++at;
    }
    if (operands_.broken()) return std::nullopt;
    const uint64_t top = operands_.pop();
    if (operands_.broken()) return std::nullopt;
    return what == Evaluate::value || is_value_ ? std::optional(top) : stack_.read(top);
  }

 private:
  void push_register(uint64_t number, uint64_t offset) {
    if (number < Registers::kCount && registers_.knows(static_cast<std::size_t>(number))) {
      operands_.push(registers_.value[static_cast<std::size_t>(number)] + offset);
    } else {
      operands_.fail();
    }
  }

  void load(std::size_t size) {
    const uint64_t address = operands_.pop();
    const std::optional<uint64_t> value =
        size >= 1 && size <= 8 && !operands_.broken() ? stack_.read(address, size) : std::nullopt;
    if (value) {
      operands_.push(*value);
    } else {
      operands_.fail();
    }
  }

  void execute(const Dwarf_Op& op) {
    if (op.atom >= DW_OP_lit0 && op.atom <= DW_OP_lit31) return operands_.push(op.atom - DW_OP_lit0);
    if (op.atom >= DW_OP_breg0 && op.atom <= DW_OP_breg31) return push_register(op.atom - DW_OP_breg0, op.number);
    if (op.atom >= DW_OP_reg0 && op.atom <= DW_OP_reg31) {
      is_value_ = true;
      return push_register(op.atom - DW_OP_reg0, 0);
    }
    switch (op.atom) {
      case DW_OP_nop:
        return;
      case DW_OP_regx:
        is_value_ = true;
        return push_register(op.number, 0);
      case DW_OP_bregx:
        return push_register(op.number, op.number2);
      case DW_OP_stack_value:
        is_value_ = true;
        return;
      case DW_OP_call_frame_cfa:
        return cfa_ ? operands_.push(*cfa_) : operands_.fail();
      case DW_OP_const1u:
      case DW_OP_const1s:
      case DW_OP_const2u:
      case DW_OP_const2s:
      case DW_OP_const4u:
      case DW_OP_const4s:
      case DW_OP_const8u:
      case DW_OP_const8s:
      case DW_OP_constu:
      case DW_OP_consts:
        return operands_.push(op.number);  // libdw has sign-extended the signed ones
      case DW_OP_deref:
        return load(8);
      case DW_OP_deref_size:
        return load(static_cast<std::size_t>(op.number));
      case DW_OP_dup:
        return operands_.pick(0);
      case DW_OP_over:
        return operands_.pick(1);
      case DW_OP_pick:
        return operands_.pick(op.number);
      case DW_OP_drop:
        operands_.pop();
        return;
      case DW_OP_swap:
        return rotate(2);
      case DW_OP_rot:
        return rotate(3);
      case DW_OP_plus_uconst:
        return operands_.push(operands_.pop() + op.number);
      case DW_OP_neg:
        return operands_.push(0 - operands_.pop());
      case DW_OP_not:
        return operands_.push(~operands_.pop());
      case DW_OP_abs: {
        const uint64_t value = operands_.pop();
        return operands_.push(static_cast<int64_t>(value) < 0 ? 0 - value : value);
      }
      default:
        break;
    }
    bool known = false;
    const uint64_t right = operands_.pop();
    const uint64_t result = arithmetic(op.atom, operands_.pop(), right, known);
    if (known) {
      operands_.push(result);
    } else {
      operands_.fail();
    }
  }

  /// The top of the stack moves down to the `count`th place.
  void rotate(std::size_t count) {
    std::array<uint64_t, 3> values{};
    for (std::size_t i = 0; i < count; ++i) values[i] = operands_.pop();
    operands_.push(values[0]);
    for (std::size_t i = count - 1; i > 0; --i) operands_.push(values[i]);
  }

  const FrameRegisters& registers_;
  std::optional<uint64_t> cfa_;
  StackView& stack_;
  Operands operands_;
  bool is_value_ = false;
};

}  // namespace

std::optional<uint64_t> evaluate(std::span<const Dwarf_Op> ops, const FrameRegisters& registers,
                                 std::optional<uint64_t> cfa, StackView& stack, Evaluate what) {
  if (ops.empty()) return std::nullopt;
  return Evaluation(registers, cfa, stack).run(ops, what);
}

}  // namespace sightline::symbolizer
