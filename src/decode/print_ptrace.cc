// ptrace and keyctl: calls whose arguments their first one decides.
#include <iterator>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

enum class Form : uint8_t {
  none,
  address,
  signal,
  options,
  number,
  word_out,
  user_area,
  siginfo_in,
  siginfo_out,
  set_in,
  set_out,
  regset
};

struct Request {
  uint32_t request;
  Form address, data;
};

constexpr Form N = Form::none, A = Form::address;

constexpr Request kRequests[] = {
    {0, N, N},                              // PTRACE_TRACEME
    {1, A, Form::word_out},                 // PTRACE_PEEKTEXT
    {2, A, Form::word_out},                 // PTRACE_PEEKDATA
    {3, Form::user_area, Form::word_out},   // PTRACE_PEEKUSER
    {4, A, A},                              // PTRACE_POKETEXT
    {5, A, A},                              // PTRACE_POKEDATA
    {6, Form::user_area, A},                // PTRACE_POKEUSER
    {7, A, Form::signal},                   // PTRACE_CONT
    {8, N, N},                              // PTRACE_KILL
    {9, A, Form::signal},                   // PTRACE_SINGLESTEP
    {12, N, A},                             // PTRACE_GETREGS
    {13, N, A},                             // PTRACE_SETREGS
    {14, N, A},                             // PTRACE_GETFPREGS
    {15, N, A},                             // PTRACE_SETFPREGS
    {16, N, N},                             // PTRACE_ATTACH
    {17, A, Form::signal},                  // PTRACE_DETACH
    {21, A, Form::options},                 // PTRACE_OLDSETOPTIONS
    {24, A, Form::signal},                  // PTRACE_SYSCALL
    {31, A, Form::signal},                  // PTRACE_SYSEMU
    {32, A, Form::signal},                  // PTRACE_SYSEMU_SINGLESTEP
    {33, A, Form::signal},                  // PTRACE_SINGLEBLOCK
    {0x4200, A, Form::options},             // PTRACE_SETOPTIONS
    {0x4201, A, Form::word_out},            // PTRACE_GETEVENTMSG
    {0x4202, A, Form::siginfo_out},         // PTRACE_GETSIGINFO
    {0x4203, A, Form::siginfo_in},          // PTRACE_SETSIGINFO
    {0x4204, Form::regset, A},              // PTRACE_GETREGSET
    {0x4205, Form::regset, A},              // PTRACE_SETREGSET
    {0x4206, A, Form::options},             // PTRACE_SEIZE
    {0x4207, N, N},                         // PTRACE_INTERRUPT
    {0x4208, N, N},                         // PTRACE_LISTEN
    {0x420a, Form::number, Form::set_out},  // PTRACE_GETSIGMASK
    {0x420b, Form::number, Form::set_in},   // PTRACE_SETSIGMASK
    {0x420c, Form::number, A},              // PTRACE_SECCOMP_GET_FILTER
    {0x420d, Form::number, A},              // PTRACE_SECCOMP_GET_METADATA
    {0x420e, Form::number, A},              // PTRACE_GET_SYSCALL_INFO
    {0x420f, Form::number, A},              // PTRACE_GET_RSEQ_CONFIGURATION
};

Request find_request(const Context& c) {
  for (const Request& request : kRequests)
    if (request.request == c.args[0]) return request;
  return {static_cast<uint32_t>(c.args[0]), A, A};
}

// struct user_regs_struct and what follows it in struct user (sys/user.h), in longs.
constexpr std::string_view kRegisters[] = {
    "R15", "R14",      "R13", "R12", "RBP",    "RBX", "R11", "R10",     "R9",      "R8", "RAX", "RCX", "RDX", "RSI",
    "RDI", "ORIG_RAX", "RIP", "CS",  "EFLAGS", "RSP", "SS",  "FS_BASE", "GS_BASE", "DS", "ES",  "FS",  "GS",
};

