// Printers of what a system tells about itself or takes for itself: uname, sysinfo, filters, keys, events.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

template <std::size_t width, std::size_t count>
void append_utsname(Context& c, Fields& f) {
  constexpr std::string_view kNames[] = {"sysname", "nodename", "release", "version", "machine", "domainname"};
  c.out += '{';
  for (std::size_t i = 0; i < count; ++i) {
    const auto text = f.raw(width);
    if (i >= 2 && !c.style.verbose) continue;
    if (i != 0) c.out += ", ";
    c.out += kNames[i];
    c.out += '=';
    c.quoted(up_to_nul(text), false);
  }
  c.out += c.style.verbose ? "}" : ", ...}";
}

void append_sysinfo(Context& c, Fields& f) {
  const auto number = [&](std::string_view name, uint64_t value) {
    c.out += name;
    append_unsigned(c.out, value);
  };
  number("{uptime=", f.ulong());
  number(", loads=[", f.ulong());
  number(", ", f.ulong());
  number(", ", f.ulong());
  number("], totalram=", f.ulong());
  number(", freeram=", f.ulong());
  number(", sharedram=", f.ulong());
  number(", bufferram=", f.ulong());
  number(", totalswap=", f.ulong());
  number(", freeswap=", f.ulong());
  number(", procs=", f.u16());
  f.u16();
  f.align(f.long_size());
  number(", totalhigh=", f.ulong());
  number(", freehigh=", f.ulong());
  number(", mem_unit=", f.u32());
  c.out += '}';
}

// struct user_desc (asm/ldt.h)
void append_user_desc(Context& c, Fields& f) {
  const uint32_t entry = f.u32(), base = f.u32(), limit = f.u32(), bits = f.u32();
  const auto padded = [&](uint32_t value) {
    std::string digits;
    append_hex_always(digits, value);
    const std::string_view hex = std::string_view(digits).substr(2);
    // As printf's %#08x: the prefix counts as part of the width, and zero has none.
    if (value == 0) return c.text("00000000");
    c.out += "0x";
    c.out.append(hex.size() < 6 ? 6 - hex.size() : 0, '0');
    c.out += hex;
  };
  c.out += "{entry_number=";
  if (entry == UINT32_MAX) {
    c.out += "-1";
  } else {
    append_unsigned(c.out, entry);
  }
  c.out += ", base_addr=";
  padded(base);
  c.out += ", limit=";
  padded(limit);
  constexpr struct {
    std::string_view name;
    unsigned shift, mask;
  } kBits[] = {
      {", seg_32bit=", 0, 1},      {", contents=", 1, 3},        {", read_exec_only=", 3, 1},
      {", limit_in_pages=", 4, 1}, {", seg_not_present=", 5, 1}, {", useable=", 6, 1},
  };
  for (const auto& bit : kBits) {
    c.out += bit.name;
    append_unsigned(c.out, bits >> bit.shift & bit.mask);
  }
  if (!c.narrow()) {
    c.out += ", lm=";
    append_unsigned(c.out, bits >> 7 & 1);
  }
  c.out += '}';
}

}  // namespace

void print_utsname(Context& c, uint64_t value) {
  print_struct<append_utsname<65, 6>>(c, value);
}
void print_utsname_old(Context& c, uint64_t value) {
  print_struct<append_utsname<65, 5>>(c, value);
}
void print_utsname_oldold(Context& c, uint64_t value) {
  print_struct<append_utsname<9, 5>>(c, value);
}
void print_sysinfo(Context& c, uint64_t value) {
  print_struct<append_sysinfo>(c, value);
}
// set_thread_area says behind its result which entry it took; what get_thread_area was asked for is its
// entry number alone.
void print_user_desc(Context& c, uint64_t value) {
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  Fields asked = c.fields(before.bytes);
  const uint32_t entry = asked.u32();
  if (!before.found || !asked.ok() || !after.found || c.syscall.arguments.size() != 1) {
    if (before.found && asked.ok() && c.syscall.name == "get_thread_area") {
      c.out += "{entry_number=";
      append_unsigned(c.out, entry);
      c.out += ", ...}";
      return;
    }
    constexpr uint64_t kBytes = 16;  // modify_ldt tells how large its struct is
    if (c.syscall.arguments.size() == 3 && c.args[2] != kBytes) return c.address(value);
    return print_struct<append_user_desc>(c, value);
  }
  const bool setting = c.syscall.name == "set_thread_area";
  const Piece& shown = setting ? before : after;
  const std::size_t mark = c.out.size();
  Fields f = c.fields(shown.bytes);
  append_user_desc(c, f);
  if (!f.ok()) {
    c.out.resize(mark);
    return c.address(value);
  }
  if (!setting || c.result_note == nullptr || !c.succeeded()) return;
  Fields found = c.fields(after.bytes);
  const uint32_t number = found.u32();
  *c.result_note += "entry_number=";
  append_unsigned(*c.result_note, number);
}

