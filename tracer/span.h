/// The records that travel through the rings: what a producer knows at the moment it happens, as plain bytes.
///
/// A record is the ring's own 8-byte header {length, type, flags} (ringbuf/record_ring.h) followed by one of the
/// structs below and, where it says so, by captures, registers and stack bytes. Nothing here holds a pointer into the
/// tracer, nothing is formatted, nothing is resolved: the consumer does that.
///
/// A call is two records, CallEnter and CallExit. Two, because a call may take for ever: what a thread is blocked in
/// must be visible while it is blocked, and must survive the tracer's death. The consumer joins them into one span.
///
/// The traced program may own the memory these travel through, so a consumer checks every length and index in them
/// and trusts none.
#pragma once

#include <cstdint>
#include <type_traits>

namespace sightline::tracer {

/// The type word of the ring's record header.
enum class RecordType : uint16_t {
  call_enter = 1,    ///< CallEnter + captures [+ Registers + stack bytes]
  call_exit = 2,     ///< CallExit + captures
  signal = 3,        ///< SignalRecord: a signal is about to be delivered
  group_stop = 4,    ///< SignalRecord without siginfo: the thread is stopped by `signo`
  thread_start = 5,  ///< ThreadStart: a thread is traced from here on
  thread_end = 6,    ///< ThreadEnd: it no longer is
  exec = 7,          ///< ExecRecord: a new program image; the address space is a new, empty one
  engine = 9,        ///< EngineRecord: how the process's calls are recorded from here on
  mappings = 8,      ///< MappingsRecord: all executable mappings of the process as of now
};

/// Which system-call table a number belongs to (PTRACE_GET_SYSCALL_INFO's `arch`, and the x32 bit).
enum class Abi : uint8_t { x86_64 = 0, i386 = 1, x32 = 2 };

/// What every record starts with. The kernel reuses tids and pids; serials it can't.
struct RecordPrefix {
  uint64_t time = 0;            ///< CLOCK_MONOTONIC, ns
  int32_t tid = 0;              ///< in the tracer's pid namespace
  int32_t pid = 0;              ///< thread group id
  uint32_t thread_serial = 0;   ///< 1, 2, … in order of appearance, unique within a trace
  uint32_t process_serial = 0;  ///< likewise
};

enum CallFlags : uint8_t {
  kCallHasStack = 1,     ///< Registers and stack bytes follow the captures
  kCallStackFault = 2,   ///< the stack could not be read
  kCallAlreadyOpen = 4,  ///< the thread was inside the call when the tracer attached: `time` is the attach
  kCallNotExecuted = 8,  ///< a seccomp filter answered instead of the kernel
  kCallKnownStack = 16,  ///< no Registers and stack bytes, but the stack's number
};

/// What follows it comes right behind its last argument: each line of a ring that is written costs the thread the time
/// in which the consumer's processor gives it up.
struct CallEnter {
  RecordPrefix prefix;
  uint64_t ip = 0;
  uint64_t sp = 0;
  int32_t nr = 0;  ///< as the thread asked for it, x32 bit removed; may be -1 or unknown
  Abi abi = Abi::x86_64;
  uint8_t capture_count = 0;
  uint8_t flags = 0;           ///< CallFlags
  uint8_t arg_count = 6;       ///< how many of `args` are in the record, from the first on
  uint32_t capture_bytes = 0;  ///< all captures with their headers and padding
  uint32_t stack_bytes = 0;    ///< bytes from `sp` outward that follow Registers
  uint64_t number = 0;         ///< 1, 2, … of the thread's calls to be recorded: a gap is what has been lost
  /// kCallKnownStack: which stack, as the consumer has numbered it (known_stacks.h). kCallHasStack: in which state of
  /// its mappings the program was, if the producer looks for known stacks; else 0.
  uint64_t stack = 0;
  uint64_t args[6] = {};

