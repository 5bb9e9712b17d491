// Makes calls from each form of site and looks whether they leave behind what `syscall` leaves: all registers but rax,
// rcx and r11, the flags, the vector registers, the red zone below the stack pointer; rcx the address behind, r11 the
// flags. Among them are calls that no stub in the program can make by itself: one that does not exist, and fork(2),
// where the child looks, too.
//
//   registers ROUNDS      exits 0, or says what has changed
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

extern "C" {
// The state before the call is loaded from here, the state behind it stored there: rbx rdx rsi rdi r8 r9 r10 r12 r13
// r14 r15 rcx r11 rax, flags, 2 vector registers, 16 words of red zone. Flags: as lahf leaves them in bits 8 to 15,
// and overflow in bit 0.
struct State {
  uint64_t rbx, rdx, rsi, rdi, r8, r9, r10, r12, r13, r14, r15, rcx, r11, rax, flags, unused;
  uint64_t xmm[4];
  uint64_t zone[16];
};
State before_call, behind_call;
extern char after_move_behind[], with_compare_behind[], plain_behind[];
void after_move();
void with_compare();
void plain();
}

// Loads everything, makes the call as `body` says, stores everything. The stack pointer is used only after the red zone
// was read.
#define SITE(name, body)                                                                             \
  asm(".text\n.globl " #name "\n.p2align 4\n" #name                                                  \
      ":\n"                                                                                          \
      "push %rbx\n push %rbp\n push %r12\n push %r13\n push %r14\n push %r15\n"                      \
      "lea before_call(%rip), %rbp\n"                                                                \
      "movups 128(%rbp), %xmm0\n movups 144(%rbp), %xmm15\n"                                         \
      "xor %ecx, %ecx\n"                                                                             \
      "1: mov 160(%rbp,%rcx,8), %rax\n neg %rcx\n mov %rax, -8(%rsp,%rcx,8)\n neg %rcx\n inc %rcx\n" \
      "cmp $16, %rcx\n jne 1b\n"                                                                     \
      "mov 0(%rbp), %rbx\n mov 8(%rbp), %rdx\n mov 16(%rbp), %rsi\n mov 24(%rbp), %rdi\n"            \
      "mov 32(%rbp), %r8\n mov 40(%rbp), %r9\n mov 48(%rbp), %r10\n mov 56(%rbp), %r12\n"            \
      "mov 64(%rbp), %r13\n mov 72(%rbp), %r14\n mov 80(%rbp), %r15\n"                               \
      "mov 112(%rbp), %eax\n mov %eax, %ecx\n and $1, %ecx\n add $127, %cl\n sahf\n"                 \
      "mov 104(%rbp), %eax\n" body                                                                   \
      "lea behind_call(%rip), %rbp\n"                                                                \
      "mov %rax, 104(%rbp)\n mov $0, %eax\n lahf\n seto %al\n mov %rax, 112(%rbp)\n"                 \
      "mov %rbx, 0(%rbp)\n mov %rdx, 8(%rbp)\n mov %rsi, 16(%rbp)\n mov %rdi, 24(%rbp)\n"            \
      "mov %r8, 32(%rbp)\n mov %r9, 40(%rbp)\n mov %r10, 48(%rbp)\n mov %r12, 56(%rbp)\n"            \
      "mov %r13, 64(%rbp)\n mov %r14, 72(%rbp)\n mov %r15, 80(%rbp)\n mov %rcx, 88(%rbp)\n"          \
      "mov %r11, 96(%rbp)\n"                                                                         \
      "movups %xmm0, 128(%rbp)\n movups %xmm15, 144(%rbp)\n"                                         \
      "mov $0, %ecx\n"                                                                               \
      "2: neg %rcx\n mov -8(%rsp,%rcx,8), %rax\n neg %rcx\n mov %rax, 160(%rbp,%rcx,8)\n inc %rcx\n" \
      "cmp $16, %rcx\n jne 2b\n"                                                                     \
      "pop %r15\n pop %r14\n pop %r13\n pop %r12\n pop %rbp\n pop %rbx\n ret\n")

