// Printers of scattered data and messages: iovecs, msghdr, control messages.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

/// The data of one iovec: at most `left` bytes of it count, the rest was not written.
void append_data(Context& c, uint64_t base, uint64_t length, uint64_t& left) {
  const uint64_t shown = std::min(length, left);
  if (left != UINT64_MAX) left -= shown;
  if (base == 0) return c.address(base);
  if (shown == 0) return c.text("\"\"");
  const Piece piece = c.piece(base);
  if (!piece.found || piece.fault()) return c.address(base);
  c.limited_text(piece, std::min<uint64_t>(shown, piece.wanted != 0 ? piece.wanted : shown));
}

void append_iovec(Context& c, Fields& f, bool with_data, uint64_t& left) {
  const uint64_t base = f.pointer(), length = f.size();
  if (!f.ok()) return;
  c.out += "{iov_base=";
  if (with_data) {
    append_data(c, base, length, left);
  } else {
    c.address(base);
  }
  c.out += ", iov_len=";
  append_unsigned(c.out, length);
  c.out += '}';
}

void append_iovecs(Context& c, uint64_t address, const Piece& piece, uint64_t count, bool with_data, uint64_t left) {
  if (count == 0 && address != 0) return c.text("[]");
  if (address == 0 || !piece.found) return c.address(address);
  const std::size_t start = c.out.size();
  Fields f = c.fields(piece.bytes);
  c.out += '[';
  for (uint64_t i = 0; i < count; ++i) {
    const std::size_t mark = c.out.size();
    const std::size_t element = f.at();
    if (i != 0) c.out += ", ";
    if (!c.style.verbose && i >= c.style.string_limit) {
      c.out += "...";
      break;
    }
    append_iovec(c, f, with_data, left);
    if (f.ok()) continue;
    c.out.resize(mark);
    if (i == 0) {
      c.out.resize(start);
      return c.address(address);
    }
    c.out += ", ...";
    if (piece.fault()) {
      c.out += " /* ";
      c.address(address + element);
      c.out += " */";
    }
    break;
  }
  c.out += ']';
}

bool has_fetch(const Context& c, tracer::Fetch fetch) {
  return std::ranges::any_of(c.syscall.captures,
                             [&](const tracer::Capturing& what) { return what.arg == c.arg && what.fetch == fetch; });
}

uint64_t count_behind(const Context& c) {
  return c.arg + 1u < c.args.size() ? c.args[c.arg + 1] : 0;
}

}  // namespace

void print_iovec(Context& c, uint64_t value) {
  const bool received = has_fetch(c, tracer::Fetch::iovec_ret);
  const bool with_data = !received || c.succeeded();
  const uint64_t left =
      received ? (c.succeeded() && c.call.ret > 0 ? static_cast<uint64_t>(c.call.ret) : 0) : UINT64_MAX;
  append_iovecs(c, value, c.piece(value), count_behind(c), with_data, left);
}

void print_iovec_only(Context& c, uint64_t value) {
  append_iovecs(c, value, c.piece(value), count_behind(c), false, 0);
}

