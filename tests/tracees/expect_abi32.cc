// A 32-bit program (built with -m32): the i386 table, its structs, its multiplexed calls.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

namespace {

/// The kernel's 32-bit time, whatever the C library's is.
struct OldTimespec {
  int tv_sec;
  int tv_nsec;
};
struct OldTimeval {
  int tv_sec;
  int tv_usec;
};

}  // namespace

int main() {
  expect::enter_new_directory();
  expect::begin();

  long n = call(SYS_open, "file", O_RDWR | O_CREAT | O_LARGEFILE, 0600);
  const long fd = n;
  line("open(\"file\", O_RDWR|O_CREAT|O_LARGEFILE, 0600) = %s", result(n));
  n = call(SYS_write, fd, "text", 4);
  line("write(%ld, \"text\", 4) = %s", fd, result(n));
  long long place = 0;
  n = call(SYS__llseek, fd, 1, 2, &place, SEEK_SET);
  line("_llseek(%ld, 4294967298, [4294967298], SEEK_SET) = %s", fd, result(n));
  n = call(SYS_pwrite64, fd, "x", 1, 2, 1);
  line("pwrite64(%ld, \"x\", 1, 4294967298) = %s", fd, result(n));
  n = call(SYS_ftruncate64, fd, 100, 0);
  line("ftruncate64(%ld, 100) = %s", fd, result(n));
  n = call(SYS_lseek, fd, -1, SEEK_END);
  line("lseek(%ld, -1, SEEK_END) = %s", fd, result(n));
  char bytes[144];
  n = call(SYS_fstat64, fd, bytes);
  line("fstat64(%ld, {st_mode=S_IFREG|0600, st_size=100, ...}) = %s", fd, result(n));
  n = call(SYS_access, nullptr, W_OK);
  line("access(NULL, W_OK) = %s", result(n));
  n = call(SYS_mmap2, nullptr, 8192, PROT_READ, MAP_PRIVATE, fd, 1);
  line("mmap2(NULL, 8192, PROT_READ, MAP_PRIVATE, %ld, 0x1000) = %#lx", fd, static_cast<unsigned long>(n));
  const long mapping = n;
  n = call(SYS_munmap, mapping, 8192);
  line("munmap(%#lx, 8192) = %s", static_cast<unsigned long>(mapping), result(n));
  const iovec pieces[] = {{const_cast<char*>("ab"), 2}, {const_cast<char*>("c"), 1}};
  n = call(SYS_writev, -1, pieces, 2);
  line("writev(-1, [{iov_base=\"ab\", iov_len=2}, {iov_base=\"c\", iov_len=1}], 2) = %s", result(n));
  const OldTimespec moment{0, 1};
  n = call(SYS_nanosleep, &moment, nullptr);
  line("nanosleep({tv_sec=0, tv_nsec=1}, NULL) = %s", result(n));
  OldTimespec now{};
  n = call(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  line("clock_gettime(CLOCK_MONOTONIC, {tv_sec=%d, tv_nsec=%d}) = %s", now.tv_sec, now.tv_nsec, result(n));
  OldTimeval none{0, 0};
  n = call(SYS__newselect, 0, nullptr, nullptr, nullptr, &none);
  line("_newselect(0, NULL, NULL, NULL, {tv_sec=0, tv_usec=0}) = 0 (Timeout)");
  int pair[2] = {-1, -1};
  const long socket_arguments[] = {AF_UNIX, SOCK_STREAM, 0, reinterpret_cast<long>(pair)};
  n = call(SYS_socketcall, 8, socket_arguments);
  line("socketpair(AF_UNIX, SOCK_STREAM, 0, [%d, %d]) = %s", pair[0], pair[1], result(n));
  n = call(SYS_getuid32);
  line("getuid32() = %s", result(n));
  n = call(SYS_kill, -999999, 0);
  line("kill(-999999, 0) = %s", result(n));
  n = call(SYS_fcntl64, fd, F_GETFD);
  line("fcntl64(%ld, F_GETFD) = %s", fd, result(n));
  n = call(SYS_close, fd);
  line("close(%ld) = %s", fd, result(n));
  n = call(999, -1, 2, 3, 4, 5, 6);
  line("syscall_0x3e7(0xffffffff, 0x2, 0x3, 0x4, 0x5, 0x6) = %s", result(n));
  n = call(SYS_unlink, "file");
  line("unlink(\"file\") = %s", result(n));

  expect::end();
  return expect::finish();
}
