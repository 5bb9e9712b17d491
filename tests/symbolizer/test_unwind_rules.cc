// Compiled rules against libdw's rows for the same addresses, all over the C library and the fixtures.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <gnu/libc-version.h>
#include <stdlib.h>

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "symbolizer/dwarf_expression.h"
#include "symbolizer/elf_file.h"
#include "symbolizer/frame_table.h"
#include "symbolizer/stepper.h"
#include "symbolizer/symbols.h"
#include "symbolizer/unwind_rules.h"
#include "tests/symbolizer/live_process.h"
#include "tests/symbolizer/oracle.h"

namespace sightline::symbolizer::testing {
namespace {

constexpr uint64_t kStack = 0x7ffc00000000;

/// What libdw says of one row, evaluated without any compiling.
struct Expected {
  bool has_row = false;
  bool outermost = false;
  std::optional<uint64_t> cfa, sp, caller;
  std::array<std::optional<uint64_t>, 6> saved;
};

Expected by_libdw(Dwarf_CFI* cfi, uint64_t address, const FrameRegisters& registers, StackView& stack) {
  Expected expected;
  Dwarf_Frame* raw = nullptr;
  if (dwarf_cfi_addrframe(cfi, address, &raw) != 0) return expected;
  const std::unique_ptr<Dwarf_Frame, decltype(&free)> frame(raw, free);
  Dwarf_Op* ops = nullptr;
  std::size_t count = 0;
  if (dwarf_frame_cfa(raw, &ops, &count) != 0 || count == 0) return expected;
  expected.has_row = true;
  expected.cfa = evaluate({ops, count}, registers, std::nullopt, stack, Evaluate::value);
  const auto value_of = [&](int number) -> std::optional<uint64_t> {
    Dwarf_Op scratch[3];
    Dwarf_Op* column = nullptr;
    std::size_t size = 0;
    if (dwarf_frame_register(raw, number, scratch, &column, &size) != 0) return std::nullopt;
    if (size == 0 && !column) return registers.value[static_cast<std::size_t>(number)];
    if (size == 0) {
      // libdw 0.188 takes rbx for undefined where nothing is said of it (it names rax in its place).
      if (number == 3) return registers.value[3];
      if (number == static_cast<int>(Registers::kPc)) expected.outermost = true;
      return std::nullopt;
    }
    return evaluate({column, size}, registers, expected.cfa, stack, Evaluate::location);
  };
  expected.sp = value_of(Registers::kSp);
  expected.caller = value_of(Registers::kPc);
  for (std::size_t i = 0; i < Rule::kCalleeSaved.size(); ++i) expected.saved[i] = value_of(Rule::kCalleeSaved[i]);
  return expected;
}

struct Counts {
  std::size_t rows = 0, simple = 0, slow = 0, ends = 0;
  std::size_t usual = 0;  // of the simple ones and the ends, those that need no libdw
};

/// What is read without libdw must be what is compiled from its rows.
void check_usual(FrameTable& frames, uint64_t at, const Rule& rule, Counts& counts) {
  const std::optional<Rule> usual = frames.rule_at(at);
  if (!usual) return;
  CHECK(usual->kind == rule.kind);
  CHECK(usual->signal_frame == rule.signal_frame);
  CHECK(usual->cfa_register == rule.cfa_register);
  CHECK(usual->cfa_dereference == rule.cfa_dereference);
  CHECK(usual->cfa_offset == rule.cfa_offset);
  CHECK(usual->return_slot == rule.return_slot);
  CHECK(usual->return_register == rule.return_register);
  CHECK(usual->saved == rule.saved);
  counts.usual += rule.kind != Rule::Kind::none;
}

Counts compare_all(const std::string& path, uint64_t stride) {
  CAPTURE(path);
  std::string reason;
  const ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(path, reason));
  REQUIRE(opened.file);
  Dwarf_CFI* cfi = dwarf_getcfi_elf(opened.file->elf());
  REQUIRE(cfi);

  // A stack of numbers that all differ, large enough for any frame, with registers pointing into it.
  std::vector<uint64_t> words(1 << 17);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = kStack + 8 * ((i * 7919) % words.size());
  StackSample sample;
  sample.address = kStack;
  sample.bytes = std::as_bytes(std::span(words));
  FrameRegisters registers;
  for (std::size_t i = 0; i < Registers::kCount; ++i) registers.value[i] = kStack + 0x8000 + 0x1000 * i;
  registers.value[Registers::kSp] = kStack + 0x2000;

