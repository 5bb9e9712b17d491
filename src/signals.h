/// Which signals reach the tracer, and what becomes of them.
#pragma once

#include "tracer/ptrace_engine.h"

namespace sightline {

class Consumer;

/// While it lives: SIGINT, SIGTERM, SIGHUP and SIGQUIT go to the engine; SIGPIPE and SIGXFSZ turn into write errors.
/// Signals that were ignored when we were started stay ignored, for us and for the command we start. Without a command
/// SIGINT and SIGQUIT, which shells without job control have their background jobs ignore, reach us all the same: who
/// sends one by hand wants us to let go.
class SignalRouting {
 public:
  /// Before the command is spawned, if there is one (`starts_command`).
  explicit SignalRouting(bool starts_command);
  ~SignalRouting();
  SignalRouting(const SignalRouting&) = delete;
  SignalRouting& operator=(const SignalRouting&) = delete;

  /// From here on signals reach the engine, which is in the calling process; those that came earlier reach it now.
  /// nullptr: no longer.
  void route_to(tracer::PtraceEngine* engine);

  /// For KeptWork::orphaned. Async-signal-safe.
  void orphaned();

  /// From here on SIGUSR2 makes the flight recorder write what it has. nullptr: no longer, and it is ignored.
  void dump_from(Consumer* consumer);

  /// SIGCHLD was ignored when we were started: the command should find it so.
  bool sigchld_was_ignored() const { return sigchld_was_ignored_; }

 private:
  bool sigchld_was_ignored_ = false;
};

/// Ends this process by `signo`, without a core file of its own.
[[noreturn]] void die_by_signal(int signo);

}  // namespace sightline
