// ioctl: what its argument is, the request decides. A request without a row here prints its argument in hex, as strace
// does for the ones it does not know.
#include <asm/ioctls.h>
#include <linux/fs.h>
#include <linux/sockios.h>

#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

enum class Form : uint8_t {
  none,     ///< no argument
  decimal,  ///< a number
  fd,
  flush_queue,
  flow_action,
  int_in,   ///< `[1]`, read by the call
  int_out,  ///< `[1]`, written by it
  u64_out,
  char_in,  ///< one character as a string
  inode_flags_in,
  inode_flags_out,
  modem_in,  ///< TIOCM_* bits
  modem_out,
  termios_in,
  termios_out,
  termios2_in,
  termios2_out,
  termio_in,
  termio_out,
  window_in,
  window_out,
  interface,
  interface_list,
  range_in,  ///< `[0, 4096]`
  file_clone_range,
};

struct Request {
  uint32_t number;
  Form form;
};

constexpr Request kRequests[] = {
    {FIBMAP, Form::int_in},
    {BLKROSET, Form::int_in},
    {BLKROGET, Form::int_out},
    {BLKRRPART, Form::none},
    {BLKGETSIZE, Form::u64_out},
    {BLKFLSBUF, Form::none},
    {BLKRASET, Form::decimal},
    {BLKRAGET, Form::u64_out},
    {BLKFRASET, Form::decimal},
    {BLKFRAGET, Form::u64_out},
    {BLKSSZGET, Form::int_out},
    {BLKDISCARD, Form::range_in},
    {BLKIOMIN, Form::int_out},
    {BLKIOOPT, Form::int_out},
    {BLKALIGNOFF, Form::int_out},
    {BLKPBSZGET, Form::int_out},
    {BLKDISCARDZEROES, Form::int_out},
    {BLKSECDISCARD, Form::range_in},
    {BLKZEROOUT, Form::range_in},
    {TCGETS, Form::termios_out},
    {TCSETS, Form::termios_in},
    {TCSETSW, Form::termios_in},
    {TCSETSF, Form::termios_in},
    {TCGETA, Form::termio_out},
    {TCSETA, Form::termio_in},
    {TCSETAW, Form::termio_in},
    {TCSETAF, Form::termio_in},
    {TCSBRK, Form::decimal},
    {TCXONC, Form::flow_action},
    {TCFLSH, Form::flush_queue},
    {TIOCEXCL, Form::none},
    {TIOCNXCL, Form::none},
    {TIOCSCTTY, Form::decimal},
    {TIOCGPGRP, Form::int_out},
    {TIOCSPGRP, Form::int_in},
    {TIOCOUTQ, Form::int_out},
    {TIOCSTI, Form::char_in},
    {TIOCGWINSZ, Form::window_out},
    {TIOCSWINSZ, Form::window_in},
    {TIOCMGET, Form::modem_out},
    {TIOCMBIS, Form::modem_in},
    {TIOCMBIC, Form::modem_in},
    {TIOCMSET, Form::modem_in},
    {TIOCGSOFTCAR, Form::int_out},
    {TIOCSSOFTCAR, Form::int_in},
    {FIONREAD, Form::int_out},
    {TIOCCONS, Form::none},
    {TIOCPKT, Form::int_in},
    {FIONBIO, Form::int_in},
    {TIOCNOTTY, Form::none},
    {TIOCSETD, Form::int_in},
    {TIOCGETD, Form::int_out},
    {TCSBRKP, Form::decimal},
    {TIOCSBRK, Form::none},
    {TIOCCBRK, Form::none},
    {TIOCGSID, Form::int_out},
    {TIOCVHANGUP, Form::none},
    {FIONCLEX, Form::none},
    {FIOCLEX, Form::none},
    {FIOASYNC, Form::int_in},
    {TIOCSERGETLSR, Form::int_out},
    {FIOSETOWN, Form::int_in},
    {SIOCSPGRP, Form::int_in},
    {FIOGETOWN, Form::int_out},
    {SIOCGPGRP, Form::int_out},
    {SIOCATMARK, Form::int_out},
    {SIOCGIFNAME, Form::interface},
    {SIOCGIFCONF, Form::interface_list},
    {SIOCGIFFLAGS, Form::interface},
    {SIOCSIFFLAGS, Form::interface},
    {SIOCGIFADDR, Form::interface},
    {SIOCSIFADDR, Form::interface},
    {SIOCGIFDSTADDR, Form::interface},
    {SIOCSIFDSTADDR, Form::interface},
    {SIOCGIFBRDADDR, Form::interface},
    {SIOCSIFBRDADDR, Form::interface},
    {SIOCGIFNETMASK, Form::interface},
    {SIOCSIFNETMASK, Form::interface},
    {SIOCGIFMETRIC, Form::interface},
    {SIOCSIFMETRIC, Form::interface},
    {SIOCGIFMTU, Form::interface},
    {SIOCSIFMTU, Form::interface},
    {SIOCSIFHWADDR, Form::interface},
    {SIOCGIFHWADDR, Form::interface},
    {SIOCGIFINDEX, Form::interface},
    {SIOCGIFTXQLEN, Form::interface},
    {SIOCSIFTXQLEN, Form::interface},
    {TIOCSPTLCK, Form::int_in},
    {TIOCSIG, Form::decimal},
    {FICLONE, Form::fd},
    {FS_IOC_SETFLAGS, Form::inode_flags_in},
    {FICLONERANGE, Form::file_clone_range},
    {0x402c542b /* TCSETS2 */, Form::termios2_in},
    {0x402c542c /* TCSETSW2 */, Form::termios2_in},
    {0x402c542d /* TCSETSF2 */, Form::termios2_in},
    {TIOCGPTN, Form::int_out},
    {TIOCGDEV, Form::int_out},
    {TIOCGPKT, Form::int_out},
    {TIOCGPTLCK, Form::int_out},
    {TIOCGEXCL, Form::int_out},
    {BLKGETSIZE64, Form::u64_out},
    {FS_IOC_GETFLAGS, Form::inode_flags_out},
    {0x802c542a /* TCGETS2 */, Form::termios2_out},
};
static_assert(std::ranges::is_sorted(kRequests, {}, &Request::number));

