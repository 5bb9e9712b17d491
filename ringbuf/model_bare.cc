// The waiting of model.cc for code that runs without a C library. Whoever links it defines StandardModel::now().
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <climits>

#include "ringbuf/model.h"

namespace sightline::ringbuf {
namespace {

void futex(std::atomic<uint32_t>& word, int operation, uint32_t value, const timespec* timeout) {
  long result = SYS_futex;
  register const timespec* r10 asm("r10") = timeout;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(&word), "S"(long{operation}), "d"(uint64_t{value}), "r"(r10)
               : "rcx", "r11", "memory");
}

}  // namespace

void StandardModel::wait(std::atomic<uint32_t>& word, uint32_t expected, uint64_t timeout_ns) {
  const timespec timeout{.tv_sec = static_cast<time_t>(timeout_ns / 1'000'000'000),
                         .tv_nsec = static_cast<long>(timeout_ns % 1'000'000'000)};
  futex(word, FUTEX_WAIT, expected, &timeout);
}

void StandardModel::wake(std::atomic<uint32_t>& word) {
  futex(word, FUTEX_WAKE, INT_MAX, nullptr);
}

}  // namespace sightline::ringbuf
