// A producer process dies in the middle of a write: whatever the instruction, the consumer neither hangs nor reads
// garbage, and the next producer goes on.
#include <doctest/doctest.h>

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <random>
#include <vector>

#include "ringbuf/record_ring.h"
#include "ringbuf/ring_memory.h"

using namespace sightline::ringbuf;

namespace {

constexpr uint64_t kCapacity = 256;

uint32_t size_of(uint64_t number) {
  return static_cast<uint32_t>(8 + number * 13 % 64);
}

/// A record's bytes follow from its number, so that each can be checked by itself.
void write(RecordRing& ring, uint64_t number) {
  const uint32_t size = size_of(number);
  // A ring that blocks would wait for its consumer, which stands still while we are stepped.
  std::byte* place = ring.on_full() == OnFull::block ? ring.try_reserve(size) : ring.reserve(size);
  if (place == nullptr) return;
  std::memcpy(place, &number, sizeof number);
  for (uint32_t i = sizeof number; i < size; ++i) place[i] = static_cast<std::byte>(number + i);
  ring.commit(1, size);
}

bool whole(const RecordView& view, uint64_t& number) {
  std::memcpy(&number, view.payload, sizeof number);
  if (view.payload_size != size_of(number)) return false;
  for (uint32_t i = sizeof number; i < view.payload_size; ++i)
    if (view.payload[i] != static_cast<std::byte>(number + i)) return false;
  return true;
}

struct Seen {
  uint64_t records = 0;
  uint64_t next = 0;  ///< the number after the last one
  bool whole = true;
  bool in_order = true;
};

/// `gaps`: numbers may be missing without being told of.
void consume_all(RecordRing& ring, Seen& seen, bool gaps) {
  bool first = true;
  ring.consume(1000, [&](const RecordView& view) {
    uint64_t number = 0;
    if (view.is_lost_run()) {
      seen.in_order = seen.in_order && (view.lost_run().first == seen.next || gaps);
      seen.next = view.lost_run().first + view.lost_run().count;
      first = false;
      return;
    }
    seen.whole = seen.whole && whole(view, number);
    seen.in_order =
        seen.in_order && (number == seen.next || (gaps && (first ? number > seen.next : number >= seen.next)));
    first = false;
    seen.next = number + 1;
    ++seen.records;
  });
}

/// Runs `number` writes in a child, one instruction at a time, and calls `look()` after each. Returns the steps.
template <class Look>
uint64_t step_through(RecordRing& writer, uint64_t from, uint64_t to, Look&& look) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    raise(SIGSTOP);
    for (uint64_t number = from; number < to; ++number) write(writer, number);
    _exit(0);
  }
  int status = 0;
  uint64_t steps = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  while (WIFSTOPPED(status)) {
    if (ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr) != 0) break;
    if (waitpid(child, &status, 0) != child) break;
    ++steps;
    look();
  }
  REQUIRE(WIFEXITED(status));
  return steps;
}

}  // namespace

TEST_CASE("after each single instruction of a producer, what is in the ring is whole") {
  for (const OnFull on_full : {OnFull::block, OnFull::drop_newest, OnFull::overwrite_oldest}) {
    CAPTURE(static_cast<int>(on_full));
    const RingMemory memory = RingMemory::create(RecordRing::bytes_for(kCapacity));
    RecordRing writer = RecordRing::format(memory.data(), kCapacity, {.on_full = on_full});
    RecordRing reader = writer;
    alignas(kBlock) static std::byte copy[RecordRing::bytes_for(kCapacity)];
    const bool gaps = on_full != OnFull::drop_newest;
    Seen real;
    uint64_t bad = 0;
    uint64_t step = 0;
    std::mt19937 random(11);
    uint64_t drain_at = 2000;
    const auto look = [&] {
      // If the producer died here, this is what its consumer would find.
      std::memcpy(copy, memory.data(), sizeof copy);
      RecordRing heir = RecordRing::attach(copy, sizeof copy);
      Seen seen = real;
      if (!heir.valid()) {
        ++bad;
        return;
      }
      const uint64_t in_flight = heir.figures().in_flight();
      consume_all(heir, seen, gaps);
      const uint64_t got = seen.records - real.records;
      bool good = seen.whole && seen.in_order && !heir.corrupt() && heir.empty();
      // The figure goes up just before the record can be seen.
      if (on_full != OnFull::overwrite_oldest) good = good && (in_flight == got || in_flight == got + 1);
      bad += good ? 0 : 1;
      // Now and then the consumer takes what there is, wherever the producer stands.
      if (++step == drain_at) {
        drain_at += 1000 + random() % 4000;
        consume_all(reader, real, gaps);
      }
    };
    const uint64_t steps = step_through(writer, 0, 120, look);
    consume_all(reader, real, gaps);
    CHECK(bad == 0);
    CHECK(steps > 5000);
    CHECK(real.whole);
    CHECK(real.in_order);
    CHECK_FALSE(reader.corrupt());
    const RingFigures figures = reader.figures();
    CHECK(figures.in_flight() == 0);
    CHECK(real.records == figures.consumed);
    if (on_full == OnFull::drop_newest) CHECK(figures.dropped > 0);
    if (on_full == OnFull::overwrite_oldest) CHECK(figures.overwritten > 0);
  }
}

TEST_CASE("producers killed anywhere, one after the other, in one ring") {
  for (const OnFull on_full : {OnFull::block, OnFull::drop_newest, OnFull::overwrite_oldest}) {
    CAPTURE(static_cast<int>(on_full));
    const RingMemory memory = RingMemory::create(RecordRing::bytes_for(kCapacity));
    REQUIRE(memory.data() != nullptr);
    RecordRing reader = RecordRing::format(memory.data(), kCapacity, {.on_full = on_full});
    std::mt19937 random(12);
    Seen seen;
    // A ring that drops numbers its runs by its own count of attempts, which the last of a killed producer may have
    // missed.
    const bool gaps = on_full != OnFull::block;
    for (int round = 0; round < 60; ++round) {
      const uint64_t from = seen.next;
      const pid_t child = fork();
      REQUIRE(child >= 0);
      if (child == 0) {
        RecordRing ring = RecordRing::attach(memory.data(), memory.size());
        for (uint64_t number = from;; ++number) {
          // A producer that never waits would have the processor for itself while the consumer sees a ringful a turn.
          if (on_full != OnFull::block && number % 16 == 0) sched_yield();
          const uint32_t size = size_of(number);
          std::byte* place = ring.reserve(size);
          if (place == nullptr) continue;
          std::memcpy(place, &number, sizeof number);
          for (uint32_t i = sizeof number; i < size; ++i) place[i] = static_cast<std::byte>(number + i);
          ring.commit(1, size);
        }
      }
      const uint64_t until = seen.records + random() % 1000;
      do {
        consume_all(reader, seen, gaps);
        sched_yield();
      } while (seen.records < until);
      REQUIRE(kill(child, SIGKILL) == 0);
      int status = 0;
      REQUIRE(waitpid(child, &status, 0) == child);
      REQUIRE(WIFSIGNALED(status));
      consume_all(reader, seen, gaps);
      REQUIRE(reader.empty());
      REQUIRE_FALSE(reader.corrupt());
    }
    CHECK(seen.whole);
    if (on_full == OnFull::block) CHECK(seen.in_order);
  }
}
