/// The syscall table: for each call of each ABI its name, its arguments' names and types, its classes, and which bytes
/// of the traced program's memory to copy when.
///
/// One table serves everybody: the engines read what to capture, the decoder reads how to print, `-e trace=` reads
/// names and classes. It is generated at build time from `tracer/syscalls/*.tbl`, text snapshots kept in the tree;
/// `tracer/syscalls/update.py` brings them up to a newer kernel's headers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "tracer/span.h"
#include "tracer/syscall_types.h"  // generated: enum class ArgType, one enumerator per type the .tbl files name

namespace sightline::tracer {

/// How bytes of memory are copied for an argument that is a pointer. Where a length comes from an argument, `len_arg`
/// names it; `size` is bytes per element. A "word" is 8 bytes in x86_64 calls, 4 in i386 and x32 ones, a "long" is 8
/// in x86_64 and x32 calls, 4 in i386 ones. Nested pieces carry the argument they hang on and are told apart by
/// address.
enum class Fetch : uint8_t {
  none,
  string,        ///< NUL-terminated, up to the path limit (paths, names)
  text,          ///< NUL-terminated, up to the string limit
  bytes,         ///< `size` bytes
  bytes_arg,     ///< args[len_arg] × size bytes
  bytes_ret,     ///< return value × size bytes (exit only; nothing on error)
  bytes_ref,     ///< as many bytes as the 32-bit integer at args[len_arg] says. At exit that is what the kernel wrote
                 ///< there, which may be more than there was room for: the entry value is captured, too
  data_arg,      ///< as bytes_arg, but payload: limited by the string limit
  data_ret,      ///< as bytes_ret, but payload: limited by the string limit
  iovec_arg,     ///< struct iovec[args[len_arg]], then the data each points to (payload limited by the string limit)
  iovec_ret,     ///< the same, the data limited by the return value; on error the array alone
  iovec_only,    ///< the array alone
  msghdr_arg,    ///< struct msghdr, then name, iovec array, each iovec's data, control, as sent
  msghdr_ret,    ///< the same as received: data limited by the return value
  msghdr_head,   ///< struct msghdr alone
  mmsghdr_arg,   ///< struct mmsghdr[args[len_arg]], then for each what msghdr_arg copies after the struct
  mmsghdr_ret,   ///< struct mmsghdr[return value] as received: data limited by each msg_len
  mmsghdr_only,  ///< the array alone; at exit as many as the return value says
  string_array,  ///< NULL-terminated array of string pointers (argv): the pointers with the NULL as bytes, then each
                 ///< string, limited by the string limit
  env_array,     ///< the same for envp: the strings only if CaptureLimits::env_strings
  pointees,      ///< array of args[len_arg] pointers, then `size` bytes at each
  bits,          ///< a mask of args[len_arg] bits, rounded up to longs
  fd_set,        ///< the same for select: args[len_arg] is a signed 32-bit count
  pages,         ///< a byte for each page of args[len_arg] bytes (mincore)
  sigset_pack,   ///< {long address, long size}, then the 8 bytes of a signal set at that address
  msgbuf_arg,    ///< a long and args[len_arg] bytes of payload
  msgbuf_ret,    ///< a long and as many bytes of payload as the return value says
  file_handle,   ///< struct file_handle with handle_bytes bytes of handle
  xattr_args,    ///< struct xattr_args, then the value: at entry `size` bytes, at exit as many as the return value says
  clone_args,    ///< at entry args[len_arg] bytes of struct clone_args; at exit the ids the kernel stored through its
                 ///< pointers: 4 bytes at parent_tid and at pidfd, where the flags ask for them
  old_select,    ///< i386 select: the five words, then the three sets and the timeval
  socketcall,    ///< i386 socketcall: the argument words (at entry), then the captures of the call args[0] stands for,
                 ///< each with the index of *that* call's argument; tracer/subcall.h tells which call that is
  ipc,           ///< i386 ipc: the captures of the call args[0] stands for, likewise
  by_ioctl,      ///< argument of ioctl: size and direction by the request number
  by_fcntl,      ///< argument of fcntl: by the command
  by_prctl,      ///< arguments 2–5 of prctl: by the option
  by_futex,      ///< timeout of futex: `size` bytes of timespec for the operations that have one
  by_ptrace,     ///< data of ptrace: by the request
  by_seccomp,    ///< args of seccomp: a sock_fprog with its filter, an action, or sizes
  by_keyctl,     ///< arguments 2–5 of keyctl: by the operation
  by_quotactl,   ///< addr of quotactl: by the sub-command
  by_fsconfig,   ///< value of fsconfig: text or as many bytes as aux says, by the command
  by_io_uring_register,  ///< arg of io_uring_register: by the opcode
};

enum CapturingFlags : uint8_t {
  kCapturingOnError = 1,  ///< at exit also if the call failed
  kCapturingBounded = 2,  ///< *_ret: the return value is cut to args[len_arg]
};

/// One copy to make.
struct Capturing {
  Fetch fetch = Fetch::none;
  Phase phase = Phase::entry;
  uint8_t arg = 0;      ///< the argument that holds the address
  uint8_t len_arg = 0;  ///< the argument that holds the length, where `fetch` says so
  uint16_t size = 0;    ///< bytes, or bytes per element
  uint16_t limit = 0;   ///< most bytes to copy, 0 for no limit of the type's own
  uint8_t flags = 0;    ///< CapturingFlags
};

/// Classes of `-e trace=%class` (strace(1)).
enum SyscallClass : uint32_t {
  kClassFile = 1u << 0,
  kClassProcess = 1u << 1,
  kClassNetwork = 1u << 2,
  kClassSignal = 1u << 3,
  kClassIpc = 1u << 4,
  kClassDesc = 1u << 5,
  kClassMemory = 1u << 6,
  kClassCreds = 1u << 7,
  kClassClock = 1u << 8,
  kClassStat = 1u << 9,
  kClassLstat = 1u << 10,
  kClassFstat = 1u << 11,
  kClassStatLike = 1u << 12,
  kClassStatfs = 1u << 13,
  kClassFstatfs = 1u << 14,
  kClassStatfsLike = 1u << 15,
  kClassPure = 1u << 16,
};

enum class ReturnType : uint8_t { integer, hex, fd, pid, octal, uid, gid, none /* does not return */ };

struct Argument {
  std::string_view name;
  ArgType type;
};

struct Syscall {
  std::string_view name;
  std::span<const Argument> arguments;  ///< at most 6
  std::span<const Capturing> captures;  ///< entry captures first
  uint32_t classes = 0;
  ReturnType returns = ReturnType::integer;
};

/// Whether anything is to be copied then.
inline bool captures_at(const Syscall& call, Phase phase) {
  if (call.captures.empty()) return false;
  return phase == Phase::entry ? call.captures.front().phase == phase : call.captures.back().phase == phase;
}

/// The call with number `nr` in `abi`, or nullptr if the table knows none.
const Syscall* find_syscall(Abi abi, int32_t nr);

/// The number of the call `name` in `abi`, or -1.
int32_t find_syscall_number(Abi abi, std::string_view name);

/// One past the largest number known in `abi`.
int32_t syscall_limit(Abi abi);

}  // namespace sightline::tracer
