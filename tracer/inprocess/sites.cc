#include "tracer/inprocess/sites.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

#include "tracer/inprocess/remote.h"

namespace sightline::tracer::inprocess {
namespace {

// The first trap of a site is taken as it comes: most sites of a program's start are never seen again.
constexpr uint32_t kTrapsBeforePatch = 2;
// Tried so often; what stands around a site that could not be patched does not change often.
constexpr uint32_t kLastTry = 64;

constexpr uint64_t kNearBytes = 64;         // for one site
constexpr uint64_t kAreaBytes = 64 << 10;   // 1,024 sites
constexpr uint64_t kReach = 0x7ff0'0000;    // of a jump with 32 bits, and some
constexpr uint64_t kLowestArea = 0x1'0000;  // vm.mmap_min_addr and some

constexpr std::byte b(int value) {
  return static_cast<std::byte>(value);
}

/// Writes machine code.
class Code {
 public:
  explicit Code(uint64_t address) : address_(address) {}
  Code& bytes(std::initializer_list<int> values) {
    for (const int value : values) code_[size_++] = b(value);
    return *this;
  }
  Code& value(uint64_t v, std::size_t n) {
    std::memcpy(code_.data() + size_, &v, n);
    size_ += n;
    return *this;
  }
  Code& copy(std::span<const std::byte> from) {
    std::memcpy(code_.data() + size_, from.data(), from.size());
    size_ += from.size();
    return *this;
  }
  /// jmp rel32
  Code& jump(uint64_t to) {
    bytes({0xe9});
    return value(to - (here() + 4), 4);
  }
  /// movabs $v,%rcx; movabs $w,%r11; jmp *0(%rip)
  Code& into_stub(uint64_t behind, uint64_t resume, uint64_t entry) {
    bytes({0x48, 0xb9}).value(behind, 8).bytes({0x49, 0xbb}).value(resume, 8);
    return bytes({0xff, 0x25, 0, 0, 0, 0}).value(entry, 8);
  }
  uint64_t here() const { return address_ + size_; }
  std::span<const std::byte> all() const { return {code_.data(), size_}; }

 private:
  uint64_t address_;
  std::size_t size_ = 0;
  std::array<std::byte, kNearBytes> code_{};
};

/// A free piece of the address space within reach of `site`, or 0.
uint64_t find_gap(pid_t tid, uint64_t site) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/maps", tid);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return 0;
  uint64_t best = 0;
  uint64_t end = kLowestArea;  // of the mapping before
  const auto distance = [&](uint64_t at) { return at > site ? at - site : site - at; };
  const auto consider = [&](uint64_t at) {
    if (distance(at) + kAreaBytes < kReach && (best == 0 || distance(at) < distance(best))) best = at;
  };
  char line[512];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    unsigned long from = 0;
    unsigned long to = 0;
    // A long path continues in the next piece, which is no range.
    if (std::sscanf(line, "%lx-%lx ", &from, &to) != 2 || to <= from) continue;
    // Not right behind a mapping: a heap or a stack may grow there.
    constexpr uint64_t kGuard = uint64_t{16} << 20;
    if (from > end && from - end > kAreaBytes + 2 * kGuard) {
      consider(from - kGuard - kAreaBytes);
      consider(end + kGuard);
    }
    end = to;
  }
  std::fclose(file);
  return best & ~uint64_t{4095};
}

}  // namespace

Sites::Call Sites::call_at(uint64_t behind) const {
  if (const auto near = behind_.find(behind); near != behind_.end()) return {near->second, behind};
  if (const auto patch = patched_.find(behind - 2); patch != patched_.end()) return {behind, patch->second.resume};
  return {behind, behind};
}

uint64_t Sites::place_near(pid_t tid, uint64_t site, uint64_t remote_syscall) {
  for (Area& area : areas_) {
    const uint64_t at = area.start + area.used;
    const uint64_t away = at > site ? at - site : site - at;
    if (area.used + kNearBytes > area.end - area.start || away > kReach) continue;
    area.used += kNearBytes;
    return at;
  }
  if (no_room_) return 0;
  const uint64_t wanted = find_gap(tid, site);
  if (wanted != 0) {
    RemoteCalls remote(tid, remote_syscall);
    const auto got = remote.call(SYS_mmap, {wanted, kAreaBytes, PROT_READ | PROT_EXEC,
                                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, ~uint64_t{0}, 0});
    if (got && static_cast<uint64_t>(*got) == wanted) {
      areas_.push_back({wanted, wanted + kAreaBytes, kNearBytes});
      return wanted;
    }
  }
  no_room_ = true;
  return 0;
}

