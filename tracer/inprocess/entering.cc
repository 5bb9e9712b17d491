// How a program gets the stub, and each thread its place there: at exec, at an attach, at birth.
#include <signal.h>
#include <sys/resource.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "tracer/inprocess/inject.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/sites.h"
#include "tracer/proc.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr uint64_t kUserCode = 0x33;  // the 64-bit code segment

/// What unwinding may want to look at of a new program's stack before it finds that there is nothing: where it starts
/// there is its argument count, and no frame is above.
constexpr uint64_t kAboveStart = 128;

uint64_t end_of_stack(std::span<const proc::Map> maps) {
  const auto stack = std::find_if(maps.begin(), maps.end(), [](const proc::Map& map) { return map.path == "[stack]"; });
  return stack == maps.end() ? 0 : stack->end;
}

bool has_limited_addresses(pid_t tid) {
  rlimit limit{};
  return prlimit(tid, RLIMIT_AS, nullptr, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

/// Of a tracer that is no more: the last who shared that memory left it by an execve, or the tracer's process was
/// killed. We trace it now, so nobody else does.
bool InProcess::has_leftover(std::span<const proc::Map> maps) const {
  return std::any_of(maps.begin(), maps.end(), [&](const proc::Map& map) {
    return map.start == kCode && map.inode != arena_.inode() && map.path.starts_with("/memfd:sightline");
  });
}

bool InProcess::bring_in(Tracee& tracee, std::vector<proc::Map>& maps, bool running) {
  user_regs_struct registers{};
  if (!get_registers(tracee.tid, registers)) return false;
  if (registers.cs != kUserCode) return refuse(tracee, EngineReason::code_of_32_bits);
  if (registers.gs_base != 0) return refuse(tracee, EngineReason::uses_gs);
  const auto status = proc::status(tracee.tid);
  if (!status) return false;
  if (status->under_seccomp) return refuse(tracee, EngineReason::under_seccomp);
  if (has_limited_addresses(tracee.tid)) return refuse(tracee, EngineReason::addresses_limited);
  maps = proc::maps(tracee.tid);
  if (running && has_leftover(maps)) {
    unmap_stub(tracee, {});
    maps = proc::maps(tracee.tid);
  }
  tracee.space->stack_end = running ? end_of_stack(maps) : registers.rsp + kAboveStart;
  const Injection injection = map_stub(tracee, arena_, maps, NearCode::wish(maps, registers.rip));
  if (injection.done) {
    tracee.space->sites = std::make_shared<Sites>();
    tracee.space->sites->begin(arena_, maps, injection.near_code);
  }
  learn_actions(tracee, *status, running);
  if (!injection.done) return refuse(tracee, injection.why_not);
  if (log_ != nullptr) log_->print(Log::Level::info, tracee.tid, "stub injected");
  return true;
}

/// `running`: it does with signals what it has said before.
void InProcess::learn_actions(Tracee& tracee, const proc::Status& status, bool running) {
  const uint32_t process = tracee.process_serial;
  if (running && ((status.ignored | status.caught) & SignalActions::kRaised) != 0) {
    RemoteCalls remote(tracee, syscall_of(tracee));
    actions_.begin(process, status, remote, tracee.tid);
  } else {
    actions_.begin(process, status);
    actions_.raised(process, SIGSYS, false);  // by what has mapped the stub
  }
  put_back_actions(tracee);
}

bool InProcess::enter_program(Tracee& tracee) {
  std::vector<proc::Map> maps;
  if (!bring_in(tracee, maps, false)) return false;
  begin(tracee, true);
  if (tracee.inside == nullptr) return false;
  recorder_.report_new_maps(tracee, maps);
  return true;
}

void InProcess::enter_running(Tracee& tracee) {
  std::vector<proc::Map> maps;
  // It begins at its next stop, or is let go there.
  if (bring_in(tracee, maps, true)) divert(tracee, false);
}

/// Sets the thread's dispatch.
bool InProcess::divert(Tracee& tracee, bool on) {
  const Dispatch::Outcome outcome = dispatch_.set(tracee, on, stub_.remote);
  if (outcome.called && log_ != nullptr)
    log_->print(Log::Level::debug, tracee.tid, "dispatch %s by a call in its name", on ? "on" : "off");
  return outcome.done;
}

void InProcess::set_up(ThreadControl& control, std::size_t slot, const Tracee& tracee) {
  new (&control) ThreadControl;
  control.self = &control;
  control.stack_top = reinterpret_cast<uint64_t>(&frame_of(slot) + 1);
  control.prefix = {.time = 0,
                    .tid = tracee.tid,
                    .pid = tracee.pid,
                    .thread_serial = tracee.thread_serial,
                    .process_serial = tracee.process_serial};
  control.mute = tracee.muted ? 1 : 0;
  if (tracee.space->serial == 0) tracee.space->serial = next_space_++;
  control.space = tracee.space->serial;
  control.stack_end = tracee.space->stack_end;
  control.code = tracee.space->sites->code().table();
  control.calls = tracee.calls;
  if (options_.looks_up_descriptors()) control.roots_seen = roots_seen_by(tracee.tid);
  if (tracee.ring.ring != nullptr)
    control.ring = ringbuf::RecordRing::attach(tracee.ring.memory.data(), tracee.ring.memory.size(),
                                               {.doorbell = &shared().doorbell});
  control.ringless = control.ring.valid() ? 0 : 1;
}

/// `diverted`: it has its dispatch already.
void InProcess::begin(Tracee& tracee, bool diverted) {
  const std::size_t slot = arena_.take_slot();
  // Of a program's first thread, and of a fork's only one: it is the whole process's.
  const bool is_process = tracee.tid == tracee.pid || tracee.space->inside == 0;
  const auto give_up = [&](EngineReason why) {
    arena_.give_slot_back(slot);
    if (diverted) divert(tracee, false);
    recorder_.engine(tracee, !is_process, why);
    tell_why(tracee, why);
  };
  if (slot == Arena::kNoSlot) {
    // It would go into the stub with what its creator has there. Its memory's other threads go on by traps.
    tracee.space->sites->restore(tracee.tid);
    return give_up(EngineReason::no_room);
  }
  ThreadControl& control = thread_slot(slot).control;
  set_up(control, slot, tracee);
  user_regs_struct registers{};
  if (!get_registers(tracee.tid, registers)) return arena_.give_slot_back(slot);  // it has died
  // A newborn has its creator's.
  if (registers.gs_base != 0 && !is_thread(registers.gs_base)) {
    tracee.space->sites->restore(tracee.tid);
    return give_up(EngineReason::uses_gs);
  }
  registers.gs_base = reinterpret_cast<uint64_t>(&control);
  if (!set_registers(tracee.tid, registers)) return arena_.give_slot_back(slot);
  if (!diverted && !divert(tracee, true)) {
    registers.gs_base = 0;
    set_registers(tracee.tid, registers);
    return give_up(EngineReason::old_kernel);
  }
  control.blocked_is_stale = get_blocked(tracee.tid, control.blocked) ? 0 : 1;
  tracee.inside = std::make_shared<Inside>();
  tracee.inside->slot = slot;
  ++tracee.space->inside;
  if (is_process) recorder_.engine(tracee, true);
  if (log_ != nullptr) log_->print(Log::Level::info, tracee.tid, "in-process, place %zu", slot);
}

}  // namespace sightline::tracer::inprocess
