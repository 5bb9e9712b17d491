// 32-bit calls: narrower registers, other layouts, and the multiplexers.
#include <doctest/doctest.h>

#include "tests/src/decode/call_builder.h"

namespace sightline::decode {
namespace {

using tracer::Abi;

constexpr uint64_t kA = 0xffd01000, kB = 0xffd02000, kC = 0xffd03000;

TEST_CASE("registers are 32 bits wide") {
  CHECK(CallBuilder("openat", {0xffffff9c, kA, 0}, Abi::i386).in_string(1, kA, "x").returns(3).line() ==
        R"(openat(AT_FDCWD, "x", O_RDONLY) = 3)");
  CHECK(CallBuilder("lseek", {3, 0xfffffffb, 1}, Abi::i386).returns(0).line() == "lseek(3, -5, SEEK_CUR) = 0");
  CHECK(CallBuilder("mmap2", {0, 4096, 3, 0x22, 0xffffffff, 1}, Abi::i386)
            .returns(static_cast<int32_t>(0xf7fc0000))
            .line() == "mmap2(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0x1000) = 0xf7fc0000");
}

TEST_CASE("layouts with 32-bit longs and pointers") {
  CHECK(CallBuilder("writev", {1, kA, 2}, Abi::i386)
            .in(1, kA, Bytes().u32(kB).u32(2).u32(kC).u32(1))
            .in(1, kB, "ab")
            .in(1, kC, "c")
            .returns(3)
            .line() == R"(writev(1, [{iov_base="ab", iov_len=2}, {iov_base="c", iov_len=1}], 2) = 3)");
  CHECK(CallBuilder("nanosleep", {kA, 0}, Abi::i386).in(0, kA, Bytes().u32(1).u32(5)).returns(0).line() ==
        "nanosleep({tv_sec=1, tv_nsec=5}, NULL) = 0");
  CHECK(CallBuilder("rt_sigaction", {2, kA, 0, 8}, Abi::i386)
            .in(1, kA, Bytes().u32(1).u32(0x10000000).u32(0).u64(2))
            .returns(0)
            .line() == "rt_sigaction(SIGINT, {sa_handler=SIG_IGN, sa_mask=[INT], sa_flags=SA_RESTART}, NULL, 8) = 0");
  const std::string stat64 = Bytes()
                                 .u64(0x803)
                                 .u32(0)
                                 .u32(7)
                                 .u32(0100644)
                                 .u32(1)
                                 .u32(0)
                                 .u32(0)
                                 .u64(0)
                                 .u32(0)
                                 .u64(99)
                                 .u32(4096)
                                 .u64(8)
                                 .u32(1)
                                 .u32(0)
                                 .u32(2)
                                 .u32(0)
                                 .u32(3)
                                 .u32(0)
                                 .u64(7);
  CHECK(CallBuilder("fstat64", {3, kA}, Abi::i386).out(1, kA, stat64).returns(0).line() ==
        "fstat64(3, {st_mode=S_IFREG|0644, st_size=99, ...}) = 0");
}

TEST_CASE("64-bit offsets come in two registers") {
  CHECK(CallBuilder("pread64", {3, kA, 5, 2, 1}, Abi::i386).out(1, kA, "hello").returns(5).line() ==
        R"(pread64(3, "hello", 5, 4294967298) = 5)");
  CHECK(CallBuilder("ftruncate64", {3, 0xffffffff, 0}, Abi::i386).returns(0).line() ==
        "ftruncate64(3, 4294967295) = 0");
}

TEST_CASE("the multiplexers are printed as the calls they stand for") {
  CHECK(CallBuilder("socketcall", {1, kA}, Abi::i386).in(1, kA, Bytes().u32(2).u32(1).u32(6)).returns(3).line() ==
        "socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 3");
  CHECK(CallBuilder("socketcall", {3, kA}, Abi::i386)
            .in(1, kA, Bytes().u32(3).u32(kB).u32(16))
            .in(1, kB, Bytes().u16(2).u16(0x5000).u32(0x0100007f).zeros(8))
            .returns(0)
            .line() ==
        R"(connect(3, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0)");
  CHECK(CallBuilder("ipc", {2, 0, 1, 01600}, Abi::i386).returns(5).line() ==
        "semget(IPC_PRIVATE, 1, IPC_CREAT|0600) = 5");
  CHECK(CallBuilder("socketcall", {99, kA}, Abi::i386).fails(22).line() ==
        "socketcall(0x63 /* SYS_??? */, 0xffd01000) = -1 EINVAL (Invalid argument)");
  CHECK(CallBuilder("socketcall", {1, kA}, Abi::i386).fails(14).line() ==
        "socketcall(SYS_SOCKET, 0xffd01000) = -1 EFAULT (Bad address)");
}

TEST_CASE("x32 has 32-bit pointers and 64-bit longs") {
  CHECK(
      CallBuilder("writev", {1, kA, 1}, Abi::x32).in(1, kA, Bytes().u32(kB).u32(2)).in(1, kB, "ab").returns(2).line() ==
      R"(writev(1, [{iov_base="ab", iov_len=2}], 1) = 2)");
  CHECK(CallBuilder("nanosleep", {kA, 0}, Abi::x32).in(0, kA, Bytes().u64(1).u64(5)).returns(0).line() ==
        "nanosleep({tv_sec=1, tv_nsec=5}, NULL) = 0");
}

TEST_CASE("numbers the table does not know") {
  CallBuilder builder("no such call", {0xffffffffffffffff, 2, 3, 4, 5, 6}, Abi::i386);
  builder.call().nr = -1;
  CHECK(builder.fails(38).line() ==
        "syscall_0xffffffff(0xffffffff, 0x2, 0x3, 0x4, 0x5, 0x6) = -1 ENOSYS (Function not implemented)");
}

}  // namespace
}  // namespace sightline::decode
