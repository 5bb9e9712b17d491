#include "src/slt/bytes.h"

#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "src/slt/call_codec.h"
#include "src/slt/crc32c.h"

namespace sightline::slt {
namespace {

std::span<const uint8_t> view(const ByteWriter& writer) {
  return {writer.data(), writer.size()};
}

TEST_CASE("varints: every width comes back") {
  std::vector<uint64_t> values = {0, 1, 127, 128, 300, UINT32_MAX, UINT64_MAX};
  for (unsigned shift = 0; shift < 64; ++shift) {
    values.push_back(uint64_t{1} << shift);
    values.push_back((uint64_t{1} << shift) - 1);
  }
  ByteWriter out;
  for (const uint64_t value : values) {
    out.varint(value);
    out.signed_varint(static_cast<int64_t>(value));
  }
  ByteReader in(view(out));
  for (const uint64_t value : values) {
    CHECK(in.varint() == value);
    CHECK(in.signed_varint() == static_cast<int64_t>(value));
  }
  CHECK(in.ok());
  CHECK(in.at_end());
}

TEST_CASE("small numbers take one byte, negative ones too") {
  for (const int64_t value : {0, 1, -1, 63, -64}) {
    ByteWriter out;
    out.signed_varint(value);
    CHECK(out.size() == 1);
  }
}

TEST_CASE("a reader does not read beyond its end, and stays at it") {
  const std::vector<uint8_t> cut = {0x80, 0x80};
  ByteReader in(cut);
  CHECK(in.varint() == 0);
  CHECK_FALSE(in.ok());
  CHECK(in.at_end());
  CHECK(in.u8() == 0);
  CHECK(in.bytes(1).empty());

  const std::vector<uint8_t> too_long(11, 0xff);
  ByteReader endless(too_long);
  endless.varint();
  CHECK_FALSE(endless.ok());

  // 2^64: the tenth byte may hold one bit only.
  const std::vector<uint8_t> too_large = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02};
  ByteReader large(too_large);
  large.varint();
  CHECK_FALSE(large.ok());

  ByteWriter out;
  out.varint(uint64_t{1} << 32);
  ByteReader narrow(view(out));
  CHECK(narrow.u32() == 0);
  CHECK_FALSE(narrow.ok());

  ByteWriter length;
  length.varint(UINT64_MAX);
  ByteReader text(view(length));
  CHECK(text.string().empty());
  CHECK_FALSE(text.ok());
}

TEST_CASE("crc32c: the vectors of RFC 3720, with and without the instruction") {
  std::string zeros(32, '\0'), ones(32, '\xff'), up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  const std::vector<std::pair<std::string, uint32_t>> vectors = {
      {"", 0},          {"123456789", 0xe3069283}, {zeros, 0x8a9136aa}, {ones, 0x62a8ab43},
      {up, 0x46dd794e}, {down, 0x113fdb5c}};
  for (const auto& [text, crc] : vectors) {
    CHECK(crc32c(text.data(), text.size()) == crc);
    CHECK(crc32c_portable(text.data(), text.size()) == crc);
  }
  std::mt19937 random(7);
  std::string bytes(1000, '\0');
  for (char& byte : bytes) byte = static_cast<char>(random());
  for (std::size_t cut = 0; cut < bytes.size(); cut += 13) {
    const uint32_t whole = crc32c_portable(bytes.data(), bytes.size());
    CHECK(crc32c(bytes.data() + cut, bytes.size() - cut, crc32c(bytes.data(), cut)) == whole);
  }
}

TEST_CASE("calls that repeat take few bytes") {
  CallRecord call;
  call.thread = 1;
  call.nr = 0;
  call.finished = true;
  call.args = {3, 0x7ffff000, 4096, 0, 0, 0};
  call.ip = 0x7ffff7e00000;
  call.stack = 77;
  call.ret = 10;
  Prediction prediction;
  ByteWriter out;
  std::size_t before = 0;
  for (uint64_t i = 1; i <= 3; ++i) {
    before = out.size();
    call.sequence = i;
    call.start = i * 1000;
    call.end = call.start + 50;
    encode_call(call, prediction, out);
  }
  CHECK(out.size() - before == 9);
}

TEST_CASE("a decoder of calls stands any bytes") {
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    std::vector<uint8_t> bytes(random() % 60);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % 3 != 0 ? random() : 0xff);
    Prediction prediction;
    std::vector<std::byte> arena;
    CallRecord call;
    ByteReader in(bytes);
    if (!decode_call(in, prediction, arena, call)) continue;
    CHECK(call.entry_offset + call.entry_bytes <= arena.size());
    CHECK(call.exit_offset + call.exit_bytes <= arena.size());
  }
}

}  // namespace
}  // namespace sightline::slt
