/// How long an instruction is, and whether it means the same somewhere else.
///
/// Knows what compilers put near system calls: the one-byte opcodes, 0f, 0f 38, 0f 3a, and VEX. Whatever else there is,
/// and whatever can't be said for certain, is not known (Intel SDM, volume 2, appendix A: opcode maps; chapter 2.1:
/// instruction format).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace sightline::tracer::inprocess {

enum class Flow : uint8_t {
  on,       ///< the next instruction follows
  jump,     ///< to `target`
  jump_if,  ///< likewise, or the next one
  end,      ///< elsewhere: ret, an indirect jump, ud2, hlt
  call,     ///< and, usually, back behind it
  trap,     ///< into the kernel: syscall, int
};

struct Instruction {
  std::size_t length = 0;
  Flow flow = Flow::on;
  bool nothing = false;         ///< a nop, as assemblers fill up with
  int64_t target = 0;           ///< of jump, jump_if and call: counted from the instruction's end
  uint8_t condition = 0;        ///< of jump_if: the low four bits of its opcode
  std::size_t relative_at = 0;  ///< not 0: there lie 32 bits of an address counted from the instruction's end
};

/// The 64-bit instruction that `code` begins with; nullopt: not known, or not all of it is there.
std::optional<Instruction> decode(std::span<const std::byte> code);

}  // namespace sightline::tracer::inprocess
