// Structs from captured bytes. The expected lines are those strace 6.1 printed for the same values.
#include <doctest/doctest.h>

#include "tests/src/decode/call_builder.h"

namespace sightline::decode {
namespace {

constexpr uint64_t kA = 0x7ffe00001000, kB = 0x7ffe00002000, kC = 0x7ffe00003000, kD = 0x7ffe00004000;

Bytes stat_bytes(uint64_t mode, uint64_t size, uint64_t rdev) {
  return Bytes()
      .u64(0xfe00)
      .u64(10952771)
      .u64(1)
      .u32(mode)
      .u32(0)
      .u32(0)
      .u32(0)
      .u64(rdev)
      .u64(size)
      .u64(4096)
      .u64(8)
      .u64(1)
      .u64(5)
      .u64(2)
      .u64(0)
      .u64(3)
      .u64(0)
      .zeros(24);
}

TEST_CASE("stat") {
  CHECK(CallBuilder("stat", {kA, kB}).in_string(0, kA, "f").out(1, kB, stat_bytes(0100644, 103, 0)).returns(0).line() ==
        R"(stat("f", {st_mode=S_IFREG|0644, st_size=103, ...}) = 0)");
  CHECK(CallBuilder("stat", {kA, kB})
            .in_string(0, kA, "/dev/null")
            .out(1, kB, stat_bytes(020666, 0, 0x103))
            .returns(0)
            .line() == R"(stat("/dev/null", {st_mode=S_IFCHR|0666, st_rdev=makedev(0x1, 0x3), ...}) = 0)");
  CHECK(CallBuilder("stat", {kA, kB})
            .in_string(0, kA, "/tmp")
            .out(1, kB, stat_bytes(041777, 4096, 0))
            .returns(0)
            .line() == R"(stat("/tmp", {st_mode=S_IFDIR|S_ISVTX|0777, st_size=4096, ...}) = 0)");
  CHECK(CallBuilder("stat", {kA, kB}).in_string(0, kA, "x").fails(2).line() ==
        R"(stat("x", 0x7ffe00002000) = -1 ENOENT (No such file or directory))");
  const std::string full =
      CallBuilder("fstat", {3, kB}).out(1, kB, stat_bytes(0100755, 103, 0)).returns(0).line({.verbose = true});
  CHECK(full.starts_with(
      "fstat(3, {st_dev=makedev(0xfe, 0), st_ino=10952771, st_mode=S_IFREG|0755, st_nlink=1, st_uid=0, "
      "st_gid=0, st_blksize=4096, st_blocks=8, st_size=103, st_atime=1 /* "));
  CHECK(full.find("st_atime_nsec=5, st_mtime=2 /* ") != std::string::npos);
}

TEST_CASE("a struct of which not all could be read is an address") {
  const std::string half = std::string(stat_bytes(0100644, 1, 0)).substr(0, 60);
  CHECK(CallBuilder("fstat", {3, kB}).out(1, kB, half, 144, tracer::kCaptureFault).returns(0).line() ==
        "fstat(3, 0x7ffe00002000) = 0");
}

TEST_CASE("payload") {
  CHECK(CallBuilder("read", {3, kB, 4096}).out(1, kB, std::string(32, 'a'), 87).returns(87).line() ==
        R"(read(3, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"..., 4096) = 87)");
  CHECK(CallBuilder("read", {3, kB, 4096}).returns(0).line() == R"(read(3, "", 4096) = 0)");
  CHECK(CallBuilder("read", {kNoFd, kB, 10}).fails(9).line() ==
        "read(-1, 0x7ffe00002000, 10) = -1 EBADF (Bad file descriptor)");
  CHECK(CallBuilder("read", {3, 0, 0}).returns(0).line() == "read(3, NULL, 0) = 0");
  CHECK(CallBuilder("write", {3, kB, 0}).returns(0).line() == R"(write(3, "", 0) = 0)");
  CHECK(CallBuilder("write", {3, 0, 0}).returns(0).line() == "write(3, NULL, 0) = 0");
  CHECK(CallBuilder("write", {3, 8, 5}).in(1, 8, "", 5, tracer::kCaptureFault).fails(14).line() ==
        "write(3, 0x8, 5) = -1 EFAULT (Bad address)");
  CHECK(CallBuilder("write", {3, kB, 33}).in(1, kB, std::string(32, 'a'), 33).returns(33).line({.string_limit = 4}) ==
        R"(write(3, "aaaa"..., 33) = 33)");
  CHECK(CallBuilder("getrandom", {kB, 3, 1}).out(0, kB, "\x94\xb8^").returns(3).line() ==
        R"(getrandom("\x94\xb8\x5e", 3, GRND_NONBLOCK) = 3)");
  CHECK(CallBuilder("readlink", {kA, kB, 100}).in_string(0, kA, "ln").out(1, kB, "f").returns(1).line() ==
        R"(readlink("ln", "f", 100) = 1)");
  CHECK(CallBuilder("getcwd", {kB, 4096}).out_string(0, kB, "/tmp").returns(5).line() == R"(getcwd("/tmp", 4096) = 5)");
  CHECK(CallBuilder("getxattr", {kA, kB, 0, 0}).in_string(0, kA, "f").in_string(1, kB, "user.a").returns(3).line() ==
        R"(getxattr("f", "user.a", NULL, 0) = 3)");
}

TEST_CASE("paths are printed whole and become addresses where they could not be read") {
  const std::string longer(300, 'y');
  CHECK(CallBuilder("chdir", {kA}).in_string(0, kA, longer).fails(36).line() ==
        "chdir(\"" + longer + "\") = -1 ENAMETOOLONG (File name too long)");
  CHECK(CallBuilder("chdir", {kA}).in_string(0, kA, "aaaaa", tracer::kCaptureFault).fails(14).line() ==
        "chdir(0x7ffe00001000) = -1 EFAULT (Bad address)");
  CHECK(CallBuilder("chdir", {0}).fails(14).line() == "chdir(NULL) = -1 EFAULT (Bad address)");
}

TEST_CASE("argv and envp") {
  CallBuilder exec("execve", {kA, kB, kC});
  exec.in_string(0, kA, "/bin/ls")
      .in(1, kB, Bytes().u64(0x10).u64(0x20).u64(0))
      .in_string(1, 0x10, "ls")
      .in_string(1, 0x20, "-l");
  exec.in(2, kC, Bytes().u64(0x30).u64(0x40).u64(0)).in_string(2, 0x30, "A=b").in_string(2, 0x40, "C=d");
  exec.returns(0);
  CHECK(exec.line() == R"(execve("/bin/ls", ["ls", "-l"], 0x7ffe00003000 /* 2 vars */) = 0)");
  CHECK(exec.line({.verbose = true}) == R"(execve("/bin/ls", ["ls", "-l"], ["A=b", "C=d"]) = 0)");
  CHECK(CallBuilder("execve", {kA, kB, kC})
            .in_string(0, kA, "/nonex")
            .in(1, kB, Bytes().u64(0x10), 0, tracer::kCaptureFault)
            .in_string(1, 0x10, "xy")
            .in(2, kC, Bytes().u64(0x30), 0, tracer::kCaptureFault)
            .fails(2)
            .line() ==
        R"(execve("/nonex", ["xy", ... /* 0x7ffe00002008 */], 0x7ffe00003000 /* 1 var, unterminated */) = )"
        "-1 ENOENT (No such file or directory)");
  CHECK(CallBuilder("execve", {kA, kB, kB})
            .in_string(0, kA, "x")
            .in(1, kB, Bytes().u64(8).u64(0))
            .in(2, kB, Bytes().u64(8).u64(0))
            .fails(2)
            .line() == R"(execve("x", [0x8], 0x7ffe00002000 /* 1 var */) = -1 ENOENT (No such file or directory))");
}

TEST_CASE("iovecs") {
  CallBuilder write("writev", {8, kA, 3});
  write.in(1, kA, Bytes().u64(kB).u64(3).u64(kC).u64(37).u64(0).u64(0));
  write.in(1, kB, "abc").in(1, kC, "defghijklmnopqrstuvwxyz012345678", 37).returns(40);
  CHECK(write.line() == R"(writev(8, [{iov_base="abc", iov_len=3}, {iov_base="defghijklmnopqrstuvwxyz012345678"..., )"
                        "iov_len=37}, {iov_base=NULL, iov_len=0}], 3) = 40");
  CallBuilder read("readv", {7, kA, 2});
  read.out(1, kA, Bytes().u64(kB).u64(4).u64(kC).u64(200)).out(1, kB, "abcd").out(1, kC, "ef").returns(6);
  CHECK(read.line() == R"(readv(7, [{iov_base="abcd", iov_len=4}, {iov_base="ef", iov_len=200}], 2) = 6)");
  CHECK(CallBuilder("writev", {8, kA, 0}).returns(0).line() == "writev(8, [], 0) = 0");
  CHECK(CallBuilder("writev", {2, kA, 2})
            .in(1, kA, Bytes().u64(kB).u64(3), 32, tracer::kCaptureFault)
            .in(1, kB, std::string("xy\0", 3))
            .fails(14)
            .line() ==
        R"(writev(2, [{iov_base="xy\0", iov_len=3}, ... /* 0x7ffe00001010 */], 2) = -1 EFAULT (Bad address))");
}

TEST_CASE("socket addresses") {
  const auto connect = [](const std::string& address, uint64_t length) {
    return CallBuilder("connect", {9, kA, length}).in(1, kA, address).returns(0).line();
  };
  CHECK(connect(Bytes().u16(2).u16(0x5000).u32(0x0100007f).zeros(8), 16) ==
        R"(connect(9, {sa_family=AF_INET, sin_port=htons(80), sin_addr=inet_addr("127.0.0.1")}, 16) = 0)");
  CHECK(connect(Bytes().u16(1).text("/nonexistent/sock").zeros(91), 110) ==
        R"(connect(9, {sa_family=AF_UNIX, sun_path="/nonexistent/sock"}, 110) = 0)");
  CHECK(connect(Bytes().u16(1), 2) == "connect(9, {sa_family=AF_UNIX}, 2) = 0");
  CHECK(connect(Bytes().u16(1).text(std::string_view("\0abs\0x", 6)), 8) ==
        R"(connect(9, {sa_family=AF_UNIX, sun_path=@"abs\0x"}, 8) = 0)");
  CHECK(connect(Bytes().u16(10).u16(0x3500).u32(0x11).zeros(15).text("\1").u32(0), 28) ==
        R"(connect(9, {sa_family=AF_INET6, sin6_port=htons(53), sin6_flowinfo=htonl(285212672), )"
        R"(inet_pton(AF_INET6, "::1", &sin6_addr), sin6_scope_id=0}, 28) = 0)");
  CHECK(connect(Bytes().u16(16).u16(0).u32(12880).u32(1), 12) ==
        "connect(9, {sa_family=AF_NETLINK, nl_pid=12880, nl_groups=0x000001}, 12) = 0");
  CHECK(connect(Bytes().u16(9).zeros(3), 5) == R"(connect(9, {sa_family=AF_X25, sa_data="\0\0\0"}, 5) = 0)");
  CHECK(connect(Bytes().u16(99).zeros(2), 4) == R"(connect(9, {sa_family=0x63 /* AF_??? */, sa_data="\0\0"}, 4) = 0)");
  CHECK(CallBuilder("connect", {17, 8, 16}).in(1, 8, "", 16, tracer::kCaptureFault).fails(14).line() ==
        "connect(17, 0x8, 16) = -1 EFAULT (Bad address)");
}

TEST_CASE("lengths that the kernel changes") {
  const std::string inet = Bytes().u16(2).u16(0x7f99).u32(0x0100007f).zeros(8);
  const auto name = [&](uint32_t room, uint32_t written) {
    return CallBuilder("getsockname", {9, kA, kB})
        .in(2, kB, Bytes().u32(room))
        .out(1, kA, inet)
        .out(2, kB, Bytes().u32(written))
        .returns(0)
        .line();
  };
  CHECK(name(16, 16) ==
        R"(getsockname(9, {sa_family=AF_INET, sin_port=htons(39295), sin_addr=inet_addr("127.0.0.1")}, [16]) = 0)");
  CHECK(
      name(128, 16) ==
      R"(getsockname(9, {sa_family=AF_INET, sin_port=htons(39295), sin_addr=inet_addr("127.0.0.1")}, [128 => 16]) = 0)");
  CHECK(name(4, 16) == R"(getsockname(9, {sa_family=AF_INET, sa_data="\231\177"}, [4 => 16]) = 0)");
  CHECK(CallBuilder("accept4", {11, kA, kB, 02000000}).in(2, kB, Bytes().u32(16)).fails(22).line() ==
        "accept4(11, 0x7ffe00001000, [16], SOCK_CLOEXEC) = -1 EINVAL (Invalid argument)");
}

TEST_CASE("socket options") {
  const auto set = [](uint64_t level, uint64_t option, const std::string& value) {
    return CallBuilder("setsockopt", {9, level, option, kA, value.size()}).in(3, kA, value).returns(0).line();
  };
  CHECK(set(1, 2, Bytes().u32(1)) == "setsockopt(9, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0");
  CHECK(set(1, 13, Bytes().u32(1).u32(2)) == "setsockopt(9, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=2}, 8) = 0");
  CHECK(set(1, 20, Bytes().u64(3).u64(0)) ==
        R"(setsockopt(9, SOL_SOCKET, SO_RCVTIMEO_OLD, "\3\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16) = 0)");
  CHECK(set(6, 13, "cubic") == R"(setsockopt(9, SOL_TCP, TCP_CONGESTION, "cubic", 5) = 0)");
  CHECK(set(1, 2, "ab") == "setsockopt(9, SOL_SOCKET, SO_REUSEADDR, 0x7ffe00001000, 2) = 0");
  CHECK(set(1, 26, Bytes().u64(1).u64(kB)) ==
        "setsockopt(9, SOL_SOCKET, SO_ATTACH_FILTER, {len=1, filter=0x7ffe00002000}, 16) = 0");
  CHECK(CallBuilder("getsockopt", {7, 1, 17, kA, kB})
            .in(4, kB, Bytes().u32(12))
            .out(3, kA, Bytes().u32(12880).u32(0).u32(0))
            .out(4, kB, Bytes().u32(12))
            .returns(0)
            .line() == "getsockopt(7, SOL_SOCKET, SO_PEERCRED, {pid=12880, uid=0, gid=0}, [12]) = 0");
}

