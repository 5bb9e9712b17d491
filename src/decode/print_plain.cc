// Printers of plain values: numbers, addresses, descriptors, ids, and pointers to one number.
#include "src/decode/printers.h"
#include "src/decode/text.h"

namespace sightline::decode {

void print_decimal(Context& c, uint64_t value) {
  append_decimal(c.out, static_cast<int64_t>(value));
}

void print_unsigned(Context& c, uint64_t value) {
  append_unsigned(c.out, value);
}

// rseq's length stands in hex, as strace has it.
void print_uint(Context& c, uint64_t value) {
  if (c.arg > 0 && c.syscall.arguments[c.arg - 1].type == tracer::ArgType::rseq) return append_hex(c.out, value);
  append_unsigned(c.out, value);
}

void print_ulong(Context& c, uint64_t value) {
  const auto& arguments = c.syscall.arguments;
  if (c.arg >= 3 && arguments[2].type == tracer::ArgType::kcmp_type) return print_kcmp_index(c, value);
  append_unsigned(c.out, value);
}

// A file's new length has no sign.
void print_offset_value(Context& c, uint64_t value) {
  if (c.syscall.arguments.size() == 2) return append_unsigned(c.out, value);
  append_decimal(c.out, static_cast<int64_t>(value));
}

void print_hex(Context& c, uint64_t value) {
  append_hex(c.out, value);
}

void print_address(Context& c, uint64_t value) {
  c.address(value);
}

void print_mode(Context& c, uint64_t value) {
  append_mode(c.out, static_cast<uint16_t>(value));
}

// close_range's bounds need not be open: they are numbers.
void print_fd(Context& c, uint64_t value) {
  const auto& arguments = c.syscall.arguments;
  if (arguments.size() == 3 && arguments[2].type == tracer::ArgType::close_range_flags)
    return append_unsigned(c.out, static_cast<uint32_t>(value));
  c.fd(static_cast<int32_t>(value));
}

void print_dirfd(Context& c, uint64_t value) {
  const auto fd = static_cast<int32_t>(value);
  const auto& arguments = c.syscall.arguments;
  if (fd == -1 && c.arg == 3 && arguments[2].type == tracer::ArgType::fanotify_mask) return c.text("FAN_NOFD");
  c.dirfd(fd);
}

void print_id(Context& c, uint64_t value) {
  c.id(static_cast<uint32_t>(value));
}

void print_id16(Context& c, uint64_t value) {
  const auto id = static_cast<uint16_t>(value);
  c.id(id == UINT16_MAX ? UINT32_MAX : id);
}

void print_omitted(Context& c, uint64_t) {
  c.omitted = true;
}

void print_flags(Context& c, uint64_t value) {
  append_flags(c.out, value, *c.row->words);
}

void print_choice(Context& c, uint64_t value) {
  append_choice(c.out, static_cast<uint32_t>(value), *c.row->words);
}

// Offsets of 64 bits in two registers: the second half prints nothing, the first one the whole number. x86-64 has all
// of it in the first and ignores the second.
void print_offset_low(Context& c, uint64_t value) {
  if (!c.narrow()) return append_decimal(c.out, static_cast<int64_t>(value));
  const std::size_t low = c.arg;
  const auto is_high = [&](std::size_t index) {
    if (index >= c.syscall.arguments.size()) return false;
    const tracer::ArgType type = c.syscall.arguments[index].type;
    return type == tracer::ArgType::off_hi || type == tracer::ArgType::len_hi;
  };
  uint64_t high = 0;
  if (is_high(low + 1))
    high = c.args[low + 1];
  else if (low > 0 && is_high(low - 1))
    high = c.args[low - 1];
  append_decimal(c.out, static_cast<int64_t>(high << 32 | (value & 0xffffffff)));
}

namespace {

void append_int(Context& c, Fields& f) {
  append_decimal(c.out, f.s32());
}
void append_uint(Context& c, Fields& f) {
  append_unsigned(c.out, f.u32());
}
void append_u64(Context& c, Fields& f) {
  append_unsigned(c.out, f.u64());
}
void append_loff(Context& c, Fields& f) {
  append_decimal(c.out, f.s64());
}
void append_ulong_offset(Context& c, Fields& f) {
  append_unsigned(c.out, f.ulong());
}
void append_ulong(Context& c, Fields& f) {
  append_unsigned(c.out, f.ulong());
}
void append_pointer(Context& c, Fields& f) {
  c.address(f.pointer());
}
void append_id(Context& c, Fields& f) {
  c.id(f.u32());
}
void append_id16(Context& c, Fields& f) {
  const uint16_t id = f.u16();
  c.id(id == UINT16_MAX ? UINT32_MAX : id);
}
void append_fd(Context& c, Fields& f) {
  c.fd(f.s32());
}

template <auto append>
void append_bracketed(Context& c, Fields& f) {
  c.out += '[';
  append(c, f);
  c.out += ']';
}

// What may be one number or an array of them: as many as were captured.
template <auto append>
void print_numbers(Context& c, uint64_t value, std::size_t size) {
  const Piece piece = c.piece(value);
  if (!piece.found) return c.address(value);
  const uint64_t wanted = piece.wanted != 0 ? piece.wanted : piece.bytes.size();
  print_list<append>(c, value, piece, wanted / size, c.style.string_limit);
}

}  // namespace

void print_int_pointer(Context& c, uint64_t value) {
  print_numbers<append_int>(c, value, 4);
}
void print_uint_pointer(Context& c, uint64_t value) {
  print_numbers<append_uint>(c, value, 4);
}
void print_u64_pointer(Context& c, uint64_t value) {
  print_numbers<append_u64>(c, value, 8);
}
void print_size_pointer(Context& c, uint64_t value) {
  print_struct<append_bracketed<append_ulong>>(c, value);
}
void print_pointer_pointer(Context& c, uint64_t value) {
  print_struct<append_bracketed<append_pointer>>(c, value);
}
void print_id_pointer(Context& c, uint64_t value) {
  print_struct<append_bracketed<append_id>>(c, value);
}
void print_id16_pointer(Context& c, uint64_t value) {
  print_struct<append_bracketed<append_id16>>(c, value);
}

void print_address_list(Context& c, uint64_t value) {
  print_numbers<append_pointer>(c, value, c.pointer_size());
}

namespace {

// getgroups and setgroups: the count is the first argument, or for what getgroups found its return value.
template <auto append>
void print_group_list(Context& c, uint64_t value) {
  const bool found = c.succeeded() && c.syscall.name.starts_with("get");
  const int64_t count = found ? c.call.ret : c.int_arg(0);
  if (value == 0 || count < 0) return c.address(value);
  if (count == 0) return c.text("[]");
  if (c.int_arg(0) == 0 || (c.call.failed && c.syscall.name.starts_with("get"))) return c.address(value);
  print_list<append>(c, value, c.piece(value), static_cast<uint64_t>(count), c.style.string_limit);
}

// `[3]`, and with `moved` behind it `=> [13]` if the call moved the offset.
template <auto append>
void print_offset(Context& c, uint64_t value, bool moved) {
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const std::size_t mark = c.out.size();
  const auto print = [&](const Piece& piece) {
    Fields f = c.fields(piece.bytes);
    c.out += '[';
    append(c, f);
    c.out += ']';
    return f.ok();
  };
  if (!before.found || !print(before)) {
    c.out.resize(mark);
    return c.address(value);
  }
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (!moved || !c.succeeded() || c.call.ret == 0 || !after.found) return;
  const std::size_t half = c.out.size();
  c.out += " => ";
  if (!print(after)) c.out.resize(half);
}

bool tells_moved_offset(const Context& c) {
  return c.syscall.name == "sendfile64";
}

}  // namespace

void print_groups(Context& c, uint64_t value) {
  print_group_list<append_id>(c, value);
}
void print_groups16(Context& c, uint64_t value) {
  print_group_list<append_id16>(c, value);
}

void print_sendfile_offset(Context& c, uint64_t value) {
  print_offset<append_ulong_offset>(c, value, true);
}

// splice, tee and copy_file_range say where they began, sendfile64 where it ended, too, and _llseek's is a result.
void print_offset_pointer(Context& c, uint64_t value) {
  if (c.syscall.name == "_llseek") return print_struct<append_bracketed<append_loff>>(c, value);
  print_offset<append_loff>(c, value, tells_moved_offset(c));
}

bool late_offset_pointer(const Context& c) {
  return tells_moved_offset(c) || c.syscall.name == "_llseek";
}

void print_pair_of_fds(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  print_list<append_fd>(c, value, piece, 2, 2);
}

}  // namespace sightline::decode
