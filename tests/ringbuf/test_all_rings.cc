// One suite over all rings, ours and those kept to compare with: what a bounded queue must do.
#include <doctest/doctest.h>

#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "tests/ringbuf/compare/adapters.h"
#include "tests/ringbuf/compare/mutex_queue.h"
#include "tests/ringbuf/compare/slot_ring.h"

using namespace sightline::ringbuf;
using namespace sightline::ringbuf::compare;

namespace {

struct Large {
  uint64_t words[16];
  static Large of(uint64_t n) {
    Large value{};
    for (uint64_t i = 0; i < 16; ++i) value.words[i] = n * 31 + i;
    return value;
  }
  bool operator==(const Large&) const = default;
};

uint64_t make(uint64_t n, uint64_t) {
  return n;
}
Large make(uint64_t n, const Large&) {
  return Large::of(n);
}

template <class R, class T>
struct Case {
  using Ring = R;
  using Value = T;
};

}  // namespace

TYPE_TO_STRING_AS("typed ring", Case<TypedRing<uint64_t>, uint64_t>);
TYPE_TO_STRING_AS("typed ring, 128 bytes", Case<TypedRing<Large>, Large>);
TYPE_TO_STRING_AS("record ring", Case<ValueRecords<uint64_t>, uint64_t>);
TYPE_TO_STRING_AS("record ring, 128 bytes", Case<ValueRecords<Large>, Large>);
TYPE_TO_STRING_AS("mutex and deque", Case<MutexQueue<uint64_t>, uint64_t>);
TYPE_TO_STRING_AS("slots with states", Case<SlotRing<uint64_t>, uint64_t>);
TYPE_TO_STRING_AS("slots with states, 128 bytes", Case<SlotRing<Large>, Large>);
#define ALL_RINGS                                                                                                 \
  Case<TypedRing<uint64_t>, uint64_t>, Case<TypedRing<Large>, Large>, Case<ValueRecords<uint64_t>, uint64_t>,     \
      Case<ValueRecords<Large>, Large>, Case<MutexQueue<uint64_t>, uint64_t>, Case<SlotRing<uint64_t>, uint64_t>, \
      Case<SlotRing<Large>, Large>

TEST_CASE_TEMPLATE("a queue: what goes in comes out, in order, and full is full", C, ALL_RINGS) {
  using T = typename C::Value;
  std::mt19937 random(3);
  typename C::Ring ring(64);
  std::deque<uint64_t> model;
  uint64_t next = 0;
  for (int i = 0; i < 20000; ++i) {
    switch (random() % 4) {
      case 0:
        if (ring.try_push(make(next, T{})))
          model.push_back(next++);
        else
          REQUIRE(model.size() >= 32);
        break;
      case 1: {
        std::vector<T> values;
        for (uint64_t n = random() % 48; n > 0; --n) values.push_back(make(next + values.size(), T{}));
        const std::size_t pushed = ring.try_push_some(values);
        REQUIRE(pushed <= values.size());
        if (pushed < values.size()) REQUIRE(model.size() + pushed >= 32);
        for (std::size_t n = 0; n < pushed; ++n) model.push_back(next++);
        break;
      }
      case 2: {
        T value{};
        REQUIRE(ring.try_pop(value) == !model.empty());
        if (model.empty()) break;
        REQUIRE(value == make(model.front(), T{}));
        model.pop_front();
        break;
      }
      default: {
        std::vector<T> values(random() % 48);
        std::size_t popped = 0;  // a ring may stop at its end: twice gets all
        popped = ring.pop_some(values);
        popped += ring.pop_some(std::span(values).subspan(popped));
        REQUIRE(popped == std::min(values.size(), model.size()));
        for (std::size_t n = 0; n < popped; ++n) {
          REQUIRE(values[n] == make(model.front(), T{}));
          model.pop_front();
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("two threads: every value once, in order, whole", C, ALL_RINGS) {
  using T = typename C::Value;
  constexpr uint64_t kValues = 50'000;
  typename C::Ring ring(64);
  std::thread producer([&] {
    std::mt19937 random(5);
    std::vector<T> values;
    for (uint64_t next = 0; next < kValues;) {
      values.clear();
      for (uint64_t n = random() % 3 == 0 ? random() % 100 : 1; n > 0 && next + values.size() < kValues; --n)
        values.push_back(make(next + values.size(), T{}));
      const std::size_t pushed = values.size() == 1 ? ring.try_push(values[0]) : ring.try_push_some(values);
      if (pushed == 0) std::this_thread::yield();
      next += pushed;
    }
  });
  uint64_t next = 0;
  bool whole = true;
  std::mt19937 random(6);
  std::vector<T> values(100);
  while (next < kValues) {
    const std::size_t max = random() % 3 == 0 ? 100 : 1;
    const std::size_t popped = max == 1 ? ring.try_pop(values[0]) : ring.pop_some(values);
    if (popped == 0) std::this_thread::yield();
    for (std::size_t i = 0; i < popped; ++i) whole = whole && values[i] == make(next++, T{});
  }
  producer.join();
  CHECK(whole);
  T value{};
  CHECK_FALSE(ring.try_pop(value));
}

TEST_CASE("many producers into slots: each one's values in order, none lost") {
  constexpr uint64_t kProducers = 4;
  constexpr uint64_t kEach = 10'000;
  SlotRing<uint64_t> ring(16);
  std::vector<std::thread> producers;
  for (uint64_t p = 0; p < kProducers; ++p)
    producers.emplace_back([&ring, p] {
      for (uint64_t i = 0; i < kEach; ++i)
        while (!ring.try_push(p << 32 | i)) std::this_thread::yield();
    });
  uint64_t next[kProducers] = {};
  bool in_order = true;
  for (uint64_t n = 0; n < kProducers * kEach;) {
    uint64_t value = 0;
    if (!ring.try_pop(value)) {
      std::this_thread::yield();
      continue;
    }
    in_order = in_order && next[value >> 32]++ == (value & 0xffffffff);
    ++n;
  }
  for (std::thread& producer : producers) producer.join();
  CHECK(in_order);
}
