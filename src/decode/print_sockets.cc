// Printers of sockets: what they are made of, addresses, options.
#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {

void print_socket_type(Context& c, uint64_t value) {
  constexpr uint32_t kTypeMask = 0xf;
  const auto type = static_cast<uint32_t>(value);
  const std::string_view name = find_word(kSocketType, type & kTypeMask);
  if (name.empty()) return append_flags(c.out, type, kSocketFlags);
  c.out += name;
  bool joined = true;
  const uint64_t rest = append_known_flags(c.out, type & ~kTypeMask, kSocketFlags, joined);
  if (rest == 0) return;
  c.out += '|';
  append_hex(c.out, rest);
}

namespace {

void append_ethernet_protocol(std::string& out, uint16_t network_order) {
  out += "htons(";
  const uint16_t protocol = ntohs(network_order);
  const std::string_view name = find_word(kEthernetProtocol, protocol);
  if (!name.empty()) {
    out += name;
  } else {
    append_hex(out, protocol);
    out += " /* ETH_P_??? */";
  }
  out += ')';
}

}  // namespace

void print_socket_protocol(Context& c, uint64_t value) {
  const auto protocol = static_cast<uint32_t>(value);
  switch (c.int_arg(0)) {
    case AF_INET:
    case AF_INET6:
      return append_choice(c.out, protocol, kInetProtocol);
    case AF_NETLINK:
      return append_choice(c.out, protocol, kNetlinkProtocol);
    case AF_BLUETOOTH:
      return append_choice(c.out, protocol, kBluetoothProtocol);
    case AF_PACKET:
      return append_ethernet_protocol(c.out, static_cast<uint16_t>(protocol));
    default:
      return append_unsigned(c.out, protocol);
  }
}

// Interfaces are numbers: the machine that prints a trace need not be the one it was made on, and names would be its
// own.
namespace {

void append_unix_address(Context& c, std::span<const std::byte> path) {
  if (path.empty()) return;
  c.out += ", sun_path=";
  if (path.front() == std::byte{0}) {
    c.out += '@';
    c.quoted(path.subspan(1), false);
  } else {
    c.quoted(up_to_nul(path), false);
  }
}

void append_inet_address(Context& c, Fields& f) {
  const uint16_t port = f.u16();
  char text[INET_ADDRSTRLEN] = "";
  const auto address = f.raw(4);
  if (!f.ok()) return;
  inet_ntop(AF_INET, address.data(), text, sizeof text);
  c.out += ", sin_port=htons(";
  append_unsigned(c.out, ntohs(port));
  c.out += "), sin_addr=inet_addr(\"";
  c.out += text;
  c.out += "\")";
}

void append_inet6_address(Context& c, Fields& f) {
  const uint16_t port = f.u16();
  const uint32_t flow = f.u32();
  const auto address = f.raw(16);
  if (!f.ok()) return;
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(AF_INET6, address.data(), text, sizeof text);
  c.out += ", sin6_port=htons(";
  append_unsigned(c.out, ntohs(port));
  c.out += "), sin6_flowinfo=htonl(";
  append_unsigned(c.out, ntohl(flow));
  c.out += "), inet_pton(AF_INET6, \"";
  c.out += text;
  c.out += "\", &sin6_addr)";
  if (f.left() < 4) return;
  const uint32_t scope = f.u32();
  c.out += ", sin6_scope_id=";
  append_unsigned(c.out, scope);
}

void append_netlink_address(Context& c, Fields& f) {
  f.u16();
  const int32_t pid = f.s32();
  const uint32_t groups = f.u32();
  if (!f.ok()) return;
  c.out += ", nl_pid=";
  append_decimal(c.out, pid);
  c.out += ", nl_groups=";
  if (groups == 0) {  // as printf's %#08x has it
    c.out += "00000000";
    return;
  }
  std::string digits;
  append_hex(digits, groups);
  c.out += "0x";
  c.out.append(digits.size() < 8 ? 8 - digits.size() : 0, '0');
  c.out.append(digits, 2);
}

void append_packet_address(Context& c, Fields& f) {
  const uint16_t protocol = f.u16();
  const uint32_t index = f.u32();
  const uint16_t hardware = f.u16();
  const uint8_t type = f.u8(), length = f.u8();
  if (!f.ok()) return;
  c.out += ", sll_protocol=";
  append_ethernet_protocol(c.out, protocol);
  c.out += ", sll_ifindex=";
  append_unsigned(c.out, index);
  c.out += ", sll_hatype=";
  append_choice(c.out, hardware, kHardwareType);
  c.out += ", sll_pkttype=";
  append_choice(c.out, type, kPacketType);
  c.out += ", sll_halen=";
  append_unsigned(c.out, length);
  if (length == 0) return;
  c.out += ", sll_addr=[";
  const auto address = f.raw(std::min<std::size_t>(length, f.left()));
  for (std::size_t i = 0; i < address.size(); ++i) {
    if (i != 0) c.out += ", ";
    append_hex_always(c.out, static_cast<uint8_t>(address[i]));
  }
  c.out += ']';
}

std::size_t shortest_address(uint16_t family) {
  switch (family) {
    case AF_UNIX:
      return 2;
    case AF_INET:
      return 16;
    case AF_INET6:
      return 24;
    case AF_NETLINK:
      return 12;
    case AF_PACKET:
      return 20;
    default:
      return SIZE_MAX;
  }
}

}  // namespace

