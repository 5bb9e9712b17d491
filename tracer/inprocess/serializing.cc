// Sites that are patched while other threads may run there. Processors may have read instructions before they were
// changed, and go on with them, until they serialize: membarrier(2) sees to that, for those that run threads of the
// caller's memory. The thread that has trapped is the caller; between its calls the tracer does its other work, since
// on a busy machine it takes a while until such a thread runs.
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cerrno>
#include <utility>

#include "tracer/clone_flags.h"
#include "tracer/inprocess/inprocess.h"
#include "tracer/inprocess/remote.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr int kRegister = MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE;
constexpr int kSerialize = MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE;

}  // namespace

/// No other thread can run in its memory: a parent in vfork(2) does not, before its child is done.
bool InProcess::is_alone(const Tracee& tracee) {
  return static_cast<std::size_t>(tracee.space.use_count()) == tracee.space->suspended + 1;
}

/// Its process is to have a second thread. To be registered for such calls costs nothing before; later the kernel has
/// all processors pass a quiescent state first (kernel/sched/membarrier.c, sync_runqueues_membarrier_state): some 10
/// ms.
void InProcess::expect_threads(Tracee& tracee, int32_t nr, const uint64_t (&args)[6]) {
  if ((nr != SYS_clone && nr != SYS_clone3) || tracee.inside->by_int80) return;
  if (tracee.space->registered || tracee.space.use_count() != 1) return;
  const auto flags = clone_flags(tracee.tid, nr == SYS_clone ? "clone" : "clone3", args[0]);
  if (!flags || (*flags & CLONE_VM) == 0 || (*flags & CLONE_VFORK) != 0) return;
  tracee.space->registered = true;
  RemoteCalls(tracee, stub_.remote).call(SYS_membarrier, {kRegister, 0, 0});
}

/// The stopped thread goes on as in `after`. If a site is `unfinished`, not before that is done; for a signal's handler
/// it is at `before`.
void InProcess::go_on_by(Tracee& tracee, const user_regs_struct& after, uint64_t before, uint64_t unfinished) {
  if (unfinished != 0 && is_alone(tracee)) {
    while (tracee.space->sites->next_step(tracee.tid, unfinished)) {
    }
    unfinished = 0;
  }
  if (unfinished == 0) {
    set_registers(tracee.tid, after);
    return;
  }
  tracee.inside->patching.emplace(Inside::Patching{.site = unfinished, .after = after, .before = before});
  serialize(tracee, kSerialize);
}

void InProcess::serialize(const Tracee& tracee, int command) {
  user_regs_struct r = tracee.inside->patching->after;
  r.rip = stub_.remote;
  r.rax = SYS_membarrier;
  r.rdi = static_cast<uint64_t>(command);
  r.rsi = r.rdx = 0;
  r.orig_rax = ~uint64_t{0};
  set_registers(tracee.tid, r);
}

/// The breakpoint behind its call.
InProcess::Verdict InProcess::on_serialized(Tracee& tracee, const Stop& stop, const user_regs_struct& r, int& signo) {
  keep_blocked(tracee, SIGTRAP);
  Inside& inside = *tracee.inside;
  Inside::Patching& patching = *inside.patching;
  if (r.rdi == kRegister) {
    serialize(tracee, kSerialize);
    return Verdict::resume;
  }
  if (static_cast<int64_t>(r.rax) == -EPERM && !std::exchange(patching.registered, true)) {
    serialize(tracee, kRegister);
    return Verdict::resume;
  }
  if (tracee.space->sites->next_step(tracee.tid, patching.site)) {
    serialize(tracee, kSerialize);
    return Verdict::resume;
  }
  user_regs_struct after = patching.after;
  if (inside.held) after.rip = patching.before;
  inside.patching.reset();
  set_registers(tracee.tid, after);
  stop_holding(tracee);
  learn_blocked(tracee);
  return deliver_held(inside, stop, signo);
}

}  // namespace sightline::tracer::inprocess
