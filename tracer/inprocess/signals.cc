// Signals of threads that are in the stub, or near a site: each is delivered as if neither were there. Those that the
// engine raises itself, its traps and the faults it provides for, are not delivered at all.
#include <linux/audit.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <iterator>
#include <optional>
#include <utility>

#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/remote.h"
#include "tracer/inprocess/sites.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr int kUserDispatch = 2;  // SYS_USER_DISPATCH, include/uapi/asm-generic/siginfo.h

/// A SIGSYS from somebody that was pending when the thread trapped: the kernel has kept its siginfo and thrown the
/// trap's away (kernel/signal.c, legacy_queue), so it is sent again once the trap has been dealt with. A thread that is
/// diverted has its registers as at the call, which leaves traces; no other call outside the stub comes back with its
/// own number in rax.
bool hides_trap(const user_regs_struct& r) {
  return static_cast<int64_t>(r.orig_rax) >= 0 && r.rax == r.orig_rax;
}

bool is_int80(pid_t tid, uint64_t behind) {
  std::array<std::byte, 2> code{};
  return read_memory(tid, behind - 2, code) && code[0] == std::byte{0xcd} && code[1] == std::byte{0x80};
}

}  // namespace

/// Nothing is held where the thread was to come out for another reason.
InProcess::Verdict InProcess::deliver_held(Inside& inside, const Stop& stop, int& signo) {
  if (!inside.held) return Verdict::resume;
  signo = inside.held->signo;
  stop.set_signal_info(inside.held->siginfo.data());
  inside.is_void = inside.held->is_void;
  inside.held.reset();
  return Verdict::deliver;
}

InProcess::Verdict InProcess::on_signal(Tracee& tracee, const Stop& stop, int& signo) {
  user_regs_struct r{};
  siginfo_t info{};
  // Killed in its stop. Not even to be recorded: a record would come where the stub has one that is not published yet.
  if (!get_registers(tracee.tid, r) || !stop.signal_info(&info)) return Verdict::resume;
  const int raised = signo;
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  const bool blocked = control.blocked_is_stale != 0 || (control.blocked >> (raised - 1) & 1) != 0;
  const uint64_t call = r.orig_rax;
  const Verdict verdict = take_signal(tracee, stop, info, r, signo);
  const bool may_hide = raised == SIGSYS || raised == SIGTRAP;
  const bool by_us = (info.si_code > 0 || may_hide) && (verdict == Verdict::resume || signo != raised);
  if (by_us) actions_.raised(tracee.process_serial, raised, blocked);
  // The stop of a signal that is delivered bears no call in between: at the next, then.
  if (verdict == Verdict::resume)
    put_back_actions(tracee);
  else
    note_delivery(tracee, signo, call);
  return verdict;
}

void InProcess::deliver(const Tracee& tracee, const Stop& stop, int& signo) {
  if (tracee.inside != nullptr && std::exchange(tracee.inside->is_void, false)) {
    signo = 0;
    return;
  }
  if (!actions_.knows(tracee.process_serial)) return;
  siginfo_t info{};
  if (stop.signal_info(&info) && actions_.ignores(tracee.process_serial, info))
    signo = 0;
  else
    actions_.delivered(tracee.process_serial, signo);
}

bool InProcess::may_take_away(const Tracee& tracee, int signo) const {
  if (actions_.has_lost(tracee.process_serial)) return true;
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  return control.blocked_is_stale.load() != 0 || (control.blocked >> (signo - 1) & 1) != 0;
}

void InProcess::see_mask_changes(bool on) {
  shared().by_tracer.set(SYS_rt_sigprocmask, on);
  std::atomic_thread_fence(std::memory_order_seq_cst);  // before masks are looked at
}

/// The kernel has taken back all signals that were to stop the process and had not done so (signal(7)), but not the one
/// that we hold.
void InProcess::on_continued(Tracee& tracee) {
  if (tracee.inside == nullptr || !tracee.inside->held) return;
  Inside::Held& held = *tracee.inside->held;
  held.is_void = held.is_void || is_stop_signal(held.signo);
}

