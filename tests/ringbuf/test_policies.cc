#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "ringbuf/presets.h"
#include "ringbuf/static_ring.h"
#include "tests/ringbuf/compare/adapters.h"

using namespace sightline::ringbuf;
using Records = compare::Owned<RecordRing>;

namespace {

bool push(RecordRing& ring, uint64_t value, uint32_t size = 24) {
  std::byte* place = ring.reserve(size);
  if (place == nullptr) return false;
  std::memset(place, static_cast<int>(value), size);
  std::memcpy(place, &value, sizeof value);
  ring.commit(1, size);
  return true;
}

uint64_t value_of(const RecordView& view) {
  uint64_t value = 0;
  std::memcpy(&value, view.payload, sizeof value);
  return value;
}

/// What a consumer sees: values, and runs of lost ones as "-count@first".
std::vector<std::string> take(RecordRing& ring, std::size_t max = 1000) {
  std::vector<std::string> seen;
  ring.consume(max, [&](const RecordView& view) {
    if (view.is_lost_run())
      seen.push_back(std::string("-").append(std::to_string(view.lost_run().count)) + "@" +
                     std::to_string(view.lost_run().first));
    else
      seen.push_back(std::to_string(value_of(view)));
  });
  return seen;
}

void check_laws(const RecordRing& ring, uint64_t attempts, uint64_t left = 0) {
  const RingFigures figures = ring.figures();
  CHECK(figures.attempts() == attempts);
  CHECK(figures.in_flight() == left);
  CHECK(figures.high_water <= ring.capacity());
}

}  // namespace

TEST_CASE("drop: the newest are given up, and the run stands where they are missing") {
  Records ring(256, {.on_full = OnFull::drop_newest});
  for (uint64_t i = 0; i < 12; ++i) push(ring.writer, i);  // 32 bytes each: eight fit
  check_laws(ring.writer, 12, 8);
  CHECK(take(ring.reader) == std::vector<std::string>{"0", "1", "2", "3", "4", "5", "6", "7"});
  push(ring.writer, 12);
  push(ring.writer, 13);
  CHECK(take(ring.reader) == std::vector<std::string>{"-4@8", "12", "13"});
  check_laws(ring.writer, 14);
  CHECK(ring.writer.figures().dropped == 4);
}

TEST_CASE("drop: a last run is told of when the producer finishes") {
  Records ring(256, {.on_full = OnFull::drop_newest});
  for (uint64_t i = 0; i < 9; ++i) push(ring.writer, i);
  CHECK(take(ring.reader, 3) == std::vector<std::string>{"0", "1", "2"});
  ring.writer.finish();
  CHECK(ring.reader.closed());
  CHECK(take(ring.reader) == std::vector<std::string>{"3", "4", "5", "6", "7", "-1@8"});
  check_laws(ring.writer, 9);
}

TEST_CASE("drop: a producer of largest records is never locked out, wherever the tail stands") {
  for (uint64_t offset = 0; offset < 256; offset += 8) {
    Records ring(256, {.on_full = OnFull::drop_newest, .start = offset});
    const uint32_t largest = ring.writer.largest_payload();
    while (push(ring.writer, 1, largest)) {
    }
    take(ring.reader);
    CHECK(push(ring.writer, 2, largest));
    const auto seen = take(ring.reader);
    REQUIRE(seen.size() == 2);
    CHECK(seen[0].substr(0, 2) == "-1");
    CHECK(seen[1] == "2");
  }
}

TEST_CASE("overwrite: the oldest go, the newest stay") {
  Records ring(1024, {.on_full = OnFull::overwrite_oldest});
  for (uint64_t i = 0; i < 1000; ++i) REQUIRE(push(ring.writer, i));
  const RingFigures figures = ring.writer.figures();
  CHECK(figures.dropped == 0);
  CHECK(figures.overwritten > 0);
  const auto seen = take(ring.reader);
  // 32 records of 32 bytes fit; at most a sixteenth more than needed is evicted.
  CHECK(seen.size() >= 29);
  CHECK(seen.size() == 1000 - figures.overwritten);
  for (std::size_t i = 0; i < seen.size(); ++i) CHECK(seen[i] == std::to_string(1000 - seen.size() + i));
  check_laws(ring.writer, 1000);
}

