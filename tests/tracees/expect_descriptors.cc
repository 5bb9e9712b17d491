// Duplicating, pipes, fcntl and its locks, descriptors made of nothing.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

#include <csignal>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::begin();
  int ends[2];
  long n = call(SYS_pipe2, ends, O_CLOEXEC | O_NONBLOCK);
  line("pipe2([%d, %d], O_NONBLOCK|O_CLOEXEC) = %s", ends[0], ends[1], result(n));
  int more[2];
  n = call(SYS_pipe, more);
  line("pipe([%d, %d]) = %s", more[0], more[1], result(n));
  n = call(SYS_dup, more[0]);
  line("dup(%d) = %s", more[0], result(n));
  n = call(SYS_dup2, more[0], 70);
  line("dup2(%d, 70) = %s", more[0], result(n));
  n = call(SYS_dup3, more[0], 71, O_CLOEXEC);
  line("dup3(%d, 71, O_CLOEXEC) = %s", more[0], result(n));
  n = call(SYS_dup3, more[0], more[0], 0);
  line("dup3(%d, %d, 0) = %s", more[0], more[0], result(n));
  n = call(SYS_fcntl, 70, F_GETFD);
  line("fcntl(70, F_GETFD) = %s", result(n));
  n = call(SYS_fcntl, 71, F_GETFD);
  line("fcntl(71, F_GETFD) = 0x1 (flags FD_CLOEXEC)");
  n = call(SYS_fcntl, 70, F_SETFD, FD_CLOEXEC);
  line("fcntl(70, F_SETFD, FD_CLOEXEC) = %s", result(n));
  n = call(SYS_fcntl, ends[1], F_GETFL);
  line("fcntl(%d, F_GETFL) = %#lx (flags O_WRONLY|O_NONBLOCK)", ends[1], n);
  n = call(SYS_fcntl, ends[1], F_SETFL, O_WRONLY);
  line("fcntl(%d, F_SETFL, O_WRONLY) = %s", ends[1], result(n));
  n = call(SYS_fcntl, 70, F_DUPFD_CLOEXEC, 80);
  line("fcntl(70, F_DUPFD_CLOEXEC, 80) = %s", result(n));
  n = call(SYS_fcntl, 70, F_DUPFD, 80);
  line("fcntl(70, F_DUPFD, 80) = %s", result(n));
  n = call(SYS_fcntl, more[1], F_SETPIPE_SZ, 65536);
  line("fcntl(%d, F_SETPIPE_SZ, 65536) = %s", more[1], result(n));
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_len = 10;
  const long file = call(SYS_memfd_create, "lock", MFD_CLOEXEC | MFD_ALLOW_SEALING);
  line("memfd_create(\"lock\", MFD_CLOEXEC|MFD_ALLOW_SEALING) = %s", result(file));
  n = call(SYS_fcntl, file, F_SETLK, &lock);
  line("fcntl(%ld, F_SETLK, {l_type=F_RDLCK, l_whence=SEEK_SET, l_start=0, l_len=10}) = %s", file, result(n));
  n = call(SYS_fcntl, file, F_GETLK, &lock);
  line("fcntl(%ld, F_GETLK, {l_type=F_UNLCK, l_whence=SEEK_SET, l_start=0, l_len=10, l_pid=0}) = %s", file, result(n));
  n = call(SYS_fcntl, file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW);
  line("fcntl(%ld, F_ADD_SEALS, F_SEAL_SHRINK|F_SEAL_GROW) = %s", file, result(n));
  n = call(SYS_fcntl, file, F_GET_SEALS);
  line("fcntl(%ld, F_GET_SEALS) = 0x6 (seals F_SEAL_SHRINK|F_SEAL_GROW)", file);
  n = call(SYS_fcntl, -1, F_GETFD);
  line("fcntl(-1, F_GETFD) = %s", result(n));
  n = call(SYS_fcntl, file, F_SETOWN, 1);
  line("fcntl(%ld, F_SETOWN, 1) = %s", file, result(n));

  const long event = call(SYS_eventfd2, 5, EFD_CLOEXEC | EFD_NONBLOCK);
  line("eventfd2(5, EFD_CLOEXEC|EFD_NONBLOCK) = %s", result(event));
  unsigned long long value = 0;
  n = call(SYS_read, event, &value, 8);
  line("read(%ld, \"\\5\\0\\0\\0\\0\\0\\0\\0\", 8) = %s", event, result(n));
  n = call(SYS_read, event, &value, 8);
  line("read(%ld, %p, 8) = %s", event, static_cast<void*>(&value), result(n));
  const long timer = call(SYS_timerfd_create, CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  line("timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC|TFD_NONBLOCK) = %s", result(timer));
  const itimerspec late{{1, 0}, {1000, 7}};
  n = call(SYS_timerfd_settime, timer, 0, &late, nullptr);
  line("timerfd_settime(%ld, 0, {it_interval={tv_sec=1, tv_nsec=0}, it_value={tv_sec=1000, tv_nsec=7}}, NULL) = %s",
       timer, result(n));
  unsigned long set = 1UL << (SIGUSR1 - 1) | 1UL << (SIGUSR2 - 1);
  const long signals = call(SYS_signalfd4, -1, &set, 8, SFD_CLOEXEC);
  line("signalfd4(-1, [USR1 USR2], 8, SFD_CLOEXEC) = %s", result(signals));
  const long watch = call(SYS_inotify_init1, IN_NONBLOCK);
  line("inotify_init1(IN_NONBLOCK) = %s", result(watch));
  n = call(SYS_inotify_add_watch, watch, "/", IN_CREATE | IN_DELETE_SELF | IN_ONLYDIR);
  line("inotify_add_watch(%ld, \"/\", IN_CREATE|IN_DELETE_SELF|IN_ONLYDIR) = %s", watch, result(n));
  n = call(SYS_inotify_rm_watch, watch, 1);
  line("inotify_rm_watch(%ld, 1) = %s", watch, result(n));
  n = call(SYS_close_range, 70, 90, 0);
  line("close_range(70, 90, 0) = %s", result(n));
  n = call(SYS_close_range, 5, 3, 4);
  line("close_range(5, 3, CLOSE_RANGE_CLOEXEC) = %s", result(n));

  expect::end();
  return expect::finish();
}
