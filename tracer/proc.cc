#include "tracer/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cctype>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "tracer/fd_paths.h"

namespace sightline::tracer::proc {
namespace {

/// `short_text`: what one read gets is all of it.
std::string slurp(const char* path, bool short_text) {
  std::string text;
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = read(fd, buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<std::size_t>(n));
    if (short_text) break;
  }
  close(fd);
  return text;
}

std::string path_of(pid_t id, const char* leaf) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/%s", id, leaf);
  return slurp(path, std::strcmp(leaf, "maps") != 0);
}

/// The text behind "KEY:\t" up to the end of the line.
std::string_view field(std::string_view text, std::string_view key) {
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    const std::string_view line = text.substr(at, end - at);
    if (line.starts_with(key) && line.size() > key.size() && line[key.size()] == ':') {
      std::string_view value = line.substr(key.size() + 1);
      while (!value.empty() && (value.front() == '\t' || value.front() == ' ')) value.remove_prefix(1);
      return value;
    }
    at = end + 1;
  }
  return {};
}

template <class Int>
Int number(std::string_view text, int base = 10) {
  Int value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value, base);
  return value;
}

std::string_view last_word(std::string_view text) {
  const std::size_t at = text.find_last_of("\t ");
  return at == std::string_view::npos ? text : text.substr(at + 1);
}

/// The fields of /proc/ID/stat behind the name in parentheses, which may hold anything.
std::string_view stat_fields(std::string_view text) {
  const std::size_t paren = text.rfind(')');
  return paren == std::string_view::npos ? std::string_view{} : text.substr(paren + 1);
}

std::string_view nth_word(std::string_view text, int n) {
  for (;;) {
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    const std::size_t end = text.find(' ');
    if (n-- == 0) return text.substr(0, end);
    if (end == std::string_view::npos) return {};
    text.remove_prefix(end);
  }
}

constexpr uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h

}  // namespace

std::optional<Status> status(pid_t id) {
  const std::string text = path_of(id, "status");
  if (text.empty()) return std::nullopt;
  Status s;
  s.name = field(text, "Name");
  const std::string_view state = field(text, "State");
  if (!state.empty()) s.state = state.front();
  s.tgid = number<pid_t>(field(text, "Tgid"));
  s.parent = number<pid_t>(field(text, "PPid"));
  s.tracer = number<pid_t>(field(text, "TracerPid"));
  s.uid = number<uid_t>(field(text, "Uid"));
  s.ns_tid = number<pid_t>(last_word(field(text, "NSpid")));
  s.ns_tgid = number<pid_t>(last_word(field(text, "NStgid")));
  s.threads = number<int>(field(text, "Threads"));
  s.under_seccomp = field(text, "Seccomp") != "0";
  s.blocked = std::strtoull(std::string(field(text, "SigBlk")).c_str(), nullptr, 16);
  s.ignored = std::strtoull(std::string(field(text, "SigIgn")).c_str(), nullptr, 16);
  s.caught = std::strtoull(std::string(field(text, "SigCgt")).c_str(), nullptr, 16);
  if (field(text, "VmSize").empty())  // it has no memory: who is ending has none either
    s.kernel_thread = (number<uint64_t>(nth_word(stat_fields(path_of(id, "stat")), 6)) & kKernelThread) != 0;
  return s;
}

std::vector<pid_t> threads(pid_t pid) {
  std::vector<pid_t> tids;
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR* dir = opendir(path);
  if (dir == nullptr) return tids;
  while (const dirent* entry = readdir(dir)) {
    if (std::isdigit(static_cast<unsigned char>(entry->d_name[0])) != 0) tids.push_back(std::atoi(entry->d_name));
  }
  closedir(dir);
  return tids;
}

int last_cpu(pid_t tid) {
  const std::string stat = path_of(tid, "stat");
  const std::string_view word = nth_word(stat_fields(stat), 36);
  return word.empty() ? -1 : number<int>(word);
}

void read_comm(pid_t tid, char (&comm)[16]) {
  std::string text = path_of(tid, "comm");
  if (!text.empty() && text.back() == '\n') text.pop_back();
  std::memset(comm, 0, sizeof comm);
  std::memcpy(comm, text.data(), std::min(text.size(), sizeof comm - 1));
}