TEST_CASE("overwrite: what the consumer holds is not touched; the newest is given up and counted apart") {
  Records ring(256, {.on_full = OnFull::overwrite_oldest});
  for (uint64_t i = 0; i < 8; ++i) push(ring.writer, i);
  RecordView view;
  REQUIRE(ring.reader.peek(view));
  CHECK_FALSE(push(ring.writer, 8));
  CHECK(value_of(view) == 0);
  ring.reader.step(view);
  ring.reader.release();
  CHECK(push(ring.writer, 9));
  CHECK(ring.writer.figures().dropped == 1);
  CHECK(ring.writer.figures().dropped_busy == 1);
  const auto seen = take(ring.reader);
  CHECK(seen[seen.size() - 2] == "-1@8");
  CHECK(seen.back() == "9");
  check_laws(ring.writer, 10);
}

TEST_CASE("overwrite: looking and letting go changes nothing") {
  Records ring(256, {.on_full = OnFull::overwrite_oldest});
  for (uint64_t i = 0; i < 5; ++i) push(ring.writer, i);
  RecordView view;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(ring.reader.peek(view));
    CHECK(value_of(view) == 0);
    ring.reader.release();
  }
  CHECK(take(ring.reader, 2) == std::vector<std::string>{"0", "1"});
  for (uint64_t i = 5; i < 50; ++i) push(ring.writer, i);
  CHECK(take(ring.reader).back() == "49");
  check_laws(ring.writer, 50);
}

TEST_CASE("a typed ring has the same policies") {
  compare::Owned<SpscRing<uint64_t>> drop(4, {.on_full = OnFull::drop_newest});
  for (uint64_t i = 0; i < 6; ++i) CHECK(drop.writer.push(i) == (i < 4));
  CHECK(drop.writer.figures().dropped == 2);
  compare::Owned<SpscRing<uint64_t>> over(4, {.on_full = OnFull::overwrite_oldest});
  for (uint64_t i = 0; i < 6; ++i) CHECK(over.writer.push(i));
  std::vector<uint64_t> seen;
  over.reader.consume(100, [&](uint64_t value) { seen.push_back(value); });
  CHECK(seen == std::vector<uint64_t>{2, 3, 4, 5});
  CHECK(over.writer.figures().overwritten == 2);
  CHECK(over.writer.figures().in_flight() == 0);
}

TEST_CASE("a handler that throws loses nothing and repeats nothing") {
  for (const OnFull on_full : {OnFull::block, OnFull::overwrite_oldest}) {
    Records ring(1024, {.on_full = on_full});
    std::vector<uint64_t> seen;
    uint64_t pushed = 0;
    for (int round = 0; round < 200; ++round) {
      for (int i = 0; i < 5; ++i) push(ring.writer, pushed++);
      try {
        ring.reader.consume(4, [&](const RecordView& view) {
          seen.push_back(value_of(view));
          if (seen.size() % 3 == 0) throw std::runtime_error("no");
        });
      } catch (const std::runtime_error&) {
      }
      while (pushed - seen.size() > 16)
        ring.reader.consume(1, [&](const RecordView& v) { seen.push_back(value_of(v)); });
    }
    ring.reader.consume(100, [&](const RecordView& view) { seen.push_back(value_of(view)); });
    REQUIRE(seen.size() == pushed);
    for (uint64_t i = 0; i < pushed; ++i) REQUIRE(seen[i] == i);
    check_laws(ring.writer, pushed);
  }
}

TEST_CASE("a batch gives its space back with one store, and when all that was known of is taken") {
  Records ring(1024);
  for (uint64_t i = 0; i < 8; ++i) push(ring.writer, i);
  const auto* control = static_cast<const RingControl*>(ring.memory.data());
  std::vector<uint64_t> heads;
  ring.reader.consume(10, [&](const RecordView& view) {
    heads.push_back(control->head.load());
    if (value_of(view) == 7) push(ring.writer, 8);
  });
  // Eight at the old head; the ninth came later, and by then the first eight were given back.
  CHECK(heads == std::vector<uint64_t>{0, 0, 0, 0, 0, 0, 0, 0, 256});
  CHECK(control->head.load() == 288);
}

TEST_CASE("a record over half the capacity is cut and marked") {
  Records ring(1024);
  const std::vector<std::byte> large(5000, std::byte{7});
  CHECK(ring.writer.largest_payload() == 504);
  CHECK(ring.writer.try_reserve(505) == nullptr);
  CHECK(ring.writer.try_reserve(0xffffffff) == nullptr);
  REQUIRE(ring.writer.push(3, large));
  REQUIRE(ring.writer.push(3, std::span(large).first(504)));
  std::vector<bool> cut;
  ring.reader.consume(10, [&](const RecordView& view) {
    CHECK(view.payload_size == 504);
    CHECK(view.payload[503] == std::byte{7});
    cut.push_back(view.cut());
  });
  CHECK(cut == std::vector<bool>{true, false});
  // The raw way can't cut: the caller would write past the end. It counts as dropped.
  CHECK(ring.writer.reserve(505) == nullptr);
  CHECK(ring.writer.figures().dropped == 1);
}

