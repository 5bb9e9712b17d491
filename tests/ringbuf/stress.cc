// Threads that come and go, rings of the smallest sizes, handlers that throw, random batches: every record arrives
// once, in its producer's order, whole, or is counted as lost. For the sanitizers above all: ./dev prove ring builds
// this with both compilers, with and without optimization, under each of them.
//
//   ring-stress ROUNDS [SEED]      exits with 1 and a sentence if something is wrong
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "ringbuf/ring_set.h"
#include "ringbuf/spsc_ring.h"

using namespace sightline::ringbuf;

namespace {

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "ring-stress: %s\n", what.c_str());
  std::exit(1);
}

void expect(bool condition, const char* what) {
  if (!condition) fail(what);
}

/// What a record holds: who wrote it, its number, and bytes that follow from both.
struct Head {
  uint32_t producer = 0;
  uint32_t number = 0;
};

std::byte filling(const Head& head, std::size_t i) {
  return static_cast<std::byte>(head.producer * 7 + head.number * 13 + i);
}

void write(RecordRing& ring, Head head, uint32_t size) {
  std::byte* place = ring.reserve(size);
  if (place == nullptr) return;
  std::memcpy(place, &head, sizeof head);
  for (std::size_t i = sizeof head; i < size; ++i) place[i] = filling(head, i);
  ring.commit(1, size);
}

class Reader {
 public:
  explicit Reader(OnFull on_full) : on_full_(on_full) {}

  void read(const RecordView& view) {
    if (view.is_lost_run()) {
      expect(on_full_ != OnFull::block, "a ring that blocks has lost something");
      expect(view.lost_run().count > 0, "an empty run of lost records");
      return;
    }
    Head head;
    std::memcpy(&head, view.payload, sizeof head);
    for (std::size_t i = sizeof head; i < view.payload_size; ++i)
      expect(view.payload[i] == filling(head, i), "a record was torn");
    uint32_t& next = next_[head.producer];
    expect(on_full_ == OnFull::block ? head.number == next : head.number >= next, "a record out of order, or twice");
    next = head.number + 1;
    ++seen_;
  }
  uint64_t seen() const { return seen_; }

 private:
  OnFull on_full_;
  std::map<uint32_t, uint32_t> next_;
  uint64_t seen_ = 0;
};

/// A storm of short-lived producers into one consumer, which sleeps when it has nothing to do.
void churn(OnFull on_full, uint64_t capacity, uint32_t seed) {
  constexpr uint32_t kProducers = 24;
  constexpr uint32_t kAtOnce = 3;
  RingSet set({.capacity = capacity, .on_full = on_full, .max_rings = 8});
  std::atomic<uint64_t> attempts{0};
  std::atomic<bool> done{false};
  std::thread manager([&] {
    std::mt19937 random(seed);
    struct Alive {
      RingSet::Producer ring;
      std::thread thread;
    };
    std::vector<Alive> alive;
    const auto bury = [&] {
      alive.front().thread.join();
      set.retire(alive.front().ring);
      alive.erase(alive.begin());
    };
    for (uint32_t p = 0; p < kProducers; ++p) {
      RingSet::Producer ring = set.acquire();
      for (; ring.ring == nullptr; ring = set.acquire()) {
        if (!alive.empty()) bury();
        std::this_thread::yield();
      }
      const auto records = static_cast<uint32_t>(random() % 400);
      attempts.fetch_add(records);
      alive.push_back({ring, std::thread([ring = ring.ring, p, records, mine = random()] {
                         std::mt19937 sizes(static_cast<uint32_t>(mine));
                         for (uint32_t n = 0; n < records; ++n) {
                           const auto most = ring->largest_payload() - uint32_t{8};
                           write(*ring, {p, n}, 8 + static_cast<uint32_t>(sizes()) % (most < 120 ? most + 1 : 120));
                           if (sizes() % 64 == 0) std::this_thread::yield();
                         }
                       })});
      if (alive.size() == kAtOnce) bury();
    }
    while (!alive.empty()) bury();
    done.store(true);
    set.doorbell().ring();
  });

  std::mt19937 random(seed + 1);
  Reader reader(on_full);
  for (;;) {
    const bool last = done.load();
    std::size_t taken = 0;
    try {
      taken = set.poll(1 + random() % 20, [&](std::size_t, const RecordView& view) {
        reader.read(view);
        if (random() % 50 == 0) throw 1;
      });
    } catch (int) {
      taken = 1;
    }
    if (taken != 0) continue;
    if (last) break;
    set.doorbell().wait(1'000'000, [&] { return !done.load() && !set.any_pending(); });
  }
  manager.join();
  set.report_faults([](std::size_t, Fault fault) { fail(describe(fault)); });
  const RingFigures figures = set.totals();
  expect(figures.attempts() == attempts.load(), "attempts = committed + dropped");
  expect(figures.in_flight() == 0, "committed = consumed + overwritten, after the drain");
  expect(figures.consumed == reader.seen(), "consumed is what the handler has seen");
  expect(on_full != OnFull::block || figures.dropped == 0, "a ring that blocks drops nothing");
}

