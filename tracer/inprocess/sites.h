/// The system-call instructions of one address space, and how they are led into the stub.
///
/// A site is touched only after a thread has made a call there: then it certainly is a `syscall`, an instruction begins
/// behind it, and what follows from there on can be read (instructions.h). Forms, the first that fits:
///
///   after_move   the 5 bytes of `mov $nr,%eax` before the `syscall` become a jump; the `syscall` itself stays
///   with_next    5 bytes from the `syscall` on become a jump; it and the instructions that begin there are run near
///                the site. Wherever one of them began, the jump's displacement has an int3: who comes there from
///                elsewhere, or comes back, traps and is sent on to the copy. So no thread has to be kept out of the
///                way.
///   by_padding   the 2 bytes of the `syscall` become a short jump to one of 5 bytes, in what fills up the space before
///                the next function
///
/// Where other threads may run, a site is changed in three steps, and all processors have to serialize after the first
/// and after the second: breakpoints wherever one of its instructions begins; the other bytes; the first byte. The
/// thread that has trapped makes the calls for that, and the tracer goes on with other things meanwhile. Who runs into
/// a breakpoint is sent on to the instructions near the site, which are there from the beginning.
///
/// Each leads to a few instructions near the site, which load what the stub wants to know. The last two have a
/// `syscall` of their own there: the stub sends a call that it can't take to two bytes before the place where things go
/// on, and there must be one that traps.
///
/// Copied with the address space at fork: so are the patches.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tracer/inprocess/instructions.h"
#include "tracer/inprocess/known_code.h"
#include "tracer/inprocess/near_code.h"

namespace sightline::tracer {
struct Tracee;
}

namespace sightline::tracer::inprocess {

class Sites {
 public:
  /// Where a call that has trapped behind `behind` belongs to, and where it goes on.
  struct Call {
    uint64_t behind;  ///< the address behind the program's own `syscall`
    uint64_t resume;  ///< where the thread goes on
  };
  /// At the beginning: `maps` are all of the process's. `near_code`: where a NearCode::wish() has been granted, or 0.
  void begin(Arena& arena, std::span<const proc::Map> maps, uint64_t near_code);

  /// `tid` is in a stop.
  Call call_at(pid_t tid, uint64_t behind);

  /// What a site is changed with.
  struct Through {
    Tracee& tracee;           ///< a thread of the memory's, in a stop
    uint64_t stub_entry;      ///< StubHeader::entry
    uint64_t remote_syscall;  ///< see RemoteCalls
    bool alone;               ///< no other thread can run in this memory
  };
  struct Attempt {
    std::string_view said;    ///< for a log: the form's name, or why there is none; "" if it was not time
    uint64_t unfinished = 0;  ///< not 0: to be gone on with by next_step() when all processors have serialized
  };
  /// A thread has trapped at the call behind `behind`, which has the number `nr`: patches the site, or begins to, if it
  /// is time and the bytes allow it.
  Attempt trapped(const Through& by, uint64_t behind, int32_t nr);
  /// All processors have serialized. True: they have to do so once more. False: it is done, or is left to who runs into
  /// it next. `tid` is in a stop.
  bool next_step(pid_t tid, uint64_t unfinished);
  /// The thread that was to make them do so does not come back.
  void give_up(uint64_t unfinished);
  /// Of a site with a breakpoint at `address` that nobody goes on with: somebody does now. 0: there is none.
  uint64_t take_up(uint64_t address);

  /// Where a thread goes on that has run into a breakpoint at `address`, if that is or was one of ours. `tid` is in a
  /// stop.
  std::optional<uint64_t> past_breakpoint(pid_t tid, uint64_t address);

  /// Where the program believes a thread to be that is at `address`, near a site; `address` itself anywhere else.
  uint64_t own_place(uint64_t address);
  /// What the program believes to be the address behind a call that goes on at `resume`.
  uint64_t behind_of(uint64_t resume) const;
  bool is_near(uint64_t address) const;
  /// Whether instructions near sites are, or may come to be, in these addresses.
  bool has_near_code(uint64_t start, uint64_t length) const { return near_.has_area(start, length); }
  /// Whether a thread that comes to `address` traps: to be sent on by past_breakpoint().
  bool is_breakpoint(uint64_t address) const {
    return patch_with_breakpoint(address) != nullptr || unfinished_at(address) != nullptr;
  }
  /// A frame of a signal's handler leads near a site, or no longer does: while one does, the instructions must stay.
  void frame_made() { ++frames_; }
  void frame_gone() { frames_ -= frames_ > 0 ? 1 : 0; }

  /// The memory is being copied, until end_copy(): no site is changed, so that the copy's are as they are known. May be
  /// nested.
  void begin_copy() { ++copies_; }
  void end_copy() { --copies_; }

