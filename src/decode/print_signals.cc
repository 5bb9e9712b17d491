// Printers of signals: names, sets, actions, alternate stacks, events.
#include <bit>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr std::string_view kSignalNames[] = {
    "",     "HUP",  "INT",  "QUIT", "ILL",    "TRAP",   "ABRT",  "BUS",  "FPE",  "KILL", "USR1",
    "SEGV", "USR2", "PIPE", "ALRM", "TERM",   "STKFLT", "CHLD",  "CONT", "STOP", "TSTP", "TTIN",
    "TTOU", "URG",  "XCPU", "XFSZ", "VTALRM", "PROF",   "WINCH", "IO",   "PWR",  "SYS",
};
constexpr int kFirstRealtime = 32;  // of the kernel; the C library keeps two of them for itself
constexpr int kLastSignal = 64;

/// `INT`, `RTMIN`, `RT_1`.
bool append_short_name(std::string& out, int signo) {
  if (signo > 0 && signo < kFirstRealtime) {
    out += kSignalNames[signo];
  } else if (signo == kFirstRealtime) {
    out += "RTMIN";
  } else if (signo > kFirstRealtime && signo <= kLastSignal) {
    out += "RT_";
    append_decimal(out, signo - kFirstRealtime);
  } else {
    return false;
  }
  return true;
}

}  // namespace

std::string signal_name(int signo) {
  std::string name = "SIG";
  if (append_short_name(name, signo)) return name;
  name.clear();
  append_hex_always(name, static_cast<uint32_t>(signo));
  return name;
}

void append_signal(std::string& out, int signo) {
  const std::size_t mark = out.size();
  out += "SIG";
  if (append_short_name(out, signo)) return;
  out.resize(mark);
  append_decimal(out, signo);
}

void append_signal_set(std::string& out, uint64_t set, int signals) {
  const uint64_t all = signals == 64 ? UINT64_MAX : (uint64_t{1} << signals) - 1;
  set &= all;
  // A set that lacks few signals reads better by what it lacks.
  if (std::popcount(set) > signals * 2 / 3) {
    out += '~';
    set = ~set & all;
  }
  out += '[';
  bool first = true;
  while (set != 0) {
    const int bit = std::countr_zero(set);
    set &= set - 1;
    if (!first) out += ' ';
    first = false;
    append_short_name(out, bit + 1);
  }
  out += ']';
}

void print_signal(Context& c, uint64_t value) {
  append_signal(c.out, static_cast<int32_t>(value));
}

namespace {

constexpr std::size_t kSetBytes = 8;

void append_set(Context& c, Fields& f) {
  append_signal_set(c.out, f.u64(), 64);
}
void append_old_set(Context& c, Fields& f) {
  append_signal_set(c.out, f.u32(), 32);
}

/// The size of the set stands in the call's last argument, if it has one; the kernel knows no other than 8.
bool has_set_size(const Context& c) {
  for (std::size_t i = 0; i < c.syscall.arguments.size(); ++i)
    if (c.syscall.arguments[i].type == tracer::ArgType::sigset_size) return c.args[i] == kSetBytes;
  return true;
}

}  // namespace

void print_signal_set(Context& c, uint64_t value) {
  if (!has_set_size(c)) return c.address(value);
  print_struct<append_set>(c, value);
}

void print_old_signal_set(Context& c, uint64_t value) {
  print_struct<append_old_set>(c, value);
}

void print_signal_set_value(Context& c, uint64_t value) {
  append_signal_set(c.out, static_cast<uint32_t>(value), 32);
}

// pselect6's last argument: {const sigset_t *, size_t}.
void print_signal_set_pack(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  Fields f = c.fields(piece.bytes);
  const uint64_t set = f.ulong(), size = f.ulong();
  if (!piece.found || !f.ok()) return c.address(value);
  c.out += "{sigmask=";
  const Piece bits = c.piece(set);
  if (set != 0 && size == kSetBytes && bits.found && bits.bytes.size() >= kSetBytes) {
    Fields inner = c.fields(bits.bytes);
    append_set(c, inner);
  } else {
    c.address(set);
  }
  c.out += ", sigsetsize=";
  append_unsigned(c.out, size);
  c.out += '}';
}

