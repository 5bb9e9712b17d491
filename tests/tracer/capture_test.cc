#include "tracer/capture.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <random>
#include <string>

#include "tests/tracer/capture_scene.h"

using sightline::tracer::Abi;
using sightline::tracer::Capture;
using sightline::tracer::CaptureKind;
using sightline::tracer::Capturing;
using sightline::tracer::Fetch;
using sightline::tracer::Phase;
using sightline::tracer::Scene;
using sightline::tracer::Syscall;
namespace tracer = sightline::tracer;

namespace {

constexpr uint64_t kText = 0x10000;

}  // namespace

TEST_CASE("a path is copied up to its end") {
  Scene scene;
  scene.memory.store_text(kText, "/etc/passwd");
  const auto pieces = scene.run("openat", Phase::entry, {static_cast<uint64_t>(-100), kText, 0, 0});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes == "/etc/passwd");
  CHECK(pieces[0].header.kind == CaptureKind::string);
  CHECK(pieces[0].header.address == kText);
  CHECK(pieces[0].header.arg == 1);
  CHECK(pieces[0].header.flags == 0);
  CHECK(scene.memory.reads == 1);
  CHECK(scene.run("openat", Phase::exit, {0, kText, 0, 0}).empty());
}

TEST_CASE("a path that crosses into a second page is whole, one that runs into a hole is a fault") {
  Scene scene;
  scene.memory.store_text(0x10ffa, "/tmp/file");  // 6 bytes in the first page
  auto pieces = scene.run("chdir", Phase::entry, {0x10ffa});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes == "/tmp/file");
  CHECK(pieces[0].header.flags == 0);

  scene.memory.store_text(0x20ffc, "/tmp");  // ends with the page; the next one is missing
  pieces = scene.run("chdir", Phase::entry, {0x20ffc});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes == "/tmp");
  CHECK(pieces[0].fault());

  pieces = scene.run("chdir", Phase::entry, {0x30000});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.empty());
  CHECK(pieces[0].fault());
  CHECK(pieces[0].header.address == 0x30000);

  CHECK(scene.run("chdir", Phase::entry, {0}).empty());
}

TEST_CASE("a path without an end is cut at the limit") {
  Scene scene;
  scene.memory.store_text(kText, std::string(10000, 'x'));
  auto pieces = scene.run("chdir", Phase::entry, {kText});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.size() == 4096);
  CHECK(pieces[0].truncated());
  CHECK_FALSE(pieces[0].fault());

  // The longest path there can be is whole.
  scene.memory.store_text(0x80000, std::string(4095, 'y'));
  pieces = scene.run("chdir", Phase::entry, {0x80000});
  CHECK(pieces[0].bytes == std::string(4095, 'y'));
  CHECK(pieces[0].header.flags == 0);
}

TEST_CASE("payload is cut to the string limit and says how long it is") {
  Scene scene;
  scene.memory.store_text(kText, std::string(1000, 'a'));
  auto pieces = scene.run("write", Phase::entry, {1, kText, 1000});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes == std::string(32, 'a'));
  CHECK(pieces[0].header.wanted == 1000);
  CHECK(pieces[0].truncated());
  CHECK(pieces[0].header.kind == CaptureKind::bytes);

  pieces = scene.run("write", Phase::entry, {1, kText, 32});
  CHECK(pieces[0].bytes.size() == 32);
  CHECK(pieces[0].header.flags == 0);
  CHECK(scene.run("write", Phase::entry, {1, kText, 0}).empty());
  CHECK(scene.run("write", Phase::entry, {1, kText, static_cast<uint64_t>(-1)}).empty());

  scene.limits.string_limit = 4096;
  pieces = scene.run("write", Phase::entry, {1, 0x10000 + 0xf00, 1000});  // the mapped page ends at 0x11000
  CHECK(pieces[0].bytes.size() == 0x100);
  CHECK(pieces[0].fault());
  CHECK_FALSE(pieces[0].truncated());
}