  /// Code there is, or may be, another from now on. What of a changed site lies beside it gets its own bytes back.
  /// `tid` is in a stop.
  void forget(pid_t tid, uint64_t start, uint64_t length);
  /// It comes back as it is in its file. What of a changed site lies beside it is put back, too.
  void dropped(pid_t tid, uint64_t start, uint64_t length);
  /// It has become executable. `is_private`: it is known that nobody else sees it.
  void made_executable(uint64_t start, uint64_t length, bool is_private = false);
  /// Where code is, and so what the stub leaves to the tracer.
  KnownCode& code() { return code_; }
  /// Code was moved by mremap(2), its jumps with it: it gets back its own bytes there. `tid` is in a stop.
  void moved(pid_t tid, uint64_t from, uint64_t to, uint64_t length);

  /// Puts every byte back, through the stopped thread `tid`, and patches nothing more: for a thread that has no stub.
  void restore(pid_t tid);
  /// These are a copy, for the memory that fork(2) has copied: from before, while or after the original's were
  /// restored.
  void copied();
  /// All are restored, and no thread is near a site: the last bytes are put back. Returns the mappings of the
  /// instructions near sites; none if somebody may come back to them.
  std::vector<std::pair<uint64_t, uint64_t>> leave_nothing(pid_t tid);

 private:
  static constexpr std::byte kBreakpoint{0xcc};
  /// Tried so often; what stands around a site that could not be patched does not change often.
  static constexpr uint32_t kLastTry = 64;
  enum class Form : uint8_t { after_move, with_next, by_padding };
  static constexpr std::size_t kJump = 5;
  static constexpr std::size_t kMostPieces = 4;
  using Jump = std::array<std::byte, kJump>;

  /// An instruction that is run near the site.
  struct Piece {
    Instruction instruction;
    uint8_t own = 0;   // where it began, counted from `start`
    uint8_t near = 0;  // where it is, counted from `near`
  };
  struct Pieces {
    std::array<Piece, kMostPieces> all;
    std::size_t count = 0;
    std::span<Piece> list() { return {all.data(), count}; }
    std::span<const Piece> list() const { return {all.data(), count}; }
  };
  struct Patch {
    Form form = Form::after_move;
    uint64_t start = 0;    // of the changed bytes
    uint64_t behind = 0;   // the site's `syscall`
    uint64_t near = 0;     // the instructions near it
    uint64_t resume = 0;   // where things go on behind the call
    uint64_t padding = 0;  // by_padding: where the long jump is
    std::size_t size = kJump;
    Jump original{}, written{};
    Jump padding_original{};
    Pieces pieces;
    int64_t arrivals = 0;  // at breakpoints, but for those that signals have caused
    enum class Step : uint8_t { breakpoints, but_the_first, done } step = Step::done;  // what stands there
    bool in_hands = false;                                                             // somebody goes on with it
  };
  /// The bytes about a site, and where they are.
  struct Surroundings;

  Surroundings look_around(pid_t tid, uint64_t behind) const;
  bool overlaps(uint64_t start, std::size_t size) const;
  static std::optional<Pieces> pieces_of(const Surroundings& around);
  uint64_t find_padding(const Surroundings& around) const;
  bool patch_after_move(const Through& by, const Surroundings& around);
  bool patch_with_next(const Through& by, const Surroundings& around);
  bool patch_by_padding(const Through& by, const Surroundings& around);
  bool put_in_place(const Through& by, Patch& patch, std::span<const std::byte> near);
  uint64_t take_near(const Through& by, uint64_t from, uint32_t fixed);

  static Jump expected(const Patch& patch);
  static bool stands(pid_t tid, const Patch& patch);
  static bool stands_in_part(pid_t tid, const Patch& patch);
  const Patch* patch_at(uint64_t start) const;
  const Patch* patch_with_breakpoint(uint64_t address) const;
  /// The one whose first byte is there.
  const Patch* unfinished_at(uint64_t address) const;
  /// The patch that begins at `start`, if its bytes are still there. Forgotten if not.
  const Patch* standing_patch(pid_t tid, uint64_t start);
  void forget_patch(uint64_t start);
  void take_back(pid_t tid, const Patch& patch);
  /// The executable memory about `address` that nobody else sees; empty if others may.
  std::pair<uint64_t, uint64_t> private_around(pid_t tid, uint64_t address);
  static void put_back_outside(pid_t tid, const Patch& patch, uint64_t start, uint64_t length);

  std::unordered_map<uint64_t, uint32_t> traps_;        // by the address behind the call
  std::unordered_map<uint64_t, uint64_t> patched_;      // by the first byte that was changed: the place near it
  std::unordered_map<uint64_t, Patch> patches_;         // by the place near it; those that were taken back, too
  std::unordered_map<uint64_t, uint64_t> paddings_;     // by a long jump's address: its site's first byte
  std::unordered_set<uint64_t> restored_;               // where breakpoints have been
  std::vector<std::pair<uint64_t, uint64_t>> private_;  // executable mappings that nobody else sees
  NearCode near_;
  KnownCode code_;
  uint64_t frames_ = 0;
  uint32_t copies_ = 0;
  bool frozen_ = false;
  bool in_part_ = false;  ///< what is taken back may be so already, or half of it
};

}  // namespace sightline::tracer::inprocess
