/// What the traced test programs share: marks in the trace, memory shared between processes, raw calls.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>

namespace tracee {

/// A call that changes nothing and carries a number into the trace: lseek(-1, n, SEEK_SET) = -1 EBADF.
inline void mark(uint64_t n) {
  syscall(SYS_lseek, -1, n, 0);
}

[[noreturn]] inline void fail(const char* what) {
  std::perror(what);
  std::_Exit(99);
}

inline long check(long result, const char* what) {
  if (result < 0) fail(what);
  return result;
}

/// A T that children share with their parent.
template <class T>
T* shared() {
  void* place = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) fail("mmap");
  return new (place) T{};
}

/// A T in a file that the test reads while we run.
template <class T>
T* shared_with_test(const char* path) {
  const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (fd < 0 || ftruncate(fd, sizeof(T)) < 0) fail(path);
  void* place = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (place == MAP_FAILED) fail("mmap");
  close(fd);
  return new (place) T{};
}

/// Which field of /proc/self/task/TID/stat: R, S, D, T, t, Z. 0 if there is no such thread.
inline char thread_state(pid_t pid, pid_t tid) {
  char path[64];
  char text[512];
  std::snprintf(path, sizeof path, "/proc/%d/task/%d/stat", pid, tid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0) return 0;
  text[n] = 0;
  for (ssize_t i = n; i > 0; --i)
    if (text[i - 1] == ')') return text[i + 1];
  return 0;
}

/// The number of the call a thread is blocked in, -1 if it runs.
inline long blocked_in(pid_t pid, pid_t tid) {
  char path[64];
  char text[256];
  std::snprintf(path, sizeof path, "/proc/%d/task/%d/syscall", pid, tid);
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -1;
  const ssize_t n = read(fd, text, sizeof text - 1);
  close(fd);
  if (n <= 0 || text[0] == 'r') return -1;
  text[n] = 0;
  return std::atol(text);
}

inline int number(const char* text, int otherwise = 0) {
  return text != nullptr ? std::atoi(text) : otherwise;
}

}  // namespace tracee