SITE(after_move, "mov $110, %eax\n syscall\n.globl after_move_behind\nafter_move_behind:\n");
SITE(with_compare, "syscall\n.globl with_compare_behind\nwith_compare_behind:\n cmp $0xfffffffffffff000, %rax\n");
SITE(plain, "syscall\n.globl plain_behind\nplain_behind:\n nop\n nop\n");

namespace {

constexpr uint64_t kFlags = 0xd5;  // CF, PF, AF, ZF and SF
constexpr uint64_t kOverflow = 0x800;
constexpr uint64_t kDirection = 0x400;

/// `flags_kept`: nothing that changes them follows the call.
const char* compare(const char* behind, bool flags_kept, uint64_t result) {
  const State& a = before_call;
  const State& b = behind_call;
  if (b.rax != result) return "rax";
  if (b.rcx != reinterpret_cast<uint64_t>(behind)) return "rcx";
  const uint64_t flags = (a.flags >> 8 & kFlags) | ((a.flags & 1) != 0 ? kOverflow : 0);
  if ((b.r11 & (kFlags | kOverflow)) != flags) return "r11";
  if (flags_kept && (b.flags & (kFlags << 8 | 1)) != (a.flags & (kFlags << 8 | 1))) return "a flag";
  if (std::memcmp(&a, &b, offsetof(State, rcx)) != 0) return "a register";
  if (std::memcmp(a.xmm, b.xmm, sizeof a.xmm) != 0) return "a vector register";
  return std::memcmp(a.zone, b.zone, sizeof a.zone) != 0 ? "the red zone" : nullptr;
}

/// What of a direction that is set a call leaves.
bool keeps_direction() {
  uint64_t flags = 0;
  asm volatile("sub $128, %%rsp\n std\n mov $110, %%eax\n syscall\n pushfq\n pop %0\n cld\n add $128, %%rsp\n"
               : "=r"(flags)
               :
               : "rax", "rcx", "r11", "memory", "cc");
  return (flags & kDirection) != 0;
}

struct Form {
  const char* name;
  void (*call)();
  const char* behind;
  bool flags_kept;
};

uint64_t call(const Form& form, long nr, uint64_t& seed) {
  auto* words = reinterpret_cast<uint64_t*>(&before_call);
  for (std::size_t n = 0; n < sizeof before_call / 8; ++n) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    words[n] = seed;
  }
  before_call.rax = static_cast<uint64_t>(nr);
  std::memset(&behind_call, 0, sizeof behind_call);
  form.call();
  return behind_call.rax;
}

const char* fork_from(const Form& form, uint64_t& seed) {
  const uint64_t pid = call(form, SYS_fork, seed);
  const char* what = compare(form.behind, form.flags_kept, pid);
  if (pid == 0) _exit(what != nullptr);
  int status = 0;
  if (waitpid(static_cast<pid_t>(pid), &status, 0) < 0) return "the way to have children";
  return what != nullptr ? what : status != 0 ? "something of the child's" : nullptr;
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 100;
  const auto parent = static_cast<uint64_t>(getppid());
  const Form forms[] = {{"after_move", after_move, after_move_behind, true},
                        {"with_compare", with_compare, with_compare_behind, false},
                        {"plain", plain, plain_behind, true}};
  constexpr long kNoSuchCall = 100'000;
  constexpr int kForkEvery = 50;
  uint64_t seed = 88172645463325252u;
  for (int i = 0; i < rounds; ++i) {
    for (const Form& form : forms) {
      call(form, SYS_getppid, seed);
      const char* what = compare(form.behind, form.flags_kept, parent);
      if (what == nullptr && form.call != after_move) {  // which has its number in the code
        call(form, kNoSuchCall, seed);
        what = compare(form.behind, form.flags_kept, static_cast<uint64_t>(-ENOSYS));
      }
      if (what == nullptr && form.call != after_move && i % kForkEvery == 0) what = fork_from(form, seed);
      if (what != nullptr) {
        std::printf("round %d, %s: %s has changed\n", i, form.name, what);
        return 1;
      }
    }
    if (!keeps_direction()) {
      std::printf("round %d: the direction has changed\n", i);
      return 1;
    }
  }
  std::puts("unchanged");
  return 0;
}
