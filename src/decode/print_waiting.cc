// Printers of poll, select and epoll. What these calls found stands behind their result: `= 1 ([{fd=4,
// revents=POLLIN}])`, `= 2 (in [1 4], left {…})`, `= 0 (Timeout)`.
#include <algorithm>
#include <bit>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr std::size_t kPollBytes = 8;  // struct pollfd: int fd; short events, revents

void append_poll(Context& c, Fields& f) {
  const int32_t fd = f.s32();
  const uint16_t events = f.u16();
  f.u16();
  c.out += "{fd=";
  c.fd(fd);
  if (fd >= 0) {
    c.out += ", events=";
    append_flags(c.out, events, kPollEvents);
  }
  c.out += '}';
}

void note_revents(Context& c, const Piece& piece) {
  std::string& note = *c.result_note;
  Fields f = c.fields(piece.bytes);
  note += '[';
  uint64_t shown = 0;
  for (std::size_t i = 0; i < piece.bytes.size() / kPollBytes; ++i) {
    const int32_t fd = f.s32();
    f.u16();
    const uint16_t revents = f.u16();
    if (revents == 0) continue;
    if (shown != 0) note += ", ";
    if (!c.style.verbose && shown >= c.style.string_limit) {
      note += "...";
      break;
    }
    ++shown;
    note += "{fd=";
    c.out.swap(note);
    c.fd(fd);
    c.out.swap(note);
    note += ", revents=";
    append_flags(note, revents, kPollEvents);
    note += '}';
  }
  note += ']';
}

void note_timeout_if_none(Context& c) {
  if (c.succeeded() && c.call.ret == 0 && c.result_note != nullptr) *c.result_note = "Timeout";
}

}  // namespace

void print_poll(Context& c, uint64_t value) {
  const uint64_t count = c.uint_arg(c.arg + 1);
  print_list<append_poll>(c, value, c.piece_at(tracer::Phase::entry, value), count, c.style.string_limit);
  if (c.result_note == nullptr || !c.succeeded()) return;
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (c.call.ret > 0 && after.found) note_revents(c, after);
  note_timeout_if_none(c);
}

namespace {

/// The numbers of the bits that are set, `[1 4]`; with -y what these descriptors are open for.
void append_bits(Context& c, std::span<const std::byte> bytes, uint64_t bits, bool descriptors,
                 uint64_t most = UINT64_MAX) {
  c.out += '[';
  bool first = true;
  for (std::size_t i = 0; i < bytes.size() && i * 8 < bits; ++i) {
    auto byte = static_cast<uint8_t>(bytes[i]);
    while (byte != 0) {
      const auto bit = i * 8 + static_cast<std::size_t>(std::countr_zero(byte));
      byte = static_cast<uint8_t>(byte & (byte - 1));
      if (bit >= bits || most-- == 0) {
        c.out += ']';
        return;
      }
      if (!first) c.out += ' ';
      first = false;
      if (descriptors) {
        c.fd(static_cast<int32_t>(bit));
      } else {
        append_unsigned(c.out, bit);
      }
    }
  }
  c.out += ']';
}

uint64_t set_bits(const Context& c) {
  return static_cast<uint64_t>(std::max(c.int_arg(0), 0));
}

bool any_bit(std::span<const std::byte> bytes, uint64_t bits) {
  for (std::size_t i = 0; i < bytes.size() && i * 8 < bits; ++i) {
    const uint64_t left = bits - i * 8;
    const auto byte = static_cast<uint8_t>(bytes[i]);
    if ((left >= 8 ? byte : byte & ((1u << left) - 1)) != 0) return true;
  }
  return false;
}

void note(Context& c, std::string_view name) {
  if (!c.result_note->empty()) *c.result_note += ", ";
  *c.result_note += name;
  *c.result_note += ' ';
}

}  // namespace

void append_bit_numbers(Context& c, std::span<const std::byte> bytes) {
  append_bits(c, bytes, uint64_t{bytes.size()} * 8, false);
}

void print_fd_set(Context& c, uint64_t value) {
  const uint64_t bits = set_bits(c);
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const bool whole = before.found && before.bytes.size() * 8 >= bits;
  if (!whole || bits == 0) {
    c.address(value);
  } else {
    append_bits(c, before.bytes, bits, true);
  }
  note_timeout_if_none(c);
  if (c.result_note == nullptr || !c.succeeded() || c.call.ret <= 0) return;
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (!after.found || !any_bit(after.bytes, bits)) return;
  constexpr std::string_view kNames[] = {"", "in", "out", "except"};
  note(c, kNames[c.arg < 4 ? c.arg : 0]);
  c.out.swap(*c.result_note);
  append_bits(c, after.bytes, bits, false, static_cast<uint64_t>(c.call.ret));
  c.out.swap(*c.result_note);
}

