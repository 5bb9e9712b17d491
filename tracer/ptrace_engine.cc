// How a traced program's life arrives here, and the order in which it may not.
//
// waitpid(2) reports stops of all threads in no particular order between threads:
//  - A newborn's first stop may come before its parent's report of it, or after; and a thread that executes another
//    program takes over its leader's tid: births.cc.
//  - Any thread may be gone whenever we touch it (SIGKILL). Its end is still reported, and only that report forgets it.
//
// What a thread is resumed with decides what it becomes: PTRACE_SYSCALL after everything, but PTRACE_LISTEN after a
// group stop, so that it stays stopped and SIGCONT is still heard of.
#include "tracer/ptrace_engine.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <optional>

#include "tracer/attach.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/sites.h"
#include "tracer/proc.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer {
namespace {

// PTRACE_O_TRACEEXIT is not among them on purpose: a thread stopped there survives kill -9.
constexpr unsigned long kAlways = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC;
constexpr unsigned long kChildren = PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;

// Stops taken from the kernel before any of them is resumed. waitpid(2) looks at threads in a fixed order: taking one
// and resuming it at once would let a busy thread starve those behind it.
constexpr std::size_t kBatch = 256;

// How often, at the wait queue's ticks of 50 ms, threads are found unable to stop before we go without them.
constexpr int kLooksAtStuck = 6;

bool is_exit(const OpenCall& call) {
  return call.syscall != nullptr && (call.syscall->name == "exit" || call.syscall->name == "exit_group");
}

}  // namespace

PtraceEngine::PtraceEngine(const EngineOptions& options, ringbuf::RingSet& rings, Progress& progress)
    : options_(options), rings_(rings), progress_(progress), recorder_(options_.record, rings, progress) {
  // Who shares a stub has to be known of, followed or not.
  trace_options_ = kAlways | (options_.follow_children || options_.arena != nullptr ? kChildren : 0);
  if (options_.arena != nullptr)
    inprocess_ = std::make_unique<inprocess::InProcess>(*options_.arena, options_.record, recorder_, progress,
                                                        options_.dispatch_by_call, options_.log);
}

PtraceEngine::~PtraceEngine() = default;

Tracee& PtraceEngine::add(pid_t tid, pid_t pid, uint32_t process_serial, std::shared_ptr<AddressSpace> space) {
  auto tracee = std::make_unique<Tracee>();
  tracee->tid = tid;
  tracee->pid = pid;
  tracee->thread_serial = next_thread_++;
  tracee->process_serial = process_serial;
  tracee->space = std::move(space);
  return *(tracees_[tid] = std::move(tracee));
}

Tracee* PtraceEngine::find(pid_t tid) {
  const auto at = tracees_.find(tid);
  return at == tracees_.end() ? nullptr : at->second.get();
}

void PtraceEngine::forget(pid_t tid) {
  std::shared_ptr<AddressSpace> space;
  uint32_t process = 0;
  if (const auto at = tracees_.find(tid); at != tracees_.end()) {
    space = at->second->space;
    if (at->second->in_vfork) --space->suspended;
    if (inprocess_ != nullptr) inprocess_->gone(*at->second, last_of_process(*at->second));
    process = at->second->process_serial;
    tracees_.erase(at);
  }
  if (space != nullptr) release_parked(std::move(space));
  look_for_delivered(tid);
  if (detaching_ && !has_another_inside(process, tid)) release_held(process);
  if (inprocess_ != nullptr && !tracees_.empty() && only_muted()) start_detaching();
}

/// Nobody is left whom we were asked to trace.
bool PtraceEngine::only_muted() const {
  return std::all_of(tracees_.begin(), tracees_.end(), [](const auto& entry) { return entry.second->muted; });
}

bool PtraceEngine::last_of_process(const Tracee& tracee) const {
  return std::none_of(tracees_.begin(), tracees_.end(), [&](const auto& entry) {
    return entry.second.get() != &tracee && entry.second->process_serial == tracee.process_serial;
  });
}

