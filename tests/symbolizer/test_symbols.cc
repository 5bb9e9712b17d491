// The first look-ups go through the tables as they stand in the file, later ones through what was sorted: both must
// name the same function.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <gnu/libc-version.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "symbolizer/elf_file.h"
#include "symbolizer/symbols.h"
#include "tests/symbolizer/live_process.h"

namespace sightline::symbolizer::testing {
namespace {

constexpr int kScans = 16;  // SymbolTable sorts for the look-up behind that

std::unique_ptr<ElfFile> open_elf(const std::string& path) {
  std::string reason;
  ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(path, reason));
  REQUIRE(opened.file);
  return std::move(opened.file);
}

std::vector<uint64_t> addresses_in(const ElfFile& file, uint64_t stride) {
  std::vector<uint64_t> addresses;
  std::size_t segments = 0;
  REQUIRE(elf_getphdrnum(file.elf(), &segments) == 0);
  for (std::size_t i = 0; i < segments; ++i) {
    GElf_Phdr segment;
    REQUIRE(gelf_getphdr(file.elf(), static_cast<int>(i), &segment));
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
    for (uint64_t at = segment.p_vaddr; at < segment.p_vaddr + segment.p_memsz; at += stride) addresses.push_back(at);
  }
  return addresses;
}

/// Returns how many addresses have a name.
std::size_t compare(const std::string& path, uint64_t stride) {
  CAPTURE(path);
  const std::unique_ptr<ElfFile> file = open_elf(path);
  const SymbolTable sorted(*file, nullptr);
  for (int i = 0; i < kScans; ++i) (void)sorted.find(0);
  std::unique_ptr<SymbolTable> fresh;
  int used = kScans;
  std::size_t named = 0;
  for (const uint64_t address : addresses_in(*file, stride)) {
    CAPTURE(address);
    if (used++ == kScans) {
      fresh = std::make_unique<SymbolTable>(*file, nullptr);
      used = 1;
    }
    const std::optional<SymbolTable::Symbol> a = fresh->find(address);
    const std::optional<SymbolTable::Symbol> b = sorted.find(address);
    REQUIRE(a.has_value() == b.has_value());
    if (!a) continue;
    ++named;
    CHECK(a->name == b->name);
    CHECK(a->address == b->address);
    CHECK(a->size == b->size);
    CHECK(a->has_reserved_alias == b->has_reserved_alias);
  }
  return named;
}

}  // namespace

TEST_CASE("functions are found alike before and after their table has been sorted") {
  Dl_info info{};
  REQUIRE(dladdr(reinterpret_cast<void*>(&gnu_get_libc_version), &info) != 0);
  CHECK(compare(info.dli_fname, 211) > 1000);
  CHECK(compare(fixture("calls-o2"), 1) > 1000);
  CHECK(compare(fixture("plain-nodebug"), 1) > 100);
  CHECK(compare(fixture("static-o2"), 499) > 500);  // has hand-written functions, some without a size
}

TEST_CASE("no function is found where there is no code") {
  const std::unique_ptr<ElfFile> file = open_elf(fixture("plain-o2"));
  const SymbolTable symbols(*file, nullptr);
  for (int i = 0; i < 2 * kScans; ++i) {
    CHECK_FALSE(symbols.find(0));
    CHECK_FALSE(symbols.find(UINT64_MAX));
  }
}

}  // namespace sightline::symbolizer::testing
