#include "tracer/inprocess/instructions.h"

#include <cstring>

namespace sightline::tracer::inprocess {
namespace {

/// What follows an opcode.
enum class Rest : uint8_t {
  unknown,
  none,
  byte,        // 8 bits
  word,        // 16 or 32 bits
  modrm,       // registers or memory
  modrm_byte,  // … and 8 bits
  modrm_word,  // … and 16 or 32 bits
};

/// A set of bytes.
constexpr bool within(uint8_t opcode, uint8_t from, uint8_t to) {
  return opcode >= from && opcode <= to;
}

Rest rest_of_one_byte(uint8_t op) {
  if (op < 0x40) {
    constexpr Rest kArithmetic[8] = {Rest::modrm, Rest::modrm, Rest::modrm,   Rest::modrm,
                                     Rest::byte,  Rest::word,  Rest::unknown, Rest::unknown};
    return kArithmetic[op & 7];
  }
  if (within(op, 0x50, 0x5f) || within(op, 0x90, 0x99) || within(op, 0x9c, 0x9f) || within(op, 0xa4, 0xa7) ||
      within(op, 0xaa, 0xaf) || within(op, 0xf8, 0xfd) || op == 0xc3 || op == 0xc9 || op == 0xcc || op == 0xf4 ||
      op == 0xf5)
    return Rest::none;
  if (within(op, 0x70, 0x7f) || within(op, 0xb0, 0xb7) || op == 0x6a || op == 0xa8 || op == 0xcd || op == 0xeb)
    return Rest::byte;
  if (op == 0x68 || op == 0xa9 || op == 0xe8 || op == 0xe9) return Rest::word;
  if (op == 0x63 || within(op, 0x84, 0x8b) || op == 0x8d || op == 0x8f || within(op, 0xd0, 0xd3) ||
      within(op, 0xd8, 0xdf) || op == 0xfe || op == 0xff)
    return Rest::modrm;
  if (op == 0x6b || op == 0x80 || op == 0x83 || op == 0xc0 || op == 0xc1 || op == 0xc6) return Rest::modrm_byte;
  if (op == 0x69 || op == 0x81 || op == 0xc7) return Rest::modrm_word;
  return Rest::unknown;
}

Rest rest_of_0f(uint8_t op) {
  if (op == 0x05 || op == 0x0b || op == 0x31 || op == 0x77 || op == 0xa2 || within(op, 0xc8, 0xcf)) return Rest::none;
  if (within(op, 0x80, 0x8f)) return Rest::word;
  if (within(op, 0x70, 0x73) || op == 0xa4 || op == 0xac || op == 0xba || op == 0xc2 || within(op, 0xc4, 0xc6))
    return Rest::modrm_byte;
  if (within(op, 0x10, 0x1f) || within(op, 0x28, 0x2f) || within(op, 0x40, 0x6f) || within(op, 0x74, 0x76) ||
      within(op, 0x7c, 0x7f) || within(op, 0x90, 0x9f) || op == 0xa3 || op == 0xa5 || op == 0xab ||
      within(op, 0xad, 0xb1) || op == 0xb3 || within(op, 0xb6, 0xb8) || within(op, 0xbb, 0xc1) || op == 0xc3 ||
      op == 0xc7 || within(op, 0xd0, 0xfe))
    return Rest::modrm;
  return Rest::unknown;
}

class Decoder {
 public:
  explicit Decoder(std::span<const std::byte> code)
      : code_(code.first(code.size() < kLongest ? code.size() : kLongest)) {}

  std::optional<Instruction> run() {
    uint8_t op = next();
    for (; is_prefix(op); op = next()) wide_prefix_ = wide_prefix_ || op == 0x66;
    if ((op & 0xf0) == 0x40) {
      rex_ = op;
      op = next();
    }
    if (op == 0xc5 || op == 0xc4)
      vex(op);
    else if (op == 0x0f)
      two_bytes();
    else
      one_byte(op);
    if (!good_) return std::nullopt;
    out_.length = at_;
    return out_;
  }

 private:
  static constexpr std::size_t kLongest = 15;

  // Not 67, which changes what an address is.
  static bool is_prefix(uint8_t op) {
    return op == 0x66 || op == 0xf0 || op == 0xf2 || op == 0xf3 || op == 0x2e || op == 0x36 || op == 0x3e ||
           op == 0x26 || op == 0x64 || op == 0x65;
  }

