#include "tracer/syscall_table.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>

#include "tracer/subcall.h"

using namespace std::string_view_literals;
using sightline::tracer::Abi;
using sightline::tracer::Capturing;
using sightline::tracer::Fetch;
using sightline::tracer::Phase;
using sightline::tracer::ReturnType;
using sightline::tracer::Syscall;
namespace tracer = sightline::tracer;

namespace {

constexpr std::array kAbis = {Abi::x86_64, Abi::i386, Abi::x32};

const Syscall& call(Abi abi, std::string_view name) {
  const int32_t number = tracer::find_syscall_number(abi, name);
  REQUIRE_MESSAGE(number >= 0, name);
  return *tracer::find_syscall(abi, number);
}

/// "name → number" of a kernel header as installed; empty if there is none.
std::map<std::string, int32_t> read_header(const char* path) {
  std::map<std::string, int32_t> numbers;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string define, name;
    int32_t number = 0;
    if (words >> define >> name >> number && define == "#define" && name.starts_with("__NR_")) {
      numbers.emplace(name.substr(5), number);
    }
  }
  return numbers;
}

bool needs_length(Fetch fetch) {
  const std::set<Fetch> with_length = {Fetch::bytes_arg,   Fetch::bytes_ref,    Fetch::data_arg, Fetch::iovec_arg,
                                       Fetch::iovec_ret,   Fetch::iovec_only,   Fetch::pointees, Fetch::bits,
                                       Fetch::mmsghdr_arg, Fetch::mmsghdr_only, Fetch::fd_set,   Fetch::pages,
                                       Fetch::msgbuf_arg};
  return with_length.contains(fetch);
}

/// The capture of `phase` for the argument of that name.
const Capturing* capture_of(const Syscall& syscall, Phase phase, std::string_view argument) {
  for (const Capturing& what : syscall.captures) {
    if (what.phase == phase && syscall.arguments[what.arg].name == argument) return &what;
  }
  return nullptr;
}

std::string_view type_of(const Syscall& syscall, std::string_view argument) {
  for (const tracer::Argument& candidate : syscall.arguments) {
    if (candidate.name == argument) return tracer::arg_type_name(candidate.type);
  }
  return {};
}

void check_header(Abi abi, const char* path) {
  const std::map<std::string, int32_t> header = read_header(path);
  if (header.empty()) {
    MESSAGE("no " << path << " here");
    return;
  }
  CHECK(header.size() > 300);
  for (const auto& entry : header) {
    INFO(entry.first);
    CHECK(tracer::find_syscall_number(abi, entry.first) == entry.second);
  }
}

}  // namespace

TEST_CASE("every number leads to its name and back") {
  for (const Abi abi : kAbis) {
    std::set<std::string_view> names;
    int known = 0;
    for (int32_t number = -1; number <= tracer::syscall_limit(abi); ++number) {
      const Syscall* syscall = tracer::find_syscall(abi, number);
      if (syscall == nullptr) continue;
      ++known;
      INFO(syscall->name);
      CHECK(names.insert(syscall->name).second);
      CHECK(tracer::find_syscall_number(abi, syscall->name) == number);
    }
    CHECK(known > 340);
  }
}

TEST_CASE("what no table has is not found") {
  for (const Abi abi : kAbis) {
    CHECK(tracer::find_syscall(abi, -1) == nullptr);
    CHECK(tracer::find_syscall(abi, INT32_MIN) == nullptr);
    CHECK(tracer::find_syscall(abi, INT32_MAX) == nullptr);
    CHECK(tracer::find_syscall(abi, tracer::syscall_limit(abi)) == nullptr);
    CHECK(tracer::find_syscall(abi, tracer::syscall_limit(abi) - 1) != nullptr);
    CHECK(tracer::find_syscall_number(abi, "") == -1);
    CHECK(tracer::find_syscall_number(abi, "rea") == -1);
    CHECK(tracer::find_syscall_number(abi, "readz") == -1);
    CHECK(tracer::find_syscall_number(abi, "zzz") == -1);
  }
  CHECK(tracer::find_syscall(static_cast<Abi>(3), 0) == nullptr);
  CHECK(tracer::find_syscall_number(static_cast<Abi>(3), "read") == -1);
}