TEST_CASE("messages") {
  const auto header = [](uint64_t control, uint64_t length) {
    return Bytes().u64(0).u64(0).u64(kB).u64(1).u64(control).u64(length).u64(0);
  };
  CallBuilder send("sendmsg", {7, kA, 0});
  send.in(1, kA, header(0, 0)).in(1, kB, Bytes().u64(kC).u64(4)).in(1, kC, "data").returns(4);
  CHECK(send.line() ==
        R"(sendmsg(7, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="data", iov_len=4}], msg_iovlen=1, )"
        "msg_controllen=0, msg_flags=0}, 0) = 4");
  CallBuilder rights("sendmsg", {7, kA, 0});
  rights.in(1, kA, header(kD, 24)).in(1, kB, Bytes().u64(kC).u64(4)).in(1, kC, "data");
  rights.in(1, kD, Bytes().u64(24).u32(1).u32(1).u32(1).u32(2)).returns(4);
  CHECK(rights.line() ==
        R"(sendmsg(7, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="data", iov_len=4}], msg_iovlen=1, )"
        "msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[1, 2]}], "
        "msg_controllen=24, msg_flags=0}, 0) = 4");
  CallBuilder receive("recvmsg", {8, kA, 0});
  receive.in(1, kA, header(kD, 100)).out(1, kA, header(kD, 32)).out(1, kB, Bytes().u64(kC).u64(50)).out(1, kC, "z");
  receive.out(1, kD, Bytes().u64(28).u32(1).u32(2).u32(12880).u32(0).u32(0).u32(0)).returns(1);
  CHECK(receive.line() ==
        R"(recvmsg(8, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base="z", iov_len=50}], msg_iovlen=1, )"
        "msg_control=[{cmsg_len=28, cmsg_level=SOL_SOCKET, cmsg_type=SCM_CREDENTIALS, cmsg_data={pid=12880, uid=0, "
        "gid=0}}], msg_controllen=32, msg_flags=0}, 0) = 1");
  CHECK(CallBuilder("recvmsg", {8, kA, 0x40}).in(1, kA, header(kD, 100)).fails(11).line() ==
        "recvmsg(8, {msg_namelen=0}, MSG_DONTWAIT) = -1 EAGAIN (Resource temporarily unavailable)");
}

