// Threads and processes that appear, and programs that are replaced.
//
//  - A newborn's first stop may come before its parent's PTRACE_EVENT_CLONE, or after. Whoever comes first makes the
//    Tracee; the newborn is never kept waiting, since its parent may be killed before it reports.
//  - A thread that calls execve takes over its leader's tid. Its siblings are gone by then, without a report of the
//    leader's end; what was open in them is closed here, and the open execve moves to the leader's tid.
#include <sched.h>

#include <memory>
#include <utility>
#include <vector>

#include "tracer/clone_flags.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/sites.h"
#include "tracer/proc.h"
#include "tracer/ptrace_engine.h"

namespace sightline::tracer {
namespace {

/// The CLONE_ flags of the birth of `child` that `parent` is just reporting.
uint64_t flags_of_birth(const Tracee& parent, pid_t child, int event) {
  const OpenCall& call = parent.call;
  if (call.open && call.syscall != nullptr)
    if (const auto flags = clone_flags(parent.tid, call.syscall->name, call.args[0])) return *flags;
  if (event == PTRACE_EVENT_VFORK) return CLONE_VM | CLONE_VFORK;
  // Attached to in the middle of the call, or its memory may not be read: what has come of it tells.
  const auto status = proc::status(child);
  if (status && status->tgid == parent.pid) return CLONE_VM | CLONE_THREAD;
  return inprocess::same_memory(child, parent.tid) ? CLONE_VM : 0;
}

}  // namespace

void PtraceEngine::on_unknown(pid_t tid, int status) {
  const StopKind kind = decode_wait_status(status);
  if (std::holds_alternative<Exited>(kind) || std::holds_alternative<Killed>(kind)) return;
  // A newborn that is faster than its parent's report.
  known_before_parent_.insert(tid);
  Stop stop(tid);
  const auto ids = proc::status(tid);
  if (!ids) {
    std::move(stop).resume();
    return;
  }
  const bool is_thread = ids->tgid != tid;
  Tracee* relative = find(is_thread ? ids->tgid : ids->parent);
  if (relative == nullptr && is_thread) {
    for (const auto& [id, other] : tracees_)
      if (other->pid == ids->tgid) relative = other.get();
  }
  // A thread shares its siblings' memory. Looking is dear where there are thousands of mappings.
  const bool has_stub = inprocess_ != nullptr && (is_thread && relative != nullptr ? relative->space->sites != nullptr
                                                                                   : inprocess_->has_stub(tid));
  const bool followed = options_.follow_children || (is_thread && (relative == nullptr || relative->attached));
  if (!followed && !has_stub) {
    std::move(stop).detach();
    return;
  }
  const bool shares = is_thread || (has_stub && relative != nullptr && inprocess::same_memory(tid, relative->tid));
  auto space = relative != nullptr && shares     ? relative->space
               : relative != nullptr && has_stub ? AddressSpace::copy_of(*relative->space)
                                                 : std::make_shared<AddressSpace>();
  // Whose memory it has a copy of is its parent's to tell: the consumer needs the mappings once more.
  if (!is_thread) space->maps_changed = true;
  if (has_stub && space->sites == nullptr) space->sites = std::make_shared<inprocess::Sites>();
  Tracee& tracee = is_thread && relative != nullptr ? add(tid, ids->tgid, relative->process_serial, std::move(space))
                                                    : add(tid, ids->tgid, next_process_++, std::move(space));
  tracee.attached = relative != nullptr && relative->attached;
  if (inprocess_ != nullptr && !is_thread && relative != nullptr) inprocess_->process_born(tracee, *relative);
  tracee.muted = !followed;
  tracee.hidden = tracee.muted || (relative != nullptr && relative->hidden);
  // The birth's flags are its parent's to report; that it has a memory of its own is the usual case, and harmless if
  // wrong: the mappings are read once more.
  if (!tracee.hidden)
    recorder_.thread_start(tracee, is_thread ? Birth::thread : Birth::forked, nullptr, ids->parent, false);
  std::move(stop).release();
  dispatch(tid, status);
}

void PtraceEngine::on_birth(Tracee& parent, const Stop& stop, int event) {
  const auto message = stop.event_message();
  if (!message) return;
  const auto tid = static_cast<pid_t>(*message);
  if (event == PTRACE_EVENT_VFORK && !std::exchange(parent.in_vfork, true)) ++parent.space->suspended;
  // It was faster, and may be gone again: nothing more would be heard of it.
  if (known_before_parent_.erase(tid) != 0 || find(tid) != nullptr) return;
  const uint64_t flags = flags_of_birth(parent, tid, event);
  const bool is_thread = (flags & CLONE_THREAD) != 0;
  const bool followed = options_.follow_children || (is_thread && parent.attached);
  // Its own first stop finds it unknown and lets it go.
  if (!followed && parent.space->sites == nullptr) return;
  const bool shares = (flags & CLONE_VM) != 0;
  auto space = shares ? parent.space : AddressSpace::copy_of(*parent.space);
  Tracee& child = is_thread ? add(tid, parent.pid, parent.process_serial, std::move(space))
                            : add(tid, tid, next_process_++, std::move(space));
  child.attached = parent.attached;
  if (inprocess_ != nullptr && !is_thread) inprocess_->process_born(child, parent);
  child.muted = !followed || parent.muted;
  // Our own child may have threads before its execve: those of a sanitizer.
  child.hidden = child.muted || parent.hidden;
  child.foreign_ids = parent.foreign_ids || (flags & CLONE_NEWPID) != 0;
  const Birth birth = is_thread                     ? Birth::thread
                      : event == PTRACE_EVENT_VFORK ? Birth::vforked
                      : event == PTRACE_EVENT_FORK  ? Birth::forked
                                                    : Birth::cloned;
  if (!child.hidden) recorder_.thread_start(child, birth, &parent, parent.pid, shares);
  if (options_.log != nullptr)
    options_.log->print(Log::Level::debug, tid, "%s of %d%s", is_thread ? "new thread" : "child", parent.tid,
                        child.muted ? ", not to be followed" : "");
  // Born while everything is being let go: the group interrupt did not reach it, its first stop will do.
}

void PtraceEngine::on_exec(Tracee& tracee, const Stop& stop) {
  const auto message = stop.event_message();
  const pid_t former = message ? static_cast<pid_t>(*message) : tracee.tid;
  Tracee* caller = &tracee;
  if (former != tracee.tid) {
    if (Tracee* other = find(former)) caller = other;
  }
  if (caller->inside != nullptr) inprocess_->drop_after_exec(*caller);
  if (caller != &tracee) {
    if (tracee.inside != nullptr) inprocess_->drop(tracee);
    // The leader vanished without a report; the caller lives on under its tid.
    recorder_.abandon(tracee, CallEnd::replaced);
    tracee.call = caller->call;
    caller->call.open = false;
    tracee.interrupting = caller->interrupting;
    tracee.shown_stop = caller->shown_stop;
  }
  tracee.new_program = true;
  if (!tracee.muted) recorder_.exec(tracee, former);
  std::vector<pid_t> vanished;
  for (const auto& [tid, other] : tracees_)
    if (other->pid == tracee.pid && tid != tracee.tid) vanished.push_back(tid);
  for (const pid_t tid : vanished) {
    Tracee& other = *find(tid);
    if (other.inside != nullptr) {
      inprocess_->take_over(other);
      inprocess_->drop(other);
    }
    recorder_.abandon(other, CallEnd::replaced);
    if (!other.hidden) recorder_.thread_end(other, ThreadEndKind::replaced, 0, false, false);
    forget(tid);
  }
  tracee.space = std::make_shared<AddressSpace>();
  tracee.held = false;
}

}  // namespace sightline::tracer
