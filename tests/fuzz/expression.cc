// DWARF expressions out of any operations, over any registers and stack bytes.
#include <array>
#include <cstring>
#include <vector>

#include "symbolizer/dwarf_expression.h"
#include "tests/fuzz/memory_file.h"

using namespace sightline::symbolizer;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  // Each operation takes 12 bytes, and its place follows from its number, as if each had three.
  std::vector<Dwarf_Op> ops;
  for (std::size_t at = 0; at + 12 <= size && ops.size() < 256; at += 12) {
    Dwarf_Op op{};
    op.atom = data[at];
    std::memcpy(&op.number, data + at + 1, 8);
    // Mostly small numbers.
    if (data[at + 9] < 128) op.number = static_cast<uint8_t>(op.number);
    op.number2 = data[at + 10];
    op.offset = data[at + 11] < 250 ? 3 * ops.size() : data[at + 11];
    ops.push_back(op);
  }
  std::array<uint64_t, 32> words{};
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = 0x1000 + 8 * i;
  StackSample sample;
  sample.address = 0x1000;
  sample.bytes = std::as_bytes(std::span(words));
  FrameRegisters registers;
  for (std::size_t i = 0; i < Registers::kCount; ++i) registers.value[i] = 0x1000 + 8 * i;
  if (size > 0) registers.known = FrameRegisters::kAll & ~uint32_t{data[0]};
  StackView stack(sample);
  (void)evaluate(ops, registers, 0x1040, stack, Evaluate::value);
  (void)evaluate(ops, registers, std::nullopt, stack, Evaluate::location);
  return 0;
}
