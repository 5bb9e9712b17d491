#include "src/export/jsonl.h"

#include <algorithm>

#include "src/export/call_words.h"
#include "src/export/json.h"

namespace sightline::exporting {
namespace {

std::string_view birth_name(tracer::Birth birth) {
  switch (birth) {
    case tracer::Birth::spawned:
      return "spawned";
    case tracer::Birth::attached:
      return "attached";
    case tracer::Birth::forked:
      return "forked";
    case tracer::Birth::vforked:
      return "vforked";
    case tracer::Birth::cloned:
      return "cloned";
    case tracer::Birth::thread:
      return "thread";
  }
  return "";
}

std::string_view end_kind_name(tracer::ThreadEndKind kind) {
  switch (kind) {
    case tracer::ThreadEndKind::exited:
      return "exited";
    case tracer::ThreadEndKind::signaled:
      return "signaled";
    case tracer::ThreadEndKind::detached:
      return "detached";
    case tracer::ThreadEndKind::replaced:
      return "replaced";
    case tracer::ThreadEndKind::lost:
      return "lost";
  }
  return "";
}

// Registers are 64 bits wide; what the call looks at may not be.
void raw_value(JsonWriter& json, const Call& call, const decode::Argument& argument) {
  const tracer::Argument* known = nullptr;
  if (call.syscall != nullptr)
    for (const tracer::Argument& candidate : call.syscall->arguments)
      if (candidate.name == argument.name) known = &candidate;
  if (known == nullptr) return json.hex(argument.raw);
  const bool long_is_32 = call.abi == tracer::Abi::i386;
  const auto low = static_cast<uint32_t>(argument.raw);
  switch (tracer::arg_base(known->type)) {
    case tracer::ArgBase::signed32:
    case tracer::ArgBase::fd:
      return json.number(static_cast<int32_t>(low));
    case tracer::ArgBase::unsigned32:
    case tracer::ArgBase::hex32:
    case tracer::ArgBase::octal:
      return json.number(low);
    case tracer::ArgBase::signed64:
      return json.number(long_is_32 ? static_cast<int64_t>(static_cast<int32_t>(low))
                                    : static_cast<int64_t>(argument.raw));
    case tracer::ArgBase::unsigned64:
      return json.number(long_is_32 ? low : argument.raw);
    case tracer::ArgBase::hex64:
    case tracer::ArgBase::pointer:
      return json.hex(long_is_32 ? low : argument.raw);
  }
  json.hex(argument.raw);
}

class JsonLines : public Sink {
 public:
  JsonLines(Output& output, const decode::Style& style) : output_(output), style_(style), json_(row_) {}

  void trace_started(const TraceStart& start) override {
    style_.string_limit = std::max(style_.string_limit, start.string_limit);
    begin("meta");
    json_.member("format", "sightline-jsonl");
    json_.member("version", 1);
    json_.member("monotonic", start.monotonic);
    json_.member("realtime", start.realtime);
    json_.member("boot_id", start.boot_id);
    texts("command", start.command);
    texts("options", start.options);
    json_.member("tool_version", start.tool_version);
    json_.member("hostname", start.hostname);
    json_.member("string_limit", start.string_limit);
    end();
  }

  void process_started(const Process& process) override {
    begin("process");
    json_.member("time", process.start);
    json_.member("process", process.serial);
    json_.member("pid", process.pid);
    json_.member("parent_pid", process.parent_pid);
    json_.member("ns_pid", process.ns_pid);
    json_.bytes_member("comm", process.comm);
    json_.member("engine", process.engine);
    end();
  }

  void thread_started(const Thread& thread) override {
    begin("thread");
    json_.member("time", thread.start);
    who(&thread);
    json_.member("parent_tid", thread.parent_tid);
    json_.member("ns_tid", thread.ns_tid);
    json_.member("birth", birth_name(thread.birth));
    end();
  }

  void executed(const Thread& thread, int32_t former_tid, uint64_t time) override {
    begin("exec");
    json_.member("time", time);
    who(&thread);
    json_.member("former_tid", former_tid);
    end();
  }

