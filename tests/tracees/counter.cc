// counter threads|processes N CALLS: each of N makes CALLS marks of its own and counts them; the counts are printed.
#include <pthread.h>
#include <sys/wait.h>

#include <atomic>
#include <thread>
#include <vector>

#include "tests/tracees/tracee.h"

namespace {

constexpr int kMost = 2048;

struct Counts {
  std::atomic<int> waiting{0};
  std::atomic<int> tid[kMost]{};
  std::atomic<uint64_t> made[kMost]{};
};

void work(Counts& counts, int index, int n, int calls) {
  counts.tid[index] = static_cast<int>(syscall(SYS_gettid));
  ++counts.waiting;
  while (counts.waiting.load() < n) sched_yield();  // all at once: that is the load
  for (int i = 0; i < calls; ++i) {
    tracee::mark((static_cast<uint64_t>(index) << 32) + static_cast<uint64_t>(i));
    counts.made[index].fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const bool threads = argv[1][0] == 't';
  const int n = tracee::number(argv[2]);
  const int calls = tracee::number(argv[3]);
  if (n < 1 || n > kMost) return 2;
  auto& counts = *tracee::shared<Counts>();
  if (threads) {
    std::vector<std::thread> all;
    for (int i = 0; i < n; ++i) all.emplace_back([&, i] { work(counts, i, n, calls); });
    for (std::thread& t : all) t.join();
  } else {
    for (int i = 0; i < n; ++i) {
      const pid_t pid = fork();
      if (pid == 0) {
        work(counts, i, n, calls);
        _exit(0);
      }
      tracee::check(pid, "fork");
    }
    while (wait(nullptr) > 0) {
    }
  }
  for (int i = 0; i < n; ++i)
    std::printf("%d %d %llu\n", i, counts.tid[i].load(), static_cast<unsigned long long>(counts.made[i].load()));
  return 0;
}
