// Files, lines and inlined calls at many addresses, compared with other tools' answers.
#include <doctest/doctest.h>
#include <unistd.h>

#include <climits>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "symbolizer/module.h"
#include "tests/symbolizer/live_process.h"
#include "tests/symbolizer/oracle.h"

namespace sightline::symbolizer::testing {
namespace {

ElfFile::Opened open_elf(const std::string& path) {
  std::string reason;
  UniqueFd fd = ElfFile::open_regular(path, reason);
  REQUIRE_MESSAGE(fd, path << ": " << reason);
  return ElfFile::open(std::move(fd));
}

/// Some `count` addresses spread over the functions in .text. (Of the padding between them, tools think differently.)
std::vector<uint64_t> spread_over_text(const ElfFile& file, std::size_t count) {
  std::size_t names = 0;
  REQUIRE(elf_getshdrstrndx(file.elf(), &names) == 0);
  const SymbolTable symbols(file, nullptr);
  std::vector<uint64_t> addresses;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(file.elf(), section));) {
    GElf_Shdr header;
    REQUIRE(gelf_getshdr(section, &header));
    if (std::string(elf_strptr(file.elf(), names, header.sh_name)) != ".text") continue;
    const uint64_t stride = std::max<uint64_t>(header.sh_size / count, 1);
    for (uint64_t at = 0; at < header.sh_size; at += stride) {
      if (symbols.find(header.sh_addr + at)) addresses.push_back(header.sh_addr + at);
    }
  }
  REQUIRE(!addresses.empty());
  return addresses;
}

std::string text_of(const std::vector<SourceLine>& chain) {
  std::string text;
  for (const SourceLine& one : chain) {
    text += ' ' + one.file + ':' + std::to_string(one.line) + ':' + std::to_string(one.column);
  }
  return text;
}

/// Whether our chain is the tool's. Where DWARF says line 0 we give a line nearby, which no tool does.
bool agrees(const std::vector<Frame>& ours, const std::vector<SourceLine>& theirs, bool with_columns) {
  if (ours.size() != theirs.size()) return false;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (ours[i].inlined != (i + 1 < ours.size())) return false;
    if (ours[i].line_is_near && theirs[i].line == 0) continue;
    if (ours[i].file != theirs[i].file || ours[i].line != theirs[i].line) return false;
    if (with_columns && ours[i].column != theirs[i].column) return false;
  }
  return true;
}

/// Compares at `count` addresses. eu-addr2line loses or invents an inlined call here and there (its 0.188, with
/// functions in several pieces), so an address where it disagrees is put to binutils' addr2line, whose word counts.
void compare(const std::string& path, std::size_t count, bool has_aranges, const std::string& tool = "addr2line") {
  CAPTURE(path);
  ElfFile::Opened opened = open_elf(path);
  REQUIRE(opened.file);
  const std::vector<uint64_t> addresses = spread_over_text(*opened.file, count);
  const auto first = has_aranges ? addr2line("eu-addr2line", path, addresses) : std::nullopt;
  const auto second = addr2line(tool, path, addresses);
  if (has_aranges ? !first : !second) {
    MESSAGE("elfutils or binutils is not installed: nothing to compare with");
    return;
  }
  Options options;
  options.debug_directories = {};
  StringPool strings;
  Module module(std::move(opened.file), path, options, strings);
  std::size_t known = 0;
  std::size_t inlined = 0;
  std::size_t second_opinions = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    const Module::Description ours = module.describe(addresses[i], addresses[i], false);
    std::vector<SourceLine> lines;
    for (const Frame& frame : ours.frames) {
      lines.push_back({.file = std::string(frame.file), .line = frame.line, .column = frame.column});
      known += frame.line != 0;
      inlined += frame.inlined;
    }
    if (first && agrees(ours.frames, (*first)[i], true)) continue;
    CAPTURE(addresses[i]);
    INFO("ours:" << text_of(lines));
    INFO("eu-addr2line:" << (first ? text_of((*first)[i]) : ""));
    INFO(tool << ":" << (second ? text_of((*second)[i]) : ""));
    CHECK((second && agrees(ours.frames, (*second)[i], false)));
    ++second_opinions;
  }
  CHECK(known > addresses.size() / 10);
  if (first) CHECK(second_opinions < addresses.size() / 10);
  MESSAGE(path << ": " << addresses.size() << " addresses, " << known << " lines, " << inlined << " inlined, "
               << second_opinions << " second opinions");
}

}  // namespace

TEST_CASE("lines and inlined calls agree with other tools") {
  for (const char* name : {"calls-o0", "calls-o2", "calls-o3", "calls-fp", "plain-o2", "plain-gz", "libfixture.so"}) {
    compare(fixture(name), 500, true);
  }
}