void append_user_area(Context& c, uint64_t offset) {
  if (!c.narrow() && offset % 8 == 0 && offset / 8 < std::size(kRegisters)) {
    c.out += "8*";
    c.out += kRegisters[offset / 8];
    return;
  }
  c.address(offset);
}

void append_word(Context& c, Fields& f) {
  c.out += '[';
  append_hex(c.out, f.ulong());
  c.out += ']';
}

void append_set(Context& c, Fields& f) {
  append_signal_set(c.out, f.u64(), 64);
}

void print_form(Context& c, uint64_t value, Form form) {
  switch (form) {
    case Form::none:
      c.omitted = true;
      return;
    case Form::address:
      return c.address(value);
    case Form::signal:
      return append_signal(c.out, static_cast<int32_t>(value));
    case Form::options:
      return append_flags(c.out, value, kPtraceOptions);
    case Form::number:
      return append_unsigned(c.out, value);
    case Form::regset:
      return append_choice(c.out, value, kRegset);
    case Form::user_area:
      return append_user_area(c, value);
    case Form::word_out:
      if (!c.succeeded()) return c.address(value);
      return print_struct<append_word>(c, value);
    case Form::siginfo_out:
      if (!c.succeeded()) return c.address(value);
      return print_siginfo(c, value);
    case Form::siginfo_in:
      return print_siginfo(c, value);
    case Form::set_out:
      if (!c.succeeded()) return c.address(value);
      return print_struct<append_set>(c, value);
    case Form::set_in:
      return print_struct<append_set>(c, value);
  }
}

}  // namespace

void print_pid(Context& c, uint64_t value) {
  if (c.arg == 1 && c.syscall.arguments[0].type == tracer::ArgType::ptrace_request && c.args[0] == 0) {
    c.omitted = true;  // PTRACE_TRACEME is about the caller
    return;
  }
  append_decimal(c.out, static_cast<int32_t>(value));
}

void print_ptrace_address(Context& c, uint64_t value) {
  print_form(c, value, find_request(c).address);
}
void print_ptrace_data(Context& c, uint64_t value) {
  print_form(c, value, find_request(c).data);
}

bool late_ptrace_data(const Context& c) {
  const Form form = find_request(c).data;
  return form == Form::word_out || form == Form::siginfo_out || form == Form::set_out;
}

namespace {

enum class KeyForm : uint8_t { none, key, name, payload, answer, number, decimal, hex, address, id, error, reqkey };

struct KeyOperation {
  uint32_t operation;
  KeyForm forms[4];
};

using enum KeyForm;

constexpr KeyOperation kKeyOperations[] = {
    {0, {key, decimal, none, none}},            // KEYCTL_GET_KEYRING_ID
    {1, {name, none, none, none}},              // KEYCTL_JOIN_SESSION_KEYRING
    {2, {key, payload, number, none}},          // KEYCTL_UPDATE
    {3, {key, none, none, none}},               // KEYCTL_REVOKE
    {4, {key, id, id, none}},                   // KEYCTL_CHOWN
    {5, {key, hex, none, none}},                // KEYCTL_SETPERM
    {6, {key, answer, number, none}},           // KEYCTL_DESCRIBE
    {7, {key, none, none, none}},               // KEYCTL_CLEAR
    {8, {key, key, none, none}},                // KEYCTL_LINK
    {9, {key, key, none, none}},                // KEYCTL_UNLINK
    {10, {key, name, name, key}},               // KEYCTL_SEARCH
    {11, {key, answer, number, none}},          // KEYCTL_READ
    {12, {key, payload, number, key}},          // KEYCTL_INSTANTIATE
    {13, {key, number, key, none}},             // KEYCTL_NEGATE
    {14, {reqkey, none, none, none}},           // KEYCTL_SET_REQKEY_KEYRING
    {15, {key, number, none, none}},            // KEYCTL_SET_TIMEOUT
    {16, {key, none, none, none}},              // KEYCTL_ASSUME_AUTHORITY
    {17, {key, answer, number, none}},          // KEYCTL_GET_SECURITY
    {18, {none, none, none, none}},             // KEYCTL_SESSION_TO_PARENT
    {19, {key, number, error, key}},            // KEYCTL_REJECT
    {20, {key, address, number, key}},          // KEYCTL_INSTANTIATE_IOV
    {21, {key, none, none, none}},              // KEYCTL_INVALIDATE
    {22, {id, key, none, none}},                // KEYCTL_GET_PERSISTENT
    {23, {address, address, number, address}},  // KEYCTL_DH_COMPUTE
    {24, {key, hex, address, address}},         // KEYCTL_PKEY_QUERY
    {29, {key, name, name, none}},              // KEYCTL_RESTRICT_KEYRING
    {30, {key, key, key, hex}},                 // KEYCTL_MOVE
    {31, {answer, number, none, none}},         // KEYCTL_CAPABILITIES
    {32, {key, decimal, decimal, decimal}},     // KEYCTL_WATCH_KEY
};
constexpr KeyForm kBare[4] = {hex, hex, hex, hex};

KeyForm key_form(const Context& c) {
  const unsigned index = c.arg - 1;
  if (index > 3) return none;
  for (const KeyOperation& operation : kKeyOperations)
    if (operation.operation == c.uint_arg(0)) return operation.forms[index];
  return kBare[index];
}

}  // namespace

