// Debug information in packages: .dwp files, .gnu_debugdata, sections compressed by zstd. And damaged ones.
#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "symbolizer/dwarf_package.h"
#include "symbolizer/mini_debug.h"
#include "symbolizer/module.h"
#include "tests/symbolizer/live_process.h"

namespace sightline::symbolizer::testing {
namespace {

std::unique_ptr<ElfFile> open_elf(const std::string& path) {
  std::string reason;
  UniqueFd fd = ElfFile::open_regular(path, reason);
  return fd ? ElfFile::open(std::move(fd)).file : nullptr;
}

/// First addresses of each function of `path`, and some within.
std::vector<uint64_t> addresses_in(const std::string& path) {
  const std::unique_ptr<ElfFile> file = open_elf(path);
  REQUIRE(file);
  const SymbolTable symbols(*file, nullptr);
  std::vector<uint64_t> addresses;
  for (uint64_t address = 0; address < file->size(); address += 3) {
    if (file->is_executable_range(address, address + 1) && symbols.find(address)) addresses.push_back(address);
  }
  REQUIRE(addresses.size() > 100);
  return addresses;
}

std::vector<char> contents_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

void write_to(const std::string& path, const std::vector<char>& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

/// A directory that goes when the test does.
struct TemporaryDirectory {
  TemporaryDirectory() {
    char name[] = "/tmp/sightline-test-XXXXXX";
    REQUIRE(mkdtemp(name));
    path = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path); }
  std::string path;
};

}  // namespace

TEST_CASE("a package of split units tells what the units told") {
  if (access(fixture("plain-packed.dwp").c_str(), R_OK) != 0) return;  // no clang, or no llvm-dwp
  const Options options{.debug_directories = {}};
  StringPool strings;
  Module expected(open_elf(fixture("plain-clang")), fixture("plain-clang"), options, strings);
  Module packed(open_elf(fixture("plain-packed")), fixture("plain-packed"), options, strings);
  std::size_t inlined = 0;
  std::size_t named = 0;
  for (const uint64_t address : addresses_in(fixture("plain-clang"))) {
    const Module::Description theirs = expected.describe(address, address, false);
    const Module::Description ours = packed.describe(address, address, false);
    CAPTURE(address);
    REQUIRE(ours.frames.size() == theirs.frames.size());
    for (std::size_t i = 0; i < ours.frames.size(); ++i) {
      CHECK(ours.frames[i].line == theirs.frames[i].line);
      CHECK(ours.frames[i].file == theirs.frames[i].file);
      CHECK(ours.frames[i].function == theirs.frames[i].function);
      inlined += ours.frames[i].inlined;
      named += ours.frames[i].line != 0;
    }
  }
  CHECK(inlined > 0);
  CHECK(named > 50);
}

TEST_CASE("a damaged package costs names, nothing else") {
  if (access(fixture("plain-packed.dwp").c_str(), R_OK) != 0) return;
  const TemporaryDirectory directory;
  const std::string program = directory.path + "/program";
  std::filesystem::copy_file(fixture("plain-packed"), program);
  const std::vector<char> whole = contents_of(fixture("plain-packed.dwp"));
  const std::vector<uint64_t> addresses = addresses_in(program);
  const Options options{.debug_directories = {}};
  std::mt19937 random(4711);
  for (int round = 0; round < 300; ++round) {
    std::vector<char> damaged = whole;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    if (round % 10 == 0) damaged.resize(random() % damaged.size());
    write_to(program + ".dwp", damaged);
    StringPool strings;
    Module module(open_elf(program), program, options, strings);
    for (std::size_t i = 0; i < addresses.size(); i += 29)
      CHECK(!module.describe(addresses[i], addresses[i], false).frames.empty());
  }
}

TEST_CASE("packages that are none") {
  const TemporaryDirectory directory;
  CHECK(DwarfPackage::open(directory.path + "/missing") == nullptr);
  write_to(directory.path + "/a.dwp", {});
  CHECK(DwarfPackage::open(directory.path + "/a") == nullptr);
  std::filesystem::copy_file(fixture("plain-o2"), directory.path + "/b.dwp");
  CHECK(DwarfPackage::open(directory.path + "/b") == nullptr);
}

TEST_CASE("packed symbols name the functions of a stripped program") {
  const std::string program = fixture("calls-mini");
  const std::unique_ptr<ElfFile> file = open_elf(program);
  REQUIRE(file);
  REQUIRE(file->find_section(SHT_SYMTAB) == nullptr);
  const std::unique_ptr<ElfFile> whole = open_elf(fixture("calls-o2"));
  const SymbolTable ours(*file, nullptr);
  const SymbolTable theirs(*whole, nullptr);
  for (const uint64_t address : addresses_in(fixture("calls-o2"))) {
    const auto found = ours.find(address);
    const auto expected = theirs.find(address);
    REQUIRE(found.has_value() == expected.has_value());
    if (found) CHECK(found->name == expected->name);
  }
  CHECK(open_mini_debug(*whole) == nullptr);
}

TEST_CASE("damaged packed symbols are none") {
  const TemporaryDirectory directory;
  const std::string program = directory.path + "/program";
  const std::vector<char> whole = contents_of(fixture("calls-mini"));
  const std::unique_ptr<ElfFile> file = open_elf(fixture("calls-mini"));
  const auto section = file->section(".gnu_debugdata");
  const auto begin = std::search(whole.begin(), whole.end(), reinterpret_cast<const char*>(section.data()),
                                 reinterpret_cast<const char*>(section.data()) + section.size());
  REQUIRE(begin != whole.end());
  const auto at = static_cast<std::size_t>(begin - whole.begin());
  std::mt19937 random(4711);
  for (int round = 0; round < 100; ++round) {
    std::vector<char> damaged = whole;
    damaged[at + random() % section.size()] ^= static_cast<char>(1 + random() % 255);
    write_to(program, damaged);
    const std::unique_ptr<ElfFile> opened = open_elf(program);
    REQUIRE(opened);
    // Checksums find most of it; what they don't find is an ELF file to be distrusted like any other.
    const SymbolTable symbols(*opened, nullptr);
    symbols.find(0x2000);
  }
}

TEST_CASE("sections compressed by zstd") {
  if (access(fixture("plain-zstd").c_str(), R_OK) != 0) return;  // objcopy knows no zstd
  const Options options{.debug_directories = {}};
  StringPool strings;
  Module expected(open_elf(fixture("plain-o2")), fixture("plain-o2"), options, strings);
  Module packed(open_elf(fixture("plain-zstd")), fixture("plain-zstd"), options, strings);
  std::size_t named = 0;
  for (const uint64_t address : addresses_in(fixture("plain-o2"))) {
    const Module::Description theirs = expected.describe(address, address, false);
    const Module::Description ours = packed.describe(address, address, false);
    REQUIRE(ours.frames.size() == theirs.frames.size());
    CHECK(ours.frames[0].line == theirs.frames[0].line);
    named += ours.frames[0].line != 0;
  }
  CHECK(named > 50);
  // And damaged.
  const TemporaryDirectory directory;
  const std::string program = directory.path + "/program";
  const std::vector<char> whole = contents_of(fixture("plain-zstd"));
  std::mt19937 random(4711);
  for (int round = 0; round < 200; ++round) {
    std::vector<char> damaged = whole;
    for (int i = 0; i < 4; ++i)
      damaged[whole.size() / 4 + random() % (whole.size() * 3 / 4)] = static_cast<char>(random());
    write_to(program, damaged);
    std::unique_ptr<ElfFile> opened = open_elf(program);
    if (!opened) continue;
    Module module(std::move(opened), program, options, strings);
    CHECK(!module.describe(0x1100, 0x1100, false).frames.empty());
  }
}

}  // namespace sightline::symbolizer::testing
