#include "tracer/inprocess/inprocess.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <utility>

#include "tracer/inprocess/inject.h"
#include "tracer/inprocess/sites.h"
#include "tracer/proc.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr int kUserDispatch = 2;  // SYS_USER_DISPATCH, include/uapi/asm-generic/siginfo.h

// Calls that change what the stub stands on: the thread itself, its memory, its signal frames, its registers, its
// tracing. The tracer has to see them while they happen, but for those that is_for_tracer() knows to be harmless.
constexpr int kByTracer[] = {
    SYS_clone,        SYS_clone3,    SYS_fork,     SYS_vfork,    SYS_execve,        SYS_execveat,
    SYS_exit,         SYS_mmap,      SYS_munmap,   SYS_mprotect, SYS_mremap,        SYS_exit_group,
    SYS_ptrace,       SYS_prctl,     SYS_brk,      SYS_seccomp,  SYS_pkey_mprotect, SYS_rt_sigaction,
    SYS_rt_sigreturn, SYS_unshare,   SYS_setns,    SYS_chroot,   SYS_arch_prctl,    SYS_remap_file_pages,
    SYS_mlockall,     SYS_setrlimit, SYS_prlimit64};

/// Of either ABI: of the calling thread, of those it shares its directories with, or (pivot_root) of a namespace's.
bool changes_root(const Syscall& call) {
  constexpr std::array<std::string_view, 4> kCalls = {"chroot", "unshare", "setns", "pivot_root"};
  return std::ranges::find(kCalls, std::string_view(call.name)) != kCalls.end();
}

}  // namespace

InProcess::InProcess(Arena& arena, const RecordOptions& options, Recorder& recorder, Progress& progress,
                     bool dispatch_by_call, Log* log)
    : arena_(arena),
      stub_(arena.stub()),
      options_(options),
      recorder_(recorder),
      progress_(progress),
      dispatch_(dispatch_by_call),
      log_(log) {
  SharedState& state = shared();
  state.limits = options_.limits;
  state.stacks = options_.stacks;
  state.fd_paths = options_.fd_paths;
  state.paths = options_.paths;
  state.unknown_stack = options_.unknown_stack;
  state.filter = options_.filter;
  for (const int nr : kByTracer) state.by_tracer.set(static_cast<std::size_t>(nr));
  if (options_.looks_up_descriptors()) state.by_tracer.set(SYS_pivot_root);
}

bool InProcess::refuse(Tracee& tracee, EngineReason why) {
  tracee.space->why_ptrace = why;
  recorder_.engine(tracee, false, why);
  tell_why(tracee, why);
  return false;
}

void InProcess::tell_why(const Tracee& tracee, EngineReason why) {
  if (log_ == nullptr) return;
  const std::string_view clause = clause_of(why);
  log_->print(Log::Level::info, tracee.tid, "by ptrace: %.*s", static_cast<int>(clause.size()), clause.data());
}

Frame& InProcess::frame_of(std::size_t slot) {
  return *reinterpret_cast<Frame*>(thread_slot(slot).stack + kStackBytes - sizeof(Frame));
}

/// Where it has a `syscall` that no dispatch diverts.
uint64_t InProcess::syscall_of(const Tracee& tracee) const {
  return tracee.space->sites != nullptr ? stub_.remote : find_system_call(tracee.tid, proc::maps(tracee.tid));
}

/// In any stop but that of a signal which is to be delivered.
void InProcess::put_back_actions(Tracee& tracee) {
  if (!actions_.has_lost(tracee.process_serial)) return;
  RemoteCalls remote(tracee, syscall_of(tracee));
  KernelAction* const place = tracee.space->sites != nullptr ? &shared().action : nullptr;
  actions_.put_back(tracee.process_serial, remote, tracee.tid, place);
}

void InProcess::take_over(Tracee& tracee) {
  if (tracee.inside == nullptr) return;
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  if (tracee.ring.ring != nullptr) tracee.ring.ring->resume();
  if (control.calls > tracee.calls) {
    progress_.entered.fetch_add(control.calls - tracee.calls, std::memory_order_relaxed);
    tracee.calls = control.calls;
  }
  recorder_.not_before(control.last_time);
}

