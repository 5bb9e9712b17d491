// What is mapped where: files replaced, deleted, without a name; address spaces empty or unknown.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "symbolizer/address_space.h"
#include "symbolizer/mapped_file.h"
#include "symbolizer/module.h"
#include "tests/symbolizer/live_process.h"

namespace sightline::symbolizer::testing {
namespace {

/// A directory that goes when the test does.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    char name[] = "/tmp/sightline-test-XXXXXX";
    REQUIRE(mkdtemp(name));
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// An executable mapping of the whole first executable segment of a file, at `start`.
Mapping mapping_of(const std::string& path, uint64_t start = 0x400000000000) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  std::string reason;
  const ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(path, reason));
  REQUIRE(opened.file);
  std::size_t count = 0;
  REQUIRE(elf_getphdrnum(opened.file->elf(), &count) == 0);
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    REQUIRE(gelf_getphdr(opened.file->elf(), static_cast<int>(i), &segment));
    if (segment.p_type != PT_LOAD || !(segment.p_flags & PF_X)) continue;
    return {.start = start,
            .end = start + segment.p_filesz,
            .file_offset = segment.p_offset,
            .device = status.st_dev,
            .inode = status.st_ino,
            .path = path};
  }
  FAIL("no executable segment");
  return {};
}

/// The address of main in a mapping of `path`, plus one: as if main had called something with its first byte.
uint64_t pc_in_main(const std::string& path, const Mapping& mapping) {
  std::string reason;
  const ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(path, reason));
  REQUIRE(opened.file);
  const SymbolTable symbols(*opened.file, nullptr);
  const std::optional<uint64_t> base = opened.file->address_of_offset(mapping.file_offset);
  REQUIRE(base);
  for (uint64_t address = *base; address < *base + (mapping.end - mapping.start); ++address) {
    const auto symbol = symbols.find(address);
    if (symbol && symbol->name == "main") return mapping.start + (address - *base) + 1;
  }
  FAIL("no main");
  return 0;
}

StackSample sample_at(uint64_t pc) {
  StackSample sample;
  sample.registers.value[Registers::kPc] = pc;
  sample.registers.value[Registers::kSp] = 0x7ffc00000000;
  sample.address = 0x7ffc00000000;
  return sample;
}

Frame leaf_of(Symbolizer& symbolizer, SpaceId space, uint64_t pc) {
  const Stack& stack = symbolizer.stack(symbolizer.resolve(space, sample_at(pc), Depth::user_line).stack);
  REQUIRE(!stack.frames.empty());
  REQUIRE(stack.user_frame == static_cast<int32_t>(stack.frames.size()) - 1);
  return stack.frames[0];
}

}  // namespace

TEST_CASE("an address in no mapping is a frame all the same") {
  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  for (const SpaceId which : {space, SpaceId{4711}}) {
    const Resolved resolved = symbolizer.resolve(which, sample_at(0x1234), Depth::whole);
    const Stack& stack = symbolizer.stack(resolved.stack);
    REQUIRE(stack.frames.size() == 1);
    CHECK(stack.frames[0].pc == 0x1234);
    CHECK(stack.frames[0].module == "");
    CHECK(stack.frames[0].function == "");
    CHECK(stack.user_frame == 0);
    CHECK((stack.lost || stack.truncated));
  }
  CHECK(symbolizer.stack(kNoStack).frames.empty());
  CHECK(symbolizer.stack(kNoStack).user_frame == -1);
  CHECK(symbolizer.stack(999999).frames.empty());
  CHECK(symbolizer.modules_without_lines().empty());
}

TEST_CASE("a stack pointer that points nowhere ends the walk behind the leaf") {
  const std::string program = fixture("plain-o2");
  const Mapping mapping = mapping_of(program);
  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  symbolizer.set_mappings(space, {&mapping, 1});
  const std::vector<std::byte> bytes(4096);
  for (const uint64_t sp : {uint64_t{0}, uint64_t{8}, UINT64_MAX, UINT64_MAX - 7, uint64_t{0x7ffc12345678}}) {
    for (const uint64_t address : {uint64_t{0}, UINT64_MAX - 100, uint64_t{0x7ffc12345000}}) {
      StackSample sample = sample_at(pc_in_main(program, mapping));
      sample.registers.value[Registers::kSp] = sp;
      sample.address = address;
      sample.bytes = bytes;
      const Stack& stack = symbolizer.stack(symbolizer.resolve(space, sample, Depth::whole).stack);
      REQUIRE(!stack.frames.empty());
      CHECK(stack.frames[0].function == "main");
    }
  }
}

