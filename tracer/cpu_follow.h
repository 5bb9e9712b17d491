/// Keeps the tracer on the processor of the thread it traces.
///
/// A ptrace stop wakes the tracer, a resume wakes the thread. If the two sit on different processors, each of these
/// wakes an idle processor: on virtual machines some 50 µs each, on real ones still several. Measured on a 2-core
/// virtual machine (kernel 6.18), a getppid loop under a bare ptrace loop: 95 µs a call apart, 14 µs together.
///
/// Following alone is enough on a busy machine. On an idle one, the processor that both share is busy with the tracer
/// when it resumes the thread, so the scheduler puts the thread on the idle one next to it, for ever. Except if all
/// that runs there is SCHED_IDLE: select_idle_sibling() (kernel/sched/fair.c) counts such a processor as idle, and the
/// thread comes back to it. So, when the thread keeps moving away, the tracer becomes SCHED_IDLE, until somebody else
/// wants its processor: its waiting time (/proc/thread-self/schedstat) is watched, because a SCHED_IDLE tracer beside a
/// busy program would hardly ever run. The same loop with two spinning programs beside it: 112 µs a call unpinned,
/// 345 µs and more as SCHED_IDLE, 14 µs following.
///
/// A thread that moves away all the same, because something else woke up for a moment, is noticed by its stops, which
/// then come slowly, and followed at once. Such a moment is not taken for contention either; with both, the loop stays
/// at 15 µs a call where it had been between 16 and 80.
///
/// A program's start has more stops than all that follows, and is over before it could be seen that the thread moves
/// away. So where nobody else wants to run, the tracer begins as SCHED_IDLE, for some 50 ms or until there is a second
/// thread: `true`, traced in-process, 31 stops: 5.2 ms where it had been 7.2.
///
/// Going back from SCHED_IDLE needs RLIMIT_NICE to allow our nice value, or CAP_SYS_NICE (sched(7)). Without, the
/// tracer only follows: slower on an idle machine, but never starved. It then stays awake for a moment after each
/// resume (WaitQueue::look_before_sleeping), which spares one of the two wakeups: 32 µs a call where it had been 60
/// to 80.
///
/// Where more threads want to run than there are processors, a tracer that wakes up waits until the running one has had
/// its turn, 3 ms and more, and a stopped thread waits with it. So the tracer asks for short turns: it gets no more of
/// the processor by that, but gets it sooner (sched_setattr(2), Linux 6.12; earlier kernels take no notice). With three
/// spinning programs on two processors, `true` traced in-process takes 8.5 ms where it had been 20, a getppid loop
/// traced by ptrace 33 µs a call where it had been 46.
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

  /// At each stop, with the thread that stopped. `alone`: it is the only one.
  void stopped(pid_t tid, bool alone) {
    if (!enabled_) return;
    if (beginning_ && !alone) end_beginning();
    if (--countdown_ == 0) look(tid, alone);
    if (idle_) watch_pace(tid);
  }

  /// What is assumed of a program's start holds, and end_beginning() is to be called in a while.
  bool at_beginning() const { return beginning_; }
  void end_beginning();

  /// Whether the thread keeps to another processor than ours, and there is nothing that we may do about it.
  bool apart() const { return enabled_ && !may_idle_ && (beginning_ || restless_ >= kRestless); }

 private:
  static constexpr uint32_t kRestless = 3;  // moves in a row that show an idle processor next to ours

  void look(pid_t tid, bool alone);
  void watch_pace(pid_t tid);
  bool place(pid_t tid);
  void pin(int cpu);
  void become_idle();
  void become_normal();
  bool contended();
  void give_way();
  uint64_t delay_since_last_look();

  bool enabled_ = false;
  bool may_idle_ = false;
  bool idle_ = false;
  bool beginning_ = false;
  int cpu_ = -1;
  int schedstat_ = -1;
  int former_policy_ = 0;
  cpu_set_t former_cpus_{};
  uint32_t countdown_ = 1;
  uint32_t looks_ = 0;
  uint32_t restless_ = 0;  // looks in a row at which the thread had moved
  uint32_t pause_ = 0;     // looks until SCHED_IDLE may be tried again
  uint32_t next_pause_ = 0;
  uint32_t calm_ = 0;        // looks as SCHED_IDLE without contention
  uint32_t delayed_ = 0;     // looks in a row with some waiting
  uint64_t waited_ = 0;      // run delay at the last look, ns
  pid_t last_tid_ = 0;       // of the last stop as SCHED_IDLE …
  uint64_t last_stop_ = 0;   // … and its time, ns
  uint32_t slow_ = 0;        // stops in a row that came slowly
  uint32_t slow_limit_ = 0;  // that many are a reason to look where the thread is
};

}  // namespace sightline::tracer