std::string PtraceEngine::adopt(Child child) {
  const unsigned long flags = trace_options_ | (options_.kill_on_exit ? PTRACE_O_EXITKILL : 0);
  if (const int error = seize(child.pid, flags); error != 0) {
    // Seizing a child of one's own fails only where tracing is forbidden altogether.
    ::kill(child.pid, SIGKILL);
    close(child.release_fd);
    return std::string("can't trace the command: ") + std::strerror(error) +
           " (is sightline itself traced, or in a sandbox that forbids ptrace?)";
  }
  Tracee& tracee = add(child.pid, child.pid, next_process_++, std::make_shared<AddressSpace>());
  tracee.hidden = true;
  tracee.interrupting = true;
  root_pid_ = child.pid;
  // The child blocks in read() on its pipe and has to pass through a stop before its calls are reported; only then
  // may it go on. The stop is handled like any other; the pipe's end is closed when it has come.
  interrupt(child.pid);
  for (;;) {
    const WaitResult result = waits_.next(true);
    if (result.kind == WaitResult::Kind::no_tracees) break;
    if (result.kind != WaitResult::Kind::status) continue;
    const bool ours = result.tid == child.pid;
    dispatch(result.tid, result.status);
    if (ours) break;
  }
  close(child.release_fd);
  return {};
}

void PtraceEngine::run() {
  std::vector<WaitResult> batch;
  batch.reserve(kBatch);
  int looks = 0;
  std::optional<WaitQueue::Ticking> beginning;
  while (!tracees_.empty()) {
    if (follower_.at_beginning() && !beginning) beginning.emplace(waits_, WaitQueue::Ticking::Reaps::no);
    act_on_notifications();
    waits_.look_before_sleeping(follower_.apart());
    const WaitResult first = waits_.next(true);
    if (first.kind == WaitResult::Kind::no_tracees) break;
    if (first.kind != WaitResult::Kind::status) {
      follower_.end_beginning();
      beginning.reset();
      const Progress::Working working(progress_, recorder_.last_time() + 1);
      if (!settling_.empty()) look_at_settling(true);
      for (std::size_t i = 0; i < deliveries_.size(); ++i) look_at_delivery(deliveries_[i].process, true);
      if (detaching_ && none_can_stop() && ++looks >= kLooksAtStuck) break;
      continue;
    }
    looks = 0;
    if (tracees_.size() == 1) {
      dispatch(first.tid, first.status);
      continue;
    }
    batch.clear();
    batch.push_back(first);
    while (batch.size() < kBatch) {
      const WaitResult more = waits_.next(false);
      if (more.kind != WaitResult::Kind::status) break;
      batch.push_back(more);
    }
    for (const WaitResult& result : batch) dispatch(result.tid, result.status);
  }
  // Either they can't stop, and our own end lets them go (ptrace(2): "all its tracees are automatically detached"), or
  // the kernel has no child of ours left while we still think so, and nothing will ever be heard of them.
  const bool stuck = looks >= kLooksAtStuck;
  while (!tracees_.empty()) {
    Tracee& tracee = *tracees_.begin()->second;
    recorder_.abandon(tracee, stuck ? CallEnd::detached : CallEnd::killed);
    recorder_.thread_end(tracee, stuck ? ThreadEndKind::detached : ThreadEndKind::lost, 0, false,
                         last_of_process(tracee));
    forget(tracee.tid);
  }
}

void PtraceEngine::dispatch(pid_t tid, int status) {
  Tracee* tracee = find(tid);
  if (tracee == nullptr) {
    on_unknown(tid, status);
    return;
  }
  const Progress::Working working(progress_, recorder_.last_time() + 1);
  if (tracee->inside != nullptr) inprocess_->take_over(*tracee);
  const StopKind kind = decode_wait_status(status);
  if (options_.log != nullptr) options_.log->print(Log::Level::debug, tid, "%s", describe(kind).c_str());
  if (std::holds_alternative<Exited>(kind) || std::holds_alternative<Killed>(kind)) {
    on_gone(*tracee, kind);
    return;
  }
  look_for_delivered(tid);
  follower_.stopped(tid, tracees_.size() == 1);
  Stop stop(tid);
  if (std::holds_alternative<SyscallStop>(kind))
    on_syscall(*tracee, std::move(stop));
  else if (const auto* signal = std::get_if<SignalStop>(&kind))
    on_signal(*tracee, std::move(stop), signal->signo);
  else if (const auto* group = std::get_if<GroupStop>(&kind))
    on_group_stop(*tracee, std::move(stop), group->signo);
  else if (std::holds_alternative<TrapStop>(kind))
    on_trap(*tracee, std::move(stop));
  else if (const auto* event = std::get_if<EventStop>(&kind))
    on_event(*tracee, std::move(stop), event->event);
}

