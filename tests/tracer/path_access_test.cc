#include "tracer/path_access.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/tracer/fake_memory.h"

using namespace sightline::tracer;

namespace {

class FakeDescriptors : public FdLookup {
 public:
  FdPath find(int fd) override {
    ++looked_up;
    const auto at = paths.find(fd);
    return {.path = at == paths.end() ? std::string_view() : at->second, .deleted = false};
  }

  std::map<int, std::string> paths = {{AT_FDCWD, "/dir"}, {3, "/dir/wanted"}, {4, "/dir/other"}, {700, "/dir/wanted"}};
  int looked_up = 0;
};

constexpr uint64_t kText = 0x10000;

/// One program, and what is looked for: /dir/wanted.
struct Program {
  FakeMemory memory;
  FakeDescriptors descriptors;
  PathSet paths;

  Program() { REQUIRE(paths.add("/dir/wanted")); }

  uint64_t text(std::string_view text, uint64_t at = kText) {
    memory.store_text(at, std::string(text) + '\0');
    return at;
  }
  bool accesses(Abi abi, std::string_view name, std::array<uint64_t, 6> args) {
    const Syscall* call = find_syscall(abi, find_syscall_number(abi, name));
    REQUIRE(call != nullptr);
    const bool does = sightline::tracer::accesses(*call, {.abi = abi, .args = args.data()}, paths, memory, descriptors);
    if (does) CHECK(can_access_paths(*call));
    return does;
  }
  bool accesses(std::string_view name, std::array<uint64_t, 6> args) { return accesses(Abi::x86_64, name, args); }
};

bool can(Abi abi, std::string_view name) {
  const Syscall* call = find_syscall(abi, find_syscall_number(abi, name));
  REQUIRE_MESSAGE(call != nullptr, name);
  return can_access_paths(*call);
}

constexpr uint64_t kNone = static_cast<uint64_t>(-1);

}  // namespace

TEST_CASE("a set of paths") {
  PathSet set;
  CHECK(set.empty());
  CHECK_FALSE(set.has(""));
  CHECK(set.add("/a"));
  CHECK(set.add("b"));
  CHECK(set.add("/a"));
  CHECK(set.has("/a"));
  CHECK(set.has("b"));
  for (const char* other : {"", "/", "a", "/a/", "/ab", "bb"}) CHECK_FALSE(set.has(other));
  CHECK_FALSE(set.has(std::string_view("/a\0b", 4)));
  CHECK(set.longest() == 2);
  CHECK_FALSE(set.add(std::string(PathSet::kLongest + 1, 'x')));
  CHECK_FALSE(set.add(std::string_view("a\0b", 3)));
  std::size_t added = 0;
  while (added < 1000 && set.add(std::string(PathSet::kLongest, static_cast<char>('c' + added)))) ++added;
  CHECK(added == (PathSet::kBytes - 5) / (PathSet::kLongest + 1));
  CHECK(set.has("b"));
  CHECK(set.add("b"));
}

TEST_CASE("a path argument counts as it reads, wherever it stands") {
  Program program;
  const uint64_t wanted = program.text("/dir/wanted");
  const uint64_t other = program.text("/dir/other", kText + 0x100);
  CHECK(program.accesses("open", {wanted}));
  CHECK_FALSE(program.accesses("open", {other}));
  CHECK(program.accesses("openat", {4, wanted}));
  CHECK(program.accesses("rename", {other, wanted}));
  CHECK(program.accesses("linkat", {4, other, 4, wanted}));
  CHECK(program.accesses("execve", {wanted}));
  CHECK(program.accesses("symlink", {other, wanted}));
  CHECK_FALSE(program.accesses("symlink", {wanted, other}));
  CHECK_FALSE(program.accesses("memfd_create", {wanted}));
  CHECK_FALSE(program.accesses("getcwd", {wanted, 100}));  // it will be overwritten
  for (const char* name : {"", "/dir/wante", "/dir/wanted/", "/dir/wantedx", "/dir//wanted", "wanted", "./wanted"})
    CHECK_FALSE(program.accesses("open", {program.text(name, kText + 0x200)}));
  CHECK(program.paths.add("wanted"));
  CHECK(program.accesses("open", {program.text("wanted", kText + 0x200)}));
}

