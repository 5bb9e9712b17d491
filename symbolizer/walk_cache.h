/// Walks that need not be made again: a program calls from few places, and from each mostly with the same callers.
///
/// What a walk finds follows from the registers and the words of the stack that it has used, and from the mappings. So
/// a walk is remembered with exactly these, and its result holds for each sample that has the same ones in the same
/// places, whatever else differs: arguments, local variables, loop counters. One cache for each state of an address
/// space. Walks that used more than there is room for, missed bytes, or went by more than simple rules are not kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "symbolizer/stepper.h"
#include "symbolizer/symbolizer.h"

namespace sightline::symbolizer {

class WalkCache {
 public:
  /// The result of a walk that would go as one did before, or nullptr.
  const Resolved* find(const StackSample& sample, Depth depth) const {
    if (slots_.empty()) return nullptr;
    const Slot& slot = slots_[index(sample)];
    const auto& value = sample.registers.value;
    if (slot.result.stack == kNoStack || slot.pc != value[Registers::kPc] || slot.sp != value[Registers::kSp] ||
        slot.address != sample.address || slot.size > sample.bytes.size() || slot.depth != depth ||
        slot.leaf_is_after_call != sample.leaf_is_after_call)
      return nullptr;
    uint64_t difference = 0;
    for (std::size_t i = 0; i < slot.register_count; ++i)
      difference |= slot.registers[i].value ^ value[slot.registers[i].where];
    for (std::size_t i = 0; i < slot.read_count; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, sample.bytes.data() + slot.reads[i].where, sizeof word);
      difference |= slot.reads[i].value ^ word;
    }
    return difference == 0 ? &slot.result : nullptr;
  }

  /// A walk of simple rules has come to `result`.
  void add(const StackSample& sample, Depth depth, const FrameRegisters& registers, const StackView& stack,
           const Resolved& result) {
    const auto reads = stack.reads();
    if (stack.missed_any() || stack.too_many_reads() || reads.size() > kMostReads) return;
    if (slots_.empty()) slots_.resize(kSlots);
    Slot& slot = slots_[index(sample)];
    slot.result = {};
    slot.register_count = 0;
    for (std::size_t i = 0; i < Registers::kCount; ++i) {
      if ((registers.used >> i & 1) == 0) continue;
      if (slot.register_count == kMostRegisters) return;
      slot.registers[slot.register_count++] = {sample.registers.value[i], static_cast<uint32_t>(i)};
    }
    slot.size = 0;
    slot.read_count = 0;
    for (const StackView::Read& read : reads) {
      slot.reads[slot.read_count++] = read;
      if (read.where + std::size_t{8} > slot.size) slot.size = read.where + std::size_t{8};
    }
    slot.pc = sample.registers.value[Registers::kPc];
    slot.sp = sample.registers.value[Registers::kSp];
    slot.address = sample.address;
    slot.depth = depth;
    slot.leaf_is_after_call = sample.leaf_is_after_call;
    slot.result = result;
  }

 private:
  static constexpr std::size_t kSlots = 32;
  static constexpr std::size_t kMostRegisters = 4;
  static constexpr std::size_t kMostReads = StackView::kMostReads;

  struct Slot {
    uint64_t pc = 0, sp = 0, address = 0;
    std::size_t size = 0;  ///< bytes of the sample up to the last that was read
    Resolved result;       ///< of kNoStack: the slot is empty
    Depth depth = Depth::whole;
    bool leaf_is_after_call = false;
    uint8_t register_count = 0;
    uint8_t read_count = 0;
    std::array<StackView::Read, kMostRegisters> registers;  ///< by number
    std::array<StackView::Read, kMostReads> reads;          ///< by offset into the sample
  };
  static std::size_t index(const StackSample& sample) {
    uint64_t mixed =
        (sample.registers.value[Registers::kPc] ^ (sample.registers.value[Registers::kSp] << 20)) * 0x9e3779b97f4a7c15u;
    return mixed >> 59;
  }
  static_assert(kSlots == 32, "index() has five bits");

  std::vector<Slot> slots_;
};

}  // namespace sightline::symbolizer