TEST_CASE("what was read is as long as the call returned, and nothing if it failed") {
  Scene scene;
  scene.memory.store_text(kText, "hello, world");
  scene.ret = 5;
  auto pieces = scene.run("read", Phase::exit, {0, kText, 4096});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes == "hello");
  scene.ret = 0;
  CHECK(scene.run("read", Phase::exit, {0, kText, 4096}).empty());
  scene.ret = -14;
  scene.failed = true;
  CHECK(scene.run("read", Phase::exit, {0, kText, 4096}).empty());
  CHECK(scene.run("read", Phase::entry, {0, kText, 4096}).empty());
}

TEST_CASE("a return value larger than the buffer is cut to it") {
  Scene scene;
  scene.memory.store_text(kText, "0123456789");
  scene.ret = 1000;  // recv with MSG_TRUNC returns the datagram's length
  const auto pieces = scene.run("recvfrom", Phase::exit, {3, kText, 4, 0, 0, 0});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes == "0123");
  CHECK(pieces[0].header.wanted == 4);
}

TEST_CASE("a text of exactly the limit is whole") {
  Scene scene;
  scene.memory.store_text(kText, std::string(32, 't'));
  auto pieces = scene.run("finit_module", Phase::entry, {3, kText, 0});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.size() == 32);
  CHECK(pieces[0].header.flags == 0);
  scene.memory.store_text(kText, std::string(33, 't'));
  pieces = scene.run("finit_module", Phase::entry, {3, kText, 0});
  CHECK(pieces[0].bytes.size() == 32);
  CHECK(pieces[0].truncated());
}

