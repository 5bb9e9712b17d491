// timer_storm WAY N: a timer's signal every half a millisecond while threads make calls that end at once, N each.
//   restart    with SA_RESTART
//   interrupt  without
// Every call must have its effect exactly once; prints "as untraced" if all had.
#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/tracees/tracee.h"

namespace {

std::atomic<long> ticks{0};

void on_tick(int) {
  ++ticks;
  syscall(SYS_getppid);
}

void pump(int n) {
  int ends[2];
  if (pipe(ends) < 0) tracee::fail("pipe");
  for (int i = 0; i < n; ++i) {
    ssize_t done = 0;
    do done = write(ends[1], &i, sizeof i);
    while (done < 0 && errno == EINTR);
    if (done != sizeof i) tracee::fail("write");
    int got = -1;
    do done = read(ends[0], &got, sizeof got);
    while (done < 0 && errno == EINTR);
    if (done != sizeof i || got != i) tracee::fail("read");
  }
  close(ends[0]);
  close(ends[1]);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const int n = std::atoi(argv[2]);
  struct sigaction action {};
  action.sa_handler = on_tick;
  action.sa_flags = std::strcmp(argv[1], "restart") == 0 ? SA_RESTART : 0;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval every{{0, 500}, {0, 500}};
  setitimer(ITIMER_REAL, &every, nullptr);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back(pump, n);
  pump(n);
  for (std::thread& thread : threads) thread.join();
  const long before = ticks.load();
  // Interrupted again and again, a sleep still ends.
  timespec left{.tv_sec = 0, .tv_nsec = 20'000'000};
  while (nanosleep(&left, &left) < 0)
    if (errno != EINTR) tracee::fail("nanosleep");
  std::puts(ticks > before ? "as untraced" : "no tick came");
  return 0;
}
