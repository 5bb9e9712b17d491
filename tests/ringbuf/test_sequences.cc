// Random sequences of everything both sides can do, against a plain deque; on failure RapidCheck shrinks them. On
// indices of 8 bits, which wrap all the time, and on 64-bit ones that start just below the wrap.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <cstring>
#include <deque>
#include <vector>

#include "ringbuf/record_ring.h"
#include "ringbuf/spsc_ring.h"

using namespace sightline::ringbuf;

namespace {

/// What the ring should hold: payloads, and empty ones for runs of lost records.
struct Expected {
  std::vector<uint8_t> bytes;
  uint64_t lost = 0;
  uint64_t first = 0;
};

template <class Index>
void compare_with_deque(OnFull on_full, uint64_t capacity, Index start, const std::vector<uint16_t>& steps) {
  using Ring = BasicRecordRing<StandardModel, Index>;
  alignas(kBlock) static std::byte memory[8192];
  RC_ASSERT(Ring::bytes_for(capacity) <= sizeof memory);
  Ring writer = Ring::format(memory, capacity, {.on_full = on_full, .start = start});
  RC_ASSERT(writer.valid());
  Ring reader = writer;

  std::deque<Expected> model;
  uint64_t overwritten = 0;
  uint64_t committed = 0;
  uint64_t dropped = 0;
  uint64_t consumed = 0;
  uint64_t run = 0;
  uint64_t run_first = 0;
  bool claimed = false;
  uint8_t fill = 0;
  const auto forget_evicted = [&] {
    for (; overwritten < writer.figures().overwritten; ++overwritten) {
      while (model.front().lost != 0) model.pop_front();
      model.pop_front();
    }
  };

  for (const uint16_t step : steps) {
    const unsigned what = step % 8;
    const auto size = static_cast<uint32_t>((step >> 3) % (writer.largest_payload() + 1));
    switch (what) {
      case 0:
      case 1:
      case 2: {  // reserve, shorten, commit
        const uint64_t number = committed + dropped;
        // A ring that blocks would wait for us.
        std::byte* place = on_full == OnFull::block ? writer.try_reserve(size) : writer.reserve(size);
        if (place == nullptr) {
          RC_ASSERT(on_full != OnFull::overwrite_oldest || claimed);
          if (on_full == OnFull::block) break;
          if (run == 0) run_first = number;
          ++run;
          ++dropped;
          break;
        }
        const uint32_t kept = step % 3 == 0 ? size / 2 : size;
        std::memset(place, ++fill, kept);
        writer.commit(1, kept);
        ++committed;
        forget_evicted();
        if (run != 0) model.push_back({{}, run, run_first});
        run = 0;
        model.push_back({std::vector<uint8_t>(kept, fill), 0, 0});
        break;
      }
      case 3:  // a reservation without commit
        if (writer.try_reserve(size) != nullptr && run != 0) {
          // But it has told of what was lost before.
          model.push_back({{}, run, run_first});
          run = 0;
        }
        break;
      case 4: {  // a look that keeps the claim until the next batch ends
        BasicRecordView<StandardModel> view;
        const bool any = reader.peek(view);
        if (!any) {
          // Only runs of lost records may be what the model still has behind evicted ones.
          for (const Expected& left : model) RC_ASSERT(left.lost != 0);
        }
        if (any && on_full == OnFull::overwrite_oldest) claimed = true;
        break;
      }
      default: {
        const std::size_t max = (step >> 3) % 6;
        reader.consume(max, [&](const auto& view) {
          // A run may have been evicted, also by itself.
          const auto evicted = [&](const Expected& front) {
            return front.lost != 0 && !(view.is_lost_run() && view.lost_run().first == front.first);
          };
          while (on_full == OnFull::overwrite_oldest && !model.empty() && evicted(model.front())) model.pop_front();
          RC_ASSERT(!model.empty());
          const Expected expected = model.front();
          model.pop_front();
          RC_ASSERT(view.is_lost_run() == (expected.lost != 0));
          if (view.is_lost_run()) {
            RC_ASSERT(view.lost_run().count == expected.lost);
            RC_ASSERT(view.lost_run().first == expected.first);
            return;
          }
          ++consumed;
          RC_ASSERT(view.payload_size == expected.bytes.size());
          // Not in the assertion, whose || takes both sides.
          const bool same =
              view.payload_size == 0 || std::memcmp(view.payload, expected.bytes.data(), view.payload_size) == 0;
          RC_ASSERT(same);
        });
        claimed = false;
        break;
      }
    }
    RC_ASSERT(!reader.corrupt());
    const RingFigures figures = reader.figures();
    RC_ASSERT(figures.committed == committed);
    RC_ASSERT(figures.dropped == dropped);
    RC_ASSERT(figures.consumed == consumed);
    RC_ASSERT(figures.committed >= figures.consumed + figures.overwritten);
    RC_ASSERT(figures.high_water <= capacity);
  }
  reader.release();
  while (reader.consume(1000, [&](const auto& view) { consumed += view.is_lost_run() ? 0 : 1; }) != 0) {
  }
  RC_ASSERT(committed == consumed + reader.figures().overwritten);
  RC_ASSERT(reader.figures().in_flight() == 0u);
}

template <class Index>
void compare_typed(OnFull on_full, uint64_t capacity, Index start, const std::vector<uint16_t>& steps) {
  using Ring = BasicSpscRing<uint32_t, StandardModel, Index>;
  alignas(kBlock) static std::byte memory[4096];
  Ring writer = Ring::format(memory, capacity, {.on_full = on_full, .start = start});
  RC_ASSERT(writer.valid());
  Ring reader = writer;
  std::deque<uint32_t> model;
  uint32_t next = 0;
  uint64_t overwritten = 0;
  for (const uint16_t step : steps) {
    const std::size_t n = (step >> 3) % (capacity + 2);
    switch (step % 6) {
      case 0:
        if (on_full == OnFull::block ? writer.try_push(next) : writer.push(next))
          model.push_back(next);
        else
          RC_ASSERT(model.size() == capacity && on_full != OnFull::overwrite_oldest);
        ++next;
        for (; overwritten < writer.figures().overwritten; ++overwritten) model.pop_front();
        break;
      case 1: {
        std::vector<uint32_t> values;
        for (std::size_t i = 0; i < n; ++i) values.push_back(next++);
        const std::size_t pushed = writer.try_push_some(values);
        RC_ASSERT(pushed == std::min<std::size_t>(n, capacity - model.size()));
        for (std::size_t i = 0; i < pushed; ++i) model.push_back(values[i]);
        break;
      }
      case 2:
        if (uint32_t* slot = writer.try_reserve()) *slot = ~next;
        break;
      case 3: {
        uint32_t value = 0;
        RC_ASSERT(reader.try_pop(value) == !model.empty());
        if (model.empty()) break;
        RC_ASSERT(value == model.front());
        model.pop_front();
        break;
      }
      case 4: {
        std::vector<uint32_t> values(n);
        std::size_t popped = reader.pop_some(values);
        popped += reader.pop_some(std::span(values).subspan(popped));
        RC_ASSERT(popped == std::min(n, model.size()));
        for (std::size_t i = 0; i < popped; ++i) {
          RC_ASSERT(values[i] == model.front());
          model.pop_front();
        }
        break;
      }
      default: {
        const std::size_t had = model.size();
        const std::size_t taken = reader.consume(n, [&](uint32_t value) {
          RC_ASSERT(!model.empty());
          RC_ASSERT(value == model.front());
          model.pop_front();
        });
        RC_ASSERT(taken == std::min(n, had));
      }
    }
    RC_ASSERT(!reader.corrupt());
    RC_ASSERT(reader.figures().in_flight() == model.size());
  }
}

template <class Property>
void hold(const char* name, Property&& property) {
  CHECK_MESSAGE(rc::check(name, std::forward<Property>(property)), name);
}

rc::Gen<std::vector<uint16_t>> steps_of(int length) {
  return rc::gen::resize(length, rc::gen::container<std::vector<uint16_t>>(rc::gen::arbitrary<uint16_t>()));
}

}  // namespace

