#include "tracer/inprocess/inprocess.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "tracer/clone_flags.h"
#include "tracer/inprocess/inject.h"
#include "tracer/inprocess/sites.h"
#include "tracer/proc.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer::inprocess {
namespace {

// Calls that change what the stub stands on: the thread itself, its memory, its signal frames, its registers, its
// tracing. The tracer has to see them while they happen, but for those that is_for_tracer() knows to be harmless.
// sigaltstack(2) asks whether the stack pointer is in that stack.
constexpr int kByTracer[] = {
    SYS_clone,        SYS_clone3,    SYS_fork,      SYS_vfork,    SYS_execve,        SYS_execveat,
    SYS_exit,         SYS_mmap,      SYS_munmap,    SYS_mprotect, SYS_mremap,        SYS_exit_group,
    SYS_ptrace,       SYS_prctl,     SYS_brk,       SYS_seccomp,  SYS_pkey_mprotect, SYS_rt_sigaction,
    SYS_rt_sigreturn, SYS_unshare,   SYS_setns,     SYS_chroot,   SYS_arch_prctl,    SYS_remap_file_pages,
    SYS_mlockall,     SYS_setrlimit, SYS_prlimit64, SYS_madvise,  SYS_sigaltstack,   SYS_modify_ldt};

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

bool InProcess::put_back_actions(Tracee& tracee) {
  if (!actions_.has_lost(tracee.process_serial)) return false;
  RemoteCalls remote(tracee, syscall_of(tracee));
  KernelAction* const place = tracee.space->sites != nullptr ? &shared().action : nullptr;
  actions_.put_back(tracee.process_serial, remote, tracee.tid, place);
  return true;
}

void InProcess::take_over(Tracee& tracee) {
  if (tracee.inside == nullptr) return;
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  if (tracee.ring.ring != nullptr) tracee.ring.ring->resume();
  if (const uint64_t calls = calls_of(tracee); calls > tracee.calls) {
    progress_.entered.fetch_add(calls - tracee.calls, std::memory_order_relaxed);
    tracee.calls = calls;
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
bool InProcess::has_begun(const Tracee& tracee) {
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  return control.step.load() == Step::inside && tracee.ring.ring != nullptr &&
         static_cast<int64_t>(tracee.ring.ring->position() - control.publish) >= 0;
}

/// Exact wherever the thread may have been killed: what tells that a call counts is the one store that publishes it.
uint64_t InProcess::calls_of(const Tracee& tracee) {
  const ThreadControl& control = thread_slot(tracee.inside->slot).control;
  return has_begun(tracee) ? std::max(control.calls, control.number) : control.calls;
}

/// The stub goes on with no call. Whether it was in one whose entry is in the ring.
bool InProcess::close_step(Tracee& tracee) {
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  control.busy.store(0, std::memory_order_release);
  const bool had_begun = has_begun(tracee);
  control.step.store(Step::outside);
  return had_begun;
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
  const Syscall* call = tracee.call.syscall;
  if (tracee.inside != nullptr && call != nullptr) {
    if (const auto flags = clone_flags(tracee.tid, call->name, tracee.call.args[0])) {
      take_untraced_off(tracee, *flags);
      if ((*flags & CLONE_VM) == 0) begin_copy(tracee);
    }
  }
  if (!options_.looks_up_descriptors() || call == nullptr || !changes_root(*call)) return;
  tracee.root_change = root_changes_;
  // Before the call has its effect. 0 is what a thread has seen that has to ask.
  if (shared().roots.fetch_add(1) == UINT32_MAX) shared().roots.fetch_add(1);
}

/// A site that is changed in the middle of a fork(2) would be half changed in the child, and nobody could know how far.
void InProcess::begin_copy(Tracee& tracee) {
  if (!std::exchange(tracee.inside->copies, true)) tracee.space->sites->begin_copy();
}

void InProcess::end_copy(Tracee& tracee) {
  if (tracee.inside != nullptr && std::exchange(tracee.inside->copies, false)) tracee.space->sites->end_copy();
}

void InProcess::call_ends(Tracee& tracee, bool failed) {
  end_copy(tracee);
  actions_.call_ends(tracee, failed);
  if (tracee.call.nr == SYS_rt_sigaction) put_back_actions(tracee);
}

void InProcess::on_trap(Tracee& tracee, user_regs_struct& r, bool int80) {
  keep_blocked(tracee, SIGSYS);
  const auto nr = static_cast<int32_t>(r.rax);
  // int 0x80 in 64-bit code has its own numbers.
  const uint64_t args[6] = {r.rdi, r.rsi, r.rdx, r.r10, r.r8, r.r9};
  const bool by_tracer = int80 || r.rax >= Filter::kNumbers ||
                         (shared().by_tracer[static_cast<std::size_t>(r.rax)] &&
                          is_for_tracer(nr, args, tracee.space->sites->code().table()));
  if (by_tracer) {
    tracee.inside->by_int80 = int80;
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
  learn_blocked(tracee);
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
      sites.forget(tracee.tid, at, call.args[1]);
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
      sites.forget(tracee.tid, call.args[0], call.args[1]);
      sites.code().remove(call.args[0], call.args[1]);
      break;
    case SYS_madvise:
      sites.dropped(tracee.tid, call.args[0], call.args[1]);  // one that fails may have done the first part
      break;
    case SYS_mremap:
      if (failed) break;
      sites.moved(tracee.tid, call.args[0], at, call.args[1]);
      sites.forget(tracee.tid, call.args[0], call.args[1]);
      sites.forget(tracee.tid, at, call.args[2]);
      sites.made_executable(at, call.args[2]);
      break;
    default:
      break;
  }
}

void InProcess::drop(Tracee& tracee) {
  if (tracee.inside == nullptr) return;
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