void InProcess::hand_back(Tracee& tracee) {
  if (tracee.inside == nullptr) return;
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  control.calls = tracee.calls;
  control.last_time = std::max(control.last_time, recorder_.last_time());
  control.ring_is_stale = 1;
}

/// A call whose entry was made ready and never published has not begun.
void InProcess::forget_unpublished(Tracee& tracee) {
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  if (control.step.load() != Step::inside || tracee.ring.ring == nullptr || tracee.calls == 0) return;
  if (static_cast<int64_t>(tracee.ring.ring->position() - control.publish) >= 0) return;
  --tracee.calls;
  progress_.entered.fetch_sub(1, std::memory_order_relaxed);
}

/// The stub goes on with no call. Whether it was in one whose entry is in the ring.
bool InProcess::close_step(Tracee& tracee) {
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  control.busy.store(0, std::memory_order_release);
  if (control.step.exchange(Step::outside) != Step::inside || tracee.ring.ring == nullptr) return false;
  return static_cast<int64_t>(tracee.ring.ring->position() - control.publish) >= 0;
}

/// What the stub has written of the call it is in becomes what the tracer knows of it.
void InProcess::open_call(Tracee& tracee) {
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  const Frame& frame = frame_of(tracee.inside->slot);
  OpenCall& call = tracee.call;
  call.open = true;
  call.recorded = true;
  call.nr = control.nr;
  call.abi = Abi::x86_64;
  call.syscall = find_syscall(call.abi, call.nr);
  const uint64_t args[6] = {frame.rdi, frame.rsi, frame.rdx, frame.r10, frame.r8, frame.r9};
  std::copy(std::begin(args), std::end(args), call.args);
}

void InProcess::finish_call(Tracee& tracee, int64_t ret) {
  if (!close_step(tracee)) return;
  open_call(tracee);
  recorder_.exit(tracee, ret, ret < 0 && ret >= -4095);
}

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
  const Verdict verdict = take_signal(tracee, stop, info, r, signo);
  const bool by_us = info.si_code > 0 && (verdict == Verdict::resume || signo != raised);
  if (by_us) actions_.raised(tracee.process_serial, raised, blocked);
  // The stop of a signal that is delivered bears no call in between: at the next, then.
  if (verdict == Verdict::resume) put_back_actions(tracee);
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
    if (signo == SIGSYS && info.si_code == kUserDispatch && control.pending != 0) {
      // It went out by the tracer's way, past the places where it would have trapped: to before its call.
      control.pending = 0;
      set_blocked(tracee.tid, inside.blocked);
      r.rip -= 2;
      r.orig_rax = ~uint64_t{0};
      set_registers(tracee.tid, r);
      control.blocked_is_stale = 1;
      return deliver_held(inside, stop, signo);
    }
    if (signo == SIGSYS && info.si_code == kUserDispatch) {
      const EngineReason why = info.si_arch == AUDIT_ARCH_X86_64 ? reason_to_leave(r) : EngineReason::none;
      if (tracee.space->retired || why != EngineReason::none)
        retire(tracee, r, r.rip - 2, why);
      else
        on_trap(tracee, r, info);
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
    control.blocked_is_stale = 1;  // a handler has a mask of its own
    deliver_outside(tracee, r);
    return Verdict::deliver;
  }

  // A pointer that leads nowhere: the copy ends there.
  const bool few = r.rip >= stub_.copy_few && r.rip < stub_.copy;
  if ((signo == SIGSEGV || signo == SIGBUS) && info.si_code > 0 &&
      (few || r.rip == stub_.copy || r.rip == stub_.word)) {
    r.rip = few ? stub_.copy : r.rip == stub_.copy ? stub_.copied : stub_.no_word;
    set_registers(tracee.tid, r);
    return Verdict::resume;
  }
  const bool fault = signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE;
  if (fault && info.si_code > 0 && recover(tracee, r)) return Verdict::resume;
  if (signo == SIGTRAP && r.rip == stub_.ask + 1) {
    answer(tracee, r);
    return Verdict::resume;
  }
  constexpr uint64_t kCall = 2;  // bytes, of the `syscall` at StubHeader::remote
  if (signo == SIGTRAP && info.si_code > 0 && inside.patching && r.rip == stub_.remote + kCall + 1)
    return on_serialized(tracee, stop, r, signo);
  const bool trapped = signo == SIGTRAP && (r.rip == stub_.held_entry + 1 || r.rip == stub_.held_exit + 1);
  if (!get_out(tracee, r)) {
    if (signo == SIGSTOP) return Verdict::deliver;  // it has no handler, and can't be blocked: the thread stops here
    hold_signals(tracee);
    send_held_again(tracee);
    inside.held.emplace(Inside::Held{.signo = signo, .siginfo = {}});
    std::memcpy(inside.held->siginfo.data(), &info, inside.held->siginfo.size());
    return Verdict::resume;
  }
  set_registers(tracee.tid, r);
  control.blocked_is_stale = 1;
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
void InProcess::keep_blocked(const Tracee& tracee, int signo) {
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  const uint64_t bit = uint64_t{1} << (signo - 1);
  uint64_t blocked = 0;
  if (control.blocked_is_stale == 0 && (control.blocked & bit) != 0 && get_blocked(tracee.tid, blocked))
    set_blocked(tracee.tid, blocked | bit);
}

