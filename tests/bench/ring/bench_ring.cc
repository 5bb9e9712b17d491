// What the rings cost, beside what one would take instead; table.py makes the tables of docs/ring.md of it.
//
// Names are read by table.py: WORKLOAD/SIZE/QUEUE. Times are per value. Where two threads work, one iteration hands
// kItems values over, and the clock stops when the consumer has read the last.
#include <benchmark/benchmark.h>
#include <sched.h>
#include <time.h>
#include <x86intrin.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>

#include "tests/bench/ring/queues.h"

namespace bench {
namespace {

constexpr uint64_t kItems = 1 << 15;

/// Waiting with the processor, then without: other programs run here too.
class Backoff {
 public:
  void wait() {
    if (++times_ % 256 == 0)
      sched_yield();
    else
      _mm_pause();
  }

 private:
  unsigned times_ = 0;
};

/// On lines of its own: what two threads share must not lie beside what one of them writes all the time.
template <class T>
struct alignas(128) Apart : T {
  using T::T;
};

void per_item(benchmark::State& state, uint64_t items) {
  state.counters["ns"] = benchmark::Counter(
      static_cast<double>(items) * 1e-9, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

// Queues are reached through a pointer, as they are between threads: on the stack of the function that uses them, some
// processors keep their indices in registers.
template <class Queue>
void same_thread_single(benchmark::State& state) {
  const auto owner = std::make_unique<Queue>();
  Queue& queue = *owner;
  uint64_t n = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < kBatch; ++i) {
      queue.push(n++);
      queue.pop(sum);
    }
  }
  benchmark::DoNotOptimize(sum);
  per_item(state, kBatch);
}

template <class Queue>
void same_thread_batch(benchmark::State& state) {
  const auto owner = std::make_unique<Queue>();
  Queue& queue = *owner;
  uint64_t n = 0;
  uint64_t sum = 0;
  for (auto _ : state) {
    n += queue.push_batch(n);
    for (std::size_t taken = 0; taken < kBatch;) taken += queue.pop_batch(sum);
  }
  benchmark::DoNotOptimize(sum);
  per_item(state, kBatch);
}

/// Runs `consume_all(stop)` on a thread of its own while the benchmark's thread produces.
template <class Queue, bool kBatches>
void two_threads(benchmark::State& state) {
  const auto owner = std::make_unique<Queue>();
  Queue& queue = *owner;
  Apart<std::atomic<bool>> stop{false};
  Apart<std::atomic<uint64_t>> taken{0};
  std::thread consumer([&] {
    uint64_t sum = 0;
    uint64_t count = 0;
    Backoff backoff;
    while (!stop.load(std::memory_order_relaxed)) {
      const std::size_t n = kBatches ? queue.pop_batch(sum) : queue.pop(sum);
      count += n;
      // Not after each: that would measure this counter.
      if (n == 0 || count % kItems == 0) {
        taken.store(count, std::memory_order_release);
        if (n == 0) backoff.wait();
      }
    }
    benchmark::DoNotOptimize(sum);
  });
  uint64_t pushed = 0;
  Backoff backoff;
  for (auto _ : state) {
    for (uint64_t done = 0; done < kItems;) {
      const std::size_t want = std::min<uint64_t>(kBatch, kItems - done);
      const std::size_t n = kBatches ? queue.push_batch(pushed + done, want) : queue.push(pushed + done);
      if (n == 0) backoff.wait();
      done += n;
    }
    pushed += kItems;
    while (taken.load(std::memory_order_acquire) != pushed) backoff.wait();
  }
  stop.store(true);
  consumer.join();
  per_item(state, kItems);
}

template <class V>
class SharedSlots {
 public:
  static constexpr const char* kName = "slots with states";
  explicit SharedSlots(std::size_t) : ring_(kCapacity) {}
  bool push(std::size_t, uint64_t n) {
    V value;
    value.fill(n);
    return ring_.try_push(value);
  }
  std::size_t pop_round(uint64_t& sum) {
    std::size_t n = 0;
    for (V value; n < kBatch && ring_.try_pop(value); ++n) sum += value.sum();
    return n;
  }