TEST_CASE("a file that was replaced or deleted gives no names of another one") {
  const TemporaryDirectory directory;
  const std::string path = directory / "program";
  std::filesystem::copy_file(fixture("plain-o2"), path);
  Mapping mapping = mapping_of(path);
  const uint64_t pc = pc_in_main(path, mapping);
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  REQUIRE(fd >= 0);

  // Another file takes the name; the old one still has its inode, so the new one's must differ.
  std::filesystem::copy_file(fixture("plain-o0"), directory / "new");
  std::filesystem::rename(directory / "new", path);

  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  symbolizer.set_mappings(space, {&mapping, 1});
  Frame leaf = leaf_of(symbolizer, space, pc);
  CHECK(leaf.function == "");
  CHECK(leaf.line == 0);
  CHECK(leaf.module == path);
  REQUIRE(symbolizer.modules_without_lines().size() == 1);
  CHECK(symbolizer.modules_without_lines()[0].reason == "the file was replaced since it was mapped");

  mapping.path = path + " (deleted)";
  const SpaceId without_descriptor = symbolizer.create_space();
  symbolizer.set_mappings(without_descriptor, {&mapping, 1});
  CHECK(leaf_of(symbolizer, without_descriptor, pc).function == "");

  // With a descriptor, the deleted file itself is read, also once the caller has closed it.
  mapping.fd = fd;
  const SpaceId with_descriptor = symbolizer.create_space();
  symbolizer.set_mappings(with_descriptor, {&mapping, 1});
  close(fd);
  leaf = leaf_of(symbolizer, with_descriptor, pc);
  CHECK(leaf.function == "main");
  CHECK(leaf.line != 0);
  CHECK(leaf.module == path);

  // And it stays known to those who come later without one.
  mapping.fd = -1;
  const SpaceId later = symbolizer.create_space();
  symbolizer.set_mappings(later, {&mapping, 1});
  CHECK(leaf_of(symbolizer, later, pc).function == "main");
}

TEST_CASE("a file rewritten in place under the same inode is another file") {
  const TemporaryDirectory directory;
  const std::string path = directory / "program";
  std::filesystem::copy_file(fixture("plain-o2"), path);
  const Mapping first = mapping_of(path);
  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  symbolizer.set_mappings(space, {&first, 1});
  CHECK(leaf_of(symbolizer, space, pc_in_main(path, first)).function == "main");

  {
    // Same inode, other contents, and a time stamp that differs however coarse the file system's clock is.
    FILE* file = fopen(path.c_str(), "r+");
    REQUIRE(file);
    REQUIRE(ftruncate(fileno(file), 10) == 0);
    const timespec times[2] = {{1, 0}, {1, 0}};
    REQUIRE(futimens(fileno(file), times) == 0);
    fclose(file);
  }
  const SpaceId other = symbolizer.create_space();
  symbolizer.set_mappings(other, {&first, 1});
  const Frame leaf = leaf_of(symbolizer, other, pc_in_main(fixture("plain-o2"), first));
  CHECK(leaf.function == "");
}

TEST_CASE("a program in a memfd") {
  const int fd = memfd_create("program", MFD_CLOEXEC);
  REQUIRE(fd >= 0);
  const std::string source = fixture("plain-o2");
  FILE* file = fopen(source.c_str(), "r");
  REQUIRE(file);
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;) {
    REQUIRE(write(fd, buffer, got) == static_cast<ssize_t>(got));
  }
  fclose(file);
  Mapping mapping = mapping_of(source);
  const uint64_t pc = pc_in_main(source, mapping);
  struct stat status {};
  REQUIRE(fstat(fd, &status) == 0);
  mapping.device = status.st_dev;
  mapping.inode = status.st_ino;
  mapping.path = "/memfd:program (deleted)";
  mapping.fd = fd;
  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  symbolizer.set_mappings(space, {&mapping, 1});
  close(fd);
  const Frame leaf = leaf_of(symbolizer, space, pc);
  CHECK(leaf.function == "main");
  CHECK(leaf.line != 0);
  CHECK(leaf.module == "/memfd:program");
}