TEST_CASE("a path in memory that ends") {
  Program program;
  const std::string text("/dir/wanted\0", 12);
  program.memory.store_text(kText + FakeMemory::kPage - 12, text);
  CHECK(program.accesses("open", {kText + FakeMemory::kPage - 12}));
  program.memory.store_text(kText + FakeMemory::kPage - 11, text.substr(0, 11));
  CHECK_FALSE(program.accesses("open", {kText + FakeMemory::kPage - 11}));
  program.memory.store_text(kText + FakeMemory::kPage - 4, text);  // on over two pages
  CHECK(program.accesses("open", {kText + FakeMemory::kPage - 4}));
  CHECK_FALSE(program.accesses("open", {0}));
  CHECK_FALSE(program.accesses("open", {1}));
  CHECK_FALSE(program.accesses("open", {UINT64_MAX - 3}));
  const std::string longest(PathSet::kLongest, 'y');
  REQUIRE(program.paths.add(longest));
  CHECK(program.accesses("open", {program.text(longest, kText + 17)}));
  CHECK_FALSE(program.accesses("open", {program.text(longest + "y", kText + 17)}));
}

TEST_CASE("a descriptor counts by what it refers to") {
  Program program;
  CHECK(program.accesses("read", {3}));
  CHECK_FALSE(program.accesses("read", {4}));
  CHECK_FALSE(program.accesses("read", {5}));
  CHECK_FALSE(program.accesses("read", {kNone}));
  CHECK(program.accesses("close", {3}));
  CHECK(program.accesses("dup2", {4, 3}));
  CHECK(program.accesses("sendfile", {4, 3}));
  CHECK(program.accesses("mmap", {0, 4096, 1, 2, 3, 0}));
  CHECK_FALSE(program.accesses("mmap", {3, 3, 3, 3, kNone, 3}));
  CHECK(program.accesses("epoll_ctl", {4, 1, 3}));
  CHECK_FALSE(program.accesses("fcntl", {4, 0, 3}));
  CHECK_FALSE(program.accesses("pidfd_getfd", {4, 3}));  // another process's
  program.paths = {};
  REQUIRE(program.paths.add("/dir"));
  CHECK_FALSE(program.accesses("unlinkat", {static_cast<uint64_t>(AT_FDCWD), program.text("x")}));
}

TEST_CASE("descriptors in lists") {
  Program program;
  std::vector<pollfd> polled(1000, pollfd{4, POLLIN, 0});
  polled[10].fd = -1;
  const auto poll_all = [&](uint64_t count) {
    program.memory.store(kText, std::as_bytes(std::span(polled)));
    return program.accesses("poll", {kText, count}) && program.accesses("ppoll", {kText, count});
  };
  CHECK_FALSE(poll_all(1000));
  polled[999].fd = 3;
  CHECK(poll_all(1000));
  CHECK_FALSE(poll_all(999));
  CHECK_FALSE(poll_all(0));
  polled[999].fd = 4;
  CHECK_FALSE(poll_all(UINT32_MAX));  // the memory ends first
  CHECK_FALSE(program.accesses("poll", {0, 5}));

  std::array<uint8_t, 128> set = {};
  set[700 / 8] = 1 << 700 % 8;
  constexpr uint64_t kSet = 0x40000;
  constexpr uint64_t kEmpty = kSet + 0x400;
  program.memory.store(kSet, set);
  for (const char* name : {"select", "pselect6"}) {
    CHECK(program.accesses(name, {701, kSet, kEmpty, 0}));
    CHECK(program.accesses(name, {1024, 0, kSet, kEmpty}));
    CHECK(program.accesses(name, {1024, kEmpty, 0, kSet}));
    CHECK_FALSE(program.accesses(name, {700, kSet, kSet, kSet}));
    CHECK_FALSE(program.accesses(name, {1024, kEmpty, kEmpty, kEmpty}));
    CHECK_FALSE(program.accesses(name, {kNone, kSet}));
    CHECK_FALSE(program.accesses(name, {0, kSet}));
  }
  program.descriptors.looked_up = 0;
  CHECK_FALSE(program.accesses("select", {INT32_MAX, kEmpty, 1, 0}));
  CHECK(program.descriptors.looked_up == 0);
}