void print_keyctl_argument(Context& c, uint64_t value) {
  switch (key_form(c)) {
    case none:
      c.omitted = true;
      return;
    case key:
      return append_key(c.out, static_cast<int32_t>(value));
    case name:
      return print_path(c, value);
    case payload:
    case answer: {
      const Piece piece = c.piece(value);
      if (!piece.found || piece.fault()) return c.address(value);
      return c.limited_text(piece, piece.wanted);
    }
    case number:
      return append_unsigned(c.out, value);
    case decimal:
      return append_decimal(c.out, static_cast<int32_t>(value));
    case hex:
      return append_hex(c.out, value);
    case address:
      return c.address(value);
    case id:
      return c.id(static_cast<uint32_t>(value));
    case reqkey:
      return append_choice(c.out, static_cast<uint32_t>(value), kReqkey);
    case error: {
      const std::string_view word = errno_name(static_cast<int64_t>(value));
      if (word.empty()) return append_unsigned(c.out, value);
      return c.text(word);
    }
  }
}

bool late_keyctl_argument(const Context& c) {
  return key_form(c) == answer;
}

namespace {

// Of bpf's union the members that most commands begin with (include/uapi/linux/bpf.h).
void append_map_create(Context& c, Fields& f) {
  c.out += "{map_type=";
  append_choice(c.out, f.u32(), kBpfMapType);
  c.out += ", key_size=";
  append_unsigned(c.out, f.u32());
  c.out += ", value_size=";
  append_unsigned(c.out, f.u32());
  c.out += ", max_entries=";
  append_unsigned(c.out, f.u32());
  c.out += ", ...}";
}

void append_map_element(Context& c, Fields& f) {
  c.out += "{map_fd=";
  c.fd(f.s32());
  f.align(8);
  c.out += ", key=";
  c.address(f.u64());
  c.out += c.uint_arg(0) == 4 ? ", next_key=" : ", value=";
  c.address(f.u64());
  if (c.uint_arg(0) == 1 || c.uint_arg(0) == 2) {
    c.out += ", flags=";
    append_hex(c.out, f.left() >= 8 ? f.u64() : 0);
  }
  c.out += '}';
}

}  // namespace

void print_bpf_attr(Context& c, uint64_t value) {
  constexpr uint32_t kMapCreate = 0, kLookup = 1, kUpdate = 2, kNextKey = 4;
  switch (c.uint_arg(0)) {
    case kMapCreate:
      return print_struct<append_map_create>(c, value);
    case kLookup:
    case kUpdate:
    case kNextKey:
      return print_struct<append_map_element>(c, value);
    default:
      return c.address(value);
  }
}

}  // namespace sightline::decode
