#include "tracer/wait_queue.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace sightline::tracer {
namespace {

constexpr long kTickNs = 50'000'000;

constexpr long kLookNs = 20'000;  // longer than a call takes with a stop at either end
constexpr uint32_t kFewInVain = 4;
constexpr uint32_t kMostSkips = 12;  // after that many looks in vain, only every 256th sleep has one

// A handler gets no context; there is one tracer thread with one queue.
std::atomic<WaitQueue*> ticking_queue{nullptr};

int tick_signal() {
  return SIGRTMIN + 7;
}

void set_timer(timer_t timer, long first_ns, long interval_ns) {
  itimerspec spec{};
  spec.it_value.tv_nsec = first_ns;
  spec.it_interval.tv_nsec = interval_ns;
  timer_settime(timer, 0, &spec, nullptr);
}

}  // namespace

WaitQueue::WaitQueue() {
  struct sigaction action {};
  action.sa_handler = &WaitQueue::on_tick;  // without SA_RESTART: the point is to interrupt
  sigaction(tick_signal(), &action, nullptr);
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = tick_signal();
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
  has_timer_ = timer_create(CLOCK_MONOTONIC, &event, &timer_) == 0;
  ticking_queue.store(this);
}

WaitQueue::~WaitQueue() {
  ticking_queue.store(nullptr);
  if (has_timer_) timer_delete(timer_);
}

void WaitQueue::start_ticking(Ticking::Reaps reaps) {
  if (reaps == Ticking::Reaps::yes) reaping_.fetch_add(1);
  if (ticking_.fetch_add(1) == 0 && has_timer_) set_timer(timer_, kTickNs, kTickNs);
}

void WaitQueue::stop_ticking(Ticking::Reaps reaps) {
  if (reaps == Ticking::Reaps::yes) reaping_.fetch_sub(1);
  if (ticking_.fetch_sub(1) == 1 && has_timer_) set_timer(timer_, 0, 0);
}

void WaitQueue::nudge() {
  if (has_timer_ && ticking_.load() == 0) set_timer(timer_, 1'000'000, kTickNs);
}

void WaitQueue::on_tick(int) {
  const int saved = errno;
  WaitQueue* queue = ticking_queue.load();
  if (queue != nullptr && queue->reaping_.load() > 0) queue->reap_from_handler();
  errno = saved;
}

void WaitQueue::reap_from_handler() {
  for (;;) {
    const std::size_t tail = reaped_tail_.load(std::memory_order_relaxed);
    if (tail - reaped_head_.load(std::memory_order_relaxed) == reaped_.size()) return;
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
    if (tid <= 0) return;
    reaped_[tail % reaped_.size()] = {tid, status};
    reaped_tail_.store(tail + 1, std::memory_order_relaxed);
  }
}

bool WaitQueue::look_first(WaitResult& result) {
  if (skip_ != 0) {
    --skip_;
    return false;
  }
  timespec start;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (;;) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL | WNOHANG);
    if (tid > 0) {
      in_vain_ = 0;
      result = {WaitResult::Kind::status, tid, status};
      return true;
    }
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const long passed = (now.tv_sec - start.tv_sec) * 1'000'000'000 + now.tv_nsec - start.tv_nsec;
    if (tid < 0 || passed > kLookNs) break;
  }
  if (in_vain_ < kMostSkips) ++in_vain_;
  if (in_vain_ > kFewInVain) skip_ = uint32_t{1} << (in_vain_ - kFewInVain);
  return false;
}

WaitResult WaitQueue::next(bool block) {
  const std::size_t head = reaped_head_.load(std::memory_order_relaxed);
  if (head != reaped_tail_.load(std::memory_order_relaxed)) {
    const Reaped& r = reaped_[head % reaped_.size()];
    const WaitResult result{WaitResult::Kind::status, r.tid, r.status};
    reaped_head_.store(head + 1, std::memory_order_relaxed);
    return result;
  }
  if (WaitResult result; block && looks_first_ && look_first(result)) return result;
  int status = 0;
  const pid_t tid = waitpid(-1, &status, __WALL | (block ? 0 : WNOHANG));
  if (tid > 0) return {WaitResult::Kind::status, tid, status};
  if (tid == 0) return {WaitResult::Kind::none, 0, 0};
  return {errno == EINTR ? WaitResult::Kind::interrupted : WaitResult::Kind::no_tracees, 0, 0};
}

}  // namespace sightline::tracer
