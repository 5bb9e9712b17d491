#include <doctest/doctest.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <numeric>
#include <random>
#include <thread>
#include <vector>

#include "ringbuf/record_ring.h"
#include "ringbuf/ring_memory.h"

using namespace sightline::ringbuf;

namespace {

struct TestRing {
  explicit TestRing(uint64_t capacity, Doorbell* bell = nullptr)
      : memory(RingMemory::create(RecordRing::bytes_for(capacity))),
        writer(RecordRing::format(memory.data(), capacity, {.doorbell = bell})),
        reader(writer) {}
  RingMemory memory;
  RecordRing writer;
  RecordRing reader;
};

bool push(RecordRing& ring, uint16_t type, const std::vector<uint8_t>& bytes) {
  std::byte* place = ring.try_reserve(static_cast<uint32_t>(bytes.size()));
  if (place == nullptr) return false;
  if (!bytes.empty()) std::memcpy(place, bytes.data(), bytes.size());
  ring.commit(type, static_cast<uint32_t>(bytes.size()));
  return true;
}

std::vector<uint8_t> bytes_of(const RecordView& view) {
  const auto* first = reinterpret_cast<const uint8_t*>(view.payload);
  return {first, first + view.payload_size};
}

}  // namespace

TEST_CASE("a record comes out as it went in") {
  TestRing ring(1024);
  REQUIRE(push(ring.writer, 7, {1, 2, 3}));
  RecordView view;
  REQUIRE(ring.reader.peek(view));
  CHECK(view.header.type == 7);
  CHECK(bytes_of(view) == std::vector<uint8_t>{1, 2, 3});
  ring.reader.step(view);
  CHECK_FALSE(ring.reader.peek(view));
}

TEST_CASE("a reservation that is not committed leaves no trace") {
  TestRing ring(1024);
  REQUIRE(ring.writer.try_reserve(100) != nullptr);
  RecordView view;
  CHECK_FALSE(ring.reader.peek(view));
  REQUIRE(push(ring.writer, 1, {9}));
  REQUIRE(ring.reader.peek(view));
  CHECK(bytes_of(view) == std::vector<uint8_t>{9});
}

TEST_CASE("a commit may be shorter than its reservation") {
  TestRing ring(1024);
  std::byte* place = ring.writer.try_reserve(300);
  REQUIRE(place != nullptr);
  std::memset(place, 0x55, 4);
  ring.writer.commit(1, 4);
  REQUIRE(push(ring.writer, 2, {1}));
  RecordView view;
  REQUIRE(ring.reader.peek(view));
  CHECK(view.payload_size == 4);
  ring.reader.step(view);
  REQUIRE(ring.reader.peek(view));
  CHECK(view.header.type == 2);
}

TEST_CASE("the largest record always fits an empty ring, wherever that stands") {
  TestRing ring(1024);
  const std::vector<uint8_t> large(ring.writer.largest_payload(), 0xab);
  for (std::size_t offset = 0; offset < 64; ++offset) {
    REQUIRE(push(ring.writer, 1, std::vector<uint8_t>(offset)));
    RecordView view;
    REQUIRE(ring.reader.peek(view));
    ring.reader.step(view);
    ring.reader.release();
    REQUIRE(push(ring.writer, 2, large));
    REQUIRE(ring.reader.peek(view));
    CHECK(bytes_of(view) == large);
    ring.reader.step(view);
    ring.reader.release();
  }
}

TEST_CASE("space comes back only with release") {
  TestRing ring(1024);
  const std::vector<uint8_t> large(400);
  REQUIRE(push(ring.writer, 1, large));
  REQUIRE(push(ring.writer, 1, large));
  CHECK_FALSE(push(ring.writer, 1, large));
  RecordView view;
  REQUIRE(ring.reader.peek(view));
  ring.reader.step(view);
  CHECK_FALSE(push(ring.writer, 1, large));
  ring.reader.release();
  CHECK(push(ring.writer, 1, large));
}

TEST_CASE("random sequences behave as a queue of byte strings") {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937 random(seed);
    TestRing ring(2048);
    std::deque<std::vector<uint8_t>> model;
    uint64_t committed = 0;
    for (int step = 0; step < 5000; ++step) {
      if (random() % 2 == 0) {
        std::vector<uint8_t> bytes(random() % (random() % 8 == 0 ? ring.writer.largest_payload() + 1 : 64));
        std::iota(bytes.begin(), bytes.end(), static_cast<uint8_t>(random()));
        if (push(ring.writer, 3, bytes)) {
          model.push_back(bytes);
          ++committed;
        } else {
          CHECK_FALSE(model.empty());
        }
      } else {
        RecordView view;
        for (auto n = random() % 4; n > 0 && ring.reader.peek(view); --n) {
          REQUIRE_FALSE(model.empty());
          REQUIRE(bytes_of(view) == model.front());
          model.pop_front();
          ring.reader.step(view);
        }
        ring.reader.release();
      }
    }
    CHECK(ring.reader.figures().committed == committed);
    CHECK(ring.reader.figures().consumed == committed - model.size());
    CHECK(ring.reader.figures().high_water <= 2048);
  }
}