void PtraceEngine::on_gone(Tracee& tracee, const StopKind& how) {
  const auto* exited = std::get_if<Exited>(&how);
  const auto* killed = std::get_if<Killed>(&how);
  const int value = exited != nullptr ? exited->code : killed != nullptr ? killed->signo : 0;
  if (tracee.pid == root_pid_ && tracee.tid == root_pid_) {
    root_ = {true, killed != nullptr, value};
    // It was on its way out when it was sent the signal: that was for whoever is left, then.
    if (std::exchange(undelivered_, 0) != 0 && killed == nullptr) detach_wanted_.store(1);
  }
  tell_meanwhile(tracee);
  if (tracee.inside != nullptr) inprocess_->drop(tracee);
  if (!tracee.hidden) {
    recorder_.abandon(tracee, is_exit(tracee.call) && exited != nullptr ? CallEnd::exited : CallEnd::killed);
    recorder_.thread_end(tracee, exited != nullptr ? ThreadEndKind::exited : ThreadEndKind::signaled, value,
                         killed != nullptr && killed->core_dumped, last_of_process(tracee));
  }
  forget(tracee.tid);
}

void PtraceEngine::on_syscall(Tracee& tracee, Stop stop) {
  const auto info = stop.syscall_info();
  if (!info) return;  // dying; its end will be reported
  switch (info->op) {
    case PTRACE_SYSCALL_INFO_ENTRY:
      if (tracee.hidden && !tracee.muted) {
        int32_t nr = static_cast<int32_t>(info->entry.nr);
        if (nr == SYS_execve) {
          tracee.hidden = false;
          tracee.newly_shown = true;
          recorder_.thread_start(tracee, Birth::spawned, nullptr, getpid(), false);
        }
      }
      if (tracee.inside != nullptr) inprocess_->call_made(tracee);
      if (tracee.call.open) recorder_.abandon(tracee, CallEnd::no_value);
      recorder_.enter(tracee, *info);
      if (inprocess_ != nullptr) inprocess_->call_begun(tracee);
      if (tracee.call.abi == Abi::x86_64 && tracee.call.nr == SYS_exit) comes_back_no_more(tracee);
      break;
    case PTRACE_SYSCALL_INFO_EXIT: {
      int64_t ret = info->exit.rval;
      if (std::exchange(tracee.in_vfork, false)) --tracee.space->suspended;
      // Thrown out by our own PTRACE_INTERRUPT: the program never sees this EINTR (see hide_interruption).
      if (tracee.interrupting && arch::would_hide(tracee.tid)) ret = arch::kHiddenReturn;
      if (inprocess_ != nullptr) inprocess_->call_ends(tracee, info->exit.is_error != 0);
      recorder_.exit(tracee, ret, info->exit.is_error != 0);
      tracee.root_change.reset();
      if (tracee.inside != nullptr) {
        inprocess_->follow_maps(tracee, ret);
        inprocess_->call_taken(tracee);
        if (!tracee.hidden) recorder_.report_new_maps(tracee);
      } else if (std::exchange(tracee.new_program, false) && inprocess_ != nullptr) {
        inprocess_->enter_program(tracee);
        if (tracee.inside != nullptr) recorder_.report_new_maps(tracee);
      }
      break;
    }
    default:
      break;
  }
  if (detaching_ && !tracee.interrupting) {
    let_go(tracee, std::move(stop), 0);
    return;
  }
  go_on(tracee, std::move(stop), 0);
}

/// Nothing of its memory's is waiting for it: until it is reported, its siblings may have to end first.
void PtraceEngine::comes_back_no_more(Tracee& tracee) {
  if (inprocess_ == nullptr) return;
  const OpenCall call = tracee.call;
  if (tracee.inside != nullptr) inprocess_->drop(tracee);
  tracee.call = call;
  release_parked(std::exchange(tracee.space, std::make_shared<AddressSpace>()));
}

void PtraceEngine::on_signal(Tracee& tracee, Stop stop, int signo) {
  if (tracee.pid == root_pid_ && signo == undelivered_) undelivered_ = 0;
  if (tracee.inside != nullptr && inprocess_->on_signal(tracee, stop, signo) == inprocess::InProcess::Verdict::resume) {
    if (detaching_ && !tracee.interrupting)
      let_go(tracee, std::move(stop), 0);
    else
      go_on(tracee, std::move(stop), 0);
    return;
  }
  std::array<std::byte, 128> siginfo;
  recorder_.signal(tracee, signo, stop.signal_info(siginfo.data()) ? siginfo.data() : nullptr);
  if (waits_to_deliver(tracee, stop, signo)) return;
  if (inprocess_ != nullptr) inprocess_->deliver(tracee, stop, signo);
  if (detaching_ && !tracee.interrupting) {
    let_go(tracee, std::move(stop), signo);
    return;
  }
  go_on(tracee, std::move(stop), signo);
}

