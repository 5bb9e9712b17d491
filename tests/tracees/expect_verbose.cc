// With -v: structs and lists in full.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <time.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::enter_new_directory();
  umask(0);
  const timespec times[2] = {{1000000000, 5}, {0, 0}};
  const int fd = open("file", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, "12345", 5) != 5 || futimens(fd, times) != 0) return 1;
  const int directory = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  struct stat st {};
  stat("file", &st);
  timespec changed = st.st_ctim;
  tm broken{};
  gmtime_r(&changed.tv_sec, &broken);
  char when[64];
  strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%S", &broken);
  expect::begin();

  long n = call(SYS_stat, "file", &st);
  line(
      "stat(\"file\", {st_dev=makedev(%#x, %#x), st_ino=%lu, st_mode=S_IFREG|0644, st_nlink=1, st_uid=%u, st_gid=%u, "
      "st_blksize=%ld, st_blocks=%ld, st_size=5, st_atime=1000000000 /* 2001-09-09T01:46:40.000000005+0000 */, "
      "st_atime_nsec=5, st_mtime=0, st_mtime_nsec=0, st_ctime=%ld /* %s.%09ld+0000 */, st_ctime_nsec=%ld}) = %s",
      major(st.st_dev), minor(st.st_dev), st.st_ino, st.st_uid, st.st_gid, st.st_blksize, st.st_blocks, changed.tv_sec,
      when, changed.tv_nsec, changed.tv_nsec, result(n));
  utsname names{};
  n = call(SYS_uname, &names);
  line(
      "uname({sysname=\"%s\", nodename=\"%s\", release=\"%s\", version=\"%s\", machine=\"%s\", domainname=\"%s\"}) = "
      "%s",
      names.sysname, names.nodename, names.release, names.version, names.machine, names.domainname, result(n));
  alignas(8) char entries[1024];
  n = call(SYS_getdents64, directory, entries, sizeof entries);
  static char shown[1024];
  size_t size = 0;
  for (long at = 0; at < n;) {
    unsigned long inode;
    long offset;
    unsigned short length;
    memcpy(&inode, entries + at, 8);
    memcpy(&offset, entries + at + 8, 8);
    memcpy(&length, entries + at + 16, 2);
    const unsigned char type = static_cast<unsigned char>(entries[at + 18]);
    size += static_cast<size_t>(
        snprintf(shown + size, sizeof shown - size, "%s{d_ino=%lu, d_off=%ld, d_reclen=%u, d_type=%s, d_name=\"%s\"}",
                 at != 0 ? ", " : "", inode, offset, length, type == 4 ? "DT_DIR" : "DT_REG", entries + at + 19));
    at += length;
  }
  line("getdents64(%d, [%s], 1024) = %s", directory, shown, result(n));
  const char* const environment[] = {"A=1", "EMPTY=", "C", nullptr};
  n = call(SYS_execve, "/none", nullptr, environment);
  line("execve(\"/none\", NULL, [\"A=1\", \"EMPTY=\", \"C\"]) = %s", result(n));

  expect::end();
  unlink("file");
  return expect::finish();
}
