// What runs inside the traced process at each of its calls, on a stack of its own: writes the records that the ptrace
// engine writes elsewhere, with the same code, into the thread's ring.
//
// Freestanding: no library, no writable data, no vector registers; nothing here may call into the process. The capture
// code, the table and the ring are those of the tracer, compiled once more.
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "tracer/fd_paths.h"
#include "tracer/inprocess/layout.h"
#include "tracer/path_access.h"

extern "C" {
std::size_t sl_copy_bytes(void* to, const void* from, std::size_t n);
int sl_same_words(const void* base, const void* where, const void* words, std::size_t n);
uint64_t sl_ask_path(int fd);
}

namespace {

uint64_t word_at(const void* at, std::size_t offset) {
  uint64_t word;
  __builtin_memcpy(&word, static_cast<const char*>(at) + offset, sizeof word);
  return word;
}
void copy_word(void* to, const void* from, std::size_t offset) {
  const uint64_t word = word_at(from, offset);
  __builtin_memcpy(static_cast<char*>(to) + offset, &word, sizeof word);
}

}  // namespace

extern "C" {
// The compiler expects these four of every environment.
void* memcpy(void* to, const void* from, std::size_t n) {
  void* const start = to;
  // A few words by themselves, the last two perhaps with bytes in common: `rep movsb` takes its time to begin.
  constexpr std::size_t kFew = 64;
  if (n >= sizeof(uint64_t) && n <= kFew) {
    std::size_t i = 0;
    for (; i + sizeof(uint64_t) < n; i += sizeof(uint64_t)) copy_word(to, from, i);
    copy_word(to, from, n - sizeof(uint64_t));
    return start;
  }
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return start;
}
void* memset(void* to, int byte, std::size_t n) {
  void* const start = to;
  if (n < 8) {
    for (auto* p = static_cast<char*>(to); n != 0; --n, ++p) {
      *p = static_cast<char>(byte);
      asm volatile("" : : : "memory");  // or the compiler makes a call of memset of it
    }
    return start;
  }
  asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
  return start;
}
void* memmove(void* to, const void* from, std::size_t n) {
  if (static_cast<char*>(to) + n <= from || static_cast<char*>(to) >= static_cast<const char*>(from) + n)
    return memcpy(to, from, n);
  if (to <= from) {
    void* const start = to;
    asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
    return start;
  }
  for (; n != 0; --n) {
    static_cast<char*>(to)[n - 1] = static_cast<const char*>(from)[n - 1];
    asm volatile("" : : : "memory");  // or the compiler makes a call of memmove of it
  }
  return to;
}
int memcmp(const void* a, const void* b, std::size_t n) {
  const auto* x = static_cast<const unsigned char*>(a);
  const auto* y = static_cast<const unsigned char*>(b);
  for (std::size_t i = 0; i < n; ++i)
    if (x[i] != y[i]) return x[i] < y[i] ? -1 : 1;
  return 0;
}
// C++ has overloads of this one.
void* sl_memchr(const void* in, int byte, std::size_t n) __asm__("memchr");
void* sl_memchr(const void* in, int byte, std::size_t n) {
  const auto* p = static_cast<const unsigned char*>(in);
  // Words without the byte: where one is 0, the subtraction borrows into its top bit.
  constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
  const uint64_t pattern = kOnes * static_cast<unsigned char>(byte);
  for (; n >= sizeof(uint64_t); n -= sizeof(uint64_t), p += sizeof(uint64_t)) {
    const uint64_t word = word_at(p, 0) ^ pattern;
    if (((word - kOnes) & ~word & kTops) != 0) break;
  }
  for (; n != 0; --n, ++p)
    if (*p == static_cast<unsigned char>(byte)) return const_cast<unsigned char*>(p);
  return nullptr;
}
std::size_t strlen(const char* text) {
  std::size_t n = 0;
  while (text[n] != 0) {
    ++n;
    asm volatile("" : : : "memory");
  }
  return n;
}
void __cxa_pure_virtual() {
  __builtin_trap();
}
}

// Of the vtables of MemoryReader and FdLookup; nothing is ever deleted here.
void operator delete(void*, std::size_t) noexcept {}
void operator delete(void*) noexcept {}

// The rest of the rings' waiting is ringbuf/model_bare.cc.
uint64_t sightline::ringbuf::StandardModel::now() {
  return tracer::inprocess::now_by(tracer::inprocess::shared().clock);
}