/// Until the next change, if the root directory is ours now and nobody is about to change one.
uint32_t InProcess::roots_seen_by(pid_t tid) const {
  const uint32_t roots = shared().roots.load();
  return root_changes_.use_count() == 1 && proc::has_our_root(tid) ? roots : 0;
}

/// The stub wants to know what a descriptor refers to: its thread has, or may have, another root directory than we.
void InProcess::answer(Tracee& tracee, user_regs_struct& r) {
  keep_blocked(tracee, SIGTRAP);
  ThreadSlot& slot = thread_slot(tracee.inside->slot);
  const proc::FdTarget found = proc::fd_target(tracee.tid, static_cast<int>(r.rdi));
  const std::size_t length = std::min(found.path.size(), kPathBytes);
  std::memcpy(slot.path, found.path.data(), length);
  if (const uint32_t roots = shared().roots.load(); tracee.inside->roots_not_ours != roots) {
    slot.control.roots_seen = roots_seen_by(tracee.tid);
    if (slot.control.roots_seen == 0 && root_changes_.use_count() == 1) tracee.inside->roots_not_ours = roots;
  }
  r.rax = path_answer(length, found.deleted);
  r.rip = stub_.asked;
  r.orig_rax = ~uint64_t{0};
  set_registers(tracee.tid, r);
}

void InProcess::call_begun(Tracee& tracee) {
  actions_.call_begun(tracee);
  take_untraced_off(tracee);
  begin_copy(tracee);
  const Syscall* call = tracee.call.syscall;
  if (!options_.looks_up_descriptors() || call == nullptr || !changes_root(*call)) return;
  tracee.root_change = root_changes_;
  // Before the call has its effect. 0 is what a thread has seen that has to ask.
  if (shared().roots.fetch_add(1) == UINT32_MAX) shared().roots.fetch_add(1);
}

/// A site that is changed in the middle of a fork(2) would be half changed in the child, and nobody could know how far.
void InProcess::begin_copy(Tracee& tracee) {
  const Syscall* call = tracee.call.syscall;
  if (tracee.inside == nullptr || call == nullptr) return;
  const std::string_view name = call->name;
  bool copies = name == "fork";
  if (name == "clone") copies = (tracee.call.args[0] & CLONE_VM) == 0;
  if (name == "clone3") {  // the first field of struct clone_args
    uint64_t flags = 0;
    copies = read_memory(tracee.tid, tracee.call.args[0], std::as_writable_bytes(std::span(&flags, 1))) &&
             (flags & CLONE_VM) == 0;
  }
  if (!copies || std::exchange(tracee.inside->copies, true)) return;
  tracee.space->sites->begin_copy();
}

