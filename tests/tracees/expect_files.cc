// Opening, reading, writing, renaming, removing.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include <initializer_list>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::enter_new_directory();
  umask(022);
  char buffer[64];
  expect::begin();

  long fd = call(SYS_openat, AT_FDCWD, "none", O_RDONLY, 0);
  line("openat(AT_FDCWD, \"none\", O_RDONLY) = %s", result(fd));
  fd = call(SYS_openat, AT_FDCWD, "a", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
  line("openat(AT_FDCWD, \"a\", O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC, 0640) = %s", result(fd));
  long n = call(SYS_write, fd, "one\ntwo\n", 8);
  line("write(%ld, \"one\\ntwo\\n\", 8) = %s", fd, result(n));
  n = call(SYS_pwrite64, fd, "T", 1, 4);
  line("pwrite64(%ld, \"T\", 1, 4) = %s", fd, result(n));
  n = call(SYS_lseek, fd, 0, SEEK_SET);
  line("lseek(%ld, 0, SEEK_SET) = %s", fd, result(n));
  n = call(SYS_lseek, fd, -3, SEEK_END);
  line("lseek(%ld, -3, SEEK_END) = %s", fd, result(n));
  n = call(SYS_lseek, fd, 0, SEEK_CUR);
  line("lseek(%ld, 0, SEEK_CUR) = %s", fd, result(n));
  n = call(SYS_lseek, fd, 0, 77);
  line("lseek(%ld, 0, 0x4d /* SEEK_??? */) = %s", fd, result(n));
  n = call(SYS_pread64, fd, buffer, sizeof buffer, 0);
  line("pread64(%ld, \"one\\nTwo\\n\", 64, 0) = %s", fd, result(n));
  n = call(SYS_read, fd, buffer, sizeof buffer);
  line("read(%ld, \"wo\\n\", 64) = %s", fd, result(n));
  n = call(SYS_read, fd, buffer, sizeof buffer);
  line("read(%ld, \"\", 64) = %s", fd, result(n));
  n = call(SYS_ftruncate, fd, 4096);
  line("ftruncate(%ld, 4096) = %s", fd, result(n));
  n = call(SYS_fallocate, fd, 0, 0, 8192);
  line("fallocate(%ld, 0, 0, 8192) = %s", fd, result(n));
  n = call(SYS_fallocate, fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, 0, 4096);
  line("fallocate(%ld, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 0, 4096) = %s", fd, result(n));
  n = call(SYS_fsync, fd);
  line("fsync(%ld) = %s", fd, result(n));
  n = call(SYS_fdatasync, fd);
  line("fdatasync(%ld) = %s", fd, result(n));
  n = call(SYS_fchmod, fd, 0600);
  line("fchmod(%ld, 0600) = %s", fd, result(n));
  n = call(SYS_fchown, fd, -1, -1);
  line("fchown(%ld, -1, -1) = %s", fd, result(n));
  n = call(SYS_flock, fd, LOCK_EX | LOCK_NB);
  line("flock(%ld, LOCK_EX|LOCK_NB) = %s", fd, result(n));
  n = call(SYS_fadvise64, fd, 0, 4096, POSIX_FADV_WILLNEED);
  line("fadvise64(%ld, 0, 4096, POSIX_FADV_WILLNEED) = %s", fd, result(n));
  n = call(SYS_readahead, fd, 0, 4096);
  line("readahead(%ld, 0, 4096) = %s", fd, result(n));
  n = call(SYS_sync_file_range, fd, 0, 4096, 2);
  line("sync_file_range(%ld, 0, 4096, SYNC_FILE_RANGE_WRITE) = %s", fd, result(n));

  const long copy = call(SYS_open, "b", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  line("open(\"b\", O_WRONLY|O_CREAT|O_TRUNC, 0666) = %s", result(copy));
  long long offset = 2;
  n = call(SYS_sendfile, copy, fd, &offset, 10);
  line("sendfile(%ld, %ld, [2] => [12], 10) = %s", copy, fd, result(n));
  n = call(SYS_copy_file_range, fd, nullptr, copy, nullptr, 100, 0);
  line("copy_file_range(%ld, NULL, %ld, NULL, 100, 0) = %s", fd, copy, result(n));
  n = call(SYS_close, copy);
  line("close(%ld) = %s", copy, result(n));

  n = call(SYS_access, "b", R_OK | W_OK);
  line("access(\"b\", R_OK|W_OK) = %s", result(n));
  n = call(SYS_access, "c", F_OK);
  line("access(\"c\", F_OK) = %s", result(n));
  n = call(SYS_faccessat, AT_FDCWD, "b", X_OK);
  line("faccessat(AT_FDCWD, \"b\", X_OK) = %s", result(n));
  n = call(SYS_faccessat2, AT_FDCWD, "b", R_OK, AT_EACCESS);
  line("faccessat2(AT_FDCWD, \"b\", R_OK, AT_EACCESS) = %s", result(n));
  n = call(SYS_chmod, "b", 0755);
  line("chmod(\"b\", 0755) = %s", result(n));
  n = call(SYS_fchmodat, AT_FDCWD, "b", 04711);
  line("fchmodat(AT_FDCWD, \"b\", 04711) = %s", result(n));
  n = call(SYS_link, "b", "c");
  line("link(\"b\", \"c\") = %s", result(n));
  n = call(SYS_linkat, AT_FDCWD, "b", AT_FDCWD, "c", AT_SYMLINK_FOLLOW);
  line("linkat(AT_FDCWD, \"b\", AT_FDCWD, \"c\", AT_SYMLINK_FOLLOW) = %s", result(n));
  n = call(SYS_symlink, "c", "d");
  line("symlink(\"c\", \"d\") = %s", result(n));
  n = call(SYS_symlinkat, "nowhere", AT_FDCWD, "e");
  line("symlinkat(\"nowhere\", AT_FDCWD, \"e\") = %s", result(n));
  n = call(SYS_readlink, "d", buffer, sizeof buffer);
  line("readlink(\"d\", \"c\", 64) = %s", result(n));
  n = call(SYS_readlink, "b", buffer, 64);
  line("readlink(\"b\", %p, 64) = %s", static_cast<void*>(buffer), result(n));
  n = call(SYS_readlinkat, AT_FDCWD, "e", buffer, 4);
  line("readlinkat(AT_FDCWD, \"e\", \"nowh\", 4) = %s", result(n));
  n = call(SYS_rename, "d", "f");
  line("rename(\"d\", \"f\") = %s", result(n));
  n = call(SYS_renameat, AT_FDCWD, "f", AT_FDCWD, "d");
  line("renameat(AT_FDCWD, \"f\", AT_FDCWD, \"d\") = %s", result(n));
  n = call(SYS_renameat2, AT_FDCWD, "d", AT_FDCWD, "e", 1);
  line("renameat2(AT_FDCWD, \"d\", AT_FDCWD, \"e\", RENAME_NOREPLACE) = %s", result(n));
  n = call(SYS_truncate, "b", 1);
  line("truncate(\"b\", 1) = %s", result(n));
  n = call(SYS_mknod, "fifo", S_IFIFO | 0600, 0);
  line("mknod(\"fifo\", S_IFIFO|0600) = %s", result(n));
  n = call(SYS_openat, AT_FDCWD, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_PATH);
  line("openat(AT_FDCWD, \".\", O_RDONLY|O_NOFOLLOW|O_PATH|O_DIRECTORY) = %s", result(n));
  const long directory = n;
  for (const char* name : {"a", "b", "c", "d", "e", "fifo"}) {
    n = call(SYS_unlinkat, directory, name, 0);
    line("unlinkat(%ld, \"%s\", 0) = %s", directory, name, result(n));
  }
  n = call(SYS_unlink, "a");
  line("unlink(\"a\") = %s", result(n));
  n = call(SYS_close, directory);
  line("close(%ld) = %s", directory, result(n));
  n = call(SYS_close, fd);
  line("close(%ld) = %s", fd, result(n));
  n = call(SYS_close, fd);
  line("close(%ld) = %s", fd, result(n));

  expect::end();
  return expect::finish();
}
