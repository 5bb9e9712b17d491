/// What a trace consists of once the rings are behind it: threads, calls, signals, losses, and the interface of those
/// who want to see them.
///
/// A Sink gets the same events whether they come live from the consumer or from a trace file, so every output format
/// works on both. Everything runs on one thread; references are valid during the callback only, unless said otherwise.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "tracer/engine_reason.h"
#include "tracer/span.h"
#include "tracer/syscall_table.h"

namespace sightline {

/// A traced process. Identity is `serial`, while it lives also the address of this object: pids are reused.
struct Process {
  uint32_t serial = 0;  ///< 1, 2, … in order of appearance
  int32_t pid = 0;
  int32_t parent_pid = 0;  ///< 0 if unknown
  int32_t ns_pid = 0;      ///< in its own pid namespace
  uint64_t start = 0;      ///< CLOCK_MONOTONIC ns; first sight
  uint64_t end = 0;        ///< 0 while it runs
  std::string comm;        ///< of its leader, as of now
  std::string engine = "ptrace";
  tracer::EngineReason reason = tracer::EngineReason::none;  ///< why not in-process, or why not all of its threads
  uint32_t version = 0;  ///< goes up when comm, engine or reason change: who shows them has less to compare
};

/// A traced thread.
struct Thread {
  uint32_t serial = 0;  ///< 1, 2, …; never reused within a trace
  int32_t tid = 0;
  int32_t parent_tid = 0;
  int32_t ns_tid = 0;
  tracer::Birth birth = tracer::Birth::spawned;
  uint64_t start = 0;
  uint64_t end = 0;
  std::string comm;  ///< as of now
  Process* process = nullptr;
  uint32_t version = 0;  ///< goes up when comm changes
};

/// One system call: the span.
struct Call {
  uint64_t sequence = 0;  ///< 1, 2, … in order of entry over the whole trace
  Thread* thread = nullptr;
  const tracer::Syscall* syscall = nullptr;  ///< nullptr: the table does not know the number
  int32_t nr = 0;
  tracer::Abi abi = tracer::Abi::x86_64;
  uint16_t flags = 0;     ///< tracer::CallFlags
  bool finished = false;  ///< false in call_entered, and where the end was never seen
  tracer::CallEnd end_kind = tracer::CallEnd::returned;
  bool failed = false;  ///< ret is -errno
  uint64_t start = 0;   ///< CLOCK_MONOTONIC ns
  uint64_t end = 0;     ///< when finished
  uint64_t args[6] = {};
  int64_t ret = 0;                            ///< raw
  uint64_t ip = 0;                            ///< behind the syscall instruction
  std::span<const std::byte> entry_captures;  ///< tracer::Capture headers, each with its bytes padded to 8
  std::span<const std::byte> exit_captures;
  symbolizer::StackId stack_id = symbolizer::kNoStack;  ///< unique within the trace; 0: no stack
  const symbolizer::Stack* stack = nullptr;             ///< lives as long as the trace; nullptr: no stack

  /// The user's line, or nullptr.
  const symbolizer::Frame* source() const {
    if (!stack || stack->user_frame < 0 || static_cast<std::size_t>(stack->user_frame) >= stack->frames.size())
      return nullptr;
    return &stack->frames[static_cast<std::size_t>(stack->user_frame)];
  }
};

struct Signal {
  Thread* thread = nullptr;
  uint64_t time = 0;
  int32_t signo = 0;
  bool group_stop = false;             ///< the thread was stopped by it (no siginfo)
  std::span<const std::byte> siginfo;  ///< siginfo_t, or empty
};

struct ThreadEnd {
  Thread* thread = nullptr;
  uint64_t time = 0;
  tracer::ThreadEndKind kind = tracer::ThreadEndKind::exited;
  int32_t status = 0;  ///< exit code or signal number
  bool core_dumped = false;
  bool last_of_process = false;
};

/// Calls of which nothing but their number is known.
struct Loss {
  Thread* thread = nullptr;  ///< nullptr: not of one thread
  uint64_t time = 0;
  uint64_t calls = 0;       ///< 0: only the end of the thread's last call
  std::string_view reason;  ///< one clause, e.g. "ring full"
};

/// What is known before the first event.
struct TraceStart {
  uint64_t monotonic = 0;  ///< CLOCK_MONOTONIC ns …
  uint64_t realtime = 0;   ///< … and CLOCK_REALTIME ns of the same moment
  std::string boot_id;
  std::vector<std::string> command;  ///< of the traced program; empty for -p
  std::vector<std::string> options;  ///< of sightline
  std::string tool_version;
  std::string hostname;
  uint32_t string_limit = 32;
};

/// The account at the end. entered = finished + unfinished + lost must hold.
struct TraceEnd {
  uint64_t time = 0;
  uint64_t entered = 0;                       ///< calls begun (recorded or lost)
  uint64_t finished = 0;                      ///< calls whose end was seen (killed, exited … included)
  uint64_t unfinished = 0;                    ///< open when tracing ended
  uint64_t dropped = 0;                       ///< calls lost
  uint64_t output_errors = 0;                 ///< lines or spans that an output could not write
  bool complete = true;                       ///< false: interrupted trace (reader: no footer)
  std::vector<symbolizer::ModuleNote> notes;  ///< modules without line information
};

/// Who wants to see a trace. Events come in order of time.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual void trace_started(const TraceStart&) {}
  virtual void process_started(const Process&) {}
  virtual void thread_started(const Thread&) {}
  /// The thread's process has executed a new program; comm is the new one. `former_tid` is the caller's old tid.
  virtual void executed(const Thread&, int32_t /*former_tid*/, uint64_t /*time*/) {}
  /// A call begins. The same Call object, at the same address and unchanged until then, comes again in call_finished,
  /// with its end filled in: a sink may keep a pointer to it meanwhile, and its entry_captures stay where they are. Not
  /// so an execve of another thread than the leader: executed() says that it goes on as the leader's, in the leader's
  /// Call.
  virtual void call_entered(const Call&) {}
  /// A call is over (or, with finished == false, the trace is).
  virtual void call_finished(const Call&) {}
  virtual void signal_delivered(const Signal&) {}
  virtual void thread_ended(const ThreadEnd&) {}
  virtual void lost(const Loss&) {}
  virtual void trace_ended(const TraceEnd&) {}
  /// Called when nothing has happened for a moment: show what is held back (an open call's line, a buffer).
  virtual void idle() {}
  /// What could not be written so far, counted in calls; an output that fails goes on counting and never throws.
  virtual uint64_t output_errors() const { return 0; }
};

}  // namespace sightline
