// takes_away WHAT: takes something away from itself that a tracer inside it might need, makes 100 marks and says
// "as untraced". `counter`: the time stamp counter; `filter`: the right to all but some calls, by seccomp(2);
// `addresses`: more than 1 GiB of them, of which it then uses half; `paging`: its memory is locked, and may not be
// much; `dispatch`: its calls are diverted to itself, where it wants them to; `steps`: the processor traps behind each
// instruction; `alignment`: and where an access is not aligned; `range`: all that a tracer has mapped
// is unmapped; `place`: or mapped over; `gs`: the base of %gs. With `threads` behind it, another thread makes 100
// marks of its own meanwhile.
#include <asm/prctl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/tracees/tracee.h"

namespace {

void take_filter() {
  // Kills whoever makes a call that the program itself does not.
  constexpr uint32_t kAllowed[] = {SYS_write, SYS_exit_group, SYS_exit,    SYS_futex,      SYS_munmap,
                                   SYS_brk,   SYS_lseek,      SYS_madvise, SYS_newfstatat, SYS_rt_sigprocmask};
  std::vector<sock_filter> program{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
  for (const uint32_t nr : kAllowed) {
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1));
    program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS));
  const sock_fprog whole{static_cast<unsigned short>(program.size()), program.data()};
  tracee::check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
  tracee::check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole), "seccomp");
}

constexpr uint64_t kTrapFlag = 1 << 8, kAlignmentCheck = 1 << 18;

volatile char diverts = 0;  // SYSCALL_DISPATCH_FILTER_ALLOW, or 1: …_BLOCK
int diverted = 0;

void take_dispatch() {
  struct sigaction action {};
  action.sa_handler = [](int) {
    diverts = 0;
    ++diverted;
  };
  tracee::check(sigaction(SIGSYS, &action, nullptr), "sigaction");
  tracee::check(prctl(59, 1, 0, 0, &diverts), "PR_SET_SYSCALL_USER_DISPATCH");
  for (int i = 1; i <= 10; ++i) {
    diverts = 1;
    getppid();
    if (diverted != i) tracee::fail("a call was not diverted");
  }
}

extern "C" {
long call_with_flag(uint64_t flag, long nr, long a, const void* b, long c);
}
// With that flag from behind the first popfq to behind the second.
asm(".text\n.p2align 4\ncall_with_flag: push %rbx\n mov %rdi, %rbx\n mov %rdx, %rdi\n mov %rsi, %rax\n mov %rcx, "
    "%rsi\n mov %r8, %rdx\n"
    " pushfq\n or %rbx, (%rsp)\n popfq\n"
    " nop\n syscall\n nop\n"
    " pushfq\n not %rbx\n and %rbx, (%rsp)\n popfq\n pop %rbx\n ret\n");

volatile int steps = 0;

void take_flag(uint64_t flag) {
  constexpr int kCalls = 20, kFirst = 5;
  struct sigaction action {};
  action.sa_handler = [](int) { steps = steps + 1; };
  tracee::check(sigaction(SIGTRAP, &action, nullptr), "sigaction");
  int last = 0;
  int fds[2];
  tracee::check(pipe(fds), "pipe");
  alignas(8) static const char bytes[16] = "0123456789abcde";
  for (int i = 0; i < kCalls; ++i) {
    // The first ones without: so its site is a jump by then. Whether there is a step behind `syscall` is the
    // processor's.
    const int former = steps;
    if (call_with_flag(i < kFirst ? 0 : flag, SYS_write, fds[1], bytes + i % 7, 9) != 9) tracee::fail("write");
    char got[9];
    if (read(fds[0], got, sizeof got) != 9 || std::memcmp(got, bytes + i % 7, 9) != 0) tracee::fail("other bytes");
    if (i >= kFirst && flag == kTrapFlag && steps - former != 6 && steps - former != 7)
      tracee::fail("another number of steps");
    if (i > kFirst && steps - former != last) tracee::fail("more steps than before, or less");
    last = steps - former;
  }
}