InProcess::Verdict InProcess::take_signal(Tracee& tracee, const Stop& stop, const siginfo_t& info, user_regs_struct& r,
                                          int& signo) {
  Inside& inside = *tracee.inside;
  ThreadControl& control = thread_slot(inside.slot).control;
  if (!in_code(r.rip)) {
    const bool hidden = signo == SIGSYS && info.si_code <= 0 && hides_trap(r);
    const bool diverted = signo == SIGSYS && (info.si_code == kUserDispatch || hidden);
    if (hidden) syscall(SYS_tgkill, tracee.pid, tracee.tid, signo);
    if (diverted && control.pending != 0) {
      // It went out by the tracer's way, past the places where it would have trapped: to before its call.
      control.pending = 0;
      set_blocked(tracee.tid, inside.blocked);
      r.rip -= 2;
      r.orig_rax = ~uint64_t{0};
      set_registers(tracee.tid, r);
      learn_blocked(tracee);
      return deliver_held(inside, stop, signo);
    }
    if (diverted) {
      const bool int80 = hidden ? is_int80(tracee.tid, r.rip) : info.si_arch != AUDIT_ARCH_X86_64;
      const EngineReason why = int80 ? EngineReason::none : reason_to_leave(tracee, r);
      if (tracee.space->retired || why != EngineReason::none)
        retire(tracee, r, r.rip - 2, why);
      else
        on_trap(tracee, r, int80);
      return Verdict::resume;
    }
    // A breakpoint of ours, in a jump or where one is being written.
    if (signo == SIGTRAP && info.si_code > 0) {
      const uint64_t address = r.rip - 1;
      if (const auto to = tracee.space->sites->past_breakpoint(tracee.tid, address)) {
        r.rip = *to;
        go_on_by(tracee, r, address, tracee.space->sites->take_up(address));
        return Verdict::resume;
      }
    }
    // Of the program's own instructions none stands here: it has trapped at the one before, and will behind it.
    const EngineReason flag = flag_to_leave_for(r);
    if (flag != EngineReason::none && (signo == SIGTRAP || signo == SIGBUS) && info.si_code > 0 &&
        tracee.space->sites->is_near(r.rip)) {
      keep_blocked(tracee, signo);
      retire(tracee, r, tracee.space->sites->own_place(r.rip), flag);
      return Verdict::resume;
    }
    deliver_outside(tracee, r);
    return Verdict::deliver;
  }

  const bool fault = signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE;
  const bool unaligned = signo == SIGBUS && info.si_code == BUS_ADRALN;
  if (unaligned && recover(tracee, r)) return Verdict::resume;
  // A pointer that leads nowhere: the copy ends there.
  const bool few = r.rip >= stub_.copy_few && r.rip < stub_.copy;
  if ((signo == SIGSEGV || signo == SIGBUS) && info.si_code > 0 &&
      (few || r.rip == stub_.copy || r.rip == stub_.word)) {
    r.rip = few ? stub_.copy : r.rip == stub_.copy ? stub_.copied : stub_.no_word;
    set_registers(tracee.tid, r);
    return Verdict::resume;
  }
  if (fault && info.si_code > 0 && recover(tracee, r)) return Verdict::resume;
  // The stub's breakpoints, behind which nobody gets without having met them.
  const auto met = [&](uint64_t breakpoint) { return signo == SIGTRAP && r.rip == breakpoint + 1; };
  constexpr uint64_t kCall = 2;  // bytes, of the `syscall` at StubHeader::remote
  const bool asks = met(stub_.ask);
  const bool serialized = inside.patching && met(stub_.remote + kCall);
  const bool trapped = met(stub_.held_entry) || met(stub_.held_exit);
  if ((asks || serialized || trapped) && info.si_code <= 0)  // a SIGTRAP may hide a trap as a SIGSYS does
    syscall(SYS_tgkill, tracee.pid, tracee.tid, signo);
  if (asks) {
    answer(tracee, r);
    return Verdict::resume;
  }
  if (serialized) return on_serialized(tracee, stop, r, signo);
  if (!get_out(tracee, r)) {
    if (signo == SIGSTOP) return Verdict::deliver;  // it has no handler, and can't be blocked: the thread stops here
    hold_signals(tracee);
    send_held_again(tracee);
    inside.held.emplace(Inside::Held{.signo = signo, .siginfo = {}});
    std::memcpy(inside.held->siginfo.data(), &info, inside.held->siginfo.size());
    return Verdict::resume;
  }
  set_registers(tracee.tid, r);
  learn_blocked(tracee);
  if (!trapped) {
    send_held_again(tracee);
    return Verdict::deliver;
  }
  return deliver_held(inside, stop, signo);
}

/// A signal that is never blocked there (hold_signals) was faster than the one that is held.
void InProcess::send_held_again(Tracee& tracee) {
  const auto held = std::exchange(tracee.inside->held, std::nullopt);
  if (held && !held->is_void) syscall(SYS_tgkill, tracee.pid, tracee.tid, held->signo);
}