namespace sightline::tracer::inprocess {
namespace {

long system_call(long nr, uint64_t a, uint64_t b, uint64_t c, uint64_t d, uint64_t e, uint64_t f) {
  register uint64_t r10 asm("r10") = d;
  register uint64_t r8 asm("r8") = e;
  register uint64_t r9 asm("r9") = f;
  asm volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return nr;
}

bool look_up_blocked(ThreadControl& thread) {
  constexpr uint64_t kBlock = 0;  // SIG_BLOCK: of nothing, to read what is
  return system_call(SYS_rt_sigprocmask, kBlock, 0, reinterpret_cast<uint64_t>(&thread.blocked), sizeof thread.blocked,
                     0, 0) == 0;
}

/// Whether a fault here would be seen by nobody but the tracer.
bool may_fault(ThreadControl& thread) {
  if (thread.blocked_is_stale.load(std::memory_order_relaxed) != 0 && look_up_blocked(thread) &&
      thread.nr_now != SYS_rt_sigprocmask)
    thread.blocked_is_stale.store(0, std::memory_order_relaxed);
  constexpr uint64_t kFaults = uint64_t{1} << (SIGSEGV - 1) | uint64_t{1} << (SIGBUS - 1);
  return (thread.blocked & kFaults) == 0;
}

class OwnMemory final : public MemoryReader {
 public:
  explicit OwnMemory(ThreadControl& thread) : thread_(thread) {}

  bool is_dear() const override { return false; }

  std::size_t read(uint64_t address, std::span<std::byte> into) override {
    // A fault while copying ends the copy: the tracer sends the thread on behind it.
    if (may_fault(thread_))
      return into.size() - sl_copy_bytes(into.data(), reinterpret_cast<const void*>(address), into.size());
    const iovec local{into.data(), into.size()};
    const iovec remote{reinterpret_cast<void*>(address), into.size()};
    const long n = system_call(SYS_process_vm_readv, static_cast<uint64_t>(thread_.prefix.pid),
                               reinterpret_cast<uint64_t>(&local), 1, reinterpret_cast<uint64_t>(&remote), 1, 0);
    return n > 0 ? static_cast<std::size_t>(n) : 0;
  }

 private:
  ThreadControl& thread_;
};

/// The link is the calling thread's own: descriptors need not be shared with the process's other threads, and its first
/// one, whose they would be, may have ended.
void write_link(int fd, std::span<char, 32> link) {
  constexpr std::string_view kWorkingDirectory = "/proc/thread-self/cwd";
  constexpr std::string_view kDescriptor = "/proc/thread-self/fd/";
  const std::string_view head = fd == AT_FDCWD ? kWorkingDirectory : kDescriptor;
  memcpy(link.data(), head.data(), head.size());
  char* end = link.data() + head.size();
  if (fd != AT_FDCWD) {
    std::size_t digits = 1;
    for (int rest = fd / 10; rest != 0; rest /= 10) ++digits;
    for (std::size_t i = digits; i-- != 0; fd /= 10) end[i] = static_cast<char>('0' + fd % 10);
    end += digits;
  }
  *end = 0;
}

/// What the thread sees by itself is what the tracer would see, as long as both have the same root directory and there
/// is a /proc. Where that is not certain, the tracer is asked.
class OwnDescriptors final : public FdLookup {
 public:
  explicit OwnDescriptors(ThreadControl& thread)
      : thread_(thread), path_(reinterpret_cast<char*>(reinterpret_cast<ThreadSlot&>(thread).path)) {}

  FdPath find(int fd) override {
    // Looked at once more behind the look-up: another thread may have changed it in between.
    FdPath found;
    if (has_root_of_tracer() && look_up(fd, found) && has_root_of_tracer()) return found;
    const uint64_t answer = sl_ask_path(fd);
    return {.path = {path_, answered_length(answer)}, .deleted = answered_deleted(answer)};
  }

 private:
  bool has_root_of_tracer() const { return shared().roots.load(std::memory_order_acquire) == thread_.roots_seen; }

