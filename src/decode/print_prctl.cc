// prctl and arch_prctl: what their arguments are, and whether they appear, the option decides.
#include <linux/prctl.h>

#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

enum class Form : uint8_t {
  none,  ///< not printed, nor what follows
  hex,   ///< bare
  decimal,
  unsigned_,
  signal,
  word,  ///< of `words`
  flags,
  name,      ///< a string the call reads
  name_out,  ///< a string it writes
  pointer,   ///< an address
  int_out,   ///< `[1]`, an int it writes
  word_out,  ///< `[PR_TSC_ENABLE]`
  pointer_out,
  capability,
  filter,
  pid_or_any,
};

struct Option {
  uint32_t option;
  Form forms[4];                       ///< of arguments 2 to 5
  const Vocabulary* words = nullptr;   ///< of argument 2
  const Vocabulary* words3 = nullptr;  ///< of argument 3
};

constexpr Form N = Form::none, H = Form::hex, U = Form::unsigned_, W = Form::word, X = Form::int_out;

constexpr Option kOptions[] = {
    {PR_SET_PDEATHSIG, {Form::signal, N, N, N}},
    {PR_GET_PDEATHSIG, {X, N, N, N}},
    {PR_GET_DUMPABLE, {N, N, N, N}},
    {PR_SET_DUMPABLE, {W, N, N, N}, &kDumpable},
    {PR_GET_UNALIGN, {X, N, N, N}},
    {PR_SET_UNALIGN, {Form::flags, N, N, N}, &kUnalign},
    {PR_GET_KEEPCAPS, {N, N, N, N}},
    {PR_SET_KEEPCAPS, {U, N, N, N}},
    {PR_GET_FPEMU, {X, N, N, N}},
    {PR_SET_FPEMU, {U, N, N, N}},
    {PR_GET_FPEXC, {X, N, N, N}},
    {PR_SET_FPEXC, {U, N, N, N}},
    {PR_GET_TIMING, {N, N, N, N}},
    {PR_SET_TIMING, {U, N, N, N}},
    {PR_SET_NAME, {Form::name, N, N, N}},
    {PR_GET_NAME, {Form::name_out, N, N, N}},
    {PR_GET_ENDIAN, {X, N, N, N}},
    {PR_SET_ENDIAN, {U, N, N, N}},
    {PR_GET_SECCOMP, {N, N, N, N}},
    {PR_SET_SECCOMP, {W, Form::filter, N, N}, &kSeccompMode},
    {PR_CAPBSET_READ, {Form::capability, N, N, N}},
    {PR_CAPBSET_DROP, {Form::capability, N, N, N}},
    {PR_GET_TSC, {Form::word_out, N, N, N}, &kTsc},
    {PR_SET_TSC, {W, N, N, N}, &kTsc},
    {PR_GET_SECUREBITS, {N, N, N, N}},
    {PR_SET_SECUREBITS, {Form::flags, N, N, N}, &kSecurebits},
    {PR_SET_TIMERSLACK, {Form::decimal, N, N, N}},
    {PR_GET_TIMERSLACK, {N, N, N, N}},
    {PR_TASK_PERF_EVENTS_DISABLE, {N, N, N, N}},
    {PR_TASK_PERF_EVENTS_ENABLE, {N, N, N, N}},
    {PR_MCE_KILL, {W, W, H, H}, &kMceKill, &kMceKillPolicy},
    {PR_MCE_KILL_GET, {H, H, H, H}},
    {PR_SET_MM, {W, H, H, H}, &kSetMm},
    {PR_SET_CHILD_SUBREAPER, {U, N, N, N}},
    {PR_GET_CHILD_SUBREAPER, {X, N, N, N}},
    {PR_SET_NO_NEW_PRIVS, {U, H, H, H}},
    {PR_GET_NO_NEW_PRIVS, {H, H, H, H}},
    {PR_GET_TID_ADDRESS, {Form::pointer_out, N, N, N}},
    {PR_SET_THP_DISABLE, {U, H, H, H}},
    {PR_GET_THP_DISABLE, {H, H, H, H}},
    {PR_MPX_ENABLE_MANAGEMENT, {H, H, H, H}},
    {PR_MPX_DISABLE_MANAGEMENT, {H, H, H, H}},
    {PR_SET_FP_MODE, {H, N, N, N}},
    {PR_GET_FP_MODE, {N, N, N, N}},
    {PR_CAP_AMBIENT, {W, Form::capability, H, H}, &kCapAmbient},
    {PR_SVE_SET_VL, {H, N, N, N}},
    {PR_SVE_GET_VL, {N, N, N, N}},
    {PR_GET_SPECULATION_CTRL, {W, N, N, N}, &kSpec},
    {PR_SET_SPECULATION_CTRL, {W, Form::flags, N, N}, &kSpec, &kSpecControl},
    {PR_GET_TAGGED_ADDR_CTRL, {H, H, H, H}},
    {PR_SET_IO_FLUSHER, {U, H, H, H}},
    {PR_GET_IO_FLUSHER, {H, H, H, H}},
    {PR_SET_SYSCALL_USER_DISPATCH, {W, H, H, Form::pointer}, &kSyscallDispatch},
    {62 /* PR_SCHED_CORE */, {W, Form::decimal, W, Form::pointer}, &kSchedCore},
    {63 /* PR_SME_SET_VL */, {H, N, N, N}},
    {64 /* PR_SME_GET_VL */, {N, N, N, N}},
    {0x53564d41 /* PR_SET_VMA */, {W, Form::pointer, U, Form::name}, &kVma},
    {0x59616d61 /* PR_SET_PTRACER */, {Form::pid_or_any, N, N, N}},
};

