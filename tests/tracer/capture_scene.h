/// Stages a call for capture() and takes apart what it writes.
#pragma once

#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/tracer/fake_memory.h"
#include "tracer/capture.h"
#include "tracer/syscall_table.h"

namespace sightline::tracer {

struct Piece {
  Capture header;
  std::string bytes;

  bool truncated() const { return (header.flags & kCaptureTruncated) != 0; }
  bool fault() const { return (header.flags & kCaptureFault) != 0; }
};

/// Takes the captures apart and checks that they are what capture.h says: whole, padded with zeros, within bounds.
inline std::vector<Piece> walk(std::span<const std::byte> out, CaptureResult result) {
  std::vector<Piece> pieces;
  REQUIRE(result.bytes <= out.size());
  REQUIRE(result.count <= kMaxCaptures);
  uint64_t at = 0;
  while (at < result.bytes) {
    Piece piece;
    REQUIRE(result.bytes - at >= sizeof piece.header);
    std::memcpy(&piece.header, out.data() + at, sizeof piece.header);
    at += sizeof piece.header;
    const uint64_t room = padded(piece.header.length);
    REQUIRE(result.bytes - at >= room);
    piece.bytes.assign(reinterpret_cast<const char*>(out.data() + at), piece.header.length);
    for (uint64_t i = piece.header.length; i < room; ++i) REQUIRE(out[at + i] == std::byte{0});
    REQUIRE(piece.header.arg < 6);
    REQUIRE(piece.header.reserved == 0);
    REQUIRE((piece.header.flags & ~(kCaptureTruncated | kCaptureFault)) == 0);
    if (piece.header.wanted != 0) REQUIRE(piece.header.length <= piece.header.wanted);
    at += room;
    pieces.push_back(std::move(piece));
  }
  REQUIRE(pieces.size() == result.count);
  return pieces;
}

/// A call about to be captured.
struct Scene {
  FakeMemory memory;
  Abi abi = Abi::x86_64;
  CaptureLimits limits;
  std::size_t out_size = 65536;
  int64_t ret = 0;
  bool failed = false;

  std::vector<Piece> run(const Syscall& syscall, Phase phase, std::array<uint64_t, 6> args) {
    constexpr std::size_t kGuard = 64;
    std::vector<std::byte> out(out_size + kGuard, std::byte{0xee});
    const CaptureCall state{.abi = abi, .args = args.data(), .ret = ret, .failed = failed};
    const CaptureResult result = capture(syscall, phase, state, limits, memory, std::span(out).first(out_size));
    for (std::size_t i = out_size; i < out.size(); ++i) REQUIRE(out[i] == std::byte{0xee});
    REQUIRE(result.bytes <= limits.total_limit);
    std::vector<Piece> pieces = walk(std::span(out).first(out_size), result);
    for (const Piece& piece : pieces) REQUIRE(piece.header.phase == phase);
    return pieces;
  }
  std::vector<Piece> run(std::string_view name, Phase phase, std::array<uint64_t, 6> args) {
    const int32_t number = find_syscall_number(abi, name);
    REQUIRE_MESSAGE(number >= 0, name);
    return run(*find_syscall(abi, number), phase, args);
  }
};

}  // namespace sightline::tracer
