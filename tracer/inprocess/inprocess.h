/// The in-process engine's half on the tracer's side: brings the stub into programs, sets threads up for it, takes the
/// calls that the stub can't, and gets threads out of the stub when a signal comes.
///
/// ptrace stays in charge of everything else (ptrace_engine.h): a thread with a stub runs with PTRACE_CONT and stops
/// only for signals, events and the calls in SharedState::by_tracer. Those it makes as the ptrace engine's threads do,
/// but at the stub's own `syscall`, which no dispatch diverts: it is put there before the call, and behind the
/// program's own once the kernel has the call, so that all that comes of it is as if it had been made there.
///
/// Threads: the tracer's.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "tracer/inprocess/arena.h"
#include "tracer/inprocess/dispatch.h"
#include "tracer/inprocess/remote.h"
#include "tracer/inprocess/signal_actions.h"
#include "tracer/inprocess/sites.h"
#include "tracer/log.h"
#include "tracer/proc.h"
#include "tracer/recorder.h"
#include "tracer/stop.h"
#include "tracer/tracee.h"

namespace sightline::tracer::inprocess {

/// What the tracer remembers of a thread that has a stub.
struct Inside {
  std::size_t slot = Arena::kNoSlot;
  bool by_tracer = false;  ///< its present call is traced by ptrace
  bool by_int80 = false;   ///< … and made that way
  bool copies = false;     ///< … and copies the memory
  Sites::Call call{};      ///< … and where it belongs to
  struct Held {
    int signo;
    std::array<std::byte, 128> siginfo;
    bool is_void = false;  ///< it was to stop the thread, and a SIGCONT has come since
  };
  uint64_t flags_taken_off = 0;  ///< of a clone(2) that it is in, not 0: they had CLONE_UNTRACED (untraced.cc)
  uint32_t roots_not_ours = 0;   ///< SharedState::roots for which the thread has another root directory than we
  uint64_t blocked = 0;          ///< the thread's signal mask, while signals are held back
  int delivered = 0;             ///< the last signal, which may have a handler with a mask of its own
  uint64_t blocked_before = 0;   ///< … and the mask when it came
  /// It has trapped at a site that is being patched, and makes all processors serialize.
  struct Patching {
    uint64_t site;           ///< Sites::Attempt::unfinished
    user_regs_struct after;  ///< how it goes on
    uint64_t before;         ///< where it is for a signal's handler: so that all of this happens again
    bool registered = false;
  };
  std::optional<Patching> patching;
  std::optional<Held> held;  ///< a signal that waits for the stub to reach a safe place
  bool is_void = false;      ///< the one that is being delivered: see Held
};

class InProcess {
 public:
  /// `arena` outlives it, and so does `log` if there is one.
  /// `dispatch_by_call`: as on a kernel that can't set the dispatch from outside.
  InProcess(Arena& arena, const RecordOptions& options, Recorder& recorder, Progress& progress, bool dispatch_by_call,
            Log* log);

  /// The exit stop of a successful execve: gives the new program its stub. False: ptrace traces it, and a record says
  /// why.
  bool enter_program(Tracee& tracee);
  /// A stop that PTRACE_INTERRUPT has caused, of a thread whose memory wants a stub: brings it in, where it can. Then
  /// the thread needs another such stop (inject.h), and begins there.
  void enter_running(Tracee& tracee);
  /// A stop that PTRACE_INTERRUPT has caused, or a newborn's first, of a thread whose memory has the stub: it begins.
  /// If it is `interrupting` then, it needs another such stop.
  void begin_thread(Tracee& tracee) { begin(tracee, false); }

  /// The thread is in a stop, or gone: what it has done by itself since the last one is taken into account, and its
  /// ring is the tracer's.
  void take_over(Tracee& tracee);
  /// It is about to be resumed.
  void hand_back(Tracee& tracee);

  enum class Verdict {
    deliver,  ///< a signal as any other: `signo`
    resume,   ///< nothing to deliver
  };
  /// A signal-delivery stop. `signo` may change: to a signal that was held back.
  Verdict on_signal(Tracee& tracee, const Stop& stop, int& signo);
  /// Whether the program handles the signal, and could lose that to a trap in a thread that has it blocked. Where a
  /// thread has one of the faults' signals blocked, the stub does nothing that could fault.
  bool could_lose(const Tracee& tracee, int signo) const {
    return (signo == SIGSYS || signo == SIGTRAP) && actions_.has_handler(tracee.process_serial, signo);
  }
  bool has_lost_actions(const Tracee& tracee) const { return actions_.has_lost(tracee.process_serial); }
  /// Whether a running thread could have such a trap, or the process has had one, so that some thread of it has to
  /// stop. Not before see_mask_changes().
  bool may_take_away(const Tracee& tracee, int signo) const;
  /// No thread that has the stub changes its signal mask but by a call of the tracer's, until it is taken back.
  void see_mask_changes(bool on);
  /// In any stop but that of a signal which is to be delivered: tells the kernel of the actions that the process has
  /// lost to traps. False: of none. After a stop that PTRACE_INTERRUPT has caused it needs another such, if of any.
  bool put_back_actions(Tracee& tracee);
  /// Of any thread: the program is to get `signo`, or 0.
  void deliver(const Tracee& tracee, const Stop& stop, int& signo);
  /// A SIGCONT was sent to the thread's process.
  static void on_continued(Tracee& tracee);