constexpr Form kBare[4] = {H, H, H, H};

const Option* find_option(uint32_t option) {
  for (const Option& candidate : kOptions)
    if (candidate.option == option) return &candidate;
  return nullptr;
}

Form form_of(const Context& c, const Option* option) {
  const unsigned index = c.arg - 1;
  return index > 3 ? Form::none : option != nullptr ? option->forms[index] : kBare[index];
}

bool is_output(Form form) {
  return form == Form::int_out || form == Form::word_out || form == Form::name_out || form == Form::pointer_out;
}

void print_output(Context& c, uint64_t value, Form form, const Vocabulary* words) {
  if (!c.succeeded()) return c.address(value);
  if (form == Form::name_out) return print_text(c, value);
  const Piece piece = c.piece(value);
  Fields f = c.fields(piece.bytes);
  const uint64_t word = form == Form::pointer_out ? f.ulong() : f.u32();
  if (!piece.found || !f.ok()) return c.address(value);
  c.out += '[';
  if (form == Form::word_out) {
    append_choice(c.out, word, *words);
  } else if (form == Form::pointer_out) {
    c.address(word);
  } else {
    append_unsigned(c.out, word);
  }
  c.out += ']';
}

// The kernel takes 16 bytes of a thread's name, the last one NUL.
void print_thread_name(Context& c, uint64_t value) {
  constexpr std::size_t kNameBytes = 15;
  const Piece piece = c.string(value);
  if (!piece.found || piece.fault()) return c.address(value);
  const std::size_t shown = std::min(piece.bytes.size(), kNameBytes);
  c.quoted(piece.bytes.first(shown), shown < piece.bytes.size());
}

}  // namespace