 private:
  compare::SlotRing<V> ring_;
};

template <class V>
class SharedMutex {
 public:
  static constexpr const char* kName = "std::mutex + std::deque";
  explicit SharedMutex(std::size_t) {}
  bool push(std::size_t, uint64_t n) {
    V value;
    value.fill(n);
    return queue_.try_push(value);
  }
  std::size_t pop_round(uint64_t& sum) {
    const auto all = queue_.take_all();
    for (const V& value : all) sum += value.sum();
    return all.size();
  }

 private:
  compare::MutexQueue<V> queue_{kCapacity};
};

template <class V>
class SharedConcurrent {
 public:
  static constexpr const char* kName = "moodycamel::ConcurrentQueue";
  explicit SharedConcurrent(std::size_t producers)
      : queue_(kCapacity * producers, producers, 0), consumer_(queue_), out_(kBatch) {
    for (std::size_t i = 0; i < producers; ++i) tokens_.push_back(std::make_unique<moodycamel::ProducerToken>(queue_));
  }
  bool push(std::size_t producer, uint64_t n) {
    V value;
    value.fill(n);
    // Not try_enqueue: with several producers it can fail for ever, though the queue has become empty.
    return queue_.enqueue(*tokens_[producer], value);
  }
  std::size_t pop_round(uint64_t& sum) {
    const std::size_t n = queue_.try_dequeue_bulk(consumer_, out_.data(), kBatch);
    for (std::size_t i = 0; i < n; ++i) sum += out_[i].sum();
    return n;
  }

 private:
  moodycamel::ConcurrentQueue<V> queue_;
  moodycamel::ConsumerToken consumer_;
  std::vector<V> out_;
  std::vector<std::unique_ptr<moodycamel::ProducerToken>> tokens_;
};

template <class V>
class OurSet {
 public:
  static constexpr const char* kName = "ring_set";
  explicit OurSet(std::size_t producers)
      : set_({.capacity = kCapacity * std::bit_ceil(sizeof(V) + 8), .memory = {.prefault = true}}) {
    for (std::size_t i = 0; i < producers; ++i) producers_.push_back(set_.acquire());
  }
  bool push(std::size_t producer, uint64_t n) {
    RecordRing& ring = *producers_[producer].ring;
    std::byte* place = ring.try_reserve(sizeof(V));
    if (place == nullptr) return false;
    reinterpret_cast<V*>(place)->fill(n);
    ring.commit(1, sizeof(V));
    return true;
  }
  std::size_t pop_round(uint64_t& sum) {
    return set_.poll(
        kBatch, [&](std::size_t, const RecordView& view) { sum += reinterpret_cast<const V*>(view.payload)->sum(); });
  }

