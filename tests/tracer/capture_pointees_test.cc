// Captures that lead to others: what the pointers within a structure point to.
#include <doctest/doctest.h>

#include <array>
#include <cstdint>
#include <string>

#include "tests/tracer/capture_scene.h"

using sightline::tracer::Abi;
using sightline::tracer::Phase;
using sightline::tracer::Piece;
using sightline::tracer::Scene;
namespace tracer = sightline::tracer;

namespace {

struct IoVec64 {
  uint64_t base, length;
};
struct IoVec32 {
  uint32_t base, length;
};
struct MsgHdr64 {
  uint64_t name;
  uint32_t name_length, pad;
  uint64_t iov, iov_count, control, control_length;
  uint32_t flags, pad2;
};
struct MMsgHdr64 {
  MsgHdr64 header;
  uint32_t length, pad;
};
struct MsgHdr32 {
  uint32_t name, name_length, iov, iov_count, control, control_length, flags;
};

}  // namespace

TEST_CASE("an iovec brings its data along, each under its address") {
  Scene scene;
  scene.memory.store_text(0x2000, "first");
  scene.memory.store_text(0x3000, std::string(100, 's'));
  scene.memory.store(0x1000, std::array<IoVec64, 4>{{{0x2000, 5}, {0x3000, 100}, {0, 0}, {0x9000, 3}}});
  auto pieces = scene.run("writev", Phase::entry, {1, 0x1000, 4});
  REQUIRE(pieces.size() == 4);
  CHECK(pieces[0].bytes.size() == 64);
  CHECK(pieces[1].bytes == "first");
  CHECK(pieces[1].header.address == 0x2000);
  CHECK(pieces[1].header.arg == 1);
  CHECK(pieces[2].bytes.size() == 32);
  CHECK(pieces[2].header.wanted == 100);
  CHECK(pieces[3].fault());

  // readv: only as much as was read.
  scene.ret = 7;
  pieces = scene.run("readv", Phase::exit, {1, 0x1000, 4});
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[1].bytes == "first");
  CHECK(pieces[2].bytes == "ss");
  CHECK(pieces[2].header.wanted == 2);
  scene.failed = true;
  scene.ret = -11;
  CHECK(scene.run("readv", Phase::exit, {1, 0x1000, 4}).size() == 1);
}

TEST_CASE("an iovec of 32-bit pointers") {
  Scene scene;
  for (const Abi abi : {Abi::i386, Abi::x32}) {
    scene.abi = abi;
    scene.memory.store_text(0x2000, "first");
    scene.memory.store(0x1000, std::array<IoVec32, 1>{{{0x2000, 5}}});
    const auto pieces = scene.run("writev", Phase::entry, {1, 0x1000, 1});
    REQUIRE(pieces.size() == 2);
    CHECK(pieces[0].bytes.size() == 8);
    CHECK(pieces[1].bytes == "first");
  }
}

TEST_CASE("a message with name, data and control") {
  Scene scene;
  scene.memory.store_text(0x2000, "ping");
  scene.memory.map(0x4000, 4096);
  scene.memory.store(0x3000, std::array<IoVec64, 1>{{{0x2000, 4}}});
  scene.memory.store(0x1000, MsgHdr64{0x4000, 16, 0, 0x3000, 1, 0x4100, 24, 0, 0});
  auto pieces = scene.run("sendmsg", Phase::entry, {3, 0x1000, 0});
  REQUIRE(pieces.size() == 5);
  CHECK(pieces[0].bytes.size() == 56);
  CHECK(pieces[1].header.address == 0x4000);
  CHECK(pieces[1].bytes.size() == 16);
  CHECK(pieces[2].bytes.size() == 16);
  CHECK(pieces[3].bytes == "ping");
  CHECK(pieces[4].header.address == 0x4100);
  CHECK(pieces[4].bytes.size() == 24);
  for (const Piece& piece : pieces) CHECK(piece.header.arg == 1);

  CHECK(scene.run("recvmsg", Phase::entry, {3, 0x1000, 0}).size() == 1);
  scene.ret = 2;
  pieces = scene.run("recvmsg", Phase::exit, {3, 0x1000, 0});
  REQUIRE(pieces.size() == 5);
  CHECK(pieces[3].bytes == "pi");
  scene.failed = true;
  CHECK(scene.run("recvmsg", Phase::exit, {3, 0x1000, 0}).empty());
}

