// stacks callers N: one call of libc's from two functions by turns, at the same place of the stack.
// stacks libraries A B N: two libraries by turns at the same addresses, most likely; each makes calls of its own.
// A call is lseek(-1, NUMBER): who makes those with even numbers and who the odd ones is what the test knows.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

// Each function ends with something after the call: a tail call would take it off the stack.
[[gnu::noinline]] long even(long n) {
  const long r = lseek(-1, n, SEEK_SET);
  asm volatile("" : : : "memory");
  return r;
}
[[gnu::noinline]] long odd(long n) {
  const long r = lseek(-1, n, SEEK_SET);
  asm volatile("" : : : "memory");
  return r;
}

void callers(long count) {
  unsigned dice = 1;
  for (long i = 0; i < count; ++i) {
    dice = dice * 1103515245 + 12345;
    const bool is_odd = (dice >> 16 & 1) != 0;
    (is_odd ? odd : even)(2 * i + (is_odd ? 1 : 0));
  }
}

int libraries(char** names, long count) {
  for (long i = 0; i < count; ++i) {
    void* handle = dlopen(names[i & 1], RTLD_NOW);
    if (handle == nullptr) return std::fprintf(stderr, "%s\n", dlerror()), 1;
    auto make = reinterpret_cast<void (*)(long, long)>(dlsym(handle, "make_calls"));
    if (make == nullptr) return 1;
    make(1000 * i + (i & 1), 20);
    dlclose(handle);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "callers") == 0) {
    std::thread other(callers, std::atol(argv[2]));
    callers(std::atol(argv[2]));
    other.join();
    return 0;
  }
  if (argc == 5 && std::strcmp(argv[1], "libraries") == 0) return libraries(argv + 2, std::atol(argv[4]));
  return 2;
}
