/// Walks that need not be made again: a program calls from few places, and from each mostly with the same callers.
///
/// What a walk finds follows from the registers and the words of the stack that it has used, and from the mappings. So
/// a walk is remembered with exactly these (walk.h), and its result holds for each sample that has the same ones in the
/// same places, whatever else differs: arguments, local variables, loop counters. One cache for each state of an
/// address space. Walks that used more than there is room for, missed bytes, or went by more than simple rules are not
/// kept.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "symbolizer/stepper.h"
#include "symbolizer/symbolizer.h"
#include "symbolizer/walk.h"

namespace sightline::symbolizer {

class WalkCache {
 public:
  /// The result of a walk that would go as one did before, or nullptr.
  const Resolved* find(const StackSample& sample, Depth depth) const {
    const std::unique_ptr<Slot>& place = slots_[index(sample)];
    if (place == nullptr) return nullptr;
    const Slot& slot = *place;
    const auto& value = sample.registers.value;
    const Walk& walk = slot.walk;
    if (slot.result.stack == kNoStack || walk.pc != value[Registers::kPc] || walk.sp != value[Registers::kSp] ||
        walk.address != sample.address || slot.size > sample.bytes.size() || slot.depth != depth ||
        slot.leaf_is_after_call != sample.leaf_is_after_call)
      return nullptr;
    uint64_t difference = 0;
    for (std::size_t i = 0; i < walk.register_count; ++i)
      difference |= walk.registers[i].value ^ value[walk.registers[i].number];
    for (std::size_t i = 0; i < walk.read_count; ++i) {
      uint64_t word = 0;
      std::memcpy(&word, sample.bytes.data() + walk.reads[i].where, sizeof word);
      difference |= walk.reads[i].value ^ word;
    }
    return difference == 0 ? &slot.result : nullptr;
  }

  /// A walk of simple rules has come to `result`. What it followed from, if that is to be remembered, or nullptr.
  const Walk* add(const StackSample& sample, Depth depth, const FrameRegisters& registers, const StackView& stack,
                  const Resolved& result) {
    const auto reads = stack.reads();
    if (stack.missed_any() || stack.too_many_reads() || reads.size() > Walk::kMostReads) return nullptr;
    std::unique_ptr<Slot>& place = slots_[index(sample)];
    // Most of a slot is never written, and so takes no memory: std::make_unique would write it.
    if (place == nullptr) place.reset(new Slot);
    Slot& slot = *place;
    Walk& walk = slot.walk;
    slot.result = {};
    walk.register_count = 0;
    for (std::size_t i = 0; i < Registers::kCount; ++i) {
      if ((registers.used >> i & 1) == 0) continue;
      if (walk.register_count == Walk::kMostRegisters) return nullptr;
      walk.registers[walk.register_count++] = {sample.registers.value[i], static_cast<uint32_t>(i)};
    }
    slot.size = 0;
    walk.read_count = 0;
    for (const StackView::Read& read : reads) {
      walk.reads[walk.read_count++] = read;
      if (read.where + std::size_t{8} > slot.size) slot.size = read.where + std::size_t{8};
    }
    walk.pc = sample.registers.value[Registers::kPc];
    walk.sp = sample.registers.value[Registers::kSp];
    walk.address = sample.address;
    slot.depth = depth;
    slot.leaf_is_after_call = sample.leaf_is_after_call;
    slot.result = result;
    return slot.result.walk = &walk;
  }

 private:
  static constexpr std::size_t kSlots = 32;

  struct Slot {
    Walk walk;
    std::size_t size = 0;  ///< bytes of the sample up to the last that was read
    Resolved result;       ///< of kNoStack: the slot is empty
    Depth depth = Depth::whole;
    bool leaf_is_after_call = false;
  };
  static std::size_t index(const StackSample& sample) {
    uint64_t mixed =
        (sample.registers.value[Registers::kPc] ^ (sample.registers.value[Registers::kSp] << 20)) * 0x9e3779b97f4a7c15u;
    return mixed >> 59;
  }
  static_assert(kSlots == 32, "index() has five bits");

  std::array<std::unique_ptr<Slot>, kSlots> slots_;
};

}  // namespace sightline::symbolizer
