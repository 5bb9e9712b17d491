// fcntl: what its argument is, the command decides.
#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

enum Command : uint32_t {
  kDup = 0,
  kGetFd = 1,
  kSetFd = 2,
  kGetFl = 3,
  kSetFl = 4,
  kGetLk = 5,
  kSetLk = 6,
  kSetLkw = 7,
  kSetOwn = 8,
  kGetOwn = 9,
  kSetSig = 10,
  kGetSig = 11,
  kGetLk64 = 12,
  kSetLk64 = 13,
  kSetLkw64 = 14,
  kSetOwnEx = 15,
  kGetOwnEx = 16,
  kGetOwnerUids = 17,
  kOfdGetLk = 36,
  kOfdSetLk = 37,
  kOfdSetLkw = 38,
  kSetLease = 1024,
  kGetLease = 1025,
  kSetNotify = 1026,
  kDupCloexec = 1030,
  kSetPipe = 1031,
  kGetPipe = 1032,
  kAddSeals = 1033,
  kGetSeals = 1034,
  kGetHint = 1035,
  kSetHint = 1036,
  kGetFileHint = 1037,
  kSetFileHint = 1038,
};

bool takes_nothing(uint32_t command) {
  return command == kGetFd || command == kGetFl || command == kGetOwn || command == kGetSig || command == kGetLease ||
         command == kGetPipe || command == kGetSeals;
}

bool answers_in_memory(uint32_t command) {
  return command == kGetLk || command == kGetLk64 || command == kOfdGetLk || command == kGetOwnEx ||
         command == kGetOwnerUids || command == kGetHint || command == kGetFileHint;
}

template <bool sixty_four, bool with_pid>
void append_lock(Context& c, Fields& f) {
  const uint16_t type = f.u16();
  const uint16_t whence = f.u16();
  f.align(sixty_four ? 8 : f.long_size());
  const int64_t start = sixty_four ? f.s64() : f.slong();
  const int64_t length = sixty_four ? f.s64() : f.slong();
  const int32_t pid = f.s32();
  c.out += "{l_type=";
  append_choice(c.out, type, kLockType);
  c.out += ", l_whence=";
  append_choice(c.out, whence, kSeek);
  c.out += ", l_start=";
  append_decimal(c.out, start);
  c.out += ", l_len=";
  append_decimal(c.out, length);
  if (with_pid) {
    c.out += ", l_pid=";
    append_decimal(c.out, pid);
  }
  c.out += '}';
}

void append_owner(Context& c, Fields& f) {
  c.out += "{type=";
  append_choice(c.out, f.u32(), kOwnerType);
  c.out += ", pid=";
  append_decimal(c.out, f.s32());
  c.out += '}';
}

void append_uids(Context& c, Fields& f) {
  c.out += '[';
  c.id(f.u32());
  c.out += ", ";
  c.id(f.u32());
  c.out += ']';
}

void append_hint(Context& c, Fields& f) {
  c.out += '[';
  append_choice(c.out, f.u64(), kRwHint);
  c.out += ']';
}

}  // namespace

void print_fcntl_argument(Context& c, uint64_t value) {
  const uint32_t command = c.uint_arg(1);
  if (takes_nothing(command)) {
    c.omitted = true;
    return;
  }
  if (answers_in_memory(command) && !c.succeeded()) return c.address(value);
  switch (command) {
    case kDup:
    case kDupCloexec:
      return c.fd(static_cast<int32_t>(value));
    case kSetPipe:
      return append_unsigned(c.out, value);
    case kSetFd:
      return append_flags(c.out, static_cast<uint32_t>(value), kFdFlags);
    case kSetFl:
      return append_open_flags(c.out, static_cast<uint32_t>(value));
    case kSetOwn:
      return append_decimal(c.out, static_cast<int32_t>(value));
    case kSetSig:
      return append_signal(c.out, static_cast<int32_t>(value));
    case kSetLease:
      return append_choice(c.out, static_cast<uint32_t>(value), kLockType);
    case kSetNotify:
      return append_flags(c.out, value, kNotify);
    case kAddSeals:
      return append_flags(c.out, value, kSeals);
    case kGetLk:
      return print_struct<append_lock<false, true>>(c, value);
    case kSetLk:
    case kSetLkw:
      return print_struct<append_lock<false, false>>(c, value);
    case kGetLk64:
    case kOfdGetLk:
      return print_struct<append_lock<true, true>>(c, value);
    case kSetLk64:
    case kSetLkw64:
    case kOfdSetLk:
    case kOfdSetLkw:
      return print_struct<append_lock<true, false>>(c, value);
    case kSetOwnEx:
    case kGetOwnEx:
      return print_struct<append_owner>(c, value);
    case kGetOwnerUids:
      return print_struct<append_uids>(c, value);
    case kGetHint:
    case kSetHint:
    case kGetFileHint:
    case kSetFileHint:
      return print_struct<append_hint>(c, value);
    default:
      return append_hex(c.out, value);
  }
}

bool late_fcntl_argument(const Context& c) {
  return answers_in_memory(c.uint_arg(1));
}

namespace {

void append_answer(std::string& out, int64_t ret, std::string_view name) {
  append_hex(out, static_cast<uint64_t>(ret));
  out += " (";
  out += name;
}

}  // namespace

bool append_fcntl_result(Context& c, int64_t ret) {
  std::string& out = c.out;
  switch (c.uint_arg(1)) {
    case kDup:
    case kDupCloexec:
      c.returned_fd(static_cast<int32_t>(ret));
      return true;
    case kGetFd:
      if (ret == 0) return false;
      append_answer(out, ret, "flags ");
      append_flags(out, static_cast<uint64_t>(ret), kFdFlags);
      break;
    case kGetFl:
      append_answer(out, ret, "flags ");
      append_open_flags(out, static_cast<uint32_t>(ret));
      break;
    case kGetSeals:
      if (ret == 0) return false;
      append_answer(out, ret, "seals ");
      append_flags(out, static_cast<uint64_t>(ret), kSeals);
      break;
    case kGetLease:
      append_answer(out, ret, "");
      append_choice(out, static_cast<uint64_t>(ret), kLockType);
      break;
    case kGetSig:
      if (ret == 0) return false;
      append_decimal(out, ret);
      out += " (";
      append_signal(out, static_cast<int>(ret));
      break;
    default:
      return false;
  }
  out += ')';
  return true;
}

}  // namespace sightline::decode
