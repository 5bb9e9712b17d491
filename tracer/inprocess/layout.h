/// What the tracer and the stub inside a traced process have in common: where things lie, and what is in them.
///
/// All of it is one memfd, mapped at the same addresses in the tracer and in every process that the in-process engine
/// traces, so that pointers into it mean the same on both sides:
///
///   kCode     the stub: R-X in the traced process
///   kShared   SharedState: what the stub has to know of this run
///   kThreads  one ThreadSlot per traced thread
///   kSpaces   one CodeRanges per address space
///   kRings    the rings
///
/// The traced process can write all but the code. The tracer believes none of it where that could hurt it: ids, slots
/// and capacities have their own copies on its side, and the consumer checks records and rings as it always does.
///
/// Also compiled into the stub: standard-library headers only, nothing that needs a linked library.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include "ringbuf/record_ring.h"
#include "tracer/capture.h"
#include "tracer/filter.h"
#include "tracer/inprocess/code_ranges.h"
#include "tracer/known_stacks.h"
#include "tracer/path_access.h"
#include "tracer/span.h"
#include "tracer/stack_window.h"

namespace sightline::tracer::inprocess {

// Below the lowest place from which Linux maps downwards (mm/util.c, arch/x86/mm/mmap.c: at most 2^40 bytes of
// randomness and the stack's gap below 2^47), and where the sanitizers of compilers let a program's memory be: they
// give all else below to shadow memory and their heaps, at fixed places (tsan_platform.h: from 0x7e80'0000'0000 up;
// msan.h, asan_mapping.h: more than that).
inline constexpr uint64_t kBase = 0x7ec0'0000'0000;
inline constexpr uint64_t kCode = kBase;
inline constexpr uint64_t kCodeBytes = 4 << 20;
inline constexpr uint64_t kShared = kBase + kCodeBytes;
inline constexpr uint64_t kSharedBytes = 4 << 20;
inline constexpr uint64_t kThreads = kShared + kSharedBytes;
inline constexpr std::size_t kMostThreads = 4096;

inline constexpr std::size_t kStackBytes = 48 << 10;     // of the stub, a thread
inline constexpr std::size_t kScratchBytes = 136 << 10;  // for captures
inline constexpr std::size_t kPathBytes = 4096;          // of a descriptor's path: the kernel gives no more

/// The user's registers as the stub found them at the call. Written by entry.S, which knows the offsets.
struct Frame {
  uint64_t r15, r14, r13, r12, rbp, rbx;
  uint64_t r11;  ///< where to go on behind the call
  uint64_t r10, r9, r8;
  uint64_t rax;  ///< the call's number; behind the call its result
  uint64_t rcx;  ///< what `syscall` would leave there: the address behind it
  uint64_t rdx, rsi, rdi;
  uint64_t rflags;
};
static_assert(sizeof(Frame) % 16 == 0);

/// How far the stub is with a call, for whoever has to finish it: a signal, a death.
enum class Step : uint32_t {
  outside = 0,
  entering = 1,  ///< nothing of the call is in the ring
  inside = 2,    ///< its entry is, once it is published
};

/// What a thread's %gs points to. entry.S knows the offsets of the first eight.
struct ThreadControl {
  ThreadControl* self = nullptr;
  uint64_t user_rsp = 0;
  uint64_t stack_top = 0;
  uint64_t resume = 0;   ///< Frame::r11 of the present call
  uint32_t pending = 0;  ///< the tracer holds a signal back: trap at the next safe place
  std::atomic<Step> step{Step::outside};
  /// Not 0 while a record is being made: a time that is not after the record's own. See Progress::limit.
  std::atomic<uint64_t> busy{0};
  // The entry's record is published by entry.S, right before the call is made.
  std::atomic<uint64_t>* publish_to = nullptr;
  uint64_t publish = 0;
  std::atomic<uint64_t> nowhere{0};