void InProcess::end_copy(Tracee& tracee) {
  if (tracee.inside != nullptr && std::exchange(tracee.inside->copies, false)) tracee.space->sites->end_copy();
}

void InProcess::call_ends(Tracee& tracee, bool failed) {
  end_copy(tracee);
  actions_.call_ends(tracee, failed);
  if (tracee.call.nr == SYS_rt_sigaction) put_back_actions(tracee);
}

void InProcess::on_trap(Tracee& tracee, user_regs_struct& r, const siginfo_t& info) {
  keep_blocked(tracee, SIGSYS);
  const auto nr = static_cast<int32_t>(r.rax);
  // int 0x80 in 64-bit code has its own numbers.
  const uint64_t args[6] = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
  const bool by_tracer = info.si_arch != AUDIT_ARCH_X86_64 || r.rax >= Filter::kNumbers ||
                         (shared().by_tracer[static_cast<std::size_t>(r.rax)] &&
                          is_for_tracer(nr, args, tracee.space->sites->code().table()));
  if (by_tracer) {
    tracee.inside->by_int80 = info.si_arch != AUDIT_ARCH_X86_64;
    expect_threads(tracee, nr, args);
    take_call(tracee, r, tracee.space->sites->call_at(tracee.tid, r.rip));
    return;
  }
  // Through the stub all the same, this time by our hand.
  // All threads that share the memory hold it, and nobody else does. One that is not in the stub yet, or can't be, must
  // find no way in there.
  const auto sharing = static_cast<std::size_t>(tracee.space.use_count());
  Sites::Attempt attempt;
  if (sharing == tracee.space->inside)
    attempt = tracee.space->sites->trapped(
        {.tracee = tracee, .stub_entry = stub_.entry, .remote_syscall = stub_.remote, .alone = is_alone(tracee)}, r.rip,
        nr);
  if (log_ != nullptr)
    log_->print(Log::Level::debug, tracee.tid, "call %d at %#llx trapped%s%.*s", nr,
                static_cast<unsigned long long>(r.rip - 2),
                attempt.said.empty() ? "" : ", site: ", static_cast<int>(attempt.said.size()), attempt.said.data());
  // After the patch, which may have changed the bytes behind the call.
  const Sites::Call call = tracee.space->sites->call_at(tracee.tid, r.rip);
  r.rcx = call.behind;
  r.r11 = call.resume;
  r.rip = stub_.entry;
  r.orig_rax = ~uint64_t{0};
  go_on_by(tracee, r, call.behind - 2, attempt.unfinished);
}

void InProcess::take_call(Tracee& tracee, user_regs_struct& r, const Sites::Call& call) {
  if (log_ != nullptr)
    log_->print(Log::Level::debug, tracee.tid, "call %lld at %#llx is the tracer's", static_cast<long long>(r.rax),
                static_cast<unsigned long long>(r.rip - 2));
  tracee.inside->by_tracer = true;
  tracee.inside->call = call;
  tracee.ip_override = call.behind;
  r.rip = tracee.inside->by_int80 ? stub_.remote_int80 : stub_.remote;
  r.orig_rax = ~uint64_t{0};
  set_registers(tracee.tid, r);
}

/// On its way to a call of the tracer's, which it has not made yet.
bool InProcess::is_before_call(const Inside& inside, const user_regs_struct& r) const {
  return inside.by_tracer && r.rip == (inside.by_int80 ? stub_.remote_int80 : stub_.remote);
}

void InProcess::call_made(Tracee& tracee) {
  if (tracee.inside == nullptr || !tracee.inside->by_tracer) return;
  const Inside& inside = *tracee.inside;
  // Newborns, handlers and the kernel's own restart find it there.
  set_register(tracee.tid, offsetof(user_regs_struct, rip), inside.call.resume);
  if (!inside.by_int80) set_register(tracee.tid, offsetof(user_regs_struct, rcx), inside.call.behind);
}

