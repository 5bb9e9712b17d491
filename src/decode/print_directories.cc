// Printers of directory entries.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {

namespace {

constexpr Word kDirentTypeWords[] = {
    {0, "DT_UNKNOWN"}, {1, "DT_FIFO"}, {2, "DT_CHR"},   {4, "DT_DIR"},  {6, "DT_BLK"},
    {8, "DT_REG"},     {10, "DT_LNK"}, {12, "DT_SOCK"}, {14, "DT_WHT"},
};
constexpr Vocabulary kDirentType{kDirentTypeWords, "DT_???"};

/// One struct linux_dirent64, or linux_dirent with its type in the last byte.
struct Dirent {
  uint64_t inode = 0;
  int64_t offset = 0;
  uint16_t length = 0;
  uint8_t type = 0;
  std::span<const std::byte> name;
};

bool read_dirent(Context& c, std::span<const std::byte> bytes, bool wide, Dirent& into) {
  Fields f = c.fields(bytes);
  into.inode = wide ? f.u64() : f.ulong();
  into.offset = wide ? f.s64() : f.slong();
  into.length = f.u16();
  if (wide) into.type = f.u8();
  if (!f.ok() || into.length > bytes.size() || into.length <= f.at()) return false;
  into.name = bytes.subspan(f.at(), into.length - f.at());
  if (!wide) {
    into.type = static_cast<uint8_t>(into.name.back());
    into.name = into.name.first(into.name.size() - 1);
  }
  into.name = up_to_nul(into.name);
  return true;
}

void append_dirent(Context& c, const Dirent& entry, bool wide) {
  c.out += "{d_ino=";
  append_unsigned(c.out, entry.inode);
  c.out += ", d_off=";
  append_decimal(c.out, entry.offset);
  c.out += ", d_reclen=";
  append_unsigned(c.out, entry.length);
  const auto type = [&] {
    c.out += ", d_type=";
    append_choice(c.out, entry.type, kDirentType);
  };
  if (wide) type();
  c.out += ", d_name=";
  c.quoted(entry.name, false);
  if (!wide) type();
  c.out += '}';
}

void print_directory(Context& c, uint64_t value, bool wide) {
  if (!c.succeeded()) return c.address(value);
  const Piece piece = c.piece(value);
  if (!piece.found && c.call.ret != 0) return c.address(value);
  auto rest = piece.bytes;
  uint64_t count = 0;
  Dirent entry;
  if (c.style.verbose) c.out += '[';
  while (!rest.empty() && read_dirent(c, rest, wide, entry)) {
    if (c.style.verbose) {
      if (count != 0) c.out += ", ";
      append_dirent(c, entry, wide);
    }
    rest = rest.subspan(entry.length);
    ++count;
  }
  if (c.style.verbose) {
    if (!rest.empty()) c.out += count != 0 ? ", ..." : "...";
    c.out += ']';
    return;
  }
  c.address(value);
  c.out += " /* ";
  append_unsigned(c.out, count);
  c.out += " entries */";
}

}  // namespace

void print_dirents(Context& c, uint64_t value) {
  print_directory(c, value, false);
}
void print_dirents64(Context& c, uint64_t value) {
  print_directory(c, value, true);
}

namespace {

void append_old_dirent(Context& c, Fields& f) {
  c.out += "{d_ino=";
  append_unsigned(c.out, f.u32());
  c.out += ", d_off=";
  append_unsigned(c.out, f.u32());
  const uint16_t length = f.u16();
  c.out += ", d_reclen=";
  append_unsigned(c.out, length);
  c.out += ", d_name=";
  c.quoted(up_to_nul(f.raw(std::min<std::size_t>(length, f.left()))), false);
  c.out += '}';
}

}  // namespace

void print_old_dirent(Context& c, uint64_t value) {
  print_struct<append_old_dirent>(c, value);
}

}  // namespace sightline::decode
