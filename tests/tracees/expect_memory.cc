// Mappings.
#include <fcntl.h>
#include <sys/mman.h>

#include "tests/tracees/expect.h"

using expect::address_result;
using expect::call;
using expect::line;
using expect::result;

int main() {
  const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
  expect::begin();

  const long brk = call(SYS_brk, nullptr);
  line("brk(NULL) = %s", address_result(brk));
  long n = call(SYS_brk, brk + 4096);
  line("brk(%#lx) = %s", brk + 4096, address_result(n));
  const long a = call(SYS_mmap, nullptr, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  line("mmap(NULL, 65536, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = %s", address_result(a));
  n = call(SYS_mmap, a, 4096, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  line("mmap(%#lx, 4096, PROT_NONE, MAP_SHARED|MAP_FIXED|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0) = %s", a,
       address_result(n));
  const long b = call(SYS_mmap, nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_DENYWRITE, fd, 4096);
  line("mmap(NULL, 4096, PROT_READ|PROT_EXEC, MAP_PRIVATE|MAP_DENYWRITE, %d, 0x1000) = %s", fd, address_result(b));
  n = call(SYS_mmap, nullptr, 0, PROT_READ, MAP_PRIVATE, fd, 0);
  line("mmap(NULL, 0, PROT_READ, MAP_PRIVATE, %d, 0) = %s", fd, address_result(n));
  n = call(SYS_mmap, nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_POPULATE | MAP_STACK, -1, 0);
  line("mmap(NULL, 4096, PROT_READ, MAP_PRIVATE|MAP_POPULATE|MAP_STACK, -1, 0) = %s", address_result(n));
  n = call(SYS_mprotect, b, 4096, PROT_READ);
  line("mprotect(%#lx, 4096, PROT_READ) = %s", b, result(n));
  n = call(SYS_mprotect, a + 4096, 4096, PROT_READ | PROT_WRITE | PROT_EXEC);
  line("mprotect(%#lx, 4096, PROT_READ|PROT_WRITE|PROT_EXEC) = %s", a + 4096, result(n));
  n = call(SYS_mprotect, 1, 4096, PROT_NONE);
  line("mprotect(0x1, 4096, PROT_NONE) = %s", result(n));
  n = call(SYS_madvise, a + 8192, 4096, MADV_DONTNEED);
  line("madvise(%#lx, 4096, MADV_DONTNEED) = %s", a + 8192, result(n));
  n = call(SYS_msync, a + 8192, 4096, MS_SYNC | MS_INVALIDATE);
  line("msync(%#lx, 4096, MS_SYNC|MS_INVALIDATE) = %s", a + 8192, result(n));
  n = call(SYS_mlock, a + 8192, 4096);
  line("mlock(%#lx, 4096) = %s", a + 8192, result(n));
  n = call(SYS_munlock, a + 8192, 4096);
  line("munlock(%#lx, 4096) = %s", a + 8192, result(n));
  n = call(SYS_mlockall, 0);
  line("mlockall(0) = %s", result(n));
  unsigned char residency[2];
  n = call(SYS_mincore, b, 8, residency);
  line("mincore(%#lx, 8, [%d]) = %s", b, residency[0] & 1, result(n));
  const long c = call(SYS_mremap, b, 4096, 8192, MREMAP_MAYMOVE);
  line("mremap(%#lx, 4096, 8192, MREMAP_MAYMOVE) = %s", b, address_result(c));
  n = call(SYS_munmap, c, 8192);
  line("munmap(%#lx, 8192) = %s", c, result(n));
  n = call(SYS_munmap, a, 65536);
  line("munmap(%#lx, 65536) = %s", a, result(n));
  n = call(SYS_munmap, 1, 1);
  line("munmap(0x1, 1) = %s", result(n));

  expect::end();
  return expect::finish();
}