TEST_CASE("poll, select and epoll say what they found behind the result") {
  CallBuilder poll("poll", {kA, 2, 0});
  poll.in(0, kA, Bytes().u32(7).u16(1).u16(0).u32(8).u16(12).u16(0));
  poll.out(0, kA, Bytes().u32(7).u16(1).u16(0).u32(8).u16(12).u16(4)).returns(1);
  CHECK(poll.line() ==
        "poll([{fd=7, events=POLLIN}, {fd=8, events=POLLOUT|POLLERR}], 2, 0) = 1 ([{fd=8, revents=POLLOUT}])");
  CHECK(CallBuilder("poll", {kA, 1, 0})
            .in(0, kA, Bytes().u32(kNoFd).u32(5))
            .out(0, kA, Bytes().u32(kNoFd).u32(5))
            .returns(0)
            .line() == "poll([{fd=-1}], 1, 0) = 0 (Timeout)");
  CHECK(CallBuilder("ppoll", {kA, 1, kB, 0, 8})
            .in(0, kA, Bytes().u32(8).u16(4).u16(0))
            .out(0, kA, Bytes().u32(8).u16(4).u16(4))
            .in(2, kB, Bytes().u64(1).u64(0))
            .out(2, kB, Bytes().u64(0).u64(5))
            .returns(1)
            .line() ==
        "ppoll([{fd=8, events=POLLOUT}], 1, {tv_sec=1, tv_nsec=0}, NULL, 8) = 1 ([{fd=8, "
        "revents=POLLOUT}], left {tv_sec=0, tv_nsec=5})");
  CallBuilder select("select", {6, kA, kB, kC, kD});
  select.in(1, kA, Bytes().u64(0x12))
      .in(2, kB, Bytes().u64(0x20))
      .in(3, kC, Bytes().u64(0))
      .in(4, kD, Bytes().u64(1).u64(5));
  select.out(1, kA, Bytes().u64(0x12))
      .out(2, kB, Bytes().u64(0x20))
      .out(3, kC, Bytes().u64(0))
      .out(4, kD, Bytes().u64(1).u64(1));
  CHECK(select.returns(3).line() ==
        "select(6, [1 4], [5], [], {tv_sec=1, tv_usec=5}) = 3 (in [1 4], out [5], left {tv_sec=1, tv_usec=1})");
  CHECK(CallBuilder("epoll_wait", {6, kA, 4, 0}).out(1, kA, std::string(Bytes().u32(1).u64(7))).returns(1).line() ==
        "epoll_wait(6, [{events=EPOLLIN, data={u32=7, u64=7}}], 4, 0) = 1");
  CHECK(CallBuilder("epoll_wait", {6, kA, 4, 0}).returns(0).line() == "epoll_wait(6, [], 4, 0) = 0");
  CHECK(
      CallBuilder("epoll_ctl", {6, 1, 4, kA}).in(3, kA, Bytes().u32(0x80000001).u64(0x1234567890)).returns(0).line() ==
      "epoll_ctl(6, EPOLL_CTL_ADD, 4, {events=EPOLLIN|EPOLLET, data={u32=878082192, u64=78187493520}}) = 0");
}

