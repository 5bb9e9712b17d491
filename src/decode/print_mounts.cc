// Printers of mounts, quotas and swap space.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {

// mount's flags had a magic number in their upper half once.
void print_mount_flags(Context& c, uint64_t value) {
  constexpr uint64_t kMagic = 0xc0ed0000, kMagicMask = 0xffff0000;
  bool joined = false;
  if ((value & kMagicMask) == kMagic) {
    c.out += "MS_MGC_VAL";
    joined = true;
    value &= ~kMagicMask;
    if (value == 0) return;
    const uint64_t rest = append_known_flags(c.out, value, kMountFlags, joined);
    if (rest != 0) {
      c.out += '|';
      append_hex(c.out, rest);
    }
    return;
  }
  append_flags(c.out, value, kMountFlags);
}

namespace {

constexpr uint64_t kRemount = 0x20, kBindMovePropagate = 0x1000 | 0x2000 | 0x1e0000;

uint64_t mount_flags_of(const Context& c) {
  constexpr uint64_t kMagic = 0xc0ed0000, kMagicMask = 0xffff0000;
  const uint64_t flags = c.args[3];
  return (flags & kMagicMask) == kMagic ? flags & ~kMagicMask : flags;
}

}  // namespace

// mount takes no type for a remount, and neither type nor data for binding, moving or a change of propagation: what
// stands there then is printed as an address.
void print_mount_data(Context& c, uint64_t value) {
  const uint64_t flags = mount_flags_of(c);
  if ((flags & kRemount) == 0 && (flags & kBindMovePropagate) != 0) return c.address(value);
  print_text(c, value);
}

// Names are strings, but for the ones a command does without.
void print_name(Context& c, uint64_t value) {
  const auto& arguments = c.syscall.arguments;
  if (c.arg == 2 && arguments.size() == 5) {
    constexpr int32_t kFirstCommandWithoutKey = 6;  // FSCONFIG_CMD_CREATE
    if (arguments[3].type == tracer::ArgType::mount_flags && (mount_flags_of(c) & (kRemount | kBindMovePropagate)) != 0)
      return c.address(value);
    if (arguments[1].type == tracer::ArgType::fsconfig_cmd && c.int_arg(1) >= kFirstCommandWithoutKey)
      return c.address(value);
  }
  print_path(c, value);
}

namespace {

enum FsconfigCommand : uint32_t {
  kSetFlag = 0,
  kSetString = 1,
  kSetBinary = 2,
  kSetPath = 3,
  kSetPathEmpty = 4,
  kSetFd = 5
};

}  // namespace

void print_fsconfig_value(Context& c, uint64_t value) {
  switch (c.uint_arg(1)) {
    case kSetString:
      return print_text(c, value);
    case kSetPath:
    case kSetPathEmpty:
      return print_path(c, value);
    case kSetBinary: {
      const Piece piece = c.piece(value);
      if (!piece.found || piece.fault()) return c.address(value);
      const std::size_t shown = std::min<std::size_t>(piece.bytes.size(), c.style.string_limit);
      append_hex_string(c.out, piece.bytes.first(shown));
      if (piece.wanted > shown) c.out += "...";
      return;
    }
    default:
      return c.address(value);
  }
}

namespace {

void append_mount_attr(Context& c, Fields& f) {
  const uint64_t set = f.u64(), clear = f.u64(), propagation = f.u64(), user = f.u64();
  c.out += "{attr_set=";
  append_flags(c.out, set, kMountAttr);
  c.out += ", attr_clr=";
  append_flags(c.out, clear, kMountAttr);
  c.out += ", propagation=";
  append_flags(c.out, propagation, kMountFlags);
  c.out += ", userns_fd=";
  c.fd(static_cast<int32_t>(user));
  c.out += '}';
}

}  // namespace

void print_mount_attr(Context& c, uint64_t value) {
  print_struct<append_mount_attr>(c, value);
}

void print_quota_command(Context& c, uint64_t value) {
  c.out += "QCMD(";
  append_choice(c.out, static_cast<uint32_t>(value) >> 8, kQuotaCommand);
  c.out += ", ";
  append_choice(c.out, value & 0xff, kQuotaType);
  c.out += ')';
}

namespace {

enum class QuotaForm : uint8_t { nothing, format_and_path, out_int, address, id_and_address };

QuotaForm quota_form(uint32_t command) {
  switch (command) {
    case 0x800001:  // Q_SYNC
    case 0x800003:  // Q_QUOTAOFF
    case 0x5807:    // Q_XQUOTASYNC
      return QuotaForm::nothing;
    case 0x800002:  // Q_QUOTAON
      return QuotaForm::format_and_path;
    case 0x800004:  // Q_GETFMT
      return QuotaForm::out_int;
    case 0x800007:  // Q_GETQUOTA
    case 0x800008:
    case 0x800009:
    case 0x5803:  // Q_XGETQUOTA
    case 0x5804:
    case 0x5809:
      return QuotaForm::id_and_address;
    default:
      return find_word(kQuotaCommand, command).empty() ? QuotaForm::id_and_address : QuotaForm::address;
  }
}

uint32_t quota_command(const Context& c) {
  for (std::size_t i = 0; i < c.syscall.arguments.size(); ++i)
    if (c.syscall.arguments[i].type == tracer::ArgType::quotactl_cmd) return c.uint_arg(static_cast<unsigned>(i)) >> 8;
  return 0;
}

}  // namespace

// quotactl's id: printed only for the commands that have one. Elsewhere a uid is a uid.
void print_uid(Context& c, uint64_t value) {
  if (c.arg == 2 && c.syscall.arguments.size() == 4 && c.syscall.arguments[3].type == tracer::ArgType::quotactl_addr) {
    const QuotaForm form = quota_form(quota_command(c));
    if (form == QuotaForm::format_and_path) return append_unsigned(c.out, value);
    if (form != QuotaForm::id_and_address) {
      c.omitted = true;
      return;
    }
  }
  c.id(static_cast<uint32_t>(value));
}

void print_quota_address(Context& c, uint64_t value) {
  switch (quota_form(quota_command(c))) {
    case QuotaForm::nothing:
      c.omitted = true;
      return;
    case QuotaForm::format_and_path:
      return print_path(c, value);
    case QuotaForm::out_int:
      if (!c.succeeded()) return c.address(value);
      return print_struct<[](Context& context, Fields& f) {
        context.out += '[';
        append_unsigned(context.out, f.u32());
        context.out += ']';
      }>(c, value);
    case QuotaForm::address:
    case QuotaForm::id_and_address:
      return c.address(value);
  }
}

void print_swap_flags(Context& c, uint64_t value) {
  constexpr uint32_t kPriorityMask = 0x7fff;
  const auto flags = static_cast<uint32_t>(value);
  const uint32_t priority = flags & kPriorityMask;
  if ((flags & ~kPriorityMask) == 0) return append_unsigned(c.out, priority);
  append_flags(c.out, flags & ~kPriorityMask, kSwapFlags);
  if (priority == 0) return;
  c.out += '|';
  append_unsigned(c.out, priority);
}

}  // namespace sightline::decode