void PtraceEngine::on_group_stop(Tracee& tracee, Stop stop, int signo) {
  const bool asked = std::exchange(tracee.interrupting, false);
  // An interruption of ours tells once more of a stop that is recorded, or was there before we attached.
  const bool known = asked && (!tracee.first_stop_seen || tracee.shown_stop == tracee.space->stops);
  if (!known) recorder_.group_stop(tracee, signo);
  tracee.shown_stop = tracee.space->stops;
  tracee.first_stop_seen = true;
  if (detaching_) {
    let_go(tracee, std::move(stop), 0, true);
    return;
  }
  if (tracee.space->wants_stub) {
    hold(tracee, std::move(stop), signo);
    return;
  }
  if (keeps_still(tracee, stop, signo)) return;
  listen(tracee, std::move(stop));
}

void PtraceEngine::listen(Tracee& tracee, Stop stop) {
  if (tracee.inside != nullptr) inprocess_->hand_back(tracee);
  std::move(stop).listen();
}

void PtraceEngine::on_trap(Tracee& tracee, Stop stop) {
  tracee.shown_stop = 0;
  if (std::exchange(tracee.interrupting, false))
    arch::hide_interruption(tracee.tid);
  else if (inprocess_ != nullptr)
    inprocess::InProcess::on_continued(tracee);
  tracee.first_stop_seen = true;
  if (detaching_) {
    let_go(tracee, std::move(stop), 0, true);
    return;
  }
  if (tracee.space->wants_stub) {
    hold(tracee, std::move(stop), 0);
    return;
  }
  if (keeps_still(tracee, stop, 0)) return;
  begin_inside(tracee);
  go_on(tracee, std::move(stop), 0);
}

/// Before the thread goes on, or is gone.
void PtraceEngine::tell_meanwhile(Tracee& tracee) {
  for (const Meanwhile& met : std::exchange(tracee.meanwhile, {})) {
    switch (met.kind) {
      case Meanwhile::Kind::stop_signal:
        ++tracee.space->stops;
        recorder_.signal(tracee, met.signo, met.siginfo.data());
        break;
      case Meanwhile::Kind::group_stop:
        if (tracee.shown_stop != tracee.space->stops) recorder_.group_stop(tracee, met.signo);
        tracee.shown_stop = tracee.space->stops;
        break;
      case Meanwhile::Kind::end_of_stop:
        tracee.shown_stop = 0;
        break;
    }
  }
}

void PtraceEngine::begin_inside(Tracee& tracee) {
  if (inprocess_ != nullptr && tracee.inside == nullptr && tracee.space->sites != nullptr && !tracee.space->retired)
    inprocess_->begin_thread(tracee);
  if (tracee.inside != nullptr && !tracee.hidden) recorder_.report_new_maps(tracee);
}

void PtraceEngine::on_event(Tracee& tracee, Stop stop, int event) {
  switch (event) {
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      on_birth(tracee, stop, event);
      break;
    case PTRACE_EVENT_EXEC:
      on_exec(tracee, stop);
      if (tracee.muted) {  // a memory of its own now, without a stub: not ours any more
        forget(stop.tid());
        std::move(stop).detach();
        return;
      }
      break;
    default:
      break;
  }
  // Not let go here even while detaching: the call that caused the event is still open, and its own exit stop follows.
  go_on(tracee, std::move(stop), 0);
}

// While an interrupt of ours is on its way, its own stop is where detaching is safe: there a call that was thrown out
// can still be set to start again, and no later one will be. Any other stop swallows the pending interrupt
// (kernel/signal.c, ptrace_stop: "any trap clears pending STOP trap"), so it is sent once more.
void PtraceEngine::go_on(Tracee& tracee, Stop stop, int signo) {
  tell_meanwhile(tracee);
  if (is_stop_signal(signo)) ++tracee.space->stops;
  // It is kept still at its next stop, which it comes to before anything else. A call's end is a stop anyway.
  if (tracee.inside != nullptr && !tracee.call.open && delivery_of(tracee.process_serial) != nullptr)
    tracee.interrupting = true;
  if (tracee.interrupting) interrupt(tracee.tid);
  resume(tracee, std::move(stop), signo);
}

/// To its next system call; if it records its calls itself, to whatever else stops it.
void PtraceEngine::resume(Tracee& tracee, Stop stop, int signo) {
  if (tracee.inside == nullptr) {
    std::move(stop).resume(signo);
    return;
  }
  inprocess_->hand_back(tracee);
  if (tracee.inside->by_tracer)
    std::move(stop).resume(signo);
  else
    std::move(stop).run_on(signo);
}

}  // namespace sightline::tracer