 private:
  RingSet set_;
  std::vector<RingSet::Producer> producers_;
};

/// Many threads into the benchmark's own, which consumes. All values of an iteration are handed out before it starts.
template <template <class> class Shared, class V>
void many_producers(benchmark::State& state, std::size_t count) {
  const auto owner = std::make_unique<Shared<V>>(count);
  Shared<V>& shared = *owner;
  Apart<std::atomic<uint64_t>> round{0};
  Apart<std::atomic<bool>> stop{false};
  const uint64_t each = kItems / count;
  std::vector<std::thread> producers;
  for (std::size_t p = 0; p < count; ++p)
    producers.emplace_back([&, p] {
      Backoff backoff;
      for (uint64_t seen = 0;;) {
        while (round.load(std::memory_order_acquire) == seen) {
          if (stop.load(std::memory_order_relaxed)) return;
          sched_yield();
        }
        ++seen;
        for (uint64_t i = 0; i < each;) {
          if (shared.push(p, i))
            ++i;
          else
            sched_yield();
        }
      }
    });
  uint64_t sum = 0;
  for (auto _ : state) {
    round.fetch_add(1, std::memory_order_release);
    for (uint64_t taken = 0; taken < each * count;) {
      const std::size_t n = shared.pop_round(sum);
      if (n == 0) sched_yield();
      taken += n;
    }
  }
  stop.store(true);
  for (std::thread& producer : producers) producer.join();
  benchmark::DoNotOptimize(sum);
  per_item(state, each * count);
}

// Commit of one record, as the producer sees it: bursts are timed, and between bursts the ring gets time to drain, so
// that what is measured is the write and not the wait for the consumer.
enum class Drainer {
  sleeping,  // takes all there is, then sleeps on the doorbell: as the tracer's consumer does
  polling,   // looks for more all the time, and takes the producer's lines with each look
  none,
};

template <class Model = StandardModel>
void commits(benchmark::State& state, OnFull on_full, Drainer drainer, bool huge_pages = false,
             uint64_t capacity = 1 << 20) {
  using V = Value<128>;
  constexpr std::size_t kBurst = 256;
  constexpr uint64_t kNap = 1'000'000;
  const auto owner = std::make_unique<OurRecords<V, Model>>(capacity, on_full, huge_pages);
  OurRecords<V, Model>& ring = *owner;
  auto& writer = ring.writer();
  Apart<std::atomic<bool>> stop{false};
  std::thread consumer([&] {
    uint64_t sum = 0;
    Backoff backoff;
    while (drainer != Drainer::none && !stop.load(std::memory_order_relaxed)) {
      if (ring.pop_batch(sum) != 0) continue;
      if (drainer == Drainer::sleeping)
        ring.sleep(kNap);
      else
        backoff.wait();
    }
    benchmark::DoNotOptimize(sum);
  });
  const auto write = [&](uint64_t n) {
    std::byte* place = writer.reserve(sizeof(V));
    if (place == nullptr) return;
    reinterpret_cast<V*>(place)->fill(n);
    writer.commit(1, sizeof(V));
  };
  const double ns_per_tick = [] {
    timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    const uint64_t from = __rdtsc();
    do clock_gettime(CLOCK_MONOTONIC, &b);
    while ((b.tv_sec - a.tv_sec) * 1'000'000'000 + (b.tv_nsec - a.tv_nsec) < 2'000'000);
    return static_cast<double>((b.tv_sec - a.tv_sec) * 1'000'000'000 + (b.tv_nsec - a.tv_nsec)) /
           static_cast<double>(__rdtsc() - from);
  }();
  // First laps: pages and caches.
  if (drainer == Drainer::none)
    for (uint64_t n = 0; n < 4 * capacity / sizeof(V); ++n) write(n);
  std::vector<double> bursts;
  std::vector<double> singles;
  uint64_t n = 0;
  Backoff backoff;
  const auto settle = [&] {
    while (drainer != Drainer::none && writer.figures().in_flight() > capacity / sizeof(V) / 4) backoff.wait();
  };
  for (auto _ : state) {
    settle();
    const uint64_t from = __rdtsc();
    for (std::size_t i = 0; i < kBurst; ++i) write(n++);
    const uint64_t to = __rdtsc();
    const double ns = static_cast<double>(to - from) * ns_per_tick;
    bursts.push_back(ns / kBurst);
    state.SetIterationTime(ns * 1e-9);
    settle();
    // One by one, each between two readings of the clock, which cost more than the write.
    for (std::size_t i = 0; i < 16; ++i) {
      const uint64_t start = __rdtsc();
      write(n++);
      singles.push_back(static_cast<double>(__rdtsc() - start) * ns_per_tick);
    }
  }
  stop.store(true);
  consumer.join();
  const auto at = [](std::vector<double>& values, double part) {
    const auto nth = values.begin() + static_cast<std::ptrdiff_t>(static_cast<double>(values.size() - 1) * part);
    std::nth_element(values.begin(), nth, values.end());
    return *nth;
  };
  state.counters["ns"] = at(bursts, 0.5);
  state.counters["burst_p99"] = at(bursts, 0.99);
  state.counters["single_p50"] = at(singles, 0.5);
  state.counters["single_p99"] = at(singles, 0.99);
  state.counters["single_p999"] = at(singles, 0.999);
}

// Ablations: the same code with one choice undone.
struct NoCachedIndices : StandardModel {
  static constexpr bool kCacheIndices = false;
};
struct Blocks64 : StandardModel {
  static constexpr std::size_t kBlock = 64;
};
struct FenceEachCommit : StandardModel {
  static constexpr bool kFenceEachCommit = true;
};

std::string name(const char* workload, std::size_t size, const char* queue) {
  return std::string(workload) + "/" + std::to_string(size) + "/" + queue;
}

template <class Queue>
void add(std::size_t size) {
  benchmark::RegisterBenchmark(name("same thread, one by one", size, Queue::kName).c_str(), same_thread_single<Queue>);
  benchmark::RegisterBenchmark(name("same thread, batches of 256", size, Queue::kName).c_str(),
                               same_thread_batch<Queue>);
  benchmark::RegisterBenchmark(name("two threads, one by one", size, Queue::kName).c_str(), two_threads<Queue, false>)
      ->UseRealTime();
  benchmark::RegisterBenchmark(name("two threads, batches of 256", size, Queue::kName).c_str(),
                               two_threads<Queue, true>)
      ->UseRealTime();
}

template <std::size_t kBytes>
void add_size() {
  using V = Value<kBytes>;
  add<OurTyped<V, LeanModel>>(kBytes);
  add<OurTyped<V>>(kBytes);
  add<OurRecords<V>>(kBytes);
  add<Boost<V>>(kBytes);
  add<ReaderWriter<V>>(kBytes);
  add<Concurrent<V>>(kBytes);
  add<Mutex<V>>(kBytes);
}

template <template <class> class Shared>
void add_many() {
  using V = Value<64>;
  for (const std::size_t count : {1, 2, 4, 8})
    benchmark::RegisterBenchmark(name("many producers", count, Shared<V>::kName).c_str(), [count](
                                                                                              benchmark::State& state) {
      many_producers<Shared, V>(state, count);
    })->UseRealTime();
}

template <class Model>
void add_ablation(const char* what) {
  using V = Value<64>;
  benchmark::RegisterBenchmark(name("ablation, two threads, one by one", 64, what).c_str(),
                               two_threads<OurTyped<V, Model>, false>)
      ->UseRealTime();
  benchmark::RegisterBenchmark(name("ablation, commit", 128, what).c_str(), [](benchmark::State& state) {
    commits<Model>(state, OnFull::block, Drainer::polling);
  })->UseManualTime();
}

void add_all() {
  add_size<8>();
  add_size<64>();
  add_size<128>();
  add_size<256>();
  const auto commit = [](const char* what, OnFull on_full, Drainer drainer) {
    benchmark::RegisterBenchmark(name("commit", 128, what).c_str(), [=](benchmark::State& state) {
      commits(state, on_full, drainer);
    })->UseManualTime();
  };
  commit("block, draining", OnFull::block, Drainer::sleeping);
  commit("drop, draining", OnFull::drop_newest, Drainer::sleeping);
  commit("overwrite, draining", OnFull::overwrite_oldest, Drainer::sleeping);
  commit("block, polled without rest", OnFull::block, Drainer::polling);
  commit("drop, full", OnFull::drop_newest, Drainer::none);
  commit("overwrite, full", OnFull::overwrite_oldest, Drainer::none);
  add_many<OurSet>();
  add_many<SharedConcurrent>();
  add_many<SharedSlots>();
  add_many<SharedMutex>();
  add_ablation<StandardModel>("as shipped");
  add_ablation<NoCachedIndices>("no cached indices");
  add_ablation<Blocks64>("blocks of 64 bytes");
  add_ablation<FenceEachCommit>("a fence each commit");
  for (const bool huge : {false, true})
    benchmark::RegisterBenchmark(
        name("ablation, commit into 8 MiB", 128, huge ? "huge pages" : "as shipped").c_str(),
        [=](benchmark::State& state) { commits(state, OnFull::overwrite_oldest, Drainer::none, huge, 8 << 20); })
        ->UseManualTime();
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  bench::add_all();
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