TEST_CASE("the installed kernel headers agree") {
  check_header(Abi::x86_64, "/usr/include/asm/unistd_64.h");
  check_header(Abi::i386, "/usr/include/asm/unistd_32.h");
}

TEST_CASE("well-known and recent numbers") {
  CHECK(tracer::find_syscall(Abi::x86_64, 0)->name == "read");
  CHECK(tracer::find_syscall(Abi::x86_64, 257)->name == "openat");
  CHECK(tracer::find_syscall(Abi::x86_64, 335)->name == "uretprobe");
  CHECK(tracer::find_syscall(Abi::x86_64, 462)->name == "mseal");
  CHECK(tracer::find_syscall(Abi::x86_64, 470)->name == "listns");
  CHECK(tracer::find_syscall(Abi::i386, 3)->name == "read");
  CHECK(tracer::find_syscall(Abi::i386, 102)->name == "socketcall");
  CHECK(tracer::find_syscall(Abi::i386, 453)->name == "map_shadow_stack");
}

TEST_CASE("x32 shares the common calls and has its own for the rest") {
  CHECK(tracer::find_syscall(Abi::x32, 1)->name == "write");
  CHECK(tracer::find_syscall(Abi::x32, 1) == tracer::find_syscall(Abi::x86_64, 1));
  CHECK(tracer::find_syscall(Abi::x32, 13) == nullptr);  // rt_sigaction is 512
  CHECK(tracer::find_syscall(Abi::x32, 512)->name == "rt_sigaction");
  CHECK(tracer::find_syscall(Abi::x32, 547)->name == "pwritev2");
  CHECK(tracer::find_syscall(Abi::x86_64, 512) == nullptr);
}

TEST_CASE("every argument and every capture makes sense") {
  for (const Abi abi : kAbis) {
    for (int32_t number = 0; number < tracer::syscall_limit(abi); ++number) {
      const Syscall* syscall = tracer::find_syscall(abi, number);
      if (syscall == nullptr) continue;
      INFO(syscall->name);
      CHECK(syscall->arguments.size() <= 6);
      std::set<std::string_view> names;
      for (const tracer::Argument& argument : syscall->arguments) {
        CHECK_FALSE(argument.name.empty());
        CHECK(names.insert(argument.name).second);
        CHECK(static_cast<std::size_t>(argument.type) < tracer::kArgTypeCount);
        CHECK_FALSE(tracer::arg_type_name(argument.type).empty());
      }
      bool exit_seen = false;
      for (const Capturing& what : syscall->captures) {
        CHECK(what.fetch != Fetch::none);
        CHECK(what.arg < syscall->arguments.size());
        CHECK(what.len_arg < syscall->arguments.size());
        if (needs_length(what.fetch)) CHECK(what.len_arg != what.arg);
        if ((what.flags & tracer::kCapturingBounded) != 0) CHECK(what.len_arg != what.arg);
        if (what.fetch == Fetch::bytes || what.fetch == Fetch::bytes_arg) CHECK(what.size > 0);
        if (what.phase == Phase::exit) exit_seen = true;
        if (exit_seen) CHECK(what.phase == Phase::exit);  // entry captures come first
      }
    }
  }
}

TEST_CASE("layouts of 32 bits stand where they apply and nowhere else") {
  CHECK(type_of(call(Abi::x86_64, "nanosleep"), "req") == "timespec");
  CHECK(type_of(call(Abi::i386, "nanosleep"), "req") == "timespec32");
  CHECK(type_of(call(Abi::x32, "nanosleep"), "req") == "timespec");
  CHECK(type_of(call(Abi::i386, "clock_gettime64"), "tp") == "timespec64");
  CHECK(type_of(call(Abi::x32, "rt_sigaction"), "act") == "sigaction32");
  CHECK(type_of(call(Abi::x32, "rt_sigtimedwait"), "timeout") == "timespec64");
  CHECK(type_of(call(Abi::i386, "setuid"), "uid") == "uid16");
  CHECK(type_of(call(Abi::i386, "setuid32"), "uid") == "uid");
  CHECK(capture_of(call(Abi::x86_64, "fstat"), Phase::exit, "statbuf")->size == 144);
  CHECK(capture_of(call(Abi::i386, "fstat"), Phase::exit, "statbuf")->size == 64);
  CHECK(capture_of(call(Abi::i386, "fstat64"), Phase::exit, "statbuf")->size == 96);
  CHECK(call(Abi::i386, "pread64").arguments.size() == 5);
  CHECK(call(Abi::x86_64, "pread64").arguments.size() == 4);
}

