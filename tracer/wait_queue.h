/// The one door through which wait statuses come.
///
/// Threads: the tracer thread's only, with one exception that is the point of SeizeWatch: its timer's handler runs on
/// the tracer thread, inside a PTRACE_SEIZE that hangs.
#pragma once

#include <signal.h>
#include <sys/types.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cstddef>

namespace sightline::tracer {

struct WaitResult {
  enum class Kind { status, none, no_tracees, interrupted } kind = Kind::none;
  pid_t tid = 0;
  int status = 0;
};

class WaitQueue {
 public:
  WaitQueue();
  ~WaitQueue();
  WaitQueue(const WaitQueue&) = delete;
  WaitQueue& operator=(const WaitQueue&) = delete;

  /// The next status; waits for it if `block`. `interrupted`: a signal handler ran meanwhile.
  WaitResult next(bool block);

  /// Whether next() asks for a moment before it sleeps. It pays where the traced thread runs on another processor: ours
  /// need not be woken from idling then. Where it does not pay, because the thread takes its time between calls, it is
  /// done ever less often.
  void look_before_sleeping(bool on) { looks_first_ = on; }

  /// While it lives, a timer keeps interrupting this thread. Two uses:
  /// - PTRACE_SEIZE waits for the target's exec to finish, and that exec waits for a dead sibling which only we can
  /// reap
  ///   (kernel 6.18, fs/exec.c de_thread, kernel/ptrace.c cred_guard_mutex): the handler reaps, so both go on.
  /// - A signal that arrives just before waitpid(2) sleeps would go unnoticed until the next stop; something is to be
  ///   looked at again in a while. Nothing is reaped for these: who waits for one thread of several must get its
  ///   status.
  class Ticking {
   public:
    enum class Reaps { yes, no };
    explicit Ticking(WaitQueue& queue, Reaps reaps) : queue_(queue), reaps_(reaps) { queue_.start_ticking(reaps); }
    ~Ticking() { queue_.stop_ticking(reaps_); }
    Ticking(const Ticking&) = delete;
    Ticking& operator=(const Ticking&) = delete;

   private:
    WaitQueue& queue_;
    Reaps reaps_;
  };

  /// From a signal handler: makes sure that the wait returns soon, whatever the race. Async-signal-safe.
  void nudge();

 private:
  void start_ticking(Ticking::Reaps reaps);
  void stop_ticking(Ticking::Reaps reaps);
  static void on_tick(int);
  void reap_from_handler();
  bool look_first(WaitResult& result);

  struct Reaped {
    pid_t tid;
    int status;
  };
  timer_t timer_{};
  bool has_timer_ = false;
  std::atomic<int> ticking_{0};
  std::atomic<int> reaping_{0};
  bool looks_first_ = false;
  uint32_t in_vain_ = 0;  // looks in a row that found nothing
  uint32_t skip_ = 0;     // sleeps without a look before the next one
  // Filled by the handler, emptied by next(), both on this thread. When it is full the handler leaves the rest to
  // later.
  std::array<Reaped, 1024> reaped_{};
  std::atomic<std::size_t> reaped_head_{0};
  std::atomic<std::size_t> reaped_tail_{0};
};

}  // namespace sightline::tracer