/// One ring, both sides asleep whenever they can be: a wakeup that gets lost hangs.
void ping(uint64_t capacity, uint64_t wake_at, uint32_t seed) {
  constexpr uint32_t kRecords = 5000;
  Doorbell bell;
  const RingMemory memory = RingMemory::create(RecordRing::bytes_for(capacity));
  RecordRing writer = RecordRing::format(memory.data(), capacity, {.doorbell = &bell, .wake_at = wake_at});
  RecordRing reader = writer;
  std::thread producer([&] {
    std::mt19937 sizes(seed);
    for (uint32_t n = 0; n < kRecords; ++n)
      write(writer, {0, n}, 8 + static_cast<uint32_t>(sizes()) % (writer.largest_payload() - 7));
    writer.finish();
  });
  Reader check(OnFull::block);
  std::mt19937 random(seed + 1);
  for (;;) {
    const bool closed = reader.closed();
    if (reader.consume(1 + random() % 9, [&](const RecordView& view) { check.read(view); }) != 0) continue;
    if (closed) break;
    // Above the watermark, a wakeup comes; below it, only the end of the nap does.
    bell.wait(wake_at == 1 ? uint64_t{1} << 40 : 100'000, [&] { return reader.empty() && !reader.closed(); });
  }
  producer.join();
  expect(check.seen() == kRecords, "records are missing");
  expect(reader.figures().in_flight() == 0, "something is left");
}

/// The typed ring, one slot and many, one by one and in batches.
template <class Ring>
void typed(uint64_t capacity, uint32_t seed) {
  constexpr uint64_t kValues = 20'000;
  const RingMemory memory = RingMemory::create(Ring::bytes_for(capacity));
  Ring writer = Ring::format(memory.data(), capacity);
  Ring reader = writer;
  std::thread producer([&] {
    std::mt19937 random(seed);
    for (uint64_t next = 0; next < kValues;) {
      const std::size_t want = std::min<uint64_t>(1 + random() % 40, kValues - next);
      const std::size_t n = writer.produce(want, [&](std::span<uint64_t> slots, std::size_t done) {
        for (std::size_t i = 0; i < slots.size(); ++i) slots[i] = next + done + i;
      });
      if (n == 0) std::this_thread::yield();
      next += n;
    }
  });
  std::mt19937 random(seed + 1);
  uint64_t next = 0;
  while (next < kValues) {
    const uint64_t before = next;
    if (random() % 2 == 0)
      reader.consume_one([&](uint64_t value) noexcept { expect(value == next++, "a value out of order"); });
    else
      reader.consume(1 + random() % 40, [&](uint64_t value) { expect(value == next++, "a value out of order"); });
    if (next == before) std::this_thread::yield();
  }
  producer.join();
  expect(reader.figures().in_flight() == 0, "something is left");
}

}  // namespace

int main(int argc, char** argv) {
  const long rounds = argc > 1 ? std::atol(argv[1]) : 1;
  auto seed = static_cast<uint32_t>(argc > 2 ? std::atol(argv[2]) : 1);
  for (long round = 0; round < rounds; ++round, seed += 100) {
    for (const OnFull on_full : {OnFull::block, OnFull::drop_newest, OnFull::overwrite_oldest})
      for (const uint64_t capacity : {64, 256, 4096}) churn(on_full, capacity, seed++);
    for (const uint64_t capacity : {64, 1024})
      for (const uint64_t wake_at : {1, 0}) ping(capacity, wake_at, seed++);
    for (const uint64_t capacity : {1, 2, 64}) {
      typed<SpscRing<uint64_t>>(capacity, seed++);
      typed<LeanRing<uint64_t>>(capacity, seed++);
    }
  }
}
