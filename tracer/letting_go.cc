// How the engine ends: told to by a signal, or because nobody is left whom it was asked to trace. Threads are stopped
// one by one and let go where a call that was thrown out can still be set to start again.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "tracer/attach.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/remote.h"
#include "tracer/proc.h"
#include "tracer/ptrace_engine.h"

namespace sightline::tracer {

void PtraceEngine::notify(int signo, bool from_terminal) {
  detach_wanted_.store(1);
  if (!from_terminal) forward_.store(signo);
  waits_.nudge();
}

void PtraceEngine::notify_orphaned() {
  rings_.abandon();
  notify(0, true);
}

void PtraceEngine::act_on_notifications() {
  if (detach_wanted_.exchange(0) == 0) return;
  const Progress::Working working(progress_, recorder_.last_time() + 1);
  const int signo = forward_.exchange(0);
  if (root_pid_ != 0 && find(root_pid_) != nullptr) {
    if (signo != 0 && ::kill(root_pid_, signo) == 0) undelivered_ = signo;
    return;  // a spawned command decides for itself; we follow it to its end
  }
  start_detaching();  // processes that were attached to, or what the command has left behind
}

void PtraceEngine::start_detaching() {
  if (detaching_) return;
  detaching_ = true;
  // The notification's own may have been ended by those of attaching.
  detaching_ticks_ = std::make_unique<WaitQueue::Ticking>(waits_, WaitQueue::Ticking::Reaps::no);
  if (options_.log != nullptr) options_.log->print(Log::Level::info, 0, "letting go of %zu threads", tracees_.size());
  while (!settling_.empty()) end_settling(settling_.back().space);
  for (auto& [tid, tracee] : tracees_)
    if (interrupt(tid) == 0) tracee->interrupting = true;
}

// Whether all that is left to let go is dead and not reported, or sleeps where no signal reaches it: in vfork until the
// child is done, in a file system whose server is gone. Not so a spawned command's children: those our end would kill.
bool PtraceEngine::none_can_stop() const {
  return std::all_of(tracees_.begin(), tracees_.end(), [](const auto& entry) {
    if (entry.second->space->parked == entry.first || entry.second->held) return true;
    const auto status = proc::status(entry.first);
    return entry.second->attached && status && (status->state == 'D' || status->state == 'Z');
  });
}

/// Not with a parent that is in vfork(2) until it is let go itself.
bool PtraceEngine::shares_with_own_process(const Tracee& tracee) const {
  return std::none_of(tracees_.begin(), tracees_.end(), [&](const auto& entry) {
    return entry.second->space == tracee.space && entry.second->process_serial != tracee.process_serial;
  });
}

/// If all are gone but the one that waits for that, it is let go.
void PtraceEngine::release_parked(std::shared_ptr<AddressSpace> space) {
  if (space->parked == 0 || space.use_count() != 2) return;
  Tracee* parked = find(space->parked);
  space.reset();
  if (parked != nullptr) let_go(*parked, Stop(parked->tid), 0, true);
}

/// Whether others of its process, in the stub still, may trap and take a handler away that it could need
/// (delivering.cc).
bool PtraceEngine::waits_for_traps(const Tracee& tracee, bool interrupted) const {
  if (!interrupted || inprocess_ == nullptr) return false;
  const bool handles = inprocess_->could_lose(tracee, SIGSYS) || inprocess_->could_lose(tracee, SIGTRAP);
  return handles && has_another_inside(tracee.process_serial, tracee.tid);
}

bool PtraceEngine::has_another_inside(uint32_t process, pid_t tid) const {
  return std::any_of(tracees_.begin(), tracees_.end(), [&](const auto& entry) {
    return entry.first != tid && entry.second->process_serial == process && entry.second->inside != nullptr;
  });
}

/// `interrupted`: the stop is one that PTRACE_INTERRUPT has caused, or a group stop.
void PtraceEngine::let_go(Tracee& tracee, Stop stop, int signo, bool interrupted) {
  if (tracee.inside != nullptr && !interrupted) {  // there it can leave the stub
    tracee.interrupting = true;
    go_on(tracee, std::move(stop), signo);
    return;
  }
  if (tracee.inside != nullptr && !inprocess::has_pending_trap(tracee.tid) && inprocess_->put_back_actions(tracee))
    tracee.interrupting = true;
  if (inprocess_ != nullptr && !inprocess_->leave(tracee)) {
    resume(tracee, std::move(stop), signo);
    return;
  }
  if (tracee.interrupting) {
    go_on(tracee, std::move(stop), signo);
    return;
  }
  if (tracee.space->sites != nullptr) {
    const bool last = tracee.space.use_count() == 1;
    if (last && interrupted) inprocess_->take_out(tracee);
    if (last) {  // it goes on from there, or where it can be done, to another such stop
      tracee.space->parked = 0;
      tracee.interrupting = true;
      go_on(tracee, std::move(stop), signo);
      return;
    }
    // Any of the others may die before its turn: one that is here waits for them.
    if (interrupted && tracee.space->parked == 0 && shares_with_own_process(tracee)) {
      tracee.space->parked = tracee.tid;
      std::move(stop).release();
      return;
    }
  }
  if (waits_for_traps(tracee, interrupted)) {
    keep(tracee, std::move(stop), 0);
    return;
  }
  if (options_.log != nullptr) options_.log->print(Log::Level::info, tracee.tid, "let go");
  if (tracee.muted) {
    forget(stop.tid());
    std::move(stop).detach(signo);
    return;
  }
  recorder_.abandon(tracee, CallEnd::detached);
  recorder_.thread_end(tracee, ThreadEndKind::detached, 0, false, last_of_process(tracee));
  forget(stop.tid());
  std::move(stop).detach(signo);
}

}  // namespace sightline::tracer