TEST_CASE("signals") {
  const auto mask = [](uint64_t set) {
    return CallBuilder("rt_sigprocmask", {0, kA, 0, 8}).in(1, kA, Bytes().u64(set)).returns(0).line();
  };
  CHECK(mask(0) == "rt_sigprocmask(SIG_BLOCK, [], NULL, 8) = 0");
  CHECK(mask(0x10002) == "rt_sigprocmask(SIG_BLOCK, [INT CHLD], NULL, 8) = 0");
  CHECK(mask(~uint64_t{0}) == "rt_sigprocmask(SIG_BLOCK, ~[], NULL, 8) = 0");
  CHECK(mask(~(uint64_t{3} << 31)) == "rt_sigprocmask(SIG_BLOCK, ~[RTMIN RT_1], NULL, 8) = 0");
  CHECK(mask(uint64_t{1} << 63 | uint64_t{7} << 31) ==
        "rt_sigprocmask(SIG_BLOCK, [RTMIN RT_1 RT_2 RT_32], NULL, 8) = 0");
  CHECK(CallBuilder("rt_sigprocmask", {2, kA, 0, 7}).in(1, kA, Bytes().u64(0)).fails(22).line() ==
        "rt_sigprocmask(SIG_SETMASK, 0x7ffe00001000, NULL, 7) = -1 EINVAL (Invalid argument)");
  CHECK(CallBuilder("rt_sigaction", {10, kA, kB, 8})
            .in(1, kA, Bytes().u64(0).u64(0x14000000).u64(kC).u64(0x800))
            .out(2, kB, Bytes().u64(1).u64(0).u64(0).u64(0))
            .returns(0)
            .line() ==
        "rt_sigaction(SIGUSR1, {sa_handler=SIG_DFL, sa_mask=[USR2], sa_flags=SA_RESTORER|SA_RESTART, "
        "sa_restorer=0x7ffe00003000}, {sa_handler=SIG_IGN, sa_mask=[], sa_flags=0}, 8) = 0");
  CHECK(CallBuilder("tgkill", {1, 2, 40}).returns(0).line() == "tgkill(1, 2, SIGRT_8) = 0");
  CHECK(CallBuilder("tgkill", {kNoFd, kNoFd, kNoFd}).fails(22).line() ==
        "tgkill(-1, -1, -1) = -1 EINVAL (Invalid argument)");
}

