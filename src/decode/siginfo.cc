// siginfo_t in words (include/uapi/asm-generic/siginfo.h): which member of its union counts, signal and code decide.
#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"
#include "tracer/syscall_table.h"

namespace sightline::decode {
namespace {

enum Signal : int {
  kSigill = 4,
  kSigtrap = 5,
  kSigbus = 7,
  kSigfpe = 8,
  kSigsegv = 11,
  kSigchld = 17,
  kSigio = 29,
  kSigsys = 31,
};

enum Code : int {
  kUser = 0,
  kKernel = 0x80,
  kQueue = -1,
  kTimer = -2,
  kMessage = -3,
  kAsyncIo = -4,
  kSigioCode = -5,
  kTkill = -6,
  kAsyncName = -60,
};

const Vocabulary* codes_of(int signo) {
  switch (signo) {
    case kSigill:
      return &kIllCode;
    case kSigtrap:
      return &kTrapCode;
    case kSigbus:
      return &kBusCode;
    case kSigfpe:
      return &kFpeCode;
    case kSigsegv:
      return &kSegvCode;
    case kSigchld:
      return &kChildCode;
    case kSigio:
      return &kPollCode;
    case kSigsys:
      return &kSysCode;
    default:
      return nullptr;
  }
}

/// Appends `, name=` and lets the caller append the value.
std::string& field(std::string& out, std::string_view name) {
  out += ", ";
  out += name;
  out += '=';
  return out;
}

void append_pointer(std::string& out, uint64_t value) {
  if (value == 0) {
    out += "NULL";
  } else {
    append_hex(out, value);
  }
}

void append_value(std::string& out, Fields& f) {
  const uint64_t value = f.ulong();
  if (value == 0) return;
  append_decimal(field(out, "si_int"), static_cast<int32_t>(value));
  append_pointer(field(out, "si_ptr"), value);
}

void append_sender(std::string& out, int32_t pid, uint32_t uid) {
  append_decimal(field(out, "si_pid"), pid);
  field(out, "si_uid");
  if (uid == UINT32_MAX) {
    out += "-1";
  } else {
    append_unsigned(out, uid);
  }
}

}  // namespace

void append_ticks(std::string& out, int64_t ticks) {
  append_decimal(out, ticks);
  if (ticks == 0) return;
  constexpr int64_t kTicksPerSecond = 100;  // USER_HZ
  out += " /* ";
  append_decimal(out, ticks / kTicksPerSecond);
  out += '.';
  append_padded(out, static_cast<uint64_t>(ticks < 0 ? -(ticks % kTicksPerSecond) : ticks % kTicksPerSecond), 2);
  out += " s */";
}

namespace {

void append_child(std::string& out, Fields& f, int code) {
  constexpr int kExited = 1;
  const int32_t pid = f.s32();
  append_sender(out, pid, f.u32());
  const int32_t status = f.s32();
  field(out, "si_status");
  if (code == kExited) {
    append_decimal(out, status);
  } else {
    append_signal(out, status);
  }
  append_ticks(field(out, "si_utime"), f.slong());
  append_ticks(field(out, "si_stime"), f.slong());
}

void append_fault(std::string& out, Fields& f, int signo, int code) {
  constexpr int kMachineCheckRequired = 4, kMachineCheckOptional = 5, kBounds = 3, kProtectionKey = 4;
  append_pointer(field(out, "si_addr"), f.ulong());
  if (signo == kSigbus && (code == kMachineCheckRequired || code == kMachineCheckOptional)) {
    append_hex(field(out, "si_addr_lsb"), f.u16());
  } else if (signo == kSigsegv && code == kBounds) {
    f.ulong();  // si_addr_lsb, padded
    append_pointer(field(out, "si_lower"), f.ulong());
    append_pointer(field(out, "si_upper"), f.ulong());
  } else if (signo == kSigsegv && code == kProtectionKey) {
    f.ulong();
    append_unsigned(field(out, "si_pkey"), f.u32());
  }
}

void append_seccomp(std::string& out, Fields& f) {
  constexpr uint32_t kX86_64 = 0xc000003e, kI386 = 0x40000003, kX32Bit = 0x40000000;
  append_pointer(field(out, "si_call_addr"), f.ulong());
  const uint32_t number = f.u32(), arch = f.u32();
  field(out, "si_syscall");
  const bool x32 = arch == kX86_64 && (number & kX32Bit) != 0;
  const tracer::Abi abi = arch == kI386 ? tracer::Abi::i386 : x32 ? tracer::Abi::x32 : tracer::Abi::x86_64;
  const bool known = arch == kI386 || arch == kX86_64;
  const auto* call =
      known ? tracer::find_syscall(abi, static_cast<int32_t>(x32 ? number & ~kX32Bit : number)) : nullptr;
  if (call != nullptr) {
    out += "__NR_";
    out += call->name;
  } else {
    append_unsigned(out, number);
  }
  field(out, "si_arch");
  if (arch == kX86_64) {
    out += "AUDIT_ARCH_X86_64";
  } else if (arch == kI386) {
    out += "AUDIT_ARCH_I386";
  } else {
    append_hex(out, arch);
    out += " /* AUDIT_ARCH_??? */";
  }
}

void append_anything(std::string& out, Fields& f) {
  const int32_t pid = f.s32();
  const uint32_t uid = f.u32();
  if (pid != 0 || uid != 0) append_sender(out, pid, uid);
  append_value(out, f);
}

void append_by_code(std::string& out, Fields& f, int signo, int code) {
  switch (code) {
    case kUser:
    case kTkill: {
      const int32_t pid = f.s32();
      return append_sender(out, pid, f.u32());
    }
    case kQueue:
    case kMessage:
    case kAsyncIo:
    case kAsyncName: {
      const int32_t pid = f.s32();
      append_sender(out, pid, f.u32());
      return append_value(out, f);
    }
    case kTimer:
      append_hex(field(out, "si_timerid"), f.u32());
      append_decimal(field(out, "si_overrun"), f.s32());
      append_decimal(field(out, "si_int"), static_cast<int32_t>(Fields(f).u32()));
      return append_pointer(field(out, "si_ptr"), f.ulong());
    case kSigioCode:
      append_decimal(field(out, "si_band"), f.slong());
      return append_decimal(field(out, "si_fd"), f.s32());
    default:
      break;
  }
  if (code < 0) return append_anything(out, f);
  switch (signo) {
    case kSigchld:
      return append_child(out, f, code);
    case kSigill:
    case kSigfpe:
    case kSigsegv:
    case kSigbus:
    case kSigtrap:
      return append_fault(out, f, signo, code);
    case kSigio:
      if (find_word(kPollCode, static_cast<uint32_t>(code)).empty()) return;
      append_decimal(field(out, "si_band"), f.slong());
      return append_decimal(field(out, "si_fd"), f.s32());
    case kSigsys:
      return append_seccomp(out, f);
    default:
      return append_anything(out, f);
  }
}

}  // namespace

void append_siginfo(std::string& out, Fields& f) {
  const int32_t signo = f.s32(), error = f.s32(), code = f.s32();
  if (signo == 0) {
    out += "{}";
    return;
  }
  f.align(f.long_size());
  out += "{si_signo=";
  append_signal(out, signo);
  field(out, "si_code");
  std::string_view name = find_word(kSiCode, static_cast<uint32_t>(code));
  if (const Vocabulary* codes = codes_of(signo); name.empty() && codes != nullptr)
    name = find_word(*codes, static_cast<uint32_t>(code));
  if (name.empty()) {
    append_hex(out, static_cast<uint32_t>(code));
  } else {
    out += name;
  }
  if (error != 0) {
    field(out, "si_errno");
    const std::string_view error_word = errno_name(error);
    if (error_word.empty()) {
      append_decimal(out, error);
    } else {
      out += error_word;
    }
  }
  append_by_code(out, f, signo, code);
  out += '}';
}

std::string siginfo_text(std::span<const std::byte> siginfo) {
  std::string text;
  Fields f(siginfo, 8, 8);
  append_siginfo(text, f);
  return f.ok() ? text : std::string();
}

namespace {

void append_info(Context& c, Fields& f) {
  append_siginfo(c.out, f);
}

}  // namespace

void print_siginfo(Context& c, uint64_t value) {
  print_struct<append_info>(c, value);
}

}  // namespace sightline::decode