TEST_CASE("a writer that goes away without commit leaves no trace") {
  Records ring(1024);
  {
    auto writer = ring.writer.begin(100);
    REQUIRE(writer);
    std::memset(writer.bytes().data(), 0xff, 100);
  }
  CHECK(ring.reader.empty());
  CHECK(ring.writer.figures().attempts() == 0);
}

TEST_CASE("capacities that can't be are refused") {
  alignas(kBlock) static std::byte memory[4096];
  for (const uint64_t capacity : {uint64_t{0}, uint64_t{1}, uint64_t{32}, uint64_t{100}, uint64_t{1000}, ~uint64_t{0},
                                  uint64_t{1} << 33, (uint64_t{1} << 20) + 1})
    CHECK_FALSE(RecordRing::format(memory, capacity).valid());
  CHECK(RecordRing::format(memory, 64).valid());
  CHECK_FALSE(RecordRing::format(nullptr, 1024).valid());
  CHECK_FALSE(SpscRing<int>::format(memory, 3).valid());
  CHECK_FALSE(SpscRing<int>::format(memory, 0).valid());
  // More than there is memory for.
  errno = 0;
  CHECK(RingMemory::create(std::size_t{1} << 62).data() == nullptr);
  CHECK(errno == ENOMEM);
  CHECK(RingMemory::create(0).data() == nullptr);
  CHECK(errno == EINVAL);
}

TEST_CASE("a second view takes over where the first stopped") {
  Records ring(1024);
  for (uint64_t i = 0; i < 5; ++i) push(ring.writer, i);
  take(ring.reader, 2);
  RingMemory other = RingMemory::map(ring.memory.fd());
  REQUIRE(other.data() != nullptr);
  RecordRing view = RecordRing::attach(other.data(), other.size());
  REQUIRE(view.valid());
  push(view, 5);
  CHECK(take(view) == std::vector<std::string>{"2", "3", "4", "5"});
  check_laws(ring.writer, 6);
  // Not a ring, or not all of one.
  CHECK_FALSE(RecordRing::attach(other.data(), 1024).valid());
  static_cast<RingControl*>(other.data())->capacity = 1 << 20;
  CHECK_FALSE(RecordRing::attach(other.data(), other.size()).valid());
  CHECK_FALSE(SpscRing<int>::attach(other.data(), other.size()).valid());
}

TEST_CASE("static storage") {
  static StaticRing<RecordRing, 1024> records;
  push(records.writer, 4);
  CHECK(take(records.reader) == std::vector<std::string>{"4"});
  static StaticRing<SpscRing<int>, 8> numbers({.on_full = OnFull::overwrite_oldest});
  for (int i = 0; i < 9; ++i) numbers.writer.push(i);
  int value = 0;
  REQUIRE(numbers.reader.try_pop(value));
  CHECK(value == 1);
}

TEST_CASE("huge pages and prefault are asked for, not required") {
  for (const auto kind : {RingMemory::Kind::shared, RingMemory::Kind::private_}) {
    const RingMemory memory = RingMemory::create(4 << 20, {.kind = kind, .prefault = true, .huge_pages = true});
    REQUIRE(memory.data() != nullptr);
    RecordRing ring = RecordRing::format(memory.data(), 2 << 20);
    push(ring, 1);
    CHECK(take(ring).size() == 1);
  }
}

TEST_CASE("presets are capacities that can be") {
  for (const Preset& preset : kPresets) {
    CHECK(RecordRing::good_capacity(preset.capacity));
    CHECK(find_preset(preset.name)->capacity == preset.capacity);
  }
  CHECK_FALSE(find_preset("enormous").has_value());
}

TEST_CASE("live mode wakes at each commit, and only a sleeper costs a system call") {
  Doorbell bell;
  Records ring(1024, {.doorbell = &bell, .wake_at = 1});
  push(ring.writer, 1);
  CHECK(ring.writer.figures().wakeups == 0);
  constexpr uint64_t kRounds = 200;
  std::atomic<uint64_t> seen{0};
  std::thread consumer([&] {
    while (seen.load() < kRounds) {
      const std::size_t n = take(ring.reader).size();
      seen.fetch_add(n);
      // No timeout to speak of: a wakeup that is lost hangs the test.
      if (n == 0) bell.wait(~uint64_t{0} >> 2, [&] { return ring.reader.empty(); });
    }
  });
  for (uint64_t i = 1; i < kRounds; ++i) {
    push(ring.writer, i);
    while (seen.load() != i + 1) std::this_thread::yield();
  }
  consumer.join();
  CHECK(ring.writer.figures().wakeups <= kRounds);
}