TEST_CASE("what is no regular file is never opened for reading") {
  const TemporaryDirectory directory;
  const std::string fifo = directory / "fifo";
  REQUIRE(mkfifo(fifo.c_str(), 0600) == 0);
  Symbolizer symbolizer;
  for (const std::string& path : {fifo, std::string("/dev/zero"), directory / "missing", std::string("relative")}) {
    const SpaceId space = symbolizer.create_space();
    const Mapping mapping{.start = 0x1000, .end = 0x2000, .path = path};
    symbolizer.set_mappings(space, {&mapping, 1});
    const Frame leaf = leaf_of(symbolizer, space, 0x1800);
    CHECK(leaf.module == path);
    CHECK(leaf.function == "");
  }
  CHECK(symbolizer.modules_without_lines().size() == 4);
}

TEST_CASE("the vDSO has names") {
  const std::vector<Mapping> own = mappings_of(getpid());
  Symbolizer symbolizer;
  const SpaceId space = symbolizer.create_space();
  symbolizer.set_mappings(space, own);
  for (const Mapping& mapping : own) {
    if (mapping.path != "[vdso]") continue;
    std::size_t named = 0;
    for (uint64_t pc = mapping.start + 1; pc < mapping.end; pc += 16) {
      const Frame leaf = leaf_of(symbolizer, space, pc);
      CHECK(leaf.module == "[vdso]");
      named += leaf.function.find("clock_gettime") != std::string_view::npos;
    }
    CHECK(named > 0);
  }
}

TEST_CASE("intervals: in any order, overlapping, empty") {
  AddressSpace space;
  space.assign({{.start = 300, .end = 400, .file = nullptr},
                {.start = 100, .end = 200, .file = nullptr},
                {.start = 150, .end = 250, .file = nullptr},
                {.start = 500, .end = 500, .file = nullptr},
                {.start = 700, .end = 600, .file = nullptr}});
  CHECK(space.find(99) == nullptr);
  REQUIRE(space.find(100));
  CHECK(space.find(100)->start == 100);
  CHECK(space.find(199)->start == 100);
  CHECK(space.find(200) == nullptr);
  CHECK(space.find(300)->start == 300);
  CHECK(space.find(399)->start == 300);
  CHECK(space.find(400) == nullptr);
  CHECK(space.find(500) == nullptr);
  CHECK(space.find(UINT64_MAX) == nullptr);
  CHECK(AddressSpace().find(0) == nullptr);
}

TEST_CASE("many short-lived programs: the oldest unused ones are dropped, and read again when they return") {
  const TemporaryDirectory directory;
  Options options;
  StringPool strings;
  FileTable files(options, strings);
  std::vector<Mapping> mappings;
  for (int i = 0; i < 300; ++i) {
    const std::string path = directory / ("program" + std::to_string(i));
    std::filesystem::copy_file(fixture("plain-nodebug"), path);
    mappings.push_back(mapping_of(path));
  }
  const auto open_descriptors = [] {
    const auto all = std::filesystem::directory_iterator("/proc/self/fd");
    return std::distance(begin(all), end(all));
  };
  const auto before = open_descriptors();
  const std::shared_ptr<MappedFile> kept = files.file_of(mappings[0]);
  Module* const kept_module = files.module_of(*kept);
  REQUIRE(kept_module);
  uint32_t second = 0;
  for (const Mapping& mapping : mappings) {
    const std::shared_ptr<MappedFile> file = files.file_of(mapping);
    CHECK(files.module_of(*file));
    if (&mapping == &mappings[1]) second = file->id();
  }
  CHECK(open_descriptors() - before < 200);
  CHECK(files.module_of(*kept) == kept_module);
  const std::shared_ptr<MappedFile> again = files.file_of(mappings[1]);
  CHECK(again->id() == second);
  CHECK(files.module_of(*again));
}

}  // namespace sightline::symbolizer::testing
