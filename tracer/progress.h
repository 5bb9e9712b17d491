/// What the tracer and its consumer share besides the rings: how far the consumer may read, and how much stack it
/// needs.
#pragma once

#include <atomic>
#include <cstdint>

#include "tracer/known_stacks.h"
#include "tracer/stack_window.h"

namespace sightline::tracer {

namespace inprocess {
class Arena;
}

struct Progress {
  /// All of the tracer's own records stamped at or before this time are committed. It is one thread and stamps in
  /// order.
  std::atomic<uint64_t> horizon{0};
  /// Calls begun that were to be recorded. What the consumer has not seen of them is lost.
  std::atomic<uint64_t> entered{0};
  StackWindows own_windows;
  StackWindows* windows = &own_windows;  ///< where the producers look
  KnownStacks* known_stacks = nullptr;   ///< likewise; nullptr: none of them looks

  /// Where traced threads record their calls themselves; nullptr: they don't.
  inprocess::Arena* arena = nullptr;
  /// Not 0 while the tracer works on a stop: a time that is not after that of its next record.
  std::atomic<uint64_t> busy{0};
  /// The tracer waits for room in a ring. What holds the limit back may be a thread that only the tracer can let go on:
  /// until there is room, all that is committed up to now may be read, and a record may come late between threads.
  std::atomic<bool> waits_for_room{false};

  /// The producers may be threads inside traced processes. Before there is a consumer or a producer.
  void use(inprocess::Arena& arena);

  /// While it lives, the tracer writes records, none with an earlier time than `since`.
  class Working {
   public:
    Working(Progress& progress, uint64_t since) : progress_(progress) {
      progress_.busy.exchange(since, std::memory_order_seq_cst);
    }
    ~Working() { progress_.busy.store(0, std::memory_order_release); }
    Working(const Working&) = delete;
    Working& operator=(const Working&) = delete;

   private:
    Progress& progress_;
  };

  /// How long (ns) a thread's announcement of a record takes to be seen by the consumer, at most. Processors give no
  /// bound, but empty the store buffer as fast as other processors give up its lines, some hundred ns each; and before
  /// they take an interrupt (Intel SDM volume 3, "Store Buffer"), so that no thread loses its processor in between.
  static constexpr uint64_t kSettled = 50'000;

  /// All records stamped at or before this time, whoever makes them, are committed. A consumer that reads it first and
  /// the rings after can merge them without missing anything. The consumer's thread.
  uint64_t limit() const;
  /// The consumer, now and then: keeps the clock of the threads that record themselves true.
  void tick();
};

}  // namespace sightline::tracer
