#include "tracer/inprocess/inject.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <vector>

#include "tracer/inprocess/layout.h"
#include "tracer/inprocess/remote.h"
#include "tracer/proc.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr std::array<std::byte, 2> kSyscall = {std::byte{0x0f}, std::byte{0x05}};

std::optional<uint64_t> find_in(std::span<const std::byte> code) {
  const auto at = std::search(code.begin(), code.end(), kSyscall.begin(), kSyscall.end());
  if (at == code.end()) return std::nullopt;
  return static_cast<uint64_t>(at - code.begin());
}

/// How far into the vDSO there is a `syscall`: it is the kernel's, and so the same in every process.
std::optional<uint64_t> offset_in_vdso() {
  static const std::optional<uint64_t> offset = []() -> std::optional<uint64_t> {
    for (const proc::Map& map : proc::executable_maps(getpid()))
      if (map.path == "[vdso]") return find_in({reinterpret_cast<const std::byte*>(map.start), map.end - map.start});
    return std::nullopt;
  }();
  return offset;
}

uint64_t vdso_of(pid_t tid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/auxv", tid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 0;
  struct Entry {
    uint64_t type, value;
  };
  std::array<Entry, 64> entries{};
  const ssize_t n = read(file, entries.data(), sizeof entries);
  close(file);
  for (std::size_t i = 0; n > 0 && i < static_cast<std::size_t>(n) / sizeof entries[0]; ++i)
    if (entries[i].type == AT_SYSINFO_EHDR) return entries[i].value;
  return 0;
}

bool is_system_call(pid_t tid, uint64_t address) {
  std::array<std::byte, 2> there{};
  return read_memory(tid, address, there) && there == kSyscall;
}

}  // namespace

uint64_t find_system_call(pid_t tid) {
  if (const auto offset = offset_in_vdso()) {
    const uint64_t at = vdso_of(tid) + *offset;
    if (at != *offset && is_system_call(tid, at)) return at;
  }
  // A kernel without a vDSO: the C library, or whatever is there.
  constexpr std::size_t kMost = 4 << 20;
  std::vector<std::byte> code;
  for (const proc::Map& map : proc::executable_maps(tid)) {
    code.resize(std::min<std::size_t>(map.end - map.start, kMost));
    if (!read_memory(tid, map.start, code)) continue;
    if (const auto found = find_in(code)) return map.start + *found;
  }
  return 0;
}

Injection map_stub(pid_t tid, int fd) {
  Injection result;
  const uint64_t syscall_at = find_system_call(tid);
  if (syscall_at == 0) return result;
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), fd);
  RemoteCalls remote(tid, syscall_at);
  const auto is_at = [](const std::optional<int64_t>& got, uint64_t at) {
    return got && static_cast<uint64_t>(*got) == at;
  };
  const auto map = [&](uint64_t at, uint64_t bytes, uint64_t protection, uint64_t flags, uint64_t file) {
    return is_at(remote.call(SYS_mmap, {at, bytes, protection, flags, file, file == ~uint64_t{0} ? 0 : at - kBase}),
                 at);
  };
  // The path is written where the code will be: no memory of the program's is borrowed, whose other threads may run.
  constexpr uint64_t kOwn = MAP_SHARED | MAP_NORESERVE;
  if (!map(kCode, kCodeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
           ~uint64_t{0})) {
    if (!remote.lost()) result.why_not = EngineReason::addresses_taken;
  } else {
    if (write_memory(tid, kCode, std::as_bytes(std::span(path)))) {
      const auto file = remote.call(SYS_open, {kCode, O_RDWR | O_CLOEXEC, 0});
      if (file && *file >= 0) {
        const auto number = static_cast<uint64_t>(*file);
        result.why_not = EngineReason::addresses_taken;
        if (map(kShared, kEnd - kShared, PROT_READ | PROT_WRITE, kOwn | MAP_FIXED_NOREPLACE, number)) {
          result.done = map(kCode, kCodeBytes, PROT_READ | PROT_EXEC, kOwn | MAP_FIXED, number);
          // A core dump would have all of it, gigabytes of which were never used.
          remote.call(SYS_madvise, {kBase, kEnd - kBase, MADV_DONTDUMP});
          if (!result.done) remote.call(SYS_munmap, {kShared, kEnd - kShared});
        }
        remote.call(SYS_close, {number});
      } else {
        result.why_not = EngineReason::may_not_open;
      }
    }
    if (!result.done) remote.call(SYS_munmap, {kCode, kCodeBytes});
  }
  result.interrupted = remote.interrupted();
  return result;
}

Injection unmap_stub(pid_t tid, std::span<const std::pair<uint64_t, uint64_t>> also) {
  Injection result;
  const uint64_t syscall_at = find_system_call(tid);
  if (syscall_at == 0) return result;
  RemoteCalls remote(tid, syscall_at);
  result.done = remote.call(SYS_munmap, {kBase, kEnd - kBase}).has_value();
  for (const auto& [start, end] : also) remote.call(SYS_munmap, {start, end - start});
  result.interrupted = remote.interrupted();
  return result;
}

}  // namespace sightline::tracer::inprocess
