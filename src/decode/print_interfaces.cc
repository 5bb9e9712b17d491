// Printers of network interface requests: struct ifreq and ifconf (netdevice(7)).
#include <linux/sockios.h>
#include <net/if_arp.h>

#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr std::size_t kNameBytes = 16;
constexpr std::size_t kAddressBytes = 16;

constexpr Word kFlagWords[] = {
    {0x1, "IFF_UP"},           {0x2, "IFF_BROADCAST"},   {0x4, "IFF_DEBUG"},        {0x8, "IFF_LOOPBACK"},
    {0x10, "IFF_POINTOPOINT"}, {0x20, "IFF_NOTRAILERS"}, {0x40, "IFF_RUNNING"},     {0x80, "IFF_NOARP"},
    {0x100, "IFF_PROMISC"},    {0x200, "IFF_ALLMULTI"},  {0x400, "IFF_MASTER"},     {0x800, "IFF_SLAVE"},
    {0x1000, "IFF_MULTICAST"}, {0x2000, "IFF_PORTSEL"},  {0x4000, "IFF_AUTOMEDIA"}, {0x8000, "IFF_DYNAMIC"},
};
constexpr Vocabulary kFlags{kFlagWords, "IFF_???"};

bool sets(uint32_t request) {
  return request == SIOCSIFFLAGS || request == SIOCSIFADDR || request == SIOCSIFDSTADDR || request == SIOCSIFBRDADDR ||
         request == SIOCSIFNETMASK || request == SIOCSIFMETRIC || request == SIOCSIFMTU || request == SIOCSIFHWADDR ||
         request == SIOCSIFTXQLEN;
}

void append_hardware_address(Context& c, std::span<const std::byte> address) {
  Fields f(address, 8, 8);
  const uint16_t family = f.u16();
  c.out += "{sa_family=";
  append_choice(c.out, family, kHardwareType);
  c.out += ", sa_data=";
  const auto data = f.raw(6);
  for (std::size_t i = 0; i < data.size(); ++i) {
    if (i != 0) c.out += ':';
    append_hex_byte(c.out, static_cast<unsigned char>(data[i]));
  }
  c.out += '}';
}

/// The member of the union that `request` is about. `data` is what follows the name.
void append_member(Context& c, uint32_t request, std::span<const std::byte> data) {
  Fields f(data, 8, 8);
  const auto address = data.first(std::min(data.size(), kAddressBytes));
  switch (request) {
    case SIOCGIFADDR:
    case SIOCSIFADDR:
      c.out += "ifr_addr=";
      return append_socket_address(c, address);
    case SIOCGIFDSTADDR:
    case SIOCSIFDSTADDR:
      c.out += "ifr_dstaddr=";
      return append_socket_address(c, address);
    case SIOCGIFBRDADDR:
    case SIOCSIFBRDADDR:
      c.out += "ifr_broadaddr=";
      return append_socket_address(c, address);
    case SIOCGIFNETMASK:
    case SIOCSIFNETMASK:
      c.out += "ifr_netmask=";
      return append_socket_address(c, address);
    case SIOCGIFHWADDR:
    case SIOCSIFHWADDR:
      c.out += "ifr_hwaddr=";
      return append_hardware_address(c, address);
    case SIOCGIFFLAGS:
    case SIOCSIFFLAGS:
      c.out += "ifr_flags=";
      return append_flags(c.out, f.u16(), kFlags);
    case SIOCGIFMETRIC:
    case SIOCSIFMETRIC:
      c.out += "ifr_metric=";
      return append_decimal(c.out, f.s32());
    case SIOCGIFMTU:
    case SIOCSIFMTU:
      c.out += "ifr_mtu=";
      return append_decimal(c.out, f.s32());
    case SIOCGIFTXQLEN:
    case SIOCSIFTXQLEN:
      c.out += "ifr_qlen=";
      return append_decimal(c.out, f.s32());
    default:
      c.out += "ifr_ifindex=";
      append_decimal(c.out, f.s32());
  }
}

void append_name(Context& c, std::span<const std::byte> name) {
  c.out += "ifr_name=";
  c.quoted(up_to_nul(name), false);
}

}  // namespace

void print_interface_request(Context& c, uint64_t value) {
  const uint32_t request = c.uint_arg(1);
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  if (!before.found || before.bytes.size() < kNameBytes + kAddressBytes) return c.address(value);
  const bool answered = c.succeeded() && after.found && after.bytes.size() >= kNameBytes + kAddressBytes;
  const auto data = (sets(request) || !answered ? before : after).bytes;
  c.out += '{';
  if (request == SIOCGIFNAME) {
    append_member(c, request, before.bytes.subspan(kNameBytes));
    if (answered) {
      c.out += ", ";
      append_name(c, after.bytes.first(kNameBytes));
    }
  } else {
    append_name(c, before.bytes.first(kNameBytes));
    if (sets(request) || answered) {
      c.out += ", ";
      append_member(c, request, data.subspan(kNameBytes));
    }
  }
  c.out += '}';
}

// The list itself is not captured: its address is what can be told.
void print_interface_list(Context& c, uint64_t value) {
  const auto length_of = [&](const Piece& piece, uint64_t& buffer) -> int64_t {
    Fields f = c.fields(piece.bytes);
    const int32_t length = f.s32();
    buffer = f.pointer();
    return piece.found && f.ok() ? length : -1;
  };
  uint64_t buffer = 0;
  const int64_t room = length_of(c.piece_at(tracer::Phase::entry, value), buffer);
  const int64_t used = length_of(c.piece_at(tracer::Phase::exit, value), buffer);
  if (room < 0 || used < 0) return c.address(value);
  c.out += "{ifc_len=";
  append_decimal(c.out, room);
  if (used != room) {
    c.out += " => ";
    append_decimal(c.out, used);
  }
  const auto element = static_cast<int64_t>(c.pointer_size() == 8 ? 40 : 32);
  c.out += " /* ";
  append_decimal(c.out, used / element);
  c.out += " * sizeof(struct ifreq) */, ifc_buf=";
  c.address(buffer);
  c.out += '}';
}

}  // namespace sightline::decode
