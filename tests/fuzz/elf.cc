// An ELF file with whatever it holds: segments, symbols, unwind rules, lines, inlined functions.
#include <array>
#include <cstring>
#include <vector>

#include "symbolizer/module.h"
#include "symbolizer/stepper.h"
#include "tests/fuzz/memory_file.h"

using namespace sightline::symbolizer;

// libelf 0.188 forgets a buffer when a section turns out to be shorter in the file than its header says.
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libelf.so\nleak:libdw.so\n";
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  const sightline::fuzz::MemoryFile file(data, size);
  std::string reason;
  UniqueFd fd = ElfFile::open_regular(file.path(), reason);
  sightline::fuzz::require(static_cast<bool>(fd));
  ElfFile::Opened opened = ElfFile::open(std::move(fd));
  sightline::fuzz::require((opened.file != nullptr) == opened.reason.empty());
  if (!opened.file) return 0;

  Options options;
  options.debug_directories = {};
  StringPool strings;
  const ElfFile& elf = *opened.file;
  Module module(std::move(opened.file), "/fuzz", options, strings);
  std::vector<uint64_t> words(512);
  for (std::size_t i = 0; i < words.size(); ++i) words[i] = 0x7ffc00000000 + 8 * i;
  StackSample sample;
  sample.address = 0x7ffc00000000;
  sample.bytes = std::as_bytes(std::span(words));

  SlowRulesStore slow;
  constexpr std::size_t kPlaces = 64;
  for (std::size_t i = 0; i < kPlaces; ++i) {
    const uint64_t offset = size * i / kPlaces;
    (void)module.is_behind_call(offset);
    const std::optional<uint64_t> address = elf.address_of_offset(offset);
    if (!address) continue;
    const Rule rule = module.rule_at(*address, offset, slow);
    FrameRegisters registers;
    for (uint64_t& value : registers.value) value = sample.address + 256;
    registers.value[Registers::kPc] = *address;
    StackView stack(sample);
    for (int steps = 0; steps < 4 && step(rule, slow, registers, stack) == Step::stepped; ++steps) {
    }
    const Module::Description description = module.describe(*address, *address, false);
    sightline::fuzz::require(!description.frames.empty() && description.user_index < description.frames.size());
  }
  return 0;
}
