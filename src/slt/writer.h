/// Writes a trace file while the trace runs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/model.h"
#include "src/recent.h"
#include "src/slt/call_codec.h"
#include "src/slt/chunk_file.h"
#include "src/slt/definitions.h"
#include "src/slt/events.h"
#include "src/slt/summary.h"

namespace sightline::slt {

/// A sink that keeps everything. Format and guarantees: format.h.
///
/// The file is never left in a state that a Reader cannot read. What an error of the file system (ENOSPC, EIO, EFBIG,
/// EPIPE) keeps from it is counted, never thrown; after the first such error nothing more is written. For the error to
/// come back as a value the program must ignore SIGXFSZ and, should the file be a pipe, SIGPIPE.
///
/// Somebody must call idle() at least every 200 ms while no events come: what is pending is written then.
class Writer : public Sink {
 public:
  struct Options {
    std::size_t chunk_bytes = kChunkBytes;
    uint64_t flush_interval = kFlushInterval;  ///< ns
    int compression = 1;                       ///< zstd's level
    uint64_t (*now)() = nullptr;               ///< CLOCK_MONOTONIC ns; nullptr: the system's
  };

  /// Creates the file (mode 0600) before anything is traced. A file that is there already becomes PATH.old; a device or
  /// pipe is written as it is, but never a terminal. On failure nullptr and one sentence in `error`.
  static std::unique_ptr<Writer> open(const std::string& path, std::string& error, Options options);
  static std::unique_ptr<Writer> open(const std::string& path, std::string& error) { return open(path, error, {}); }

  /// Without trace_ended() before it, what is pending is written and the file stays one that says "incomplete".
  ~Writer() override;

  void trace_started(const TraceStart& start) override;
  void process_started(const Process& process) override;
  void thread_started(const Thread& thread) override;
  void executed(const Thread& thread, int32_t former_tid, uint64_t time) override;
  void call_entered(const Call& call) override;
  void call_finished(const Call& call) override;
  void signal_delivered(const Signal& signal) override;
  void thread_ended(const ThreadEnd& end) override;
  void lost(const Loss& loss) override;
  void trace_ended(const TraceEnd& end) override;
  void idle() override;

  /// Calls that are not in the file.
  uint64_t output_errors() const override { return calls_not_written_; }
  /// Why not, as a sentence; "" if nothing failed. Can be set with output_errors() still 0: then only other events, or
  /// the summary, are missing.
  std::string last_error() const;
  uint64_t bytes_written() const { return file_.size(); }
  const std::string& path() const { return path_; }

 private:
  // A call that has begun: what its open-call record will need if it does not end before the chunk does.
  struct OpenCall {
    bool active = false;
    bool written = false;   // its open-call record is in the file
    uint32_t record = 0;    // records in the chunk when it began
    std::size_t bytes = 0;  // about what its record will take
    uint64_t sequence = 0;
    const Call* call = nullptr;  // as long as its record is not written: see Sink::call_entered
  };
  struct ProcessState {
    uint32_t id = 0;
    uint32_t threads = 0;  // that are known
    uint32_t version = 0;  // of what the file has of it
  };
  struct ThreadState {
    uint32_t id = 0;
    int32_t tid = 0;
    uint32_t version = 0;  // of the name in the file
    ProcessState* process = nullptr;
    std::unique_ptr<OpenCall> open;
  };

  Writer(std::string path, int fd, Options options);
  ProcessState& process_state(const Process& process);
  ThreadState& thread_state(const Thread& thread) {
    ThreadState* const recent = recent_.find(thread.serial);
    return recent != nullptr ? *recent : look_up(thread);
  }
  ThreadState& look_up(const Thread& thread);
  ThreadState& current_names(const Thread& thread);
  CallRecord to_record(const Call& call, uint32_t thread, bool with_end);
  /// Before an event: is the chunk that it would go into full, or too old?
  void make_room(uint64_t time) {
    const bool old = time > opened_ && time - opened_ >= options_.flush_interval;
    // Two records of names may precede the event's own.
    const bool full =
        records_.size() + open_bytes_ >= options_.chunk_bytes || record_count_ + open_count_ + 8 > kMaxRecords;
    if (!has_events_ || old || full) [[unlikely]]
      begin_chunk(time);
  }
  void begin_chunk(uint64_t time);
  void note_time(uint64_t time) {
    if (time < first_time_) first_time_ = time;
    if (time > last_time_) last_time_ = time;
  }
  void forget(const ThreadEnd& end, const ThreadState& thread);
  void put(const Event& event);
  void flush();
  void flush_definitions();
  void append_open_calls();
  void move_open_call(int32_t former_tid, ThreadState& to);

  std::string path_;
  Options options_;
  ChunkWriter file_;
  DefinitionWriter definitions_;
  SummaryCollector summary_;
  std::unordered_map<uint32_t, ProcessState> processes_;  // by serial; that have not ended
  std::unordered_map<uint32_t, ThreadState> threads_;
  Recent<ThreadState> recent_;

  // The chunk that is being filled.
  ByteWriter records_;
  ByteWriter payload_;
  Prediction prediction_;
  uint32_t record_count_ = 0;
  uint32_t call_count_ = 0;
  uint32_t open_count_ = 0;     // open calls that are in no chunk yet, and about …
  std::size_t open_bytes_ = 0;  // … what their records will take
  uint64_t opened_ = 0;         // time of its first event
  uint64_t first_time_ = 0, last_time_ = 0;
  bool has_events_ = false;

  uint64_t calls_not_written_ = 0;
  bool started_ = false;
  bool ended_ = false;
};

}  // namespace sightline::slt
