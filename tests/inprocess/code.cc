// A program whose code changes under the tracer: many threads at a site while it is patched, libraries that come and go
// at one address, code that is written, rewritten, moved, and seen by others.
//
//   code crowd THREADS ROUNDS     each thread calls each site ROUNDS times
//   code library FILE TIMES       loads it, calls it 5 times, unloads it, again and again (not in a static program)
//   code rewritten ROUNDS         a page of code, 5 calls between changes; written to, then with mprotect in between
//   code moved                    a page of code that mremap moves
//   code shared                   code in memory that has a second, writable mapping
//   code heap MIB                 so much by brk, after a call has been made often
//   code replaced THREADS ROUNDS  each thread, on pages of its own: other memory over code, by each call that can do
//   it,
//                                 and other code there again
//   code heap_code ROUNDS         code in the heap, which goes and comes back by brk
//   code forked ROUNDS            the first of these in children of a program with threads, and of one without
//
// Every call is a getppid. Prints how many were made, or what went wrong.
#include <dlfcn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <barrier>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

extern "C" {
long site_move(long nr);
long site_compare(long nr);
long site_small(long nr);
long site_padded(long nr);
long site_jumped(long nr);
}
asm(".text\n.p2align 4\nsite_move: mov $110, %eax\n syscall\n ret\n"
    ".p2align 4\nsite_compare: mov %rdi, %rax\n syscall\n cmp $-4095, %rax\n ret\n"
    ".p2align 4\nsite_small: mov %rdi, %rax\n syscall\n nop\n xchg %ax, %ax\n ret\n"
    // A call can't be moved; nobody comes behind it.
    ".p2align 4\nsite_padded: mov %rdi, %rax\n syscall\n call 1f\n ret\n.p2align 4\n1: ret\n"
    // Jumps behind its call every other time.
    ".p2align 4\nsite_jumped: mov %rdi, %rax\n test %rax, %rax\n js 1f\n syscall\n1: test %rax, %rax\n ret\n");

namespace {

using Function = long (*)(long);

[[noreturn]] void fail(const std::string& what) {
  std::puts(what.c_str());
  std::fflush(stdout);
  _exit(1);
}

long crowd(int threads, int rounds) {
  const long parent = getppid();
  std::barrier gate(threads);
  std::atomic<long> calls{0};
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&] {
      for (const Function site : {site_move, site_compare, site_small, site_padded, site_jumped}) {
        gate.arrive_and_wait();
        for (int n = 0; n < rounds; ++n) {
          if (site(SYS_getppid) != parent) fail("another parent");
          if (site == site_jumped && site(-5) != -5) fail("another number");
          calls.fetch_add(1, std::memory_order_relaxed);
        }
      }
    });
  for (std::thread& thread : all) thread.join();
  return calls + 1;
}

#ifndef NO_LIBRARIES
long library(const char* file, int times) {
  const long parent = getppid();
  long calls = 1;
  for (int i = 0; i < times; ++i) {
    void* handle = dlopen(file, RTLD_NOW);
    const auto call = handle != nullptr ? reinterpret_cast<Function>(dlsym(handle, "call_and_add")) : nullptr;
    if (call == nullptr) fail(dlerror());
    for (int n = 0; n < 5; ++n, ++calls)
      if (call(n) != parent + n) fail("another sum");
    dlclose(handle);
  }
  return calls;
}
#endif

/// Code that makes the call and adds `value`, in one of some ways.
std::size_t write_code(unsigned char* at, int way, int32_t value) {
  unsigned char code[32] = {};
  std::size_t n = 0;
  const auto put = [&](std::initializer_list<int> bytes) {
    for (const int byte : bytes) code[n++] = static_cast<unsigned char>(byte);
  };
  const auto put_value = [&](int32_t v) {
    std::memcpy(code + n, &v, sizeof v);
    n += sizeof v;
  };
  if (way % 3 == 0) put({0x90, 0x90, 0x90, 0x89, 0xf8});  // the call at the same place in all of them
  if (way % 3 == 1) put({0xb8}), put_value(SYS_getppid);
  if (way % 3 == 2) put({0x66, 0x90, 0x90, 0x89, 0xf8});
  put({0x0f, 0x05});
  if (way % 3 == 2) put({0x48, 0x89, 0xc2, 0x48, 0x8d, 0x82});  // mov %rax,%rdx; lea value(%rdx),%rax
  if (way % 3 != 2) put({0x48, 0x05});                          // add $value,%rax
  put_value(value);
  put({0xc3});
  std::memcpy(at, code, n);
  return n;
}