namespace {

void append_control_data(Context& c, uint32_t level, uint32_t type, std::span<const std::byte> data) {
  constexpr uint32_t kSocket = 1, kIp = 0, kRights = 1, kCredentials = 2;
  Fields f = c.fields(data);
  if (level == kSocket && type == kRights) {
    c.out += '[';
    for (std::size_t i = 0; i + 4 <= data.size(); i += 4) {
      if (i != 0) c.out += ", ";
      c.fd(f.s32());
    }
    c.out += ']';
    return;
  }
  if (level == kSocket && type == kCredentials && data.size() >= 12) return append_credentials(c, f);
  constexpr uint32_t kTos = 1, kTtl = 2;
  if (level == kIp && type == kTtl && data.size() >= 4) {
    c.out += '[';
    append_decimal(c.out, f.s32());
    c.out += ']';
    return;
  }
  if (level == kIp && type == kTos && !data.empty()) {
    c.out += '[';
    append_hex(c.out, f.u8());
    c.out += ']';
    return;
  }
  append_hex_string(c.out, data);
}

// struct cmsghdr: size_t len, int level, int type, then data; the next one begins at the next multiple of a size_t.
void append_control(Context& c, uint64_t address, uint64_t length) {
  const Piece piece = c.piece(address);
  const std::size_t word = c.pointer_size();
  const std::size_t header = word + 8;
  if (address == 0 || !piece.found || piece.bytes.size() < header) return c.address(address);
  auto rest = piece.bytes.first(
      std::min<std::size_t>(piece.bytes.size(), static_cast<std::size_t>(std::min<uint64_t>(length, SIZE_MAX))));
  c.out += '[';
  bool first = true;
  while (rest.size() >= header) {
    Fields f = c.fields(rest);
    const uint64_t size = f.size();
    const uint32_t level = f.u32(), type = f.u32();
    if (!first) c.out += ", ";
    first = false;
    c.out += "{cmsg_len=";
    append_unsigned(c.out, size);
    c.out += ", cmsg_level=";
    append_choice(c.out, level, kSocketLevel);
    c.out += ", cmsg_type=";
    if (level == 1) {
      append_choice(c.out, type, kScm);
    } else if (level == 0) {
      append_choice(c.out, type, kIpControl);
    } else {
      append_hex(c.out, type);
    }
    const std::size_t used = static_cast<std::size_t>(std::min<uint64_t>(size, rest.size()));
    if (used > header) {
      c.out += ", cmsg_data=";
      append_control_data(c, level, type, rest.subspan(header, used - header));
    }
    c.out += '}';
    const uint64_t step = size < header ? 0 : (size + word - 1) / word * word;
    if (step == 0 || step >= rest.size()) break;
    rest = rest.subspan(static_cast<std::size_t>(step));
  }
  c.out += ']';
}

/// `room`: what msg_namelen was before the call; -1 if that is what is being printed.
void append_message(Context& c, Fields& f, int64_t room, uint64_t data_limit) {
  const uint64_t name = f.pointer();
  const int32_t name_length = f.s32();
  const uint64_t iov = f.pointer(), iov_count = f.size(), control = f.pointer(), control_length = f.size();
  const uint32_t flags = f.u32();
  f.align(c.pointer_size());
  if (!f.ok()) return;
  const int64_t shown = room < 0 ? name_length : std::min<int64_t>(room, name_length);
  const Piece address = c.piece(name);
  c.out += "{msg_name=";
  if (name != 0 && address.found && !address.fault() && shown >= 2) {
    append_socket_address(
        c, address.bytes.first(std::min<std::size_t>(address.bytes.size(), static_cast<std::size_t>(shown))));
  } else {
    c.address(name);
  }
  c.out += ", msg_namelen=";
  if (room >= 0 && room != name_length) {
    append_decimal(c.out, room);
    c.out += " => ";
  }
  append_decimal(c.out, name_length);
  c.out += ", msg_iov=";
  append_iovecs(c, iov, c.piece(iov), iov_count, true, data_limit);
  c.out += ", msg_iovlen=";
  append_unsigned(c.out, iov_count);
  if (control_length != 0) {
    c.out += ", msg_control=";
    append_control(c, control, control_length);
  }
  c.out += ", msg_controllen=";
  append_unsigned(c.out, control_length);
  c.out += ", msg_flags=";
  append_flags(c.out, flags, kMessageFlags);
  c.out += '}';
}

int64_t name_room(const Context& c, std::span<const std::byte> message) {
  Fields f = c.fields(message);
  f.pointer();
  const int32_t room = f.s32();
  return f.ok() && room >= 0 ? room : -1;
}

}  // namespace

void print_message(Context& c, uint64_t value) {
  const bool received = has_fetch(c, tracer::Fetch::msghdr_ret);
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  if (received && !c.succeeded()) {
    const int64_t room = before.found ? name_room(c, before.bytes) : -1;
    if (room < 0) return c.address(value);
    c.out += "{msg_namelen=";
    append_decimal(c.out, room);
    c.out += '}';
    return;
  }
  const Piece piece = c.piece(value);
  if (!piece.found) return c.address(value);
  const std::size_t mark = c.out.size();
  Fields f = c.fields(piece.bytes);
  append_message(c, f, received && before.found ? name_room(c, before.bytes) : -1,
                 received ? static_cast<uint64_t>(std::max<int64_t>(c.call.ret, 0)) : UINT64_MAX);
  if (f.ok()) return;
  c.out.resize(mark);
  c.address(value);
}

// sendmmsg and recvmmsg: as many messages as the call took or brought, each with the bytes it had.
void print_messages(Context& c, uint64_t value) {
  const bool received = has_fetch(c, tracer::Fetch::mmsghdr_ret);
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (value == 0 || (received && !c.succeeded()) || (!before.found && !after.found)) return c.address(value);
  const Piece& array = after.found ? after : before;
  const uint64_t count = c.succeeded() ? static_cast<uint64_t>(std::max<int64_t>(c.call.ret, 0)) : count_behind(c);
  const std::size_t element = c.pointer_size() == 8 ? 64 : 32;
  const std::size_t length_at = 7 * std::size_t{c.pointer_size()};
  const std::size_t start = c.out.size();
  c.out += '[';
  for (uint64_t i = 0; i < count; ++i) {
    if (i != 0) c.out += ", ";
    if (!c.style.verbose && i >= c.style.string_limit) {
      c.out += "...";
      break;
    }
    if ((i + 1) * element > array.bytes.size()) {
      if (i == 0) {
        c.out.resize(start);
        return c.address(value);
      }
      c.out += "...";
      break;
    }
    const auto at = static_cast<std::size_t>(i) * element;
    Fields header = c.fields(array.bytes.subspan(at, length_at));
    Fields tail = c.fields(array.bytes.subspan(at + length_at, element - length_at));
    const uint32_t length = tail.u32();
    const int64_t room =
        received && (i + 1) * element <= before.bytes.size() ? name_room(c, before.bytes.subspan(at, length_at)) : -1;
    c.out += "{msg_hdr=";
    append_message(c, header, room, received ? length : UINT64_MAX);
    if (c.succeeded()) {
      c.out += ", msg_len=";
      append_unsigned(c.out, length);
    }
    c.out += '}';
  }
  c.out += ']';
}

}  // namespace sightline::decode
