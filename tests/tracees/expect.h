/// For programs that print the trace they expect: they make calls between begin() and end(), note what the trace should
/// say of each, and print that at the end. tests/e2e/run_tracee.py compares.
///
/// Between begin() and end() nothing here makes a system call of its own.
#pragma once

#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <type_traits>

namespace expect {

struct Text {
  char bytes[1 << 17];
  std::size_t size;
};
inline Text text{};
inline int last_error = 0;

/// One line of the expected trace.
__attribute__((format(printf, 1, 2))) inline void line(const char* format, ...) {
  const int saved = errno;
  va_list arguments;
  va_start(arguments, format);
  const int n = std::vsnprintf(text.bytes + text.size, sizeof text.bytes - text.size, format, arguments);
  va_end(arguments);
  text.size += static_cast<std::size_t>(n);
  if (text.size + 1 >= sizeof text.bytes) std::abort();
  text.bytes[text.size++] = '\n';
  errno = saved;
}

/// What stands behind "= ": the number, or "-1 ENOENT (No such file or directory)". Valid until the next but three.
inline const char* result(long value) {
  static char ring[4][128];
  static unsigned next = 0;
  char* place = ring[next++ % 4];
  if (value == -1)
    std::snprintf(place, sizeof ring[0], "-1 %s (%s)", strerrorname_np(errno), strerror(errno));
  else
    std::snprintf(place, sizeof ring[0], "%ld", value);
  return place;
}

/// The same for calls that return addresses.
inline const char* address_result(long value) {
  static char place[128];
  if (value == -1) return result(value);
  std::snprintf(place, sizeof place, "%#lx", static_cast<unsigned long>(value));
  return place;
}

/// A system call by its number, without the C library's help. Numbers are sign-extended, as the C library does.
template <class... Arguments>
long call(long nr, Arguments... arguments) {
  [[maybe_unused]] const auto whole = [](auto value) {
    if constexpr (std::is_pointer_v<decltype(value)> || std::is_null_pointer_v<decltype(value)>)
      return static_cast<const volatile void*>(value);
    else
      return static_cast<long>(value);
  };
  return syscall(nr, whole(arguments)...);
}

struct Flag {
  unsigned long bit;
  const char* name;
};

/// Flags that the kernel chose: their names, joined by |. Valid until the next call.
template <std::size_t kCount>
const char* flags(unsigned long value, const Flag (&names)[kCount]) {
  static char place[512];
  std::size_t size = 0;
  place[0] = '\0';
  for (const Flag& flag : names) {
    if ((value & flag.bit) != flag.bit) continue;
    value &= ~flag.bit;
    size += static_cast<std::size_t>(
        std::snprintf(place + size, sizeof place - size, "%s%s", size != 0 ? "|" : "", flag.name));
  }
  if (value != 0) std::snprintf(place + size, sizeof place - size, "|%#lx", value);
  return place;
}

inline void begin() {
  syscall(SYS_chdir, "/sightline/begin");
}
inline void end() {
  syscall(SYS_chdir, "/sightline/end");
}

/// Prints everything; main's last act.
inline int finish() {
  std::size_t at = 0;
  while (at < text.size) {
    const ssize_t n = write(STDOUT_FILENO, text.bytes + at, text.size - at);
    if (n <= 0) return 1;
    at += static_cast<std::size_t>(n);
  }
  return 0;
}

/// A fresh directory to work in, which is made the current one. Before begin().
inline void enter_new_directory() {
  static char path[] = "/tmp/sightline-tracee-XXXXXX";
  if (mkdtemp(path) == nullptr || chdir(path) != 0) {
    std::perror(path);
    std::_Exit(99);
  }
  // Empty by the time we end, or left to whoever looks for the failure.
  std::atexit([] {
    if (chdir("/") == 0) rmdir(path);
  });
}

}  // namespace expect