  /// A process, not a thread, that has begun with what its parent had.
  void process_born(const Tracee& child, const Tracee& parent) {
    actions_.copy(child.process_serial, parent.process_serial);
  }
  /// A thread has ended.
  void gone(const Tracee& tracee, bool last_of_process) { actions_.forget(tracee, last_of_process); }

  /// The entry stop of a call, whoever traces the thread: it may change what the paths of descriptors are relative to,
  /// bear a child, or set a signal's action.
  void call_begun(Tracee& tracee);
  /// Its exit stop, before it is recorded.
  void call_ends(Tracee& tracee, bool failed);
  /// The entry stop of a call that the tracer has taken: from here on it is one of the program's own `syscall`.
  void call_made(Tracee& tracee);
  /// Its exit stop: the stub takes the next.
  void call_taken(Tracee& tracee);
  /// Memory was mapped, protected or unmapped by the call that has just ended with `ret`.
  void follow_maps(Tracee& tracee, int64_t ret);
  /// The thread's memory is gone, or the thread: frees its place.
  void drop(Tracee& tracee);
  /// The same at PTRACE_EVENT_EXEC, where the call that did it goes on.
  void drop_after_exec(Tracee& tracee);
  /// Whether a thread nobody knows of yet runs in memory that has the stub.
  bool has_stub(pid_t tid) const;
  /// The thread, in a stop that PTRACE_INTERRUPT has caused, is to be let go: it leaves the stub, and its code is what
  /// it was. If it is `interrupting` then, it needs another such stop. False: it can't at this place; resumed, it stops
  /// at the next where it can.
  bool leave(Tracee& tracee);
  /// Nobody is in the stub any more that lies in the memory of this thread, in a stop that PTRACE_INTERRUPT has caused:
  /// takes it out. The thread needs another such stop then (inject.h).
  void take_out(Tracee& tracee);

  /// Records that the thread's process is traced by ptrace, and why. False.
  bool refuse(Tracee& tracee, EngineReason why);

 private:
  void tell_why(const Tracee& tracee, EngineReason why);
  bool bring_in(Tracee& tracee, std::vector<proc::Map>& maps, bool running);
  Verdict take_signal(Tracee& tracee, const Stop& stop, const siginfo_t& info, user_regs_struct& registers, int& signo);
  void learn_actions(Tracee& tracee, const proc::Status& status, bool running);
  uint64_t syscall_of(const Tracee& tracee) const;
  bool has_leftover(std::span<const proc::Map> maps) const;
  void begin(Tracee& tracee, bool diverted);
  bool divert(Tracee& tracee, bool on);
  void set_up(ThreadControl& control, std::size_t slot, const Tracee& tracee);
  static void take_untraced_off(Tracee& tracee, uint64_t flags);
  static void put_untraced_back(Tracee& tracee);
  void stop_holding(Tracee& tracee);
  static EngineReason flag_to_leave_for(const user_regs_struct& registers);
  static EngineReason reason_to_leave(const Tracee& tracee, const user_regs_struct& registers);
  void retire(Tracee& tracee, user_regs_struct& registers, uint64_t to, EngineReason why);
  bool recover(Tracee& tracee, user_regs_struct& registers);
  static Verdict deliver_held(Inside& inside, const Stop& stop, int& signo);
  void on_trap(Tracee& tracee, user_regs_struct& registers, bool int80);
  void keep_blocked(Tracee& tracee, int signo);
  void look_up_handler(Tracee& tracee);
  static void learn_blocked(const Tracee& tracee);
  static void note_delivery(const Tracee& tracee, int signo, uint64_t call);
  void answer(Tracee& tracee, user_regs_struct& registers);
  uint32_t roots_seen_by(pid_t tid) const;
  void take_call(Tracee& tracee, user_regs_struct& registers, const Sites::Call& call);
  void finish_call(Tracee& tracee, int64_t ret);
  void open_call(Tracee& tracee);
  bool close_step(Tracee& tracee);
  static bool has_begun(const Tracee& tracee);
  static uint64_t calls_of(const Tracee& tracee);
  void hold_signals(Tracee& tracee);

  static void begin_copy(Tracee& tracee);
  static void end_copy(Tracee& tracee);

  // serializing.cc
  static bool is_alone(const Tracee& tracee);
  void expect_threads(Tracee& tracee, int32_t nr, const uint64_t (&args)[6]);
  void go_on_by(Tracee& tracee, const user_regs_struct& after, uint64_t before, uint64_t unfinished);
  void serialize(const Tracee& tracee, int command);
  Verdict on_serialized(Tracee& tracee, const Stop& stop, const user_regs_struct& r, int& signo);

  static void send_held_again(Tracee& tracee);
  bool get_out(Tracee& tracee, user_regs_struct& registers);
  bool is_before_call(const Inside& inside, const user_regs_struct& registers) const;
  void deliver_outside(Tracee& tracee, user_regs_struct& registers);
  static uint64_t frame_place(const Tracee& tracee, uint64_t address);
  static Frame& frame_of(std::size_t slot);
  static void unwind(user_regs_struct& registers, std::size_t slot, uint64_t to, uint64_t rax);

  Arena& arena_;
  const StubHeader& stub_;
  RecordOptions options_;
  Recorder& recorder_;
  Progress& progress_;
  Dispatch dispatch_;
  SignalActions actions_;
  uint32_t next_space_ = 1;
  /// Whoever is in a call that changes the root directory of threads has a share in it.
  std::shared_ptr<const int> root_changes_ = std::make_shared<const int>();
  Log* log_;
};

}  // namespace sightline::tracer::inprocess
