// The shipped rings under relacy: interleavings and stale reads of small scenarios are explored one by one, and each
// must end with all records in order, the figures' laws kept, nobody asleep for ever. Then the same with one order,
// fence or bit of the protocol weakened at a time: each must be caught, or the exploration proves nothing.
//
// Explored are all interleavings with at most a few forced switches (a bug needs few: Musuvathi and Qadeer, "Iterative
// context bounding", PLDI 2007), each with all stale values that its loads may see, and a fixed number of random ones.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/ringbuf/relacy_model.h"

using namespace sightline::ringbuf;
using namespace sightline::ringbuf::checked;

namespace {

/// A ring and what is common to the scenarios. Records hold their number.
template <class Model, uint64_t kCapacity>
struct Bench {
  using Ring = BasicRecordRing<Model, uint64_t>;
  using View = typename Ring::View;

  typename Ring::Control control;
  rl::var<uint64_t> data[kCapacity / 8];
  BasicDoorbell<Model> bell;
  Ring writer;
  Ring reader;
  uint64_t next = 0;  // the consumer's
  uint64_t lost = 0;

  void format(OnFull on_full, bool with_bell) {
    typename Ring::Options options{.on_full = on_full, .doorbell = with_bell ? &bell : nullptr, .wake_at = 1};
    Ring::init(control, kCapacity, options);
    writer = Ring::over(control, data, kCapacity, options);
    reader = Ring::over(control, data, kCapacity, options);
  }