TEST_CASE("any sequence: a ring of records is a deque of byte strings") {
  for (const OnFull on_full : {OnFull::block, OnFull::drop_newest, OnFull::overwrite_oldest}) {
    hold("8-bit indices", [=] {
      compare_with_deque<uint8_t>(on_full, 64, static_cast<uint8_t>(*rc::gen::inRange(0, 32) * 8), *steps_of(400));
    });
    hold("64-bit indices just below the wrap", [=] {
      const uint64_t below = static_cast<uint64_t>(*rc::gen::inRange(1, 60)) * 8;
      compare_with_deque<uint64_t>(on_full, *rc::gen::element(64, 128, 1024), 0 - below, *steps_of(300));
    });
    // In an overwriting ring the head word loses the highest bit.
    hold("64-bit indices just below half", [=] {
      const uint64_t below = static_cast<uint64_t>(*rc::gen::inRange(1, 60)) * 8;
      compare_with_deque<uint64_t>(on_full, 256, (uint64_t{1} << 63) - below, *steps_of(300));
    });
  }
}

TEST_CASE("any sequence: a typed ring is a deque") {
  for (const OnFull on_full : {OnFull::block, OnFull::drop_newest, OnFull::overwrite_oldest}) {
    hold("8-bit indices", [=] {
      compare_typed<uint8_t>(on_full, *rc::gen::element(1, 2, 4, 16, 64), *rc::gen::arbitrary<uint8_t>(),
                             *steps_of(500));
    });
    hold("64-bit indices just below the wrap", [=] {
      const auto below = static_cast<uint64_t>(*rc::gen::inRange(1, 100));
      compare_typed<uint64_t>(on_full, *rc::gen::element(1, 8, 128), 0 - below, *steps_of(300));
    });
  }
}
