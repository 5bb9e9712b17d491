/// From raw arguments and captured bytes to the words strace prints.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "src/model.h"

namespace sightline::decode {

enum class HexStrings : uint8_t { never, non_ascii, always };  ///< -, -x, -xx

struct Style {
  uint32_t string_limit = 32;  ///< -s
  bool verbose = false;        ///< -v: structs and environments in full
  HexStrings hex_strings = HexStrings::never;
  bool fd_paths = false;  ///< -y: `3</etc/passwd>` from fd_path captures
};

struct Argument {
  std::string_view name;  ///< from the table; "arg1" … for unknown calls
  uint64_t raw = 0;
  std::string text;  ///< as strace prints it, e.g. `O_RDONLY|O_CLOEXEC`, `{st_mode=S_IFREG|0644, …}`
};

struct DecodedCall {
  std::string name;                 ///< `openat`; `syscall_0x1ff` for unknown numbers, as strace
  std::vector<Argument> arguments;  ///< those that strace prints (openat without O_CREAT has no mode)
  uint32_t known_at_entry = 0;      ///< the first so many do not depend on the call's end
  bool more_at_exit = false;        ///< arguments follow that are known only at the end (read's data, not openat's)
  std::string begun;   ///< of an unfinished call: how the next argument begins, if that is known (clone3's struct, to
                       ///< which the call appends what it wrote); mostly empty
  std::string result;  ///< `3`, `-1 ENOENT (No such file or directory)`, `0x7f…`, `?`, `? ERESTARTSYS (To be restarted
                       ///< if SA_RESTART is set)`
};

/// Decodes what is known: of an unfinished call the arguments known at entry and an empty result.
/// `into` is reused from call to call to save allocations.
void decode(const Call& call, const Style& style, DecodedCall& into);

/// `SIGINT`; `SIGRT_3`; `0x63` if there is no such signal.
std::string signal_name(int signo);
/// `ENOENT`; empty if there is no such number. Includes ERESTARTSYS (512) and its like.
std::string_view errno_name(int64_t number);
/// `No such file or directory`; empty if unknown.
std::string_view errno_text(int64_t number);
/// `{si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=…, …}` as strace prints it behind `--- SIGCHLD`.
std::string siginfo_text(std::span<const std::byte> siginfo);
/// Appends `bytes` in double quotes, escaped as strace does; `...` behind it if `truncated`.
void append_quoted(std::string& out, std::span<const std::byte> bytes, HexStrings hex, bool truncated);

}  // namespace sightline::decode