  Counts counts;
  SlowRulesStore store;
  FrameTable frames(*opened.file);
  std::size_t segments = 0;
  REQUIRE(elf_getphdrnum(opened.file->elf(), &segments) == 0);
  for (std::size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment;
    REQUIRE(gelf_getphdr(opened.file->elf(), static_cast<int>(i), &segment));
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
    for (uint64_t at = segment.p_vaddr; at < segment.p_vaddr + segment.p_filesz; at += stride) {
      CAPTURE(at);
      registers.value[Registers::kPc] = at;
      StackView stack(sample);
      const Expected expected = by_libdw(cfi, at, registers, stack);
      const Rule rule = compile_rule(cfi, at, store);
      check_usual(frames, at, rule, counts);
      if (!expected.has_row) {
        CHECK((rule.kind == Rule::Kind::none || rule.kind == Rule::Kind::end));
        continue;
      }
      ++counts.rows;
      if (expected.outermost) {
        CHECK(rule.kind == Rule::Kind::end);
        ++counts.ends;
        continue;
      }
      counts.simple += rule.kind == Rule::Kind::simple;
      counts.slow += rule.kind == Rule::Kind::slow;
      FrameRegisters ours = registers;
      const Step outcome = step(rule, store, ours, stack);
      // Made-up registers lead some rows astray; both must go there.
      if (outcome != Step::stepped) {
        CHECK((!expected.cfa || !expected.caller || *expected.cfa <= registers.sp()));
        continue;
      }
      REQUIRE(expected.caller);
      CHECK(ours.pc() == *expected.caller);
      // The CFA, but for signal frames and the likes of longjmp.
      REQUIRE(expected.sp);
      CHECK(ours.sp() == *expected.sp);
      for (std::size_t k = 0; k < expected.saved.size(); ++k) {
        const std::size_t number = Rule::kCalleeSaved[k];
        REQUIRE(ours.knows(number) == expected.saved[k].has_value());
        if (expected.saved[k]) CHECK(ours.value[number] == *expected.saved[k]);
      }
    }
  }
  dwarf_cfi_end(cfi);
  return counts;
}

std::string path_of_libc() {
  Dl_info info{};
  REQUIRE(dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &info) != 0);
  return info.dli_fname;
}

}  // namespace

TEST_CASE("rules compiled for the C library restore what libdw's rows restore") {
  const Counts counts = compare_all(path_of_libc(), 13);
  CHECK(counts.rows > 10000);
  CHECK(counts.simple > counts.rows * 95 / 100);
  CHECK(counts.slow > 0);
  CHECK(counts.usual > (counts.simple + counts.ends) * 95 / 100);
  MESSAGE("rows " << counts.rows << ", simple " << counts.simple << ", slow " << counts.slow << ", ends " << counts.ends
                  << ", without libdw " << counts.usual);
}

TEST_CASE("rules compiled for the fixtures, every address") {
  for (const char* name : {"calls-o0", "calls-o2", "calls-o3", "calls-fp"}) {
    const Counts counts = compare_all(fixture(name), 1);
    CHECK(counts.rows > 1000);
    CHECK(counts.simple > counts.rows / 2);
    CHECK(counts.ends > 0);  // _start
    CHECK(counts.usual > (counts.simple + counts.ends) * 95 / 100);
  }
}

TEST_CASE("one step from every address of every system call wrapper of the C library, beside libdw's walker") {
  std::string reason;
  const std::string path = path_of_libc();
  const ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(path, reason));
  REQUIRE(opened.file);
  const ElfFile& libc = *opened.file;
  const SymbolTable symbols(libc, nullptr);
  std::vector<uint64_t> words(1 << 14);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = kStack + 8 * ((i * 7919) % words.size());
  SnapshotWalker walker(path, kStack, words);
  StackSample sample;
  sample.address = kStack;
  sample.bytes = std::as_bytes(std::span(words));

  const std::unique_ptr<Dwarf_CFI, decltype(&dwarf_cfi_end)> cfi(dwarf_getcfi_elf(libc.elf()), dwarf_cfi_end);
  REQUIRE(cfi);
  SlowRulesStore store;
  std::set<uint64_t> done;
  std::size_t wrappers = 0;
  std::size_t steps = 0;
  std::size_t without_rules = 0;
  for (uint64_t offset = 0; offset + 2 < libc.size(); ++offset) {
    std::array<unsigned char, 4096> page{};
    const std::size_t size = std::min<uint64_t>(page.size(), libc.size() - offset);
    REQUIRE(libc.read(offset, std::as_writable_bytes(std::span(page).first(size))));
    for (std::size_t i = 0; i + 1 < size; ++i) {
      if (page[i] != 0x0f || page[i + 1] != 0x05) continue;  // syscall
      const std::optional<uint64_t> at = libc.address_of_offset(offset + i);
      if (!at || !libc.is_executable_range(*at, *at + 2)) continue;
      ++wrappers;
      // The whole function if it has a name, else what is around.
      const std::optional<SymbolTable::Symbol> symbol = symbols.find(*at);
      const uint64_t low = symbol ? symbol->address : *at - 32;
      const uint64_t high = symbol && symbol->size > 0 ? symbol->address + symbol->size : *at + 32;
      for (uint64_t pc = low; pc < high; ++pc) {
        if (!done.insert(pc).second) continue;
        CAPTURE(pc);
        FrameRegisters registers;
        for (std::size_t k = 0; k < Registers::kCount; ++k) registers.value[k] = kStack + 0x8000 + 0x400 * k;
        registers.value[Registers::kSp] = kStack + 0x2000;
        registers.value[Registers::kPc] = walker.address(pc);
        const std::vector<uint64_t> theirs = walker.walk(registers.value, 2);
        const Rule rule = compile_rule(cfi.get(), pc, store);
        StackView stack(sample);
        const Step outcome = step(rule, store, registers, stack);
        REQUIRE(!theirs.empty());
        if (rule.kind == Rule::Kind::none) {
          ++without_rules;  // libdw follows the frame pointer then
          continue;
        }
        ++steps;
        // Made-up registers lead some rows backwards, which only we refuse.
        if (outcome != Step::stepped) {
          CHECK((theirs.size() == 1 || outcome == Step::nonsense));
          continue;
        }
        REQUIRE(theirs.size() == 2);
        CHECK(registers.pc() == theirs[1]);
      }
    }
    offset += size - 2;
  }
  CHECK(wrappers > 300);
  CHECK(steps > 10000);
  MESSAGE(wrappers << " syscall instructions, " << steps << " addresses with rules, " << without_rules << " without");
}

}  // namespace sightline::symbolizer::testing
