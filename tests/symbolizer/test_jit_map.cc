// Names of code that lies in no file.
#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>

#include "symbolizer/jit_map.h"
#include "symbolizer/symbolizer.h"

namespace sightline::symbolizer {
namespace {

class MapFile {
 public:
  MapFile() {
    char name[] = "/tmp/sightline-test-XXXXXX";
    const int fd = mkstemp(name);
    REQUIRE(fd >= 0);
    close(fd);
    path_ = name;
  }
  ~MapFile() { unlink(path_.c_str()); }
  const std::string& path() const { return path_; }
  void add(const std::string& text) const { std::ofstream(path_, std::ios::app) << text; }

 private:
  std::string path_;
};

std::string name_at(JitMap& map, uint64_t pc) {
  const JitMap::Piece* piece = map.find(pc);
  return piece == nullptr ? "-" : piece->name;
}

}  // namespace

TEST_CASE("pieces of code are found by their addresses, while the file grows") {
  const MapFile file;
  JitMap map({"/none/such", file.path()});
  CHECK(name_at(map, 0x1000) == "-");
  file.add("1000 10 first\n2000 20 second one\n");
  CHECK(name_at(map, 0xfff) == "-");
  CHECK(name_at(map, 0x1000) == "first");
  CHECK(name_at(map, 0x100f) == "first");
  CHECK(name_at(map, 0x1010) == "-");
  CHECK(name_at(map, 0x201f) == "second one");
  file.add("3000 8 thi");
  CHECK(name_at(map, 0x3000) == "-");  // half a line
  file.add("rd\n");
  CHECK(name_at(map, 0x3000) == "third");
}

TEST_CASE("code that replaces other code takes its addresses, and no more") {
  const MapFile file;
  JitMap map({file.path()});
  file.add("1000 100 old\n");
  const uint32_t number = map.find(0x1050)->number;
  file.add("1040 20 new\n");
  CHECK(name_at(map, 0x103f) == "old");
  CHECK(name_at(map, 0x1040) == "new");
  CHECK(name_at(map, 0x105f) == "new");
  CHECK(name_at(map, 0x1060) == "old");
  CHECK(map.find(0x1050)->number != number);
  file.add("f80 f0 newer\n");
  CHECK(name_at(map, 0xf80) == "newer");
  CHECK(name_at(map, 0x1050) == "newer");
  CHECK(name_at(map, 0x106f) == "newer");
  CHECK(name_at(map, 0x1070) == "old");
  CHECK(name_at(map, 0x10ff) == "old");
  CHECK(name_at(map, 0x1100) == "-");
  file.add("0 2000 all\n");
  CHECK(name_at(map, 0) == "all");
  CHECK(name_at(map, 0x1fff) == "all");
}

TEST_CASE("the map agrees with a table of every address") {
  const MapFile file;
  JitMap map({file.path()});
  std::mt19937 engine(3);
  const auto random = [&] { return static_cast<unsigned>(engine()); };
  std::vector<std::string> table(512, "-");
  for (int i = 0; i < 400; ++i) {
    const unsigned start = random() % 500;
    const unsigned size = random() % (512 - start);
    char line[64];
    std::snprintf(line, sizeof line, "%s%x %x n%d\n", i % 2 != 0 ? "0x" : "", start, size, i);
    file.add(line);
    for (unsigned at = start; at < start + size; ++at) table[at] = std::string("n").append(std::to_string(i));
    for (unsigned at = 0; at < 512; at += 1 + random() % 7) REQUIRE(name_at(map, at) == table[at]);
  }
}

TEST_CASE("what is no line of a map is skipped, and names can't harm a terminal") {
  const MapFile file;
  JitMap map({file.path()});
  file.add(
      "\n \nx\n1000\n1000 \n1000 10\nzz 10 a\n1000 zz a\n1000 0 empty\nffffffffffffff00 1000 wraps\n-5 10 minus\n" +
      std::string(100000, 'y') + "\n2000 10 \x1b[31mred\n3000 10 " + std::string(5000, 'n') + "\n");
  CHECK(name_at(map, 0x1000) == "-");
  CHECK(name_at(map, 0xffffffffffffff00) == "-");
  CHECK(name_at(map, 0x2000) == "?[31mred");
  CHECK(name_at(map, 0x3000) == std::string(1024, 'n'));
  JitMap device({"/dev/zero", "/proc/self/fd"});
  CHECK(name_at(device, 1) == "-");
}

TEST_CASE("what the names of known compilers say") {
  struct Case {
    const char* name;
    const char* function;
    const char* file;
    uint32_t line;
    uint32_t column;
    bool is_runtime;
  };
  for (const Case& c :
       {Case{"JS:*load /home/me/a.js:3:14", "load", "/home/me/a.js", 3, 14, false},
        Case{"LazyCompile:~main /home/me/a b.js:12", "main", "/home/me/a b.js", 12, 0, false},
        Case{"JS:^x file:///srv/m.mjs:7:1", "x", "/srv/m.mjs", 7, 1, false},
        Case{"Script:~ /home/me/a.js:1:1", "", "/home/me/a.js", 1, 1, false},
        Case{"JS:~readFileSync node:fs:441:22", "readFileSync", "node:fs", 441, 22, true},
        Case{"JS:*anonymous", "anonymous", "", 0, 0, false}, Case{"Builtin:CEntry", "Builtin:CEntry", "", 0, 0, true},
        Case{"BytecodeHandler:LdaZero", "BytecodeHandler:LdaZero", "", 0, 0, true},
        Case{"py::load:/home/me/a.py", "load", "/home/me/a.py", 0, 0, false},
        Case{"py::_find:<frozen importlib._bootstrap>", "_find", "<frozen importlib._bootstrap>", 0, 0, true},
        Case{"Lcom/example/Main;::run", "Lcom/example/Main;::run", "", 0, 0, false}, Case{"", "", "", 0, 0, false}}) {
    CAPTURE(c.name);
    const JitName name = parse_jit_name(c.name);
    CHECK(name.function == c.function);
    CHECK(name.file == c.file);
    CHECK(name.line == c.line);
    CHECK(name.column == c.column);
    CHECK(name.is_runtime == c.is_runtime);
  }
}

TEST_CASE("a stack through code without a file has its names, by frame pointers") {
  const MapFile file;
  file.add("10000 100 JS:*inner /home/me/a.js:3:1\n10100 100 JS:~outer /home/me/a.js:9:1\n10200 100 Stub:Entry\n");
  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  const Mapping mapping{.start = 0x10000, .end = 0x20000};
  symbolizer.set_mappings(space, {&mapping, 1});
  symbolizer.set_jit_map(space, {file.path()});
  // rbp → {next rbp, return address}, outward.
  const uint64_t base = 0x7000;
  const uint64_t words[] = {0, 0, base + 0x20, 0x10140, base + 0x30, 0x10210, 0, 0};
  StackSample sample;
  sample.registers.value[Registers::kPc] = 0x10010;
  sample.registers.value[Registers::kSp] = base;
  sample.registers.value[6] = base + 0x10;  // rbp
  sample.address = base;
  sample.bytes = std::as_bytes(std::span(words));
  const Stack& stack = symbolizer.stack(symbolizer.resolve(space, sample, Depth::whole).stack);
  REQUIRE(stack.frames.size() == 3);
  CHECK(stack.frames[0].function == "inner");
  CHECK(stack.frames[0].file == "/home/me/a.js");
  CHECK(stack.frames[0].line == 3);
  CHECK(stack.frames[0].function_offset == 0x10);
  CHECK_FALSE(stack.frames[0].guessed);
  CHECK(stack.frames[1].function == "outer");
  CHECK(stack.frames[1].guessed);
  CHECK(stack.frames[2].function == "Stub:Entry");
  CHECK(stack.user_frame == 0);
  // Compiled anew, at the same place.
  file.add("10000 100 JS:*other /home/me/b.js:1:1\n");
  const Stack& later = symbolizer.stack(symbolizer.resolve(space, sample, Depth::whole).stack);
  CHECK(later.frames[0].function == "other");
  CHECK(stack.frames[0].function == "inner");
}

}  // namespace sightline::symbolizer
