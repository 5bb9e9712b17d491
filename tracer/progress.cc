#include "tracer/progress.h"

#include <algorithm>

#include "ringbuf/model.h"
#include "tracer/inprocess/arena.h"

namespace sightline::tracer {

void Progress::use(inprocess::Arena& given) {
  arena = &given;
  windows = &inprocess::shared().tables().windows;
  known_stacks = &inprocess::shared().tables().known_stacks;
}

uint64_t Progress::limit() const {
  if (arena == nullptr) return horizon.load(std::memory_order_acquire);
  // A producer announces a record, then reads the clock; we read the clock, then look for announcements: whose record
  // has an earlier time than ours is seen here. The tracer has a full fence between its two steps, as we have. Traced
  // threads have none: of what they have stamped, we take what is old enough for its announcement to be seen.
  const uint64_t now = ringbuf::StandardModel::now();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (waits_for_room.load(std::memory_order_acquire)) return now;
  uint64_t limit = now - kSettled;
  if (const uint64_t since = busy.load(std::memory_order_acquire); since != 0) limit = std::min(limit, since - 1);
  return std::min(limit, arena->earliest_busy() - 1);
}

void Progress::tick() {
  if (arena != nullptr) arena->tick();
}

}  // namespace sightline::tracer
