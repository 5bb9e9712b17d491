#include <doctest/doctest.h>

#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

std::string flags(uint64_t value, const Vocabulary& words) {
  std::string out;
  append_flags(out, value, words);
  return out;
}

std::string choice(uint64_t value, const Vocabulary& words) {
  std::string out;
  append_choice(out, value, words);
  return out;
}

std::string ioctl(uint32_t request) {
  std::string out;
  append_ioctl(out, request);
  return out;
}

std::string quoted(std::string_view text, HexStrings hex = HexStrings::never, bool truncated = false) {
  std::string out;
  append_quoted(out, bytes_of(text), hex, truncated);
  return out;
}

TEST_CASE("flags: names in order, what has no name behind them") {
  CHECK(flags(0, kProtection) == "PROT_NONE");
  CHECK(flags(3, kProtection) == "PROT_READ|PROT_WRITE");
  CHECK(flags(0xfffffffffcfffff0, kProtection) == "0xfffffffffcfffff0 /* PROT_??? */");
  CHECK(flags(0x43, kProtection) == "PROT_READ|PROT_WRITE|0x40");
  CHECK(flags(0, kMsync) == "0");
  CHECK(flags(7, kAccess) == "R_OK|W_OK|X_OK");
  CHECK(flags(0, kAccess) == "F_OK");
}

TEST_CASE("a composite's name comes before its parts'") {
  CHECK(flags(04010000, kOpenFlags) == "O_SYNC");
  CHECK(flags(010000, kOpenFlags) == "O_DSYNC");
  CHECK(flags(04000000, kOpenFlags) == "__O_SYNC");
  CHECK(flags(020200000, kOpenFlags) == "O_TMPFILE");
  CHECK(flags(0xfff, kStatxMask) == "STATX_ALL");
  CHECK(flags(0x1fff, kStatxMask) == "STATX_ALL|STATX_MNT_ID");
}

TEST_CASE("choices: the name or the number with a comment") {
  CHECK(choice(1, kSeek) == "SEEK_CUR");
  CHECK(choice(7, kSeek) == "0x7 /* SEEK_??? */");
  CHECK(choice(0xffffffff, kSeek) == "0xffffffff /* SEEK_??? */");
  CHECK(choice(0, kIpControl) == "0 /* IP_??? */");
}

TEST_CASE("socket options by level and direction") {
  const auto option = [](uint32_t level, uint32_t number, bool setting) {
    std::string out;
    append_socket_option(out, level, number, setting);
    return out;
  };
  CHECK(option(1, 2, true) == "SO_REUSEADDR");
  CHECK(option(1, 26, true) == "SO_ATTACH_FILTER");
  CHECK(option(1, 26, false) == "SO_GET_FILTER");
  CHECK(option(6, 1, true) == "TCP_NODELAY");
  CHECK(option(41, 64, false) == "IP6T_SO_GET_INFO");
  CHECK(option(1, 999, true) == "0x3e7 /* SO_??? */");
  CHECK(option(2, 12, true) == "12");
}

TEST_CASE("ioctl requests") {
  CHECK(ioctl(0x5401) == "TCGETS");
  CHECK(ioctl(0x5402) == "SNDCTL_TMR_START or TCSETS");
  CHECK(ioctl(0x40049409) == "BTRFS_IOC_CLONE or FICLONE");
  CHECK(ioctl(0x80086601) == "FS_IOC_GETFLAGS");
  CHECK(ioctl(0x80044f01) == "_IOC(_IOC_READ, 0x4f, 0x1, 0x4)");
  CHECK(ioctl(0x12345678) == "_IOC(_IOC_NONE, 0x56, 0x78, 0x1234)");
  CHECK(ioctl(0xc0107805) == "_IOC(_IOC_READ|_IOC_WRITE, 0x78, 0x5, 0x10)");
}

TEST_CASE("strings are escaped as strace escapes them") {
  using namespace std::string_view_literals;
  CHECK(quoted("hello\tworld\n\"q\\\1\0012\09\377\x7f"sv) == R"("hello\tworld\n\"q\\\1\0012\09\377\177")");
  CHECK(quoted("\0007"sv) == R"("\0007")");
  CHECK(quoted("\0008"sv) == R"("\08")");
  CHECK(quoted("\f\v\r"sv) == R"("\f\v\r")");
  CHECK(quoted("abc"sv, HexStrings::never, true) == R"("abc"...)");
  CHECK(quoted(""sv) == "\"\"");
}

TEST_CASE("-x and -xx") {
  using namespace std::string_view_literals;
  CHECK(quoted("abc\n"sv, HexStrings::non_ascii) == R"("abc\n")");
  CHECK(quoted("abc\1"sv, HexStrings::non_ascii) == R"("\x61\x62\x63\x01")");
  CHECK(quoted("abc"sv, HexStrings::always) == R"("\x61\x62\x63")");
}

TEST_CASE("every vocabulary that is searched by bisection is sorted") {
  // The ioctl table is checked when it is compiled; a name at each end shows that the search reaches both.
  CHECK(ioctl(1) == "FIBMAP");
  CHECK_FALSE(ioctl(0xffffffff).starts_with("FIBMAP"));
}

TEST_CASE("signal names") {
  CHECK(signal_name(2) == "SIGINT");
  CHECK(signal_name(32) == "SIGRTMIN");
  CHECK(signal_name(35) == "SIGRT_3");
  CHECK(signal_name(64) == "SIGRT_32");
  CHECK(signal_name(99) == "0x63");
  CHECK(signal_name(0) == "0x0");
}

TEST_CASE("error names and texts") {
  CHECK(errno_name(2) == "ENOENT");
  CHECK(errno_text(2) == "No such file or directory");
  CHECK(errno_name(95) == "EOPNOTSUPP");
  CHECK(errno_name(35) == "EDEADLK");
  CHECK(errno_name(512) == "ERESTARTSYS");
  CHECK(errno_text(512) == "To be restarted if SA_RESTART is set");
  CHECK(errno_text(516) == "Interrupted by signal");
  CHECK(errno_name(4000).empty());
  CHECK(errno_name(-1).empty());
  CHECK(errno_name(INT64_MIN).empty());
}

}  // namespace
}  // namespace sightline::decode
