// A program without a library: system calls in all surroundings that the engine knows how to patch, and handlers that
// write down where they have found it. Driven from outside: see stepped.h.
#include "tests/inprocess/stepped.h"

#include <asm/unistd.h>
#include <signal.h>
#include <ucontext.h>

#include <cstddef>

#define SITE(name, code, after)                                   \
  asm(".text\n.p2align 4\nsite_" #name ":\n" code                 \
      "syscall\n"                                                 \
      "behind_" #name ":\n" after "end_" #name ": int3\n hlt\n"); \
  extern "C" char site_##name[], behind_##name[], end_##name[];

SITE(move_write, "mov $1, %eax\n", "")
SITE(move_read, "mov $0, %eax\n", "")
SITE(move_nanosleep, "mov $35, %eax\n", "")
// Ends like a move to %eax.
SITE(move_r8, "mov $1, %r8d\n", "cmp $-4095, %rax\n")
SITE(compare, "", "cmp $-4095, %rax\n")
SITE(small, "", "nop\nxchg %ax, %ax\nmov %rax, %rbx\n")  // three instructions begin in the five bytes
SITE(relative, "", "mov state_relative(%rip), %ebx\n")
// Nothing here can be moved, so the breakpoint comes at once.
asm(".text\n.p2align 4\nsite_padded: syscall\nbehind_padded: end_padded: int3\n ret\n.p2align 4\n");
extern "C" char site_padded[], behind_padded[], end_padded[];

extern "C" {
stepped::State state;
uint64_t state_relative = 0x5eed5eed;
[[gnu::visibility("hidden")]] void restore_registers();
}
asm(".text\nrestore_registers: mov $15, %eax\n syscall\n");

namespace {

long system_call(long nr, long a, long b, long c, long d) {
  register long r10 asm("r10") = d;
  asm volatile("syscall" : "+a"(nr) : "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return nr;
}

void handler(int, siginfo_t*, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  ++state.handled.count;
  state.handled.rip = static_cast<uint64_t>(registers[REG_RIP]);
  state.handled.rsp = static_cast<uint64_t>(registers[REG_RSP]);
}

/// The kernel's struct sigaction (include/uapi/asm-generic/signal.h).
struct Action {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

void handle(int signo, unsigned long flags) {
  constexpr unsigned long kRestorer = 0x0400'0000;  // SA_RESTORER
  const Action action{handler, flags | SA_SIGINFO | kRestorer, restore_registers, 0};
  system_call(__NR_rt_sigaction, signo, reinterpret_cast<long>(&action), 0, sizeof action.mask);
}

uint64_t address(const char* label) {
  return reinterpret_cast<uint64_t>(label);
}

}  // namespace

extern "C" [[noreturn]] void begin() {
  using namespace stepped;
  state.sites[move_write] = {address(site_move_write), address(behind_move_write), address(end_move_write)};
  state.sites[move_read] = {address(site_move_read), address(behind_move_read), address(end_move_read)};
  state.sites[move_nanosleep] = {address(site_move_nanosleep), address(behind_move_nanosleep),
                                 address(end_move_nanosleep)};
  state.sites[move_r8] = {address(site_move_r8), address(behind_move_r8), address(end_move_r8)};
  state.sites[compare] = {address(site_compare), address(behind_compare), address(end_compare)};
  state.sites[small] = {address(site_small), address(behind_small), address(end_small)};
  state.sites[relative] = {address(site_relative), address(behind_relative), address(end_relative)};
  state.sites[padded] = {address(site_padded), address(behind_padded), address(end_padded)};
  state.relative_word = state_relative;
  handle(SIGUSR1, SA_RESTART);
  handle(SIGUSR2, 0);
  handle(SIGSEGV, 0);
  handle(SIGBUS, 0);
  for (;;) asm volatile("int3" : : "a"(&state) : "memory");
}

asm(".text\n.globl _start\n_start: and $-16, %rsp\n sub $4096, %rsp\n call begin\n");