TEST_CASE("a message of 32-bit pointers") {
  Scene scene;
  scene.abi = Abi::i386;
  scene.memory.store_text(0x2000, "ping");
  scene.memory.store(0x3000, std::array<IoVec32, 1>{{{0x2000, 4}}});
  scene.memory.store(0x1000, MsgHdr32{0, 0, 0x3000, 1, 0, 0, 0});
  const auto pieces = scene.run("sendmsg", Phase::entry, {3, 0x1000, 0});
  REQUIRE(pieces.size() == 3);
  CHECK(pieces[0].bytes.size() == 28);
  CHECK(pieces[2].bytes == "ping");
}

TEST_CASE("several messages, received with a length each") {
  Scene scene;
  scene.memory.store_text(0x2000, "abcdef");
  scene.memory.store(0x3000, std::array<IoVec64, 1>{{{0x2000, 6}}});
  const MsgHdr64 header{0, 0, 0, 0x3000, 1, 0, 0, 0, 0};
  scene.memory.store(0x1000, std::array<MMsgHdr64, 2>{{{header, 1, 0}, {header, 3, 0}}});
  auto pieces = scene.run("sendmmsg", Phase::entry, {3, 0x1000, 2, 0});
  REQUIRE(pieces.size() == 5);
  CHECK(pieces[0].bytes.size() == 128);
  CHECK(pieces[2].bytes == "abcdef");
  scene.ret = 2;
  pieces = scene.run("recvmmsg", Phase::exit, {3, 0x1000, 8, 0, 0});
  REQUIRE(pieces.size() == 5);
  CHECK(pieces[0].bytes.size() == 128);
  CHECK(pieces[2].bytes == "a");
  CHECK(pieces[4].bytes == "abc");
  pieces = scene.run("sendmmsg", Phase::exit, {3, 0x1000, 8, 0});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.size() == 128);
}

TEST_CASE("argv: the pointers with their null, then the strings") {
  Scene scene;
  scene.memory.store_text(0x2000, "ls");
  scene.memory.store_text(0x2100, std::string(40, 'v'));
  scene.memory.store(0x1000, std::array<uint64_t, 4>{0x2000, 0x2100, 0x9000, 0});
  scene.memory.store_text(0x3000, "/bin/ls");
  auto pieces = scene.run("execve", Phase::entry, {0x3000, 0x1000, 0x1000});
  REQUIRE(pieces.size() == 6);
  CHECK(pieces[0].bytes == "/bin/ls");
  CHECK(pieces[1].bytes.size() == 32);
  CHECK(pieces[1].header.wanted == 32);
  CHECK(pieces[1].header.arg == 1);
  CHECK(pieces[2].bytes == "ls");
  CHECK(pieces[3].bytes.size() == 32);
  CHECK(pieces[3].truncated());
  CHECK(pieces[4].fault());
  CHECK(pieces[5].header.arg == 2);  // of envp only the pointers
  CHECK(pieces[5].bytes.size() == 32);
  scene.limits.env_strings = true;
  CHECK(scene.run("execve", Phase::entry, {0x3000, 0x1000, 0x1000}).size() == 9);
}

