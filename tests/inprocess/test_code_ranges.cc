// What the stub may do by itself: the list of where code is, and the decision that is made by it.
#include <doctest/doctest.h>
#include <linux/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "tracer/inprocess/arena.h"
#include "tracer/inprocess/known_code.h"
#include "tracer/inprocess/layout.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSomewhere = 0x7000'0000'0000;

uint64_t page(uint64_t i) {
  return kSomewhere + i * kPage;
}

bool asks(long nr, std::initializer_list<uint64_t> arguments, const CodeRanges* code) {
  uint64_t args[6] = {};
  std::copy(arguments.begin(), arguments.end(), args);
  return is_for_tracer(static_cast<int32_t>(nr), args, code);
}

struct Fixture {
  Arena::Failure why_not;
  std::unique_ptr<Arena> arena = Arena::create(why_not);
  KnownCode code;

  /// Code in these pages.
  bool begin(std::initializer_list<uint64_t> pages) {
    if (arena == nullptr) {
      MESSAGE("not here");
      return false;
    }
    std::vector<proc::Map> maps;
    for (const uint64_t i : pages) {
      maps.emplace_back();
      maps.back().start = page(i);
      maps.back().end = page(i + 1);
      maps.back().executable = true;
      maps.emplace_back();  // data behind it
      maps.back().start = page(i + 1);
      maps.back().end = page(i + 2);
    }
    code.begin(*arena, maps);
    REQUIRE(code.table() != nullptr);
    return true;
  }
  bool touched(uint64_t i, uint64_t pages = 1) const { return code.table()->touched(page(i), pages * kPage); }
};

}  // namespace

TEST_CASE_FIXTURE(Fixture, "what is known of code") {
  CHECK(code.table() == nullptr);
  code.add(page(1), kPage);  // nobody asks
  if (!begin({2, 5})) return;
  CHECK_FALSE(touched(0));
  CHECK_FALSE(touched(1));
  CHECK(touched(2));
  CHECK_FALSE(touched(3, 2));
  CHECK(touched(3, 3));
  CHECK(touched(0, 100));
  CHECK(code.table()->touched(page(2) + kPage - 1, 1));
  CHECK(code.table()->touched(page(7), ~uint64_t{0}));  // around the end of all addresses
  CHECK(code.table()->touched(kCode, 1));               // the stub, and all that goes with it
  CHECK(code.table()->touched(kEnd - kPage, kPage));
  CHECK_FALSE(code.table()->touched(kEnd, kPage));

  SUBCASE("ranges meet") {
    code.add(page(3), 1);  // the whole page
    CHECK(touched(3));
    CHECK_FALSE(touched(4));
    code.add(page(4), kPage);
    CHECK(touched(4));
    code.remove(page(3), 2 * kPage);
    CHECK(touched(2));
    CHECK_FALSE(touched(3, 2));
    CHECK(touched(5));
  }
  SUBCASE("a piece is taken out") {
    code.add(page(10), 10 * kPage);
    code.remove(page(12), 3 * kPage);
    CHECK(touched(10, 2));
    CHECK_FALSE(touched(12, 3));
    CHECK(touched(15));
    CHECK(touched(19));
    CHECK_FALSE(touched(20));
    code.remove(page(0), 100 * kPage);
    CHECK_FALSE(touched(0, 100));
  }
  SUBCASE("a copy goes its own way") {
    KnownCode copy(code);
    REQUIRE(copy.table() != nullptr);
    CHECK(copy.table() != code.table());
    copy.add(page(30), kPage);
    code.remove(page(2), kPage);
    CHECK(copy.table()->touched(page(30), kPage));
    CHECK(copy.table()->touched(page(2), kPage));
    CHECK_FALSE(touched(30));
    CHECK_FALSE(touched(2));
  }
  SUBCASE("anywhere") {
    code.add_all();
    CHECK(touched(0));
    CHECK(code.table()->touched(0, 1));
  }
}

TEST_CASE_FIXTURE(Fixture, "of more ranges than there is room for, none is lost") {
  if (!begin({})) return;
  // The wider the gap, the later it is closed.
  uint64_t at = 0;
  std::vector<uint64_t> all;
  for (uint64_t i = 0; i < 200; ++i) {
    all.push_back(at);
    code.add(page(at), kPage);
    at += 2 + i;
  }
  CHECK(code.table()->count.load() <= CodeRanges::kMost);
  for (const uint64_t i : all) CHECK(touched(i));
  CHECK_FALSE(touched(all.back() - 1));
  CHECK_FALSE(touched(all.back() + 1));
  CHECK(touched(all[0] + 1));
  // With fewer again, it is exact again.
  for (std::size_t i = 10; i < all.size(); ++i) code.remove(page(all[i]), kPage);
  for (std::size_t i = 0; i < 10; ++i) CHECK(touched(all[i]));
  CHECK_FALSE(touched(all[0] + 1));
}