  uint64_t last_time = 0;            ///< of the thread's last record
  uint64_t stack_end = 0;            ///< no copy of the stack goes beyond; 0: unknown yet
  uint32_t space = 0;                ///< AddressSpace::serial
  uint64_t calls = 0;                ///< CallEnter::number of the last call that is over: see InProcess::calls_of
  uint64_t number = 0;               ///< likewise of the call whose entry is in the ring
  int32_t nr = 0;                    ///< of the call whose entry is in the ring
  int32_t nr_now = 0;                ///< of the call it is in, recorded or not
  uint32_t ring_is_stale = 0;        ///< the tracer has written to the ring since
  uint32_t mute = 0;                 ///< calls pass, nothing is recorded
  const CodeRanges* code = nullptr;  ///< of its memory; may be null
  uint32_t ringless = 0;             ///< there was no memory for its ring: calls are counted, and so known to be lost
  /// The thread's blocked signals, as last looked up. A fault or trap whose signal is blocked changes what the program
  /// believes of its signals (kernel/signal.c, force_sig_info_to_task).
  uint64_t blocked = ~uint64_t{0};
  /// It is about to change, or may have: set before the thread changes it, and where a handler begins.
  std::atomic<uint32_t> blocked_is_stale{1};
  /// SharedState::roots for which the tracer has found the thread's root directory to be its own.
  uint32_t roots_seen = 0;
  RecordPrefix prefix;       ///< all but the time
  ringbuf::RecordRing ring;  ///< the stub's view
};

struct ThreadSlot {
  alignas(4096) ThreadControl control;
  alignas(4096) std::byte stack[kStackBytes];
  alignas(4096) std::byte scratch[kScratchBytes];
  alignas(4096) std::byte path[kPathBytes];
};

/// The processor's clock in CLOCK_MONOTONIC: ns = ns0 + ((tsc - tsc0) * mult >> 32). Set from time to time by the
/// tracer; a reader that finds `version` odd or changed reads again.
struct TscClock {
  std::atomic<uint32_t> version{0};
  std::atomic<uint64_t> tsc0{0}, ns0{0}, mult{0};
};

inline constexpr std::size_t kMapGenerations = 1024;

/// The kernel's struct sigaction (include/linux/signal_types.h): handler first, unlike the C library's.
struct KernelAction {
  uint64_t handler = 0, flags = 0, restorer = 0, mask = 0;
};

struct SharedState {
  TscClock clock;
  CaptureLimits limits;
  bool stacks = false;
  bool fd_paths = false;
  PathSet paths;  ///< RecordOptions::paths
  /// Goes up before a traced process changes the root directory of threads: a thread for which this is not what it has
  /// seen asks the tracer for the paths of its descriptors. Never 0.
  std::atomic<uint32_t> roots{1};
  uint32_t unknown_stack = 0;
  Filter filter;
  std::bitset<Filter::kNumbers> by_tracer;  ///< x86-64 calls that only the tracer can take through: is_for_tracer()
  ringbuf::Doorbell doorbell;
  KernelAction action;  ///< of calls that the tracer makes in a program's name: see SignalActions
  /// All zero, as a new file's memory is: so they are empty, and not a page of them is touched before it is used.
  struct Tables {
    StackWindows windows;
    KnownStacks known_stacks;
    /// Of a memory: grows when what is executable in it changes. Two may have one in common, which does no harm.
    std::array<std::atomic<uint32_t>, kMapGenerations> map_generations;
  };
  Tables& tables() { return *reinterpret_cast<Tables*>(table_bytes); }
  const Tables& tables() const { return *reinterpret_cast<const Tables*>(table_bytes); }
  alignas(Tables) std::byte table_bytes[sizeof(Tables)];
};

/// Names a state of a memory's executable mappings. Never 0.
inline uint64_t state_of_maps(const SharedState& state, uint32_t space) {
  const std::atomic<uint32_t>& generation = state.tables().map_generations[space % kMapGenerations];
  return uint64_t{space} << 32 | generation.load(std::memory_order_acquire);
}
static_assert(sizeof(SharedState) <= kSharedBytes);

inline constexpr uint64_t kThreadBytes = kMostThreads * sizeof(ThreadSlot);
inline constexpr uint64_t kSpaces = (kThreads + kThreadBytes + kCodeBytes - 1) / kCodeBytes * kCodeBytes;
inline constexpr std::size_t kMostSpaces = kMostThreads;  // there are more only where nobody is in the stub
inline constexpr uint64_t kSpaceBytes = kMostSpaces * sizeof(CodeRanges);
inline constexpr uint64_t kRings = (kSpaces + kSpaceBytes + kCodeBytes - 1) / kCodeBytes * kCodeBytes;
inline constexpr uint64_t kRingBytes = uint64_t{3} << 29;  // 1.5 GiB of addresses; memory is taken as it is used
inline constexpr uint64_t kEnd = kRings + kRingBytes;

inline SharedState& shared() {
  return *reinterpret_cast<SharedState*>(kShared);
}
inline CodeRanges& code_ranges(std::size_t i) {
  return reinterpret_cast<CodeRanges*>(kSpaces)[i];
}
inline ThreadSlot& thread_slot(std::size_t i) {
  return reinterpret_cast<ThreadSlot*>(kThreads)[i];
}
/// Whether a thread's %gs points to a place here: its own, or its creator's.
inline constexpr bool is_thread(uint64_t gs_base) {
  return gs_base - kThreads < kThreadBytes;
}
inline constexpr bool in_code(uint64_t address) {
  return address - kCode < kCodeBytes;
}

/// The processor's time stamp counter.
inline uint64_t read_tsc() {
  uint32_t low = 0;
  uint32_t high = 0;
  asm volatile("rdtsc" : "=a"(low), "=d"(high));
  return uint64_t{high} << 32 | low;
}

__extension__ using Wide = unsigned __int128;

inline uint64_t now_by(const TscClock& clock) {
  for (;;) {
    const uint32_t version = clock.version.load(std::memory_order_acquire);
    const uint64_t tsc0 = clock.tsc0.load(std::memory_order_relaxed);
    const uint64_t ns0 = clock.ns0.load(std::memory_order_relaxed);
    const uint64_t mult = clock.mult.load(std::memory_order_relaxed);
    const uint64_t tsc = read_tsc();
    std::atomic_thread_fence(std::memory_order_acquire);
    if ((version & 1) != 0 || clock.version.load(std::memory_order_relaxed) != version) continue;
    // A counter that is a little behind on another processor must not wrap around.
    const uint64_t ticks = tsc > tsc0 ? tsc - tsc0 : 0;
    return ns0 + static_cast<uint64_t>(Wide{ticks} * mult >> 32);
  }
}

/// The head of the stub's image: where in it things are. The tracer reads it from the image it has built in.
struct StubHeader {
  uint64_t entry;      ///< where a patched site jumps to: rcx is the address behind the call, r11 where to go on
  uint64_t syscall;    ///< the stub's `syscall` for traced calls …
  uint64_t behind;     ///< … and what follows it
  uint64_t committed;  ///< from here to `syscall`, all is said and the call is not made
  uint64_t leaving;    ///< from here to `bailing`, the call's exit is in the ring: only registers are restored
  uint64_t bailing;    ///< from here to `end`, the call goes to the tracer: likewise
  uint64_t end;
  uint64_t held_entry;  ///< the trap for a held signal, before the call …
  uint64_t held_exit;   ///< … and after it
  uint64_t copy_few;    ///< from here to `copy`, too; a fault goes on there
  uint64_t copy;        ///< `rep movsb` from the user's memory; a fault here goes on at `copied`
  uint64_t copied;
  uint64_t word;  ///< one word of the user's; a fault here goes on at `no_word`
  uint64_t no_word;
  uint64_t remote;  ///< a `syscall` that no dispatch diverts: for calls of the tracer's, and those that it takes
  uint64_t remote_int80;
  uint64_t bring_in;    ///< maps the stub: see inject.cc …
  uint64_t brought_in;  ///< … and ends before here
  uint64_t ask;         ///< the trap by which the tracer is asked for a descriptor's path: edi is the descriptor …
  uint64_t asked;       ///< … and where to go on, with the path in ThreadSlot::path and rax as path_answer() makes it
};

/// What the tracer says of the path it was asked for.
inline constexpr uint64_t path_answer(std::size_t length, bool deleted) {
  return uint64_t{length} << 1 | (deleted ? 1 : 0);
}
inline constexpr std::size_t answered_length(uint64_t answer) {
  return answer >> 1 < kPathBytes ? answer >> 1 : kPathBytes;
}
inline constexpr bool answered_deleted(uint64_t answer) {
  return (answer & 1) != 0;
}

}  // namespace sightline::tracer::inprocess
