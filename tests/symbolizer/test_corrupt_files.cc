// Files with bytes flipped or cut off. Nothing may crash, hang or eat memory; the leaf is always there.
#include <doctest/doctest.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "tests/symbolizer/live_process.h"

/// libelf 0.188 forgets a buffer when a section turns out to be shorter in the file than its header says.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() {
  return "leak:libelf.so\n";
}

namespace sightline::symbolizer::testing {
namespace {

std::vector<char> contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(bytes.size() > 4096);
  return bytes;
}

/// Asks for names and rules all over a file of these bytes, through a memfd.
void resolve_all_over(const std::vector<char>& bytes, std::size_t mapped, int number) {
  const int fd = memfd_create("corrupt", MFD_CLOEXEC);
  REQUIRE(fd >= 0);
  REQUIRE(write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  constexpr uint64_t kStart = 0x500000000000;
  const Mapping mapping{.start = kStart, .end = kStart + mapped, .path = "/corrupt" + std::to_string(number), .fd = fd};
  Options options;
  options.debug_directories = {};
  Symbolizer symbolizer(options);
  const SpaceId space = symbolizer.create_space();
  symbolizer.set_mappings(space, {&mapping, 1});
  close(fd);

  // Every word of the stack is some address in the file, so that walks go on as long as rules let them.
  std::vector<uint64_t> stack(4096);
  for (std::size_t i = 0; i < stack.size(); ++i) stack[i] = kStart + (i * 997) % mapped;
  StackSample sample;
  sample.address = 0x7ffc00000000;
  sample.bytes = std::as_bytes(std::span(stack));
  for (auto& value : sample.registers.value) value = sample.address + 256;
  sample.registers.value[Registers::kSp] = sample.address;
  for (uint64_t offset = 0; offset < mapped; offset += 331) {
    sample.registers.value[Registers::kPc] = kStart + offset;
    const Resolved resolved = symbolizer.resolve(space, sample, Depth::whole);
    const Stack& found = symbolizer.stack(resolved.stack);
    REQUIRE(!found.frames.empty());
    REQUIRE(found.user_frame >= 0);
    REQUIRE(static_cast<std::size_t>(found.user_frame) < found.frames.size());
    REQUIRE(found.frames.front().module_offset + 1 > 0);
  }
  (void)symbolizer.modules_without_lines();
}

}  // namespace

TEST_CASE("files cut off anywhere") {
  const std::vector<char> whole = contents(fixture("plain-o2"));
  for (std::size_t size = 0; size < whole.size(); size += whole.size() / 60 + 1) {
    CAPTURE(size);
    resolve_all_over({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}, whole.size(),
                     static_cast<int>(size));
  }
}

TEST_CASE("files with flipped bytes") {
  std::mt19937 random(20);  // always the same bytes
  for (const char* name : {"plain-o2", "plain-o3", "libfixture.so"}) {
    const std::vector<char> whole = contents(fixture(name));
    for (int round = 0; round < 120; ++round) {
      CAPTURE(name);
      CAPTURE(round);
      std::vector<char> bytes = whole;
      // Few bytes break one thing and leave the rest in reach; many break everything.
      const int flips = 1 << (round % 12);
      for (int i = 0; i < flips; ++i) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      // Every other file also gets its headers hit, which random places mostly miss.
      if (round % 2 == 0) bytes[16 + random() % 0x300] = static_cast<char>(random());
      resolve_all_over(bytes, whole.size(), round);
    }
  }
}

TEST_CASE("a section that claims to unpack to more than any machine has") {
  std::vector<char> bytes = contents(fixture("plain-o2"));
  auto* header = reinterpret_cast<Elf64_Ehdr*>(bytes.data());
  auto* sections = reinterpret_cast<Elf64_Shdr*>(bytes.data() + header->e_shoff);
  int patched = 0;
  for (unsigned i = 1; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_PROGBITS || (sections[i].sh_flags & SHF_ALLOC) || sections[i].sh_size < 64) continue;
    sections[i].sh_flags |= SHF_COMPRESSED;
    const Elf64_Chdr claim{
        .ch_type = ELFCOMPRESS_ZLIB, .ch_reserved = 0, .ch_size = uint64_t{1} << 50, .ch_addralign = 1};
    std::memcpy(bytes.data() + sections[i].sh_offset, &claim, sizeof claim);
    ++patched;
  }
  REQUIRE(patched > 0);
  resolve_all_over(bytes, bytes.size(), 0);
}

}  // namespace sightline::symbolizer::testing