TEST_CASE_FIXTURE(Fixture, "who reads while it changes finds nothing harmless that is not") {
  if (!begin({1000})) return;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int i = 0; i < 20000; ++i) {
      code.add(page(static_cast<uint64_t>(i % 50)), kPage);
      code.remove(page(static_cast<uint64_t>((i + 25) % 50)), kPage);
    }
    done = true;
  });
  bool always = true;
  do always = always && touched(1000);
  while (!done);
  writer.join();
  CHECK(always);
}

TEST_CASE_FIXTURE(Fixture, "calls on memory") {
  if (!begin({10})) return;
  const CodeRanges* known = code.table();
  constexpr uint64_t kRead = PROT_READ;
  constexpr uint64_t kBoth = PROT_READ | PROT_WRITE;
  constexpr uint64_t kOwn = MAP_PRIVATE | MAP_ANONYMOUS;
  SUBCASE("mmap") {
    CHECK_FALSE(asks(SYS_mmap, {0, kPage, kBoth, kOwn}, known));
    CHECK_FALSE(asks(SYS_mmap, {page(10), kPage, kBoth, kOwn}, known));  // a wish, which is not granted
    CHECK(asks(SYS_mmap, {page(10), kPage, kBoth, kOwn | MAP_FIXED}, known));
    CHECK(asks(SYS_mmap, {page(9), 2 * kPage, kBoth, kOwn | MAP_FIXED}, known));
    CHECK_FALSE(asks(SYS_mmap, {page(9), kPage, kBoth, kOwn | MAP_FIXED}, known));
    CHECK(asks(SYS_mmap, {0, kPage, kRead | PROT_EXEC, kOwn}, known));
    CHECK(asks(SYS_mmap, {0, kPage, kRead, kOwn}, nullptr));
  }
  SUBCASE("munmap and mprotect") {
    for (const long nr : {SYS_munmap, SYS_mprotect}) {
      CHECK_FALSE(asks(nr, {page(9), kPage, kRead}, known));
      CHECK(asks(nr, {page(10), kPage, kRead}, known));
      CHECK(asks(nr, {page(0), 100 * kPage, kRead}, known));
      CHECK(asks(nr, {page(9), kPage, kRead}, nullptr));
    }
    CHECK(asks(SYS_mprotect, {page(9), kPage, PROT_EXEC}, known));
    CHECK(asks(SYS_mprotect, {page(9), kPage, kRead | PROT_GROWSDOWN}, known));
    CHECK(asks(SYS_pkey_mprotect, {page(9), kPage, kRead}, known));
  }
  SUBCASE("mremap") {
    CHECK_FALSE(asks(SYS_mremap, {page(1), kPage, 2 * kPage, MREMAP_MAYMOVE, page(10)}, known));
    CHECK(asks(SYS_mremap, {page(1), kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, page(10)}, known));
    CHECK_FALSE(asks(SYS_mremap, {page(1), kPage, kPage, MREMAP_MAYMOVE | MREMAP_FIXED, page(11)}, known));
    CHECK(asks(SYS_mremap, {page(10), kPage, kPage, MREMAP_MAYMOVE, 0}, known));
    CHECK(asks(SYS_mremap, {page(10), 0, kPage, MREMAP_MAYMOVE, 0}, known));
    CHECK(asks(SYS_mremap, {page(1), kPage, kPage, 0, 0}, nullptr));
  }
}

TEST_CASE("other calls") {
  CHECK_FALSE(asks(SYS_brk, {0}, nullptr));
  CHECK_FALSE(asks(SYS_exit_group, {0}, nullptr));
  for (const int signo : {SIGSYS, SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE})
    CHECK(asks(SYS_rt_sigaction, {static_cast<uint64_t>(signo)}, nullptr));
  CHECK_FALSE(asks(SYS_rt_sigaction, {SIGINT}, nullptr));
  CHECK(asks(SYS_rt_sigaction, {uint64_t{1} << 32 | SIGSYS}, nullptr));  // the kernel looks at 32 bits
  CHECK_FALSE(asks(SYS_arch_prctl, {0x1002}, nullptr));
  CHECK(asks(SYS_arch_prctl, {0x1001}, nullptr));  // ARCH_SET_GS
  CHECK_FALSE(asks(SYS_prctl, {PR_SET_NAME}, nullptr));
  CHECK(asks(SYS_prctl, {PR_SET_SECCOMP}, nullptr));
  CHECK(asks(SYS_prctl, {PR_SET_TSC}, nullptr));
  CHECK_FALSE(asks(SYS_setrlimit, {RLIMIT_NOFILE}, nullptr));
  CHECK(asks(SYS_setrlimit, {RLIMIT_AS}, nullptr));
  CHECK_FALSE(asks(SYS_prlimit64, {0, RLIMIT_AS, 0}, nullptr));
  CHECK(asks(SYS_prlimit64, {0, RLIMIT_AS, 1}, nullptr));
  for (const long nr : {SYS_clone, SYS_execve, SYS_exit, SYS_ptrace, SYS_rt_sigreturn, SYS_seccomp})
    CHECK(asks(nr, {}, nullptr));
}

}  // namespace sightline::tracer::inprocess