void append_socket_address(Context& c, std::span<const std::byte> bytes) {
  Fields f(bytes, 8, 8);
  const uint16_t family = f.u16();
  c.out += "{sa_family=";
  append_choice(c.out, family, kSocketDomain);
  if (bytes.size() < shortest_address(family)) {
    if (f.left() != 0) {
      c.out += ", sa_data=";
      c.quoted(f.raw(f.left()), false);
    }
  } else if (family == AF_UNIX) {
    append_unix_address(c, f.raw(std::min<std::size_t>(f.left(), 108)));
  } else if (family == AF_INET) {
    append_inet_address(c, f);
  } else if (family == AF_INET6) {
    append_inet6_address(c, f);
  } else if (family == AF_NETLINK) {
    append_netlink_address(c, f);
  } else {
    append_packet_address(c, f);
  }
  c.out += '}';
}

namespace {

/// The length of an address or option that the next argument holds or points to; at exit the smaller one of the room
/// there was and what the kernel wrote.
struct Length {
  int64_t room = 0;
  int64_t written = 0;
  bool known = false;
};

Length length_behind(const Context& c) {
  Length length;
  const unsigned next = c.arg + 1;
  if (next >= c.args.size() || next >= c.syscall.arguments.size()) return length;
  if (c.syscall.arguments[next].type != tracer::ArgType::socklen_ptr) {
    length.room = length.written = c.int_arg(next);
    length.known = true;
    return length;
  }
  const uint64_t at = c.address_of(c.args[next]);
  const Piece before = c.entry.find(next, at, tracer::CaptureKind::bytes);
  const Piece after = c.exit.find(next, at, tracer::CaptureKind::bytes);
  if (!before.found || before.bytes.size() < 4) return length;
  length.room = c.fields(before.bytes).s32();
  length.written = after.found && after.bytes.size() >= 4 ? c.fields(after.bytes).s32() : length.room;
  length.known = true;
  return length;
}

bool written_by_call(const Context& c) {
  return std::ranges::any_of(c.syscall.captures, [&](const tracer::Capturing& what) {
    return what.arg == c.arg && what.phase == tracer::Phase::exit;
  });
}

}  // namespace

void print_socket_address(Context& c, uint64_t value) {
  if (value == 0) return c.address(value);
  if (written_by_call(c) && !c.succeeded()) return c.address(value);
  const Piece piece = c.piece(value);
  const Length length = length_behind(c);
  if (!piece.found || piece.fault() || !length.known) return c.address(value);
  const int64_t shown = std::min(length.room, length.written);
  if (shown < 2) return c.address(value);
  append_socket_address(c,
                        piece.bytes.first(std::min<std::size_t>(piece.bytes.size(), static_cast<std::size_t>(shown))));
}