bool Sites::write_jump(pid_t tid, uint64_t at, uint64_t to, bool alone) {
  Code code(at);
  code.jump(to);
  return alone ? write_memory(tid, at, code.all()) : write_beside_others(tid, at, code.all());
}

// Nobody may ever execute half an instruction: a breakpoint stands at its first byte while the rest is written (who
// runs into it is sent on by the tracer), and the last write is one byte again.
bool Sites::write_beside_others(pid_t tid, uint64_t at, std::span<const std::byte> bytes) {
  const std::byte breakpoint = b(0xcc);
  return write_memory(tid, at, {&breakpoint, 1}) && write_memory(tid, at + 1, bytes.subspan(1)) &&
         write_memory(tid, at, bytes.first(1));
}

bool Sites::patch_after_move(pid_t tid, uint64_t behind, std::span<const std::byte> around, uint64_t stub_entry,
                             uint64_t remote_syscall, bool alone) {
  const uint64_t start = behind - 7;
  const uint64_t near = place_near(tid, start, remote_syscall);
  if (near == 0) return false;
  Code code(near);
  code.copy(around.first(5)).into_stub(behind, behind, stub_entry);
  Patch patch{.form = Form::after_move, .near = near, .resume = behind, .original = {}};
  std::copy_n(around.begin(), 5, patch.original.begin());
  if (!write_memory(tid, near, code.all()) || !write_jump(tid, start, near, alone)) return false;
  patched_.emplace(start, patch);
  return true;
}

bool Sites::patch_with_compare(pid_t tid, uint64_t behind, std::span<const std::byte> around, uint64_t stub_entry,
                               uint64_t remote_syscall) {
  const uint64_t start = behind - 2;
  const uint64_t near = place_near(tid, start, remote_syscall);
  if (near == 0) return false;
  constexpr uint64_t kIntoStub = 34;  // what into_stub() takes
  const uint64_t resume = near + kIntoStub + 2;
  Code code(near);
  code.into_stub(behind, resume, stub_entry).bytes({0x0f, 0x05}).copy(around.subspan(7, 6)).jump(behind + 6);
  Patch patch{.form = Form::with_compare, .near = near, .resume = resume, .original = {}};
  std::copy_n(around.begin() + 5, 8, patch.original.begin());
  if (!write_memory(tid, near, code.all()) || !write_jump(tid, start, near, true)) return false;
  patched_.emplace(start, patch);
  behind_.emplace(resume, behind);
  return true;
}

void Sites::trapped(pid_t tid, uint64_t behind, int32_t nr, uint64_t stub_entry, uint64_t remote_syscall, bool alone) {
  if (frozen_) return;
  // A patched site traps where the kernel restarts a call, and where the stub sends what it can't take.
  if (behind_.contains(behind) || patched_.contains(behind - 7) || patched_.contains(behind - 2)) return;
  const uint32_t traps = ++traps_[behind];
  if (traps < kTrapsBeforePatch || traps > kLastTry) return;
  // The bytes as they are now: mov, syscall, cmp.
  std::array<std::byte, 13> around{};
  if (!read_memory(tid, behind - 7, around)) return;
  if (around[5] != b(0x0f) || around[6] != b(0x05)) return;
  int32_t loaded = 0;
  std::memcpy(&loaded, around.data() + 1, sizeof loaded);
  if (around[0] == b(0xb8) && loaded == nr) {
    patch_after_move(tid, behind, around, stub_entry, remote_syscall, alone);
  } else if (alone && around[7] == b(0x48) && around[8] == b(0x3d)) {
    // With others about, one may be inside the call and come back into the middle of the jump.
    patch_with_compare(tid, behind, around, stub_entry, remote_syscall);
  }
}

void Sites::forget(uint64_t start, uint64_t length) {
  const auto touched = [&](uint64_t address) { return address - start < length; };
  std::erase_if(traps_, [&](const auto& entry) { return touched(entry.first); });
  std::erase_if(patched_, [&](const auto& entry) { return touched(entry.first); });
  std::erase_if(areas_, [&](const Area& area) { return touched(area.start) || touched(area.end - 1); });
}

void Sites::restore(pid_t tid) {
  for (const auto& [start, patch] : patched_) {
    const std::size_t n = patch.form == Form::after_move ? 5 : 8;
    // Only what is still ours.
    std::array<std::byte, 5> now{};
    Code code(start);
    code.jump(patch.near);
    if (!read_memory(tid, start, now) || !std::equal(now.begin(), now.end(), code.all().begin())) continue;
    write_beside_others(tid, start, std::span(patch.original).first(n));
    restored_.insert(start);
  }
  patched_.clear();
  frozen_ = true;
}

}  // namespace sightline::tracer::inprocess
