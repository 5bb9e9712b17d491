#include "src/slt/writer.h"

#include <algorithm>
#include <cstring>

#include "ringbuf/model.h"
#include "src/slt/crc32c.h"
#include "src/slt/create_file.h"
#include "src/slt/records.h"

namespace sightline::slt {
namespace {

// What a call's record takes besides its captures, at most.
constexpr std::size_t kCallBytes = 160;

void header_field(ByteWriter& out, HeaderField field, std::string_view bytes) {
  out.u8(static_cast<uint8_t>(field));
  out.string(bytes);
}

void header_field(ByteWriter& out, HeaderField field, uint64_t number) {
  ByteWriter bytes;
  bytes.varint(number);
  header_field(out, field, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

}  // namespace

std::unique_ptr<Writer> Writer::open(const std::string& path, std::string& error, Options options) {
  const int fd = create_file(path, error);
  if (fd < 0) return nullptr;
  return std::unique_ptr<Writer>(new Writer(path, fd, options));
}

Writer::Writer(std::string path, int fd, Options options)
    : path_(std::move(path)), options_(options), file_(fd, options.compression) {
  if (options_.now == nullptr) options_.now = ringbuf::StandardModel::now;
  options_.chunk_bytes = std::min(options_.chunk_bytes, kChunkBytes);
}

Writer::~Writer() {
  if (started_ && !ended_) flush();
}

std::string Writer::last_error() const {
  if (file_.error() == 0) return {};
  return "cannot write '" + path_ + "': " + std::strerror(file_.error());
}

void Writer::trace_started(const TraceStart& start) {
  started_ = true;
  summary_.trace_started(start);
  ByteWriter body;
  header_field(body, HeaderField::monotonic, start.monotonic);
  header_field(body, HeaderField::realtime, start.realtime);
  header_field(body, HeaderField::boot_id, start.boot_id);
  for (const auto& argument : start.command) header_field(body, HeaderField::command, argument);
  for (const auto& option : start.options) header_field(body, HeaderField::option, option);
  header_field(body, HeaderField::tool_version, start.tool_version);
  header_field(body, HeaderField::hostname, start.hostname);
  header_field(body, HeaderField::string_limit, start.string_limit);

  FileHeader header;
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.major = kMajor;
  header.minor = kMinor;
  header.machine = kMachine;
  header.body_bytes = static_cast<uint32_t>(body.size());
  header.crc = crc32c(body.data(), body.size(), crc32c(&header, offsetof(FileHeader, crc)));
  ByteWriter both;
  both.bytes(&header, sizeof header);
  both.bytes(body.data(), body.size());
  file_.write(both.data(), both.size());
}

void Writer::process_started(const Process& process) {
  summary_.process_started(process);
  if (file_.error() != 0) return;
  make_room(process.start);
  process_state(process);
}

void Writer::thread_started(const Thread& thread) {
  summary_.thread_started(thread);
  if (file_.error() != 0 || thread.process == nullptr) return;
  make_room(thread.start);
  current_names(thread);
}

// The first mention of a process defines it and tells of its start.
Writer::ProcessState& Writer::process_state(const Process& process) {
  ProcessState& state = processes_[process.serial];
  if (state.id != 0) return state;
  state.id = definitions_.process(process);
  state.version = process.version;
  Event event;
  event.type = Record::process_start;
  event.id = state.id;
  put(event);
  return state;
}

Writer::ThreadState& Writer::look_up(const Thread& thread) {
  ThreadState& state = threads_[thread.serial];
  recent_.add(thread.serial, state);
  if (state.id != 0) return state;
  state.process = &process_state(*thread.process);
  ++state.process->threads;
  state.id = definitions_.thread(thread, state.process->id);
  state.tid = thread.tid;
  state.version = thread.version;
  Event event;
  event.type = Record::thread_start;
  event.id = state.id;
  put(event);
  return state;
}

// Tells of names that have changed since they were written.
Writer::ThreadState& Writer::current_names(const Thread& thread) {
  ThreadState& state = thread_state(thread);
  const Process& process = *thread.process;
  if (state.version == thread.version && state.process->version == process.version) [[likely]]
    return state;
  Event event;
  if (state.version != thread.version) {
    state.version = thread.version;
    event.type = Record::thread_name;
    event.id = state.id;
    event.text = thread.comm;
    put(event);
  }
  if (state.process->version != process.version) {
    state.process->version = process.version;
    summary_.renamed(process);
    event.type = Record::process_name;
    event.id = state.process->id;
    event.text = process.comm;
    event.engine = process.engine;
    event.reason = process.reason;
    put(event);
  }
  return state;
}

void Writer::executed(const Thread& thread, int32_t former_tid, uint64_t time) {
  summary_.executed(thread, former_tid, time);
  if (file_.error() != 0 || thread.process == nullptr) return;
  make_room(time);
  ThreadState& state = current_names(thread);
  if (former_tid != thread.tid && former_tid != 0) {
    move_open_call(former_tid, state);
    make_room(time);
  }
  state.tid = thread.tid;
  Event event;
  event.type = Record::exec;
  event.id = state.id;
  event.time = time;
  event.number = thread.tid;
  event.other = former_tid;
  put(event);
}

// An execve() that another thread than the leader began ends as the leader's (execve(2)). One record can't say that:
// its beginning goes out as an open call of the thread that it was.
void Writer::move_open_call(int32_t former_tid, ThreadState& to) {
  const auto from = std::find_if(threads_.begin(), threads_.end(), [&](const auto& entry) {
    return entry.second.tid == former_tid && entry.second.open && entry.second.open->active;
  });
  if (from == threads_.end() || &from->second == &to) return;
  flush();
  std::swap(from->second.open, to.open);
}

CallRecord Writer::to_record(const Call& call, uint32_t thread, bool with_end) {
  // What the table knows to be no argument is what happened to be in the register.
  const std::size_t count = call.syscall == nullptr ? 6 : call.syscall->arguments.size();
  const auto argument = [&](std::size_t i) { return i < count ? call.args[i] : 0; };
  return {.thread = thread,
          .stack = definitions_.stack(call.stack_id, call.stack),
          .sequence = call.sequence,
          .nr = call.nr,
          .flags = call.flags,
          .abi = call.abi,
          .end_kind = with_end ? call.end_kind : tracer::CallEnd::returned,
          .finished = with_end,
          .failed = with_end && call.failed,
          .start = call.start,
          .end = with_end ? call.end : 0,
          .args = {argument(0), argument(1), argument(2), argument(3), argument(4), argument(5)},
          .ret = with_end ? call.ret : 0,
          .ip = call.ip,
          .entry_captures = call.entry_captures,
          .exit_captures = {}};
}

void Writer::call_entered(const Call& call) {
  if (file_.error() != 0 || call.thread == nullptr || call.thread->process == nullptr) return;
  make_room(call.start);
  ThreadState& thread = current_names(*call.thread);
  note_time(call.start);
  if (!thread.open) thread.open = std::make_unique<OpenCall>();
  OpenCall& open = *thread.open;
  if (open.active && !open.written) {
    --open_count_;
    open_bytes_ -= open.bytes;
  }
  open.active = true;
  open.written = false;
  open.record = record_count_;
  // Most calls end before their chunk does, and no record is ever made of their beginning.
  open.sequence = call.sequence;
  open.call = &call;
  open.bytes = kCallBytes + std::min(call.entry_captures.size(), kMaxCaptures);
  ++open_count_;
  open_bytes_ += open.bytes;
}

void Writer::call_finished(const Call& call) {
  summary_.call_finished(call);
  if (file_.error() != 0 || call.thread == nullptr || call.thread->process == nullptr) {
    ++calls_not_written_;
    return;
  }
  make_room(call.finished ? call.end : call.start);
  if (file_.error() != 0) {
    ++calls_not_written_;
    return;
  }
  ThreadState& thread = current_names(*call.thread);
  CallRecord record = to_record(call, thread.id, call.finished);
  record.exit_captures = call.exit_captures;
  if (OpenCall* open = thread.open.get(); open != nullptr && open->active && open->sequence == call.sequence) {
    open->active = false;
    record.entered_earlier = open->written;
    if (!open->written) {
      record.back = record_count_ - open->record;
      --open_count_;
      open_bytes_ -= open->bytes;
    }
  }
  if (!record.entered_earlier) note_time(call.start);
  if (call.finished) note_time(call.end);
  const std::size_t place = begin_record(records_, Record::call);
  encode_call(record, prediction_, records_);
  end_record(records_, place);
  ++record_count_;
  ++call_count_;
  if (definitions_.has_much()) flush_definitions();
}

void Writer::signal_delivered(const Signal& signal) {
  if (file_.error() != 0 || signal.thread == nullptr || signal.thread->process == nullptr) return;
  make_room(signal.time);
  Event event;
  event.type = Record::signal;
  event.id = current_names(*signal.thread).id;
  event.time = signal.time;
  event.number = signal.signo;
  event.flags = signal.group_stop ? kEventGroupStop : 0;
  event.siginfo = signal.siginfo;
  put(event);
}

void Writer::thread_ended(const ThreadEnd& end) {
  summary_.thread_ended(end);
  if (file_.error() != 0 || end.thread == nullptr || end.thread->process == nullptr) return;
  make_room(end.time);
  ThreadState& thread = current_names(*end.thread);
  Event event;
  event.type = Record::thread_end;
  event.id = thread.id;
  event.time = end.time;
  event.number = end.status;
  event.kind = end.kind;
  event.flags =
      static_cast<uint8_t>((end.core_dumped ? kEventCoreDumped : 0) | (end.last_of_process ? kEventLastOfProcess : 0));
  put(event);
  if (!thread.open || !thread.open->active) forget(end, thread);
}

/// Programs may start threads all day long.
void Writer::forget(const ThreadEnd& end, const ThreadState& thread) {
  ProcessState& process = *thread.process;
  threads_.erase(end.thread->serial);
  recent_.forget(end.thread->serial);
  if (--process.threads == 0 && end.last_of_process) processes_.erase(end.thread->process->serial);
}

void Writer::lost(const Loss& loss) {
  summary_.lost(loss);
  if (file_.error() != 0) return;
  make_room(loss.time);
  Event event;
  event.type = Record::loss;
  if (loss.thread != nullptr && loss.thread->process != nullptr) event.id = current_names(*loss.thread).id;
  event.time = loss.time;
  event.calls = loss.calls;
  event.text = loss.reason;
  put(event);
}

void Writer::trace_ended(const TraceEnd& end) {
  if (ended_) return;
  ended_ = true;
  flush();
  summary_.trace_ended(end);
  ByteWriter records;
  encode_summary(summary_.summary(), records);
  ChunkHeader header;
  header.type = ChunkType::summary;
  header.last_time = end.time;
  Trailer trailer;
  trailer.summary_offset = file_.size();
  trailer.crc = crc32c(&trailer.summary_offset, sizeof trailer.summary_offset);
  trailer.magic = kTrailerMagic;
  if (file_.write_chunk(header, records)) file_.write(&trailer, sizeof trailer);
  file_.close();
}

void Writer::idle() {
  // The first time is while the program is being started.
  file_.prepare();
  if (!has_events_ || file_.error() != 0) return;
  const uint64_t now = options_.now();
  if (now >= opened_ && now - opened_ >= options_.flush_interval) flush();
}

void Writer::begin_chunk(uint64_t time) {
  flush();
  has_events_ = true;
  opened_ = time;
  first_time_ = UINT64_MAX;
  last_time_ = 0;
}

void Writer::put(const Event& event) {
  if (event.time != 0) note_time(event.time);
  payload_.clear();
  encode_event(event, prediction_.clock, payload_);
  append_record(records_, event.type, payload_);
  ++record_count_;
  if (definitions_.has_much()) flush_definitions();
}

void Writer::append_open_calls() {
  struct Found {
    OpenCall* open;
    uint32_t thread;
  };
  std::vector<Found> found;
  for (auto& [serial, thread] : threads_)
    if (thread.open && thread.open->active && !thread.open->written) found.push_back({thread.open.get(), thread.id});
  std::sort(found.begin(), found.end(),
            [](const Found& a, const Found& b) { return a.open->sequence < b.open->sequence; });
  for (const auto& [open, thread] : found) {
    CallRecord record = to_record(*open->call, thread, false);
    record.back = record_count_ - open->record;
    const std::size_t place = begin_record(records_, Record::open_call);
    encode_call(record, prediction_, records_);
    end_record(records_, place);
    open->written = true;
    open->call = nullptr;
  }
  open_count_ = 0;
  open_bytes_ = 0;
}

void Writer::flush_definitions() {
  ChunkHeader header;
  header.type = ChunkType::definitions;
  for (const ByteWriter& records : definitions_.take()) file_.write_chunk(header, records);
}

void Writer::flush() {
  if (!has_events_) return;
  // After an error calls are not followed to their end: nothing is known of those that were open.
  if (file_.error() == 0) append_open_calls();
  flush_definitions();
  ChunkHeader header;
  header.type = ChunkType::events;
  header.calls = call_count_;
  header.first_time = first_time_ == UINT64_MAX ? 0 : first_time_;
  header.last_time = last_time_;
  if (!records_.empty() && !file_.write_chunk(header, records_)) calls_not_written_ += call_count_;
  records_.clear();
  prediction_.reset();
  record_count_ = 0;
  call_count_ = 0;
  has_events_ = false;
}

}  // namespace sightline::slt
