// Calls that fail, and pointers that lead nowhere.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  void* forbidden = mmap(nullptr, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const auto wild = reinterpret_cast<void*>(0xfffffffffffffff0);
  expect::begin();

  long n = call(SYS_open, forbidden, O_RDONLY);
  line("open(%p, O_RDONLY) = %s", forbidden, result(n));
  n = call(SYS_open, wild, O_RDONLY);
  line("open(%p, O_RDONLY) = %s", wild, result(n));
  n = call(SYS_open, "/", O_RDWR);
  line("open(\"/\", O_RDWR) = %s", result(n));
  n = call(SYS_open, "/", 3);
  line("open(\"/\", O_ACCMODE) = %s", result(n));
  n = call(SYS_open, "/dev/null/x", O_WRONLY | O_APPEND | O_SYNC);
  line("open(\"/dev/null/x\", O_WRONLY|O_APPEND|O_SYNC) = %s", result(n));
  n = call(SYS_read, 99, forbidden, 10);
  line("read(99, %p, 10) = %s", forbidden, result(n));
  n = call(SYS_write, 1, forbidden, 10);
  line("write(1, %p, 10) = %s", forbidden, result(n));
  n = call(SYS_write, -1, "abc", 3);
  line("write(-1, \"abc\", 3) = %s", result(n));
  n = call(SYS_write, 0xffffff9c, "abc", 3);
  line("write(-100, \"abc\", 3) = %s", result(n));
  n = call(SYS_fstat, 99, forbidden);
  line("fstat(99, %p) = %s", forbidden, result(n));
  n = call(SYS_stat, "/", forbidden);
  line("stat(\"/\", %p) = %s", forbidden, result(n));
  n = call(SYS_pipe2, forbidden, 0);
  line("pipe2(%p, 0) = %s", forbidden, result(n));
  n = call(SYS_pipe2, nullptr, 0x10);
  line("pipe2(NULL, 0x10 /* O_??? */) = %s", result(n));
  n = call(SYS_nanosleep, forbidden, nullptr);
  line("nanosleep(%p, NULL) = %s", forbidden, result(n));
  n = call(SYS_rt_sigaction, 10, wild, nullptr, 8);
  line("rt_sigaction(SIGUSR1, %p, NULL, 8) = %s", wild, result(n));
  n = call(SYS_execve, "/none", forbidden, nullptr);
  line("execve(\"/none\", %p, NULL) = %s", forbidden, result(n));
  char* const arguments[] = {const_cast<char*>("a\"b"), static_cast<char*>(forbidden), nullptr};
  n = call(SYS_execve, "/dev/null", arguments, nullptr);
  line("execve(\"/dev/null\", [\"a\\\"b\", %p], NULL) = %s", forbidden, result(n));
  n = call(SYS_ioctl, -1, 0x5401, nullptr);
  line("ioctl(-1, TCGETS, NULL) = %s", result(n));
  n = call(SYS_ioctl, -1, 0xdeadbeef, 0x1234);
  line("ioctl(-1, _IOC(_IOC_READ|_IOC_WRITE, 0xbe, 0xef, 0x1ead), 0x1234) = %s", result(n));
  n = call(SYS_mount, "none", "/none", "tmpfs", 1, "size=1");
  line("mount(\"none\", \"/none\", \"tmpfs\", MS_RDONLY, \"size=1\") = %s", result(n));
  n = call(SYS_umount2, "/none", 2);
  line("umount2(\"/none\", MNT_DETACH) = %s", result(n));
  n = call(SYS_getxattr, "/none", "user.x", nullptr, 0);
  line("getxattr(\"/none\", \"user.x\", NULL, 0) = %s", result(n));
  n = call(SYS_lgetxattr, "/", "user.none", forbidden, 10);
  line("lgetxattr(\"/\", \"user.none\", %p, 10) = %s", forbidden, result(n));
  n = call(SYS_keyctl, 0, -3, 0);
  line("keyctl(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0) = %s", result(n));
  n = call(SYS_bpf, 0, nullptr, 0);
  line("bpf(BPF_MAP_CREATE, NULL, 0) = %s", result(n));

  expect::end();
  return expect::finish();
}
