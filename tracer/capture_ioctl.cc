// What an ioctl's third argument points to. Requests made since the 1990s carry size and direction in their number
// (include/uapi/asm-generic/ioctl.h); the older terminal, socket and block ones, and a few whose number says another
// size than the kernel uses, are in the table below (ioctl_tty(2), netdevice(7), sockios.h, linux/fs.h, linux/kd.h).

#include <algorithm>
#include <array>
#include <cstdint>

#include "tracer/capture_writer.h"

namespace sightline::tracer {
namespace {

enum Direction : uint8_t { kIn = 1, kOut = 2, kBoth = 3 };

struct Request {
  uint32_t number;
  uint16_t size;    ///< with 64-bit longs and pointers
  uint16_t narrow;  ///< with 32-bit ones
  Direction direction;
};

constexpr std::array kRequests = std::to_array<Request>({
    {0x0001, 4, 4, kBoth},        // FIBMAP
    {0x0002, 4, 4, kOut},         // FIGETBSZ
    {0x0301, 16, 8, kOut},        // HDIO_GETGEO
    {0x125d, 4, 4, kIn},          // BLKROSET
    {0x125e, 4, 4, kOut},         // BLKROGET
    {0x1260, 8, 4, kOut},         // BLKGETSIZE
    {0x1263, 8, 4, kOut},         // BLKRAGET
    {0x1267, 2, 2, kOut},         // BLKSECTGET
    {0x1268, 4, 4, kOut},         // BLKSSZGET
    {0x1277, 16, 16, kIn},        // BLKDISCARD
    {0x1278, 4, 4, kOut},         // BLKIOMIN
    {0x1279, 4, 4, kOut},         // BLKIOOPT
    {0x127a, 4, 4, kOut},         // BLKALIGNOFF
    {0x127b, 4, 4, kOut},         // BLKPBSZGET
    {0x127c, 4, 4, kOut},         // BLKDISCARDZEROES
    {0x127d, 16, 16, kIn},        // BLKSECDISCARD
    {0x127e, 2, 2, kOut},         // BLKROTATIONAL
    {0x127f, 16, 16, kIn},        // BLKZEROOUT
    {0x4b31, 2, 2, kOut},         // KDGETLED
    {0x4b33, 1, 1, kOut},         // KDGKBTYPE
    {0x4b3b, 4, 4, kOut},         // KDGETMODE
    {0x4b44, 4, 4, kOut},         // KDGKBMODE
    {0x4b62, 4, 4, kOut},         // KDGKBMETA
    {0x4b64, 1, 1, kOut},         // KDGKBLED
    {0x4c02, 168, 140, kIn},      // LOOP_SET_STATUS
    {0x4c03, 168, 140, kOut},     // LOOP_GET_STATUS
    {0x4c04, 232, 232, kIn},      // LOOP_SET_STATUS64
    {0x4c05, 232, 232, kOut},     // LOOP_GET_STATUS64
    {0x4c0a, 304, 304, kIn},      // LOOP_CONFIGURE
    {0x5401, 36, 36, kOut},       // TCGETS: the kernel's struct termios, without speeds
    {0x5402, 36, 36, kIn},        // TCSETS
    {0x5403, 36, 36, kIn},        // TCSETSW
    {0x5404, 36, 36, kIn},        // TCSETSF
    {0x5405, 18, 18, kOut},       // TCGETA
    {0x5406, 18, 18, kIn},        // TCSETA
    {0x5407, 18, 18, kIn},        // TCSETAW
    {0x5408, 18, 18, kIn},        // TCSETAF
    {0x540f, 4, 4, kOut},         // TIOCGPGRP
    {0x5410, 4, 4, kIn},          // TIOCSPGRP
    {0x5411, 4, 4, kOut},         // TIOCOUTQ
    {0x5412, 1, 1, kIn},          // TIOCSTI
    {0x5413, 8, 8, kOut},         // TIOCGWINSZ
    {0x5414, 8, 8, kIn},          // TIOCSWINSZ
    {0x5415, 4, 4, kOut},         // TIOCMGET
    {0x5416, 4, 4, kIn},          // TIOCMBIS
    {0x5417, 4, 4, kIn},          // TIOCMBIC
    {0x5418, 4, 4, kIn},          // TIOCMSET
    {0x5419, 4, 4, kOut},         // TIOCGSOFTCAR
    {0x541a, 4, 4, kIn},          // TIOCSSOFTCAR
    {0x541b, 4, 4, kOut},         // FIONREAD
    {0x541c, 1, 1, kIn},          // TIOCLINUX
    {0x541e, 72, 60, kOut},       // TIOCGSERIAL
    {0x541f, 72, 60, kIn},        // TIOCSSERIAL
    {0x5420, 4, 4, kIn},          // TIOCPKT
    {0x5421, 4, 4, kIn},          // FIONBIO
    {0x5423, 4, 4, kIn},          // TIOCSETD
    {0x5424, 4, 4, kOut},         // TIOCGETD
    {0x5429, 4, 4, kOut},         // TIOCGSID
    {0x5452, 4, 4, kIn},          // FIOASYNC
    {0x545d, 80, 80, kOut},       // TIOCGICOUNT
    {0x5460, 8, 8, kOut},         // FIOQSIZE
    {0x5600, 4, 4, kOut},         // VT_OPENQRY
    {0x5601, 8, 8, kOut},         // VT_GETMODE
    {0x5602, 8, 8, kIn},          // VT_SETMODE
    {0x5603, 6, 6, kOut},         // VT_GETSTATE
    {0x8901, 4, 4, kIn},          // FIOSETOWN
    {0x8902, 4, 4, kIn},          // SIOCSPGRP
    {0x8903, 4, 4, kOut},         // FIOGETOWN
    {0x8904, 4, 4, kOut},         // SIOCGPGRP
    {0x8905, 4, 4, kOut},         // SIOCATMARK
    {0x8906, 16, 8, kOut},        // SIOCGSTAMP
    {0x8907, 16, 8, kOut},        // SIOCGSTAMPNS
    {0x890b, 120, 84, kIn},       // SIOCADDRT
    {0x890c, 120, 84, kIn},       // SIOCDELRT
    {0x8912, 16, 8, kBoth},       // SIOCGIFCONF
    {0x8953, 68, 68, kIn},        // SIOCDARP
    {0x8954, 68, 68, kBoth},      // SIOCGARP
    {0x8955, 68, 68, kIn},        // SIOCSARP
    {0x400454c8, 0, 0, kIn},      // TUNSETNOCSUM and the following: values
    {0x400454c9, 0, 0, kIn},      // TUNSETDEBUG
    {0x400454ca, 40, 32, kBoth},  // TUNSETIFF: a struct ifreq
    {0x400454cb, 0, 0, kIn},      // TUNSETPERSIST
    {0x400454cc, 0, 0, kIn},      // TUNSETOWNER
    {0x400454cd, 0, 0, kIn},      // TUNSETLINK
    {0x400454ce, 0, 0, kIn},      // TUNSETGROUP
    {0x400454d0, 0, 0, kIn},      // TUNSETOFFLOAD
    {0x40049409, 0, 0, kIn},      // FICLONE: the argument is a descriptor
    {0x800454d2, 40, 32, kOut},   // TUNGETIFF: a struct ifreq
});

static_assert(std::ranges::is_sorted(kRequests, {}, &Request::number));

// The requests of an interface take a struct ifreq (netdevice(7)).
constexpr uint32_t kFirstInterfaceRequest = 0x8910;  // SIOCGIFNAME
constexpr uint32_t kLastInterfaceRequest = 0x8949;   // SIOCWANDEV and before it SIOCETHTOOL, SIOCGMIIREG
constexpr uint16_t kInterfaceRequestSize = 40;
constexpr uint16_t kNarrowInterfaceRequestSize = 32;

struct Pointee {
  uint32_t size;
  uint32_t direction;
};

Pointee pointee_of(uint32_t number, bool narrow) {
  const auto known = std::ranges::lower_bound(kRequests, number, {}, &Request::number);
  if (known != kRequests.end() && known->number == number) {
    return {.size = narrow ? known->narrow : known->size, .direction = known->direction};
  }
  if (number >= kFirstInterfaceRequest && number <= kLastInterfaceRequest) {
    return {.size = narrow ? kNarrowInterfaceRequestSize : kInterfaceRequestSize, .direction = kBoth};
  }
  return {.size = (number >> 16) & 0x3fff, .direction = number >> 30};
}

}  // namespace

void capture_ioctl(const CaptureStep& step) {
  const auto number = static_cast<uint32_t>(step.state.args[1]);
  const Pointee pointee = pointee_of(number, step.writer.layout().word == 4);
  if ((pointee.direction & (step.at_exit() ? kOut : kIn)) == 0) return;
  // Some requests say size and direction and take a number nevertheless; nothing is ever mapped this low.
  if (step.address() < CaptureWriter::kPage) return;
  step.writer.bytes(step.what.arg, step.address(), pointee.size);
}

}  // namespace sightline::tracer