TEST_CASE("structures have the size of their ABI") {
  Scene scene;
  scene.memory.map(0x1000, 4096);
  CHECK(scene.run("fstat", Phase::exit, {1, 0x1000})[0].bytes.size() == 144);
  scene.abi = Abi::i386;
  CHECK(scene.run("fstat", Phase::exit, {1, 0x1000})[0].bytes.size() == 64);
  // An i386 pointer has 32 bits, whatever the register's upper half says.
  CHECK(scene.run("fstat", Phase::exit, {1, 0xffff'ffff'0000'1000})[0].header.address == 0x1000);
}

TEST_CASE("a sleep that failed still says what remained") {
  Scene scene;
  scene.memory.map(0x1000, 4096);
  scene.failed = true;
  scene.ret = -4;
  CHECK(scene.run("nanosleep", Phase::exit, {0x1000, 0x1100})[0].header.arg == 1);
  CHECK(scene.run("clock_gettime", Phase::exit, {0, 0x1000}).empty());
}

TEST_CASE("a socket address at exit has the length the kernel wrote") {
  Scene scene;
  scene.memory.map(0x1000, 4096);
  scene.memory.store(0x1800, uint32_t{16});
  scene.ret = 4;
  auto pieces = scene.run("accept", Phase::exit, {3, 0x1000, 0x1800});
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].bytes.size() == 16);
  CHECK(pieces[1].bytes.size() == 4);
  scene.memory.store(0x1800, uint32_t{1000});
  pieces = scene.run("accept", Phase::exit, {3, 0x1000, 0x1800});
  CHECK(pieces[0].bytes.size() == 128);
  CHECK(pieces[0].truncated());
  scene.memory.store(0x1800, int32_t{-1});
  CHECK(scene.run("accept", Phase::exit, {3, 0x1000, 0x1800}).size() == 1);
  CHECK(scene.run("accept", Phase::exit, {3, 0x1000, 0x9000}).size() == 1);  // the length is unreadable
  CHECK(scene.run("accept", Phase::exit, {3, 0, 0}).empty());
  scene.ret = 0;
  CHECK(scene.run("connect", Phase::entry, {3, 0x1000, 110})[0].bytes.size() == 110);
  CHECK(scene.run("connect", Phase::entry, {3, 0x1000, 0xffff'ffff}).empty());
}

TEST_CASE("counts beyond reason, negative or overflowing") {
  Scene scene;
  scene.memory.map(0x1000, 0x10000);
  const auto huge = scene.run("writev", Phase::entry, {1, 0x1000, uint64_t{1} << 60});
  REQUIRE(huge.size() == 1);  // all iovecs are zero
  CHECK(huge[0].bytes.size() == 1024 * 16);
  CHECK(huge[0].truncated());
  CHECK(huge[0].header.wanted == UINT32_MAX);
  CHECK(scene.run("writev", Phase::entry, {1, 0x1000, (uint64_t{1} << 63) + 1}).empty());
  CHECK(scene.run("poll", Phase::entry, {0x1000, 0xffff'ffff, 0}).empty());
  CHECK(scene.run("epoll_ctl", Phase::entry, {3, 1, 4, 0x1000})[0].bytes.size() == 12);
  scene.ret = INT64_MAX;
  const auto events = scene.run("epoll_wait", Phase::exit, {3, 0x1000, 64, 0});
  CHECK(events[0].bytes.size() == 64 * 12);
  const auto whole = scene.run("getdents64", Phase::exit, {3, 0x1000, 0x7fff'ffff});
  CHECK(whole[0].bytes.size() == 0x10000 - sizeof(Capture));  // all that fits in total_limit
  CHECK(whole[0].truncated());
}

TEST_CASE("descriptor sets are as long as the first argument says") {
  Scene scene;
  scene.memory.map(0x1000, 4096);
  CHECK(scene.run("select", Phase::entry, {65, 0x1000, 0, 0, 0})[0].bytes.size() == 16);
  CHECK(scene.run("select", Phase::entry, {0, 0x1000, 0, 0, 0}).empty());
  CHECK(scene.run("select", Phase::entry, {static_cast<uint64_t>(-1), 0x1000, 0, 0, 0}).empty());
  CHECK(scene.run("select", Phase::entry, {0x7fff'ffff, 0x1000, 0, 0, 0})[0].bytes.size() == 4096);
  scene.abi = Abi::i386;
  CHECK(scene.run("_newselect", Phase::entry, {33, 0x1000, 0, 0, 0})[0].bytes.size() == 8);
  // The old call has its arguments in memory.
  scene.memory.store(0x1100, std::array<uint32_t, 5>{33, 0x1000, 0, 0x1010, 0x1020});
  auto pieces = scene.run("select", Phase::entry, {0x1100});
  REQUIRE(pieces.size() == 4);
  CHECK(pieces[0].bytes.size() == 20);
  CHECK(pieces[1].bytes.size() == 8);
  CHECK(pieces[3].header.address == 0x1020);
  CHECK(scene.run("select", Phase::exit, {0x1100}).size() == 3);
}

TEST_CASE("System V messages are a type and a text") {
  Scene scene;
  scene.memory.store(0x1000, uint64_t{42});
  scene.memory.store_text(0x1008, std::string(50, 'm'));
  auto pieces = scene.run("msgsnd", Phase::entry, {1, 0x1000, 50, 0});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.size() == 8 + 32);
  CHECK(pieces[0].header.wanted == 58);
  scene.ret = 3;
  pieces = scene.run("msgrcv", Phase::exit, {1, 0x1000, 50, 0, 0});
  CHECK(pieces[0].bytes.substr(8) == "mmm");
  scene.ret = 0;  // an empty message has a type
  CHECK(scene.run("msgrcv", Phase::exit, {1, 0x1000, 50, 0, 0})[0].bytes.size() == 8);
}

TEST_CASE("ioctl: size and direction by the request") {
  Scene scene;
  scene.memory.map(0x1000, 4096);
  const auto sizes = [&](uint64_t request) {
    const auto in = scene.run("ioctl", Phase::entry, {0, request, 0x1000});
    const auto out = scene.run("ioctl", Phase::exit, {0, request, 0x1000});
    return std::pair{in.empty() ? 0 : in[0].bytes.size(), out.empty() ? 0 : out[0].bytes.size()};
  };
  using Sizes = std::pair<std::size_t, std::size_t>;
  CHECK(sizes(0x5401) == Sizes{0, 36});       // TCGETS
  CHECK(sizes(0x5402) == Sizes{36, 0});       // TCSETS
  CHECK(sizes(0x5413) == Sizes{0, 8});        // TIOCGWINSZ
  CHECK(sizes(0x541b) == Sizes{0, 4});        // FIONREAD
  CHECK(sizes(0x5421) == Sizes{4, 0});        // FIONBIO
  CHECK(sizes(0x8927) == Sizes{40, 40});      // SIOCGIFHWADDR
  CHECK(sizes(0x80045430) == Sizes{0, 4});    // TIOCGPTN, encoded
  CHECK(sizes(0xc020660b) == Sizes{32, 32});  // FS_IOC_FIEMAP, encoded
  CHECK(sizes(0x2400) == Sizes{0, 0});        // PERF_EVENT_IOC_ENABLE
  CHECK(sizes(0xae80) == Sizes{0, 0});        // KVM_RUN
  CHECK(sizes(0xffff'ffff) == Sizes{4096, 4096});
  // Where the argument is a number there is nothing to read.
  scene.memory.reads = 0;
  CHECK(scene.run("ioctl", Phase::entry, {0, 0x40049409, 3}).empty());
  CHECK(scene.run("ioctl", Phase::entry, {0, 0x40047477, 1}).empty());
  CHECK(scene.memory.reads == 0);
  scene.abi = Abi::i386;
  CHECK(sizes(0x8927) == Sizes{32, 32});
}

TEST_CASE("commands decide what an argument points to") {
  Scene scene;
  scene.memory.map(0x1000, 4096);
  const auto size = [&](std::string_view name, Phase phase, std::array<uint64_t, 6> args) {
    const auto pieces = scene.run(name, phase, args);
    return pieces.empty() ? 0 : pieces[0].bytes.size();
  };
  CHECK(size("fcntl", Phase::entry, {3, 5, 0x1000}) == 32);  // F_GETLK
  CHECK(size("fcntl", Phase::exit, {3, 5, 0x1000}) == 32);
  CHECK(size("fcntl", Phase::exit, {3, 6, 0x1000}) == 0);                  // F_SETLK
  CHECK(size("fcntl", Phase::entry, {3, 2, 0x1000}) == 0);                 // F_SETFD
  CHECK(size("futex", Phase::entry, {0x2000, 128, 1, 0x1000}) == 16);      // FUTEX_WAIT_PRIVATE
  CHECK(size("futex", Phase::entry, {0x2000, 129, 1, 0x1000}) == 0);       // FUTEX_WAKE_PRIVATE
  CHECK(size("futex", Phase::entry, {0x2000, 3, 1, 0x1000}) == 0);         // FUTEX_REQUEUE: val2
  CHECK(size("prctl", Phase::exit, {37, 0x1000}) == 4);                    // PR_GET_CHILD_SUBREAPER
  CHECK(size("prctl", Phase::entry, {38, 0x1000}) == 0);                   // PR_SET_NO_NEW_PRIVS
  CHECK(size("ptrace", Phase::exit, {1, 77, 0x1000, 0x1000}) == 8);        // PTRACE_PEEKTEXT
  CHECK(size("ptrace", Phase::exit, {12, 77, 0, 0x1000}) == 216);          // PTRACE_GETREGS
  CHECK(size("quotactl", Phase::exit, {0x80000700, 0, 0, 0x1000}) == 72);  // Q_GETQUOTA
  CHECK(size("quotactl_fd", Phase::exit, {3, 0x80000700, 0, 0x1000}) == 72);
  CHECK(size("seccomp", Phase::entry, {2, 0, 0x1000}) == 4);      // SECCOMP_GET_ACTION_AVAIL
  CHECK(size("fsconfig", Phase::entry, {3, 6, 0, 0x1000}) == 0);  // FSCONFIG_CMD_CREATE
  scene.memory.store_text(0x1000, "worker");
  CHECK(scene.run("prctl", Phase::entry, {15, 0x1000})[0].bytes == "worker");          // PR_SET_NAME
  CHECK(scene.run("fsconfig", Phase::entry, {3, 1, 0, 0x1000})[0].bytes == "worker");  // FSCONFIG_SET_STRING
  CHECK(scene.run("keyctl", Phase::entry, {1, 0x1000})[0].bytes == "worker");          // KEYCTL_JOIN_SESSION_KEYRING
  // A seccomp program brings its instructions along.
  scene.memory.store(0x1100, std::array<uint64_t, 2>{3, 0x1200});
  const auto program = scene.run("seccomp", Phase::entry, {1, 0, 0x1100});
  REQUIRE(program.size() == 2);
  CHECK(program[1].bytes.size() == 24);
  scene.abi = Abi::i386;
  CHECK(size("fcntl64", Phase::entry, {3, 5, 0x1000}) == 16);
  CHECK(size("fcntl64", Phase::entry, {3, 12, 0x1000}) == 24);
  CHECK(size("futex", Phase::entry, {0x2000, 0, 1, 0x1000}) == 8);
  CHECK(size("futex_time64", Phase::entry, {0x2000, 0, 1, 0x1000}) == 16);
}

TEST_CASE("the rest: iocbs, masks, handles, attributes, pages") {
  Scene scene;
  scene.memory.map(0x1000, 8192);
  scene.memory.store(0x1000, std::array<uint64_t, 2>{0x1100, 0x1200});
  auto pieces = scene.run("io_submit", Phase::entry, {0x7000, 2, 0x1000});
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[2].bytes.size() == 64);
  CHECK(scene.run("set_mempolicy", Phase::entry, {1, 0x1000, 65})[0].bytes.size() == 16);
  scene.memory.store(0x1400, std::array<uint32_t, 2>{12, 1});
  CHECK(scene.run("name_to_handle_at", Phase::exit, {0, 0, 0x1400, 0, 0})[0].bytes.size() == 20);
  CHECK(scene.run("name_to_handle_at", Phase::entry, {0, 0, 0x1400, 0, 0})[0].bytes.size() == 8);
  scene.memory.store(0x1400, std::array<uint32_t, 2>{0xffff'ffff, 1});
  CHECK(scene.run("open_by_handle_at", Phase::entry, {0, 0x1400, 0})[0].bytes.size() == 136);
  scene.memory.store(0x1500, std::array<uint64_t, 2>{0x1600, 4});
  scene.memory.store_text(0x1600, "attr");
  pieces = scene.run("setxattrat", Phase::entry, {0, 0, 0, 0, 0x1500, 16});
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[1].bytes == "attr");
  // clone3: flags CLONE_PARENT_SETTID, pidfd, child_tid, parent_tid
  scene.memory.store(0x1700, std::array<uint64_t, 4>{0x100000, 0x1800, 0, 0x1804});
  CHECK(scene.run("clone3", Phase::entry, {0x1700, 88})[0].bytes.size() == 88);
  pieces = scene.run("clone3", Phase::exit, {0x1700, 88});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].header.address == 0x1804);
  CHECK(scene.run("mincore", Phase::exit, {0x100000, 4097, 0x1000})[0].bytes.size() == 2);
}

TEST_CASE("room that runs out") {
  Scene scene;
  scene.memory.store_text(0x2000, std::string(300, 'p'));
  for (scene.out_size = 0; scene.out_size < 400; ++scene.out_size) {
    const auto pieces = scene.run("link", Phase::entry, {0x2000, 0x2000});
    if (scene.out_size < sizeof(Capture)) {
      CHECK(pieces.empty());
    } else if (scene.out_size < sizeof(Capture) + 304) {
      REQUIRE(pieces.size() == 1);
      CHECK(pieces[0].bytes.size() == (scene.out_size & ~std::size_t{7}) - sizeof(Capture));
      CHECK(pieces[0].truncated());
    }
  }
  scene.out_size = 65536;
  scene.limits.total_limit = 100;
  CHECK(scene.run("link", Phase::entry, {0x2000, 0x2000}).size() == 1);
  scene.limits.total_limit = 0;
  CHECK(scene.run("link", Phase::entry, {0x2000, 0x2000}).empty());
}

namespace {

/// An argument of the kind that finds mistakes: small, negative, huge, at an edge, into the mapped memory.
uint64_t odd_value(std::mt19937_64& random) {
  switch (random() % 8) {
    case 0:
      return random() % 64;
    case 1:
      return static_cast<uint64_t>(-static_cast<int64_t>(random() % 64));
    case 2:
      return uint64_t{1} << (random() % 64);
    case 3:
      return (uint64_t{1} << (random() % 64)) - 1;
    case 4:
      return random();
    default:
      return 0x10000 + random() % 0x6000;
  }
}

}  // namespace

TEST_CASE("random calls on random memory write what walk() accepts and nothing beyond") {
  std::mt19937_64 random(20240607);
  Scene scene;
  // Memory of odd values, so that pointers in it lead on; a hole at 0x13000 and the end at 0x16000.
  for (uint64_t address = 0x10000; address < 0x16000; address += 8) {
    if (address / 4096 != 0x13) scene.memory.store(address, odd_value(random));
  }
  for (const Abi abi : {Abi::x86_64, Abi::i386, Abi::x32}) {
    for (int32_t number = 0; number < tracer::syscall_limit(abi); ++number) {
      const Syscall* syscall = tracer::find_syscall(abi, number);
      if (syscall == nullptr || syscall->captures.empty()) continue;
      for (int round = 0; round < 12; ++round) {
        scene.abi = abi;
        scene.out_size = random() % 3 == 0 ? random() % 512 : random() % 20000;
        scene.ret = static_cast<int64_t>(odd_value(random));
        scene.failed = random() % 4 == 0;
        scene.limits = {.string_limit = static_cast<uint32_t>(odd_value(random)),
                        .path_limit = static_cast<uint32_t>(odd_value(random)),
                        .array_limit = static_cast<uint32_t>(odd_value(random)),
                        .total_limit = static_cast<uint32_t>(odd_value(random)),
                        .env_strings = random() % 2 == 0};
        std::array<uint64_t, 6> args;
        for (uint64_t& arg : args) arg = odd_value(random);
        if (random() % 2 == 0) args[random() % 3] = random() % 32;  // commands
        INFO(syscall->name);
        scene.run(*syscall, random() % 2 == 0 ? Phase::entry : Phase::exit, args);
      }
    }
  }
}

TEST_CASE("random tables") {
  std::mt19937_64 random(4711);
  Scene scene;
  for (uint64_t address = 0x10000; address < 0x16000; address += 8) {
    if (address / 4096 != 0x13) scene.memory.store(address, odd_value(random));
  }
  const Syscall* any = tracer::find_syscall(Abi::x86_64, tracer::find_syscall_number(Abi::x86_64, "mmap"));
  for (int round = 0; round < 5000; ++round) {
    std::array<Capturing, 4> captures;
    for (Capturing& what : captures) {
      what.fetch = static_cast<Fetch>(random() % (static_cast<uint64_t>(Fetch::by_io_uring_register) + 1));
      what.phase = random() % 2 == 0 ? Phase::entry : Phase::exit;
      what.arg = static_cast<uint8_t>(random() % 8);
      what.len_arg = static_cast<uint8_t>(random() % 8);
      what.size = static_cast<uint16_t>(odd_value(random));
      what.limit = static_cast<uint16_t>(odd_value(random));
      what.flags = static_cast<uint8_t>(random() % 4);
    }
    Syscall syscall = *any;
    syscall.captures = captures;
    scene.abi = static_cast<Abi>(random() % 3);
    scene.out_size = random() % 5000;
    scene.ret = static_cast<int64_t>(odd_value(random));
    scene.failed = random() % 4 == 0;
    std::array<uint64_t, 6> args;
    for (uint64_t& arg : args) arg = odd_value(random);
    scene.run(syscall, random() % 2 == 0 ? Phase::entry : Phase::exit, args);
  }
}
