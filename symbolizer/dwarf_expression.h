/// The DWARF expressions (DWARF 5, section 2.5) that call frame information contains, evaluated over a frame's
/// registers and the copied stack bytes.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <optional>
#include <span>

#include "symbolizer/stepper.h"

namespace sightline::symbolizer {

enum class Evaluate : uint8_t {
  value,     ///< what is on top of the stack
  location,  ///< a register's rule: what lies at the resulting address, unless the ops name a register or a value
};

/// `cfa` is what DW_OP_call_frame_cfa yields. nullopt: an unknown register, unreadable memory, or a malformed
/// expression; the number of operations executed is bounded.
std::optional<uint64_t> evaluate(std::span<const Dwarf_Op> ops, const FrameRegisters& registers,
                                 std::optional<uint64_t> cfa, StackView& stack, Evaluate what);

}  // namespace sightline::symbolizer
