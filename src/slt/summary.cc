// Payloads:
//
//   account          end time, entered, finished, unfinished, dropped, output errors, complete u8, threads, processes
//   process_summary  pid signed, start, end, comm, engine, reason
//   loss_summary     events, calls, reason
//   note             frames, path, reason
#include "src/slt/summary.h"

#include <algorithm>

#include "src/slt/records.h"

namespace sightline::slt {
namespace {

// A summary must fit a chunk, whatever it holds: kMaxListed processes at 160 bytes, kMaxNotes notes and losses at 5 KB.
constexpr std::size_t kMaxName = 64;
constexpr std::size_t kMaxReason = 512;
constexpr std::size_t kMaxPath = 4096;
static_assert(kMaxListed * 160 + kMaxNotes * (kMaxPath + 2 * kMaxReason + 64) < kMaxRaw);

std::string_view cut(std::string_view text, std::size_t size) {
  return text.substr(0, size);
}

}  // namespace

TraceEnd Summary::trace_end() const {
  TraceEnd end;
  end.time = end_time;
  end.entered = entered;
  end.finished = spans;
  end.unfinished = unfinished;
  end.dropped = dropped;
  end.output_errors = output_errors;
  end.complete = complete;
  end.notes = notes;
  return end;
}

void SummaryCollector::process_started(const Process& process) {
  ++summary_.process_count;
  if (summary_.processes.size() >= kMaxListed) return;
  listed_[process.serial] = summary_.processes.size();
  summary_.processes.push_back({process.pid, process.comm, process.engine, process.start, 0, process.reason});
}

void SummaryCollector::thread_started(const Thread&) {
  ++summary_.thread_count;
}

void SummaryCollector::executed(const Thread& thread, int32_t, uint64_t) {
  if (thread.process != nullptr) renamed(*thread.process);
}

void SummaryCollector::renamed(const Process& process) {
  const auto found = listed_.find(process.serial);
  if (found == listed_.end()) return;
  Summary::ProcessInfo& info = summary_.processes[found->second];
  info.comm = process.comm;
  info.engine = process.engine;
  info.reason = process.reason;
}

void SummaryCollector::call_finished(const Call& call) {
  ++(call.finished ? summary_.spans : summary_.unfinished);
}

void SummaryCollector::thread_ended(const ThreadEnd& end) {
  if (!end.last_of_process || end.thread == nullptr || end.thread->process == nullptr) return;
  renamed(*end.thread->process);
  const auto found = listed_.find(end.thread->process->serial);
  if (found != listed_.end()) summary_.processes[found->second].end = end.time;
}

void SummaryCollector::lost(const Loss& loss) {
  auto& losses = summary_.losses;
  auto found =
      std::find_if(losses.begin(), losses.end(), [&](const auto& known) { return known.reason == loss.reason; });
  if (found == losses.end()) {
    if (losses.size() >= kMaxNotes) return;
    found = losses.insert(losses.end(), {std::string(loss.reason), 0, 0});
  }
  ++found->events;
  found->calls += loss.calls;
}

void SummaryCollector::trace_ended(const TraceEnd& end) {
  summary_.complete = end.complete;
  summary_.end_time = end.time;
  summary_.duration = end.time > summary_.start.monotonic ? end.time - summary_.start.monotonic : 0;
  summary_.entered = end.entered;
  summary_.spans = end.finished;
  summary_.unfinished = end.unfinished;
  summary_.dropped = end.dropped;
  summary_.output_errors = end.output_errors;
  summary_.notes = end.notes;
  if (summary_.notes.size() > kMaxNotes) summary_.notes.resize(kMaxNotes);
}

void encode_summary(const Summary& summary, ByteWriter& out) {
  ByteWriter payload;
  payload.varint(summary.end_time);
  payload.varint(summary.entered);
  payload.varint(summary.spans);
  payload.varint(summary.unfinished);
  payload.varint(summary.dropped);
  payload.varint(summary.output_errors);
  payload.u8(summary.complete ? 1 : 0);
  payload.varint(summary.thread_count);
  payload.varint(summary.process_count);
  append_record(out, Record::account, payload);
  for (const auto& process : summary.processes) {
    payload.clear();
    payload.signed_varint(process.pid);
    payload.varint(process.start);
    payload.varint(process.end);
    payload.string(cut(process.comm, kMaxName));
    payload.string(cut(process.engine, kMaxName));
    payload.varint(static_cast<uint64_t>(process.reason));
    append_record(out, Record::process_summary, payload);
  }
  for (const auto& loss : summary.losses) {
    payload.clear();
    payload.varint(loss.events);
    payload.varint(loss.calls);
    payload.string(cut(loss.reason, kMaxReason));
    append_record(out, Record::loss_summary, payload);
  }
  for (const auto& note : summary.notes) {
    payload.clear();
    payload.varint(note.frames);
    payload.string(cut(note.path, kMaxPath));
    payload.string(cut(note.reason, kMaxReason));
    append_record(out, Record::note, payload);
  }
}

bool decode_summary(std::span<const uint8_t> records, Summary& into) {
  ByteReader in(records);
  bool has_account = false;
  while (!in.at_end()) {
    Record type;
    ByteReader payload = next_record(in, type);
    if (!in.ok()) return false;
    if (type == Record::account) {
      has_account = true;
      into.end_time = payload.varint();
      into.entered = payload.varint();
      into.spans = payload.varint();
      into.unfinished = payload.varint();
      into.dropped = payload.varint();
      into.output_errors = payload.varint();
      into.complete = payload.u8() != 0;
      into.thread_count = payload.varint();
      into.process_count = payload.varint();
      into.duration = into.end_time > into.start.monotonic ? into.end_time - into.start.monotonic : 0;
    } else if (type == Record::process_summary && into.processes.size() < kMaxListed) {
      Summary::ProcessInfo process;
      process.pid = payload.i32();
      process.start = payload.varint();
      process.end = payload.varint();
      process.comm = payload.string();
      process.engine = payload.string();
      if (!payload.at_end()) process.reason = tracer::engine_reason(payload.varint());
      into.processes.push_back(std::move(process));
    } else if (type == Record::loss_summary && into.losses.size() < kMaxNotes) {
      Summary::LossInfo loss;
      loss.events = payload.varint();
      loss.calls = payload.varint();
      loss.reason = payload.string();
      into.losses.push_back(std::move(loss));
    } else if (type == Record::note && into.notes.size() < kMaxNotes) {
      symbolizer::ModuleNote note;
      note.frames = payload.varint();
      note.path = payload.string();
      note.reason = payload.string();
      into.notes.push_back(std::move(note));
    }
    if (!payload.ok()) return false;
  }
  return has_account;
}

}  // namespace sightline::slt
