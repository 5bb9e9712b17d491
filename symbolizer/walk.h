/// What a walk up a stack has followed from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "symbolizer/stepper.h"

namespace sightline::symbolizer {

/// The registers and the words of the stack that a walk has used, and that it used nothing else but the mappings: with
/// the same ones in the same places it comes to the same result, whatever else differs.
struct Walk {
  static constexpr std::size_t kMostRegisters = 4;
  static constexpr std::size_t kMostReads = StackView::kMostReads;
  struct Register {
    uint64_t value;
    uint32_t number;  ///< DWARF's
  };

  uint64_t pc = 0, sp = 0;
  uint64_t address = 0;  ///< of the sample's first byte; StackView::Read::where counts from there
  uint8_t register_count = 0;
  uint8_t read_count = 0;
  std::array<Register, kMostRegisters> registers;
  std::array<StackView::Read, kMostReads> reads;
};

}  // namespace sightline::symbolizer
