// Printers of names, paths, payload and lists of strings.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"

namespace sightline::decode {

// A path is printed whole, whatever -s says; the tracer keeps PATH_MAX of it.
void print_path(Context& c, uint64_t value) {
  const Piece piece = c.string(value);
  if (!piece.found || piece.fault()) return c.address(value);
  constexpr std::size_t kLongest = 4095;  // PATH_MAX without the NUL
  c.quoted(piece.bytes.first(std::min(piece.bytes.size(), kLongest)), piece.cut());
}

void print_text(Context& c, uint64_t value) {
  const Piece piece = c.string(value);
  if (!piece.found || piece.fault()) return c.address(value);
  const std::size_t shown = std::min<std::size_t>(piece.bytes.size(), c.style.string_limit);
  c.quoted(piece.bytes.first(shown), piece.cut() || shown < piece.bytes.size());
}

namespace {

/// How many bytes of payload the argument has: what the table's capture says, by return value or by an argument.
uint64_t payload_length(const Context& c) {
  using tracer::Fetch;
  for (const tracer::Capturing& what : c.syscall.captures) {
    if (what.arg != c.arg) continue;
    if (what.fetch == Fetch::data_ret || what.fetch == Fetch::bytes_ret)
      return c.succeeded() && c.call.ret > 0 ? static_cast<uint64_t>(c.call.ret) : 0;
    if (what.fetch == Fetch::data_arg || what.fetch == Fetch::bytes_arg)
      return what.len_arg < c.args.size() ? c.args[what.len_arg] : 0;
  }
  return 0;
}

bool written_by_call(const Context& c) {
  return std::ranges::any_of(c.syscall.captures, [&](const tracer::Capturing& what) {
    return what.arg == c.arg && what.phase == tracer::Phase::exit;
  });
}

template <auto print>
void print_payload(Context& c, uint64_t value) {
  if (value == 0 || (written_by_call(c) && !c.succeeded())) return c.address(value);
  const Piece piece = c.piece(value);
  if (!piece.found) {
    if (payload_length(c) != 0) return c.address(value);
    return c.text("\"\"");
  }
  if (piece.fault()) return c.address(value);
  print(c, piece);
}

}  // namespace

namespace {

void append_limited(Context& c, const Piece& piece) {
  c.limited_text(piece, piece.wanted != 0 ? piece.wanted : piece.bytes.size());
}

void append_limited_hex(Context& c, const Piece& piece) {
  const std::size_t shown = std::min<std::size_t>(piece.bytes.size(), c.style.string_limit);
  append_hex_string(c.out, piece.bytes.first(shown));
  if (piece.wanted > shown) c.out += "...";
}

}  // namespace

void print_buffer(Context& c, uint64_t value) {
  if (without_buffer(c)) {
    c.omitted = true;
    return;
  }
  constexpr uint64_t kLongestName = 64;  // of a host or a domain: __NEW_UTS_LEN
  const bool sets_name = c.syscall.arguments.size() == 2 && c.arg == 0;
  if (sets_name && static_cast<uint32_t>(c.args[1]) > kLongestName) return c.address(value);
  print_payload<append_limited>(c, value);
}

void print_hex_buffer(Context& c, uint64_t value) {
  print_payload<append_limited_hex>(c, value);
}

void print_link_target(Context& c, uint64_t value) {
  print_payload<append_limited>(c, value);
}

// A value's last NUL is left out. With a size of 0 getxattr and listxattr ask for the size: the buffer is an address
// then.
void print_xattr_value(Context& c, uint64_t value) {
  constexpr uint64_t kLongest = 65536;  // XATTR_SIZE_MAX
  const bool answer = written_by_call(c);
  const Piece piece = c.piece(value);
  if (answer && c.succeeded() && c.call.ret > 0 && !piece.found) return c.address(value);
  if (!answer && payload_length(c) > kLongest) return c.address(value);
  const bool whole = piece.found && piece.bytes.size() == piece.wanted && piece.bytes.size() <= c.style.string_limit;
  if (value != 0 && whole && !piece.fault() && !piece.bytes.empty() && piece.bytes.back() == std::byte{0})
    return c.quoted(piece.bytes.first(piece.bytes.size() - 1), false);
  print_buffer(c, value);
}

void print_xattr_list(Context& c, uint64_t value) {
  const unsigned size = c.arg + 1;
  if (size < c.args.size() && c.args[size] == 0) return c.address(value);
  print_buffer(c, value);
}

namespace {

struct Pointers {
  Fields fields;
  uint64_t count;
};

Pointers pointers_of(const Context& c, const Piece& piece) {
  Fields fields = c.fields(piece.bytes);
  const uint64_t words = piece.bytes.size() / c.pointer_size();
  Fields scan = fields;
  uint64_t count = 0;
  while (count < words && scan.pointer() != 0) ++count;
  return {fields, count};
}

void print_strings(Context& c, uint64_t value, const Piece& piece, uint64_t limit) {
  auto [fields, count] = pointers_of(c, piece);
  const bool ended = (count + 1) * c.pointer_size() <= piece.bytes.size();
  if (count == 0 && !ended) return c.address(value);
  c.out += '[';
  for (uint64_t i = 0; i < count; ++i) {
    if (i != 0) c.out += ", ";
    if (i >= limit) {
      c.out += "...";
      break;
    }
    print_text(c, fields.pointer());
  }
  if (!ended && count < limit) {
    c.out += ", ...";
    if (piece.fault()) {
      c.out += " /* ";
      c.address(value + count * c.pointer_size());
      c.out += " */";
    }
  }
  c.out += ']';
}

}  // namespace

void print_argv(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  if (!piece.found) return c.address(value);
  print_strings(c, value, piece, c.style.verbose ? UINT64_MAX : c.style.string_limit);
}

void print_envp(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  if (!piece.found) return c.address(value);
  if (c.style.verbose) return print_strings(c, value, piece, UINT64_MAX);
  if (piece.bytes.size() < c.pointer_size()) return c.address(value);
  auto [fields, count] = pointers_of(c, piece);
  c.address(value);
  c.out += " /* ";
  append_unsigned(c.out, count);
  c.out += count == 1 ? " var" : " vars";
  if ((count + 1) * c.pointer_size() > piece.bytes.size()) c.out += ", unterminated";
  c.out += " */";
}

}  // namespace sightline::decode