void print_prctl_argument(Context& c, uint64_t value) {
  const Option* option = find_option(c.uint_arg(0));
  const Form form = form_of(c, option);
  if (is_output(form)) return print_output(c, value, form, option->words);
  const Vocabulary* words = option == nullptr ? nullptr : c.arg == 2 && option->words3 ? option->words3 : option->words;
  const bool in_words = form == Form::word || form == Form::flags;
  if (in_words && words == nullptr) return append_hex(c.out, value);  // an option of the table without its words
  switch (form) {
    case Form::none:
      c.omitted = true;
      return;
    case Form::decimal:
      return append_decimal(c.out, static_cast<int64_t>(value));
    case Form::unsigned_:
      return append_unsigned(c.out, value);
    case Form::signal:
      return append_signal(c.out, static_cast<int32_t>(value));
    case Form::word:
      if (c.arg == 3) words = &kSchedCoreScope;
      return append_choice(c.out, value, *words);
    case Form::flags:
      return append_flags(c.out, value, *words);
    case Form::name:
      if (option->option == PR_SET_NAME) return print_thread_name(c, value);
      return print_text(c, value);
    case Form::pointer:
      return c.address(value);
    case Form::capability:
      return append_choice(c.out, value, kCapability);
    case Form::filter:
      if (c.args[1] != 2 /* SECCOMP_MODE_FILTER */) {
        c.omitted = true;
        return;
      }
      return print_filter_program(c, value);
    case Form::pid_or_any:
      if (value == UINT64_MAX) return c.text("PR_SET_PTRACER_ANY");
      return append_decimal(c.out, static_cast<int32_t>(value));
    case Form::hex:
    case Form::name_out:
    case Form::int_out:
    case Form::word_out:
    case Form::pointer_out:
      break;
  }
  append_hex(c.out, value);
}

bool late_prctl_argument(const Context& c) {
  return is_output(form_of(c, find_option(c.uint_arg(0))));
}

bool append_prctl_result(Context& c, int64_t ret) {
  const auto bits = static_cast<uint64_t>(ret);
  const uint32_t option = c.uint_arg(0);
  switch (option) {
    case PR_GET_DUMPABLE:
    case PR_GET_SECCOMP:
      if (option == PR_GET_SECCOMP && ret == 0) return false;
      append_unsigned(c.out, bits);
      c.out += " (";
      append_choice(c.out, bits, option == PR_GET_DUMPABLE ? kDumpable : kSeccompMode);
      break;
    case PR_GET_SECUREBITS:
      if (ret == 0) return false;
      append_hex(c.out, bits);
      c.out += " (";
      append_flags(c.out, bits, kSecurebits);
      break;
    case PR_GET_SPECULATION_CTRL:
      append_hex(c.out, bits);
      c.out += " (";
      append_flags(c.out, bits, kSpecControl);
      break;
    default:
      return false;
  }
  c.out += ')';
  return true;
}

namespace {

enum ArchCode : uint32_t {
  kGetFs = 0x1003,
  kGetGs = 0x1004,
  kGetCpuid = 0x1011,
  kSetCpuid = 0x1012,
  kGetSupported = 0x1021,
  kGetPermitted = 0x1022,
  kRequest = 0x1023,
  kGetGuest = 0x1024,
  kRequestGuest = 0x1025,
};

bool arch_output(uint32_t code) {
  return code == kGetFs || code == kGetGs || code == kGetSupported || code == kGetPermitted || code == kGetGuest;
}

}  // namespace

void print_arch_prctl_argument(Context& c, uint64_t value) {
  const uint32_t code = c.uint_arg(0);
  if (code == kGetCpuid) {
    c.omitted = true;
    return;
  }
  if (arch_output(code)) {
    const Piece piece = c.piece(value);
    Fields f = c.fields(piece.bytes);
    const uint64_t word = f.u64();
    if (!c.succeeded() || !piece.found || !f.ok()) return c.address(value);
    c.out += '[';
    if (code == kGetFs || code == kGetGs) {
      c.address(word);
    } else {
      append_hex(c.out, word);
    }
    c.out += ']';
    return;
  }
  if (code == kSetCpuid) return append_unsigned(c.out, value);
  if (code == kRequest || code == kRequestGuest) {
    append_unsigned(c.out, value);
    c.out += " /* ";
    const std::string_view name = find_word(kXfeature, value);
    c.out += name.empty() ? kXfeature.unknown : name;
    c.out += " */";
    return;
  }
  append_hex(c.out, value);
}

bool late_arch_prctl_argument(const Context& c) {
  return arch_output(c.uint_arg(0));
}

}  // namespace sightline::decode
