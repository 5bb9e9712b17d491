// The stat family, with times that are known because they were set.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/time.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::enter_new_directory();
  umask(0);
  const int fd = open("file", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd < 0 || ftruncate(fd, 1234) != 0 || symlink("file", "link") != 0) return 1;
  struct stat st {};
  expect::begin();

  const timespec both[2] = {{1000000000, 5}, {1, 999999999}};
  long n = call(SYS_utimensat, AT_FDCWD, "file", both, 0);
  line(
      "utimensat(AT_FDCWD, \"file\", [{tv_sec=1000000000, tv_nsec=5} /* 2001-09-09T01:46:40.000000005+0000 */, "
      "{tv_sec=1, tv_nsec=999999999} /* 1970-01-01T00:00:01.999999999+0000 */], 0) = %s",
      result(n));
  const timespec now_and_never[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
  n = call(SYS_utimensat, fd, nullptr, now_and_never, 0);
  line("utimensat(%d, NULL, [UTIME_NOW, UTIME_OMIT], 0) = %s", fd, result(n));
  n = call(SYS_utimensat, AT_FDCWD, "link", nullptr, AT_SYMLINK_NOFOLLOW);
  line("utimensat(AT_FDCWD, \"link\", NULL, AT_SYMLINK_NOFOLLOW) = %s", result(n));

  n = call(SYS_fstat, fd, &st);
  line("fstat(%d, {st_mode=S_IFREG|0644, st_size=1234, ...}) = %s", fd, result(n));
  n = call(SYS_stat, "file", &st);
  line("stat(\"file\", {st_mode=S_IFREG|0644, st_size=1234, ...}) = %s", result(n));
  n = call(SYS_lstat, "link", &st);
  line("lstat(\"link\", {st_mode=S_IFLNK|0777, st_size=4, ...}) = %s", result(n));
  n = call(SYS_newfstatat, AT_FDCWD, "link", &st, 0);
  line("newfstatat(AT_FDCWD, \"link\", {st_mode=S_IFREG|0644, st_size=1234, ...}, 0) = %s", result(n));
  n = call(SYS_newfstatat, AT_FDCWD, "link", &st, AT_SYMLINK_NOFOLLOW);
  line("newfstatat(AT_FDCWD, \"link\", {st_mode=S_IFLNK|0777, st_size=4, ...}, AT_SYMLINK_NOFOLLOW) = %s", result(n));
  n = call(SYS_newfstatat, fd, "", &st, AT_EMPTY_PATH);
  line("newfstatat(%d, \"\", {st_mode=S_IFREG|0644, st_size=1234, ...}, AT_EMPTY_PATH) = %s", fd, result(n));
  n = call(SYS_stat, ".", &st);
  line("stat(\".\", {st_mode=S_IFDIR|0700, st_size=%ld, ...}) = %s", static_cast<long>(st.st_size), result(n));
  n = call(SYS_stat, "/dev/null", &st);
  line("stat(\"/dev/null\", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}) = %s", result(n));
  n = call(SYS_stat, "none", &st);
  line("stat(\"none\", %p) = %s", static_cast<void*>(&st), result(n));
  struct statx sx {};
  n = call(SYS_statx, AT_FDCWD, "file", AT_STATX_SYNC_AS_STAT, STATX_SIZE | STATX_MODE, &sx);
  const expect::Flag mask[] = {{STATX_BASIC_STATS, "STATX_BASIC_STATS"},
                               {STATX_TYPE, "STATX_TYPE"},
                               {STATX_MODE, "STATX_MODE"},
                               {STATX_NLINK, "STATX_NLINK"},
                               {STATX_UID, "STATX_UID"},
                               {STATX_GID, "STATX_GID"},
                               {STATX_ATIME, "STATX_ATIME"},
                               {STATX_MTIME, "STATX_MTIME"},
                               {STATX_CTIME, "STATX_CTIME"},
                               {STATX_INO, "STATX_INO"},
                               {STATX_SIZE, "STATX_SIZE"},
                               {STATX_BLOCKS, "STATX_BLOCKS"},
                               {STATX_BTIME, "STATX_BTIME"},
                               {0x1000, "STATX_MNT_ID"}};
  line(
      "statx(AT_FDCWD, \"file\", AT_STATX_SYNC_AS_STAT, STATX_MODE|STATX_SIZE, {stx_mask=%s, stx_attributes=0, "
      "stx_mode=S_IFREG|0644, stx_size=1234, ...}) = %s",
      expect::flags(sx.stx_mask, mask), result(n));
  struct statfs fs {};
  n = call(SYS_statfs, "/proc", &fs);
  const expect::Flag mount[] = {{0x20, "ST_VALID"},     {1, "ST_RDONLY"},      {2, "ST_NOSUID"},
                                {4, "ST_NODEV"},        {8, "ST_NOEXEC"},      {16, "ST_SYNCHRONOUS"},
                                {0x40, "ST_MANDLOCK"},  {0x400, "ST_NOATIME"}, {0x800, "ST_NODIRATIME"},
                                {0x1000, "ST_RELATIME"}};
  line(
      "statfs(\"/proc\", {f_type=PROC_SUPER_MAGIC, f_bsize=%ld, f_blocks=0, f_bfree=0, f_bavail=0, f_files=0, "
      "f_ffree=0, f_fsid={val=[%#x, %#x]}, f_namelen=255, f_frsize=%ld, f_flags=%s}) = %s",
      static_cast<long>(fs.f_bsize), static_cast<unsigned>(fs.f_fsid.__val[0]),
      static_cast<unsigned>(fs.f_fsid.__val[1]), static_cast<long>(fs.f_frsize),
      expect::flags(static_cast<unsigned long>(fs.f_flags), mount), result(n));

  expect::end();
  unlink("file");
  unlink("link");
  return expect::finish();
}
