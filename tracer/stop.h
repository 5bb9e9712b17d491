/// A thread that waits in a ptrace stop. Spent once: resuming, listening or detaching consumes it.
///
/// A thread may die at any moment, stopped or not (SIGKILL): every request may find it gone, which is a value here
/// and never an error. Threads: the tracer's only; ptrace(2) requests are bound to the attaching thread.
#pragma once

#include <linux/ptrace.h>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <utility>

namespace sightline::tracer {

/// Whether it stops a process that neither handles nor ignores it.
bool is_stop_signal(int signo);

class Stop {
 public:
  explicit Stop(pid_t tid) : tid_(tid) {}
  Stop(Stop&& other) noexcept : tid_(std::exchange(other.tid_, 0)) {}
  Stop& operator=(Stop&&) = delete;
  /// A stop nobody spent would hang the traced program: let it go on.
  ~Stop();

  pid_t tid() const { return tid_; }

  /// nullopt: the thread is gone.
  std::optional<ptrace_syscall_info> syscall_info() const;
  /// PTRACE_GETEVENTMSG: the new thread's id, the former one, ….
  std::optional<uint64_t> event_message() const;
  /// Copies the siginfo_t of a signal-delivery-stop into 128 bytes. False: gone, or a group stop.
  bool signal_info(void* siginfo) const;

  /// Replaces what signal_info() gives. False: gone.
  bool set_signal_info(const void* siginfo) const;

  /// Runs to the next system call, delivering `signo` (0: none). False: gone.
  bool resume(int signo = 0) &&;
  /// Runs on, past system calls. False: gone.
  bool run_on(int signo = 0) &&;
  /// Leaves a group stop in force, yet hears of its end.
  bool listen() &&;
  /// Gives the stop up unspent: someone else makes a Stop of it.
  void release() && { tid_ = 0; }
  /// Lets the thread go for good, delivering `signo`.
  bool detach(int signo = 0) &&;

 private:
  pid_t tid_;
};

}  // namespace sightline::tracer
