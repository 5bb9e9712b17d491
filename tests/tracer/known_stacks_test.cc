#include "tracer/known_stacks.h"

#include <doctest/doctest.h>

#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <thread>

using sightline::tracer::KnownStacks;

namespace {

KnownStacks::Grounds grounds_of(uint64_t memory, uint64_t pc, uint64_t sp) {
  KnownStacks::Grounds grounds{.memory = memory, .pc = pc, .sp = sp};
  grounds.registers = 1;
  grounds.number[0] = 6;
  grounds.value[0] = 0xbbbb;
  grounds.words = 2;
  grounds.where[0] = 0;
  grounds.word[0] = 0x1111;
  grounds.where[1] = 24;
  grounds.word[1] = 0x2222;
  return grounds;
}

/// A program's registers and stack.
struct Program {
  std::map<uint8_t, uint64_t> registers;
  std::map<uint32_t, uint64_t> stack;

  uint32_t find(const KnownStacks& known, uint64_t memory, uint64_t pc, uint64_t sp) {
    return known.find(
        memory, pc, sp, [&](uint8_t number) { return registers[number]; },
        [&](const auto* where, const auto* word, std::size_t n) {
          for (std::size_t i = 0; i < n; ++i)
            if (stack[where[i]] != word[i]) return false;
          return true;
        });
  }
};

}  // namespace

TEST_CASE("a stack is known where all that it followed from is the same") {
  const auto known = std::make_unique<KnownStacks>();
  Program program{.registers = {{6, 0xbbbb}, {3, 1}}, .stack = {{0, 0x1111}, {8, 5}, {24, 0x2222}}};
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 0);
  known->add(grounds_of(1, 0x1000, 0x7000), 17);
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 17);
  program.registers[3] = 2;  // nothing has followed from these
  program.stack[8] = 6;
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 17);

  CHECK(program.find(*known, 2, 0x1000, 0x7000) == 0);
  CHECK(program.find(*known, 1, 0x1001, 0x7000) == 0);
  CHECK(program.find(*known, 1, 0x1000, 0x7008) == 0);
  program.registers[6] = 0;
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 0);
  program.registers[6] = 0xbbbb;
  program.stack[24] = 0x2223;
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 0);
  program.stack[24] = 0x2222;
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 17);

  known->add(grounds_of(1, 0x1000, 0x7000), 18);
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 18);
  known->clear();
  CHECK(program.find(*known, 1, 0x1000, 0x7000) == 0);
}

TEST_CASE("no memory has the number of none") {
  const auto known = std::make_unique<KnownStacks>();
  Program program;
  known->clear();
  CHECK(program.find(*known, 1, 0, 0) == 0);
}

TEST_CASE("who looks while an entry is being written finds all of the one or of the other") {
  const auto known = std::make_unique<KnownStacks>();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (uint32_t i = 0; i < 200'000; ++i) {
      KnownStacks::Grounds grounds{.memory = 1, .pc = 0x1000, .sp = 0x7000};
      grounds.words = KnownStacks::kMostWords;
      for (std::size_t w = 0; w < grounds.words; ++w) {
        grounds.where[w] = static_cast<uint32_t>(8 * w);
        grounds.word[w] = i & 7;
      }
      known->add(grounds, 1 + (i & 7));
    }
    done = true;
  });
  uint64_t found = 0;
  uint64_t wrong = 0;
  while (!done) {
    uint64_t seen = 0;
    bool same = true;
    const uint32_t stack = known->find(
        1, 0x1000, 0x7000, [](uint8_t) { return 0; },
        [&](const auto*, const auto* word, std::size_t n) {
          seen = word[0];
          for (std::size_t w = 0; w < n; ++w) same = same && word[w] == seen;
          return true;
        });
    if (stack == 0) continue;
    ++found;
    if (!same || stack != 1 + seen) ++wrong;
  }
  writer.join();
  CHECK(wrong == 0);
  MESSAGE(found);
}