namespace {

void append_handler(Context& c, uint64_t handler) {
  if (c.narrow()) handler &= 0xffffffff;
  const uint64_t error = c.narrow() ? UINT32_MAX : UINT64_MAX;
  if (handler == 0) {
    c.out += "SIG_DFL";
  } else if (handler == 1) {
    c.out += "SIG_IGN";
  } else if (handler == error) {
    c.out += "SIG_ERR";
  } else {
    c.address(handler);
  }
}

struct Action {
  uint64_t handler = 0, mask = 0, flags = 0, restorer = 0;
  int signals = 64;
};

void append_action(Context& c, const Action& action) {
  constexpr uint64_t kRestorer = 0x04000000;
  c.out += "{sa_handler=";
  append_handler(c, action.handler);
  c.out += ", sa_mask=";
  append_signal_set(c.out, action.mask, action.signals);
  c.out += ", sa_flags=";
  append_flags(c.out, action.flags, kSigactionFlags);
  if ((action.flags & kRestorer) != 0) {
    c.out += ", sa_restorer=";
    c.address(action.restorer);
  }
  c.out += '}';
}

// The kernel's struct, not the C library's (arch/x86/include/uapi/asm/signal.h).
void append_sigaction(Context& c, Fields& f) {
  Action action;
  action.handler = f.ulong();
  action.flags = f.ulong();
  action.restorer = f.ulong();
  action.mask = f.u64();
  append_action(c, action);
}

void append_old_sigaction(Context& c, Fields& f) {
  Action action{.signals = 32};
  action.handler = f.u32();
  action.mask = f.u32();
  action.flags = f.u32();
  action.restorer = f.u32();
  append_action(c, action);
}

void append_stack(Context& c, Fields& f) {
  const uint64_t base = f.ulong();
  const uint32_t flags = f.u32();
  c.out += "{ss_sp=";
  c.address(base);
  c.out += ", ss_flags=";
  append_flags(c.out, flags, kSigstackFlags);
  c.out += ", ss_size=";
  append_unsigned(c.out, f.ulong());
  c.out += '}';
}

void append_sigevent(Context& c, Fields& f) {
  constexpr uint32_t kThread = 2, kThreadId = 4;
  const uint64_t pointer = f.ulong();
  const int32_t signo = f.s32();
  const uint32_t notify = f.u32();
  c.out += '{';
  if (pointer != 0) {
    c.out += "sigev_value={sival_int=";
    append_decimal(c.out, static_cast<int32_t>(pointer));
    c.out += ", sival_ptr=";
    c.address(pointer);
    c.out += "}, ";
  }
  c.out += "sigev_signo=";
  if (notify == 0 || notify == kThreadId) {
    append_signal(c.out, signo);
  } else {
    append_unsigned(c.out, static_cast<uint32_t>(signo));
  }
  c.out += ", sigev_notify=";
  append_choice(c.out, notify, kSigevent);
  if (notify == kThreadId) {
    c.out += ", sigev_notify_thread_id=";
    append_decimal(c.out, f.s32());
  } else if (notify == kThread) {
    f.align(f.long_size());
    c.out += ", sigev_notify_function=";
    c.address(f.ulong());
    c.out += ", sigev_notify_attributes=";
    c.address(f.ulong());
  }
  c.out += '}';
}

}  // namespace

void print_sigaction(Context& c, uint64_t value) {
  print_struct<append_sigaction>(c, value);
}
void print_old_sigaction(Context& c, uint64_t value) {
  print_struct<append_old_sigaction>(c, value);
}
void print_handler(Context& c, uint64_t value) {
  append_handler(c, value);
}
void print_stack(Context& c, uint64_t value) {
  print_struct<append_stack>(c, value);
}
void print_sigevent(Context& c, uint64_t value) {
  print_struct<append_sigevent>(c, value);
}

}  // namespace sightline::decode