  void call_finished(const Call& call) override {
    decode::decode(call, style_, decoded_);
    begin("call");
    json_.member("seq", call.sequence);
    who(call.thread);
    json_.member("nr", call.nr);
    json_.member("abi", abi_name(call.abi));
    json_.member("name", decoded_.name);
    json_.member("start", call.start);
    if (call.finished)
      json_.member("dur", std::max(call.end, call.start) - call.start);
    else
      json_.null_member("dur");
    json_.key("args");
    json_.begin_array();
    for (const decode::Argument& argument : decoded_.arguments) {
      json_.begin_object();
      json_.member("name", argument.name);
      json_.key("raw");
      raw_value(json_, call, argument);
      json_.bytes_member("text", argument.text);
      json_.end_object();
    }
    json_.end_array();
    const bool has_value =
        call.finished && (call.end_kind == tracer::CallEnd::returned || call.end_kind == tracer::CallEnd::restart);
    if (has_value)
      json_.member("ret", call.ret);
    else
      json_.null_member("ret");
    json_.text_or_null("error", error_name(call));
    json_.text_or_null("result", decoded_.result);
    json_.member("end", end_name(call));
    place(call.source());
    json_.key("stack");
    json_.begin_array();
    if (call.stack != nullptr)
      for (const symbolizer::Frame& frame : call.stack->frames) {
        json_.begin_object();
        json_.bytes_member("module", frame.module);
        json_.key("offset");
        json_.hex(frame.module_offset);
        place(&frame);
        json_.flag("inlined", frame.inlined);
        json_.end_object();
      }
    json_.end_array();
    json_.flag("stack_cut", call.stack != nullptr && call.stack->truncated);
    end(1);
  }

  void signal_delivered(const Signal& signal) override {
    begin("signal");
    json_.member("time", signal.time);
    who(signal.thread);
    json_.member("signo", signal.signo);
    json_.member("name", decode::signal_name(signal.signo));
    json_.flag("group_stop", signal.group_stop);
    json_.text_or_null("info", signal.siginfo.empty() ? std::string() : decode::siginfo_text(signal.siginfo));
    end();
  }

  void thread_ended(const ThreadEnd& ended) override {
    begin("exit");
    json_.member("time", ended.time);
    who(ended.thread);
    json_.member("kind", end_kind_name(ended.kind));
    json_.member("status", ended.status);
    json_.text_or_null(
        "signal", ended.kind == tracer::ThreadEndKind::signaled ? decode::signal_name(ended.status) : std::string());
    json_.flag("core_dumped", ended.core_dumped);
    json_.flag("last_of_process", ended.last_of_process);
    end();
  }

  void lost(const Loss& loss) override {
    begin("loss");
    json_.member("time", loss.time);
    who(loss.thread);
    json_.member("calls", loss.calls);
    json_.member("reason", loss.reason);
    end();
  }

  void trace_ended(const TraceEnd& ended) override {
    begin("end");
    json_.member("time", ended.time);
    json_.member("entered", ended.entered);
    json_.member("finished", ended.finished);
    json_.member("unfinished", ended.unfinished);
    json_.member("dropped", ended.dropped);
    json_.flag("complete", ended.complete);
    json_.key("modules_without_lines");
    json_.begin_array();
    for (const symbolizer::ModuleNote& note : ended.notes) {
      json_.begin_object();
      json_.bytes_member("path", note.path);
      json_.member("reason", note.reason);
      json_.member("frames", note.frames);
      json_.end_object();
    }
    json_.end_array();
    end();
    output_.flush();
  }

  void idle() override { output_.flush(); }
  uint64_t output_errors() const override { return output_.calls_lost(); }

 private:
  void begin(std::string_view type) {
    row_.clear();
    json_.restart();
    json_.begin_object();
    json_.member("type", type);
  }

  void end(uint32_t calls = 0) {
    json_.end_object();
    row_ += '\n';
    output_.append(row_, calls);
  }

  // Rows about a thread name it in the same words; a loss may be nobody's.
  void who(const Thread* thread) {
    if (thread == nullptr) {
      for (const std::string_view name : {"pid", "tid", "thread", "comm"}) json_.null_member(name);
      return;
    }
    json_.member("pid", thread->process->pid);
    json_.member("tid", thread->tid);
    json_.member("thread", thread->serial);
    json_.bytes_member("comm", thread->comm);
  }

  void place(const symbolizer::Frame* frame) {
    if (frame == nullptr || frame->file.empty()) {
      json_.null_member("file");
      json_.null_member("line");
    } else {
      json_.bytes_member("file", frame->file);
      json_.member("line", frame->line);
    }
    if (frame == nullptr || frame->function.empty())
      json_.null_member("function");
    else
      json_.bytes_member("function", frame->function);
  }

  void texts(std::string_view name, const std::vector<std::string>& all) {
    json_.key(name);
    json_.begin_array();
    for (const std::string& text : all) json_.string(text);
    json_.end_array();
  }

  Output& output_;
  decode::Style style_;
  std::string row_;
  JsonWriter json_;
  decode::DecodedCall decoded_;
};

}  // namespace

std::unique_ptr<Sink> make_jsonl(Output& output, const decode::Style& style) {
  return std::make_unique<JsonLines>(output, style);
}

}  // namespace sightline::exporting