const Request* find_request(uint32_t number) {
  const auto at = std::ranges::lower_bound(kRequests, number, {}, &Request::number);
  return at != std::end(kRequests) && at->number == number ? at : nullptr;
}

bool is_output(Form form) {
  constexpr Form kOutputs[] = {
      Form::int_out,      Form::u64_out,    Form::inode_flags_out, Form::modem_out, Form::termios_out,
      Form::termios2_out, Form::termio_out, Form::window_out,      Form::interface, Form::interface_list,
  };
  return std::ranges::find(kOutputs, form) != std::end(kOutputs);
}

constexpr Word kInodeFlagWords[] = {
    {0x1, "FS_SECRM_FL"},
    {0x2, "FS_UNRM_FL"},
    {0x4, "FS_COMPR_FL"},
    {0x8, "FS_SYNC_FL"},
    {0x10, "FS_IMMUTABLE_FL"},
    {0x20, "FS_APPEND_FL"},
    {0x40, "FS_NODUMP_FL"},
    {0x80, "FS_NOATIME_FL"},
    {0x100, "FS_DIRTY_FL"},
    {0x200, "FS_COMPRBLK_FL"},
    {0x400, "FS_NOCOMP_FL"},
    {0x800, "FS_ENCRYPT_FL"},
    {0x1000, "FS_INDEX_FL"},
    {0x2000, "FS_IMAGIC_FL"},
    {0x4000, "FS_JOURNAL_DATA_FL"},
    {0x8000, "FS_NOTAIL_FL"},
    {0x10000, "FS_DIRSYNC_FL"},
    {0x20000, "FS_TOPDIR_FL"},
    {0x40000, "FS_HUGE_FILE_FL"},
    {0x80000, "FS_EXTENT_FL"},
    {0x100000, "FS_VERITY_FL"},
    {0x200000, "FS_EA_INODE_FL"},
    {0x400000, "FS_EOFBLOCKS_FL"},
    {0x800000, "FS_NOCOW_FL"},
    {0x2000000, "FS_DAX_FL"},
    {0x10000000, "FS_INLINE_DATA_FL"},
    {0x20000000, "FS_PROJINHERIT_FL"},
    {0x40000000, "FS_CASEFOLD_FL"},
    {0x80000000, "FS_RESERVED_FL"},
};
constexpr Vocabulary kInodeFlags{kInodeFlagWords, "FS_???_FL"};

constexpr Word kModemWords[] = {
    {0x001, "TIOCM_LE"},  {0x002, "TIOCM_DTR"},   {0x004, "TIOCM_RTS"},   {0x008, "TIOCM_ST"},
    {0x010, "TIOCM_SR"},  {0x020, "TIOCM_CTS"},   {0x040, "TIOCM_CAR"},   {0x080, "TIOCM_RNG"},
    {0x100, "TIOCM_DSR"}, {0x2000, "TIOCM_OUT1"}, {0x4000, "TIOCM_OUT2"}, {0x8000, "TIOCM_LOOP"},
};
constexpr Vocabulary kModem{kModemWords, "TIOCM_???"};

