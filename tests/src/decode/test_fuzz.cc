// Whatever stands in a record comes from the traced program: every call of every table is decoded with random
// registers and captures, well-formed and torn ones. Nothing may read outside (run it with a sanitizer to see) and
// nothing may grow without bound.
#include <doctest/doctest.h>

#include <random>

#include "tests/src/decode/call_builder.h"

namespace sightline::decode {
namespace {

class Fuzzer {
 public:
  explicit Fuzzer(uint32_t seed) : random_(seed) {}

  uint64_t below(uint64_t limit) { return random_() % limit; }

  uint64_t argument() {
    switch (below(8)) {
      case 0:
        return random_();
      case 1:
        return below(16);
      case 2:
        return uint64_t{1} << below(64);
      case 3:
        return ~uint64_t{0} - below(200);
      case 4:
        return below(0x6000);
      default:
        return address();
    }
  }

  uint64_t address() { return addresses_[below(std::size(addresses_))]; }

  /// Captures at the addresses that arguments and structs point to, of sizes structs have and others.
  std::string captures(tracer::Phase phase) {
    std::string out;
    const uint64_t count = below(12);
    for (uint64_t i = 0; i < count; ++i) {
      tracer::Capture header;
      header.address = address();
      header.length = static_cast<uint32_t>(below(3) == 0 ? below(400) : sizes_[below(std::size(sizes_))]);
      header.wanted = static_cast<uint32_t>(below(3) == 0 ? random_() : header.length);
      header.arg = static_cast<uint8_t>(below(7));
      header.phase = phase;
      header.kind = static_cast<tracer::CaptureKind>(below(4));
      header.flags = static_cast<uint8_t>(below(4));
      std::string bytes;
      while (bytes.size() < header.length) {
        const uint64_t word = argument();
        bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
      }
      bytes.resize(header.length);
      if (below(40) == 0) header.length = static_cast<uint32_t>(random_());
      out.append(reinterpret_cast<const char*>(&header), sizeof header);
      out += bytes;
      if (below(40) != 0) out.append(tracer::padded(bytes.size()) - bytes.size(), '\0');
    }
    if (below(10) == 0 && !out.empty()) out.resize(below(out.size()));
    return out;
  }

  uint64_t number() { return random_(); }

 private:
  static constexpr uint64_t addresses_[] = {0x1000, 0x1008, 0x2000, 0x2010, 0x3000, 0x7ffe00001000, 0x7ffe00002000};
  static constexpr uint32_t sizes_[] = {0,  1,  2,  4,  8,  12, 16,  20,  24,  32, 36,
                                        40, 44, 48, 56, 64, 96, 120, 128, 144, 256};
  std::mt19937_64 random_;
};

TEST_CASE("random records of every call") {
  constexpr int kRounds = 60;
  Fuzzer fuzz(20240607);
  DecodedCall into;
  std::size_t longest = 0;
  for (const tracer::Abi abi : {tracer::Abi::x86_64, tracer::Abi::i386, tracer::Abi::x32}) {
    for (int32_t nr = -1; nr <= tracer::syscall_limit(abi); ++nr) {
      for (int round = 0; round < kRounds; ++round) {
        // Captures lie in blocks of exactly their size, so that a step outside is seen.
        const std::string entry = fuzz.captures(tracer::Phase::entry);
        const std::string exit = fuzz.captures(tracer::Phase::exit);
        const std::vector<char> entry_block(entry.begin(), entry.end());
        const std::vector<char> exit_block(exit.begin(), exit.end());
        Call call;
        call.abi = abi;
        call.nr = nr;
        call.syscall = tracer::find_syscall(abi, nr);
        for (uint64_t& arg : call.args) arg = fuzz.argument();
        call.finished = fuzz.below(4) != 0;
        call.failed = fuzz.below(3) == 0;
        call.ret = call.failed ? -static_cast<int64_t>(fuzz.below(600)) : static_cast<int64_t>(fuzz.argument());
        call.end_kind = fuzz.below(5) == 0 ? static_cast<tracer::CallEnd>(fuzz.below(7)) : tracer::CallEnd::returned;
        call.entry_captures = std::as_bytes(std::span(entry_block));
        call.exit_captures = std::as_bytes(std::span(exit_block));
        const Style style{.string_limit = static_cast<uint32_t>(fuzz.below(2) == 0 ? 32 : fuzz.below(5000)),
                          .verbose = fuzz.below(2) == 0,
                          .hex_strings = static_cast<HexStrings>(fuzz.below(3)),
                          .fd_paths = fuzz.below(2) == 0};
        decode(call, style, into);
        CHECK_FALSE(into.name.empty());
        CHECK(into.known_at_entry <= into.arguments.size());
        CHECK(into.arguments.size() <= 6);
        CHECK(into.result.empty() == !call.finished);
        if (!call.finished) CHECK(into.arguments.size() == into.known_at_entry);
        for (const Argument& argument : into.arguments) longest = std::max(longest, argument.text.size());
      }
    }
  }
  // Text grows with what was captured, some dozen characters per byte, not with what lengths and counts claim.
  CHECK(longest > 100);
  CHECK(longest < 1 << 17);
}

TEST_CASE("random siginfo") {
  Fuzzer fuzz(7);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes;
    const uint64_t size = fuzz.below(140);
    while (bytes.size() < size) {
      const auto word = static_cast<uint32_t>(fuzz.below(3) == 0 ? fuzz.below(40) : fuzz.number());
      bytes.append(reinterpret_cast<const char*>(&word), sizeof word);
    }
    const std::vector<char> block(bytes.begin(), bytes.end());
    CHECK(siginfo_text(std::as_bytes(std::span(block))).size() < 1000);
  }
}

}  // namespace
}  // namespace sightline::decode
