/// The ptrace engine: stops threads at each system call and records what it sees, for any program.
///
/// It starts commands and attaches to processes, follows their threads and children, passes signals on, and leaves
/// everything as it was when it goes. It never prints and never looks at what it records.
///
/// Threads: everything but notify() belongs to the thread that made the engine, since ptrace(2) requests are bound to
/// the attaching thread. Make it after all other threads of the tracer were started (see cpu_follow.h).
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "ringbuf/ring_set.h"
#include "tracer/cpu_follow.h"
#include "tracer/log.h"
#include "tracer/recorder.h"
#include "tracer/spawn.h"
#include "tracer/tracee.h"
#include "tracer/wait_queue.h"
#include "tracer/wait_status.h"

namespace sightline::tracer {

struct EngineOptions {
  RecordOptions record;
  bool follow_children = false;  ///< -f: fork, vfork, clone, and threads of a spawned command
  bool kill_on_exit = true;      ///< spawned programs die with the tracer
  /// Not null: programs record their calls themselves where they can. `rings` lie in it, Progress points to it.
  inprocess::Arena* arena = nullptr;
  /// … and the dispatch is set as on a kernel before 6.4: see Dispatch.
  bool dispatch_by_call = false;
  /// Not null: what is done is told there.
  Log* log = nullptr;
};

/// How the traced command ended.
struct RootStatus {
  bool known = false;  ///< false: there was no command, or it still runs
  bool signaled = false;
  int value = 0;  ///< exit code, or the signal's number
};

namespace inprocess {
class InProcess;
}

class PtraceEngine {
 public:
  PtraceEngine(const EngineOptions& options, ringbuf::RingSet& rings, Progress& progress);
  ~PtraceEngine();
  PtraceEngine(const PtraceEngine&) = delete;
  PtraceEngine& operator=(const PtraceEngine&) = delete;

  /// Takes over a child of spawn_waiting() and releases it. "" or one sentence on what failed.
  std::string adopt(Child child);

  /// Attaches to a process and all its threads. "" or one sentence on why not.
  std::string attach(pid_t pid);

  /// Traces until no traced thread is left.
  void run();

  /// What run() does with a status that waitpid(2) gives: for those who wait themselves.
  void take(pid_t tid, int status) { dispatch(tid, status); }

  /// Asks run() to let go of attached processes and to pass the signal on to a spawned command. Async-signal-safe.
  /// `from_terminal`: the command has had the signal from its terminal already.
  void notify(int signo, bool from_terminal);

  /// Nobody reads the rings any more, nor ever will: none of them makes anybody wait, nothing more is recorded, and
  /// what was attached to is let go. Async-signal-safe.
  void notify_orphaned();

  RootStatus root_status() const { return root_; }

 private:
  using Tracees = std::unordered_map<pid_t, std::unique_ptr<Tracee>>;

  Tracee& add(pid_t tid, pid_t pid, uint32_t process_serial, std::shared_ptr<AddressSpace> space);
  Tracee* find(pid_t tid);
  void forget(pid_t tid);
  bool last_of_process(const Tracee& tracee) const;

  void dispatch(pid_t tid, int status);
  void on_gone(Tracee& tracee, const StopKind& how);
  void on_syscall(Tracee& tracee, Stop stop);
  void on_signal(Tracee& tracee, Stop stop, int signo);
  void on_group_stop(Tracee& tracee, Stop stop, int signo);
  void on_trap(Tracee& tracee, Stop stop);
  void tell_meanwhile(Tracee& tracee);
  void on_event(Tracee& tracee, Stop stop, int event);
  void on_birth(Tracee& parent, const Stop& stop, int event);
  void on_exec(Tracee& tracee, const Stop& stop);
  void on_unknown(pid_t tid, int status);

  // attaching.cc
  static void keep(Tracee& tracee, Stop stop, int group_stop);
  void hold(Tracee& tracee, Stop stop, int group_stop);
  void look_at_settling(bool tick);
  bool has_settled(const std::shared_ptr<AddressSpace>& space, pid_t pid);
  void comes_back_no_more(Tracee& tracee);
  void release_parked(std::shared_ptr<AddressSpace> space);
  void end_settling(std::shared_ptr<AddressSpace> space);

  // delivering.cc
  struct Delivery {
    pid_t tid;
    uint32_t process;
    int signo;
    std::unique_ptr<WaitQueue::Ticking> ticking;
    bool begun = false;
  };
  Delivery* delivery_of(uint32_t process);
  bool waits_to_deliver(Tracee& tracee, Stop& stop, int signo);
  bool keeps_still(Tracee& tracee, Stop& stop, int group_stop);
  void look_at_delivery(uint32_t process, bool tick);
  void begin_delivery(Delivery& delivery, Tracee& tracee);
  bool waits_in_delivery(pid_t tid) const;
  void look_for_delivered(pid_t tid);
  void release_held(uint32_t process);
  void go_on_from_hold(Tracee& tracee);

  void act_on_notifications();
  void start_detaching();
  bool none_can_stop() const;
  void begin_inside(Tracee& tracee);
  void listen(Tracee& tracee, Stop stop);
  void go_on(Tracee& tracee, Stop stop, int signo);
  void resume(Tracee& tracee, Stop stop, int signo);
  bool only_muted() const;
  bool shares_with_own_process(const Tracee& tracee) const;
  bool waits_for_traps(const Tracee& tracee, bool interrupted) const;
  bool has_another_inside(uint32_t process, pid_t tid) const;
  void let_go(Tracee& tracee, Stop stop, int signo, bool interrupted = false);

  EngineOptions options_;
  ringbuf::RingSet& rings_;
  Progress& progress_;
  unsigned long trace_options_ = 0;
  WaitQueue waits_;
  Recorder recorder_;
  std::unique_ptr<inprocess::InProcess> inprocess_;
  CpuFollower follower_;
  Tracees tracees_;
  std::unordered_set<pid_t> known_before_parent_;  ///< newborns whose parents still have to report them
  uint32_t next_thread_ = 1;
  uint32_t next_process_ = 1;
  pid_t root_pid_ = 0;
  RootStatus root_;
  int undelivered_ = 0;  ///< a signal that was passed on to the command, which has not had it yet
  /// Running programs whose threads are being stopped, to bring the stub in.
  struct Settling {
    std::shared_ptr<AddressSpace> space;
    pid_t pid;
    std::unique_ptr<WaitQueue::Ticking> ticking;
    int ticks = 0;
  };
  std::vector<Settling> settling_;
  std::vector<Delivery> deliveries_;  ///< of each process the first is under way
  bool detaching_ = false;
  std::unique_ptr<WaitQueue::Ticking> detaching_ticks_;  ///< for those that can't stop

  std::atomic<int> detach_wanted_{0};
  std::atomic<int> forward_{0};
};

}  // namespace sightline::tracer