int open_mapped(pid_t pid, const Map& map) {
  // They wait in a ring until they are read; a program that maps files faster than that must not take them all.
  constexpr int kHighest = 512;
  if (map.inode == 0 || map.path.empty() || map.path[0] != '/') return -1;
  const std::string process = "/proc/" + std::to_string(pid);
  char range[64];
  std::snprintf(range, sizeof range, "/map_files/%" PRIx64 "-%" PRIx64, map.start, map.end);
  // The path is what we would call the file: right below another root, unless the mounts differ too.
  for (const std::string& name : {map.path, process + "/root" + map.path, process + "/exe", process + range}) {
    // Never blocks, whatever has the name by now.
    const int fd = open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) continue;
    struct stat status {};
    if (fd <= kHighest && fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_ino == map.inode) return fd;
    close(fd);
    if (fd > kHighest) return -1;
  }
  return -1;
}

FdTarget fd_target(pid_t pid, int fd) {
  char link[48];
  if (fd == AT_FDCWD)
    std::snprintf(link, sizeof link, "/proc/%d/cwd", pid);
  else
    std::snprintf(link, sizeof link, "/proc/%d/fd/%d", pid, fd);
  char text[PATH_MAX];
  const ssize_t n = readlink(link, text, sizeof text);
  if (n <= 0) return {};
  FdTarget target{.path = std::string(text, static_cast<std::size_t>(n))};
  struct stat st {};
  if (target.path.ends_with(kDeletedMark) && stat(link, &st) == 0 && st.st_nlink == 0) {
    target.path.resize(target.path.size() - kDeletedMark.size());
    target.deleted = true;
  }
  return target;
}

bool has_our_root(pid_t tid) {
  char link[32];
  std::snprintf(link, sizeof link, "/proc/%d/root", tid);
  struct statx theirs {};
  struct statx ours {};
  constexpr unsigned kWanted = STATX_INO | STATX_MNT_ID;
  if (statx(AT_FDCWD, link, 0, kWanted, &theirs) != 0 || statx(AT_FDCWD, "/proc/self/root", 0, kWanted, &ours) != 0)
    return false;
  return (theirs.stx_mask & ours.stx_mask & kWanted) == kWanted && theirs.stx_mnt_id == ours.stx_mnt_id &&
         theirs.stx_ino == ours.stx_ino && theirs.stx_dev_major == ours.stx_dev_major &&
         theirs.stx_dev_minor == ours.stx_dev_minor;
}

namespace {

std::vector<Map> read_maps(pid_t pid, bool executable_only) {
  std::vector<Map> maps;
  const std::string text = path_of(pid, "maps");
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find('\n', at);
    if (end == std::string::npos) end = text.size();
    const std::string_view line(text.data() + at, end - at);
    at = end + 1;
    // 55d0c0a0b000-55d0c0a0f000 r-xp 00002000 fd:01 1234   /usr/bin/cat
    const std::string_view range = nth_word(line, 0);
    const std::string_view permissions = nth_word(line, 1);
    if (permissions.size() < 4) continue;
    const bool executable = permissions[2] == 'x';
    if (executable_only && !executable) continue;
    const std::size_t dash = range.find('-');
    if (dash == std::string_view::npos) continue;
    const std::string_view device = nth_word(line, 3);
    const std::size_t colon = device.find(':');
    Map map;
    map.executable = executable;
    map.is_private = permissions[3] == 'p';
    map.start = number<uint64_t>(range.substr(0, dash), 16);
    map.end = number<uint64_t>(range.substr(dash + 1), 16);
    map.offset = number<uint64_t>(nth_word(line, 2), 16);
    if (colon != std::string_view::npos)
      map.device =
          makedev(number<unsigned>(device.substr(0, colon), 16), number<unsigned>(device.substr(colon + 1), 16));
    map.inode = number<uint64_t>(nth_word(line, 4));
    const std::string_view path = nth_word(line, 5);
    if (!path.empty()) map.path.assign(path.data(), line.data() + line.size());
    maps.push_back(std::move(map));
  }
  return maps;
}

}  // namespace

std::vector<Map> maps(pid_t pid) {
  return read_maps(pid, false);
}

std::vector<Map> executable_maps(pid_t pid) {
  return read_maps(pid, true);
}

}  // namespace sightline::tracer::proc
