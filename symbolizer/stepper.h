/// One step outward: from a frame's registers and the copied stack bytes to its caller's registers.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>

#include "symbolizer/symbolizer.h"
#include "symbolizer/unwind_rules.h"

namespace sightline::symbolizer {

/// The copied stack bytes, and how far a walk has read into them.
class StackView {
 public:
  explicit StackView(const StackSample& sample)
      : bytes_(sample.bytes), address_(sample.address), read_to_(sample.address) {}

  /// A word of eight bytes that was read, by its offset into the bytes.
  struct Read {
    uint64_t value;
    uint32_t where;
  };
  static constexpr std::size_t kMostReads = 64;

  /// Reads `size` (1 to 8) bytes, zero-extended. nullopt: not among the copied bytes.
  std::optional<uint64_t> read(uint64_t address, std::size_t size = 8) {
    const std::optional<uint64_t> value = look(address, size);
    if (value && size == 8) [[likely]]
      used(address, *value);
    else if (value)
      too_many_reads_ = true;
    return value;
  }
  /// The same for what may never be used: if it is, used() says so.
  std::optional<uint64_t> look(uint64_t address, std::size_t size = 8) {
    const uint64_t offset = address - address_;  // wraps below address_ to something beyond the size
    if (offset > bytes_.size() || size > bytes_.size() - offset) {
      // "Behind the end" is where a longer copy would have helped; anything else is another stack, or garbage.
      if (address >= address_ && offset < kPlausibleStack) hit_end_ = true;
      missed_ = missed_any_ = true;
      return std::nullopt;
    }
    uint64_t value = 0;
    std::memcpy(&value, bytes_.data() + offset, size);
    if (address + size > read_to_) read_to_ = address + size;
    return value;
  }
  /// The walk follows from this word.
  void used(uint64_t address, uint64_t value) {
    const uint64_t offset = address - address_;
    if (read_count_ < kMostReads && offset <= UINT32_MAX) [[likely]]
      reads_[read_count_++] = {value, static_cast<uint32_t>(offset)};
    else
      too_many_reads_ = true;
  }

  bool hit_end() const { return hit_end_; }
  /// Whether anything was asked for in vain since the last forget_misses().
  bool missed() const { return missed_; }
  void forget_misses() { missed_ = false; }
  /// Whether `sp` points at or next to the copied bytes. If not, the frame lies on another stack (sigaltstack(2)).
  bool holds(uint64_t sp) const { return sp - address_ <= bytes_.size(); }
  uint64_t read_to() const { return read_to_; }

  /// What was used, unless that were too many, or pieces of other sizes.
  std::span<const Read> reads() const { return {reads_.data(), read_count_}; }
  bool too_many_reads() const { return too_many_reads_; }
  bool missed_any() const { return missed_any_; }

 private:
  static constexpr uint64_t kPlausibleStack = uint64_t{64} << 20;
  std::span<const std::byte> bytes_;
  uint64_t address_;
  uint64_t read_to_;
  bool hit_end_ = false;
  bool missed_ = false;
  bool missed_any_ = false;
  bool too_many_reads_ = false;
  std::size_t read_count_ = 0;
  std::array<Read, kMostReads> reads_;
};

/// Registers, of which some are not known: a callee is free to destroy what it need not save.
struct FrameRegisters {
  static constexpr uint32_t kAll = (1u << Registers::kCount) - 1;
  std::array<uint64_t, Registers::kCount> value{};
  uint32_t known = kAll;
  uint32_t initial = kAll;  ///< still hold what they held where the walk began
  uint32_t used = 0;        ///< held that when a simple rule used them
  uint32_t unused = 0;      ///< were restored from the stack, and no rule has used them since
  std::array<uint64_t, Registers::kCount> restored_from;  ///< … at these addresses

  bool knows(std::size_t number) const { return (known >> number) & 1; }
  void set(std::size_t number, uint64_t to) {
    value[number] = to;
    known |= 1u << number;
    initial &= ~(1u << number);
    unused &= ~(1u << number);
  }
  /// Functions keep more registers for their callers than the walk ever looks at. Most hold a loop's counter, or
  /// whatever, and a walk that followed from those would hardly be met again.
  void restore(std::size_t number, uint64_t to, uint64_t from) {
    set(number, to);
    unused |= 1u << number;
    restored_from[number] = from;
  }
  /// A simple rule needs this register: whether it is known.
  bool use(std::size_t number, StackView& stack) {
    used |= initial & (1u << number);
    if ((unused >> number & 1) != 0) {
      unused &= ~(1u << number);
      stack.used(restored_from[number], value[number]);
    }
    return knows(number);
  }
  uint64_t pc() const { return value[Registers::kPc]; }
  uint64_t sp() const { return value[Registers::kSp]; }
};

enum class Step : uint8_t {
  stepped,
  outermost,   ///< there is no caller
  unreadable,  ///< memory that is not among the copied bytes; StackView::hit_end tells whether more would help
  no_rule,     ///< the rule is Kind::none
  nonsense,    ///< a rule needs a register that is not known, or the stack would run backwards
};

/// Applies `rule` to `registers`. They are unchanged after Step::no_rule, and unspecified after any other failure.
Step step(const Rule& rule, const SlowRulesStore& slow, FrameRegisters& registers, StackView& stack);

}  // namespace sightline::symbolizer