  uint8_t next() {
    if (at_ == code_.size()) {
      good_ = false;
      return 0;
    }
    return std::to_integer<uint8_t>(code_[at_++]);
  }

  void skip(std::size_t n) {
    if (code_.size() - at_ < n)
      good_ = false;
    else
      at_ += n;
  }

  void target(std::size_t bytes) {
    const std::size_t from = at_;
    skip(bytes);
    if (!good_ || wide_prefix_) {  // what 66 does to a jump depends on the processor's maker
      good_ = false;
      return;
    }
    if (bytes == 1) {
      const auto value = std::to_integer<uint8_t>(code_[from]);
      out_.target = value < 0x80 ? value : int64_t{value} - 0x100;
    } else {
      int32_t value = 0;
      std::memcpy(&value, code_.data() + from, sizeof value);
      out_.target = value;
    }
  }

  /// The operand of registers or memory; its first byte.
  uint8_t modrm() {
    const uint8_t byte = next();
    const int mode = byte >> 6;
    if (mode == 3) return byte;
    uint8_t base = byte & 7;
    if (base == 4) {
      base = next() & 7;
      if (mode == 0 && base == 5) skip(4);
    } else if (mode == 0 && base == 5) {
      out_.relative_at = at_;
      skip(4);
    }
    if (mode != 0) skip(mode == 1 ? 1 : 4);
    return byte;
  }

  std::size_t word_size() const { return wide_prefix_ && (rex_ & 8) == 0 ? 2 : 4; }

  uint8_t operands(Rest rest) {
    uint8_t byte = 0;
    if (rest == Rest::unknown) good_ = false;
    if (rest == Rest::modrm || rest == Rest::modrm_byte || rest == Rest::modrm_word) byte = modrm();
    if (rest == Rest::byte || rest == Rest::modrm_byte) skip(1);
    if (rest == Rest::word || rest == Rest::modrm_word) skip(word_size());
    return byte;
  }

  void one_byte(uint8_t op) {
    if (op == 0xeb || within(op, 0x70, 0x7f)) {
      out_.flow = op == 0xeb ? Flow::jump : Flow::jump_if;
      out_.condition = op & 15;
      target(1);
    } else if (op == 0xe8 || op == 0xe9) {
      out_.flow = op == 0xe8 ? Flow::call : Flow::jump;
      target(4);
    } else if (within(op, 0xb8, 0xbf)) {
      skip((rex_ & 8) != 0 ? 8 : word_size());
    } else if (op == 0xf6 || op == 0xf7) {
      const int which = modrm() >> 3 & 7;
      if (which < 2) skip(op == 0xf6 ? 1 : word_size());
    } else if (op == 0xff) {
      const int which = modrm() >> 3 & 7;
      if (which == 2) out_.flow = Flow::call;
      if (which == 4) out_.flow = Flow::end;
      good_ = good_ && which != 3 && which != 5 && which != 7;
    } else {
      operands(rest_of_one_byte(op));
      if (op == 0xc3 || op == 0xf4) out_.flow = Flow::end;
      if (op == 0xcc || op == 0xcd) out_.flow = Flow::trap;
      out_.nothing = op == 0x90 && (rex_ & 1) == 0;
    }
  }

  void two_bytes() {
    const uint8_t op = next();
    if (op == 0x38 || op == 0x3a) {
      next();
      operands(op == 0x38 ? Rest::modrm : Rest::modrm_byte);
      return;
    }
    if (within(op, 0x80, 0x8f)) {
      out_.flow = Flow::jump_if;
      out_.condition = op & 15;
      target(4);
      return;
    }
    operands(rest_of_0f(op));
    if (op == 0x0b) out_.flow = Flow::end;
    if (op == 0x05) out_.flow = Flow::trap;
    out_.nothing = op == 0x1f;
  }

  void vex(uint8_t op) {
    unsigned map = 1;
    if (op == 0xc4) map = next() & 31;
    next();
    const uint8_t opcode = next();
    if (map == 1)
      operands(rest_of_0f(opcode));
    else if (map == 2 || map == 3)
      operands(map == 2 ? Rest::modrm : Rest::modrm_byte);
    else
      good_ = false;
  }

  std::span<const std::byte> code_;
  std::size_t at_ = 0;
  bool good_ = true;
  bool wide_prefix_ = false;
  uint8_t rex_ = 0;
  Instruction out_;
};

}  // namespace

std::optional<Instruction> decode(std::span<const std::byte> code) {
  return Decoder(code).run();
}

}  // namespace sightline::tracer::inprocess
