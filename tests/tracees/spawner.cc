// spawner FILE: 4 threads that bear short-lived threads without end; each of those makes 3 marks with a number of its
// own. FILE: how many have begun, how many ended, how many calls were interrupted; and of the last 4096 which have
// ended.
#include <pthread.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <iterator>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

struct Counts {
  std::atomic<uint64_t> begun{0};
  std::atomic<uint64_t> ended{0};
  std::atomic<uint64_t> interrupted{0};
  std::atomic<uint64_t> last[4096];  // number n, once it has ended, at n modulo 4096
};

void live(Counts& counts) {
  const uint64_t n = ++counts.begun;
  for (int i = 0; i < 3; ++i) tracee::mark(n);
  const timespec moment{0, 1000};
  if (syscall(SYS_nanosleep, &moment, nullptr) < 0 && errno == EINTR) ++counts.interrupted;
  counts.last[n % std::size(counts.last)] = n;
  ++counts.ended;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  auto& counts = *tracee::shared_with_test<Counts>(argv[1]);
  for (int i = 0; i < 4; ++i) {
    std::thread([&counts] {
      for (;;) std::thread([&counts] { live(counts); }).join();
    }).detach();
  }
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  _exit(0);
}