TEST_CASE("what some calls capture") {
  const Syscall& read = call(Abi::x86_64, "read");
  REQUIRE(read.captures.size() == 1);
  CHECK(read.captures[0].fetch == Fetch::data_ret);
  CHECK(read.captures[0].arg == 1);
  CHECK(read.captures[0].phase == Phase::exit);

  const Syscall& poll = call(Abi::x86_64, "poll");
  REQUIRE(capture_of(poll, Phase::entry, "fds"));
  REQUIRE(capture_of(poll, Phase::exit, "fds"));
  CHECK(capture_of(poll, Phase::entry, "fds")->size == 8);
  CHECK(capture_of(poll, Phase::entry, "fds")->len_arg == 1);

  CHECK((capture_of(call(Abi::x86_64, "nanosleep"), Phase::exit, "rem")->flags & tracer::kCapturingOnError) != 0);
  CHECK(capture_of(call(Abi::x86_64, "execve"), Phase::entry, "argv")->fetch == Fetch::string_array);
  CHECK(capture_of(call(Abi::x86_64, "recvmsg"), Phase::entry, "msg")->fetch == Fetch::msghdr_head);
  CHECK(capture_of(call(Abi::x86_64, "utimensat"), Phase::entry, "times")->size == 32);
}

TEST_CASE("return types") {
  CHECK(call(Abi::x86_64, "openat").returns == ReturnType::fd);
  CHECK(call(Abi::x86_64, "mmap").returns == ReturnType::hex);
  CHECK(call(Abi::x86_64, "fork").returns == ReturnType::pid);
  CHECK(call(Abi::x86_64, "umask").returns == ReturnType::octal);
  CHECK(call(Abi::x86_64, "getuid").returns == ReturnType::uid);
  CHECK(call(Abi::x86_64, "exit_group").returns == ReturnType::none);
  CHECK(call(Abi::x86_64, "write").returns == ReturnType::integer);
}

TEST_CASE("classes are strace's") {
  const auto classes = [](std::string_view name) { return call(Abi::x86_64, name).classes; };
  CHECK(classes("openat") == (tracer::kClassFile | tracer::kClassDesc));
  CHECK(classes("mmap") == (tracer::kClassMemory | tracer::kClassDesc));
  CHECK(classes("kill") == (tracer::kClassSignal | tracer::kClassProcess));
  CHECK(classes("getpid") == tracer::kClassPure);
  CHECK(classes("shmat") == (tracer::kClassIpc | tracer::kClassMemory));
  CHECK(classes("clock_gettime") == tracer::kClassClock);
  CHECK(classes("getuid") == (tracer::kClassCreds | tracer::kClassPure));
  CHECK(classes("lstat") == (tracer::kClassFile | tracer::kClassLstat | tracer::kClassStatLike));
  CHECK(classes("newfstatat") ==
        (tracer::kClassFile | tracer::kClassDesc | tracer::kClassFstat | tracer::kClassStatLike));
  CHECK(classes("fstatfs") == (tracer::kClassDesc | tracer::kClassFstatfs | tracer::kClassStatfsLike));
  CHECK(classes("accept4") == tracer::kClassNetwork);
  CHECK(classes("futex") == 0);
  // Each class has members.
  for (uint32_t bit = 0; bit <= 16; ++bit) {
    int members = 0;
    for (int32_t number = 0; number < tracer::syscall_limit(Abi::x86_64); ++number) {
      const Syscall* syscall = tracer::find_syscall(Abi::x86_64, number);
      if (syscall != nullptr && (syscall->classes & (1u << bit)) != 0) ++members;
    }
    CHECK(members > 0);
  }
}

