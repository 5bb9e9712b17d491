#include "tracer/subcall.h"

#include <algorithm>
#include <cstddef>

#include "tracer/syscall_data.h"

namespace sightline::tracer {
namespace {

// include/uapi/linux/ipc.h
enum IpcCall : uint32_t {
  kSemop = 1,
  kSemget = 2,
  kSemctl = 3,
  kSemtimedop = 4,
  kMsgsnd = 11,
  kMsgrcv = 12,
  kMsgget = 13,
  kMsgctl = 14,
  kShmat = 21,
  kShmdt = 22,
  kShmget = 23,
  kShmctl = 24,
};

const Syscall* lookup(std::span<const uint16_t> numbers, uint32_t number) {
  if (number >= numbers.size() || numbers[number] == 0) return nullptr;
  return &kSyscallData.calls[numbers[number] - 1u];
}

const Syscall* socketcall(const Syscall& call, std::span<const uint64_t, 6> args) {
  return call.name == "socketcall" ? lookup(kSyscallData.socketcalls, static_cast<uint32_t>(args[0])) : nullptr;
}

uint32_t ipc_number(std::span<const uint64_t, 6> args) {
  return static_cast<uint32_t>(args[0]) & 0xffff;
}
uint32_t ipc_version(std::span<const uint64_t, 6> args) {
  return static_cast<uint32_t>(args[0]) >> 16;
}

const Syscall* ipc_call(const Syscall& call, std::span<const uint64_t, 6> args) {
  return call.name == "ipc" ? lookup(kSyscallData.ipc_calls, ipc_number(args)) : nullptr;
}

// The order of ipc(call, first, second, third, ptr, fifth) is the kernel's ksys_ipc().
std::array<uint64_t, 6> ipc_arguments(std::span<const uint64_t, 6> args, std::span<const uint32_t> words) {
  const uint64_t first = args[1], second = args[2], third = args[3], ptr = args[4], fifth = args[5];
  switch (ipc_number(args)) {
    case kSemop:
      return {first, ptr, second};
    case kSemtimedop:
      return {first, ptr, second, fifth};
    case kSemget:
      return {first, second, third};
    case kSemctl:
      return {first, second, third, words[0]};
    case kMsgsnd:
      return {first, ptr, second, third};
    case kMsgrcv:
      if (ipc_version(args) == 0) return {first, words[0], second, words[1], third};
      return {first, ptr, second, fifth, third};
    case kMsgget:
      return {first, second};
    case kMsgctl:
      return {first, second, ptr};
    case kShmat:
      return {first, ptr, second};
    case kShmdt:
      return {ptr};
    case kShmget:
      return {first, second, third};
    case kShmctl:
      return {first, second, ptr};
    default:
      return {};
  }
}

}  // namespace

SubcallWords subcall_words(const Syscall& call, std::span<const uint64_t, 6> args) {
  if (const Syscall* socket = socketcall(call, args)) {
    return {.address = args[1], .count = static_cast<uint32_t>(socket->arguments.size())};
  }
  if (ipc_call(call, args) != nullptr) {
    // semctl's union lies in memory; msgrcv of version 0 has {msgp, msgtyp} there.
    if (ipc_number(args) == kSemctl) return {.address = args[4], .count = 1};
    if (ipc_number(args) == kMsgrcv && ipc_version(args) == 0) return {.address = args[4], .count = 2};
  }
  return {};
}

std::optional<Subcall> find_subcall(const Syscall& call, std::span<const uint64_t, 6> args,
                                    std::span<const uint32_t> words) {
  if (words.size() < subcall_words(call, args).count) return std::nullopt;
  if (const Syscall* socket = socketcall(call, args)) {
    Subcall subcall{.call = socket};
    std::copy_n(words.begin(), socket->arguments.size(), subcall.args.begin());
    return subcall;
  }
  if (const Syscall* ipc = ipc_call(call, args)) return Subcall{.call = ipc, .args = ipc_arguments(args, words)};
  return std::nullopt;
}

}  // namespace sightline::tracer
