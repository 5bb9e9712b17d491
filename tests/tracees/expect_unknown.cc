// Numbers without a name, those of x32, and those of i386 called from 64-bit code.
#include <sys/mman.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

namespace {

// The arguments lie below 4 GiB, where 32-bit calls can reach them.
char* low = nullptr;

long call32(long nr, unsigned long a, unsigned long b, unsigned long c) {
  long value;
  // r8 to r11 are lost over int 0x80 on older kernels.
  asm volatile("int $0x80" : "=a"(value) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory", "r8", "r9", "r10", "r11");
  if (value < 0 && value > -4096) {
    errno = static_cast<int>(-value);
    return -1;
  }
  return value;
}

}  // namespace

int main() {
  low = static_cast<char*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
  strcpy(low, "/none");
  expect::begin();

  long n = call(999, 1, 2, 3, 4, 5, 6);
  line("syscall_0x3e7(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = %s", result(n));
  n = call(0xfff, -1, 0, 0, 0, 0, 0);
  line("syscall_0xfff(0xffffffffffffffff, 0, 0, 0, 0, 0) = %s", result(n));
  n = call(-1, 1, 2, 3, 4, 5, 6);
  line("syscall_0xffffffffffffffff(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = %s", result(n));
  n = call(0x40000000 + 39, 0, 0, 0, 0, 0, 0);
  line("getpid() = %s", result(n));
  n = call(0x40000fff, 1, 2, 3, 4, 5, 6);
  line("syscall_0x40000fff(0x1, 0x2, 0x3, 0x4, 0x5, 0x6) = %s", result(n));

  const unsigned long path = reinterpret_cast<unsigned long>(low);
  n = call32(5, path, 0, 0);
  line("open(\"/none\", O_RDONLY) = %s", result(n));
  n = call32(20, 0, 0, 0);
  line("getpid() = %s", result(n));
  n = call32(4, 0xffffffff, path, 5);
  line("write(-1, \"/none\", 5) = %s", result(n));

  expect::end();
  return expect::finish();
}
