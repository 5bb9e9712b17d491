/// The trace as strace prints it, line by line, with the source behind each call if asked for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "src/decode/decode.h"
#include "src/frame_text.h"
#include "src/model.h"
#include "src/output.h"

namespace sightline {

enum class Clock : uint8_t { none, seconds, microseconds, epoch };  ///< -, -t, -tt, -ttt

struct TextOptions {
  decode::Style style;
  Clock clock = Clock::none;
  bool relative_time = false;        ///< -r: since the line before
  bool durations = false;            ///< -T
  bool instruction_pointer = false;  ///< -i
  bool syscall_number = false;       ///< -n
  bool source = false;               ///< ` ← file:line function`
  bool stacks = false;               ///< -k
  uint32_t column = 40;              ///< -a: where the result starts
  bool always_show_pid = false;      ///< into a file with -f: `1234  ` at each line
  bool pid_in_brackets = true;       ///< on the terminal: `[pid  1234] ` while several threads live
  bool show_attach = true;           ///< `sightline: Process 1234 attached`
  bool show_exit = true;             ///< `+++ exited with 0 +++`
  bool show_signals = true;
  uint64_t signals = ~uint64_t{0};  ///< bit signo-1: which to show
  bool only_successful = false;     ///< -z
  bool only_failed = false;         ///< -Z
  bool color = false;
};

class TextSink : public Sink {
 public:
  /// `out` is not owned.
  TextSink(TextOptions options, Output& out);

  void trace_started(const TraceStart& start) override;
  void thread_started(const Thread& thread) override;
  void executed(const Thread& thread, int32_t former_tid, uint64_t time) override;
  void call_entered(const Call& call) override;
  void call_finished(const Call& call) override;
  void signal_delivered(const Signal& signal) override;
  void thread_ended(const ThreadEnd& end) override;
  void lost(const Loss& loss) override;
  void trace_ended(const TraceEnd& end) override;
  void idle() override;
  uint64_t output_errors() const override { return lines_lost_; }

 private:
  void begin_line(const Thread& thread, uint64_t time);
  void append_time(uint64_t time);
  void append_head(const Call& call);
  void append_no_pointer();
  void append_arguments(std::size_t first, std::size_t last);
  void append_known();
  void append_result(const Call& call);
  void end_line();
  void suspend(std::string_view why = "unfinished");
  bool shown(const Call& call) const;
  bool filters_by_status() const { return options_.only_successful || options_.only_failed; }
  std::string_view dim() const { return options_.color ? "\033[2m" : ""; }
  std::string_view cyan() const { return options_.color ? "\033[36m" : ""; }
  std::string_view red() const { return options_.color ? "\033[31m" : ""; }
  std::string_view plain() const { return options_.color ? "\033[0m" : ""; }

  TextOptions options_;
  Output& out_;
  decode::DecodedCall decoded_;
  std::string line_;
  uint64_t monotonic_ = 0, realtime_ = 0;
  uint64_t last_time_ = 0;
  uint32_t live_threads_ = 0;
  const Call* pending_ = nullptr;  ///< entered last, nothing was shown since
  bool pending_printed_ = false;   ///< its line stands open
  std::size_t pending_column_ = 0;
  std::size_t pending_begun_ = 0;                       ///< bytes shown of the argument that the end completes
  std::unordered_map<int32_t, std::size_t> suspended_;  ///< tids whose call was shown as unfinished, and how many bytes
                                                        ///< of its next argument
  uint64_t lines_lost_ = 0;
  StackTexts texts_;
};

}  // namespace sightline
