/// Keeps the tracer on the processor of the thread it traces.
///
/// A ptrace stop wakes the tracer, a resume wakes the thread. If the two sit on different processors, each of these
/// wakes an idle processor: on virtual machines some 50 µs each, on real ones still several. Measured on a 2-core
/// virtual machine (kernel 6.18), a getppid loop under a bare ptrace loop: 95 µs a call apart, 14 µs together.
///
/// Following alone is not enough: when the tracer resumes the thread, the processor they share is busy (with the
/// tracer), so the scheduler puts the thread on the idle one next to it, for ever. Except if all that runs there is
/// SCHED_IDLE: then select_idle_sibling() (kernel/sched/fair.c) counts that processor as idle, and the thread comes
/// back to it. So the tracer runs SCHED_IDLE, as long as nobody else wants its processor: its waiting time
/// (/proc/thread-self/schedstat) is watched, and at the first sign of contention it goes back to its former policy and
/// all its processors, for a while.
///
/// Going back from SCHED_IDLE needs RLIMIT_NICE to allow our nice value, or CAP_SYS_NICE (sched(7)). Without, the
/// tracer stays as it is: slower, but never starved.
#pragma once

#include <sched.h>
#include <sys/types.h>

#include <cstdint>

namespace sightline::tracer {

class CpuFollower {
 public:
  /// On the tracer thread, after every other thread and the traced command were started: they would inherit.
  CpuFollower();
  ~CpuFollower();
  CpuFollower(const CpuFollower&) = delete;
  CpuFollower& operator=(const CpuFollower&) = delete;

  /// At each stop, with the thread that stopped.
  void stopped(pid_t tid) {
    if (enabled_ && --countdown_ == 0) look(tid);
  }

 private:
  void look(pid_t tid);
  void join(int cpu);
  void leave();
  bool contended();

  bool enabled_ = false;
  bool joined_ = false;
  int cpu_ = -1;
  int schedstat_ = -1;
  int former_policy_ = 0;
  cpu_set_t former_cpus_{};
  uint32_t countdown_ = 1;
  uint32_t stops_ = 1;          // since the last look
  uint32_t pause_ = 0;          // stops to stay away after contention
  uint64_t waited_ = 0;         // run delay at the last look, ns
};

}  // namespace sightline::tracer