TEST_CASE("i386: arguments in memory, addresses of 32 bits") {
  Program program;
  constexpr uint64_t kHighBits = 0xffff'ffff'0000'0000;
  CHECK(program.accesses(Abi::i386, "open", {program.text("/dir/wanted") | kHighBits}));
  const uint64_t block = kText + 0x100;
  program.memory.store(block, std::array<uint32_t, 6>{0, 4096, 1, 2, 3, 0});
  CHECK(program.accesses(Abi::i386, "mmap", {block}));
  program.memory.store(block, std::array<uint32_t, 6>{3, 3, 3, 3, 4, 3});
  CHECK_FALSE(program.accesses(Abi::i386, "mmap", {block}));
  constexpr uint64_t kSend = 9;    // SYS_SEND of linux/net.h
  constexpr uint64_t kSocket = 1;  // SYS_SOCKET
  program.memory.store(block, std::array<uint32_t, 4>{3, 0, 0, 0});
  CHECK(program.accesses(Abi::i386, "socketcall", {kSend, block}));
  CHECK_FALSE(program.accesses(Abi::i386, "socketcall", {kSocket, block}));
  CHECK_FALSE(program.accesses(Abi::i386, "socketcall", {kSend, 0x500000}));
  CHECK_FALSE(program.accesses(Abi::i386, "socketcall", {77, block}));
  std::array<uint8_t, 128> set = {};
  set[700 / 8] = 1 << 700 % 8;
  program.memory.store(kText + 0x400, set);
  program.memory.store(block, std::array<uint32_t, 5>{701, 0, 0, kText + 0x400, 0});
  CHECK(program.accesses(Abi::i386, "select", {block}));
  program.memory.store(block, std::array<uint32_t, 5>{700, 0, 0, kText + 0x400, 0});
  CHECK_FALSE(program.accesses(Abi::i386, "select", {block}));
}

TEST_CASE("fsconfig: by its command") {
  Program program;
  const uint64_t wanted = program.text("/dir/wanted");
  const uint64_t key = program.text("source", kText + 0x100);
  CHECK(program.accesses("fsconfig", {4, 3, key, wanted, static_cast<uint64_t>(AT_FDCWD)}));
  CHECK(program.accesses("fsconfig", {4, 5, key, 0, 3}));
  CHECK_FALSE(program.accesses("fsconfig", {4, 1, key, wanted, 3}));
}

TEST_CASE("calls that can't access a path, whatever their arguments") {
  for (const char* name : {"open", "read", "close", "mmap", "poll", "select", "sendto", "connect", "execve",
                           "epoll_wait", "mount", "rename", "dup", "fsconfig"})
    CHECK_MESSAGE(can(Abi::x86_64, name), name);
  for (const char* name :
       {"getpid", "futex", "munmap", "brk", "socket", "socketpair", "pipe2", "eventfd2", "memfd_create", "close_range",
        "rt_sigaction", "exit_group", "clone", "getcwd", "shmat", "epoll_create1"})
    CHECK_FALSE_MESSAGE(can(Abi::x86_64, name), name);
  for (const char* name : {"mmap", "mmap2", "select", "_newselect", "socketcall"})
    CHECK_MESSAGE(can(Abi::i386, name), name);
  CHECK_FALSE(can(Abi::i386, "ipc"));
}
