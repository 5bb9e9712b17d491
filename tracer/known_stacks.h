/// Stacks that need not be copied again: a program calls from few places, and mostly through the same callers.
///
/// What unwinding finds follows from the registers and the words of the stack that it uses, and from what is mapped
/// where. So the consumer tells the producers what it has used for a stack, and its number; a producer that finds the
/// same in the same places writes the number instead of registers and stack. That is most of a record, and most of the
/// consumer's work.
///
/// Threads: the consumer adds and clears, the producers look, in other processes too, without locks: each entry has a
/// version, odd while it is being written. The table is small and lossy. A traced program can write to it, so who gets
/// a number from there has to see whether there is such a stack. Entries lie one behind the other, found through a
/// smaller table: a page of entries is memory that a look-up in vain would take, too, and a fault in the program.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sightline::tracer {

class KnownStacks {
 public:
  static constexpr std::size_t kMostRegisters = 4;
  static constexpr std::size_t kMostWords = 64;
  /// A bit for each register that a stack may follow from: those that functions keep for their callers, rbx, rbp, r12
  /// to r15 (psABI, figure 3.4).
  static constexpr uint32_t kRegisters = 1u << 3 | 1u << 6 | 0xfu << 12;

  /// What a stack followed from. Registers by DWARF's numbers; words by their offset from the stack pointer.
  struct Grounds {
    uint64_t memory = 0;  ///< which mappings: as CallEnter::stack has it; never 0
    uint64_t pc = 0, sp = 0;
    std::size_t registers = 0;
    std::size_t words = 0;
    std::array<uint8_t, kMostRegisters> number{};
    std::array<uint64_t, kMostRegisters> value{};
    std::array<uint32_t, kMostWords> where{};
    std::array<uint64_t, kMostWords> word{};
  };

  void add(const Grounds& grounds, uint32_t stack) {
    const uint32_t h = hash(grounds.memory, grounds.pc, grounds.sp);
    std::atomic<uint32_t>& place = places_[h % kEntries];
    uint32_t number = get(place) % kNumbers;
    if (number == 0 || number > kEntries) {
      number = get(used_) + 1;
      if (number > kEntries) return;  // somebody has written there: each place takes one at most
      put(used_, number);
    }
    Entry& entry = entries_[number - 1];
    const uint32_t version = begin_writing(entry);
    put(entry.memory, grounds.memory);
    put(entry.pc, grounds.pc);
    put(entry.sp, grounds.sp);
    put(entry.stack, stack);
    put(entry.registers, static_cast<uint8_t>(grounds.registers));
    put(entry.words, static_cast<uint8_t>(grounds.words));
    for (std::size_t i = 0; i < grounds.registers; ++i) {
      put(entry.number[i], grounds.number[i]);
      put(entry.value[i], grounds.value[i]);
    }
    for (std::size_t i = 0; i < grounds.words; ++i) {
      put(entry.where[i], grounds.where[i]);
      put(entry.word[i], grounds.word[i]);
    }
    entry.version.store(version + 2, std::memory_order_release);
    place.store(place_of(h, number), std::memory_order_release);
  }

  /// What was known may have another name by now.
  void clear() {
    const std::size_t used = get(used_);
    for (std::size_t at = 0; at < used && at < kEntries; ++at) {
      Entry& entry = entries_[at];
      const uint32_t version = begin_writing(entry);
      put(entry.memory, uint64_t{0});
      entry.version.store(version + 2, std::memory_order_release);
    }
  }

  /// The stack of a call, or 0. `value_of(number)`: a register's value. `same_words(where, words, count)`: whether the
  /// words at the stack pointer are these; it may be asked for places where there is no memory.
  template <class ValueOf, class SameWords>
  uint32_t find(uint64_t memory, uint64_t pc, uint64_t sp, ValueOf&& value_of, SameWords&& same_words) const {
    const uint32_t h = hash(memory, pc, sp);
    const uint32_t place = places_[h % kEntries].load(std::memory_order_acquire);
    const uint32_t number = place % kNumbers;
    if (number == 0 || number > kEntries || place != place_of(h, number)) return 0;
    const Entry& entry = entries_[number - 1];
    const uint32_t version = entry.version.load(std::memory_order_acquire);
    if ((version & 1) != 0 || get(entry.memory) != memory || get(entry.pc) != pc || get(entry.sp) != sp) return 0;
    const std::size_t registers = get(entry.registers);
    const std::size_t words = get(entry.words);
    if (registers > kMostRegisters || words > kMostWords) return 0;
    for (std::size_t i = 0; i < registers; ++i)
      if (const uint64_t now = value_of(get(entry.number[i])); now != get(entry.value[i])) return 0;
    if (!same_words(entry.where.data(), entry.word.data(), words)) return 0;
    const uint32_t stack = get(entry.stack);
    std::atomic_thread_fence(std::memory_order_acquire);
    return entry.version.load(std::memory_order_relaxed) == version ? stack : 0;
  }

 private:
  struct Entry {
    std::atomic<uint32_t> version{0};
    std::atomic<uint32_t> stack{0};
    std::atomic<uint64_t> memory{0}, pc{0}, sp{0};
    std::atomic<uint8_t> registers{0}, words{0};
    std::array<std::atomic<uint8_t>, kMostRegisters> number{};
    std::array<std::atomic<uint64_t>, kMostRegisters> value{};
    std::array<std::atomic<uint32_t>, kMostWords> where{};
    std::array<std::atomic<uint64_t>, kMostWords> word{};
  };
  static constexpr uint32_t kEntries = 4096;
  static constexpr uint32_t kNumbers = 2 * kEntries;  // of entries, from 1 on; 0: none

  /// The lowest bits say the place, the others tell those apart that share it.
  static uint32_t hash(uint64_t memory, uint64_t pc, uint64_t sp) {
    return static_cast<uint32_t>(((pc ^ (sp << 20) ^ (memory << 44) ^ memory >> 32) * 0x9e3779b97f4a7c15u) >> 32);
  }
  static uint32_t place_of(uint32_t hash, uint32_t number) { return (hash & ~(kNumbers - 1)) | number; }

  template <class T>
  static void put(std::atomic<T>& at, T value) {
    at.store(value, std::memory_order_relaxed);
  }
  template <class T>
  static T get(const std::atomic<T>& at) {
    return at.load(std::memory_order_relaxed);
  }
  static uint32_t begin_writing(Entry& entry) {
    const uint32_t version = entry.version.load(std::memory_order_relaxed) & ~uint32_t{1};
    entry.version.store(version + 1, std::memory_order_relaxed);
    // No store of what follows may be seen before that one.
    std::atomic_thread_fence(std::memory_order_release);
    return version;
  }

  std::array<std::atomic<uint32_t>, kEntries> places_{};  ///< by hash: an entry's number, and the hash's upper bits
  std::atomic<uint32_t> used_{0};                         ///< entries that were ever written
  std::array<Entry, kEntries> entries_{};
};

}  // namespace sightline::tracer