  bool push(uint64_t number, uint32_t size = 8) {
    auto place = writer.reserve(size);
    if (place == nullptr) return false;
    Model::store_word(place, number);
    writer.commit(1, size);
    return true;
  }
  /// `gaps`: records may be missing without a word (evicted ones).
  std::size_t take(std::size_t max, bool gaps) {
    const std::size_t n = reader.consume(max, [&](const View& view) {
      if (view.is_lost_run()) {
        const LostRun run = view.lost_run();
        check(gaps ? run.first >= next : run.first == next);
        next = run.first + run.count;
        return;
      }
      const uint64_t number = Model::load_word(view.payload);
      check(gaps ? number >= next : number == next);
      next = number + 1;
    });
    check(!reader.corrupt());
    return n;
  }
  void check_laws(uint64_t attempts) {
    reader.release();
    const RingFigures figures = reader.figures();
    check(figures.attempts() == attempts);
    check(figures.in_flight() == 0);
    check(figures.high_water <= kCapacity);
  }
  static void check(bool condition) {
    RL_ASSERT_IMPL(condition, rl::test_result_user_assert_failed, "a check of the scenario", $);
  }
};

/// A ring that blocks, both sides asleep whenever they can be, then closed. Two records fit: the third waits.
template <class Model>
struct Blocking : rl::test_suite<Blocking<Model>, 2>, Bench<Model, 32> {
  static constexpr uint64_t kRecords = 3;
  void before() { this->format(OnFull::block, true); }
  void thread(unsigned index) {
    if (index == 0) {
      for (uint64_t i = 0; i < kRecords; ++i) this->check(this->push(i));
      this->writer.finish();
      return;
    }
    for (;;) {
      // Before the drain: what was committed before closing is seen by the drain that follows.
      const bool closed = this->reader.closed();
      if (this->take(2, false) != 0) continue;
      if (closed) break;
      this->bell.wait(0, [&] { return this->reader.empty() && !this->reader.closed(); });
    }
    this->check(this->next == kRecords);
  }
  void after() { this->check_laws(kRecords); }
};

/// The same without a bell: the consumer looks a few times, and only the producer sleeps, for space.
template <class Model>
struct WaitingForSpace : rl::test_suite<WaitingForSpace<Model>, 2>, Bench<Model, 32> {
  static constexpr uint64_t kRecords = 4;
  void before() { this->format(OnFull::block, false); }
  void thread(unsigned index) {
    if (index == 0) {
      for (uint64_t i = 0; i < kRecords; ++i) this->check(this->push(i));
      return;
    }
    while (this->next < kRecords)
      if (this->take(1, false) == 0) rl::yield(1, $);
  }
  void after() { this->check_laws(kRecords); }
};

/// The end, seen by a consumer that never sleeps: what was committed before closing must not be missed.
template <class Model>
struct Draining : rl::test_suite<Draining<Model>, 2>, Bench<Model, 64> {
  static constexpr uint64_t kRecords = 2;
  void before() { this->format(OnFull::block, false); }
  void thread(unsigned index) {
    if (index == 0) {
      for (uint64_t i = 0; i < kRecords; ++i) this->check(this->push(i));
      this->writer.finish();
      return;
    }
    for (;;) {
      const bool closed = this->reader.closed();
      if (this->take(2, false) != 0) continue;
      if (closed) break;
      rl::yield(1, $);
    }
    this->check(this->next == kRecords);
  }
  void after() { this->check_laws(kRecords); }
};

/// The consumer closes while the producer waits for space: it must come back.
template <class Model>
struct ClosingOnProducer : rl::test_suite<ClosingOnProducer<Model>, 2>, Bench<Model, 32> {
  void before() { this->format(OnFull::block, false); }
  void thread(unsigned index) {
    if (index == 1) return this->reader.close();
    for (uint64_t i = 0; i < 3; ++i) this->push(i);
  }
  void after() {
    while (this->take(5, true) != 0) {
    }
    this->check_laws(3);
  }
};

template <class Model, OnFull on_full, uint64_t kRecords, int kLooks, uint64_t kCapacity = 64, uint32_t kSize = 8>
struct Lossy : rl::test_suite<Lossy<Model, on_full, kRecords, kLooks, kCapacity, kSize>, 2>, Bench<Model, kCapacity> {
  static constexpr bool kGaps = on_full == OnFull::overwrite_oldest;
  void before() { this->format(on_full, false); }
  void thread(unsigned index) {
    if (index == 0) {
      for (uint64_t i = 0; i < kRecords; ++i) this->push(i, kSize);
      return;
    }
    for (int i = 0; i < kLooks; ++i) this->take(i % 2 == 0 ? 1 : 3, kGaps);
  }
  void after() {
    while (this->take(5, kGaps) != 0) {
    }
    this->check_laws(kRecords);
  }
};
template <class Model>
using Dropping = Lossy<Model, OnFull::drop_newest, 6, 2>;
template <class Model>
using Overwriting = Lossy<Model, OnFull::overwrite_oldest, 6, 2>;
template <class Model>
using OverwritingOften = Lossy<Model, OnFull::overwrite_oldest, 8, 3>;
/// Two records fill the ring, so that each eviction takes the head past tails that the consumer may still see.
template <class Model>
using OverwritingLarge = Lossy<Model, OnFull::overwrite_oldest, 7, 2, 128, 40>;

/// The typed ring is the same protocol with another unit; one slot, so that each push waits for a pop.
template <class Model>
struct OneSlot : rl::test_suite<OneSlot<Model>, 2> {
  using Ring = BasicSpscRing<uint64_t, Model, uint64_t>;
  typename Ring::Control control;
  rl::var<uint64_t> cell;
  Ring writer;
  Ring reader;
  void before() {
    typename Ring::Options options;
    Ring::init(control, 1, options);
    writer = Ring::over(control, &cell, 1, options);
    reader = writer;
  }
  void thread(unsigned index) {
    for (uint64_t i = 0; i < 3; ++i) {
      if (index == 0) {
        Bench<Model, 32>::check(writer.push(i));
        continue;
      }
      uint64_t value = 0;
      while (!reader.try_pop(value)) rl::yield(1, $);
      Bench<Model, 32>::check(value == i);
    }
  }
};

// What a change of one word in model.h or wakeup.h would make of it.
struct TailPublishedRelaxed : RelacyModel {
  static constexpr Order kPublishTail = rl::mo_relaxed;
};
struct TailReadRelaxed : RelacyModel {
  static constexpr Order kReadTail = rl::mo_relaxed;
};
struct HeadPublishedRelaxed : RelacyModel {
  static constexpr Order kPublishHead = rl::mo_relaxed;
};
struct HeadReadRelaxed : RelacyModel {
  static constexpr Order kReadHead = rl::mo_relaxed;
};
struct ClaimRelaxed : RelacyModel {
  static constexpr Order kClaim = rl::mo_relaxed;
};
struct EvictRelaxed : RelacyModel {
  static constexpr Order kEvict = rl::mo_relaxed;
};
struct EvictNotReleasing : RelacyModel {
  static constexpr Order kEvict = rl::mo_acquire;
};
struct NoBusyBit : RelacyModel {
  static constexpr unsigned kBusy = 0;
};
struct TailBeforeClaim : RelacyModel {
  static constexpr bool kTailAfterClaim = false;
};
struct CloseRelaxed : RelacyModel {
  static constexpr Order kClose = rl::mo_relaxed;
};
struct ClosedReadRelaxed : RelacyModel {
  static constexpr Order kReadClosed = rl::mo_relaxed;
};
struct NotCheckedAgain : RelacyModel {
  static constexpr bool kCheckAgain = false;
};
template <Fence removed>
struct Unfenced : RelacyModel {
  template <Fence where>
  static void fence() {
    if constexpr (where != removed) RelacyModel::fence<where>();
  }
};
using NoFenceAtSignaller = Unfenced<Fence::signaller>;
using NoFenceAtWaiter = Unfenced<Fence::waiter>;

struct Outcome {
  bool held = false;
  unsigned long iterations = 0;
  std::string what;
};

/// Keeps nothing: relacy replaces operator new while it runs, so a stream that allocates would mix two heaps.
class Silence : public std::streambuf {
  int overflow(int c) override { return c; }
};

/// Not by rl::simulate: that also builds the third scheduler, and runs a scenario that fails twice, to print its
/// history.
template <class Scenario, template <rl::thread_id_t> class Scheduler>
Outcome explore(unsigned long random_iterations, unsigned switches) {
  Silence silence;
  std::ostream ignored(&silence);
  rl::test_params params;
  params.output_stream = &ignored;
  params.progress_stream = &ignored;
  params.iteration_count = random_iterations;
  params.context_bound = switches;
  params.execution_depth_limit = 4000;
  const rl::test_result_e result =
      rl::run_test<Scenario, Scheduler<Scenario::params::thread_count>>(params, ignored, false);
  return {result == rl::test_result_success, static_cast<unsigned long>(params.stop_iteration),
          rl::test_result_str(result)};
}
/// All interleavings with at most `switches` switches away from a thread that could go on.
template <class Scenario>
Outcome explore_bounded(unsigned switches) {
  return explore<Scenario, rl::context_bound_scheduler>(0, switches);
}
template <class Scenario>
Outcome explore_at_random(unsigned long iterations) {
  return explore<Scenario, rl::random_scheduler>(iterations, 0);
}

/// How much is explored; ./dev prove ring asks for more.
unsigned long effort() {
  const char* asked = std::getenv("RING_EFFORT");
  return asked != nullptr ? std::strtoul(asked, nullptr, 10) : 1;
}

template <class Scenario>
void holds(const char* name, unsigned switches, unsigned long random) {
  if (effort() > 1) ++switches;
  const Outcome bounded = explore_bounded<Scenario>(switches);
  CHECK_MESSAGE(bounded.held, name, ", at most ", switches, " switches: ", bounded.what);
  const Outcome at_random = explore_at_random<Scenario>(random * effort());
  CHECK_MESSAGE(at_random.held, name, ", random: ", at_random.what);
  std::printf("%-28s %9lu with at most %u forced switches, %lu random\n", name, bounded.iterations, switches,
              at_random.iterations);
}

template <class Scenario>
void caught(const char* name) {
  const Outcome outcome = explore_at_random<Scenario>(500'000);
  CHECK_MESSAGE(!outcome.held, name, " was not noticed");
  std::printf("%-52s %s after %lu\n", name, outcome.what.c_str(), outcome.iterations);
}

}  // namespace

TEST_CASE("explored: the shipped protocol holds") {
  holds<Blocking<RelacyModel>>("block, sleep, wake, close", 2, 20'000);
  holds<WaitingForSpace<RelacyModel>>("block, space", 2, 20'000);
  holds<Draining<RelacyModel>>("close from the producer", 3, 20'000);
  holds<ClosingOnProducer<RelacyModel>>("close from the consumer", 3, 20'000);
  holds<Dropping<RelacyModel>>("drop", 2, 20'000);
  holds<Overwriting<RelacyModel>>("overwrite", 2, 20'000);
  holds<OverwritingOften<RelacyModel>>("overwrite, several laps", 1, 20'000);
  holds<OverwritingLarge<RelacyModel>>("overwrite, large records", 2, 20'000);
  holds<OneSlot<RelacyModel>>("typed, one slot", 2, 20'000);
}

TEST_CASE("explored: each weakening is caught") {
  caught<Draining<TailPublishedRelaxed>>("tail published relaxed");
  caught<Overwriting<TailPublishedRelaxed>>("tail published relaxed, overwrite");
  caught<Draining<TailReadRelaxed>>("tail read relaxed");
  caught<Dropping<TailReadRelaxed>>("tail read relaxed, drop");
  caught<WaitingForSpace<HeadPublishedRelaxed>>("head published relaxed");
  caught<OverwritingOften<HeadPublishedRelaxed>>("head published relaxed, overwrite");
  caught<WaitingForSpace<HeadReadRelaxed>>("head read relaxed");
  caught<OverwritingLarge<ClaimRelaxed>>("claim relaxed");
  caught<OverwritingLarge<EvictRelaxed>>("eviction relaxed");
  caught<OverwritingLarge<EvictNotReleasing>>("eviction without release");
  caught<Overwriting<NoBusyBit>>("no BUSY bit");
  caught<Overwriting<TailBeforeClaim>>("tail looked for before the claim");
  caught<Draining<CloseRelaxed>>("close relaxed");
  caught<Draining<ClosedReadRelaxed>>("closed read relaxed");
  caught<Blocking<NoFenceAtSignaller>>("no fence at the signaller");
  caught<Blocking<NoFenceAtWaiter>>("no fence at the waiter");
  caught<WaitingForSpace<NoFenceAtSignaller>>("no fence at who gives space back");
  caught<WaitingForSpace<NoFenceAtWaiter>>("no fence at who waits for space");
  caught<ClosingOnProducer<NoFenceAtSignaller>>("no fence at who closes");
  caught<Blocking<NotCheckedAgain>>("not checked again after registering");
}
