// Built twice, with another name of the function that calls: the code is the same, byte for byte.
#include <unistd.h>

[[gnu::noinline]] static long CALLER(long n) {
  const long r = lseek(-1, n, SEEK_SET);
  asm volatile("" : : : "memory");
  return r;
}

extern "C" void make_calls(long first, long count) {
  for (long i = 0; i < count; ++i) CALLER(first + 2 * i);
}
