/// Turns what happens to a stopped thread into records in its ring. Formats nothing, resolves nothing.
///
/// Threads: the tracer's.
#pragma once

#include <linux/ptrace.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <vector>

#include "ringbuf/ring_set.h"
#include "tracer/capture.h"
#include "tracer/filter.h"
#include "tracer/memory.h"
#include "tracer/path_access.h"
#include "tracer/proc.h"
#include "tracer/progress.h"
#include "tracer/span.h"
#include "tracer/stack_window.h"
#include "tracer/stop.h"
#include "tracer/tracee.h"

namespace sightline::tracer {

struct RecordOptions {
  Filter filter = Filter::all();
  CaptureLimits limits;
  bool stacks = false;  ///< copy registers and stack bytes at each call
  /// Bytes of stack to copy from a call site the consumer has taught nothing of yet.
  uint32_t unknown_stack = StackWindows::kUnknownSite;
  bool fd_paths = false;  ///< capture what descriptors refer to
  PathSet paths;          ///< unless empty: only calls that access one of them
  bool looks_up_descriptors() const { return fd_paths || !paths.empty(); }
  /// Rings of ended threads that keep their place until younger ones come. For rings that nobody drains as they fill.
  std::size_t rings_of_the_ended = 0;
};

/// Two kinds of records. What happens to threads and processes goes into one ring for all, which waits when it is full:
/// without it nothing else could be understood. Calls and signals go into the ring of their thread, which may be one
/// that gives records up.
class Recorder {
 public:
  Recorder(const RecordOptions& options, ringbuf::RingSet& rings, Progress& progress);

  /// Gives the thread its ring and reports it.
  void thread_start(Tracee& tracee, Birth birth, const Tracee* parent, pid_t parent_pid, bool shares_memory);
  void thread_end(Tracee& tracee, ThreadEndKind kind, int status, bool core_dumped, bool last_of_process);
  void enter(Tracee& tracee, const ptrace_syscall_info& info);
  /// `result`: op is exit. Also follows what the call did to the executable mappings.
  void exit(Tracee& tracee, int64_t ret, bool is_error);
  /// The open call ends without an answer.
  void abandon(Tracee& tracee, CallEnd end);
  /// `siginfo`: 128 bytes, or nullptr where it can't be had.
  void signal(Tracee& tracee, int signo, const void* siginfo);
  void group_stop(Tracee& tracee, int signo);
  /// `former`: the thread that called execve, if it is another one.
  void exec(Tracee& tracee, pid_t former_tid);
  /// The process's threads record their calls themselves from here on, or do not; with a reason, some of them do not.
  void engine(Tracee& tracee, bool inprocess, EngineReason reason = EngineReason::none);
  /// The executable mappings, if they have changed since they were last reported: for threads that record their calls
  /// themselves, and would go on without.
  void report_new_maps(Tracee& tracee) {
    if (options_.stacks && tracee.space->maps_changed) report_maps(tracee);
  }
  /// The same where they have just been read.
  void report_new_maps(Tracee& tracee, std::span<const proc::Map> maps) {
    if (options_.stacks && tracee.space->maps_changed) report_maps(tracee, maps);
  }
  /// The time of the last record, and the least that the next one may have.
  uint64_t last_time() const { return last_time_; }
  void not_before(uint64_t time) { last_time_ = time > last_time_ ? time : last_time_; }
  /// The thread was found inside a call when the tracer attached; nothing to do but remember where.
  void forget_call(Tracee& tracee) { tracee.call = {}; }

 private:
  RecordPrefix prefix(const Tracee& tracee);
  uint64_t now();
  std::byte* reserve(ringbuf::RecordRing* ring, uint32_t bytes);
  void commit(ringbuf::RecordRing* ring, RecordType type, uint32_t bytes, uint64_t time);
  template <class Record>
  void write(ringbuf::RecordRing* ring, RecordType type, const Record& record);
  void retire(Tracee& tracee);
  ringbuf::RecordRing* ring_in_stop(const Tracee& tracee) const;
  bool is_wanted(Tracee& tracee);
  CaptureResult run_captures(Tracee& tracee, Phase phase, int64_t ret, bool failed);
  void report_maps(Tracee& tracee);
  void report_maps(Tracee& tracee, std::span<const proc::Map> maps);
  void follow_maps(Tracee& tracee, int64_t ret);

  RecordOptions options_;
  ringbuf::RingSet& rings_;
  Progress& progress_;
  ProcessMemory memory_;
  std::unique_ptr<std::byte[]> scratch_memory_;  // written as far as it is used: most captures are small
  std::span<std::byte> scratch_;
  ringbuf::RingSet::Producer lifecycle_;
  std::deque<ringbuf::RingSet::Producer> ended_;
  uint64_t last_time_ = 0;
};

}  // namespace sightline::tracer
