// The decoder against what an assembler makes of each text, and the rule that garbage is not known.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include "tracer/inprocess/instructions.h"

namespace sightline::tracer::inprocess {
namespace {

std::vector<std::byte> bytes(std::initializer_list<int> values) {
  std::vector<std::byte> all;
  for (const int value : values) all.push_back(static_cast<std::byte>(value));
  return all;
}

struct Known {
  const char* text;
  std::initializer_list<int> code;
  Flow flow = Flow::on;
};

}  // namespace

TEST_CASE("lengths and where things go on") {
  const Known all[] = {
      {"cmp $-4095,%rax", {0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff}},
      {"cmp $-38,%rax", {0x48, 0x83, 0xf8, 0xda}},
      {"test %eax,%eax", {0x85, 0xc0}},
      {"mov %eax,0x1c(%rsp)", {0x89, 0x44, 0x24, 0x1c}},
      {"mov $1,%edi", {0xbf, 1, 0, 0, 0}},
      {"mov $1,%di", {0x66, 0xbf, 1, 0}},
      {"movabs $1,%rdi", {0x48, 0xbf, 1, 0, 0, 0, 0, 0, 0, 0}},
      {"movq $1,8(%rax)", {0x48, 0xc7, 0x40, 8, 1, 0, 0, 0}},
      {"movw $1,8(%rax)", {0x66, 0xc7, 0x40, 8, 1, 0}},
      {"testb $1,(%rax)", {0xf6, 0x00, 1}},
      {"negl (%rax)", {0xf7, 0x18}},
      {"mov %fs:0,%rax", {0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0}},
      {"mov 0x100(%rax,%rbx,4),%ecx", {0x8b, 0x8c, 0x98, 0, 1, 0, 0}},
      {"lock cmpxchg %ecx,(%rdx)", {0xf0, 0x0f, 0xb1, 0x0a}},
      {"movslq %eax,%rdi", {0x48, 0x63, 0xf8}},
      {"cmovne %eax,%edx", {0x0f, 0x45, 0xd0}},
      {"movzbl (%rax),%eax", {0x0f, 0xb6, 0x00}},
      {"movups %xmm0,(%rsp)", {0x0f, 0x11, 0x04, 0x24}},
      {"pshufb %xmm1,%xmm0", {0x66, 0x0f, 0x38, 0x00, 0xc1}},
      {"palignr $8,%xmm1,%xmm0", {0x66, 0x0f, 0x3a, 0x0f, 0xc1, 8}},
      {"vpxor %xmm0,%xmm0,%xmm0", {0xc5, 0xf9, 0xef, 0xc0}},
      {"vpalignr $8,%ymm1,%ymm0,%ymm0", {0xc4, 0xe3, 0x7d, 0x0f, 0xc1, 8}},
      {"endbr64", {0xf3, 0x0f, 0x1e, 0xfa}},
      {"ret", {0xc3}, Flow::end},
      {"ud2", {0x0f, 0x0b}, Flow::end},
      {"hlt", {0xf4}, Flow::end},
      {"jmp *%rax", {0xff, 0xe0}, Flow::end},
      {"call *8(%rax)", {0xff, 0x50, 8}, Flow::call},
      {"call", {0xe8, 0, 0, 0, 0}, Flow::call},
      {"jmp", {0xe9, 0, 0, 0, 0}, Flow::jump},
      {"jmp short", {0xeb, 0xfe}, Flow::jump},
      {"je short", {0x74, 5}, Flow::jump_if},
      {"je", {0x0f, 0x84, 5, 0, 0, 0}, Flow::jump_if},
      {"syscall", {0x0f, 0x05}, Flow::trap},
      {"int3", {0xcc}, Flow::trap},
  };
  for (const Known& known : all) {
    CAPTURE(known.text);
    std::vector<std::byte> code = bytes(known.code);
    const std::size_t length = code.size();
    for (std::size_t less = 0; less < length; ++less) CHECK(!decode(std::span(code).first(less)));
    code.resize(length + 8, std::byte{0xc3});
    const auto instruction = decode(code);
    REQUIRE(instruction);
    CHECK(instruction->length == length);
    CHECK(instruction->flow == known.flow);
    CHECK(!instruction->nothing);
  }
}

TEST_CASE("nops of all lengths") {
  for (const auto& nop :
       {bytes({0x90}), bytes({0x66, 0x90}), bytes({0x0f, 0x1f, 0x00}), bytes({0x0f, 0x1f, 0x40, 0}),
        bytes({0x0f, 0x1f, 0x44, 0, 0}), bytes({0x66, 0x0f, 0x1f, 0x44, 0, 0}), bytes({0x0f, 0x1f, 0x80, 0, 0, 0, 0}),
        bytes({0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0}), bytes({0x66, 0x66, 0x2e, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0})}) {
    const auto instruction = decode(nop);
    REQUIRE(instruction);
    CHECK(instruction->length == nop.size());
    CHECK(instruction->nothing);
  }
  CHECK(!decode(bytes({0x41, 0x90}))->nothing);  // xchg %r8d,%eax
}

TEST_CASE("what an address counts from, and where a jump leads") {
  const auto load = decode(bytes({0x8b, 0x05, 0x50, 0xea, 0x1a, 0x00}));  // mov 0x1aea50(%rip),%eax
  REQUIRE(load);
  CHECK(load->relative_at == 2);
  const auto store = decode(bytes({0xc7, 0x05, 1, 2, 3, 4, 5, 6, 7, 8}));  // movl $…,…(%rip)
  REQUIRE(store);
  CHECK(store->relative_at == 2);
  CHECK(store->length == 10);
  CHECK(decode(bytes({0x8b, 0x45, 0x50}))->relative_at == 0);
  CHECK(decode(bytes({0xeb, 0xfe}))->target == -2);
  const auto greater = decode(bytes({0x0f, 0x8f, 0x00, 0xff, 0xff, 0xff}));
  CHECK(greater->target == -256);
  CHECK(greater->condition == 0xf);
}

TEST_CASE("what is not known is said to be so") {
  for (const auto& code :
       {bytes({0x67, 0x8b, 0x00}), bytes({0x62, 0, 0, 0, 0, 0, 0, 0}), bytes({0x06}), bytes({0xea, 0, 0, 0, 0, 0, 0}),
        bytes({0x66, 0xe9, 0, 0, 0, 0}), bytes({0xe3, 0}), bytes({0x0f, 0x04}), bytes({0xff, 0xd8}),
        bytes({0xff, 0xff}),
        bytes({0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90})})
    CHECK(!decode(code));
}

TEST_CASE("any bytes at all") {
  std::minstd_rand random(1);
  std::vector<std::byte> code(24);
  for (int i = 0; i < 200000; ++i) {
    const std::size_t n = random() % code.size();
    for (std::byte& byte : code) byte = static_cast<std::byte>(random() >> 8);
    const auto instruction = decode(std::span(code).first(n));
    if (!instruction) continue;
    REQUIRE(instruction->length > 0);
    REQUIRE(instruction->length <= std::min<std::size_t>(n, 15));
    REQUIRE((instruction->relative_at == 0 || instruction->relative_at + 4 <= instruction->length));
  }
}

}  // namespace sightline::tracer::inprocess
