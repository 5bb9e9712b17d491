// What stands where in a line: which arguments appear, what is known when, results.
#include <doctest/doctest.h>

#include "tests/src/decode/call_builder.h"

namespace sightline::decode {
namespace {

constexpr uint64_t kPath = 0x7ffe00001000;
constexpr uint64_t kBuffer = 0x7ffe00002000;

TEST_CASE("openat prints its mode only where it counts") {
  CHECK(CallBuilder("openat", {kWorkingDirectory, kPath, 0x80000, 0644})
            .in_string(1, kPath, "/etc/passwd")
            .returns(3)
            .line() == R"(openat(AT_FDCWD, "/etc/passwd", O_RDONLY|O_CLOEXEC) = 3)");
  CHECK(CallBuilder("openat", {kWorkingDirectory, kPath, 01102, 0644}).in_string(1, kPath, "f").returns(3).line() ==
        R"(openat(AT_FDCWD, "f", O_RDWR|O_CREAT|O_TRUNC, 0644) = 3)");
  CHECK(CallBuilder("openat", {kNoFd, kPath, 020000000, 0}).in_string(1, kPath, "x").fails(22).line() ==
        R"(openat(-1, "x", O_RDONLY|__O_TMPFILE, 000) = -1 EINVAL (Invalid argument))");
  CHECK(CallBuilder("openat", {kNoFd, kPath, 0x8000000, 0}).in_string(1, kPath, "x").fails(9).line() ==
        R"(openat(-1, "x", O_RDONLY|0x8000000) = -1 EBADF (Bad file descriptor))");
}

TEST_CASE("results") {
  CHECK(CallBuilder("getpid", {}).returns(4711).line() == "getpid() = 4711");
  CHECK(CallBuilder("brk", {0}).returns(0x55abbdb8e000).line() == "brk(NULL) = 0x55abbdb8e000");
  CHECK(CallBuilder("umask", {077}).returns(022).line() == "umask(077) = 022");
  CHECK(CallBuilder("umask", {022}).returns(0).line() == "umask(022) = 000");
  CHECK(CallBuilder("exit_group", {0}).ends(tracer::CallEnd::exited).line() == "exit_group(0) = ?");
  CHECK(CallBuilder("pause", {}).ends(tracer::CallEnd::restart, -514).line() ==
        "pause() = ? ERESTARTNOHAND (To be restarted if no handler)");
  CHECK(CallBuilder("read", {3, kBuffer, 5}).ends(tracer::CallEnd::killed).line() == "read(3, 0x7ffe00002000, 5) = ?");
  CHECK(CallBuilder("getpid", {}).fails(4000).line() == "getpid() = -1 ERRNO_4000 (Unknown error 4000)");
  CHECK(CallBuilder("personality", {0xffffffff}).returns(0).line() == "personality(0xffffffff) = 0 (PER_LINUX)");
  CHECK(CallBuilder("personality", {0}).returns(0x40000).line() ==
        "personality(PER_LINUX) = 0x40000 (PER_LINUX|ADDR_NO_RANDOMIZE)");
  CHECK(CallBuilder("sched_getscheduler", {0}).returns(0).line() == "sched_getscheduler(0) = 0 (SCHED_OTHER)");
  CHECK(CallBuilder("ioprio_get", {1, 0}).returns(0).line() ==
        "ioprio_get(IOPRIO_WHO_PROCESS, 0) = 0 (IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0))");
}

TEST_CASE("what is known at entry") {
  const auto known = [](CallBuilder builder) {
    const DecodedCall decoded = builder.decoded();
    CHECK(decoded.arguments.size() == decoded.known_at_entry);
    CHECK(decoded.result.empty());
    return std::pair(decoded.known_at_entry, decoded.more_at_exit);
  };
  CHECK(known(CallBuilder("read", {3, kBuffer, 5})) == std::pair(1u, true));
  CHECK(known(CallBuilder("openat", {kWorkingDirectory, kPath, 0}).in_string(1, kPath, "x")) == std::pair(3u, false));
  CHECK(known(CallBuilder("write", {1, kBuffer, 2}).in(1, kBuffer, "hi")) == std::pair(3u, false));
  CHECK(known(CallBuilder("wait4", {kNoFd, kBuffer, 0, 0})) == std::pair(1u, true));
  CHECK(known(CallBuilder("poll", {kBuffer, 0, 5})) == std::pair(3u, false));
  CHECK(known(CallBuilder("futex", {kBuffer, 128, 2, 0})) == std::pair(4u, false));
  CHECK(known(CallBuilder("ioctl", {3, 0x5401, kBuffer})) == std::pair(2u, true));
  CHECK(known(CallBuilder("ioctl", {3, 0x5421, kBuffer}).in(2, kBuffer, Bytes().u32(1))) == std::pair(3u, false));
  CHECK(known(CallBuilder("fcntl", {3, 5, kBuffer})) == std::pair(2u, true));
  CHECK(known(CallBuilder("fcntl", {3, 2, 1})) == std::pair(3u, false));
  CHECK(known(CallBuilder("nanosleep", {kBuffer, 0}).in(0, kBuffer, Bytes().u64(1).u64(0))) == std::pair(1u, true));
  CHECK(known(CallBuilder("getpid", {})) == std::pair(0u, false));
}

TEST_CASE("the words known at entry do not change when the call ends") {
  CallBuilder builder("recvfrom", {12, kBuffer, 100, 0x40, 0, 0});
  const DecodedCall before = builder.decoded();
  const DecodedCall after = builder.out(1, kBuffer, "hello").returns(5).decoded();
  REQUIRE(before.known_at_entry == after.known_at_entry);
  for (uint32_t i = 0; i < before.known_at_entry; ++i) CHECK(before.arguments[i].text == after.arguments[i].text);
  CHECK(builder.line() == R"(recvfrom(12, "hello", 100, MSG_DONTWAIT, NULL, NULL) = 5)");
}

TEST_CASE("calls the table does not know") {
  CallBuilder builder("no such call", {1, 2, 3, 0, 5, 6});
  builder.call().nr = 600;
  CHECK(builder.fails(38).line() == "syscall_0x258(0x1, 0x2, 0x3, 0, 0x5, 0x6) = -1 ENOSYS (Function not implemented)");
  builder.call().nr = -1;
  CHECK(builder.decoded().name == "syscall_0xffffffffffffffff");
  CHECK(builder.decoded().arguments[0].name == "arg1");
}

TEST_CASE("arguments keep the table's names and raw values") {
  const DecodedCall decoded = CallBuilder("mprotect", {0x1000, 4096, 3}).returns(0).decoded();
  REQUIRE(decoded.arguments.size() == 3);
  CHECK(decoded.arguments[0].name == "addr");
  CHECK(decoded.arguments[2].name == "prot");
  CHECK(decoded.arguments[2].raw == 3);
  CHECK(decoded.arguments[2].text == "PROT_READ|PROT_WRITE");
}

TEST_CASE("one result is reused for calls of different shape") {
  DecodedCall into;
  CallBuilder many("mmap", {0, 4096, 3, 0x22, kNoFd, 0});
  CallBuilder none("getpid", {});
  decode(many.returns(0x7f0000000000).call(), {}, into);
  CHECK(into.arguments.size() == 6);
  decode(none.returns(1).call(), {}, into);
  CHECK(into.arguments.empty());
  CHECK(into.result == "1");
  decode(many.call(), {}, into);
  CHECK(into.arguments[3].text == "MAP_PRIVATE|MAP_ANONYMOUS");
}

TEST_CASE("-y names what descriptors are open for") {
  const Style style{.fd_paths = true};
  CHECK(CallBuilder("close", {3}).fd_path(0, 3, "/etc/passwd").returns(0).line(style) == "close(3</etc/passwd>) = 0");
  CHECK(CallBuilder("close", {3}).fd_path(0, 3, "/tmp/a>b\nc<d\"e").returns(0).line(style) ==
        R"(close(3</tmp/a\76b\nc\74d\"e>) = 0)");
  CHECK(CallBuilder("openat", {kWorkingDirectory, kPath, 0})
            .in_string(1, kPath, "x")
            .fd_path(0, -100, "/usr")
            .fd_path(0, 3, "/usr/x", true)
            .returns(3)
            .line(style) == R"(openat(AT_FDCWD</usr>, "x", O_RDONLY) = 3</usr/x>)");
  // The same descriptor before and after.
  CHECK(CallBuilder("dup2", {3, 4})
            .fd_path(0, 3, "/a")
            .fd_path(1, 4, "/b")
            .fd_path(0, 4, "/a", true)
            .returns(4)
            .line(style) == "dup2(3</a>, 4</b>) = 4</a>");
  CHECK(CallBuilder("dup2", {3, 4}).fd_path(0, 3, "/a").fd_path(0, 4, "/a", true).returns(4).line(style) ==
        "dup2(3</a>, 4) = 4</a>");
  CHECK(CallBuilder("fcntl", {3, 0, 4}).fd_path(0, 3, "/a").fd_path(0, 5, "/a", true).returns(5).line(style) ==
        "fcntl(3</a>, F_DUPFD, 4) = 5</a>");
  CHECK(CallBuilder("close", {3}).fd_path(0, 3, "/etc/passwd").returns(0).line() == "close(3) = 0");
}

TEST_CASE("arguments that the command decides about") {
  CHECK(CallBuilder("mremap", {0, 1, 2, 1, 0x1000}).fails(14).line() ==
        "mremap(NULL, 1, 2, MREMAP_MAYMOVE) = -1 EFAULT (Bad address)");
  CHECK(CallBuilder("mremap", {0, 1, 2, 3, 0x1000}).fails(22).line() ==
        "mremap(NULL, 1, 2, MREMAP_MAYMOVE|MREMAP_FIXED, 0x1000) = -1 EINVAL (Invalid argument)");
  CHECK(CallBuilder("fcntl", {3, 3}).returns(0x8002).line() == "fcntl(3, F_GETFL) = 0x8002 (flags O_RDWR|O_LARGEFILE)");
  CHECK(CallBuilder("fcntl", {3, 1}).returns(1).line() == "fcntl(3, F_GETFD) = 0x1 (flags FD_CLOEXEC)");
  CHECK(CallBuilder("fcntl", {3, 1}).returns(0).line() == "fcntl(3, F_GETFD) = 0");
  CHECK(CallBuilder("fcntl", {3, 4, 02002}).returns(0).line() == "fcntl(3, F_SETFL, O_RDWR|O_APPEND) = 0");
  CHECK(CallBuilder("fcntl", {3, 0, 10}).returns(11).line() == "fcntl(3, F_DUPFD, 10) = 11");
  CHECK(CallBuilder("fcntl", {3, 99, 5}).fails(22).line() ==
        "fcntl(3, 0x63 /* F_??? */, 0x5) = -1 EINVAL (Invalid argument)");
  CHECK(CallBuilder("prctl", {3}).returns(1).line() == "prctl(PR_GET_DUMPABLE) = 1 (SUID_DUMP_USER)");
  CHECK(CallBuilder("prctl", {38, 1, 0, 0, 0}).returns(0).line() == "prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) = 0");
  CHECK(CallBuilder("prctl", {15, kPath}).in_string(1, kPath, "abcdefghijklmnopqrst").returns(0).line() ==
        R"(prctl(PR_SET_NAME, "abcdefghijklmno"...) = 0)");
  CHECK(CallBuilder("futex", {kBuffer, 0x81, 1}).returns(0).line() ==
        "futex(0x7ffe00002000, FUTEX_WAKE_PRIVATE, 1) = 0");
  CHECK(CallBuilder("futex", {kBuffer, 7 | 128}).fails(1).line() ==
        "futex(0x7ffe00002000, FUTEX_UNLOCK_PI_PRIVATE) = -1 EPERM (Operation not permitted)");
  CHECK(CallBuilder("futex", {kBuffer, 9 | 256, 5, kPath, 0, 0xffffffff})
            .in(3, kPath, Bytes().u64(0).u64(100))
            .fails(110)
            .line() ==
        "futex(0x7ffe00002000, FUTEX_WAIT_BITSET|FUTEX_CLOCK_REALTIME, 5, {tv_sec=0, tv_nsec=100}, "
        "FUTEX_BITSET_MATCH_ANY) = -1 ETIMEDOUT (Connection timed out)");
  CHECK(CallBuilder("futex", {kBuffer, 5, 1, 1, kBuffer, 0x12345678}).returns(0).line() ==
        "futex(0x7ffe00002000, FUTEX_WAKE_OP, 1, 1, 0x7ffe00002000, "
        "FUTEX_OP_ADD<<28|0x345<<12|FUTEX_OP_CMP_LT<<24|0x678) = 0");
  CHECK(CallBuilder("kcmp", {1, 2, 1, 0, 0}).returns(0).line() == "kcmp(1, 2, KCMP_VM) = 0");
  CHECK(CallBuilder("quotactl", {0x80000100, kPath, 0, 0}).in_string(1, kPath, "/dev/x").fails(2).line() ==
        R"(quotactl(QCMD(Q_SYNC, USRQUOTA), "/dev/x") = -1 ENOENT (No such file or directory))");
}

TEST_CASE("results in words") {
  CHECK(CallBuilder("membarrier", {0, 0, 7}).returns(3).line() ==
        "membarrier(MEMBARRIER_CMD_QUERY, 0) = 0x3 (MEMBARRIER_CMD_GLOBAL|MEMBARRIER_CMD_GLOBAL_EXPEDITED)");
  CHECK(CallBuilder("time", {0}).returns(0).line() == "time(NULL) = 0");
  CHECK(CallBuilder("time", {0}).returns(1795223405).line().starts_with("time(NULL) = 1795223405 (2026-11-2"));
  CHECK(CallBuilder("fcntl", {3, 11}).returns(10).line() == "fcntl(3, F_GETSIG) = 10 (SIGUSR1)");
  CHECK(CallBuilder("fcntl", {6, 1034}).returns(1).line() == "fcntl(6, F_GET_SEALS) = 0x1 (seals F_SEAL_SEAL)");
}

TEST_CASE("a call that is resumed after a stop") {
  CHECK(CallBuilder("restart_syscall", {}).fails(4).line() ==
        "restart_syscall(<... resuming interrupted system call ...>) = -1 EINTR (Interrupted system call)");
}

TEST_CASE("arguments nobody looks at are left out") {
  CHECK(CallBuilder("syslog", {5, kBuffer, 7}).returns(0).line() == "syslog(5 /* SYSLOG_ACTION_CLEAR */) = 0");
  CHECK(CallBuilder("ptrace", {0, 1, 2, 3}).fails(1).line() ==
        "ptrace(PTRACE_TRACEME) = -1 EPERM (Operation not permitted)");
  CHECK(CallBuilder("reboot", {0xfee1dead, 672274793, 0, kBuffer}).fails(1).line() ==
        "reboot(LINUX_REBOOT_MAGIC1, LINUX_REBOOT_MAGIC2, LINUX_REBOOT_CMD_CAD_OFF) = -1 EPERM (Operation not "
        "permitted)");
  CHECK(CallBuilder("mq_open", {kPath, 0, 0600, kBuffer}).in_string(0, kPath, "q").returns(3).line() ==
        R"(mq_open("q", O_RDONLY) = 3)");
  CHECK(CallBuilder("close_range", {3, 0xffffffff, 0}).returns(0).line() == "close_range(3, 4294967295, 0) = 0");
}

TEST_CASE("flags that share their word with something else") {
  CHECK(CallBuilder("mmap", {0, 1ull << 40, 1, 0x40022 | 21u << 26, kNoFd, 4096}).fails(22).line() ==
        "mmap(NULL, 1099511627776, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT, -1, 0x1000) = "
        "-1 EINVAL (Invalid argument)");
  CHECK(CallBuilder("mmap", {0, 0, 0, 4, kNoFd, 0}).fails(9).line() ==
        "mmap(NULL, 0, PROT_NONE, 0x4 /* MAP_??? */, -1, 0) = -1 EBADF (Bad file descriptor)");
  CHECK(CallBuilder("semget", {0, 2, 01600}).returns(1).line() == "semget(IPC_PRIVATE, 2, IPC_CREAT|0600) = 1");
  CHECK(CallBuilder("socket", {1, 2 | 02000000, 0}).returns(3).line() ==
        "socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0) = 3");
  CHECK(CallBuilder("socket", {2, 0x70, 6}).fails(22).line() ==
        "socket(AF_INET, 0x70 /* SOCK_??? */, IPPROTO_TCP) = -1 EINVAL (Invalid argument)");
  CHECK(CallBuilder("socket", {17, 3, 0x0300}).returns(3).line() ==
        "socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)) = 3");
  CHECK(CallBuilder("statx", {kWorkingDirectory, kPath, 0x900, 0x7ff, 0}).in_string(1, kPath, "x").fails(14).line() ==
        R"(statx(AT_FDCWD, "x", AT_STATX_SYNC_AS_STAT|AT_SYMLINK_NOFOLLOW|AT_NO_AUTOMOUNT, STATX_BASIC_STATS, NULL) = )"
        "-1 EFAULT (Bad address)");
  CHECK(CallBuilder("mknod", {kPath, 020644, 0x1234}).in_string(0, kPath, "/x").fails(2).line() ==
        R"(mknod("/x", S_IFCHR|0644, makedev(0x12, 0x34)) = -1 ENOENT (No such file or directory))");
  CHECK(CallBuilder("mknod", {kPath, 0100644, 0x1234}).in_string(0, kPath, "/x").fails(2).line() ==
        R"(mknod("/x", S_IFREG|0644) = -1 ENOENT (No such file or directory))");
  CHECK(CallBuilder("swapon", {kPath, 0x8005}).in_string(0, kPath, "x").fails(2).line() ==
        R"(swapon("x", SWAP_FLAG_PREFER|5) = -1 ENOENT (No such file or directory))");
}

}  // namespace
}  // namespace sightline::decode
