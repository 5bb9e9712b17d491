// For LD_PRELOAD: a file system that goes wrong. Of the files below the directory FAILING_DIR, FAILING_AFTER bytes can
// be written in all; from there on every write to them fails with the error FAILING_ERRNO. Other files are left alone.
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static atomic_long written = 0;

// How many of `size` bytes may go into the file; none: errno is set.
static size_t allowed(int fd, size_t size) {
  const char* directory = getenv("FAILING_DIR");
  char link[64];
  char path[PATH_MAX];
  if (directory == NULL || size == 0) return size;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t n = readlink(link, path, sizeof path - 1);
  if (n < 0) return size;
  path[n] = 0;
  if (strncmp(path, directory, strlen(directory)) != 0) return size;
  const long limit = atol(getenv("FAILING_AFTER"));
  const long before = atomic_fetch_add(&written, (long)size);
  if (before + (long)size <= limit) return size;
  if (before < limit) return (size_t)(limit - before);
  errno = atoi(getenv("FAILING_ERRNO"));
  return 0;
}

ssize_t write(int fd, const void* data, size_t size) {
  const size_t n = allowed(fd, size);
  return n == 0 && size > 0 ? -1 : syscall(SYS_write, fd, data, n);
}
