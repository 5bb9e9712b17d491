// A thread inside the stub when a signal comes. No address of the stub may get into a signal frame, and no handler may
// run on the stub's stack, so before the kernel delivers it the thread has to be where the program believes it to be:
//
//   before the call's entry is in the ring   the signal is held: the thread traps before it makes the call
//   entry in the ring, call not made         the record is closed as interrupted; the thread is put before its call
//   behind the call                          the record is closed; the thread is put behind its call, where the two
//                                            bytes before are a `syscall`, should the kernel restart it
//   exit in the ring                         the thread is put behind its call
//   about to make a call of the tracer's     the thread is put before its call
//
// All the user's registers are in the stub's Frame throughout, so each of these is one write of registers.
#include <asm/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <utility>

#include "tracer/inprocess/inject.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/sites.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer::inprocess {

void InProcess::unwind(user_regs_struct& registers, std::size_t slot, uint64_t to, uint64_t rax) {
  const Frame& frame = frame_of(slot);
  registers.r15 = frame.r15;
  registers.r14 = frame.r14;
  registers.r13 = frame.r13;
  registers.r12 = frame.r12;
  registers.rbp = frame.rbp;
  registers.rbx = frame.rbx;
  registers.r11 = frame.rflags;
  registers.r10 = frame.r10;
  registers.r9 = frame.r9;
  registers.r8 = frame.r8;
  registers.rax = rax;
  registers.rcx = frame.rcx;
  registers.rdx = frame.rdx;
  registers.rsi = frame.rsi;
  registers.rdi = frame.rdi;
  registers.eflags = frame.rflags;
  registers.rsp = thread_slot(slot).control.user_rsp;
  registers.rip = to;
}

bool InProcess::get_out(Tracee& tracee, user_regs_struct& r) {
  Inside& inside = *tracee.inside;
  if (is_before_call(inside, r)) {  // with the program's registers
    r.rip = inside.call.behind - 2;
    r.orig_rax = ~uint64_t{0};
    inside.by_tracer = false;
    tracee.ip_override = 0;
    return true;
  }
  const std::size_t slot = inside.slot;
  ThreadControl& control = thread_slot(slot).control;
  const bool before_call = r.rip == stub_.held_entry + 1 || (r.rip >= stub_.committed && r.rip <= stub_.syscall) ||
                           (r.rip >= stub_.bailing && r.rip < stub_.end);
  const bool after_call = r.rip == stub_.held_exit + 1 || (r.rip >= stub_.leaving && r.rip < stub_.bailing);
  if (before_call) {
    // As the kernel says of a call that a signal has kept from beginning: it starts again.
    constexpr int64_t kRestartAlways = -513;  // ERESTARTNOINTR
    finish_call(tracee, kRestartAlways);
    unwind(r, slot, tracee.space->sites->behind_of(control.resume) - 2, frame_of(slot).rax);
    r.orig_rax = ~uint64_t{0};
  } else if (r.rip == stub_.behind) {
    const auto ret = static_cast<int64_t>(r.rax);
    finish_call(tracee, ret);
    unwind(r, slot, frame_place(tracee, control.resume), r.rax);
    if (!arch::is_restart(ret)) r.orig_rax = ~uint64_t{0};
  } else if (after_call) {
    unwind(r, slot, frame_place(tracee, control.resume), frame_of(slot).rax);
    r.orig_rax = ~uint64_t{0};
  } else {
    return false;
  }
  control.step.store(Step::outside);
  stop_holding(tracee);
  if (log_ != nullptr)
    log_->print(Log::Level::debug, tracee.tid, "taken out of the stub, to %#llx",
                static_cast<unsigned long long>(r.rip));
  return true;
}

void InProcess::stop_holding(Tracee& tracee) {
  ThreadControl& control = thread_slot(tracee.inside->slot).control;
  if (std::exchange(control.pending, 0) != 0) set_blocked(tracee.tid, tracee.inside->blocked);
}

bool InProcess::leave(Tracee& tracee) {
  if (tracee.space->sites == nullptr) return true;
  const bool inside = tracee.inside != nullptr;
  // Its trap has been raised, and an interruption was faster: nobody would be there to suppress it.
  if (inside && has_pending_trap(tracee.tid)) return false;
  user_regs_struct r{};
  if (get_registers(tracee.tid, r)) {
    if (inside && in_code(r.rip) && !get_out(tracee, r)) {
      hold_signals(tracee);
      return false;
    }
    if (inside) divert(tracee, false);
    // Also for a newborn that has no place yet: it would go into the stub with its creator's.
    Sites& sites = *tracee.space->sites;
    sites.restore(tracee.tid);
    r.rip = sites.own_place(r.rip);
    if (is_thread(r.gs_base)) r.gs_base = 0;
    set_registers(tracee.tid, r);
  }
  drop(tracee);
  return true;
}

void InProcess::take_out(Tracee& tracee) {
  put_back_actions(tracee);
  const Injection injection = unmap_stub(tracee, tracee.space->sites->leave_nothing(tracee.tid));
  tracee.space->sites = nullptr;
  if (log_ != nullptr)
    log_->print(Log::Level::info, tracee.tid, injection.done ? "stub taken out" : "the stub could not be taken out");
}