// `[16]`, or `[128 => 16]` if the kernel wrote another length.
void print_socket_length(Context& c, uint64_t value) {
  const bool of_address = c.arg > 0 && c.syscall.arguments[c.arg - 1].type == tracer::ArgType::sockaddr;
  if (of_address && c.args[c.arg - 1] == 0) return c.address(value);
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  if (!before.found || before.bytes.size() < 4) return c.address(value);
  const int32_t room = c.fields(before.bytes).s32();
  c.out += '[';
  append_decimal(c.out, room);
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (c.succeeded() && after.found && after.bytes.size() >= 4) {
    const int32_t written = c.fields(after.bytes).s32();
    if (written != room) {
      c.out += " => ";
      append_decimal(c.out, written);
    }
  }
  c.out += ']';
}

void print_socket_option(Context& c, uint64_t value) {
  append_socket_option(c.out, c.uint_arg(1), static_cast<uint32_t>(value), c.syscall.name == "setsockopt");
}

namespace {

void append_linger(Context& c, Fields& f) {
  c.out += "{l_onoff=";
  append_decimal(c.out, f.s32());
  c.out += ", l_linger=";
  append_decimal(c.out, f.s32());
  c.out += '}';
}

}  // namespace

void append_credentials(Context& c, Fields& f) {
  c.out += "{pid=";
  append_decimal(c.out, f.s32());
  c.out += ", uid=";
  c.id(f.u32());
  c.out += ", gid=";
  c.id(f.u32());
  c.out += '}';
}

void append_filter_program(Context& c, Fields& f) {
  const uint16_t length = f.u16();
  const uint64_t filter = f.pointer();
  c.out += "{len=";
  append_unsigned(c.out, length);
  c.out += ", filter=";
  c.address(filter);
  c.out += '}';
}

namespace {

enum class OptionForm : uint8_t {
  number,
  error,
  rehash,
  linger,
  credentials,
  filter,
  ip_membership,
  ipv6_membership,
  unknown
};

// Of SOL_SOCKET those options that are no int, or not known to be one.
constexpr uint32_t kOtherSocketOptions[] = {
    SO_TYPE,
    SO_ERROR,
    SO_PEERCRED,
    SO_RCVTIMEO,
    SO_SNDTIMEO,
    22 /* SO_SECURITY_AUTHENTICATION */,
    23,
    24,
    SO_BINDTODEVICE,
    SO_PEERNAME,
    SO_PEERSEC,
    SO_PROTOCOL,
    SO_DOMAIN,
    SO_MAX_PACING_RATE,
    SO_BPF_EXTENSIONS,
    SO_ATTACH_BPF,
    SO_ATTACH_REUSEPORT_EBPF,
    SO_MEMINFO,
    54,
    58,
    SO_COOKIE,
    SO_PEERGROUPS,
    SO_TXTIME,
    SO_BINDTOIFINDEX,
    66 /* SO_RCVTIMEO_NEW */,
    67 /* SO_SNDTIMEO_NEW */,
    71 /* SO_NETNS_COOKIE */,
    72 /* SO_BUF_LOCK */,
};

OptionForm option_form(uint32_t level, uint32_t option, bool setting) {
  constexpr uint32_t kIp = 0, kIpv6 = 41, kNetlink = 270;
  constexpr uint32_t kRehash = 74, kLastSocketOption = 75;  // SO_TXREHASH, SO_RCVMARK
  constexpr uint32_t kIpJoin = 35, kIpLeave = 36, kIpv6Join = 20, kIpv6Leave = 21;
  if (level == kIp && (option == kIpJoin || option == kIpLeave)) return OptionForm::ip_membership;
  if (level == kIpv6 && (option == kIpv6Join || option == kIpv6Leave)) return OptionForm::ipv6_membership;
  if (level == kNetlink) return OptionForm::number;
  if (level != SOL_SOCKET) return OptionForm::unknown;
  if (option == SO_LINGER) return OptionForm::linger;
  if (option == SO_PEERCRED && !setting) return OptionForm::credentials;
  if ((option == SO_ATTACH_FILTER || option == SO_ATTACH_REUSEPORT_CBPF) && setting) return OptionForm::filter;
  if (option == kRehash) return OptionForm::rehash;
  if (option == SO_ERROR && !setting) return OptionForm::error;
  const bool other =
      option > kLastSocketOption || std::ranges::find(kOtherSocketOptions, option) != std::end(kOtherSocketOptions);
  return other ? OptionForm::unknown : OptionForm::number;
}

void append_int(Context& c, Fields& f) {
  c.out += '[';
  append_decimal(c.out, f.s32());
  c.out += ']';
}

constexpr Word kRehashWords[] = {
    {0, "SOCK_TXREHASH_DISABLED"}, {1, "SOCK_TXREHASH_ENABLED"}, {255, "SOCK_TXREHASH_DEFAULT"}};
constexpr Vocabulary kRehashing{kRehashWords, "SOCK_TXREHASH_???"};

void append_rehash(Context& c, Fields& f) {
  c.out += '[';
  append_choice(c.out, f.u32(), kRehashing);
  c.out += ']';
}

void append_error(Context& c, Fields& f) {
  const int32_t error = f.s32();
  const std::string_view name = errno_name(error);
  c.out += '[';
  if (name.empty()) {
    append_decimal(c.out, error);
  } else {
    c.out += name;
  }
  c.out += ']';
}

void append_ip_membership(Context& c, Fields& f) {
  const auto address = [&](std::string_view name) {
    char text[INET_ADDRSTRLEN] = "";
    const auto bytes = f.raw(4);
    if (f.ok()) inet_ntop(AF_INET, bytes.data(), text, sizeof text);
    c.out += name;
    c.out += "=inet_addr(\"";
    c.out += text;
    c.out += "\")";
  };
  c.out += '{';
  address("imr_multiaddr");
  c.out += ", ";
  address("imr_interface");
  c.out += '}';
}

void append_ipv6_membership(Context& c, Fields& f) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto bytes = f.raw(16);
  if (f.ok()) inet_ntop(AF_INET6, bytes.data(), text, sizeof text);
  c.out += "{inet_pton(AF_INET6, \"";
  c.out += text;
  c.out += "\", &ipv6mr_multiaddr), ipv6mr_interface=";
  append_unsigned(c.out, f.u32());
  c.out += '}';
}

}  // namespace