TEST_CASE("siginfo") {
  const auto text = [](const std::string& bytes) { return siginfo_text(std::as_bytes(std::span(bytes))); };
  CHECK(text(Bytes().u32(17).u32(0).u32(1).u32(0).u32(14351).u32(0).u32(3).u32(0).u64(0).u64(0)) ==
        "{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=14351, si_uid=0, si_status=3, si_utime=0, si_stime=0}");
  CHECK(text(Bytes().u32(17).u32(0).u32(2).u32(0).u32(7).u32(0).u32(9).u32(0).u64(123).u64(0)) ==
        "{si_signo=SIGCHLD, si_code=CLD_KILLED, si_pid=7, si_uid=0, si_status=SIGKILL, si_utime=123 /* 1.23 s */, "
        "si_stime=0}");
  CHECK(text(Bytes().u32(11).u32(0).u32(1).u32(0).u64(0).zeros(32)) ==
        "{si_signo=SIGSEGV, si_code=SEGV_MAPERR, si_addr=NULL}");
  CHECK(text(Bytes().u32(10).u32(0).u32(static_cast<uint32_t>(-1)).u32(0).u32(0).u32(0).u64(5)) ==
        "{si_signo=SIGUSR1, si_code=SI_QUEUE, si_pid=0, si_uid=0, si_int=5, si_ptr=0x5}");
  CHECK(text(Bytes().u32(14).u32(0).u32(0x80).u32(0).zeros(112)) == "{si_signo=SIGALRM, si_code=SI_KERNEL}");
  CHECK(text(Bytes().u32(31).u32(0).u32(1).u32(0).u64(0x1000).u32(39).u32(0xc000003e)) ==
        "{si_signo=SIGSYS, si_code=SYS_SECCOMP, si_call_addr=0x1000, si_syscall=__NR_getpid, "
        "si_arch=AUDIT_ARCH_X86_64}");
  CHECK(text(Bytes().u32(17).u32(0)).empty());
}

