#include "tracer/inprocess/inject.h"

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

#include "tracer/inprocess/dispatch.h"
#include "tracer/inprocess/hand_over.h"
#include "tracer/inprocess/layout.h"
#include "tracer/inprocess/near_code.h"
#include "tracer/inprocess/remote.h"
#include "tracer/proc.h"
#include "tracer/tracee.h"

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
    constexpr std::size_t kPage = 4096;  // it has as much at least, and there are several there
    const uint64_t base = getauxval(AT_SYSINFO_EHDR);
    if (base == 0) return std::nullopt;
    if (const auto at = find_in({reinterpret_cast<const std::byte*>(base), kPage})) return at;
    for (const proc::Map& map : proc::executable_maps(getpid()))
      if (map.start == base) return find_in({reinterpret_cast<const std::byte*>(base), map.end - map.start});
    return std::nullopt;
  }();
  return offset;
}

bool is_system_call(pid_t tid, uint64_t address) {
  std::array<std::byte, 2> there{};
  return read_memory(tid, address, there) && there == kSyscall;
}

}  // namespace

uint64_t find_system_call(pid_t tid, std::span<const proc::Map> maps) {
  const auto vdso = std::find_if(maps.begin(), maps.end(), [](const proc::Map& map) { return map.path == "[vdso]"; });
  if (const auto offset = offset_in_vdso(); offset && vdso != maps.end())
    if (const uint64_t at = vdso->start + *offset; is_system_call(tid, at)) return at;
  // A kernel without a vDSO: the C library, or whatever is there.
  constexpr std::size_t kMost = 4 << 20;
  std::vector<std::byte> code;
  for (const proc::Map& map : maps) {
    if (!map.executable) continue;
    code.resize(std::min<std::size_t>(map.end - map.start, kMost));
    if (!read_memory(tid, map.start, code)) continue;
    if (const auto found = find_in(code)) return map.start + *found;
  }
  return 0;
}

namespace {

struct Place {
  RemoteCalls& remote;
  const StubHeader& stub;
  uint64_t near_code;
  uint64_t syscall_at;
};

/// Runs the piece of code that maps the stub, with its file's descriptor in the process, or -1: it opens it.
void bring_in(const Place& place, int fd, Injection& result) {
  constexpr uint64_t kOfLast = MAP_SHARED | MAP_NORESERVE | MAP_FIXED;
  RemoteCalls& remote = place.remote;
  user_regs_struct r = remote.registers();
  r.rip = place.stub.bring_in;
  r.r12 = kCode;
  r.rbx = kShared;
  r.rbp = kEnd - kShared;
  r.r13 = static_cast<uint64_t>(int64_t{fd});
  r.r14 = place.near_code;
  r.r15 = place.syscall_at;
  const RemoteCalls::End end = remote.run(r);
  if (end == RemoteCalls::End::breakpoint) result.why_not = EngineReason::old_kernel;
  if (end != RemoteCalls::End::diverted) return;
  result.done = r.rbx == kCode;
  const bool has_near_code = place.near_code != 0 && r.r14 == place.near_code;
  if (result.done) {
    if (has_near_code) result.near_code = place.near_code;
    return;
  }
  remote.move_to(place.stub.remote);
  Dispatch::set_by_call(remote, false);
  remote.move_to(place.syscall_at);
  const bool opened = static_cast<int64_t>(r.r13) >= 0;
  result.why_not = opened ? EngineReason::addresses_taken : EngineReason::may_not_open;
  if (r.r10 == kOfLast) {
    remote.call(SYS_munmap, {kShared, kEnd - kShared});
    if (has_near_code) remote.call(SYS_munmap, {place.near_code, NearCode::kAreaBytes});
  }
  if (opened) remote.call(SYS_close, {r.r13});
}

}  // namespace

Injection map_stub(Tracee& tracee, const Arena& arena, std::span<const proc::Map> maps, uint64_t near_code) {
  static_assert(NearCode::kAreaBytes == 0x10000 && kCode == kBase);  // entry.S counts on both
  Injection result;
  const pid_t tid = tracee.tid;
  const uint64_t syscall_at = find_system_call(tid, maps);
  if (syscall_at == 0) return result;
  RemoteCalls remote(tracee, syscall_at);
  const auto free_code = [&] { remote.call(SYS_munmap, {kCode, kCodeBytes}); };
  // What maps the rest is written where the code will be: no memory of the program's is borrowed, whose other threads
  // may run.
  const auto place =
      remote.call(SYS_mmap, {kCode, kCodeBytes, PROT_READ | PROT_EXEC,
                             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, ~uint64_t{0}, 0});
  if (!place || static_cast<uint64_t>(*place) != kCode) {
    if (place) result.why_not = EngineReason::addresses_taken;
    return result;
  }
  const StubHeader& stub = arena.stub();
  const auto code = Arena::image_of(stub.remote, stub.brought_in);
  std::vector<std::byte> piece(code.begin(), code.end());
  char path[64] = {};
  std::snprintf(path, sizeof path, "/proc/%d/fd/%d", getpid(), arena.fd());
  const auto path_bytes = std::as_bytes(std::span(path));
  piece.insert(piece.end(), path_bytes.begin(), path_bytes.end());
  if (write_memory(tid, stub.remote, piece)) {
    const Place there{remote, stub, near_code, syscall_at};
    bring_in(there, -1, result);
    // Another user's, or one that sees no /proc of ours.
    if (result.why_not == EngineReason::may_not_open)
      if (const int fd = hand_over(remote, tid, arena.fd()); fd >= 0) bring_in(there, fd, result);
  }
  if (!result.done) free_code();
  return result;
}

Injection unmap_stub(Tracee& tracee, std::span<const std::pair<uint64_t, uint64_t>> also) {
  Injection result;
  const uint64_t syscall_at = find_system_call(tracee.tid, proc::maps(tracee.tid));
  if (syscall_at == 0) return result;
  RemoteCalls remote(tracee, syscall_at);
  result.done = remote.call(SYS_munmap, {kBase, kEnd - kBase}).has_value();
  for (const auto& [start, end] : also) remote.call(SYS_munmap, {start, end - start});
  return result;
}

}  // namespace sightline::tracer::inprocess
