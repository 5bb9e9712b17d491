#include <doctest/doctest.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <map>
#include <thread>
#include <utility>
#include <vector>

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

TEST_CASE("short-lived producers touch little memory: the ring freed last serves first, from its memory's beginning") {
  for (const OnFull on_full : {OnFull::block, OnFull::drop_newest, OnFull::overwrite_oldest}) {
    RingSet set({.capacity = 4096, .on_full = on_full});
    const auto one = set.acquire();
    const auto two = set.acquire();
    const auto three = set.acquire();
    set.retire(three);
    set.retire(one);
    drain(set);
    const auto first = set.acquire();
    const auto second = set.acquire();
    CHECK(first.slot == three.slot);  // both were free by the same round, which has seen this one last
    CHECK(second.slot == one.slot);
    for (uint64_t i = 0; i < 1000; ++i) {
      const auto next = set.acquire();
      CHECK(next.slot == 3);
      CHECK(next.ring->position() % 4096 == 0);
      push(next, i);
      push(next, i + 1);
      set.retire(next);
      auto values = drain(set);
      REQUIRE(values[3] == std::vector<uint64_t>{i, i + 1});
    }
    push(two, 7);
    CHECK(drain(set)[two.slot] == std::vector<uint64_t>{7});
    CHECK(set.totals().committed == 2001);
    CHECK(set.totals().consumed == 2001);
  }
}