// A timeout that the kernel counts down is copied before and after.
bool counts_down(const Context& c) {
  bool before = false, after = false;
  for (const tracer::Capturing& what : c.syscall.captures) {
    if (what.arg != c.arg) continue;
    before = before || what.phase == tracer::Phase::entry;
    after = after || what.phase == tracer::Phase::exit;
  }
  return before && after;
}

namespace {

bool print_time_from(Context& c, const Piece& piece, Append append) {
  if (!piece.found) return false;
  const std::size_t mark = c.out.size();
  Fields f = c.fields(piece.bytes);
  append(c, f);
  if (f.ok()) return true;
  c.out.resize(mark);
  return false;
}

}  // namespace

void print_time_down(Context& c, uint64_t value, Append append) {
  if (!print_time_from(c, c.piece_at(tracer::Phase::entry, value), append)) c.address(value);
  if (c.result_note == nullptr || !c.succeeded()) return;
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (c.call.ret <= 0 || !after.found) return note_timeout_if_none(c);
  note(c, "left");
  c.out.swap(*c.result_note);
  if (!print_time_from(c, after, append)) c.address(value);
  c.out.swap(*c.result_note);
}

namespace {

void append_epoll_event(Context& c, Fields& f) {
  f.pack();
  const uint32_t events = f.u32();
  const uint64_t data = f.u64();
  c.out += "{events=";
  append_flags(c.out, events, kEpollEvents);
  c.out += ", data={u32=";
  append_unsigned(c.out, static_cast<uint32_t>(data));
  c.out += ", u64=";
  append_unsigned(c.out, data);
  c.out += "}}";
}

}  // namespace

void print_epoll_event(Context& c, uint64_t value) {
  constexpr int32_t kDelete = 2;  // EPOLL_CTL_DEL ignores its event
  if (c.arg > 0 && c.int_arg(1) == kDelete) return c.address(value);
  print_struct<append_epoll_event>(c, value);
}

void print_epoll_events(Context& c, uint64_t value) {
  if (!c.succeeded()) return c.address(value);
  if (value != 0 && c.call.ret == 0) return c.text("[]");
  print_list<append_epoll_event>(c, value, c.piece(value), static_cast<uint64_t>(std::max<int64_t>(c.call.ret, 0)),
                                 c.style.string_limit);
}

// i386's select: five words in memory instead of five arguments.
void print_old_select(Context& c, uint64_t value) {
  const Piece piece = c.piece_at(tracer::Phase::entry, value);
  Fields f = c.fields(piece.bytes);
  const auto bits = static_cast<int32_t>(f.u32());
  const uint32_t sets[3] = {f.u32(), f.u32(), f.u32()};
  const uint32_t timeout = f.u32();
  if (!piece.found || !f.ok()) return c.address(value);
  append_decimal(c.out, bits);
  for (const uint32_t set : sets) {
    c.out += ", ";
    const Piece before = c.piece_at(tracer::Phase::entry, set);
    if (set == 0 || !before.found || bits < 0) {
      c.address(set);
    } else {
      append_bits(c, before.bytes, static_cast<uint64_t>(bits), true);
    }
  }
  c.out += ", ";
  if (!print_time_from(c, c.piece_at(tracer::Phase::entry, timeout), append_timeval)) c.address(timeout);
  note_timeout_if_none(c);
  if (c.result_note != nullptr && c.succeeded() && c.call.ret > 0) {
    constexpr std::string_view kNames[] = {"in", "out", "except"};
    for (std::size_t i = 0; i < 3; ++i) {
      const Piece after = c.piece_at(tracer::Phase::exit, sets[i]);
      if (!after.found || !any_bit(after.bytes, static_cast<uint64_t>(std::max(bits, 0)))) continue;
      note(c, kNames[i]);
      c.out.swap(*c.result_note);
      append_bits(c, after.bytes, static_cast<uint64_t>(bits), false, static_cast<uint64_t>(c.call.ret));
      c.out.swap(*c.result_note);
    }
  }
}

}  // namespace sightline::decode
