// A call's line is written when the call is over, unless something else happens first: then what is known at its entry
// is written as `name(args <unfinished ...>`, and the rest as `<... name resumed>`, as strace does. When nothing
// happens at all for a moment (idle), the known part is shown without a line end: what a program hangs in is visible.
#include "src/text_sink.h"

#include <fmt/format.h>
#include <time.h>

#include <iterator>

#include "src/terminal.h"

namespace sightline {
namespace {

/// Whether the call came to its end, so that what it was to fill in is known.
bool has_exit(const Call& call) {
  return call.end_kind != tracer::CallEnd::killed && call.end_kind != tracer::CallEnd::exited &&
         call.end_kind != tracer::CallEnd::replaced;
}

}  // namespace

TextSink::TextSink(TextOptions options, Output& out)
    : options_(options), out_(out), texts_({.arrow = dim(), .place = cyan(), .plain = plain()}) {}

void TextSink::trace_started(const TraceStart& start) {
  monotonic_ = start.monotonic;
  realtime_ = start.realtime;
}

void TextSink::append_time(uint64_t time) {
  const auto to = std::back_inserter(line_);
  if (options_.clock != Clock::none) {
    const uint64_t wall = realtime_ + (time - monotonic_);
    const auto seconds = static_cast<time_t>(wall / 1'000'000'000);
    const uint64_t micros = wall / 1000 % 1'000'000;
    if (options_.clock == Clock::epoch) {
      fmt::format_to(to, "{}.{:06} ", seconds, micros);
    } else {
      tm local{};
      localtime_r(&seconds, &local);
      fmt::format_to(to, "{:02}:{:02}:{:02}", local.tm_hour, local.tm_min, local.tm_sec);
      if (options_.clock == Clock::microseconds) fmt::format_to(to, ".{:06}", micros);
      line_ += ' ';
    }
  }
  if (options_.relative_time) {
    const uint64_t since = last_time_ == 0 || time < last_time_ ? 0 : time - last_time_;
    fmt::format_to(to, "{:6}.{:06} ", since / 1'000'000'000, since / 1000 % 1'000'000);
    last_time_ = time;
  }
}

void TextSink::begin_line(const Thread& thread, uint64_t time) {
  line_.clear();
  if (options_.always_show_pid)
    fmt::format_to(std::back_inserter(line_), "{:<5} ", thread.tid);
  else if (options_.pid_in_brackets && live_threads_ > 1)
    fmt::format_to(std::back_inserter(line_), "[pid {:5}] ", thread.tid);
  append_time(time);
}

void TextSink::append_head(const Call& call) {
  if (options_.syscall_number) fmt::format_to(std::back_inserter(line_), "[{:4}] ", call.nr);
  if (options_.instruction_pointer) fmt::format_to(std::back_inserter(line_), "[{:016x}] ", call.ip);
  line_ += decoded_.name;
  line_ += '(';
}

/// -i's column where there is no call.
void TextSink::append_no_pointer() {
  if (options_.instruction_pointer) line_ += "[????????????????] ";
}

void TextSink::append_arguments(std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last && i < decoded_.arguments.size(); ++i) {
    if (i != first) line_ += ", ";
    line_ += decoded_.arguments[i].text;
  }
}

/// What is known at the call's entry, of decoded_.
void TextSink::append_known() {
  append_arguments(0, decoded_.known_at_entry);
  if (!decoded_.more_at_exit) return;
  if (decoded_.known_at_entry != 0) line_ += ", ";
  line_ += decoded_.begun;
}

void TextSink::append_result(const Call& call) {
  line_ += ") ";
  const std::size_t at = pending_column_ + columns(line_);
  if (at < options_.column) line_.append(options_.column - at, ' ');
  line_ += "= ";
  if (call.failed && options_.color) {
    line_ += red();
    line_ += decoded_.result;
    line_ += plain();
  } else {
    line_ += decoded_.result;
  }
  if (options_.durations && call.end >= call.start) {
    const uint64_t ns = call.end - call.start;
    fmt::format_to(std::back_inserter(line_), " <{}.{:06}>", ns / 1'000'000'000, ns / 1000 % 1'000'000);
  }
}

void TextSink::end_line() {
  line_ += '\n';
  if (!out_.append(line_)) ++lines_lost_;
  pending_column_ = 0;
}

bool TextSink::shown(const Call& call) const {
  if (options_.only_successful) return call.finished && !call.failed && call.end_kind == tracer::CallEnd::returned;
  if (options_.only_failed) return call.failed;
  return true;
}

void TextSink::suspend(std::string_view why) {
  if (pending_ == nullptr) return;
  const Call& call = *pending_;
  if (!pending_printed_) {
    decode::decode(call, options_.style, decoded_);
    begin_line(*call.thread, call.start);
    append_head(call);
    append_known();
  } else {
    line_.clear();
  }
  fmt::format_to(std::back_inserter(line_), " <{} ...>", why);
  end_line();
  suspended_[call.thread->tid] = pending_printed_ ? pending_begun_ : decoded_.begun.size();
  pending_ = nullptr;
}

void TextSink::idle() {
  if (pending_ != nullptr && !pending_printed_) {
    const Call& call = *pending_;
    decode::decode(call, options_.style, decoded_);
    begin_line(*call.thread, call.start);
    append_head(call);
    append_known();
    out_.append(line_);
    pending_column_ = columns(line_);
    pending_begun_ = decoded_.begun.size();
    pending_printed_ = true;
  }
  out_.flush();
}

void TextSink::thread_started(const Thread& thread) {
  ++live_threads_;
  if (!options_.show_attach || thread.birth == tracer::Birth::spawned) return;
  suspend();
  line_ = fmt::format("sightline: Process {} attached", thread.tid);
  end_line();
}

void TextSink::executed(const Thread& thread, int32_t former_tid, uint64_t time) {
  if (former_tid == thread.tid) return;
  // Its execve goes on as the leader's.
  if (pending_ != nullptr && pending_->thread->tid == former_tid)
    suspend(fmt::format("pid changed to {}", thread.tid));
  else
    suspend();
  if (suspended_.erase(former_tid) != 0) suspended_[thread.tid] = 0;
  if (!options_.show_exit) return;
  begin_line(thread, time);
  fmt::format_to(std::back_inserter(line_), "+++ superseded by execve in pid {} +++", former_tid);
  end_line();
}

void TextSink::call_entered(const Call& call) {
  if (filters_by_status()) return;
  suspend();
  pending_ = &call;
  pending_printed_ = false;
}

void TextSink::call_finished(const Call& call) {
  const bool is_pending = pending_ == &call;
  if (!shown(call)) return;
  if (!is_pending) suspend();
  decode::decode(call, options_.style, decoded_);
  const auto suspended = is_pending ? suspended_.end() : suspended_.find(call.thread->tid);
  const bool resumed = suspended != suspended_.end();
  std::size_t begun = is_pending && pending_printed_ ? pending_begun_ : 0;
  if (resumed) {
    begun = suspended->second;
    suspended_.erase(suspended);
  }
  std::size_t first = 0;
  if (is_pending && pending_printed_) {
    line_.clear();
    first = decoded_.known_at_entry;
  } else if (resumed) {
    begin_line(*call.thread, call.end);
    fmt::format_to(std::back_inserter(line_), "<... {} resumed>", decoded_.name);
    first = decoded_.known_at_entry;
  } else {
    begin_line(*call.thread, call.start);
    append_head(call);
  }
  pending_ = nullptr;
  pending_printed_ = false;
  if (call.finished && has_exit(call)) {
    if (begun != 0 && first < decoded_.arguments.size())
      decoded_.arguments[first].text.erase(0, begun);  // shown already
    append_arguments(first, decoded_.arguments.size());
    append_result(call);
  } else {
    append_arguments(first, decoded_.known_at_entry);
    const bool begun_here = !resumed && first == 0;
    if (begun_here && decoded_.more_at_exit && decoded_.known_at_entry != 0) line_ += ", ";
    if (!call.finished)
      line_ += call.end_kind == tracer::CallEnd::detached ? " <detached ...>" : " <unfinished ...>";
    else if (decoded_.more_at_exit)
      line_ += " <unfinished ...>";
    if (call.finished) append_result(call);
  }
  if (options_.source) line_ += texts_.source(call);
  if (options_.stacks) {
    line_ += '\n';
    line_ += texts_.stack(call);
    line_.pop_back();
  }
  end_line();
}

void TextSink::signal_delivered(const Signal& signal) {
  if (!options_.show_signals || signal.signo < 1 || signal.signo > 64) return;
  if ((options_.signals >> (signal.signo - 1) & 1) == 0) return;
  suspend();
  begin_line(*signal.thread, signal.time);
  append_no_pointer();
  const std::string name = decode::signal_name(signal.signo);
  if (signal.group_stop)
    fmt::format_to(std::back_inserter(line_), "--- stopped by {} ---", name);
  else if (signal.siginfo.empty())
    fmt::format_to(std::back_inserter(line_), "--- {} ---", name);
  else
    fmt::format_to(std::back_inserter(line_), "--- {} {} ---", name, decode::siginfo_text(signal.siginfo));
  end_line();
}

void TextSink::thread_ended(const ThreadEnd& end) {
  if (pending_ != nullptr) suspend();
  suspended_.erase(end.thread->tid);
  // Of a thread that an execve replaced, executed() has told.
  const bool quiet = end.kind == tracer::ThreadEndKind::replaced   ? true
                     : end.kind == tracer::ThreadEndKind::detached ? !options_.show_attach
                                                                   : !options_.show_exit;
  if (!quiet) {
    begin_line(*end.thread, end.time);
    append_no_pointer();
    switch (end.kind) {
      case tracer::ThreadEndKind::exited:
        fmt::format_to(std::back_inserter(line_), "+++ exited with {} +++", end.status);
        break;
      case tracer::ThreadEndKind::signaled:
        fmt::format_to(std::back_inserter(line_), "+++ killed by {}{} +++", decode::signal_name(end.status),
                       end.core_dumped ? " (core dumped)" : "");
        break;
      case tracer::ThreadEndKind::replaced:
        break;
      case tracer::ThreadEndKind::detached:
        line_ = fmt::format("sightline: Process {} detached", end.thread->tid);
        break;
      case tracer::ThreadEndKind::lost:
        line_ += "+++ vanished +++";
        break;
    }
    end_line();
  }
  if (live_threads_ != 0) --live_threads_;
}

void TextSink::lost(const Loss& loss) {
  suspend();
  line_ = loss.calls != 0 ? fmt::format("sightline: {} calls", loss.calls) : "sightline: the end of a call";
  if (loss.thread != nullptr) fmt::format_to(std::back_inserter(line_), " of {}", loss.thread->tid);
  fmt::format_to(std::back_inserter(line_), " lost: {}", loss.reason);
  end_line();
}

void TextSink::trace_ended(const TraceEnd&) {
  suspend();
  out_.flush();
}

}  // namespace sightline
