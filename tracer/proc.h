/// What /proc says of processes (proc(5)). Every function may find the process gone: an empty result, no error.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sightline::tracer::proc {

struct Status {
  std::string name;
  char state = '?';  ///< R, S, D, T, t, Z, X, I
  pid_t tgid = 0;
  pid_t parent = 0;
  pid_t tracer = 0;  ///< TracerPid, 0: not traced
  uid_t uid = 0;     ///< real
  pid_t ns_tid = 0;  ///< in the innermost pid namespace
  pid_t ns_tgid = 0;
  bool kernel_thread = false;
  int threads = 0;  ///< of its process, the ended but not reaped among them
  bool under_seccomp = false;
  uint64_t blocked = 0;  ///< signals: bit n - 1 is signal n
  uint64_t ignored = 0;
  uint64_t caught = 0;  ///< that have a handler
};

/// Of the process or thread `id`.
std::optional<Status> status(pid_t id);

/// The thread ids of a process.
std::vector<pid_t> threads(pid_t pid);

/// The processor the thread last ran on, -1 if unknown.
int last_cpu(pid_t tid);

/// /proc/TID/comm into a NUL-terminated field of 16 bytes.
void read_comm(pid_t tid, char (&comm)[16]);

/// What a descriptor of the process refers to: FdPath says how it is put.
struct FdTarget {
  std::string path;
  bool deleted = false;
};
FdTarget fd_target(pid_t pid, int fd);

/// Whether the thread's root directory is ours, mount and all: then the kernel names files to it as it does to us
/// (fs/d_path.c, d_path).
bool has_our_root(pid_t tid);

struct Map {
  uint64_t start = 0, end = 0, offset = 0, device = 0, inode = 0;
  std::string path;
  bool executable = false, is_private = false;
};
/// All mappings, by address.
std::vector<Map> maps(pid_t pid);
std::vector<Map> executable_maps(pid_t pid);

/// A descriptor of the file behind a mapping, to be called while the process is stopped: later the file may be deleted,
/// or the process and with it the mount namespace that has it gone. -1: none, or too many are open already.
int open_mapped(pid_t pid, const Map& map);

}  // namespace sightline::tracer::proc