// What has no form of its own is a number if it has four bytes and shown as bytes otherwise.
void print_option_value(Context& c, uint64_t value) {
  const bool setting = c.syscall.name == "setsockopt";
  if (value == 0 || (!setting && !c.succeeded())) return c.address(value);
  const Length length = length_behind(c);
  const Piece piece = c.piece(value);
  const int64_t size = std::min(length.room, length.written);
  if (!length.known || size < 0 || piece.fault()) return c.address(value);
  const OptionForm form = option_form(c.uint_arg(1), c.uint_arg(2), setting);
  if (size == 0 && setting && form == OptionForm::unknown) return c.text("\"\"");
  if (size == 0 || !piece.found) return c.address(value);
  const auto bytes = piece.bytes.first(std::min<std::size_t>(piece.bytes.size(), static_cast<std::size_t>(size)));
  const std::size_t mark = c.out.size();
  Fields f = c.fields(bytes);
  switch (form) {
    case OptionForm::number:
      append_int(c, f);
      break;
    case OptionForm::error:
      if (bytes.size() != 4) return c.limited_text(piece, static_cast<uint64_t>(size));
      append_error(c, f);
      break;
    case OptionForm::rehash:
      append_rehash(c, f);
      break;
    case OptionForm::linger:
      append_linger(c, f);
      break;
    case OptionForm::credentials:
      append_credentials(c, f);
      break;
    case OptionForm::filter:
      append_filter_program(c, f);
      break;
    case OptionForm::ip_membership:
      append_ip_membership(c, f);
      break;
    case OptionForm::ipv6_membership:
      append_ipv6_membership(c, f);
      break;
    case OptionForm::unknown:
      if (bytes.size() != 4) return c.limited_text(piece, static_cast<uint64_t>(size));
      append_int(c, f);
      break;
  }
  if (f.ok()) return;
  c.out.resize(mark);
  if (setting) return c.address(value);
  append_hex_string(c.out, bytes);
}

}  // namespace sightline::decode
