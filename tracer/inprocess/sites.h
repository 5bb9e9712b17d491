/// The system-call instructions of one address space, and how they are led into the stub.
///
/// A site is touched only after a thread has made a call there: then it certainly is a `syscall` and not data. Forms,
/// by what stands around it (https://en.wikipedia.org/wiki/X86_instruction_listings for the encodings):
///
///   after_move   b8 imm32 | 0f 05         the `mov $nr,%eax` before it becomes a jump; the `syscall` itself stays
///   with_compare 0f 05 | 48 3d imm32      it and the `cmp $imm,%rax` behind it become a jump
///
/// The jump leads to a few instructions near the site, which load what the stub wants to know and run what was
/// displaced. In either form two bytes before the place where things go on behind a call stands a `syscall`: there the
/// kernel restarts an interrupted call, and there the stub sends what it can't take. It is not the stub's own, so that
/// it traps.
///
/// Copied with the address space at fork: so are the patches.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace sightline::tracer::inprocess {

class Sites {
 public:
  /// Where a call that has trapped behind `behind` belongs to, and where it goes on.
  struct Call {
    uint64_t behind;  ///< the address behind the program's own `syscall`
    uint64_t resume;  ///< where the thread goes on
  };
  Call call_at(uint64_t behind) const;

  /// A thread has trapped at the call behind `behind`, which has the number `nr`: patches the site if it is time and
  /// the bytes allow it. `tid` is in a stop; `alone`: no other thread can run in this memory.
  void trapped(pid_t tid, uint64_t behind, int32_t nr, uint64_t stub_entry, uint64_t remote_syscall, bool alone);

  /// Whether a site that is or was patched begins at `address`.
  bool is_patched(uint64_t address) const { return patched_.contains(address) || restored_.contains(address); }

  /// Code there is, or may be, another from now on.
  void forget(uint64_t start, uint64_t length);

  /// Puts every byte back, through the stopped thread `tid`, and patches nothing more: for a thread that has no stub.
  void restore(pid_t tid);

  std::size_t count() const { return patched_.size(); }

 private:
  static constexpr std::size_t kMostPatch = 8;
  enum class Form : uint8_t { after_move, with_compare };
  struct Patch {
    Form form;
    uint64_t near;    // the instructions near it
    uint64_t resume;  // where things go on behind the call
    std::array<std::byte, kMostPatch> original;
  };
  struct Area {
    uint64_t start, end, used;
  };

  uint64_t place_near(pid_t tid, uint64_t site, uint64_t remote_syscall);
  bool patch_after_move(pid_t tid, uint64_t behind, std::span<const std::byte> around, uint64_t stub_entry,
                        uint64_t remote_syscall, bool alone);
  bool patch_with_compare(pid_t tid, uint64_t behind, std::span<const std::byte> around, uint64_t stub_entry,
                          uint64_t remote_syscall);
  static bool write_jump(pid_t tid, uint64_t at, uint64_t to, bool alone);
  static bool write_beside_others(pid_t tid, uint64_t at, std::span<const std::byte> bytes);

  std::unordered_map<uint64_t, uint32_t> traps_;   // by the address behind the call
  std::unordered_map<uint64_t, Patch> patched_;    // by the first byte that was changed
  std::unordered_map<uint64_t, uint64_t> behind_;  // of the near `syscall`s: the site's own
  std::vector<Area> areas_;
  std::unordered_set<uint64_t> restored_;
  bool no_room_ = false;
  bool frozen_ = false;
};

}  // namespace sightline::tracer::inprocess
