// futex: what its last three arguments are, and whether they appear, the operation decides (futex(2)).
#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

enum Operation : uint32_t {
  kWait = 0,
  kWake = 1,
  kFd = 2,
  kRequeue = 3,
  kCmpRequeue = 4,
  kWakeOp = 5,
  kLockPi = 6,
  kUnlockPi = 7,
  kTrylockPi = 8,
  kWaitBitset = 9,
  kWakeBitset = 10,
  kWaitRequeuePi = 11,
  kCmpRequeuePi = 12,
  kLockPi2 = 13,
};
constexpr uint32_t kPrivate = 128, kRealtime = 256;

enum class Fourth : uint8_t { none, timeout, value };
enum class Last : uint8_t { none, hex, bitset, number, wake_op };

struct Form {
  bool value;
  Fourth fourth;
  bool second_address;
  Last last;
};

// By operation.
constexpr Form kForms[] = {
    {true, Fourth::timeout, false, Last::none},    // FUTEX_WAIT
    {true, Fourth::none, false, Last::none},       // FUTEX_WAKE
    {true, Fourth::none, false, Last::none},       // FUTEX_FD
    {true, Fourth::value, true, Last::none},       // FUTEX_REQUEUE
    {true, Fourth::value, true, Last::number},     // FUTEX_CMP_REQUEUE
    {true, Fourth::value, true, Last::wake_op},    // FUTEX_WAKE_OP
    {false, Fourth::timeout, false, Last::none},   // FUTEX_LOCK_PI
    {false, Fourth::none, false, Last::none},      // FUTEX_UNLOCK_PI
    {false, Fourth::none, false, Last::none},      // FUTEX_TRYLOCK_PI
    {true, Fourth::timeout, false, Last::bitset},  // FUTEX_WAIT_BITSET
    {true, Fourth::none, false, Last::bitset},     // FUTEX_WAKE_BITSET
    {true, Fourth::timeout, true, Last::none},     // FUTEX_WAIT_REQUEUE_PI
    {true, Fourth::value, true, Last::number},     // FUTEX_CMP_REQUEUE_PI
    {false, Fourth::timeout, false, Last::none},   // FUTEX_LOCK_PI2
};
constexpr Form kUnknown = {true, Fourth::timeout, true, Last::hex};

Form form_of(const Context& c) {
  constexpr uint32_t kCommandMask = 127;
  const uint32_t operation = c.uint_arg(1) & kCommandMask;
  return operation < std::size(kForms) ? kForms[operation] : kUnknown;
}

void append_wake_op(std::string& out, uint32_t value) {
  constexpr uint32_t kShiftedArgument = 8;
  const uint32_t operation = value >> 28 & 0xf;
  const uint32_t argument = value >> 12 & 0xfff, compare = value >> 24 & 0xf, compared = value & 0xfff;
  if ((operation & kShiftedArgument) != 0) out += "FUTEX_OP_OPARG_SHIFT<<28|";
  append_choice(out, operation & ~kShiftedArgument, kFutexWakeOp);
  out += "<<28|";
  append_hex(out, argument);
  out += "<<12|";
  append_choice(out, compare, kFutexWakeCompare);
  out += "<<24|";
  append_hex(out, compared);
}

}  // namespace

void print_futex_operation(Context& c, uint64_t value) {
  const auto operation = static_cast<uint32_t>(value);
  const std::string_view name = find_word(kFutex, operation & ~(kPrivate | kRealtime));
  if (name.empty()) return append_choice(c.out, operation, kFutex);
  c.out += name;
  if ((operation & kPrivate) != 0) c.out += "_PRIVATE";
  if ((operation & kRealtime) != 0) c.out += "|FUTEX_CLOCK_REALTIME";
}

void print_futex_value(Context& c, uint64_t value) {
  if (!form_of(c).value) {
    c.omitted = true;
    return;
  }
  append_unsigned(c.out, value);
}

void print_futex_timeout(Context& c, uint64_t value) {
  switch (form_of(c).fourth) {
    case Fourth::none:
      c.omitted = true;
      return;
    case Fourth::value:
      return append_unsigned(c.out, static_cast<uint32_t>(value));
    case Fourth::timeout:
      return print_timespec(c, value);
  }
}

void print_futex_second_address(Context& c, uint64_t value) {
  if (!form_of(c).second_address) {
    c.omitted = true;
    return;
  }
  c.address(value);
}

void print_futex_last(Context& c, uint64_t value) {
  const auto number = static_cast<uint32_t>(value);
  switch (form_of(c).last) {
    case Last::none:
      c.omitted = true;
      return;
    case Last::hex:
      return append_hex(c.out, number);
    case Last::number:
      return append_unsigned(c.out, number);
    case Last::bitset:
      if (number == UINT32_MAX) return c.text("FUTEX_BITSET_MATCH_ANY");
      return append_hex(c.out, number);
    case Last::wake_op:
      return append_wake_op(c.out, number);
  }
}

namespace {

void append_waiter(Context& c, Fields& f) {
  const uint64_t value = f.u64(), address = f.u64();
  const uint32_t flags = f.u32(), reserved = f.u32();
  c.out += "{val=";
  append_hex(c.out, value);
  c.out += ", uaddr=";
  c.address(address);
  c.out += ", flags=";
  append_flags(c.out, flags, kFutex2);
  if (reserved != 0) {
    c.out += ", __reserved=";
    append_hex(c.out, reserved);
  }
  c.out += '}';
}

}  // namespace

void print_futex_waiters(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  print_list<append_waiter>(c, value, piece, piece.wanted / 24, c.style.string_limit);
}

}  // namespace sightline::decode
