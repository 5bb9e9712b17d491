#include "src/export/chrome.h"

#include <algorithm>

#include "src/export/call_words.h"
#include "src/export/json.h"

namespace sightline::exporting {
namespace {

class Chrome : public Sink {
 public:
  Chrome(Output& output, const decode::Style& style) : output_(output), style_(style), json_(event_) {}

  void trace_started(const TraceStart& start) override {
    style_.string_limit = std::max(style_.string_limit, start.string_limit);
    origin_ = latest_ = start.monotonic;
    json_.begin_object();
    json_.member("displayTimeUnit", "ns");
    json_.key("otherData");
    json_.begin_object();
    json_.member("tool", "sightline " + start.tool_version);
    std::string command;
    for (const std::string& word : start.command) command += (command.empty() ? "" : " ") + word;
    json_.member("command", command);
    json_.member("hostname", start.hostname);
    json_.member("start_realtime_ns", std::to_string(start.realtime));
    json_.end_object();
    json_.key("traceEvents");
    json_.begin_array();
    output_.append(event_);
  }

  void process_started(const Process& process) override { name("process_name", process, process.pid, process.comm); }

  void thread_started(const Thread& thread) override { name("thread_name", *thread.process, thread.tid, thread.comm); }

  void executed(const Thread& thread, int32_t, uint64_t time) override {
    name("process_name", *thread.process, thread.tid, thread.process->comm);
    name("thread_name", *thread.process, thread.tid, thread.comm);
    begin_instant("exec " + thread.comm, "exec", &thread, time);
    end_event();
  }

  void call_entered(const Call& call) override { see(call.start); }

  void call_finished(const Call& call) override {
    see(call.start);
    if (call.finished) see(call.end);
    decode::decode(call, style_, decoded_);
    class_names(call, classes_);
    std::string categories = "syscall";
    for (const std::string_view name : classes_) (categories += ',') += name;
    const uint64_t end = call.finished ? call.end : latest_;
    begin_event("X", decoded_.name, categories, call.thread, call.start);
    json_.key("dur");
    json_.microseconds(static_cast<int64_t>(std::max(end, call.start) - call.start));
    json_.key("args");
    json_.begin_object();
    for (const decode::Argument& argument : decoded_.arguments) json_.member(argument.name, argument.text);
    if (call.finished)
      json_.member("return", decoded_.result);  // a C keyword: no argument has that name
    else
      json_.flag("unfinished", true);
    if (const std::string error = error_name(call); !error.empty()) json_.member("error", error);
    if (const symbolizer::Frame* frame = call.source(); frame != nullptr) {
      if (const std::string line = source_line(call); !line.empty()) json_.member("src", line);
      if (!frame->function.empty()) json_.member("function", frame->function);
    }
    json_.member("seq", call.sequence);
    json_.end_object();
    end_event(1);
  }

  void signal_delivered(const Signal& signal) override {
    begin_instant(signal_title(signal), "signal", signal.thread, signal.time);
    json_.key("args");
    json_.begin_object();
    if (!signal.siginfo.empty()) json_.member("info", decode::siginfo_text(signal.siginfo));
    json_.end_object();
    end_event();
  }

  void thread_ended(const ThreadEnd& end) override {
    begin_instant(end_title(end), "exit", end.thread, end.time);
    end_event();
  }

  void lost(const Loss& loss) override {
    begin_instant(loss.calls != 0 ? std::to_string(loss.calls) + " calls lost" : "end of a call lost", "loss",
                  loss.thread, loss.time);
    json_.key("args");
    json_.begin_object();
    json_.member("calls", loss.calls);
    json_.member("reason", loss.reason);
    json_.end_object();
    end_event();
  }

  void trace_ended(const TraceEnd& end) override {
    see(end.time);
    event_ = "\n],\"sightline\":";
    json_.restart();
    json_.begin_object();
    json_.flag("complete", end.complete);
    json_.member("finished", end.finished);
    json_.member("unfinished", end.unfinished);
    json_.member("dropped", end.dropped);
    json_.end_object();
    event_ += "}\n";
    output_.append(event_);
    output_.flush();
  }

  uint64_t output_errors() const override { return output_.calls_lost(); }

 private:
  void see(uint64_t time) { latest_ = std::max(latest_, time); }

  void begin_event(std::string_view phase, std::string_view title, std::string_view category, const Thread* thread,
                   uint64_t time) {
    see(time);
    event_ = first_ ? "\n" : ",\n";
    first_ = false;
    json_.restart();
    json_.begin_object();
    json_.member("ph", phase);
    json_.member("name", title);
    json_.member("cat", category);
    json_.member("pid", thread == nullptr ? 0 : thread->process->pid);
    json_.member("tid", thread == nullptr ? 0 : thread->tid);
    json_.key("ts");
    json_.microseconds(static_cast<int64_t>(time - origin_));
  }

  // "s": whose height the mark has: its thread's, or (of no thread) the whole trace's.
  void begin_instant(std::string_view title, std::string_view category, const Thread* thread, uint64_t time) {
    begin_event("i", title, category, thread, time);
    json_.member("s", thread == nullptr ? "g" : "t");
  }

  void end_event(uint32_t calls = 0) {
    json_.end_object();
    output_.append(event_, calls);
  }

  void name(std::string_view what, const Process& process, int32_t tid, std::string_view text) {
    event_ = first_ ? "\n" : ",\n";
    first_ = false;
    json_.restart();
    json_.begin_object();
    json_.member("ph", "M");
    json_.member("name", what);
    json_.member("pid", process.pid);
    json_.member("tid", tid);
    json_.key("args");
    json_.begin_object();
    json_.member("name", text);
    json_.end_object();
    end_event();
  }

  Output& output_;
  decode::Style style_;
  std::string event_;
  JsonWriter json_;
  decode::DecodedCall decoded_;
  std::vector<std::string_view> classes_;
  uint64_t origin_ = 0, latest_ = 0;
  bool first_ = true;
};

}  // namespace

std::unique_ptr<Sink> make_chrome(Output& output, const decode::Style& style) {
  return std::make_unique<Chrome>(output, style);
}

}  // namespace sightline::exporting
