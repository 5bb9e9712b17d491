#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <thread>

#include "ringbuf/ring_set.h"

using namespace sightline::ringbuf;

namespace {

void push(const RingSet::Producer& producer, uint64_t value) {
  std::byte* place = producer.ring->reserve(8);
  REQUIRE(place != nullptr);
  std::memcpy(place, &value, 8);
  producer.ring->commit(1, 8);
}

std::map<std::size_t, std::vector<uint64_t>> drain(RingSet& set) {
  std::map<std::size_t, std::vector<uint64_t>> values;
  set.for_each([&](std::size_t slot, RecordRing& ring) {
    RecordView view;
    while (ring.peek(view)) {
      uint64_t value = 0;
      std::memcpy(&value, view.payload, 8);
      values[slot].push_back(value);
      ring.step(view);
    }
    ring.release();
  });
  set.settle();
  return values;
}

}  // namespace

TEST_CASE("each producer has a ring of its own") {
  RingSet set({.capacity = 4096, .max_rings = 8});
  const auto a = set.acquire();
  const auto b = set.acquire();
  CHECK(a.slot != b.slot);
  push(a, 1);
  push(b, 2);
  push(a, 3);
  auto values = drain(set);
  CHECK(values[a.slot] == std::vector<uint64_t>{1, 3});
  CHECK(values[b.slot] == std::vector<uint64_t>{2});
}

TEST_CASE("a retired ring is drained before its memory serves again, and its figures stay") {
  RingSet set({.capacity = 4096, .max_rings = 1});
  const auto first = set.acquire();
  push(first, 1);
  set.retire(first);
  CHECK(set.acquire().ring == nullptr);  // closing, not drained
  auto values = drain(set);
  CHECK(values[first.slot] == std::vector<uint64_t>{1});
  const auto second = set.acquire();
  REQUIRE(second.ring != nullptr);
  push(second, 2);
  values = drain(set);
  CHECK(values[second.slot] == std::vector<uint64_t>{2});
  CHECK(set.totals().committed == 2);
  CHECK(set.totals().consumed == 2);
}

TEST_CASE("more producers than rings is an answer, not a crash") {
  RingSet set({.capacity = 4096, .max_rings = 2});
  CHECK(set.acquire().ring != nullptr);
  CHECK(set.acquire().ring != nullptr);
  errno = 0;
  CHECK(set.acquire().ring == nullptr);
  CHECK(errno == EMFILE);
}

TEST_CASE("rings come and go while the consumer drains: nothing is lost") {
  RingSet set({.capacity = 4096, .max_rings = 64});
  constexpr uint64_t kProducers = 500;
  constexpr uint64_t kEach = 50;
  std::atomic<bool> done{false};
  std::thread manager([&] {
    for (uint64_t p = 0; p < kProducers; ++p) {
      RingSet::Producer producer;
      while ((producer = set.acquire()).ring == nullptr) std::this_thread::yield();
      for (uint64_t i = 0; i < kEach; ++i) push(producer, p * kEach + i);
      set.retire(producer);
    }
    done.store(true);
  });
  uint64_t sum = 0;
  uint64_t count = 0;
  for (;;) {
    const bool last = done.load();
    for (const auto& [slot, values] : drain(set))
      for (const uint64_t value : values) {
        sum += value;
        ++count;
      }
    if (last && !set.any_pending()) break;
  }
  manager.join();
  CHECK(count == kProducers * kEach);
  CHECK(sum == kProducers * kEach * (kProducers * kEach - 1) / 2);
}