  static constexpr uint32_t bytes_with(uint32_t arg_count) {
    return static_cast<uint32_t>(sizeof(CallEnter) - (6 - arg_count) * sizeof(uint64_t));
  }
};

/// How a call ended.
enum class CallEnd : uint8_t {
  returned = 0,  ///< `ret` is the kernel's answer
  restart = 1,   ///< ERESTART*: interrupted; the kernel restarts it or a handler decides (signal(7))
  no_value = 2,  ///< rt_sigreturn and its like: the register holds no return value
  killed = 3,    ///< the thread died inside
  exited = 4,    ///< exit, exit_group: does not return by design
  detached = 5,  ///< still open when the tracer let go
  replaced = 6,  ///< the thread vanished because a sibling executed a new program
};

struct CallExit {
  RecordPrefix prefix;
  int64_t ret = 0;  ///< raw; negative errno on failure (is_error says so)
  int32_t nr = 0;
  Abi abi = Abi::x86_64;
  CallEnd end = CallEnd::returned;
  uint8_t is_error = 0;
  uint8_t capture_count = 0;
  uint32_t capture_bytes = 0;
  uint32_t reserved = 0;
};

/// The general registers in DWARF order (see symbolizer::Registers), as copied at a system-call entry.
struct RegisterBlock {
  uint64_t value[17] = {};
};

/// When a capture was made.
enum class Phase : uint8_t { entry = 0, exit = 1 };

enum class CaptureKind : uint8_t {
  bytes = 0,    ///< `length` bytes at `address`
  string = 1,   ///< NUL-terminated; the NUL is not part of the bytes. kCaptureTruncated: no NUL within the limit
  fd_path = 2,  ///< what /proc/PID/fd/ADDRESS pointed to; `address` is the descriptor
};

enum CaptureFlags : uint8_t {
  kCaptureTruncated = 1,  ///< the object is longer than what was copied (limit), `wanted` says how long if known
  kCaptureFault = 2,      ///< memory ended or was unreadable after `length` bytes
  kCaptureDeleted = 4,    ///< fd_path: the file has been removed
};

/// A copied piece of the traced program's memory; the bytes follow, padded to 8.
struct Capture {
  uint64_t address = 0;  ///< in the traced program
  uint32_t wanted = 0;   ///< bytes the object has, before any limit (0 if unknown, as for strings)
  uint32_t length = 0;   ///< bytes that follow
  uint8_t arg = 0;       ///< 0–5: which argument led here (nested pieces carry the argument they hang on)
  Phase phase = Phase::entry;
  CaptureKind kind = CaptureKind::bytes;
  uint8_t flags = 0;  ///< CaptureFlags
  uint32_t reserved = 0;
};

struct SignalRecord {
  RecordPrefix prefix;
  int32_t signo = 0;
  uint32_t has_info = 0;
  uint8_t siginfo[128] = {};  ///< siginfo_t as PTRACE_GETSIGINFO gives it
};

enum class Birth : uint8_t { spawned = 0, attached = 1, forked = 2, vforked = 3, cloned = 4, thread = 5 };

struct ThreadStart {
  RecordPrefix prefix;
  int32_t parent_tid = 0;  ///< 0 if unknown
  int32_t parent_pid = 0;
  int32_t ns_tid = 0;  ///< the thread's id in its own pid namespace
  int32_t ns_pid = 0;
  Birth birth = Birth::spawned;
  uint8_t shares_memory = 0;  ///< CLONE_VM
  uint8_t reserved[6] = {};
  char comm[16] = {};  ///< NUL-terminated
};

enum class ThreadEndKind : uint8_t { exited = 0, signaled = 1, detached = 2, replaced = 3, lost = 4 };

struct ThreadEnd {
  RecordPrefix prefix;
  int32_t status = 0;  ///< exit code, or the signal's number
  ThreadEndKind kind = ThreadEndKind::exited;
  uint8_t core_dumped = 0;
  uint8_t last_of_process = 0;  ///< the thread group is gone
  uint8_t reserved = 0;
  uint64_t calls = 0;  ///< CallEnter::number of the thread's last call
};

struct ExecRecord {
  RecordPrefix prefix;
  int32_t former_tid = 0;  ///< the tid that called execve; differs from tid if it was not the leader
  uint32_t reserved = 0;
  char comm[16] = {};
};

/// Until then, and from each exec on, it is ptrace.
struct EngineRecord {
  RecordPrefix prefix;
  uint32_t inprocess = 0;
  uint32_t reason = 0;  ///< EngineReason: why it is not, or why not all of its threads are
};

/// Followed by `count` times MappingEntry, each with its path, padded to 8.
struct MappingsRecord {
  RecordPrefix prefix;
  uint32_t count = 0;
  uint32_t bytes = 0;
};

struct MappingEntry {
  uint64_t start = 0, end = 0, file_offset = 0, device = 0, inode = 0;
  int32_t fd = -1;           ///< an open descriptor in the tracer's process, or -1; the reader closes it
  uint32_t path_length = 0;  ///< without NUL
};

template <class T>
inline constexpr bool kIsRecord = std::is_trivially_copyable_v<T> && sizeof(T) % 8 == 0;
static_assert(kIsRecord<CallEnter> && kIsRecord<CallExit> && kIsRecord<SignalRecord> && kIsRecord<ThreadStart> &&
              kIsRecord<ThreadEnd> && kIsRecord<ExecRecord> && kIsRecord<EngineRecord> && kIsRecord<MappingsRecord> &&
              kIsRecord<MappingEntry> && kIsRecord<Capture> && kIsRecord<RegisterBlock>);

inline constexpr uint64_t padded(uint64_t n) {
  return (n + 7) & ~uint64_t{7};
}

}  // namespace sightline::tracer
