/// What the printers of arguments work with.
///
/// A printer is a function that appends one argument's text to `out`. It finds the argument's value in its parameter,
/// the other arguments in `args`, the traced program's memory in piece() and string(). What it cannot print, because
/// memory was unreadable or the call failed before it was written, it prints as an address.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "src/decode/captures.h"
#include "src/decode/decode.h"
#include "src/decode/fields.h"
#include "src/decode/words.h"
#include "src/model.h"
#include "tracer/syscall_table.h"

namespace sightline::decode {

struct Context;

/// Appends the text of an argument with value `value`, already as wide as its type.
using Printer = void (*)(Context& context, uint64_t value);

/// Appends a struct, read field by field.
using Append = void (*)(Context& context, Fields& fields);

/// Whether the argument's text depends on how the call ends. Called with what is known at entry only.
using Late = bool (*)(const Context& context);

/// How arguments of one type are printed.
struct TypeRow {
  Printer print = nullptr;
  const Vocabulary* words = nullptr;  ///< of printers that serve many types
  uint8_t long_size = 0;              ///< of types whose layout is that of one ABI: 4 or 8; 0: as the call's
  Late late = nullptr;                ///< nullptr: late if the table captures the argument at exit
  bool begins = false;                ///< a late argument's text at entry is how its text at exit begins
};

struct Context {
  const Call& call;
  const Style& style;
  const tracer::Syscall& syscall;  ///< of the call itself, or of the one a multiplexer stands for
  std::array<uint64_t, 6> args;    ///< 32 bits wide in i386 calls
  std::string& out;
  Captures entry;
  Captures exit;
  unsigned arg = 0;  ///< index of the argument being printed
  const TypeRow* row = nullptr;
  bool omitted = false;                ///< set by a printer whose argument is not to appear at all
  std::string* result_note = nullptr;  ///< where printers leave what belongs behind the result, e.g. `left {…}`

  bool narrow() const { return call.abi == tracer::Abi::i386; }
  unsigned pointer_size() const { return call.abi == tracer::Abi::x86_64 ? 8 : 4; }
  unsigned long_size() const { return narrow() ? 4 : 8; }
  uint64_t address_of(uint64_t value) const { return pointer_size() == 4 ? value & 0xffffffff : value; }

  bool finished() const { return call.finished; }
  bool succeeded() const { return call.finished && call.end_kind == tracer::CallEnd::returned && !call.failed; }

  int32_t int_arg(unsigned index) const { return static_cast<int32_t>(args[index]); }
  uint32_t uint_arg(unsigned index) const { return static_cast<uint32_t>(args[index]); }

  /// The argument's memory at `address`: as the call left it, or as it was at entry if it was not copied again.
  Piece piece(uint64_t address) const;
  Piece piece_at(tracer::Phase phase, uint64_t address) const;
  Piece string(uint64_t address) const;

  /// A reader of `bytes` with the row's layout.
  Fields fields(std::span<const std::byte> bytes) const {
    const unsigned longs = row != nullptr && row->long_size != 0 ? row->long_size : long_size();
    return Fields(bytes, pointer_size(), longs);
  }

  // What nearly every printer needs.
  void text(std::string_view words) { out += words; }
  void address(uint64_t value);  ///< `NULL`, `0x7f…`
  void quoted(std::span<const std::byte> bytes, bool truncated);
  void fd(int32_t number);                                 ///< `3`, with -y `3</etc/passwd>`
  void dirfd(int32_t number);                              ///< the same or `AT_FDCWD`
  void returned_fd(int32_t number);                        ///< fd(), of the call's result
  void path_of(const Captures& captures, int32_t fd);      ///< with -y: `<path>` if it was captured
  void id(uint32_t number);                                ///< a uid or gid: `-1` for the one nobody has
  void limited_text(const Piece& piece, uint64_t length);  ///< payload of `length` bytes, cut at -s
};

/// Prints what lies at `value` with `append(Context&, Fields&)`, or the address if it was not copied whole.
template <auto append>
void print_struct(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  const std::size_t mark = c.out.size();
  if (piece.found) {
    Fields fields = c.fields(piece.bytes);
    append(c, fields);
    if (fields.ok()) return;
    c.out.resize(mark);
  }
  c.address(value);
}

/// Prints elements `[a, b, …]` with `append(Context&, Fields&)` as long as there are bytes, at most `count`.
/// Without -v the list ends after `limit` elements. The address stands for a list of which nothing could be read.
template <auto append>
void print_list(Context& c, uint64_t value, const Piece& piece, uint64_t count, uint64_t limit) {
  if (value == 0 || (!piece.found && count != 0)) return c.address(value);
  const std::size_t start = c.out.size();
  Fields fields = c.fields(piece.bytes);
  c.out += '[';
  uint64_t done = 0;
  for (; done < count; ++done) {
    const std::size_t mark = c.out.size();
    if (done != 0) c.out += ", ";
    if (!c.style.verbose && done >= limit) {
      c.out += "...";
      break;
    }
    const std::size_t element = fields.at();
    append(c, fields);
    if (fields.ok()) continue;
    c.out.resize(mark);
    if (done == 0) {
      c.out.resize(start);
      return c.address(value);
    }
    c.out += ", ...";
    if (piece.fault()) {
      c.out += " /* ";
      c.address(value + element);
      c.out += " */";
    }
    break;
  }
  c.out += ']';
}

}  // namespace sightline::decode