struct Range {
  uintptr_t start = 0, end = 0;
};

/// Where a tracer has memory of its own in this program, if it has.
Range mapped_by_tracer() {
  std::FILE* const maps = std::fopen("/proc/self/maps", "re");
  if (maps == nullptr) tracee::fail("maps");
  Range range;
  char line[512];
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    if (std::strstr(line, "memfd:sightline") == nullptr) continue;
    char* rest = nullptr;
    const uintptr_t start = std::strtoull(line, &rest, 16);
    if (range.start == 0) range.start = start;
    range.end = std::strtoull(rest + 1, nullptr, 16);
  }
  std::fclose(maps);
  return range;
}

void take_range() {
  const Range range = mapped_by_tracer();
  if (range.start == 0) return;
  tracee::check(munmap(reinterpret_cast<void*>(range.start), range.end - range.start), "munmap");
  if (mapped_by_tracer().start != 0) tracee::fail("something is left");
}

void take_place() {
  constexpr std::size_t kSize = 1 << 20;
  const uintptr_t start = mapped_by_tracer().start;
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (start != 0 ? MAP_FIXED : 0);
  void* const place = mmap(reinterpret_cast<void*>(start), kSize, PROT_READ | PROT_WRITE, flags, -1, 0);
  if (place == MAP_FAILED) tracee::fail("mmap");
  std::memset(place, 0x5a, kSize);
}

void take(const char* what) {
  if (std::strcmp(what, "counter") == 0) {
    tracee::check(prctl(PR_SET_TSC, PR_TSC_SIGSEGV), "PR_SET_TSC");
  } else if (std::strcmp(what, "filter") == 0) {
    take_filter();
  } else if (std::strcmp(what, "addresses") == 0) {
    const rlimit limit{1 << 30, 1 << 30};
    tracee::check(setrlimit(RLIMIT_AS, &limit), "setrlimit");
    void* half = mmap(nullptr, 1 << 29, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (half == MAP_FAILED) tracee::fail("mmap");
  } else if (std::strcmp(what, "paging") == 0) {
    const rlimit limit{128 << 20, 128 << 20};
    setrlimit(RLIMIT_MEMLOCK, &limit);
    tracee::check(mlockall(MCL_CURRENT), "mlockall");
  } else if (std::strcmp(what, "dispatch") == 0) {
    take_dispatch();
  } else if (std::strcmp(what, "steps") == 0) {
    take_flag(kTrapFlag);
  } else if (std::strcmp(what, "alignment") == 0) {
    take_flag(kAlignmentCheck);
  } else if (std::strcmp(what, "gs") == 0) {
    static const uint64_t area[] = {17, 18};
    uint64_t base = 0, found = 0;
    tracee::check(syscall(SYS_arch_prctl, ARCH_SET_GS, area), "ARCH_SET_GS");
    tracee::check(syscall(SYS_arch_prctl, ARCH_GET_GS, &base), "ARCH_GET_GS");
    asm("mov %%gs:8, %0" : "=r"(found));
    if (base != reinterpret_cast<uintptr_t>(area) || found != area[1]) tracee::fail("another base");
  } else if (std::strcmp(what, "range") == 0) {
    take_range();
  } else if (std::strcmp(what, "place") == 0) {
    take_place();
  } else {
    _exit(2);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  std::atomic<bool> taken{false}, runs{false};
  std::thread other;
  if (argc > 2)
    other = std::thread([&] {
      for (; !taken; runs = true) tracee::mark(0);
      for (uint64_t i = 1001; i <= 1100; ++i) tracee::mark(i);
    });
  // A thread begins with all signals blocked, and a trap then costs a program its handler.
  while (other.joinable() && !runs) sched_yield();
  for (int i = 0; i < 100; ++i) tracee::mark(0);
  take(argv[1]);
  taken = true;
  for (uint64_t i = 1; i <= 100; ++i) tracee::mark(i);
  if (other.joinable()) other.join();
  return write(1, "as untraced\n", 12) == 12 ? 0 : 1;
}