/// Flags with which the stub, and what stands near a site, can't be run: each of their instructions would trap, or what
/// they read and write need not be aligned.
EngineReason InProcess::flag_to_leave_for(const user_regs_struct& r) {
  constexpr uint64_t kTrapFlag = 1 << 8;
  constexpr uint64_t kAlignmentCheck = 1 << 18;
  if ((r.eflags & kTrapFlag) != 0) return EngineReason::steps_itself;
  return (r.eflags & kAlignmentCheck) != 0 ? EngineReason::checks_alignment : EngineReason::none;
}

/// Calls after which the stub could not go on: it reads the time stamp counter and makes calls of its own, it takes
/// more addresses than a program may be content with, it needs the thread's dispatch and its gs register, and to be
/// where it is.
EngineReason InProcess::reason_to_leave(const Tracee& tracee, const user_regs_struct& r) {
  constexpr uint64_t kSetDispatch = 59;  // PR_SET_SYSCALL_USER_DISPATCH
  if (const EngineReason flag = flag_to_leave_for(r); flag != EngineReason::none) return flag;
  const auto if_so = [](bool so, EngineReason reason) { return so ? reason : EngineReason::none; };
  const auto is_ours = [&](uint64_t start, uint64_t length) {
    const auto meets = [&](uint64_t from, uint64_t to) { return start < to && from - start < length; };
    return start - kBase < kEnd - kBase || meets(kBase, kEnd) || tracee.space->sites->has_near_code(start, length);
  };
  switch (r.rax) {
    case SYS_munmap:
    case SYS_mprotect:
    case SYS_pkey_mprotect:
      return if_so(is_ours(r.rdi, r.rsi), EngineReason::took_addresses);
    case SYS_mmap:
      return if_so((r.r10 & MAP_FIXED) != 0 && (r.r10 & MAP_FIXED_NOREPLACE) == 0 && is_ours(r.rdi, r.rsi),
                   EngineReason::took_addresses);
    case SYS_mremap:
      return if_so(is_ours(r.rdi, r.rsi) || ((r.r10 & MREMAP_FIXED) != 0 && is_ours(r.r8, r.rdx)),
                   EngineReason::took_addresses);
    case SYS_arch_prctl:
      return if_so(static_cast<uint32_t>(r.rdi) == ARCH_SET_GS || static_cast<uint32_t>(r.rdi) == ARCH_GET_GS,
                   EngineReason::asked_for_gs);
    case SYS_modify_ldt:
      return if_so(r.rdi != 0, EngineReason::asked_for_gs);  // 0 reads
    case SYS_seccomp:
      return EngineReason::asked_for_seccomp;
    case SYS_mlockall:
      return EngineReason::locked_memory;
    case SYS_prctl:
      return r.rdi == PR_SET_SECCOMP ? EngineReason::asked_for_seccomp
             : r.rdi == kSetDispatch ? EngineReason::asked_for_dispatch
                                     : if_so(r.rdi == PR_SET_TSC, EngineReason::forbade_counter);
    case SYS_setrlimit:
      return if_so(r.rdi == RLIMIT_AS, EngineReason::limited_addresses);
    case SYS_prlimit64:
      return if_so(r.rsi == RLIMIT_AS && r.rdx != 0, EngineReason::limited_addresses);
    default:
      return EngineReason::none;
  }
}

/// The thread, in a stop outside the stub or put there by unwind(), goes on at `to` and is traced by ptrace; so are the
/// others of its memory from their next calls on. With the last of them the stub goes.
void InProcess::retire(Tracee& tracee, user_regs_struct& r, uint64_t to, EngineReason why) {
  AddressSpace& space = *tracee.space;
  if (!std::exchange(space.retired, true)) refuse(tracee, why);
  r.rip = to;
  r.orig_rax = ~uint64_t{0};
  set_registers(tracee.tid, r);
  if (leave(tracee) && space.inside == 0) take_out(tracee);
}

/// A fault of the stub's own, for which there is no provision: memory that can't be had (tmpfs(5), "size"), a counter
/// that may not be read any more. Where the thread is between its call's two ends, the stub's first return address
/// says.
bool InProcess::recover(Tracee& tracee, user_regs_struct& r) {
  const std::size_t slot = tracee.inside->slot;
  ThreadControl& control = thread_slot(slot).control;
  const uint64_t called_from = *(reinterpret_cast<const uint64_t*>(&frame_of(slot)) - 1);
  const bool before_call = called_from == stub_.committed;
  if (!before_call && called_from != stub_.leaving) return false;
  if (before_call) {
    close_step(tracee);
  } else {  // the stub looks no further where nothing is recorded
    const auto ret = static_cast<int64_t>(frame_of(slot).rax);
    close_step(tracee);
    open_call(tracee);
    recorder_.exit(tracee, ret, ret < 0 && ret >= -4095);
  }
  stop_holding(tracee);
  send_held_again(tracee);
  const uint64_t behind = tracee.space->sites->behind_of(control.resume);
  const EngineReason flag = flag_to_leave_for(r);
  unwind(r, slot, behind, frame_of(slot).rax);
  retire(tracee, r, before_call ? behind - 2 : control.resume,
         flag != EngineReason::none ? flag : EngineReason::stub_faulted);
  return true;
}

}  // namespace sightline::tracer::inprocess