  /// False: there is something to be seen, but not from here.
  bool look_up(int fd, FdPath& found) const {
    char link[32];
    write_link(fd, link);
    const long n = system_call(SYS_readlink, reinterpret_cast<uint64_t>(link), reinterpret_cast<uint64_t>(path_),
                               kPathBytes, 0, 0, 0);
    if (n <= 0) return fd != AT_FDCWD && system_call(SYS_fcntl, number(fd), F_GETFD, 0, 0, 0, 0) == -EBADF;
    found.path = {path_, static_cast<std::size_t>(n)};
    if (!found.path.ends_with(kDeletedMark)) return true;
    struct stat status;
    const long failed = system_call(SYS_newfstatat, number(fd), reinterpret_cast<uint64_t>(""),
                                    reinterpret_cast<uint64_t>(&status), AT_EMPTY_PATH, 0, 0);
    found.deleted = failed == 0 && status.st_nlink == 0;
    if (found.deleted) found.path.remove_suffix(kDeletedMark.size());
    return true;
  }

  static uint64_t number(int fd) { return static_cast<uint64_t>(fd); }

  ThreadControl& thread_;
  char* path_;
};

void arguments_of(const Frame& frame, uint64_t (&args)[6]) {
  args[0] = frame.rdi;
  args[1] = frame.rsi;
  args[2] = frame.rdx;
  args[3] = frame.r10;
  args[4] = frame.r8;
  args[5] = frame.r9;
}

bool is_for_tracer(const Frame& frame, const ThreadControl& thread, int32_t nr) {
  uint64_t args[6];
  arguments_of(frame, args);
  return is_for_tracer(nr, args, thread.code);
}

/// The time of the thread's next record.
uint64_t next_time(ThreadControl& thread) {
  const uint64_t time = now_by(shared().clock);
  thread.last_time = time > thread.last_time ? time : thread.last_time + 1;
  return thread.last_time;
}

/// From here on until it is committed, no consumer may go past the record's time. No fence stands between this and the
/// reading of the clock, since it would wait for all stores into lines that the consumer's processor has: up to a
/// quarter of what a call cost. Instead the consumer lets the announcement settle: see Progress::limit.
void begin_record(ThreadControl& thread) {
  thread.busy.store(thread.last_time + 1, std::memory_order_relaxed);
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (thread.ring_is_stale != 0) {
    thread.ring_is_stale = 0;
    thread.ring.resume();
  }
}
void end_record(ThreadControl& thread) {
  thread.busy.store(0, std::memory_order_release);
}

std::span<std::byte> scratch_of(ThreadControl& thread) {
  return reinterpret_cast<ThreadSlot&>(thread).scratch;
}

/// Takes the lines that the thread's next record will need from the consumer's processor, while the call is under way.
/// `from` may lie behind the ring's end: a prefetch does not fault.
void fetch_lines(const std::byte* from, unsigned count) {
  constexpr std::size_t kLine = 64;
  for (unsigned i = 0; i < count; ++i) asm volatile("prefetchw %0" : : "m"(from[i * kLine]));
}

/// One of KnownStacks::kRegisters, by its number in DWARF.
uint64_t kept_register(const Frame& frame, uint8_t number) {
  switch (number) {
    case 3:
      return frame.rbx;
    case 6:
      return frame.rbp;
    case 12:
      return frame.r12;
    case 13:
      return frame.r13;
    case 14:
      return frame.r14;
    case 15:
      return frame.r15;
    default:
      return 0;
  }
}

/// The number that the consumer has given to this call's stack; 0: it has not yet.
uint32_t known_stack(const Frame& frame, ThreadControl& thread, uint64_t maps) {
  if (!may_fault(thread)) return 0;
  return shared().tables().known_stacks.find(
      maps, frame.rcx, thread.user_rsp, [&](uint8_t number) { return kept_register(frame, number); },
      [&](const void* where, const void* words, std::size_t count) {
        return sl_same_words(reinterpret_cast<const void*>(thread.user_rsp), where, words, count) != 0;
      });
}

/// How much of the stack to copy for this call.
uint32_t stack_window(const Frame& frame, const ThreadControl& thread) {
  const uint32_t wanted =
      shared().tables().windows.wanted(thread.prefix.process_serial, frame.rcx, shared().unknown_stack);
  // A fault is a stop, and there would be one at each call from a place that is less than that below the stack's end.
  const uint64_t left = thread.stack_end - thread.user_rsp;
  return left - 1 < wanted ? static_cast<uint32_t>(left) : wanted;
}

bool has_captures(const Syscall* call, Phase phase) {
  return call != nullptr && (captures_at(*call, phase) || shared().fd_paths);
}

/// A table of captures is run with the room that a record of this ring has.
CaptureResult captures_of(ThreadControl& thread, const Syscall* call, Phase phase, const CaptureCall& state) {
  std::span<std::byte> room = scratch_of(thread).first(shared().limits.total_limit);
  const std::size_t most = thread.ring.largest_payload() - sizeof(CallEnter);
  if (most < room.size()) room = room.first(most);
  CaptureResult result;
  if (captures_at(*call, phase)) {
    OwnMemory memory(thread);
    result = capture(*call, phase, state, shared().limits, memory, room);
  }
  if (shared().fd_paths) {
    OwnDescriptors descriptors(thread);
    capture_fd_paths(*call, phase, state, descriptors, room, result);
  }
  return result;
}

bool is_recorded(const Frame& frame, ThreadControl& thread, int32_t nr, const Syscall* call) {
  if (thread.mute != 0 || !shared().filter.passes(Abi::x86_64, nr, call)) return false;
  if (shared().paths.empty()) return true;
  if (call == nullptr) return false;
  uint64_t args[6];
  arguments_of(frame, args);
  OwnMemory memory(thread);
  OwnDescriptors descriptors(thread);
  return accesses(*call, {.abi = Abi::x86_64, .args = args, .ret = 0, .failed = false}, shared().paths, memory,
                  descriptors);
}

}  // namespace

/// Not 0: the call is one for the tracer, and nothing has been written.
extern "C" int sl_enter(Frame& frame, ThreadControl& thread) {
  const auto wide = static_cast<int64_t>(frame.rax);
  const auto nr = static_cast<int32_t>(frame.rax);
  // Before by_tracer is looked at, which may be about to change: PtraceEngine::Delivery.
  if (nr == SYS_rt_sigprocmask) thread.blocked_is_stale.exchange(1, std::memory_order_seq_cst);
  // The kernel looks at 32 bits of the number; x32's bit makes it another table.
  if (nr < 0 || static_cast<std::size_t>(nr) >= Filter::kNumbers || wide < 0 ||
      (shared().by_tracer[static_cast<std::size_t>(nr)] && is_for_tracer(frame, thread, nr)))
    return 1;
  thread.step.store(Step::entering, std::memory_order_relaxed);
  thread.nr_now = nr;
  const Syscall* call = find_syscall(Abi::x86_64, nr);
  // Where nothing is recorded, entry.S publishes into nowhere.
  thread.publish_to = &thread.nowhere;
  if (!is_recorded(frame, thread, nr, call)) return 0;
  if (thread.ringless != 0) {
    ++thread.calls;
    return 0;
  }

  begin_record(thread);
  // The record is written where it stays: only what is captured is made elsewhere, since its size is not known before.
  CaptureResult captures{};
  if (has_captures(call, Phase::entry)) {
    uint64_t args[6];
    arguments_of(frame, args);
    captures = captures_of(thread, call, Phase::entry, {.abi = Abi::x86_64, .args = args, .ret = 0, .failed = false});
  }
  uint32_t window = 0;
  const auto arg_count = static_cast<uint8_t>(call != nullptr ? call->arguments.size() : 6);
  const uint32_t head = CallEnter::bytes_with(arg_count);
  uint32_t size = head + captures.bytes;
  uint64_t stack = 0;
  uint8_t flags = 0;
  if (shared().stacks) {
    const uint64_t maps = state_of_maps(shared(), thread.space);
    stack = known_stack(frame, thread, maps);
    if (stack != 0) {
      flags = kCallKnownStack;
    } else {
      window = stack_window(frame, thread);
      stack = maps;
    }
    if (size + sizeof(RegisterBlock) + window > thread.ring.largest_payload()) window = 0;
  }
  if (window != 0) size += static_cast<uint32_t>(sizeof(RegisterBlock) + window);
  const uint64_t number = thread.calls + 1;
  std::byte* const place = thread.ring.reserve(size);
  if (place == nullptr) {  // given up
    thread.calls = number;
    end_record(thread);
    return 0;
  }
  std::byte* end = place + head;
  if (captures.bytes != 0) memcpy(end, scratch_of(thread).data(), captures.bytes);
  end += captures.bytes;
  uint32_t stack_bytes = 0;
  if (window != 0) {
    // In DWARF's order, as the kernel would show them at the call's entry.
    new (end) RegisterBlock{{frame.rax, frame.rdx, frame.rcx, frame.rbx, frame.rsi, frame.rdi, frame.rbp,
                             thread.user_rsp, frame.r8, frame.r9, frame.r10, frame.rflags, frame.r12, frame.r13,
                             frame.r14, frame.r15, frame.rcx}};
    end += sizeof(RegisterBlock);
    OwnMemory memory(thread);
    const std::size_t got = memory.read(thread.user_rsp, {end, window});
    if (got != window) thread.stack_end = thread.user_rsp + got;
    flags = static_cast<uint8_t>(kCallHasStack | (got == 0 ? kCallStackFault : 0));
    stack_bytes = static_cast<uint32_t>(got);
    end += got;
  }
  thread.nr = nr;
  const uint64_t time = next_time(thread);
  // Field by field: the arguments that it does not have are not there to be written to.
  auto& record = *reinterpret_cast<CallEnter*>(place);
  record.prefix = {.time = time,
                   .tid = thread.prefix.tid,
                   .pid = thread.prefix.pid,
                   .thread_serial = thread.prefix.thread_serial,
                   .process_serial = thread.prefix.process_serial};
  record.ip = frame.rcx;
  record.sp = thread.user_rsp;
  record.nr = nr;
  record.abi = Abi::x86_64;
  record.capture_count = captures.count;
  record.flags = flags;
  record.arg_count = arg_count;
  record.capture_bytes = captures.bytes;
  record.stack_bytes = stack_bytes;
  record.number = number;
  record.stack = stack;
  uint64_t args[6];
  arguments_of(frame, args);
  for (std::size_t i = 0; i < arg_count; ++i) record.args[i] = args[i];
  const auto record_end =
      thread.ring.prepare(static_cast<uint16_t>(RecordType::call_enter), static_cast<uint32_t>(end - place));
  thread.publish_to = record_end.word;
  thread.publish = record_end.value;
  thread.number = number;
  thread.step.store(Step::inside, std::memory_order_release);
  fetch_lines(end, 2);
  return 0;
}

extern "C" void sl_exit(Frame& frame, ThreadControl& thread) {
  // A trap, at which the tracer has to know, need not come by the stub.
  if (thread.nr_now == SYS_rt_sigprocmask && look_up_blocked(thread))
    thread.blocked_is_stale.store(0, std::memory_order_release);
  if (thread.step.load(std::memory_order_relaxed) != Step::inside) {
    thread.step.store(Step::outside, std::memory_order_relaxed);
    return;
  }
  // First: who is killed in between leaves a call open, not one that ends twice.
  thread.calls = thread.number;
  thread.step.store(Step::outside, std::memory_order_release);
  thread.ring.count_published();
  begin_record(thread);
  const auto ret = static_cast<int64_t>(frame.rax);
  const bool failed = ret < 0 && ret >= -4095;
  const Syscall* call = find_syscall(Abi::x86_64, thread.nr);
  // The clock is read first: at the call's end, not after its captures.
  const uint64_t time = next_time(thread);
  CaptureResult captures{};
  if (has_captures(call, Phase::exit)) {
    uint64_t args[6];
    arguments_of(frame, args);
    captures = captures_of(thread, call, Phase::exit, {.abi = Abi::x86_64, .args = args, .ret = ret, .failed = failed});
  }
  const auto size = static_cast<uint32_t>(sizeof(CallExit) + captures.bytes);
  if (std::byte* const place = thread.ring.reserve(size)) {
    new (place) CallExit{.prefix = {.time = time,
                                    .tid = thread.prefix.tid,
                                    .pid = thread.prefix.pid,
                                    .thread_serial = thread.prefix.thread_serial,
                                    .process_serial = thread.prefix.process_serial},
                         .ret = ret,
                         .nr = thread.nr,
                         .abi = Abi::x86_64,
                         .end = CallEnd::returned,
                         .is_error = static_cast<uint8_t>(failed ? 1 : 0),
                         .capture_count = captures.count,
                         .capture_bytes = captures.bytes,
                         .reserved = 0};
    if (captures.bytes != 0) memcpy(place + sizeof(CallExit), scratch_of(thread).data(), captures.bytes);
    thread.ring.commit(static_cast<uint16_t>(RecordType::call_exit), size);
    fetch_lines(place + size, 3);
  }
  end_record(thread);
}

}  // namespace sightline::tracer::inprocess
