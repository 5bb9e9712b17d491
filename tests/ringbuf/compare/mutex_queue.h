/// What one would write first: a deque behind a mutex. For tests and benchmarks only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <mutex>
#include <span>

namespace sightline::ringbuf::compare {

/// Any number of producers and consumers; bounded.
template <class T>
class MutexQueue {
 public:
  explicit MutexQueue(std::size_t capacity) : capacity_(capacity) {}

  bool try_push(const T& value) {
    const std::lock_guard lock(mutex_);
    if (queue_.size() == capacity_) return false;
    queue_.push_back(value);
    return true;
  }
  std::size_t try_push_some(std::span<const T> values) {
    const std::lock_guard lock(mutex_);
    const std::size_t n = std::min(values.size(), capacity_ - queue_.size());
    queue_.insert(queue_.end(), values.begin(), values.begin() + static_cast<std::ptrdiff_t>(n));
    return n;
  }
  bool try_pop(T& value) {
    const std::lock_guard lock(mutex_);
    if (queue_.empty()) return false;
    value = queue_.front();
    queue_.pop_front();
    return true;
  }
  std::size_t pop_some(std::span<T> values) {
    const std::lock_guard lock(mutex_);
    const std::size_t n = std::min(values.size(), queue_.size());
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(n);
    std::copy(queue_.begin(), end, values.begin());
    queue_.erase(queue_.begin(), end);
    return n;
  }
  /// All there is, by exchanging the queues: one lock a batch, and no copy under it.
  std::deque<T> take_all() {
    std::deque<T> taken;
    const std::lock_guard lock(mutex_);
    taken.swap(queue_);
    return taken;
  }

 private:
  std::mutex mutex_;
  std::deque<T> queue_;
  std::size_t capacity_;
};

}  // namespace sightline::ringbuf::compare
