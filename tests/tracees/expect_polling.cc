// poll, select, epoll.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  int ends[2];
  if (pipe(ends) != 0 || dup2(ends[0], 10) != 10 || dup2(ends[1], 11) != 11) return 1;
  close(ends[0]);
  close(ends[1]);
  expect::begin();

  pollfd fds[3] = {{10, POLLIN | POLLPRI, 0}, {11, POLLOUT, 0}, {99, POLLIN, 0}};
  long n = call(SYS_poll, fds, 3, 0);
  line(
      "poll([{fd=10, events=POLLIN|POLLPRI}, {fd=11, events=POLLOUT}, {fd=99, events=POLLIN}], 3, 0) = %ld "
      "([{fd=11, revents=POLLOUT}, {fd=99, revents=POLLNVAL}])",
      n);
  n = call(SYS_poll, fds, 1, 0);
  line("poll([{fd=10, events=POLLIN|POLLPRI}], 1, 0) = 0 (Timeout)");
  n = call(SYS_poll, nullptr, 0, 0);
  line("poll(NULL, 0, 0) = 0 (Timeout)");
  const timespec nanosecond{0, 1};
  timespec left = nanosecond;
  n = call(SYS_ppoll, fds + 1, 1, &left, nullptr, 8);
  line(
      "ppoll([{fd=11, events=POLLOUT}], 1, {tv_sec=0, tv_nsec=1}, NULL, 8) = %ld ([{fd=11, revents=POLLOUT}], left "
      "{tv_sec=0, tv_nsec=%ld})",
      n, left.tv_nsec);
  n = call(SYS_poll, 16, 1, 0);
  line("poll(0x10, 1, 0) = %s", result(n));

  fd_set readable, writable;
  FD_ZERO(&readable);
  FD_ZERO(&writable);
  FD_SET(10, &readable);
  FD_SET(11, &writable);
  timeval none{0, 0};
  n = call(SYS_select, 12, &readable, &writable, nullptr, &none);
  line("select(12, [10], [11], NULL, {tv_sec=0, tv_usec=0}) = %ld (out [11], left {tv_sec=0, tv_usec=0})", n);
  FD_SET(10, &readable);
  n = call(SYS_select, 11, &readable, nullptr, nullptr, &none);
  line("select(11, [10], NULL, NULL, {tv_sec=0, tv_usec=0}) = 0 (Timeout)");
  timespec nothing{0, 0};
  n = call(SYS_pselect6, 0, nullptr, nullptr, nullptr, &nothing, nullptr);
  line("pselect6(0, NULL, NULL, NULL, {tv_sec=0, tv_nsec=0}, NULL) = 0 (Timeout)");
  FD_SET(10, &readable);
  FD_SET(20, &readable);
  n = call(SYS_select, 21, &readable, nullptr, nullptr, &none);
  line("select(21, [10 20], NULL, NULL, {tv_sec=0, tv_usec=0}) = %s", result(n));

  const long epoll = call(SYS_epoll_create1, EPOLL_CLOEXEC);
  line("epoll_create1(EPOLL_CLOEXEC) = %s", result(epoll));
  n = call(SYS_epoll_create, 1);
  line("epoll_create(1) = %s", result(n));
  epoll_event event{EPOLLOUT | EPOLLONESHOT, {.u64 = 0x100000007}};
  n = call(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, 11, &event);
  line("epoll_ctl(%ld, EPOLL_CTL_ADD, 11, {events=EPOLLOUT|EPOLLONESHOT, data={u32=7, u64=4294967303}}) = %s", epoll,
       result(n));
  epoll_event events[4];
  n = call(SYS_epoll_wait, epoll, events, 4, -1);
  line("epoll_wait(%ld, [{events=EPOLLOUT, data={u32=7, u64=4294967303}}], 4, -1) = %s", epoll, result(n));
  n = call(SYS_epoll_pwait, epoll, events, 4, 0, nullptr, 8);
  line("epoll_pwait(%ld, [], 4, 0, NULL, 8) = %s", epoll, result(n));
  n = call(SYS_epoll_ctl, epoll, EPOLL_CTL_MOD, 10, &event);
  line("epoll_ctl(%ld, EPOLL_CTL_MOD, 10, {events=EPOLLOUT|EPOLLONESHOT, data={u32=7, u64=4294967303}}) = %s", epoll,
       result(n));
  n = call(SYS_epoll_ctl, epoll, EPOLL_CTL_DEL, 11, nullptr);
  line("epoll_ctl(%ld, EPOLL_CTL_DEL, 11, NULL) = %s", epoll, result(n));
  n = call(SYS_epoll_wait, -1, events, 4, 0);
  line("epoll_wait(-1, %p, 4, 0) = %s", static_cast<void*>(events), result(n));

  expect::end();
  return expect::finish();
}