TEST_CASE("processes") {
  CHECK(CallBuilder("clone", {0x01200011, 0, 0, kA, 0}).returns(4711).line() ==
        "clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|CLONE_CHILD_SETTID|SIGCHLD, child_tidptr=0x7ffe00001000) = "
        "4711");
  CHECK(CallBuilder("clone", {0x00300011, 0, kB, kA, 0}).out(2, kB, Bytes().u32(14357)).returns(14357).line() ==
        "clone(child_stack=NULL, flags=CLONE_PARENT_SETTID|CLONE_CHILD_CLEARTID|SIGCHLD, parent_tid=[14357], "
        "child_tidptr=0x7ffe00001000) = 14357");
  const std::string clone_args =
      Bytes().u64(0x101000).u64(kB).u64(0).u64(kC).u64(17).u64(0).u64(0).u64(0).u64(0).u64(0).u64(0);
  CallBuilder clone3("clone3", {kA, 88});
  const DecodedCall before = clone3.in(0, kA, clone_args).decoded();
  CHECK(before.known_at_entry == 0);
  CHECK(before.begun ==
        "{flags=CLONE_PIDFD|CLONE_PARENT_SETTID, pidfd=0x7ffe00002000, parent_tid=0x7ffe00003000, "
        "exit_signal=SIGCHLD, stack=NULL, stack_size=0}");
  CHECK(clone3.out(0, kB, Bytes().u32(17)).out(0, kC, Bytes().u32(14355)).returns(14355).line() ==
        "clone3({flags=CLONE_PIDFD|CLONE_PARENT_SETTID, pidfd=0x7ffe00002000, parent_tid=0x7ffe00003000, "
        "exit_signal=SIGCHLD, stack=NULL, stack_size=0} => {pidfd=[17], parent_tid=[14355]}, 88) = 14355");
  const auto wait = [](uint32_t status) {
    return CallBuilder("wait4", {kNoFd, kA, 0, 0}).out(1, kA, Bytes().u32(status)).returns(7).line();
  };
  CHECK(wait(0x300) == "wait4(-1, [{WIFEXITED(s) && WEXITSTATUS(s) == 3}], 0, NULL) = 7");
  CHECK(wait(9) == "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGKILL}], 0, NULL) = 7");
  CHECK(wait(0x8b) == "wait4(-1, [{WIFSIGNALED(s) && WTERMSIG(s) == SIGSEGV && WCOREDUMP(s)}], 0, NULL) = 7");
  CHECK(wait(0x137f) == "wait4(-1, [{WIFSTOPPED(s) && WSTOPSIG(s) == SIGSTOP}], 0, NULL) = 7");
  CHECK(wait(0xffff) == "wait4(-1, [{WIFCONTINUED(s)}], 0, NULL) = 7");
  CHECK(CallBuilder("wait4", {5, kA, 1, 0}).out(1, kA, Bytes().u32(0)).returns(0).line() ==
        "wait4(5, 0x7ffe00001000, WNOHANG, NULL) = 0");
  CHECK(CallBuilder("prlimit64", {0, 3, 0, kA})
            .out(3, kA, Bytes().u64(8192 * 1024).u64(~uint64_t{0}))
            .returns(0)
            .line() == "prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=8192*1024, rlim_max=RLIM64_INFINITY}) = 0");
  CHECK(CallBuilder("prlimit64", {0, 4, kA, 0}).in(2, kA, Bytes().u64(1000).u64(1024)).returns(0).line() ==
        "prlimit64(0, RLIMIT_CORE, {rlim_cur=1000, rlim_max=1024}, NULL) = 0");
  CHECK(CallBuilder("sched_getaffinity", {0, 128, kA}).out(2, kA, Bytes().u64(3)).returns(8).line() ==
        "sched_getaffinity(0, 128, [0 1]) = 8");
  CHECK(CallBuilder("getresuid", {kA, kB, kC})
            .out(0, kA, Bytes().u32(0))
            .out(1, kB, Bytes().u32(1))
            .out(2, kC, Bytes().u32(kNoFd))
            .returns(0)
            .line() == "getresuid([0], [1], [-1]) = 0");
  CHECK(
      CallBuilder("uname", {kA}).out(0, kA, Bytes().text("Linux").zeros(60).text("vm").zeros(323)).returns(0).line() ==
      R"(uname({sysname="Linux", nodename="vm", ...}) = 0)");
  CHECK(CallBuilder("capget", {kA, kB})
            .in(0, kA, Bytes().u32(0x20080522).u32(0))
            .out(1, kB, Bytes().u32(3).u32(1).u32(0).u32(0x100).u32(0).u32(0))
            .returns(0)
            .line() ==
        "capget({version=_LINUX_CAPABILITY_VERSION_3, pid=0}, {effective=1<<CAP_CHOWN|1<<CAP_DAC_OVERRIDE|"
        "1<<CAP_CHECKPOINT_RESTORE, permitted=1<<CAP_CHOWN, inheritable=0}) = 0");
}

