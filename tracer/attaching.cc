// Attaching to a running program, and bringing the stub into it while all of its threads are stopped.
//
// A call site that leads into the stub is deadly for a thread that has no place there, and /proc/PID/task tells of all
// threads only while none is born and none ends. So each thread is kept in its first stop until the list and what we
// know agree. A process that does not come to rest in a moment, because a thread of it sleeps where no signal reaches
// it, is traced by ptrace.
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "tracer/attach.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/proc.h"
#include "tracer/ptrace_engine.h"

namespace sightline::tracer {
namespace {

// Of the wait queue, of 50 ms: until a process that has not come to rest goes on as it is.
constexpr int kMostTicks = 20;

// Passes over a process in which nobody can be seized for the moment, a millisecond apart.
constexpr int kPassesOverNobody = 500;

}  // namespace

std::string PtraceEngine::attach(pid_t pid) {
  if (is_tracer_itself(pid)) return explain_attach_failure(pid, EPERM);
  const auto status = proc::status(pid);
  if (!status || status->kernel_thread || (status->tracer != 0 && find(pid) == nullptr))
    return explain_attach_failure(pid, ESRCH);
  const pid_t tgid = status->tgid;  // a thread's id names its process
  if (find(tgid) != nullptr) return {};

  const Progress::Working working(progress_, recorder_.last_time() + 1);
  const unsigned long flags =
      trace_options_ | PTRACE_O_TRACECLONE;  // threads born from here on belong to the process, -f or not
  const uint32_t process_serial = next_process_++;
  auto space = std::make_shared<AddressSpace>();
  int last_error = ESRCH;
  std::size_t seized = 0;
  const WaitQueue::Ticking ticking(waits_, WaitQueue::Ticking::Reaps::yes);
  // Threads may be born while we walk: only a pass that finds nothing new, twice, is the end. Those already seized
  // report their own births.
  int nobody = 0;
  for (int clean = 0; clean < 2;) {
    bool found = false;
    for (const pid_t tid : proc::threads(tgid)) {
      if (find(tid) != nullptr) continue;
      const int error = seize(tid, flags);
      if (error != 0) {
        // A newborn that a seized sibling has brought along is ours already (EPERM) and will report itself.
        if (tid == tgid || seized == 0) last_error = error;
        continue;
      }
      found = true;
      ++seized;
      Tracee& tracee = add(tid, tgid, process_serial, space);
      tracee.attached = true;
      tracee.interrupting = true;
      recorder_.thread_start(tracee, Birth::attached, nullptr, status->parent, false);
      interrupt(tid);
    }
    clean = found ? 0 : clean + 1;
    // While a thread executes, the process can seem to consist of the dying only: the others end, and that one changes
    // its id to the leader's between our listing and our seizing. It is there again in a moment.
    if (seized == 0 && clean == 2 && ++nobody < kPassesOverNobody) {
      const auto now = proc::status(tgid);
      if (!now) break;
      const bool dead = now->state == 'Z' || now->state == 'X';
      if (dead ? proc::threads(tgid).size() > 1 : last_error == ESRCH) {
        usleep(1000);
        clean = 0;
      }
    }
  }
  if (seized == 0) return explain_attach_failure(pid, last_error);
  if (options_.log != nullptr) options_.log->print(Log::Level::info, tgid, "attached to, with %zu threads", seized);
  space->wants_stub = inprocess_ != nullptr;
  return {};
}

/// In its stop, until go_on_from_hold().
void PtraceEngine::keep(Tracee& tracee, Stop stop, int group_stop) {
  std::move(stop).release();
  tracee.held = true;
  tracee.group_stop = group_stop;
}

void PtraceEngine::hold(Tracee& tracee, Stop stop, int group_stop) {
  keep(tracee, std::move(stop), group_stop);
  const bool known = std::any_of(settling_.begin(), settling_.end(),
                                 [&](const Settling& settling) { return settling.space == tracee.space; });
  if (!known)
    settling_.push_back({.space = tracee.space,
                         .pid = tracee.pid,
                         .ticking = std::make_unique<WaitQueue::Ticking>(waits_, WaitQueue::Ticking::Reaps::no)});
  look_at_settling(false);
}

void PtraceEngine::look_at_settling(bool tick) {
  for (std::size_t i = 0; i < settling_.size();) {
    Settling& settling = settling_[i];
    if (tick) ++settling.ticks;
    const bool over = settling.ticks > kMostTicks;
    if (!over && !has_settled(settling.space, settling.pid)) {
      ++i;
      continue;
    }
    if (over) {
      settling.space->wants_stub = false;
      const auto one = std::find_if(tracees_.begin(), tracees_.end(),
                                    [&](const auto& entry) { return entry.second->space == settling.space; });
      if (one != tracees_.end()) inprocess_->refuse(*one->second, EngineReason::no_rest);
    }
    end_settling(settling.space);
  }
}

bool PtraceEngine::has_settled(const std::shared_ptr<AddressSpace>& space, pid_t pid) {
  bool waiting = false;
  for (const auto& [tid, tracee] : tracees_) {
    if (tracee->space != space || tracee->held) continue;
    const auto status = proc::status(tid);
    // A leader that ends before its siblings is reported when they have ended.
    if (status && (status->state == 'Z' || status->state == 'X'))
      comes_back_no_more(*tracee);
    else
      waiting = true;
  }
  if (waiting) return false;
  const auto before = proc::status(pid);
  const std::vector<pid_t> threads = proc::threads(pid);
  const auto after = proc::status(pid);
  if (!before || !after) return true;  // it is gone; so are its threads, or soon
  bool all = before->threads == after->threads && static_cast<std::size_t>(after->threads) == threads.size();
  for (const pid_t tid : threads) {
    if (find(tid) != nullptr) continue;
    const auto status = proc::status(tid);
    if (!status || status->state == 'Z' || status->state == 'X') continue;
    all = false;
    // A newborn of ours will report itself. One that was overlooked is attached to now.
    if (status->tracer != 0 || seize(tid, trace_options_ | PTRACE_O_TRACECLONE) != 0) continue;
    const auto sibling =
        std::find_if(tracees_.begin(), tracees_.end(), [&](const auto& entry) { return entry.second->space == space; });
    if (sibling == tracees_.end()) continue;
    const Tracee& known = *sibling->second;
    Tracee& tracee = add(tid, pid, known.process_serial, known.space);
    tracee.attached = true;
    tracee.interrupting = true;
    recorder_.thread_start(tracee, Birth::attached, nullptr, status->parent, false);
    interrupt(tid);
  }
  return all;
}

/// Brings the stub in, unless there is a reason not to, and lets all go on.
void PtraceEngine::end_settling(std::shared_ptr<AddressSpace> space) {
  std::erase_if(settling_, [&](const Settling& settling) { return settling.space == space; });
  std::vector<Tracee*> held;
  for (const auto& [tid, tracee] : tracees_)
    if (tracee->space == space && std::exchange(tracee->held, false)) held.push_back(tracee.get());
  const bool wanted = std::exchange(space->wants_stub, false) && !detaching_;
  Tracee* const first = held.empty() ? nullptr : held.front();
  if (wanted && first != nullptr) inprocess_->enter_running(*first);
  for (Tracee* tracee : held) {
    if (wanted && tracee == first) {  // see inject.h; it begins at that stop
      tracee->interrupting = true;
      go_on(*tracee, Stop(tracee->tid), 0);
    } else {
      go_on_from_hold(*tracee);
    }
  }
}

}  // namespace sightline::tracer