TEST_CASE("two threads: every record once, in order, whole") {
  Doorbell bell;
  TestRing ring(4096, &bell);
  constexpr uint64_t kRecords = 200'000;
  std::thread producer([&] {
    std::mt19937 random(1);
    for (uint64_t i = 0; i < kRecords; ++i) {
      const auto words = static_cast<uint32_t>(1 + random() % 40);
      std::byte* place = ring.writer.reserve(words * 8);
      for (uint32_t w = 0; w < words; ++w) {
        const uint64_t value = i * 1000 + w;
        std::memcpy(place + w * 8, &value, 8);
      }
      ring.writer.commit(1, words * 8);
    }
    ring.writer.close();
  });
  uint64_t next = 0;
  bool whole = true;
  for (;;) {
    const bool closed = ring.reader.closed();
    RecordView view;
    bool any = false;
    while (ring.reader.peek(view)) {
      any = true;
      for (std::size_t w = 0; w < view.payload_size / 8; ++w) {
        uint64_t value = 0;
        std::memcpy(&value, view.payload + w * 8, 8);
        whole = whole && value == next * 1000 + w;
      }
      ++next;
      ring.reader.step(view);
      if (next % 7 == 0) ring.reader.release();
    }
    ring.reader.release();
    if (!any && closed) break;
    if (!any) bell.wait(10'000'000, [&] { return ring.reader.empty() && !ring.reader.closed(); });
  }
  producer.join();
  CHECK(whole);
  CHECK(next == kRecords);
}

TEST_CASE("closing frees a producer that waits for space") {
  TestRing ring(1024);
  std::atomic<bool> gave_up{false};
  std::thread producer([&] {
    while (std::byte* place = ring.writer.reserve(200)) {
      std::memset(place, 0, 200);
      ring.writer.commit(1, 200);
    }
    gave_up.store(true);
  });
  while (ring.reader.figures().stalls == 0) std::this_thread::yield();
  ring.reader.close();
  producer.join();
  CHECK(gave_up.load());
}

TEST_CASE("memory full of random bytes is never followed") {
  std::mt19937_64 random(7);
  constexpr uint64_t kCapacity = 1024;
  for (int round = 0; round < 3000; ++round) {
    TestRing ring(kCapacity);
    for (int i = 0; i < 20; ++i) push(ring.writer, 1, std::vector<uint8_t>(static_cast<std::size_t>(i)));
    auto* bytes = static_cast<unsigned char*>(ring.memory.data());
    // A few wild stores, anywhere behind the constants at the front.
    for (auto n = random() % 8 + 1; n > 0; --n)
      bytes[kBlock + random() % (ring.memory.size() - kBlock)] = static_cast<unsigned char>(random());
    uint64_t seen = 0;
    ring.reader.consume(1000, [&](const RecordView& view) {
      const auto* data = static_cast<const std::byte*>(ring.memory.data()) + sizeof(RingControl);
      REQUIRE(view.payload >= data);
      REQUIRE(view.payload + view.payload_size <= data + kCapacity);
      ++seen;
    });
    REQUIRE(seen <= kCapacity / sizeof(RecordHeader));
  }
}

TEST_CASE("memory that no producer of ours wrote is found out, not followed") {
  TestRing ring(1024);
  REQUIRE(push(ring.writer, 1, {1, 2, 3}));
  auto* control = static_cast<RingControl*>(ring.memory.data());
  auto* header = reinterpret_cast<RecordHeader*>(static_cast<std::byte*>(ring.memory.data()) + sizeof(RingControl));
  RecordView view;
  Fault expected = Fault::header;
  SUBCASE("a length beyond what is there") {
    header->length = 4000;
  }
  SUBCASE("a length that is too short to be a record") {
    header->length = 3;
  }
  SUBCASE("a length that overflows") {
    header->length = 0xffffffff;
  }
  SUBCASE("padding that does not end at the end") {
    header->type = kPaddingType;
  }
  SUBCASE("a run of lost records that is no such thing") {
    header->type = kLostType;
  }
  SUBCASE("a tail further away than the ring is long") {
    control->tail.store(1 << 20);
    expected = Fault::tail;
  }
  SUBCASE("a tail behind the head") {
    control->tail.store(0 - uint64_t{8});
    expected = Fault::tail;
  }
  SUBCASE("a head that moved by itself") {
    ring.reader.consume(10, [](const RecordView&) {});  // before, or the next release would set it right
    control->head.store(64);
    expected = Fault::head;
  }
  SUBCASE("another capacity") {
    control->capacity = 1 << 30;
    expected = Fault::control;
  }
  SUBCASE("another policy") {
    control->on_full = 2;
    expected = Fault::control;
  }
  SUBCASE("zeros all over") {
    std::memset(ring.memory.data(), 0, ring.memory.size());
    expected = Fault::control;
  }
  // What is not believed anyway is looked at only now and then, at the latest when there is nothing more to read.
  if (expected == Fault::control) ring.reader.consume(10, [](const RecordView&) {});
  CHECK_FALSE(ring.reader.peek(view));
  CHECK(ring.reader.corrupt());
  CHECK(ring.reader.fault() == expected);
  CHECK_FALSE(ring.reader.peek(view));
  CHECK(ring.reader.consume(10, [](const RecordView&) {}) == 0);
  // Reported once, and its producer is turned away.
  CHECK(ring.reader.take_fault() == expected);
  CHECK(ring.reader.take_fault() == Fault::none);
  CHECK(ring.writer.closed());
}