TEST_CASE("every type has a name and a base") {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < tracer::kArgTypeCount; ++i) {
    const auto type = static_cast<tracer::ArgType>(i);
    CHECK_FALSE(tracer::arg_type_name(type).empty());
    CHECK(names.insert(tracer::arg_type_name(type)).second);
  }
  CHECK(tracer::arg_type_name(tracer::ArgType::int_) == "int");
  CHECK(tracer::arg_base(tracer::ArgType::int_) == tracer::ArgBase::signed32);
  CHECK(tracer::arg_base(tracer::ArgType::path) == tracer::ArgBase::pointer);
  CHECK(tracer::arg_base(tracer::ArgType::fd) == tracer::ArgBase::fd);
  const auto beyond = static_cast<tracer::ArgType>(tracer::kArgTypeCount);
  CHECK(tracer::arg_type_name(beyond).empty());
  CHECK(tracer::arg_base(beyond) == tracer::ArgBase::hex64);
}

TEST_CASE("socketcall stands for a socket call") {
  const Syscall& socketcall = call(Abi::i386, "socketcall");
  const std::array<uint64_t, 6> args = {3, 0x1000};  // SYS_CONNECT
  CHECK(tracer::subcall_words(socketcall, args).address == 0x1000);
  CHECK(tracer::subcall_words(socketcall, args).count == 3);
  const std::array<uint32_t, 3> words = {5, 0x2000, 16};
  const auto subcall = tracer::find_subcall(socketcall, args, words);
  REQUIRE(subcall);
  CHECK(subcall->call->name == "connect");
  CHECK(subcall->args == std::array<uint64_t, 6>{5, 0x2000, 16, 0, 0, 0});
  CHECK_FALSE(tracer::find_subcall(socketcall, args, std::span(words).first(2)));

  const std::array<uint64_t, 6> unknown = {99, 0x1000};
  CHECK(tracer::subcall_words(socketcall, unknown).count == 0);
  CHECK_FALSE(tracer::find_subcall(socketcall, unknown, {}));
  // accept has no number of its own in i386, but is what 5 stands for.
  CHECK(tracer::find_subcall(socketcall, std::array<uint64_t, 6>{5, 0x1000}, words)->call->name == "accept");
  for (uint64_t number = 1; number <= 20; ++number) {
    CHECK(tracer::subcall_words(socketcall, std::array<uint64_t, 6>{number}).count >= 2);
  }
}

TEST_CASE("ipc stands for a System V call") {
  const Syscall& ipc = call(Abi::i386, "ipc");
  const auto semop = tracer::find_subcall(ipc, std::array<uint64_t, 6>{1, 7, 2, 0, 0x3000}, {});
  REQUIRE(semop);
  CHECK(semop->call->name == "semop");
  CHECK(semop->args == std::array<uint64_t, 6>{7, 0x3000, 2, 0, 0, 0});

  const std::array<uint64_t, 6> old_receive = {12, 7, 100, 4, 0x3000};
  CHECK(tracer::subcall_words(ipc, old_receive).count == 2);
  const std::array<uint32_t, 2> kludge = {0x4000, 9};
  CHECK(tracer::find_subcall(ipc, old_receive, kludge)->args == std::array<uint64_t, 6>{7, 0x4000, 100, 9, 4, 0});
  CHECK_FALSE(tracer::find_subcall(ipc, old_receive, {}));

  const std::array<uint64_t, 6> new_receive = {(1u << 16) | 12, 7, 100, 4, 0x3000, 9};
  CHECK(tracer::find_subcall(ipc, new_receive, {})->args == std::array<uint64_t, 6>{7, 0x3000, 100, 9, 4, 0});
  CHECK_FALSE(tracer::find_subcall(ipc, std::array<uint64_t, 6>{5}, {}));
  CHECK_FALSE(tracer::find_subcall(call(Abi::i386, "read"), std::array<uint64_t, 6>{5}, {}));
}
