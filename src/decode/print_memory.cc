// Printers of memory calls: mapping, moving, residence, NUMA masks.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr unsigned kHugeShift = 26;  // MAP_HUGE_SHIFT, MFD_HUGE_SHIFT, SHM_HUGE_SHIFT
constexpr uint64_t kHugeMask = 0x3f;
constexpr uint64_t kMapTypeMask = 0xf;

/// The logarithm of a huge page's size that some flags carry in their upper bits.
void append_huge_size(std::string& out, uint64_t bits, std::string_view shift, bool joined) {
  if (bits == 0) return;
  if (joined) out += '|';
  append_unsigned(out, bits);
  out += "<<";
  out += shift;
}

}  // namespace

void print_map_flags(Context& c, uint64_t value) {
  const auto flags = static_cast<uint32_t>(value);
  append_choice(c.out, flags & kMapTypeMask, kMapType);
  bool joined = true;
  const uint64_t huge = flags >> kHugeShift & kHugeMask;
  const uint64_t rest =
      append_known_flags(c.out, flags & ~kMapTypeMask & ~(kHugeMask << kHugeShift), kMapFlags, joined);
  if (rest != 0) {
    c.out += '|';
    append_hex(c.out, rest);
  }
  append_huge_size(c.out, huge, "MAP_HUGE_SHIFT", true);
}

void append_flags_and_huge_size(std::string& out, uint64_t value, const Vocabulary& words, std::string_view shift) {
  const uint64_t huge = value >> kHugeShift & kHugeMask;
  const uint64_t flags = value & ~(kHugeMask << kHugeShift);
  if (flags != 0 || huge == 0) append_flags(out, flags, words);
  append_huge_size(out, huge, shift, flags != 0);
}

void print_memfd_flags(Context& c, uint64_t value) {
  append_flags_and_huge_size(c.out, static_cast<uint32_t>(value), kMemfd, "MFD_HUGE_SHIFT");
}

void print_page_offset(Context& c, uint64_t value) {
  constexpr uint64_t kUnit = 4096;
  append_hex(c.out, value * kUnit);
}

// The new address counts only where the caller fixes it.
void print_mremap_address(Context& c, uint64_t value) {
  constexpr uint64_t kMoveFixed = 3;  // MREMAP_MAYMOVE and MREMAP_FIXED
  if ((c.args[3] & kMoveFixed) != kMoveFixed) {
    c.omitted = true;
    return;
  }
  c.address(value);
}

namespace {

void append_old_mmap(Context& c, Fields& f) {
  const uint32_t address = f.u32(), length = f.u32(), protection = f.u32(), flags = f.u32();
  const int32_t fd = f.s32();
  const uint32_t offset = f.u32();
  c.address(address);
  c.out += ", ";
  append_unsigned(c.out, length);
  c.out += ", ";
  append_flags(c.out, protection, kProtection);
  c.out += ", ";
  print_map_flags(c, flags);
  c.out += ", ";
  c.fd(fd);
  c.out += ", ";
  append_hex(c.out, offset);
}

void append_page(Context& c, Fields& f) {
  append_unsigned(c.out, f.u8() & 1u);
}

}  // namespace

void print_old_mmap(Context& c, uint64_t value) {
  print_struct<append_old_mmap>(c, value);
}

void print_resident_pages(Context& c, uint64_t value) {
  if (value != 0 && c.args[1] == 0) return c.text("[]");
  if (!c.succeeded()) return c.address(value);
  const Piece piece = c.piece(value);
  if (!piece.found) return c.address(value);
  print_list<append_page>(c, value, piece, piece.wanted, c.style.string_limit);
}

// A mode and its flags share one word.
void print_mempolicy_mode(Context& c, uint64_t value) {
  constexpr uint64_t kFlags = 0xe000;
  const auto mode = static_cast<uint32_t>(value);
  bool joined = false;
  if (const std::string_view name = find_word(kMpolMode, mode & ~kFlags); !name.empty()) {
    c.out += name;
    joined = true;
  }
  uint64_t rest = append_known_flags(c.out, mode & kFlags, kMpolModeFlags, joined);
  if (find_word(kMpolMode, mode & ~kFlags).empty()) rest |= mode & ~kFlags;
  if (rest == 0) return;
  if (joined) c.out += '|';
  append_hex(c.out, rest);
  if (!joined) c.out += " /* MPOL_??? */";
}

namespace {

void append_mode_pointer(Context& c, Fields& f) {
  const uint32_t mode = f.u32();
  c.out += '[';
  print_mempolicy_mode(c, mode);
  c.out += ']';
}

void append_node_word(Context& c, Fields& f) {
  const uint64_t word = f.ulong();
  std::string digits;
  append_hex_always(digits, word);
  const std::string_view hex = std::string_view(digits).substr(2);
  const std::size_t width = 2 * std::size_t{f.long_size()};
  // As printf's %#0*lx writes it: the prefix counts as part of the width, and zero has none.
  if (word != 0) c.out += "0x";
  const std::size_t used = hex.size() + (word != 0 ? 2 : 0);
  c.out.append(used < width ? width - used : 0, '0');
  c.out += hex;
}

}  // namespace

void print_mempolicy_pointer(Context& c, uint64_t value) {
  print_struct<append_mode_pointer>(c, value);
}

// A mask of nodes in longs. The kernel looks at one bit less than the caller names.
void print_node_mask(Context& c, uint64_t value) {
  const bool answer = c.syscall.name == "get_mempolicy";
  uint64_t nodes = UINT64_MAX;
  for (std::size_t i = 0; i < c.syscall.arguments.size(); ++i)
    if (c.syscall.arguments[i].name == "maxnode") nodes = c.args[i];
  if (value != 0 && nodes == 0) return c.text("[]");
  const Piece piece = c.piece(value);
  if (!piece.found || (answer && !c.succeeded())) return c.address(value);
  const uint64_t bits_per_word = 8 * uint64_t{c.long_size()};
  const uint64_t counted = nodes - (answer ? 0 : 1);
  const uint64_t words = counted / bits_per_word + (counted % bits_per_word != 0 ? 1 : 0);
  const uint64_t count = std::min<uint64_t>(words, piece.bytes.size() / c.long_size());
  if (count == 0) return c.address(value);
  print_list<append_node_word>(c, value, piece, count, c.style.string_limit);
}

}  // namespace sightline::decode