void print_filter_program(Context& c, uint64_t value) {
  print_struct<append_filter_program>(c, value);
}

namespace {

void append_action_word(Context& c, Fields& f) {
  c.out += '[';
  append_choice(c.out, f.u32(), kSeccompAction);
  c.out += ']';
}

void append_notification_sizes(Context& c, Fields& f) {
  constexpr std::string_view kNames[] = {"{seccomp_notif=", ", seccomp_notif_resp=", ", seccomp_data="};
  for (const std::string_view name : kNames) {
    c.out += name;
    append_unsigned(c.out, f.u16());
  }
  c.out += '}';
}

}  // namespace

void print_seccomp_flags(Context& c, uint64_t value) {
  constexpr uint32_t kSetFilter = 1;
  if (c.uint_arg(0) == kSetFilter) return append_flags(c.out, static_cast<uint32_t>(value), kSeccompFilter);
  append_hex(c.out, static_cast<uint32_t>(value));
}

void print_seccomp_argument(Context& c, uint64_t value) {
  constexpr uint32_t kSetFilter = 1, kActionAvailable = 2, kSizes = 3;
  switch (c.uint_arg(0)) {
    case kSetFilter:
      return print_filter_program(c, value);
    case kActionAvailable:
      return print_struct<append_action_word>(c, value);
    case kSizes:
      if (!c.succeeded()) return c.address(value);
      return print_struct<append_notification_sizes>(c, value);
    default:
      return c.address(value);
  }
}

bool late_seccomp_argument(const Context& c) {
  constexpr uint32_t kSizes = 3;
  return c.uint_arg(0) == kSizes;
}

// Some of syslog's actions take no buffer.
bool without_buffer(const Context& c) {
  constexpr uint32_t kWithBuffer = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8;  // READ, READ_ALL, READ_CLEAR, CONSOLE_LEVEL
  const auto& arguments = c.syscall.arguments;
  if (arguments.size() != 3 || arguments[0].type != tracer::ArgType::syslog_type) return false;
  const uint32_t action = c.uint_arg(0);
  return action <= 10 && (kWithBuffer >> action & 1) == 0;
}

void print_int(Context& c, uint64_t value) {
  const auto& arguments = c.syscall.arguments;
  const bool cpu = c.arg == 2 && arguments[1].type == tracer::ArgType::membarrier_flags;
  if (without_buffer(c) || (cpu && (c.uint_arg(1) & 1) == 0)) {
    c.omitted = true;
    return;
  }
  append_decimal(c.out, static_cast<int32_t>(value));
}

// syslog's numbers stand before their names.
void print_syslog_action(Context& c, uint64_t value) {
  append_decimal(c.out, static_cast<int32_t>(value));
  c.out += " /* ";
  const std::string_view name = find_word(kSyslog, value);
  c.out += name.empty() ? kSyslog.unknown : name;
  c.out += " */";
}

void print_kexec_flags(Context& c, uint64_t value) {
  constexpr uint64_t kArch = 0xffff0000;
  append_choice(c.out, value & kArch, kKexecArch);
  if ((value & ~kArch) == 0) return;
  c.out += '|';
  append_flags(c.out, value & ~kArch, kKexec);
}

void print_fanotify_flags(Context& c, uint64_t value) {
  constexpr uint32_t kClass = 0xc;
  const auto flags = static_cast<uint32_t>(value);
  append_choice(c.out, flags & kClass, kFanotifyClass);
  if ((flags & ~kClass) == 0) return;
  c.out += '|';
  append_flags(c.out, flags & ~kClass, kFanotifyInit);
}

// i386 passes the mask's halves in two registers.
void print_fanotify_mask(Context& c, uint64_t value) {
  if (c.narrow() && c.arg + 1u < c.args.size()) value = (value & 0xffffffff) | c.args[c.arg + 1] << 32;
  append_flags(c.out, value, kFanotifyEvents);
}

void print_landlock_flags(Context& c, uint64_t value) {
  if (c.syscall.name == "landlock_create_ruleset") return append_flags(c.out, value, kLandlockCreate);
  append_hex(c.out, value);
}

// reboot looks at its last argument for one command only.
void print_pointer(Context& c, uint64_t value) {
  constexpr uint32_t kRestart2 = 0xa1b2c3d4;
  if (c.arg == 3 && c.syscall.arguments[2].type == tracer::ArgType::reboot_cmd && c.uint_arg(2) != kRestart2) {
    c.omitted = true;
    return;
  }
  c.address(value);
}

void print_reboot_magic(Context& c, uint64_t value) {
  append_choice(c.out, static_cast<uint32_t>(value), c.arg == 0 ? kRebootMagic1 : kRebootMagic2);
}

