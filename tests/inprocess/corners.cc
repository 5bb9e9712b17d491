// Calls from places where there is hardly room for anything.
//
//   corners page_end ROUNDS     sites around the end of a page, with another mapping behind it
//   corners little_stack        the last bytes of a stack, and no stack at all
//   corners overflow TIMES      a thread that calls until its stack is full; its handler has another, and calls too
//   corners on_stack TIMES      a timer whose handler has a stack of its own, while calls are made
//
// Every call is a getppid. Prints how many were made, or what went wrong.
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

extern "C" {
long site_plain(long nr);
long site_at(void* stack);
extern char code_begins[];
extern char code_ends[];
}
asm(".text\ncode_begins:\n"
    ".p2align 4\nsite_plain: mov %rdi, %rax\n syscall\n cmp $-4095, %rax\n ret\n"
    // The stack pointer is whatever it is given: the kernel does not look at it.
    ".p2align 4\nsite_at: mov %rsp, %r8\n mov %rdi, %rsp\n mov $110, %eax\n syscall\n mov %r8, %rsp\n ret\n"
    "code_ends:\n");

namespace {

constexpr long kPage = 4096;

[[noreturn]] void fail(const char* what) {
  std::puts(what);
  std::fflush(stdout);
  _exit(1);
}

void* pages(long count, int protection, int flags = MAP_PRIVATE | MAP_ANONYMOUS, void* at = nullptr, int fd = -1) {
  void* const place = mmap(at, static_cast<std::size_t>(count * kPage), protection, flags, fd, 0);
  if (place == MAP_FAILED) fail("no memory");
  return place;
}

/// What lies behind the page that a site ends in.
enum class Behind { same, unreadable, shared, replaced, replacing, dropped, dropping };
constexpr Behind kAllBehind[] = {Behind::same,      Behind::unreadable, Behind::shared,  Behind::replaced,
                                 Behind::replacing, Behind::dropped,    Behind::dropping};

long page_end(int rounds) {
  // mov $110,%eax; syscall; add $7,%rax; ret: the first form that a site may take, and the second without the first.
  using Bytes = std::vector<unsigned char>;
  const Bytes move = {0xb8, 110, 0, 0, 0, 0x0f, 0x05, 0x48, 0x05, 7, 0, 0, 0, 0xc3};
  const Bytes next = {0x90, 0x90, 0x90, 0x89, 0xf8, 0x0f, 0x05, 0x48, 0x05, 7, 0, 0, 0, 0xc3};
  const long parent = getppid();
  long calls = 1;
  const int fd = memfd_create("shared", 0);
  if (fd < 0 || ftruncate(fd, 2 * kPage) < 0) fail("no file");
  for (const Behind kind : kAllBehind)
    for (const Bytes& code : {move, next})
      for (long before = 0; before <= static_cast<long>(code.size()); ++before) {
        auto* const first = static_cast<unsigned char*>(pages(2, PROT_READ | PROT_WRITE));
        unsigned char* const second = first + kPage;
        unsigned char* const at = second - before;
        const auto call = [&](long sum) {
          for (int n = 0; n < rounds; ++n, ++calls)
            if (reinterpret_cast<long (*)(long)>(at)(SYS_getppid) != parent + sum) fail("another sum");
        };
        if (kind == Behind::shared) pages(1, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, second, fd);
        const bool of_file = kind == Behind::dropped || kind == Behind::dropping;
        if (of_file) pages(2, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, first, fd);
        std::memcpy(at, code.data(), code.size());
        if (of_file) pages(2, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, first, fd);
        mprotect(first, kPage, PROT_READ | PROT_EXEC);
        mprotect(second, kPage, kind == Behind::unreadable ? PROT_EXEC : PROT_READ | PROT_EXEC);
        // Where all of it lies in the first page, there may be nothing behind it.
        if (before == static_cast<long>(code.size())) munmap(second, kPage);
        call(7);
        // One of the two pages is read from the file again.
        if (of_file) {
          if (madvise(kind == Behind::dropped ? second : first, kPage, MADV_DONTNEED) < 0 &&
              before != static_cast<long>(code.size()))
            fail("not dropped");
          call(7);
        }
        // One of the two pages becomes another, with the same code in it but for the sum.
        if (kind == Behind::replaced || kind == Behind::replacing) {
          unsigned char* const page = kind == Behind::replaced ? second : first;
          pages(1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, page);
          for (long i = 0; i < static_cast<long>(code.size()); ++i)
            if (at + i >= page && at + i < page + kPage) at[i] = code[static_cast<std::size_t>(i)];
          unsigned char* const sum = at + 9;
          const bool other = sum >= page && sum < page + kPage;
          if (other) *sum = 9;
          mprotect(page, kPage, PROT_READ | PROT_EXEC);
          call(other ? 9 : 7);
        }
        munmap(first, 2 * kPage);
      }
  return calls;
}

long little_stack() {
  const long parent = getppid();
  auto* const middle = static_cast<char*>(pages(3, PROT_NONE)) + kPage;
  mprotect(middle, kPage, PROT_READ | PROT_WRITE);
  long calls = 1;
  // The stack's end, its begin, addresses that nobody may read, and such as there are none.
  for (void* stack :
       {static_cast<void*>(middle + kPage), static_cast<void*>(middle + kPage - 8), static_cast<void*>(middle),
        static_cast<void*>(middle + 8), static_cast<void*>(middle - 8), static_cast<void*>(nullptr),
        reinterpret_cast<void*>(~uintptr_t{7}), reinterpret_cast<void*>(uintptr_t{1} << 63 | 3)})
    for (int n = 0; n < 5; ++n, ++calls)
      if (site_at(stack) != parent) fail("another parent");
  return calls;
}

sigjmp_buf back;
char other_stack[1 << 16];
thread_local long calls_of_thread;
long parent_of_all;

bool is_in(const void* at, const void* begin, std::size_t size) {
  return reinterpret_cast<uintptr_t>(at) - reinterpret_cast<uintptr_t>(begin) < size;
}

void use_other_stack(int signo, void (*handler)(int, siginfo_t*, void*)) {
  stack_t stack{};
  stack.ss_sp = other_stack;
  stack.ss_size = sizeof other_stack;
  struct sigaction action {};
  action.sa_sigaction = handler;
  action.sa_flags = SA_ONSTACK | SA_SIGINFO;
  if (sigaltstack(&stack, nullptr) < 0 || sigaction(signo, &action, nullptr) < 0) fail("no stack for the handler");
}

void on_overflow(int, siginfo_t*, void*) {
  int here = 0;
  if (!is_in(&here, other_stack, sizeof other_stack)) fail("a handler on the stack that is full");
  for (int n = 0; n < 3; ++n, ++calls_of_thread)
    if (site_plain(SYS_getppid) != parent_of_all) fail("another parent in the handler");
  siglongjmp(back, 1);
}

volatile bool go_on = true;

// The compiler must not see that it never ends, nor make a loop of it.
[[gnu::noinline]] long deeper(volatile long* above) {  // NOLINT(misc-no-recursion)
  if (!go_on) return 0;
  volatile long here = *above + 1;
  if (site_plain(SYS_getppid) != parent_of_all) fail("another parent");
  ++calls_of_thread;
  return deeper(&here) + here;
}

void* overflow(void* times) {
  use_other_stack(SIGSEGV, on_overflow);
  static long left;
  for (left = *static_cast<long*>(times); left > 0; --left) {
    volatile long none = 0;
    if (sigsetjmp(back, 1) == 0) deeper(&none);
  }
  return reinterpret_cast<void*>(calls_of_thread);
}

long overflow(long times) {
  parent_of_all = getppid();
  pthread_attr_t little;
  pthread_attr_init(&little);
  pthread_attr_setstacksize(&little, 1 << 16);
  pthread_t thread;
  if (pthread_create(&thread, &little, overflow, &times) != 0) fail("no thread");
  void* calls = nullptr;
  pthread_join(thread, &calls);
  return 1 + reinterpret_cast<long>(calls);
}

volatile sig_atomic_t handled;

/// Who makes calls in a handler must find itself in its program, and on the handler's stack.
void on_timer(int, siginfo_t*, void* context) {
  const greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  stack_t now{};
  int here = 0;
  if (!is_in(&here, other_stack, sizeof other_stack)) fail("a handler on the program's stack");
  if (sigaltstack(nullptr, &now) < 0 || (now.ss_flags & SS_ONSTACK) == 0) fail("a handler whose stack is not in use");
  if (is_in(reinterpret_cast<void*>(registers[REG_RSP]), other_stack, sizeof other_stack))
    fail("interrupted on that stack");
  handled = handled + 1;
}

long on_stack(int times) {
  const long parent = getppid();
  use_other_stack(SIGALRM, on_timer);
  const itimerval often{{0, 300}, {0, 300}};
  const itimerval never{};
  setitimer(ITIMER_REAL, &often, nullptr);
  long calls = 1;
  for (; handled < times; ++calls)
    if (site_plain(SYS_getppid) != parent) fail("another parent");
  setitimer(ITIMER_REAL, &never, nullptr);
  return calls;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const int n = argc > 2 ? std::atoi(argv[2]) : 1;
  long calls = 0;
  if (what == "page_end") calls = page_end(n);
  if (what == "little_stack") calls = little_stack();
  if (what == "overflow") calls = overflow(n);
  if (what == "on_stack") calls = on_stack(n);
  if (calls == 0) return 2;
  std::printf("%ld\n", calls);
}
