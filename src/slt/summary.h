/// What a trace amounts to: the last chunk of a file, and what `sightline info` shows.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "src/model.h"
#include "src/slt/bytes.h"

namespace sightline::slt {

struct Summary {
  struct ProcessInfo {
    int32_t pid = 0;
    std::string comm;  ///< its last name
    std::string engine;
    uint64_t start = 0;
    uint64_t end = 0;  ///< 0: it outlived the trace
    tracer::EngineReason reason = tracer::EngineReason::none;
  };
  struct LossInfo {
    std::string reason;
    uint64_t events = 0;  ///< how often calls were lost for this reason …
    uint64_t calls = 0;   ///< … and how many in all
  };

  // From the file's header.
  TraceStart start;
  uint16_t major = 0, minor = 0;
  uint64_t bytes = 0;  ///< size of the file

  // From the account at the end, or from what could be read.
  bool complete = false;  ///< recording came to its end
  std::string problem;    ///< why the file is not whole, one clause; "" if it is
  uint64_t end_time = 0;  ///< CLOCK_MONOTONIC ns
  uint64_t duration = 0;  ///< from the trace's start to its end, ns
  uint64_t entered = 0;   ///< calls begun = spans + unfinished + dropped
  uint64_t spans = 0;     ///< calls whose end is known
  uint64_t unfinished = 0;
  uint64_t dropped = 0;
  uint64_t output_errors = 0;
  uint64_t thread_count = 0;
  uint64_t process_count = 0;
  std::vector<ProcessInfo> processes;         ///< the first kMaxListed in order of appearance
  std::vector<LossInfo> losses;               ///< by reason, at most kMaxNotes
  std::vector<symbolizer::ModuleNote> notes;  ///< at most kMaxNotes

  TraceEnd trace_end() const;
};

/// Sums up a trace that passes by.
class SummaryCollector : public Sink {
 public:
  void trace_started(const TraceStart& start) override { summary_.start = start; }
  void process_started(const Process& process) override;
  void thread_started(const Thread& thread) override;
  void executed(const Thread& thread, int32_t former_tid, uint64_t time) override;
  void call_finished(const Call& call) override;
  void thread_ended(const ThreadEnd& end) override;
  void lost(const Loss& loss) override;
  void trace_ended(const TraceEnd& end) override;

  /// A process has another name or engine, or another reason for that.
  void renamed(const Process& process);
  Summary& summary() { return summary_; }

 private:
  Summary summary_;
  std::unordered_map<uint32_t, std::size_t> listed_;  // serial → index in summary_.processes
};

/// The records of the summary chunk.
void encode_summary(const Summary& summary, ByteWriter& out);
/// Fills in what the chunk says; false if it is damaged.
bool decode_summary(std::span<const uint8_t> records, Summary& into);

}  // namespace sightline::slt