TEST_CASE("lines and inlined calls of a large program agree with other tools") {
  char self[PATH_MAX] = {};
  REQUIRE(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  compare(self, 1000, true);
}

TEST_CASE("without .debug_aranges lines are found as well") {
  // binutils' addr2line 2.40 loses the inlined calls of functions whose ranges DWARF 5 refers to by index.
  if (access(fixture("calls-clang-5").c_str(), R_OK) == 0)
    compare(fixture("calls-clang-5"), 1000, false, "llvm-addr2line-14");
  for (const char* name : {"plain-clang", "calls-clang-4"})
    if (access(fixture(name).c_str(), R_OK) == 0) compare(fixture(name), 1000, false);
}

namespace {

/// What two readers of the same DWARF say, frame by frame.
void compare_readers(const std::string& path, uint64_t stride) {
  CAPTURE(path);
  const ElfFile::Opened first = open_elf(path);
  const ElfFile::Opened second = open_elf(path);
  REQUIRE(first.file);
  REQUIRE(second.file);
  DwarfIndex ours(*first.file, nullptr, *first.file);
  REQUIRE(ours.is_complete());
  const std::unique_ptr<LibdwInfo> theirs = LibdwInfo::open(*second.file, nullptr, *second.file, path);
  REQUIRE(theirs);
  std::size_t addresses = 0;
  std::size_t frames = 0;
  for (const uint64_t address : spread_over_text(*first.file, 1'000'000 / stride)) {
    CAPTURE(address);
    const std::vector<SourceFrame> mine = ours.find(address);
    const std::vector<SourceFrame> other = theirs->find(address);
    ++addresses;
    REQUIRE(mine.size() == other.size());
    for (std::size_t i = 0; i < mine.size(); ++i) {
      CAPTURE(i);
      ++frames;
      CHECK(mine[i].linkage_name == other[i].linkage_name);
      // Where there is a mangled name, ours leaves out the scopes, which nobody asks for.
      if (mine[i].linkage_name.empty()) CHECK(mine[i].name == other[i].name);
      CHECK(mine[i].function_start == other[i].function_start);
      CHECK(mine[i].file == other[i].file);
      CHECK(mine[i].line == other[i].line);
      CHECK(mine[i].column == other[i].column);
      CHECK(mine[i].line_is_near == other[i].line_is_near);
    }
  }
  CHECK(addresses > 100);
  MESSAGE(path << ": " << addresses << " addresses, " << frames << " frames");
}

}  // namespace

TEST_CASE("our reader of DWARF says what libdw says") {
  for (const char* name : {"calls-o0", "calls-o2", "calls-o3", "calls-fp", "plain-o2", "plain-gz", "libfixture.so",
                           "plain-clang", "calls-clang-4", "calls-clang-5"}) {
    const bool is_optional = std::string_view(name).find("clang") != std::string_view::npos;
    if (!is_optional || access(fixture(name).c_str(), R_OK) == 0) compare_readers(fixture(name), 100);
  }
  char self[PATH_MAX] = {};
  REQUIRE(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
  compare_readers(self, 500);
}

namespace {

/// Checks that two files with the same code but other debug information have the same names and lines.
void same_everywhere(const std::string& one, const std::string& other) {
  const std::vector<uint64_t> addresses = spread_over_text(*open_elf(fixture(one)).file, 200);
  Options options;
  options.debug_directories = {};
  StringPool strings;
  Module expected(open_elf(fixture(one)).file, fixture(one), options, strings);
  Module found(open_elf(fixture(other)).file, fixture(other), options, strings);
  std::size_t known = 0;
  for (const uint64_t address : addresses) {
    const Module::Description theirs = expected.describe(address, address, false);
    const Module::Description ours = found.describe(address, address, false);
    REQUIRE(ours.frames.size() == theirs.frames.size());
    for (std::size_t i = 0; i < ours.frames.size(); ++i) {
      CHECK(ours.frames[i].file == theirs.frames[i].file);
      CHECK(ours.frames[i].line == theirs.frames[i].line);
      CHECK(ours.frames[i].function == theirs.frames[i].function);
      known += ours.frames[i].line != 0;
    }
  }
  CHECK(known > addresses.size() / 4);
}

}  // namespace

TEST_CASE("separate debug information is found by .gnu_debuglink") {
  const ElfFile::Opened stripped = open_elf(fixture("calls-stripped"));
  REQUIRE(stripped.file);
  REQUIRE_FALSE(stripped.file->has_section(".debug_info"));
  REQUIRE_FALSE(stripped.file->has_section(".symtab"));
  same_everywhere("calls-o2", "calls-stripped");
}

TEST_CASE("split DWARF") {
  // The tools above know its lines but not its inlined calls.
  same_everywhere("plain-o2", "plain-split");
}

TEST_CASE("separate debug information is found by build-id") {
  char directory[] = "/tmp/sightline-test-XXXXXX";
  REQUIRE(mkdtemp(directory));
  const std::string root = directory;
  const std::string program = root + "/program";
  std::filesystem::copy_file(fixture("calls-stripped"), program);
  Options options;
  options.debug_directories = {root + "/debug"};
  const std::string id = open_elf(program).file->build_id();
  REQUIRE(id.size() > 8);
  const std::string home = root + "/debug/.build-id/" + id.substr(0, 2);
  std::filesystem::create_directories(home);
  StringPool strings;
  {
    Module without(open_elf(program).file, program, options, strings);
    CHECK(without.describe(0x1000, 0x1000, false).frames[0].line == 0);
    CHECK(without.reason_without_lines() == "no debug information");
  }
  // Another program's file under the right name must not be believed.
  std::filesystem::copy_file(fixture("calls-o0"), home + "/" + id.substr(2) + ".debug");
  {
    Module wrong(open_elf(program).file, program, options, strings);
    CHECK(wrong.describe(0x1000, 0x1000, false).frames[0].line == 0);
    CHECK(wrong.reason_without_lines() == "no debug information");
  }
  std::filesystem::copy_file(fixture("calls-stripped.debug"), home + "/" + id.substr(2) + ".debug",
                             std::filesystem::copy_options::overwrite_existing);
  Module with(open_elf(program).file, program, options, strings);
  std::size_t known = 0;
  for (const uint64_t address : spread_over_text(*open_elf(fixture("calls-o2")).file, 100)) {
    known += with.describe(address, address, false).frames[0].line != 0;
  }
  CHECK(known > 20);
  CHECK(with.reason_without_lines() == "");
  std::filesystem::remove_all(root);
}

TEST_CASE("inlined functions have their full names") {
  ElfFile::Opened opened = open_elf(fixture("calls-o2"));
  REQUIRE(opened.file);
  const std::vector<uint64_t> addresses = spread_over_text(*opened.file, 5000);
  Options options;
  options.debug_directories = {};
  StringPool strings;
  Module module(std::move(opened.file), fixture("calls-o2"), options, strings);
  std::set<std::string> names;
  for (const uint64_t address : addresses) {
    for (const Frame& frame : module.describe(address, address, false).frames) {
      if (frame.inlined) names.emplace(frame.function);
    }
  }
  CHECK(names.contains("(anonymous namespace)::put_inlined"));
  CHECK(names.contains("(anonymous namespace)::put_inlined_twice"));
  CHECK(names.contains("(anonymous namespace)::sort_in_cpp::{lambda}::operator()"));
  CHECK(names.contains("std::basic_ofstream<char, std::char_traits<char> >::basic_ofstream"));
  for (const std::string& name : names) CHECK_FALSE(name.starts_with("operator()"));
}

TEST_CASE("a table of abbreviations ends at its zero, not where bytes do") {
  // 1: subprogram, children, name (string); 2: variable, no children, type (ref4).
  const std::vector<uint8_t> bytes = {1, 0x2e, 1, 0x03, 0x08, 0, 0, 2, 0x34, 0, 0x49, 0x13, 0, 0, 0};
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    CAPTURE(size);
    DwarfCursor cursor(bytes.data(), size);
    AbbreviationTable table;
    CHECK(table.read(cursor) == (size == bytes.size()));
    CHECK((table.find(1) != nullptr) == (size >= 7));
    CHECK((table.find(2) != nullptr) == (size >= 14));
    CHECK(table.find(3) == nullptr);
  }
}

TEST_CASE("source paths are joined and normalised") {
  CHECK(join_source_path("/home/a/build", "../src/x.c") == "/home/a/src/x.c");
  CHECK(join_source_path("/home/a", "/usr/include/stdio.h") == "/usr/include/stdio.h");
  CHECK(join_source_path("/home/a/", "./x//y/./z.c") == "/home/a/x/y/z.c");
  CHECK(join_source_path("/", "../../x.c") == "/x.c");
  CHECK(join_source_path("", "../x.c") == "../x.c");
  CHECK(join_source_path("", "a/../../x.c") == "../x.c");
  CHECK(join_source_path("./libio", "fileops.c") == "libio/fileops.c");
  CHECK(join_source_path("", "") == "");
}

}  // namespace sightline::symbolizer::testing
