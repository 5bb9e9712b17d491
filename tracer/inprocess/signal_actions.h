/// What a process does with the signals that the engine's own traps and faults raise. The kernel takes it that a signal
/// which it forces on a thread is neither ignored nor blocked: where it is, the action becomes SIG_DFL
/// (kernel/signal.c, force_sig_info_to_task). So the tracer remembers these actions, and has the kernel told of one
/// again as soon as it has been lost that way.
///
/// Threads: the tracer's. Processes are known by their serial.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <unordered_map>

#include "tracer/inprocess/layout.h"
#include "tracer/inprocess/remote.h"
#include "tracer/proc.h"
#include "tracer/tracee.h"

namespace sightline::tracer::inprocess {

class SignalActions {
 public:
  /// Whether this has, or has had until it was used, a handler.
  static bool may_have_run(const KernelAction& action);

  /// The signals: bit n - 1 is signal n.
  static const uint64_t kRaised;

  /// A new program: of what its process did only what is ignored is left (execve(2)).
  void begin(uint32_t process, const proc::Status& status);
  /// A running program, of which the kernel is asked in the name of a stopped thread. `status` is from before anything
  /// was done to it.
  void begin(uint32_t process, const proc::Status& status, RemoteCalls& remote, pid_t tid);
  void copy(uint32_t child, uint32_t parent);
  /// A thread is gone, with its process if it was the last.
  void forget(const Tracee& tracee, bool last_of_process);
  bool knows(uint32_t process) const { return known_.contains(process); }

  /// The entry and exit stops of an rt_sigaction(2); of any other call nothing happens. At its end, where the kernel
  /// had just lost what the call was to tell of, it is put right.
  void call_begun(const Tracee& tracee);
  void call_ends(const Tracee& tracee, bool failed);
  /// A signal that the process ignores, and that nobody has forced on it. It must not be left to the kernel, which may
  /// have lost that at this very moment, to a trap of another thread's.
  bool ignores(uint32_t process, const siginfo_t& info) const;
  /// A signal is about to be delivered: an action that is for one time only ends.
  void delivered(uint32_t process, int signo);

  /// The engine has raised a signal in a thread that has blocked it, perhaps.
  void raised(uint32_t process, int signo, bool blocked);
  bool has_lost(uint32_t process) const;
  bool has_handler(uint32_t process, int signo) const;
  /// In the name of a stopped thread of the process: the kernel is told what it has lost. Without a `place`, memory of
  /// the process's is mapped for it.
  void put_back(uint32_t process, RemoteCalls& remote, pid_t tid, KernelAction* place);

 private:
  struct Signal {
    bool lost = false;
    KernelAction action{};  ///< handler 0: SIG_DFL
    bool acts() const { return action.handler != 0; }
  };
  struct Call {
    std::optional<KernelAction> sets;
    uint64_t puts = 0;  ///< puts_ when it began
  };
  static constexpr std::size_t kSignals = 6;
  using Signals = std::array<Signal, kSignals>;
  static std::optional<std::size_t> index_of(uint64_t signo);
  static std::optional<std::size_t> index_of(const OpenCall& call);
  Signals* find(uint32_t process);

  std::unordered_map<uint32_t, Signals> known_;  ///< of processes that have, or had, the stub
  std::unordered_map<pid_t, Call> calls_;        ///< of threads that are in one
  uint64_t puts_ = 0;                            ///< how often something was put back
};

}  // namespace sightline::tracer::inprocess