TEST_CASE("argv without end, in a hole, or too long") {
  Scene scene;
  // 8 pointers up to the page's end, then nothing.
  for (uint64_t i = 0; i < 8; ++i) scene.memory.store(0x1fc0 + 8 * i, uint64_t{0x5000});
  scene.memory.store_text(0x5000, "arg");
  auto pieces = scene.run("execve", Phase::entry, {0, 0x1fc0, 0});
  REQUIRE(pieces.size() == 9);
  CHECK(pieces[0].bytes.size() == 64);
  CHECK(pieces[0].fault());
  CHECK(pieces[0].header.wanted == 0);

  for (uint64_t i = 0; i < 2000; ++i) scene.memory.store(0x10000 + 8 * i, uint64_t{0x5000});
  pieces = scene.run("execve", Phase::entry, {0, 0x10000, 0});
  CHECK(pieces.size() == tracer::kMaxCaptures);
  CHECK(pieces[0].bytes.size() == 8 * 1024);
  CHECK(pieces[0].truncated());

  scene.abi = Abi::i386;
  scene.memory.store(0x20000, std::array<uint32_t, 2>{0x5000, 0});
  pieces = scene.run("execve", Phase::entry, {0, 0x20000, 0});
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].bytes.size() == 8);
  CHECK(pieces[1].bytes == "arg");
}

TEST_CASE("a signal set behind a pointer and a length") {
  Scene scene;
  scene.memory.store(0x1000, std::array<uint64_t, 2>{0x2000, 8});
  scene.memory.store(0x2000, uint64_t{0x5});
  auto pieces = scene.run("pselect6", Phase::entry, {0, 0, 0, 0, 0, 0x1000});
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].bytes.size() == 16);
  CHECK(pieces[1].header.address == 0x2000);
  CHECK(pieces[1].bytes[0] == 5);
}

TEST_CASE("a multiplexed call captures what the call behind it would") {
  Scene scene;
  scene.abi = Abi::i386;
  scene.memory.store(0x1000, std::array<uint32_t, 3>{3, 0x2000, 16});
  scene.memory.map(0x2000, 4096);
  auto pieces = scene.run("socketcall", Phase::entry, {3, 0x1000});  // SYS_CONNECT
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].bytes.size() == 12);
  CHECK(pieces[1].header.address == 0x2000);
  CHECK(pieces[1].bytes.size() == 16);
  CHECK(pieces[1].header.arg == 1);
  scene.ret = 4;
  scene.memory.store(0x1000, std::array<uint32_t, 4>{3, 0x2000, 16, 0});
  CHECK(scene.run("socketcall", Phase::exit, {10, 0x1000})[0].bytes.size() == 4);  // SYS_RECV
  CHECK(scene.run("socketcall", Phase::entry, {99, 0x1000}).empty());
  pieces = scene.run("socketcall", Phase::entry, {3, 0x9000});
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].fault());
  pieces = scene.run("ipc", Phase::entry, {1, 7, 2, 0, 0x2000});  // SEMOP
  REQUIRE(pieces.size() == 1);
  CHECK(pieces[0].bytes.size() == 12);
  CHECK(pieces[0].header.arg == 1);
}

TEST_CASE("what lies together is read together") {
  Scene scene;
  // As on a stack: the message, its name, its iovec and its control data within some hundred bytes, the data elsewhere.
  scene.memory.map(0x7000, 4096);
  scene.memory.store_text(0x2000, "ping");
  scene.memory.store(0x7100, MsgHdr64{0x7200, 16, 0, 0x7180, 1, 0x7240, 24, 0, 0});
  scene.memory.store(0x7180, std::array<IoVec64, 1>{{{0x2000, 4}}});
  scene.ret = 4;
  CHECK(scene.run("recvmsg", Phase::exit, {3, 0x7100, 0}).size() == 5);
  CHECK(scene.memory.reads <= 3);

  // The last bytes before a hole: what is asked for crosses a page, what lies around must not matter.
  scene.memory.store(0x8ff0, uint64_t{0x11});
  scene.memory.map(0x7ff0, 16);
  const auto pieces = scene.run("rename", Phase::entry, {0x8ff0, 0x8ff0});
  REQUIRE(pieces.size() == 2);
  CHECK(pieces[0].bytes == "\x11");
  CHECK(pieces[1].bytes == "\x11");
  CHECK(scene.run("rename", Phase::entry, {0xfff0, 0xfff0})[1].fault());
}