TEST_CASE("times") {
  CHECK(CallBuilder("clock_gettime", {0, kA}).out(1, kA, Bytes().u64(1795223405).u64(975773021)).returns(0).line() ==
        "clock_gettime(CLOCK_REALTIME, {tv_sec=1795223405, tv_nsec=975773021}) = 0");
  CallBuilder sleep("nanosleep", {kA, kB});
  sleep.in(0, kA, Bytes().u64(5).u64(0)).out(1, kB, Bytes().u64(4).u64(9));
  CHECK(sleep.returns(0).line() == "nanosleep({tv_sec=5, tv_nsec=0}, 0x7ffe00002000) = 0");
  CHECK(sleep.ends(tracer::CallEnd::restart, -516).line() ==
        "nanosleep({tv_sec=5, tv_nsec=0}, {tv_sec=4, tv_nsec=9}) = ? ERESTART_RESTARTBLOCK (Interrupted by signal)");
  CHECK(CallBuilder("utimensat", {kWorkingDirectory, kA, kB, 0})
            .in_string(1, kA, "f")
            .in(2, kB, Bytes().u64(0).u64(0x3fffffff).u64(5).u64(0x3ffffffe))
            .returns(0)
            .line() == R"(utimensat(AT_FDCWD, "f", [UTIME_NOW, UTIME_OMIT], 0) = 0)");
  CHECK(CallBuilder("setitimer", {0, kA, 0}).in(1, kA, Bytes().u64(0).u64(0).u64(100).u64(5)).returns(0).line() ==
        "setitimer(ITIMER_REAL, {it_interval={tv_sec=0, tv_usec=0}, it_value={tv_sec=100, tv_usec=5}}, NULL) = 0");
}

TEST_CASE("processor time is counted in ticks") {
  CHECK(CallBuilder("times", {kA}).out(0, kA, Bytes().u64(26).u64(0).u64(0).u64(0)).returns(1718140854).line() ==
        "times({tms_utime=26 /* 0.26 s */, tms_stime=0, tms_cutime=0, tms_cstime=0}) = 1718140854");
}

TEST_CASE("statx prints what its mask says is known") {
  const auto statx = [](uint32_t mask) {
    const std::string bytes =
        Bytes().u32(mask).u32(4096).u64(0).u32(1).u32(0).u32(0).u16(0100644).u16(0).u64(7).u64(103).u64(8).u64(0).zeros(
            256 - 64);
    return CallBuilder("statx", {kWorkingDirectory, kA, 0, 0xfff, kB})
        .in_string(1, kA, "f")
        .out(4, kB, bytes)
        .returns(0)
        .line();
  };
  const std::string head = R"(statx(AT_FDCWD, "f", AT_STATX_SYNC_AS_STAT, STATX_ALL, {stx_mask=)";
  CHECK(statx(0x7ff) == head + "STATX_BASIC_STATS, stx_attributes=0, stx_mode=S_IFREG|0644, stx_size=103, ...}) = 0");
  CHECK(statx(0x8) == head + "STATX_UID, stx_attributes=0, ...}) = 0");
}

TEST_CASE("statfs tells its flags if the file system does") {
  const auto statfs = [](uint64_t flags) {
    return CallBuilder("statfs", {kA, kB})
        .in_string(0, kA, "/")
        .out(1, kB,
             Bytes()
                 .u64(0xef53)
                 .u64(4096)
                 .u64(9)
                 .u64(8)
                 .u64(7)
                 .u64(6)
                 .u64(5)
                 .u32(1)
                 .u32(0)
                 .u64(255)
                 .u64(4096)
                 .u64(flags)
                 .zeros(32))
        .returns(0)
        .line();
  };
  const std::string known =
      R"(statfs("/", {f_type=EXT2_SUPER_MAGIC, f_bsize=4096, f_blocks=9, f_bfree=8, f_bavail=7, f_files=6, f_ffree=5, )"
      "f_fsid={val=[0x1, 0]}, f_namelen=255, f_frsize=4096";
  CHECK(statfs(0x1020) == known + ", f_flags=ST_VALID|ST_RELATIME}) = 0");
  CHECK(statfs(0) == known + "}) = 0");
}

