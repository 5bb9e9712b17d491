#include "ringbuf/wakeup.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <climits>

namespace sightline::ringbuf {
namespace {

// A lost wakeup would be a bug; this bounds what it costs.
constexpr uint64_t kLongestSleep = 100'000'000;

void futex_wait(std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) {
  timespec timeout{.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000),
                   .tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000)};
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAIT, expected, &timeout, nullptr, 0);
}

void futex_wake(std::atomic<uint32_t>& word) {
  syscall(SYS_futex, reinterpret_cast<uint32_t*>(&word), FUTEX_WAKE, INT_MAX, nullptr, nullptr, 0);
}

}  // namespace

void Doorbell::wake() {
  if (sleeping_.exchange(0, std::memory_order_relaxed) != 0) futex_wake(sleeping_);
}

void Doorbell::sleep(uint64_t timeout_ns) {
  futex_wait(sleeping_, 1, timeout_ns);
}

void SpaceGate::wake() {
  if (waiting_.exchange(0, std::memory_order_relaxed) != 0) futex_wake(waiting_);
}

void SpaceGate::sleep() {
  futex_wait(waiting_, 1, kLongestSleep);
}

}  // namespace sightline::ringbuf
