/// A sink that writes down everything it is told, so that two tellings of a trace can be compared.
#pragma once

#include <string>
#include <vector>

#include "src/model.h"

namespace sightline::slt {

class EventLog : public Sink {
 public:
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

  std::vector<std::string> lines;

  /// Index of the first line in which the two differ; the shorter one's size if it is a prefix of the other.
  static std::size_t first_difference(const EventLog& a, const EventLog& b);
};

}  // namespace sightline::slt