constexpr Word kFlushWords[] = {{0, "TCIFLUSH"}, {1, "TCOFLUSH"}, {2, "TCIOFLUSH"}};
constexpr Vocabulary kFlush{kFlushWords, "TC???FLUSH"};
constexpr Word kFlowWords[] = {{0, "TCOOFF"}, {1, "TCOON"}, {2, "TCIOFF"}, {3, "TCION"}};
constexpr Vocabulary kFlow{kFlowWords, "TC???"};

void append_int(Context& c, Fields& f) {
  c.out += '[';
  append_decimal(c.out, f.s32());
  c.out += ']';
}

void append_u64(Context& c, Fields& f) {
  c.out += '[';
  append_unsigned(c.out, f.left() >= 8 ? f.u64() : f.ulong());
  c.out += ']';
}

template <const Vocabulary& words>
void append_bits(Context& c, Fields& f) {
  c.out += '[';
  append_flags(c.out, f.u32(), words);
  c.out += ']';
}

void append_character(Context& c, Fields& f) {
  c.quoted(f.raw(1), false);
}

void append_window(Context& c, Fields& f) {
  constexpr std::string_view kNames[] = {"{ws_row=", ", ws_col=", ", ws_xpixel=", ", ws_ypixel="};
  for (const std::string_view name : kNames) {
    c.out += name;
    append_unsigned(c.out, f.u16());
  }
  c.out += '}';
}

void append_range(Context& c, Fields& f) {
  c.out += '[';
  append_unsigned(c.out, f.u64());
  c.out += ", ";
  append_unsigned(c.out, f.u64());
  c.out += ']';
}

void append_clone_range(Context& c, Fields& f) {
  c.out += "{src_fd=";
  c.fd(static_cast<int32_t>(f.s64()));
  c.out += ", src_offset=";
  append_unsigned(c.out, f.u64());
  c.out += ", src_length=";
  append_unsigned(c.out, f.u64());
  c.out += ", dest_offset=";
  append_unsigned(c.out, f.u64());
  c.out += '}';
}

}  // namespace

void print_ioctl_request(Context& c, uint64_t value) {
  append_ioctl(c.out, static_cast<uint32_t>(value));
}

void print_ioctl_argument(Context& c, uint64_t value) {
  const Request* request = find_request(c.uint_arg(1));
  const auto hex = [&] { append_hex(c.out, value); };
  if (request == nullptr) return value == 0 ? c.address(value) : hex();
  if (is_output(request->form) && !c.succeeded() && request->form != Form::interface) return c.address(value);
  switch (request->form) {
    case Form::none:
      c.omitted = true;
      return;
    case Form::decimal:
      return append_decimal(c.out, static_cast<int32_t>(value));
    case Form::fd:
      return c.fd(static_cast<int32_t>(value));
    case Form::flush_queue:
      return append_choice(c.out, value, kFlush);
    case Form::flow_action:
      return append_choice(c.out, value, kFlow);
    case Form::int_in:
    case Form::int_out:
      return print_struct<append_int>(c, value);
    case Form::u64_out:
      return print_struct<append_u64>(c, value);
    case Form::char_in:
      return print_struct<append_character>(c, value);
    case Form::inode_flags_in:
    case Form::inode_flags_out:
      return print_struct<append_bits<kInodeFlags>>(c, value);
    case Form::modem_in:
    case Form::modem_out:
      return print_struct<append_bits<kModem>>(c, value);
    case Form::termios_in:
    case Form::termios_out:
      return print_struct<append_termios>(c, value);
    case Form::termios2_in:
    case Form::termios2_out:
      return print_struct<append_termios2>(c, value);
    case Form::termio_in:
    case Form::termio_out:
      return print_struct<append_termio>(c, value);
    case Form::window_in:
    case Form::window_out:
      return print_struct<append_window>(c, value);
    case Form::interface:
      return print_interface_request(c, value);
    case Form::interface_list:
      return print_interface_list(c, value);
    case Form::range_in:
      return print_struct<append_range>(c, value);
    case Form::file_clone_range:
      return print_struct<append_clone_range>(c, value);
  }
}

bool late_ioctl_argument(const Context& c) {
  const Request* request = find_request(c.uint_arg(1));
  return request != nullptr && is_output(request->form);
}

}  // namespace sightline::decode