void InProcess::call_taken(Tracee& tracee) {
  if (tracee.inside == nullptr || !tracee.inside->by_tracer) return;
  tracee.inside->by_tracer = false;
  tracee.ip_override = 0;
  put_untraced_back(tracee);
  if (tracee.call.nr == SYS_rt_sigreturn && !tracee.call.open) {
    user_regs_struct r{};
    if (get_registers(tracee.tid, r) && tracee.space->sites->is_near(r.rip)) tracee.space->sites->frame_gone();
  }
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  uint64_t blocked = 0;
  control.blocked_is_stale = get_blocked(tracee.tid, blocked) ? 0 : 1;
  control.blocked = blocked;
}

void InProcess::follow_maps(Tracee& tracee, int64_t ret) {
  const OpenCall& call = tracee.call;
  // Before the thread goes on: what it finds of known stacks from here on is not from before.
  if (tracee.space->maps_changed)
    shared().tables().map_generations[tracee.space->serial % kMapGenerations].fetch_add(1, std::memory_order_release);
  if (tracee.space->sites == nullptr) return;
  Sites& sites = *tracee.space->sites;
  const bool failed = ret < 0 && ret > -4096;
  const auto at = static_cast<uint64_t>(ret);
  if (call.abi != Abi::x86_64) {
    if (call.syscall != nullptr && (call.syscall->classes & kClassMemory) != 0) sites.code().add_all();
    return;
  }
  switch (call.nr) {
    case SYS_mmap:
      if (failed) break;
      sites.forget(at, call.args[1]);
      if ((call.args[2] & PROT_EXEC) != 0)
        sites.made_executable(at, call.args[1], (call.args[3] & MAP_TYPE) == MAP_PRIVATE);
      else
        sites.code().remove(at, call.args[1]);
      break;
    case SYS_mprotect:
    case SYS_pkey_mprotect:
      // One that fails may have done the first part. PROT_GROWSDOWN: from where the mapping begins.
      if ((call.args[2] & PROT_EXEC) == 0) break;
      if ((call.args[2] & (PROT_GROWSDOWN | PROT_GROWSUP)) != 0)
        sites.code().add_all();
      else
        sites.made_executable(call.args[0], call.args[1]);
      break;
    case SYS_munmap:
      if (failed) break;
      sites.forget(call.args[0], call.args[1]);
      sites.code().remove(call.args[0], call.args[1]);
      break;
    case SYS_mremap:
      if (failed) break;
      sites.moved(tracee.tid, call.args[0], at, call.args[1]);
      sites.forget(call.args[0], call.args[1]);
      sites.forget(at, call.args[2]);
      sites.made_executable(at, call.args[2]);
      break;
    default:
      break;
  }
}

void InProcess::drop(Tracee& tracee) {
  if (tracee.inside == nullptr) return;
  forget_unpublished(tracee);
  if (close_step(tracee)) open_call(tracee);
  end_copy(tracee);
  if (tracee.inside->patching) tracee.space->sites->give_up(tracee.inside->patching->site);
  if (log_ != nullptr)
    log_->print(Log::Level::info, tracee.tid, "no longer in-process, place %zu", tracee.inside->slot);
  arena_.give_slot_back(tracee.inside->slot);
  tracee.inside.reset();
  --tracee.space->inside;
}

void InProcess::drop_after_exec(Tracee& tracee) {
  const OpenCall call = tracee.call;
  drop(tracee);
  tracee.call = call;
  tracee.ip_override = 0;
}

bool InProcess::has_stub(pid_t tid) const {
  // That of another tracer may have been left there.
  const std::vector<proc::Map> maps = proc::executable_maps(tid);
  return std::any_of(maps.begin(), maps.end(),
                     [&](const proc::Map& map) { return map.start == kCode && map.inode == arena_.inode(); });
}

}  // namespace sightline::tracer::inprocess
