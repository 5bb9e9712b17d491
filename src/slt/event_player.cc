#include "src/slt/event_player.h"

#include <algorithm>
#include <cstring>

#include "src/slt/format.h"
#include "src/slt/records.h"

namespace sightline::slt {
namespace {

// Captures kept of calls that outlive their chunk. A recorder has one such call per thread; a file may claim more.
constexpr std::size_t kMaxOpenBytes = 256 * 1024 * 1024;

}  // namespace

bool EventPlayer::play(std::span<const uint8_t> records) {
  const bool decoded = decode(records);
  told_.assign(calls_.size(), Call{});
  // Calls stand in order of their ends, and mostly began in the same order.
  const auto before = [](const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at < b.at : a.sequence < b.sequence;
  };
  if (!std::is_sorted(entries_.begin(), entries_.end(), before))
    std::stable_sort(entries_.begin(), entries_.end(), before);

  auto entry = entries_.begin();
  for (std::size_t i = 0; i < items_.size(); ++i) {
    for (; entry != entries_.end() && entry->at <= i; ++entry)
      if (!enter(entry->call)) return false;
    const Item& item = items_[i];
    if (!(item.call != kNone ? play_call(item.call) : play_event(item.event))) return false;
  }
  // Behind the last item only calls begin that are not over yet. If the records broke off, those that begin behind the
  // damage are not told.
  for (; decoded && entry != entries_.end(); ++entry)
    if (!enter(entry->call)) return false;
  return decoded;
}

bool EventPlayer::decode(std::span<const uint8_t> records) {
  items_.clear();
  calls_.clear();
  entries_.clear();
  arena_.clear();
  prediction_.reset();
  ByteReader in(records);
  while (!in.at_end()) {
    Record type;
    ByteReader payload = next_record(in, type);
    if (!in.ok() || items_.size() >= kMaxRecords || calls_.size() >= kMaxRecords) return false;
    if (type == Record::call || type == Record::open_call) {
      if (!decode_call_record(payload, type == Record::open_call)) return false;
      continue;
    }
    Item item;
    item.event.type = type;
    const bool known = type >= Record::process_start && type <= Record::thread_name;
    if (known && !decode_event(payload, prediction_.clock, item.event)) return false;
    items_.push_back(item);
  }
  return true;
}

bool EventPlayer::decode_call_record(ByteReader payload, bool open) {
  CallRecord call;
  if (!decode_call(payload, prediction_, arena_, call)) return false;
  if (open && (call.finished || call.entered_earlier)) return false;
  const auto index = static_cast<uint32_t>(calls_.size());
  const auto here = static_cast<uint32_t>(items_.size());
  if (!call.entered_earlier) {
    if (call.back > here) return false;
    entries_.push_back({here - call.back, index, call.sequence});
  }
  calls_.push_back(call);
  if (!open) items_.push_back({index, {}});
  return true;
}

// All that is known of a call when it begins. False if it refers to what there isn't.
bool EventPlayer::set_call(const CallRecord& record, Call& call) const {
  call.sequence = record.sequence;
  call.thread = definitions_.thread(record.thread);
  call.syscall = tracer::find_syscall(record.abi, record.nr);
  call.nr = record.nr;
  call.abi = record.abi;
  call.flags = record.flags;
  call.start = record.start;
  std::copy(record.args.begin(), record.args.end(), call.args);
  call.ip = record.ip;
  call.entry_captures = std::span(arena_).subspan(record.entry_offset, record.entry_bytes);
  call.stack_id = record.stack;
  call.stack = definitions_.stack(record.stack);
  return call.thread != nullptr && (record.stack == 0 || call.stack != nullptr);
}

bool EventPlayer::enter(uint32_t index) {
  const CallRecord& record = calls_[index];
  Call* call = &told_[index];
  if (record.finished) {
    if (!set_call(record, *call)) {
      call->thread = nullptr;  // nobody has heard of it
      return false;
    }
  } else {
    // It outlives the chunk, and the arena with its captures; or the trace is over, and play_call() takes it out again.
    if (open_.size() >= kMaxOpenCalls) return false;
    Call begun;
    if (!set_call(record, begun)) return false;
    OpenCall& open = open_[record.sequence];
    open.call = begun;
    if (open_bytes_ + record.entry_bytes <= kMaxOpenBytes) {
      open_bytes_ += record.entry_bytes;
      open.captures.assign(begun.entry_captures.begin(), begun.entry_captures.end());
    }
    open.call.entry_captures = open.captures;
    call = &open.call;
  }
  note_time(call->start);
  sink_.call_entered(*call);
  return true;
}

bool EventPlayer::play_call(uint32_t index) {
  const CallRecord& record = calls_[index];
  const bool is_open = record.entered_earlier || !record.finished;
  const auto open = is_open ? open_.find(record.sequence) : open_.end();
  // Sinks rely on a call beginning before it ends.
  if (is_open && open == open_.end()) return false;
  Call& call = is_open ? open->second.call : told_[index];
  if (is_open) {
    // The record repeats all of it; the thread can be another one by now (execve).
    Call repeated;
    if (!set_call(record, repeated)) return false;
    call = repeated;
  }
  if (record.finished) {
    call.finished = true;
    call.end_kind = record.end_kind;
    call.failed = record.failed;
    call.end = record.end;
    call.ret = record.ret;
    call.exit_captures = std::span(arena_).subspan(record.exit_offset, record.exit_bytes);
    note_time(call.end);
  }
  ++(call.finished ? finished_ : unfinished_);
  sink_.call_finished(call);
  if (is_open) {
    open_bytes_ -= open->second.captures.size();
    open_.erase(open);
  }
  told_[index].thread = nullptr;  // done
  return true;
}

bool EventPlayer::play_event(const Event& event) {
  Process* process = nullptr;
  Thread* thread = nullptr;
  switch (event.type) {
    case Record::process_start:
    case Record::process_name:
      process = definitions_.process(event.id);
      if (process == nullptr) return false;
      break;
    case Record::thread_start:
    case Record::thread_name:
    case Record::exec:
    case Record::signal:
    case Record::thread_end:
      thread = definitions_.thread(event.id);
      if (thread == nullptr) return false;
      break;
    case Record::loss:
      thread = definitions_.thread(event.id);
      if (thread == nullptr && event.id != 0) return false;
      break;
    case Record::call:
    case Record::open_call:
    case Record::string:
    case Record::frame:
    case Record::stack:
    case Record::process:
    case Record::thread:
    case Record::account:
    case Record::process_summary:
    case Record::loss_summary:
    case Record::note:
      return true;
  }
  note_time(event.time);
  if (event.type == Record::process_start) {
    sink_.process_started(*process);
  } else if (event.type == Record::process_name) {
    process->comm = event.text;
    process->engine = event.engine;
    process->reason = event.reason;
    ++process->version;
  } else if (event.type == Record::thread_start) {
    sink_.thread_started(*thread);
  } else if (event.type == Record::thread_name) {
    thread->comm = event.text;
    ++thread->version;
  } else if (event.type == Record::exec) {
    thread->tid = event.number;
    sink_.executed(*thread, event.other, event.time);
  } else if (event.type == Record::signal) {
    std::byte info[kMaxSiginfo] = {};
    if (!event.siginfo_head.empty()) std::memcpy(info, event.siginfo_head.data(), event.siginfo_head.size());
    Signal signal;
    signal.thread = thread;
    signal.time = event.time;
    signal.signo = event.number;
    signal.group_stop = (event.flags & kEventGroupStop) != 0;
    signal.siginfo = std::span<const std::byte>(info, event.siginfo_size);
    sink_.signal_delivered(signal);
  } else if (event.type == Record::thread_end) {
    ThreadEnd end;
    end.thread = thread;
    end.time = event.time;
    end.kind = event.kind;
    end.status = event.number;
    end.core_dumped = (event.flags & kEventCoreDumped) != 0;
    end.last_of_process = (event.flags & kEventLastOfProcess) != 0;
    thread->end = event.time;
    if (end.last_of_process) thread->process->end = event.time;
    sink_.thread_ended(end);
  } else if (event.type == Record::loss) {
    Loss loss;
    loss.thread = thread;
    loss.time = event.time;
    loss.calls = event.calls;
    loss.reason = event.text;
    lost_ += event.calls;
    sink_.lost(loss);
  }
  return true;
}

void EventPlayer::end_open_calls() {
  std::vector<Call*> left;
  for (auto& [sequence, open] : open_) left.push_back(&open.call);
  // Of a chunk that broke off: calls that have begun but whose record was not reached.
  for (Call& call : told_)
    if (call.thread != nullptr) left.push_back(&call);
  std::stable_sort(left.begin(), left.end(), [](const Call* a, const Call* b) { return a->sequence < b->sequence; });
  unfinished_ += left.size();
  for (const Call* call : left) sink_.call_finished(*call);
  open_.clear();
  told_.clear();
}

}  // namespace sightline::slt
