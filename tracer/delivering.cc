// Signals whose handlers the in-process engine's own traps may take away for a moment: a thread traps that has the
// trap's signal blocked, the kernel makes the signal's action the default, for the whole process
// (inprocess/signal_actions.h), and the tracer tells it the program's action again at that stop. One of these signals
// that comes to another thread in between would end the program.
//
// So they are delivered one at a time in each process, and while one is, nobody can trap that may have it blocked.
// Those threads are stopped first. Then the signal's thread goes on into a stop that it comes to when it has begun its
// handler; whatever else of the process stops before that is kept where it is. A thread that changes its mask in the
// meantime comes to the tracer first: the stub says that it is about to before it looks whether it may by itself.
#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "tracer/attach.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/remote.h"
#include "tracer/proc.h"
#include "tracer/ptrace_engine.h"

namespace sightline::tracer {

PtraceEngine::Delivery* PtraceEngine::delivery_of(uint32_t process) {
  const auto at = std::find_if(deliveries_.begin(), deliveries_.end(),
                               [&](const Delivery& delivery) { return delivery.process == process; });
  return at == deliveries_.end() ? nullptr : &*at;
}

/// Whether the thread waits in its stop for its signal from here on.
bool PtraceEngine::waits_to_deliver(Tracee& tracee, Stop& stop, int signo) {
  if (inprocess_ == nullptr || !inprocess_->could_lose(tracee, signo)) return false;
  if (!has_another_inside(tracee.process_serial, tracee.tid)) return false;
  std::move(stop).release();
  deliveries_.push_back({.tid = tracee.tid,
                         .process = tracee.process_serial,
                         .signo = signo,
                         .ticking = std::make_unique<WaitQueue::Ticking>(waits_, WaitQueue::Ticking::Reaps::no)});
  inprocess_->see_mask_changes(true);
  look_at_delivery(tracee.process_serial, false);
  return true;
}

/// A thread of a process in which a signal is being delivered, in a stop that PTRACE_INTERRUPT has caused or a group
/// stop: whether it is kept there.
bool PtraceEngine::keeps_still(Tracee& tracee, Stop& stop, int group_stop) {
  if (delivery_of(tracee.process_serial) == nullptr) return false;
  // What it has lost is put back in the trap's own stop, which comes next if there is no interruption.
  if (tracee.inside != nullptr && inprocess::has_pending_trap(tracee.tid)) {
    resume(tracee, std::move(stop), 0);
    return true;
  }
  keep(tracee, std::move(stop), group_stop);
  look_at_delivery(tracee.process_serial, false);
  return true;
}

bool PtraceEngine::waits_in_delivery(pid_t tid) const {
  return std::any_of(deliveries_.begin(), deliveries_.end(),
                     [&](const Delivery& delivery) { return delivery.tid == tid && !delivery.begun; });
}

/// Begins the first delivery of the process, if nobody is in its way. `tick`: some time has passed.
void PtraceEngine::look_at_delivery(uint32_t process, bool tick) {
  Delivery* const delivery = delivery_of(process);
  if (delivery == nullptr || delivery->begun) return;
  Tracee& tracee = *find(delivery->tid);
  bool still = true;
  Tracee* held = nullptr;
  for (const auto& [tid, other] : tracees_) {
    if (other->process_serial != process || other->inside == nullptr || other->in_vfork || waits_in_delivery(tid))
      continue;
    if (other->held) {
      held = other.get();
      continue;
    }
    if (!inprocess_->may_take_away(*other, delivery->signo)) continue;
    // There is a stop behind the call: that will do, or is waited for if something is to be put back.
    if (other->call.open && other->inside->by_tracer) {
      still = still && !inprocess_->has_lost_actions(*other);
      continue;
    }
    if (!std::exchange(other->interrupting, true)) interrupt(tid);
    // It comes to its stop before anything else, but not soon where it sleeps so deeply.
    const auto status = tick ? proc::status(tid) : std::nullopt;
    still = still && status && status->state == 'D';
  }
  if (!still) return;
  if (held != nullptr && inprocess_->put_back_actions(*held)) held->interrupting = true;
  begin_delivery(*delivery, tracee);
}

void PtraceEngine::begin_delivery(Delivery& delivery, Tracee& tracee) {
  delivery.begun = true;
  Stop stop(tracee.tid);
  int signo = delivery.signo;
  inprocess_->deliver(tracee, stop, signo);
  tracee.interrupting = true;
  go_on(tracee, std::move(stop), signo);
}

/// The thread has stopped again, or is gone.
void PtraceEngine::look_for_delivered(pid_t tid) {
  const auto at = std::find_if(deliveries_.begin(), deliveries_.end(),
                               [&](const Delivery& delivery) { return delivery.tid == tid; });
  if (at == deliveries_.end()) return;
  const uint32_t process = at->process;
  deliveries_.erase(at);
  inprocess_->see_mask_changes(!deliveries_.empty());
  if (delivery_of(process) != nullptr)
    look_at_delivery(process, false);
  else
    release_held(process);
}

void PtraceEngine::release_held(uint32_t process) {
  std::vector<Tracee*> held;
  for (const auto& [tid, tracee] : tracees_)
    if (tracee->process_serial == process && std::exchange(tracee->held, false)) held.push_back(tracee.get());
  for (Tracee* tracee : held) go_on_from_hold(*tracee);
}

void PtraceEngine::go_on_from_hold(Tracee& tracee) {
  Stop stop(tracee.tid);
  if (detaching_) {
    let_go(tracee, std::move(stop), 0, true);
  } else if (tracee.group_stop != 0) {  // it begins at the stop that the end of this one is
    listen(tracee, std::move(stop));
  } else {
    begin_inside(tracee);
    go_on(tracee, std::move(stop), 0);
  }
}

}  // namespace sightline::tracer
