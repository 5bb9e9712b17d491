/// The consumer: takes records out of all rings, puts them in order of time, joins entries and exits into calls,
/// resolves their stacks, and tells a Sink.
///
/// It runs on a thread of its own and is the only one to touch the symbolizer and the sink. What it reads from a ring
/// may have been written by the traced program (shared memory): every length and serial is checked; what can't be true
/// is counted and skipped.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <thread>
#include <vector>

#include "ringbuf/ring_set.h"
#include "src/call_stacks.h"
#include "src/fallbacks.h"
#include "src/living.h"
#include "src/model.h"
#include "symbolizer/symbolizer.h"
#include "tracer/recorder.h"

namespace sightline {

struct ConsumerOptions {
  bool resolve_stacks = false;
  symbolizer::Depth depth = symbolizer::Depth::user_line;
  /// What the threads' rings do when they are full. Only where they wait is a missing record a sign of damage.
  ringbuf::OnFull on_full = ringbuf::OnFull::block;
  /// A flight recorder: the rings are left alone until dump() is called, a traced program is killed by a signal, or
  /// tracing ends. What has been overwritten by then is counted as lost.
  bool keep_until_dumped = false;
  /// Why all is recorded by ptrace, if something else was wanted.
  tracer::EngineReason engine_reason = tracer::EngineReason::none;
  /// What is known of a process is kept when it ends: for who wants to list them, and has the memory.
  bool remember_processes = false;
};

class Consumer {
 public:
  Consumer(ConsumerOptions options, ringbuf::RingSet& rings, tracer::Progress& progress,
           symbolizer::Symbolizer& symbolizer, Sink& sink);
  ~Consumer();

  /// Starts the thread. The sink has had trace_started() already.
  void start();
  /// No record will be written any more: drains the rings, closes what is open, tells the sink the end, and returns
  /// when all that is done. `complete`: false if tracing was broken off.
  void finish();

  /// Flight recorder: what the rings hold goes to the sink now. Any thread, also in a signal handler.
  void dump();

  /// The account; after finish().
  const TraceEnd& account() const { return end_; }
  /// Who could not be in-process, by reason; after finish(). A process counts once for a reason, whatever it executes.
  const std::vector<Fallback>& fallbacks() const { return fallbacks_.all(); }
  /// All processes there were (without ConsumerOptions::remember_processes: that outlive the trace), as they were last,
  /// in order of appearance; after finish().
  std::vector<const Process*> processes() const;

 private:
  /// A record about threads or processes that waits for the calls it belongs to.
  struct Kept {
    uint64_t time = 0;
    uint16_t type = 0;
    std::vector<std::byte> payload;
  };
  /// A ring that holds records which may be taken, and the oldest of them.
  struct Source {
    ringbuf::RecordRing* ring;
    ringbuf::RecordView view;
    uint64_t time;
  };
  void loop();
  bool drain_once(uint64_t horizon);
  bool drain(Source& source, uint64_t until);
  void take(uint16_t type, std::span<const std::byte> payload);
  void take_kept();
  bool keep(uint64_t horizon);
  bool idle(uint64_t horizon, uint64_t nap);
  void end();

  void on_call_enter(std::span<const std::byte> payload);
  void on_call_exit(std::span<const std::byte> payload);
  void on_signal(std::span<const std::byte> payload, bool group_stop);
  void on_thread_start(std::span<const std::byte> payload);
  void on_thread_end(std::span<const std::byte> payload);
  void on_exec(std::span<const std::byte> payload);
  void on_engine(std::span<const std::byte> payload);
  void on_mappings(std::span<const std::byte> payload);

  ThreadState* thread(const tracer::RecordPrefix& prefix);
  void start_process(ThreadState& state, const tracer::ThreadStart& record, const ProcessState* parent);
  /// Tells of calls that were lost before the thread's call `number`, and of `end_lost`, the end of the one before it.
  void notice_gap(ThreadState& state, uint64_t number, uint64_t time, bool end_lost);
  /// Tells of the thread's open call as of one whose end is not known; false if it has none.
  bool cut_short(ThreadState& state);
  void learn_name(ThreadState& state, const Call& call);
  void reject() { ++rejected_; }

  ConsumerOptions options_;
  ringbuf::RingSet& rings_;
  tracer::Progress& progress_;
  CallStacks stacks_;
  Sink& sink_;
  std::thread worker_;
  std::atomic<bool> closing_{false};
  std::atomic<bool> dump_wanted_{false};
  std::deque<Kept> kept_;
  std::vector<Source> sources_;  ///< of the round in progress, kept for its memory

  Living living_;
  std::vector<Process> ended_;  ///< if they are to be remembered
  uint64_t sequence_ = 0;
  uint64_t rejected_ = 0;
  uint64_t told_lost_ = 0;  ///< calls
  uint64_t last_time_ = 0;
  TraceEnd end_;
  Fallbacks fallbacks_;
};

}  // namespace sightline