TEST_CASE("what a crowd has written to its rings is given back when it is gone, but for what is kept warm") {
  constexpr uint64_t kCapacity = 256 << 10;
  constexpr std::size_t kCrowd = 40;
  constexpr uint32_t kValue = 1000;
  const std::vector<std::byte> value(kValue);
  const auto fill = [&](const RingSet::Producer& producer) {
    for (uint64_t bytes = 0; bytes + 2048 < kCapacity; bytes += kValue + 24) {
      std::byte* place = producer.ring->reserve(kValue);
      REQUIRE(place != nullptr);
      std::memcpy(place, value.data(), kValue);
      producer.ring->commit(1, kValue);
    }
  };
  const auto resident = [](const RingSet::Producer& producer) {
    std::vector<unsigned char> pages(producer.memory.size() / 4096 + 1);
    REQUIRE(mincore(producer.memory.data(), producer.memory.size(), pages.data()) == 0);
    return static_cast<std::size_t>(
               std::count_if(pages.begin(), pages.end(), [](auto page) { return (page & 1U) != 0; })) *
           4096;
  };
  for (const RingMemory::Kind memory : {RingMemory::Kind::shared, RingMemory::Kind::private_}) {
    RingSet set({.capacity = kCapacity, .keep_warm = 1 << 20, .memory = {.kind = memory}});
    for (int storm = 0; storm < 3; ++storm) {
      std::vector<RingSet::Producer> crowd;
      crowd.reserve(kCrowd);
      for (std::size_t i = 0; i < kCrowd; ++i) {
        crowd.push_back(set.acquire());
        fill(crowd.back());
      }
      const auto sum = [&] {
        std::size_t bytes = 0;
        for (const RingSet::Producer& producer : crowd) bytes += resident(producer);
        return bytes;
      };
      CHECK(sum() > kCrowd * (kCapacity - 8192));
      for (const RingSet::Producer& producer : crowd) set.retire(producer);
      while (set.poll(1000, [](std::size_t, const RecordView&) {}) != 0) {
      }
      CHECK(sum() <= (1 << 20) + kCrowd * 4096);
      CHECK(sum() > (1 << 20) / 2);
      // One after the other finds what is warm first.
      const auto next = set.acquire();
      CHECK(resident(next) > kCapacity - 8192);
      set.retire(next);
      set.settle();
    }
    CHECK(set.totals().committed == set.totals().consumed);
    CHECK(set.memory() <= (kCrowd + 1) * RecordRing::bytes_for(kCapacity));
  }
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

TEST_CASE("polling is fair: nobody waits for more than the others' budgets") {
  RingSet set({.capacity = 4096, .max_rings = 8});
  std::vector<RingSet::Producer> producers;
  for (int p = 0; p < 4; ++p) producers.push_back(set.acquire());
  std::map<std::size_t, int> first_places;
  std::map<std::size_t, uint64_t> taken;
  for (int round = 0; round < 400; ++round) {
    for (const auto& producer : producers)
      while (producer.ring->figures().in_flight() < 50) push(producer, 1);
    std::vector<std::size_t> order;
    std::map<std::size_t, uint64_t> in_round;
    const std::size_t n = set.poll(10, [&](std::size_t slot, const RecordView&) {
      if (order.empty() || order.back() != slot) order.push_back(slot);
      ++in_round[slot];
    });
    REQUIRE(n == 40);
    REQUIRE(order.size() == 4);
    for (const auto& [slot, count] : in_round) {
      REQUIRE(count == 10);
      taken[slot] += count;
    }
    ++first_places[order.front()];
  }
  for (const auto& [slot, times] : first_places) CHECK(times == 100);
  CHECK(first_places.size() == 4);
}

TEST_CASE("what all rings take is bounded, and thousands can live at once") {
  RingSet set({.memory_limit = 64 << 20, .smallest_capacity = 4096});
  std::size_t count = 0;
  uint64_t smallest = ~uint64_t{0};
  for (;; ++count) {
    const auto producer = set.acquire();
    if (producer.ring == nullptr) break;
    smallest = std::min(smallest, producer.ring->capacity());
    REQUIRE(set.memory() <= 64 << 20);
  }
  CHECK(errno == ENOMEM);
  CHECK(smallest == 4096);
  CHECK(count > 3000);
}

TEST_CASE(
    "the first rings may be larger, but not those of the tracer's own, and none is larger than there is room for") {
  RingSet set({.capacity = 4096, .large_rings = 2, .large_capacity = 32768});
  CHECK(set.acquire(OnFull::block, RingSet::Where::own).ring->capacity() == 4096);
  CHECK(set.acquire().ring->capacity() == 32768);
  CHECK(set.acquire().ring->capacity() == 32768);
  CHECK(set.acquire().ring->capacity() == 4096);

  RingSet larger({.capacity = 65536, .large_rings = 2, .large_capacity = 32768});
  CHECK(larger.acquire().ring->capacity() == 65536);

  RingSet narrow({.capacity = 4096,
                  .memory_limit = 24 << 10,
                  .large_rings = 2,
                  .large_capacity = 32768,
                  .smallest_capacity = 4096});
  CHECK(narrow.acquire().ring->capacity() == 16384);
}

TEST_CASE("a capacity that can't be is an answer, not a crash") {
  for (const uint64_t capacity : {uint64_t{0}, uint64_t{1000}, uint64_t{1} << 40}) {
    RingSet set({.capacity = capacity});
    errno = 0;
    CHECK(set.acquire().ring == nullptr);
    CHECK(errno == EINVAL);
  }
}

TEST_CASE("a producer that is retired twice does not retire its successor") {
  RingSet set({.capacity = 4096, .max_rings = 1});
  const auto first = set.acquire();
  set.retire(first);
  drain(set);
  const auto second = set.acquire();
  REQUIRE(second.ring != nullptr);
  CHECK(second.generation != first.generation);
  set.retire(first);
  push(second, 5);
  set.settle();
  CHECK(drain(set)[second.slot] == std::vector<uint64_t>{5});
}

TEST_CASE("a damaged ring is reported once, gives nothing more, and its slot serves again") {
  RingSet set({.capacity = 4096, .max_rings = 2});
  const auto wild = set.acquire();
  const auto good = set.acquire();
  push(wild, 1);
  push(good, 2);
  // The traced program owns the memory: its wild write.
  const uint64_t nonsense = 0xffffffffffffffff;
  std::memcpy(wild.ring->try_reserve(8) - 2 * sizeof(RecordHeader) - 8, &nonsense, sizeof nonsense);
  CHECK(drain(set)[good.slot] == std::vector<uint64_t>{2});
  std::vector<std::pair<std::size_t, Fault>> reports;
  const auto note = [&](std::size_t slot, Fault fault) { reports.emplace_back(slot, fault); };
  set.report_faults(note);
  set.report_faults(note);
  CHECK(reports == std::vector<std::pair<std::size_t, Fault>>{{wild.slot, Fault::header}});
  // Its producer neither hangs nor writes: each record is dropped.
  std::size_t refused = 0;
  for (int i = 0; i < 1000; ++i) {
    if (wild.ring->reserve(64) == nullptr)
      ++refused;
    else
      wild.ring->commit(1, 64);
  }
  CHECK(refused > 900);
  CHECK(set.totals().committed == 1);
  CHECK_FALSE(set.any_pending());
  set.retire(wild);
  drain(set);
  const auto next = set.acquire();
  REQUIRE(next.ring != nullptr);
  CHECK(next.slot == wild.slot);
  push(next, 3);
  CHECK(drain(set)[next.slot] == std::vector<uint64_t>{3});
}

TEST_CASE("the end: drain takes all, abandon says how many it leaves and frees who waits") {
  RingSet set({.capacity = 1024, .max_rings = 4});
  const auto a = set.acquire();
  const auto b = set.acquire();
  for (uint64_t i = 0; i < 20; ++i) push(a, i);
  push(b, 1);
  std::size_t seen = 0;
  CHECK(set.drain([&](std::size_t, const RecordView&) { ++seen; }) == 21);
  CHECK(seen == 21);
  CHECK(set.totals().in_flight() == 0);
  for (uint64_t i = 0; i < 7; ++i) push(b, i);
  std::thread waiting([&] {
    while (std::byte* place = a.ring->reserve(64)) {
      std::memset(place, 0, 64);
      a.ring->commit(1, 64);
    }
  });
  while (a.ring->figures().stalls == 0) std::this_thread::yield();
  const uint64_t inside = a.ring->figures().in_flight();
  CHECK(inside > 10);
  CHECK(set.abandon() == 7 + inside);
  waiting.join();
  const RingFigures totals = set.totals();
  CHECK(totals.committed == totals.consumed + totals.in_flight());
  CHECK(totals.dropped == 1);
  CHECK(set.acquire().ring == nullptr);
  CHECK(errno == EPIPE);
}

TEST_CASE("a handler that throws ends the round, and the next goes on") {
  RingSet set({.capacity = 4096, .max_rings = 4});
  const auto a = set.acquire();
  const auto b = set.acquire();
  for (uint64_t i = 0; i < 30; ++i) push(i % 2 == 0 ? a : b, i);
  std::map<std::size_t, std::vector<uint64_t>> values;
  std::size_t seen = 0;
  while (seen < 30) {
    try {
      set.poll(4, [&](std::size_t slot, const RecordView& view) {
        uint64_t value = 0;
        std::memcpy(&value, view.payload, 8);
        values[slot].push_back(value);
        if (++seen % 7 == 0) throw 1;
      });
    } catch (int) {
    }
  }
  for (uint64_t i = 0; i < 30; ++i) CHECK(values[i % 2 == 0 ? a.slot : b.slot][i / 2] == i);
  CHECK(set.totals().in_flight() == 0);
}