void print_key(Context& c, uint64_t value) {
  append_key(c.out, static_cast<int32_t>(value));
}

void append_key(std::string& out, int32_t key) {
  const std::string_view name = find_word(kKeySerial, static_cast<uint32_t>(key));
  if (name.empty()) {
    append_decimal(out, key);
  } else {
    out += name;
  }
}

namespace {

void append_ruleset(Context& c, Fields& f) {
  c.out += "{handled_access_fs=";
  append_flags(c.out, f.u64(), kLandlockAccess);
  if (f.left() >= 8) {
    c.out += ", handled_access_net=";
    append_flags(c.out, f.u64(), kLandlockNet);
  }
  c.out += '}';
}

void append_rule(Context& c, Fields& f) {
  f.pack();
  const uint64_t access = f.u64();
  if (c.uint_arg(1) == 2) {
    c.out += "{allowed_access=";
    append_flags(c.out, access, kLandlockNet);
    c.out += ", port=";
    append_unsigned(c.out, f.u64());
  } else {
    c.out += "{allowed_access=";
    append_flags(c.out, access, kLandlockAccess);
    c.out += ", parent_fd=";
    c.fd(f.s32());
  }
  c.out += '}';
}

}  // namespace

void print_landlock_ruleset(Context& c, uint64_t value) {
  print_struct<append_ruleset>(c, value);
}
void print_landlock_rule(Context& c, uint64_t value) {
  print_struct<append_rule>(c, value);
}

namespace {

// The first 48 bytes of perf_event_attr (include/uapi/linux/perf_event.h) tell what is counted.
void append_perf_attr(Context& c, Fields& f) {
  constexpr uint32_t kHardware = 0, kSoftware = 1;
  const uint32_t type = f.u32(), size = f.u32();
  const uint64_t config = f.u64(), period = f.u64(), sample = f.u64(), format = f.u64(), bits = f.u64();
  c.out += "{type=";
  append_choice(c.out, type, kPerfType);
  c.out += ", size=";
  append_hex(c.out, size);
  c.out += ", config=";
  if (type == kHardware) {
    append_choice(c.out, config, kPerfHardware);
  } else if (type == kSoftware) {
    append_choice(c.out, config, kPerfSoftware);
  } else {
    append_hex(c.out, config);
  }
  constexpr uint64_t kFrequency = 1 << 10;
  c.out += (bits & kFrequency) != 0 ? ", sample_freq=" : ", sample_period=";
  append_unsigned(c.out, period);
  c.out += ", sample_type=";
  append_flags(c.out, sample, kPerfSample);
  c.out += ", read_format=";
  append_flags(c.out, format, kPerfRead);
  constexpr struct {
    std::string_view name;
    unsigned bit;
  } kBits[] = {
      {", disabled=1", 0},
      {", inherit=1", 1},
      {", pinned=1", 2},
      {", exclusive=1", 3},
      {", exclude_user=1", 4},
      {", exclude_kernel=1", 5},
      {", exclude_hv=1", 6},
      {", exclude_idle=1", 7},
      {", mmap=1", 8},
      {", comm=1", 9},
      {", freq=1", 10},
      {", inherit_stat=1", 11},
      {", enable_on_exec=1", 12},
      {", task=1", 13},
      {", watermark=1", 14},
  };
  for (const auto& bit : kBits)
    if ((bits >> bit.bit & 1) != 0) c.out += bit.name;
  constexpr std::string_view kPrecision[] = {
      ", precise_ip=0 /* arbitrary skid */",
      ", precise_ip=1 /* constant skid */",
      ", precise_ip=2 /* requested to have 0 skid */",
      ", precise_ip=3 /* must have 0 skid */",
  };
  c.out += kPrecision[bits >> 15 & 3];
  c.out += ", ...}";
}

}  // namespace

void print_perf_attr(Context& c, uint64_t value) {
  print_struct<append_perf_attr>(c, value);
}

namespace {

void append_cachestat_range(Context& c, Fields& f) {
  c.out += "{off=";
  append_unsigned(c.out, f.u64());
  c.out += ", len=";
  append_unsigned(c.out, f.u64());
  c.out += '}';
}

void append_cachestat(Context& c, Fields& f) {
  constexpr std::string_view kNames[] = {
      "{nr_cache=", ", nr_dirty=", ", nr_writeback=", ", nr_evicted=", ", nr_recently_evicted=",
  };
  for (const std::string_view name : kNames) {
    c.out += name;
    append_unsigned(c.out, f.u64());
  }
  c.out += '}';
}

}  // namespace

void print_cachestat_range(Context& c, uint64_t value) {
  print_struct<append_cachestat_range>(c, value);
}
void print_cachestat(Context& c, uint64_t value) {
  print_struct<append_cachestat>(c, value);
}

}  // namespace sightline::decode
