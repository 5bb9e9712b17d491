// Functions by address, beside a look at every symbol of the file.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <gnu/libc-version.h>

#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "symbolizer/elf_file.h"
#include "symbolizer/symbols.h"
#include "tests/symbolizer/live_process.h"

namespace sightline::symbolizer::testing {
namespace {

struct Known {
  uint64_t low, size;
  std::string name;
};

std::unique_ptr<ElfFile> open_elf(const std::string& path) {
  std::string reason;
  ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(path, reason));
  REQUIRE(opened.file);
  return std::move(opened.file);
}

std::vector<Known> all_symbols(const ElfFile& file) {
  std::vector<Known> all;
  for (const uint32_t type : {SHT_SYMTAB, SHT_DYNSYM}) {
    Elf_Scn* section = file.find_section(type);
    GElf_Shdr header;
    if (!section || !gelf_getshdr(section, &header)) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    REQUIRE(data);
    for (int i = 1; i < static_cast<int>(data->d_size / sizeof(Elf64_Sym)); ++i) {
      GElf_Sym symbol;
      REQUIRE(gelf_getsym(data, i, &symbol));
      const int kind = GELF_ST_TYPE(symbol.st_info);
      if (symbol.st_shndx == SHN_UNDEF || (kind != STT_FUNC && kind != STT_GNU_IFUNC && kind != STT_NOTYPE)) continue;
      if (!file.is_executable_range(symbol.st_value, symbol.st_value + 1)) continue;
      const char* name = elf_strptr(file.elf(), header.sh_link, symbol.st_name);
      REQUIRE(name);
      all.push_back({symbol.st_value, symbol.st_size, name});
    }
  }
  return all;
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
  const SymbolTable symbols(*file, nullptr);
  const std::vector<Known> all = all_symbols(*file);
  std::size_t named = 0;
  for (const uint64_t address : addresses_in(*file, stride)) {
    CAPTURE(address);
    const std::optional<SymbolTable::Symbol> found = symbols.find(address);
    uint64_t low = 0;  // where the innermost starts that says how large it is, and the last without
    uint64_t unsized = 0;
    for (const Known& known : all) {
      if (known.low > address || known.name.empty()) continue;
      if (known.size == 0) unsized = std::max(unsized, known.low);
      if (address - known.low < known.size) low = std::max(low, known.low);
    }
    if (!found) {
      CHECK(low == 0);
      continue;
    }
    ++named;
    CHECK((found->address == low || (found->address == unsized && unsized > low && address - unsized < 4096)));
    bool is_known = false;
    for (const Known& known : all)
      is_known = is_known || (known.low == found->address && known.size == found->size && known.name == found->name);
    CHECK(is_known);
  }
  return named;
}

}  // namespace

TEST_CASE("functions by address") {
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
  CHECK_FALSE(symbols.find(0));
  CHECK_FALSE(symbols.find(UINT64_MAX));
}

}  // namespace sightline::symbolizer::testing