TEST_CASE("ioctl arguments") {
  CHECK(CallBuilder("ioctl", {1, 0x5413, kA}).out(2, kA, Bytes().u16(24).u16(80).u16(0).u16(0)).returns(0).line() ==
        "ioctl(1, TIOCGWINSZ, {ws_row=24, ws_col=80, ws_xpixel=0, ws_ypixel=0}) = 0");
  CHECK(CallBuilder("ioctl", {1, 0x5413, kA}).fails(25).line() ==
        "ioctl(1, TIOCGWINSZ, 0x7ffe00001000) = -1 ENOTTY (Inappropriate ioctl for device)");
  CHECK(CallBuilder("ioctl", {15, 0x5401, kA})
            .out(2, kA, Bytes().u32(0x500).u32(5).u32(0xbf).u32(0x8a3b).zeros(20))
            .returns(0)
            .line() ==
        "ioctl(15, TCGETS, {c_iflag=ICRNL|IXON, c_oflag=NL0|CR0|TAB0|BS0|VT0|FF0|OPOST|ONLCR, "
        "c_cflag=B38400|CS8|CREAD, c_lflag=ISIG|ICANON|ECHO|ECHOE|ECHOK|IEXTEN|ECHOCTL|ECHOKE, ...}) = 0");
  CHECK(CallBuilder("ioctl", {4, 0x541b, kA}).out(2, kA, Bytes().u32(0)).returns(0).line() ==
        "ioctl(4, FIONREAD, [0]) = 0");
  CHECK(CallBuilder("ioctl", {4, 0x5451, 0}).returns(0).line() == "ioctl(4, FIOCLEX) = 0");
  CHECK(CallBuilder("ioctl", {15, 0x540b, 2}).returns(0).line() == "ioctl(15, TCFLSH, TCIOFLUSH) = 0");
  CHECK(CallBuilder("ioctl", {3, 0x40049409, 3}).fails(9).line() ==
        "ioctl(3, BTRFS_IOC_CLONE or FICLONE, 3) = -1 EBADF (Bad file descriptor)");
  CHECK(CallBuilder("ioctl", {3, 0x12345678, 0x99}).fails(25).line() ==
        "ioctl(3, _IOC(_IOC_NONE, 0x56, 0x78, 0x1234), 0x99) = -1 ENOTTY (Inappropriate ioctl for device)");
  CallBuilder flags("ioctl", {16, 0x8913, kA});
  flags.in(2, kA, Bytes().text("lo").zeros(38)).out(2, kA, Bytes().text("lo").zeros(14).u16(0x49).zeros(22)).returns(0);
  CHECK(flags.line() == R"(ioctl(16, SIOCGIFFLAGS, {ifr_name="lo", ifr_flags=IFF_UP|IFF_LOOPBACK|IFF_RUNNING}) = 0)");
}

TEST_CASE("locks, directories, moved offsets") {
  CHECK(CallBuilder("fcntl", {3, 6, kA})
            .in(2, kA, Bytes().u16(1).u16(0).u32(0).u64(1).u64(5).u32(0).u32(0))
            .returns(0)
            .line() == "fcntl(3, F_SETLK, {l_type=F_WRLCK, l_whence=SEEK_SET, l_start=1, l_len=5}) = 0");
  const std::string entry = Bytes().u64(7).u64(9).u16(24).text("\4").text(".").zeros(4);
  CHECK(CallBuilder("getdents64", {8, kA, 4096}).out(1, kA, entry + entry).returns(48).line() ==
        "getdents64(8, 0x7ffe00001000 /* 2 entries */, 4096) = 48");
  CHECK(CallBuilder("getdents64", {8, kA, 4096}).out(1, kA, entry).returns(24).line({.verbose = true}) ==
        R"(getdents64(8, [{d_ino=7, d_off=9, d_reclen=24, d_type=DT_DIR, d_name="."}], 4096) = 24)");
  CHECK(CallBuilder("sendfile", {7, 3, kA, 10})
            .in(2, kA, Bytes().u64(3))
            .out(2, kA, Bytes().u64(13))
            .returns(10)
            .line() == "sendfile(7, 3, [3] => [13], 10) = 10");
  CHECK(CallBuilder("pipe2", {kA, 02000000}).out(0, kA, Bytes().u32(5).u32(6)).returns(0).line() ==
        "pipe2([5, 6], O_CLOEXEC) = 0");
  CHECK(CallBuilder("openat2", {kWorkingDirectory, kA, kB, 24})
            .in_string(1, kA, "f")
            .in(2, kB, Bytes().u64(0102).u64(0644).u64(8))
            .returns(13)
            .line() ==
        R"(openat2(AT_FDCWD, "f", {flags=O_RDWR|O_CREAT, mode=0644, resolve=RESOLVE_BENEATH}, 24) = 13)");
}

}  // namespace
}  // namespace sightline::decode
