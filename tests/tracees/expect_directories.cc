// Directories: making, entering, listing.
#include <fcntl.h>
#include <sys/stat.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::enter_new_directory();
  umask(0);
  char here[256];
  if (getcwd(here, sizeof here) == nullptr) return 1;
  const int top = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  char buffer[4096];
  expect::begin();

  long n = call(SYS_umask, 027);
  line("umask(027) = 000");
  n = call(SYS_umask, 0);
  line("umask(000) = 027");
  n = call(SYS_mkdir, "sub", 0755);
  line("mkdir(\"sub\", 0755) = %s", result(n));
  n = call(SYS_mkdir, "sub", 01777);
  line("mkdir(\"sub\", 01777) = %s", result(n));
  n = call(SYS_mkdirat, top, "sub/deep", 0700);
  line("mkdirat(%d, \"sub/deep\", 0700) = %s", top, result(n));
  n = call(SYS_chdir, "sub");
  line("chdir(\"sub\") = %s", result(n));
  n = call(SYS_getcwd, buffer, sizeof buffer);
  line("getcwd(\"%s/sub\", 4096) = %s", here, result(n));
  n = call(SYS_getcwd, buffer, 3);
  line("getcwd(%p, 3) = %s", static_cast<void*>(buffer), result(n));
  n = call(SYS_fchdir, top);
  line("fchdir(%d) = %s", top, result(n));
  const long fd = call(SYS_openat, AT_FDCWD, "sub", O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_DIRECTORY);
  line("openat(AT_FDCWD, \"sub\", O_RDONLY|O_NONBLOCK|O_CLOEXEC|O_DIRECTORY) = %s", result(fd));
  n = call(SYS_getdents64, fd, buffer, sizeof buffer);
  line("getdents64(%ld, %p /* 3 entries */, 4096) = %s", fd, static_cast<void*>(buffer), result(n));
  n = call(SYS_getdents64, fd, buffer, sizeof buffer);
  line("getdents64(%ld, %p /* 0 entries */, 4096) = %s", fd, static_cast<void*>(buffer), result(n));
  n = call(SYS_close, fd);
  line("close(%ld) = %s", fd, result(n));
  n = call(SYS_rmdir, "sub");
  line("rmdir(\"sub\") = %s", result(n));
  n = call(SYS_unlinkat, top, "sub/deep", AT_REMOVEDIR);
  line("unlinkat(%d, \"sub/deep\", AT_REMOVEDIR) = %s", top, result(n));
  n = call(SYS_rmdir, "sub");
  line("rmdir(\"sub\") = %s", result(n));
  n = call(SYS_rmdir, "sub");
  line("rmdir(\"sub\") = %s", result(n));
  n = call(SYS_chroot, "none");
  line("chroot(\"none\") = %s", result(n));

  expect::end();
  return expect::finish();
}
