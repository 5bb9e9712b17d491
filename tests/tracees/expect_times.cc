// Clocks, sleeps, timers, futexes.
#include <linux/futex.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  timespec t{};
  expect::begin();

  long n = call(SYS_clock_gettime, CLOCK_MONOTONIC, &t);
  line("clock_gettime(CLOCK_MONOTONIC, {tv_sec=%ld, tv_nsec=%ld}) = %s", t.tv_sec, t.tv_nsec, result(n));
  n = call(SYS_clock_getres, CLOCK_REALTIME_COARSE, &t);
  line("clock_getres(CLOCK_REALTIME_COARSE, {tv_sec=%ld, tv_nsec=%ld}) = %s", t.tv_sec, t.tv_nsec, result(n));
  n = call(SYS_clock_gettime, 99, &t);
  line("clock_gettime(0x63 /* CLOCK_??? */, %p) = %s", static_cast<void*>(&t), result(n));
  timeval v{};
  n = call(SYS_gettimeofday, &v, nullptr);
  line("gettimeofday({tv_sec=%ld, tv_usec=%ld}, NULL) = %s", v.tv_sec, v.tv_usec, result(n));
  n = call(SYS_nanosleep, &(t = {0, 1}), nullptr);
  line("nanosleep({tv_sec=0, tv_nsec=1}, NULL) = %s", result(n));
  n = call(SYS_nanosleep, &(t = {-1, 1000000000}), &t);
  line("nanosleep({tv_sec=-1, tv_nsec=1000000000}, %p) = %s", static_cast<void*>(&t), result(n));
  n = call(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &(t = {1, 0}), nullptr);
  line("clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, {tv_sec=1, tv_nsec=0}, NULL) = %s", result(n));
  itimerval interval{{0, 500}, {1000, 0}}, before{};
  n = call(SYS_setitimer, ITIMER_VIRTUAL, &interval, &before);
  line(
      "setitimer(ITIMER_VIRTUAL, {it_interval={tv_sec=0, tv_usec=500}, it_value={tv_sec=1000, tv_usec=0}}, "
      "{it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=0, tv_usec=0}}) = %s",
      result(n));
  n = call(SYS_getitimer, ITIMER_PROF, &before);
  line("getitimer(ITIMER_PROF, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=0, tv_usec=0}}) = %s", result(n));
  n = call(SYS_alarm, 1000);
  line("alarm(1000) = %s", result(n));
  n = call(SYS_alarm, 0);
  line("alarm(0) = %s", result(n));
  int timer = -1;
  sigevent event{};
  event.sigev_notify = SIGEV_NONE;
  event.sigev_value.sival_ptr = nullptr;
  n = call(SYS_timer_create, CLOCK_MONOTONIC, &event, &timer);
  line("timer_create(CLOCK_MONOTONIC, {sigev_signo=0, sigev_notify=SIGEV_NONE}, [%d]) = %s", timer, result(n));
  itimerspec wait{{0, 0}, {100, 0}};
  n = call(SYS_timer_settime, timer, 0, &wait, nullptr);
  line("timer_settime(%d, 0, {it_interval={tv_sec=0, tv_nsec=0}, it_value={tv_sec=100, tv_nsec=0}}, NULL) = %s", timer,
       result(n));
  n = call(SYS_timer_delete, timer);
  line("timer_delete(%d) = %s", timer, result(n));

  static unsigned word = 7;
  n = call(SYS_futex, &word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, 8, nullptr);
  line("futex(%p, FUTEX_WAIT_PRIVATE, 8, NULL) = %s", static_cast<void*>(&word), result(n));
  n = call(SYS_futex, &word, FUTEX_WAIT, 7, &(t = {0, 1}));
  line("futex(%p, FUTEX_WAIT, 7, {tv_sec=0, tv_nsec=1}) = %s", static_cast<void*>(&word), result(n));
  n = call(SYS_futex, &word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1);
  line("futex(%p, FUTEX_WAKE_PRIVATE, 1) = %s", static_cast<void*>(&word), result(n));
  n = call(SYS_futex, &word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 7, &(t = {1, 0}), nullptr,
           FUTEX_BITSET_MATCH_ANY);
  line("futex(%p, FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME, 7, {tv_sec=1, tv_nsec=0}, FUTEX_BITSET_MATCH_ANY) = %s",
       static_cast<void*>(&word), result(n));
  n = call(SYS_futex, &word, FUTEX_REQUEUE, 1, 2, &word + 1);
  line("futex(%p, FUTEX_REQUEUE, 1, 2, %p) = %s", static_cast<void*>(&word), static_cast<void*>(&word + 1), result(n));
  n = call(SYS_futex, &word, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, &word + 1, 8);
  line("futex(%p, FUTEX_CMP_REQUEUE_PRIVATE, 1, 2, %p, 8) = %s", static_cast<void*>(&word),
       static_cast<void*>(&word + 1), result(n));

  expect::end();
  return expect::finish();
}
