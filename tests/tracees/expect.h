/// For programs that print the trace they expect: they make calls between begin() and end(), note what the trace should
/// say of each, and print that at the end. tests/e2e/run_tracee.py compares.
///
/// Between begin() and end() nothing here makes a system call of its own.
#pragma once

// C headers only: the 32-bit program is built where there is a 32-bit C library, but often no C++ one.
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace expect {

struct Text {
  char bytes[1 << 17];
  size_t size;
};
inline Text text{};

/// One line of the expected trace.
__attribute__((format(printf, 1, 2))) inline void line(const char* format, ...) {
  const int saved = errno;
  va_list arguments;
  va_start(arguments, format);
  const int n = vsnprintf(text.bytes + text.size, sizeof text.bytes - text.size, format, arguments);
  va_end(arguments);
  text.size += static_cast<size_t>(n);
  if (text.size + 1 >= sizeof text.bytes) abort();
  text.bytes[text.size++] = '\n';
  errno = saved;
}

/// What stands behind "= ": the number, or "-1 ENOENT (No such file or directory)". Valid until the next but three.
inline const char* result(long value) {
  static char ring[4][128];
  static unsigned next = 0;
  char* place = ring[next++ % 4];
  if (value == -1)
    snprintf(place, sizeof ring[0], "-1 %s (%s)", strerrorname_np(errno), strerror(errno));
  else
    snprintf(place, sizeof ring[0], "%ld", value);
  return place;
}

/// The same for calls that return addresses.
inline const char* address_result(long value) {
  static char place[128];
  if (value == -1) return result(value);
  snprintf(place, sizeof place, "%#lx", static_cast<unsigned long>(value));
  return place;
}

inline long whole(long value) {
  return value;
}
template <class T>
const volatile void* whole(T* pointer) {
  return pointer;
}
inline const volatile void* whole(decltype(nullptr)) {
  return nullptr;
}

/// A system call by its number, without the C library's help. Numbers are sign-extended, as the C library does.
template <class... Arguments>
long call(long nr, Arguments... arguments) {
  return syscall(nr, whole(arguments)...);
}

struct Flag {
  unsigned long bit;
  const char* name;
};

/// Flags that the kernel chose: their names, joined by |. Valid until the next call.
template <size_t kCount>
const char* flags(unsigned long value, const Flag (&names)[kCount]) {
  static char place[512];
  size_t size = 0;
  place[0] = '\0';
  for (const Flag& flag : names) {
    if ((value & flag.bit) != flag.bit) continue;
    value &= ~flag.bit;
    size += static_cast<size_t>(snprintf(place + size, sizeof place - size, "%s%s", size != 0 ? "|" : "", flag.name));
  }
  if (value != 0) snprintf(place + size, sizeof place - size, "|%#lx", value);
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
  size_t at = 0;
  while (at < text.size) {
    const ssize_t n = write(STDOUT_FILENO, text.bytes + at, text.size - at);
    if (n <= 0) return 1;
    at += static_cast<size_t>(n);
  }
  return 0;
}

/// A fresh directory to work in, which is made the current one. Before begin().
inline void enter_new_directory() {
  static char path[] = "/tmp/sightline-tracee-XXXXXX";
  if (mkdtemp(path) == nullptr || chdir(path) != 0) {
    perror(path);
    _Exit(99);
  }
  // Empty by the time we end, or left to whoever looks for the failure.
  atexit([] {
    if (chdir("/") == 0) rmdir(path);
  });
}

}  // namespace expect