/// The thread traps at the next safe place; until then other signals wait where they are, in the kernel. Those that a
/// fault of the stub's raises must not: the kernel would take the program's handlers away.
void InProcess::hold_signals(Tracee& tracee) {
  constexpr auto bit = [](int signo) { return uint64_t{1} << (signo - 1); };
  constexpr uint64_t kOwn = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGTRAP) | bit(SIGSYS) | bit(SIGILL) | bit(SIGFPE);
  Inside& inside = *tracee.inside;
  ThreadControl& control = thread_slot(inside.slot).control;
  if (control.pending != 0) return;
  control.pending = 1;
  if (log_ != nullptr) log_->print(Log::Level::debug, tracee.tid, "writes a record: signals are held until it is done");
  if (get_blocked(tracee.tid, inside.blocked)) set_blocked(tracee.tid, inside.blocked | ~kOwn);
}

/// A signal comes to a thread outside the stub, which has a handler perhaps: its frame is to lead to the program's own
/// code, as far as that is possible.
void InProcess::deliver_outside(Tracee& tracee, user_regs_struct& r) {
  Sites& sites = *tracee.space->sites;
  if (!sites.is_near(r.rip)) return;
  r.rip = frame_place(tracee, r.rip);
  set_registers(tracee.tid, r);
  if (sites.is_near(r.rip)) sites.frame_made();
}

/// Where a thread that is at `address`, near a site perhaps, is to be for a signal's handler. If that is at a
/// breakpoint of ours, the thread will come back to it: not where that would cost the program its handler
/// (kernel/signal.c, force_sig_info_to_task, of a signal that is blocked).
uint64_t InProcess::frame_place(const Tracee& tracee, uint64_t address) {
  constexpr uint64_t kTrap = uint64_t{1} << (SIGTRAP - 1);
  Sites& sites = *tracee.space->sites;
  const uint64_t own = sites.own_place(address);
  uint64_t blocked = 0;
  return sites.is_breakpoint(own) && get_blocked(tracee.tid, blocked) && (blocked & kTrap) != 0 ? address : own;
}

/// The kernel does not let a forced signal be blocked; to the program it still is.
void InProcess::keep_blocked(Tracee& tracee, int signo) {
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  if (control.blocked_is_stale != 0) look_up_handler(tracee);
  const uint64_t bit = uint64_t{1} << (signo - 1);
  uint64_t blocked = 0;
  if ((control.blocked & bit) != 0 && get_blocked(tracee.tid, blocked)) set_blocked(tracee.tid, blocked | bit);
}

/// The thread has trapped since a signal was delivered: what its handler, if there is one, had blocked until then.
void InProcess::look_up_handler(Tracee& tracee) {
  constexpr uint64_t kNoDefer = 0x40000000;  // SA_NODEFER
  const Inside& inside = *tracee.inside;
  ThreadControl& control = thread_slot(inside.slot).control;
  control.blocked = inside.blocked_before;
  control.blocked_is_stale = 0;
  const auto delivered = static_cast<uint64_t>(inside.delivered);
  KernelAction& action = shared().action;
  RemoteCalls remote(tracee, syscall_of(tracee));
  if (delivered == 0 ||
      remote.call(SYS_rt_sigaction, {delivered, 0, reinterpret_cast<uint64_t>(&action), sizeof(uint64_t)}) != 0)
    return;
  if (SignalActions::may_have_run(action))
    control.blocked |= action.mask | ((action.flags & kNoDefer) != 0 ? 0 : uint64_t{1} << (delivered - 1));
}

/// It is in no call, and has made no call for a while that changes it.
void InProcess::learn_blocked(const Tracee& tracee) {
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  uint64_t blocked = 0;
  control.blocked_is_stale = get_blocked(tracee.tid, blocked) ? 0 : 1;
  control.blocked = blocked;
}

/// A handler begins, perhaps. `call`: what the thread was in when the signal came, or -1. Where that has a mask of its
/// own, PTRACE_GETSIGMASK gives the one that comes back behind it (kernel/ptrace.c).
void InProcess::note_delivery(const Tracee& tracee, int signo, uint64_t call) {
  constexpr uint64_t kWithMask[] = {SYS_rt_sigsuspend, SYS_ppoll,         SYS_pselect6,      SYS_epoll_pwait,
                                    SYS_epoll_pwait2,  SYS_io_pgetevents, SYS_io_uring_enter};
  Inside& inside = *tracee.inside;
  if (signo == 0 || signo == SIGSTOP) return;
  inside.delivered = signo;
  get_blocked(tracee.tid, inside.blocked_before);
  if (std::ranges::find(kWithMask, call) != std::end(kWithMask))
    if (const auto status = proc::status(tracee.tid)) inside.blocked_before = status->blocked;
  thread_slot(inside.slot).control.blocked_is_stale = 1;
}

}  // namespace sightline::tracer::inprocess
