#include "tests/src/slt/event_log.h"

#include <algorithm>
#include <sstream>

namespace sightline::slt {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c >= ' ' && c <= '~' && c != '"' && c != '\\') {
      out += c;
    } else {
      static constexpr char kHex[] = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      out += {'\\', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out + '"';
}

std::string quoted(std::span<const std::byte> bytes) {
  return quoted(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

void print(std::ostream& out, const Process& p) {
  out << " P" << p.serial << " pid=" << p.pid << " parent=" << p.parent_pid << " ns=" << p.ns_pid
      << " start=" << p.start << " end=" << p.end << " comm=" << quoted(p.comm) << " engine=" << quoted(p.engine)
      << " reason=" << tracer::name_of(p.reason);
}

void print(std::ostream& out, const Thread* t) {
  if (t == nullptr) {
    out << " T-";
    return;
  }
  out << " T" << t->serial << " tid=" << t->tid << " parent=" << t->parent_tid << " ns=" << t->ns_tid
      << " birth=" << static_cast<int>(t->birth) << " start=" << t->start << " end=" << t->end
      << " comm=" << quoted(t->comm);
  print(out, *t->process);
}

void print(std::ostream& out, const symbolizer::Stack* stack) {
  if (stack == nullptr) {
    out << " no stack";
    return;
  }
  out << " stack user=" << stack->user_frame << (stack->truncated ? " truncated" : "") << (stack->lost ? " lost" : "");
  for (const auto& f : stack->frames)
    out << " [" << f.pc << ' ' << quoted(f.module) << '+' << f.module_offset << ' ' << quoted(f.function) << '+'
        << f.function_offset << ' ' << quoted(f.file) << ':' << f.line << ':' << f.column
        << (f.inlined ? " inlined" : "") << (f.guessed ? " guessed" : "") << (f.line_is_near ? " near" : "") << ']';
}

void print(std::ostream& out, const Call& c) {
  out << " #" << c.sequence << ' ' << (c.syscall != nullptr ? c.syscall->name : "?") << " nr=" << c.nr
      << " abi=" << static_cast<int>(c.abi) << " flags=" << c.flags << " finished=" << c.finished
      << " end_kind=" << static_cast<int>(c.end_kind) << " failed=" << c.failed << " start=" << c.start
      << " end=" << c.end << " args";
  for (const uint64_t arg : c.args) out << ' ' << std::hex << arg << std::dec;
  out << " ret=" << c.ret << " ip=" << std::hex << c.ip << std::dec << " entry=" << quoted(c.entry_captures)
      << " exit=" << quoted(c.exit_captures);
  print(out, c.thread);
  print(out, c.stack);
}

}  // namespace

void EventLog::trace_started(const TraceStart& s) {
  std::ostringstream out;
  out << "start " << s.monotonic << ' ' << s.realtime << ' ' << s.boot_id << ' ' << s.tool_version << ' ' << s.hostname
      << ' ' << s.string_limit;
  for (const auto& argument : s.command) out << ' ' << quoted(argument);
  out << " |";
  for (const auto& option : s.options) out << ' ' << quoted(option);
  lines.push_back(out.str());
}

void EventLog::process_started(const Process& process) {
  std::ostringstream out;
  out << "process";
  print(out, process);
  lines.push_back(out.str());
}

void EventLog::thread_started(const Thread& thread) {
  std::ostringstream out;
  out << "thread";
  print(out, &thread);
  lines.push_back(out.str());
}

void EventLog::executed(const Thread& thread, int32_t former_tid, uint64_t time) {
  std::ostringstream out;
  out << "exec " << time << " former=" << former_tid;
  print(out, &thread);
  lines.push_back(out.str());
}

void EventLog::call_entered(const Call& call) {
  std::ostringstream out;
  out << "enter";
  print(out, call);
  lines.push_back(out.str());
}

void EventLog::call_finished(const Call& call) {
  std::ostringstream out;
  out << "finish";
  print(out, call);
  lines.push_back(out.str());
}

void EventLog::signal_delivered(const Signal& signal) {
  std::ostringstream out;
  out << "signal " << signal.time << ' ' << signal.signo << (signal.group_stop ? " stop " : " ")
      << quoted(signal.siginfo);
  print(out, signal.thread);
  lines.push_back(out.str());
}

void EventLog::thread_ended(const ThreadEnd& end) {
  std::ostringstream out;
  out << "end " << end.time << ' ' << static_cast<int>(end.kind) << ' ' << end.status << ' ' << end.core_dumped << ' '
      << end.last_of_process;
  print(out, end.thread);
  lines.push_back(out.str());
}

void EventLog::lost(const Loss& loss) {
  std::ostringstream out;
  out << "loss " << loss.time << ' ' << loss.calls << ' ' << quoted(loss.reason);
  print(out, loss.thread);
  lines.push_back(out.str());
}

void EventLog::trace_ended(const TraceEnd& e) {
  std::ostringstream out;
  out << "trace end " << e.time << ' ' << e.entered << ' ' << e.finished << ' ' << e.unfinished << ' ' << e.dropped
      << ' ' << e.output_errors << ' ' << e.complete;
  for (const auto& note : e.notes)
    out << " [" << quoted(note.path) << ' ' << quoted(note.reason) << ' ' << note.frames << ']';
  lines.push_back(out.str());
}

std::size_t EventLog::first_difference(const EventLog& a, const EventLog& b) {
  const auto [in_a, in_b] = std::mismatch(a.lines.begin(), a.lines.end(), b.lines.begin(), b.lines.end());
  return static_cast<std::size_t>(in_a - a.lines.begin());
}

}  // namespace sightline::slt