unsigned char* new_page(int protection, int flags = MAP_PRIVATE | MAP_ANONYMOUS, int fd = -1) {
  void* page = mmap(nullptr, 4096, protection, flags, fd, 0);
  if (page == MAP_FAILED) fail("no memory");
  return static_cast<unsigned char*>(page);
}

long call_often(unsigned char* code, int32_t value, long parent) {
  const auto call = reinterpret_cast<Function>(code);
  for (int n = 0; n < 5; ++n)
    if (call(SYS_getppid) != parent + value) fail("another sum");
  return 5;
}

long rewritten(int rounds) {
  const long parent = getppid();
  long calls = 1;
  unsigned char* open = new_page(PROT_READ | PROT_WRITE | PROT_EXEC);
  unsigned char* guarded = new_page(PROT_READ | PROT_WRITE);
  for (int i = 0; i < rounds; ++i) {
    write_code(open, i, i);
    calls += call_often(open, i, parent);
    mprotect(guarded, 4096, PROT_READ | PROT_WRITE);
    write_code(guarded, i / 2, -i);
    mprotect(guarded, 4096, PROT_READ | PROT_EXEC);
    calls += call_often(guarded, -i, parent);
  }
  return calls;
}

long moved() {
  const long parent = getppid();
  long calls = 1;
  for (int way = 0; way < 3; ++way) {
    unsigned char* page = new_page(PROT_READ | PROT_WRITE | PROT_EXEC);
    unsigned char* target = new_page(PROT_NONE);
    write_code(page, way, 7);
    calls += call_often(page, 7, parent);
    void* now = mremap(page, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    if (now != target) fail("not moved");
    calls += call_often(target, 7, parent);
  }
  return calls;
}

long shared() {
  const long parent = getppid();
  const int fd = memfd_create("code", 0);
  if (fd < 0 || ftruncate(fd, 4096) != 0) fail("no memory");
  unsigned char* written = new_page(PROT_READ | PROT_WRITE, MAP_SHARED, fd);
  unsigned char* run = new_page(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
  unsigned char before[64];
  const std::size_t n = write_code(written, 1, 7);
  std::memcpy(before, written, n);
  const long calls = 1 + call_often(run, 7, parent);
  if (std::memcmp(before, written, n) != 0) fail("others see another code");
  return calls;
}

void map_at(unsigned char* page, int protection, int flags, int fd = -1) {
  if (mmap(page, 4096, protection, flags | MAP_FIXED, fd, 0) != page) fail("not mapped");
}

/// A page of code that makes way for data, and is code again: the second time with another call site at the same place.
/// What is done in between is what a program's start does, of which the tracer sees little.
long replaced(int rounds) {
  static std::mutex gap;  // where nothing is mapped, another thread's memory must not come
  constexpr int kPrivate = MAP_PRIVATE | MAP_ANONYMOUS;
  const long parent = getppid();
  long calls = 0;
  const auto some_page = [&] {
    const std::lock_guard lock(gap);
    return new_page(PROT_READ | PROT_WRITE);
  };
  unsigned char* const page = some_page();
  const int fd = memfd_create("code", 0);
  if (fd < 0 || ftruncate(fd, 4096) != 0) fail("no memory");
  for (int i = 0; i < rounds; ++i) {
    const int32_t value = i;
    write_code(page, i, value);
    if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) fail("not executable");
    calls += call_often(page, value, parent);
    switch (i % 5) {
      case 0:  // data over it
        map_at(page, PROT_READ | PROT_WRITE, kPrivate);
        break;
      case 1: {  // away, and something where there is nothing
        const std::lock_guard lock(gap);
        munmap(page, 4096);
        map_at(page, PROT_READ | PROT_WRITE, kPrivate);
        break;
      }
      case 2: {  // moved over it
        if (mremap(some_page(), 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page) != page) fail("not moved");
        break;
      }
      case 3: {  // memory that others see, too: not a byte of it may change
        map_at(page, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
        unsigned char before[64];
        const std::size_t n = write_code(page, i + 1, value);
        std::memcpy(before, page, n);
        if (mprotect(page, 4096, PROT_READ | PROT_EXEC) != 0) fail("not executable");
        calls += call_often(page, value, parent);
        unsigned char in_file[64];
        if (pread(fd, in_file, n, 0) != static_cast<ssize_t>(n) || std::memcmp(before, in_file, n) != 0)
          fail("others see another code");
        map_at(page, PROT_READ | PROT_WRITE, kPrivate);
        break;
      }
      default:  // data, and the same page again
        if (mprotect(page, 4096, PROT_READ | PROT_WRITE) != 0) fail("not writable");
    }
  }
  close(fd);
  munmap(page, 4096);
  return calls;
}

long replaced_by_threads(int threads, int rounds) {
  std::atomic<long> calls{0};
  std::barrier gate(threads);  // threads' stacks are mapped
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i)
    all.emplace_back([&] {
      gate.arrive_and_wait();
      const long mine = replaced(rounds) + 1;
      gate.arrive_and_wait();
      calls += mine;
    });
  for (std::thread& thread : all) thread.join();
  return calls;
}

long heap_code(int rounds) {
  const long parent = getppid();
  long calls = 1;
  const auto top = (reinterpret_cast<uintptr_t>(sbrk(0)) + 4095) & ~uintptr_t{4095};
  auto* const page = reinterpret_cast<unsigned char*>(top);
  for (int i = 0; i < rounds; ++i) {
    if (brk(page + 4096) != 0) fail("no heap");
    for (int n = 0; n < 64; ++n)
      if (page[n] != 0) fail("something is there already");
    write_code(page, i, i);
    if (mprotect(page, 4096, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) fail("not executable");
    calls += call_often(page, i, parent);
    if (brk(page) != 0) fail("no smaller heap");
  }
  return calls;
}

/// Children count for themselves: what they have called fits into their exit status.
long forked(int rounds) {
  long calls = 0;
  std::atomic<bool> done{false};
  const auto one = [&] {
    const pid_t pid = fork();
    if (pid == 0) _exit(static_cast<int>(replaced(5)));
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) fail("no child");
    calls += WEXITSTATUS(status) + 1;
  };
  for (int i = 0; i < rounds; ++i) one();
  std::thread other([&] {
    while (!done) {
      unsigned char* page = new_page(PROT_READ);
      mprotect(page, 4096, PROT_READ | PROT_EXEC);
      munmap(page, 4096);
    }
  });
  for (int i = 0; i < rounds; ++i) one();
  done = true;
  other.join();
  return calls;
}

long heap(int mib) {
  for (int i = 0; i < 5; ++i) site_compare(SYS_getppid);
  for (int i = 0; i < mib; ++i)
    if (sbrk(1 << 20) == reinterpret_cast<void*>(-1)) fail("no heap after " + std::to_string(i) + " MiB");
  return 5;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return argc > i ? std::atoi(argv[i]) : 0; };
  long calls = 0;
  if (what == "crowd") calls = crowd(number(2), number(3));
#ifndef NO_LIBRARIES
  if (what == "library") calls = library(argc > 2 ? argv[2] : "", number(3));
#endif
  if (what == "rewritten") calls = rewritten(number(2));
  if (what == "moved") calls = moved();
  if (what == "shared") calls = shared();
  if (what == "heap") calls = heap(number(2));
  if (what == "replaced") calls = replaced_by_threads(number(2), number(3));
  if (what == "heap_code") calls = heap_code(number(2));
  if (what == "forked") calls = forked(number(2));
  std::printf("%ld\n", calls);
  return calls > 0 ? 0 : 2;
}
