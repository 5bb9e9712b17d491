// Order. Each ring is in order by itself. The tracer, one thread, stamps all records of all rings in order too, and
// publishes the stamp of the last one it has committed (Progress::horizon). So a round reads the horizon first, then
// merges what all rings hold up to it: nothing older can still appear. What is younger waits for the next round.
#include "src/consumer.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <string_view>
#include <utility>

#include "ringbuf/model.h"
#include "src/read_record.h"
#include "tracer/syscall_table.h"

namespace sightline {
namespace {

// How long a record below the ring's watermark may wait to be seen; also what bounds the delay of live text.
constexpr uint64_t kNap = 20'000'000;
// The first ones are shorter, each somewhat longer than the one before it: of a program that runs for some milliseconds
// most is resolved by its end, and not after it. But not much shorter: each time the consumer wakes up it
// takes from such a program what it might have saved it.
constexpr uint64_t kFirstNap = 2'000'000;
constexpr uint64_t kLongNap = 50'000'000;
constexpr int kNapsBeforeLong = 64;

// Records on threads and processes that a flight recorder holds back for the calls between them.
constexpr std::size_t kMostKept = 1 << 16;

std::string comm_of(const char (&field)[16]) {
  return std::string(field, strnlen(field, sizeof field));
}

uint64_t stamp(const ringbuf::RecordView& view) {
  uint64_t time = 0;
  if (view.payload_size >= sizeof time) std::memcpy(&time, view.payload, sizeof time);
  return time;
}

/// The ring's own word on what it has given up is stepped over: the numbers of the calls say it more exactly.
bool next_record(ringbuf::RecordRing& ring, ringbuf::RecordView& view) {
  while (ring.peek(view)) {
    if (!view.is_lost_run()) return true;
    ring.step(view);
  }
  return false;
}

/// What follows a record was written on another processor, a cache miss each: it comes while this one is looked at. Of
/// stacks the innermost part is looked at, and no more. May reach behind the ring: a prefetch does not fault.
void fetch_ahead(const ringbuf::RecordView& view) {
  constexpr std::size_t kLine = 64;
  const std::byte* next = view.payload + view.payload_size;
  for (std::size_t i = 0; i < 5; ++i) __builtin_prefetch(next + i * kLine);
}

}  // namespace

Consumer::Consumer(ConsumerOptions options, ringbuf::RingSet& rings, tracer::Progress& progress,
                   symbolizer::Symbolizer& symbolizer, Sink& sink)
    : options_(options),
      rings_(rings),
      progress_(progress),
      stacks_(options.resolve_stacks, options.depth, symbolizer, progress),
      sink_(sink) {}

Consumer::~Consumer() {
  if (worker_.joinable()) finish();
}

void Consumer::start() {
  // Signals are the tracer thread's business: it is the one that has to wake up.
  sigset_t all;
  sigset_t former;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &former);
  worker_ = std::thread([this] { loop(); });
  pthread_sigmask(SIG_SETMASK, &former, nullptr);
}

void Consumer::finish() {
  closing_.store(true, std::memory_order_release);
  rings_.doorbell().ring();
  worker_.join();
}

void Consumer::dump() {
  dump_wanted_.store(true, std::memory_order_release);
  rings_.doorbell().ring();
}

void Consumer::loop() {
  int naps = 0;
  uint64_t nap = kFirstNap;
  bool rung = false;
  for (;;) {
    stacks_.forget_outdated();
    // Read before the drain: what was committed before closing is seen by the drain that follows.
    const bool closing = closing_.load(std::memory_order_acquire);
    const uint64_t horizon = progress_.horizon.load(std::memory_order_acquire);
    // In the end nobody writes any more, and all is taken.
    const uint64_t limit = closing ? UINT64_MAX : progress_.limit();
    if (options_.keep_until_dumped) {
      const bool killed = keep(limit);
      const bool wanted = dump_wanted_.exchange(false, std::memory_order_acquire);
      if (killed || wanted || closing) drain_once(limit);
      if (closing) break;
      rings_.discard_retired();
      idle(horizon, kLongNap);
      continue;
    }
    if (drain_once(limit)) {
      naps = 0;
      rung = false;
      continue;
    }
    rings_.settle();
    if (closing) break;
    if (rung) {  // by the records of a small ring that has filled up in no time: they are about to settle
      rung = idle(horizon, tracer::Progress::kSettled);
      continue;
    }
    rung = idle(horizon, naps++ < kNapsBeforeLong ? nap : kLongNap);
    nap = std::min(nap + nap / 4, kNap);
  }
  end();
}

/// Returns whether a producer has ended it.
bool Consumer::idle(uint64_t horizon, uint64_t nap) {
  progress_.tick();
  rings_.report_faults([&](std::size_t, ringbuf::Fault) { reject(); });
  sink_.idle();
  // Not by what the rings hold: a record that is there already, but above the horizon, can't be taken yet.
  return rings_.doorbell().wait(nap, [&] {
    return !closing_.load(std::memory_order_acquire) && !dump_wanted_.load(std::memory_order_acquire) &&
           progress_.horizon.load(std::memory_order_acquire) == horizon;
  });
}

void Consumer::end() {
  const uint64_t now = ringbuf::StandardModel::now();
  for (ThreadState* state : living_.threads()) cut_short(*state);  // nobody has told us how: tracing stopped first
  rings_.report_faults([&](std::size_t, ringbuf::Fault) { reject(); });
  const uint64_t entered = progress_.entered.load(std::memory_order_relaxed);
  const uint64_t dropped = entered > sequence_ ? entered - sequence_ : 0;
  if (dropped > told_lost_)
    sink_.lost({.time = now, .calls = dropped - told_lost_, .reason = "no record of them could be written"});
  end_.time = now;
  end_.dropped = dropped;
  end_.entered = sequence_ + dropped;
  end_.complete = rejected_ == 0;
  end_.notes = stacks_.modules_without_lines();
  end_.output_errors = sink_.output_errors();
  sink_.trace_ended(end_);
}

std::vector<const Process*> Consumer::processes() const {
  std::vector<const Process*> all = living_.processes();
  for (const Process& process : ended_) all.push_back(&process);
  std::ranges::sort(all, {}, &Process::serial);
  return all;
}

/// Moves what is said of threads and processes out of its ring, where it would make the tracer wait. Returns whether a
/// program was killed by a signal: what it did last is wanted.
bool Consumer::keep(uint64_t horizon) {
  bool killed = false;
  rings_.for_each([&](std::size_t, ringbuf::RecordRing& ring) {
    if (ring.on_full() != ringbuf::OnFull::block) return;
    ringbuf::RecordView view;
    while (ring.peek(view) && stamp(view) <= horizon) {
      kept_.push_back({stamp(view), view.header.type, {view.payload, view.payload + view.payload_size}});
      tracer::ThreadEnd ended;
      if (static_cast<tracer::RecordType>(view.header.type) == tracer::RecordType::thread_end &&
          read_record(kept_.back().payload, ended))
        killed = killed || (ended.last_of_process != 0 && ended.kind == tracer::ThreadEndKind::signaled);
      ring.step(view);
      ring.release();
    }
  });
  // Of programs that start threads all day long the calls of most are gone by then.
  while (kept_.size() > kMostKept) take_kept();
  return killed;
}

void Consumer::take_kept() {
  take(kept_.front().type, kept_.front().payload);
  kept_.pop_front();
}

/// Takes what `source` holds up to `until`. False: it holds nothing more, or nothing that may be taken in this round.
bool Consumer::drain(Source& source, uint64_t until) {
  // Space goes back to the producers in small batches: a full ring stops its thread.
  constexpr int kReleaseEvery = 16;
  int taken = 0;
  bool more = true;
  while (more && source.time <= until) {
    while (!kept_.empty() && kept_.front().time < source.time) take_kept();
    fetch_ahead(source.view);
    take(source.view.header.type, {source.view.payload, source.view.payload_size});
    source.ring->step(source.view);
    if (++taken % kReleaseEvery == 0) source.ring->release();
    more = next_record(*source.ring, source.view);
    if (more) source.time = stamp(source.view);
  }
  source.ring->release();
  // Looked for anew: with the release a ring that overwrites has taken back what was seen of it.
  more = more && next_record(*source.ring, source.view);
  if (more) source.time = stamp(source.view);
  return more;
}

bool Consumer::drain_once(uint64_t horizon) {
  const auto later = [](const Source& a, const Source& b) { return a.time > b.time; };
  sources_.clear();
  rings_.for_each([&](std::size_t, ringbuf::RecordRing& ring) {
    Source source{&ring, {}, 0};
    if (next_record(ring, source.view) && (source.time = stamp(source.view)) <= horizon) {
      sources_.push_back(source);
    } else {
      ring.release();
    }
  });
  if (sources_.empty() && kept_.empty()) return false;
  std::make_heap(sources_.begin(), sources_.end(), later);
  while (!sources_.empty()) {
    std::pop_heap(sources_.begin(), sources_.end(), later);
    Source& source = sources_.back();
    // Most of the time one thread has several records before another has its next.
    const uint64_t until = sources_.size() == 1 ? horizon : std::min(horizon, sources_.front().time);
    if (drain(source, until) && source.time <= horizon) {
      std::push_heap(sources_.begin(), sources_.end(), later);
    } else {
      source.ring->release();
      sources_.pop_back();
    }
  }
  while (!kept_.empty()) take_kept();
  rings_.settle();
  return true;
}

void Consumer::take(uint16_t type, std::span<const std::byte> payload) {
  switch (static_cast<tracer::RecordType>(type)) {
    case tracer::RecordType::call_enter:
      return on_call_enter(payload);
    case tracer::RecordType::call_exit:
      return on_call_exit(payload);
    case tracer::RecordType::signal:
      return on_signal(payload, false);
    case tracer::RecordType::group_stop:
      return on_signal(payload, true);
    case tracer::RecordType::thread_start:
      return on_thread_start(payload);
    case tracer::RecordType::thread_end:
      return on_thread_end(payload);
    case tracer::RecordType::exec:
      return on_exec(payload);
    case tracer::RecordType::engine:
      return on_engine(payload);
    case tracer::RecordType::mappings:
      return on_mappings(payload);
  }
  reject();
}

ThreadState* Consumer::thread(const tracer::RecordPrefix& prefix) {
  ThreadState* const state = living_.thread(prefix.thread_serial);
  if (state != nullptr) last_time_ = prefix.time;
  return state;
}

bool Consumer::cut_short(ThreadState& state) {
  if (!state.is_open) return false;
  state.is_open = false;
  ++end_.unfinished;
  sink_.call_finished(state.open.call);
  return true;
}

void Consumer::notice_gap(ThreadState& state, uint64_t number, uint64_t time, bool end_lost) {
  const uint64_t last = std::exchange(state.last_number, std::max(number, state.last_number));
  const uint64_t calls = number > last ? number - last - 1 : 0;
  if (calls == 0 && !end_lost) return;
  told_lost_ += calls;
  sink_.lost({.thread = &state.thread,
              .time = time,
              .calls = calls,
              .reason = options_.on_full == ringbuf::OnFull::overwrite_oldest ? "overwritten by later ones"
                        : options_.on_full == ringbuf::OnFull::drop_newest    ? "the ring was full"
                                                                              : "no memory for them"});
}

void Consumer::on_thread_start(std::span<const std::byte> payload) {
  tracer::ThreadStart record;
  if (!read_record(payload, record)) return reject();
  const uint32_t serial = record.prefix.thread_serial;
  const uint32_t process_serial = record.prefix.process_serial;
  if (serial == 0 || process_serial == 0) return reject();
  const ThreadState* parent = living_.thread_by_tid(record.parent_tid);
  const ProcessState* parent_process = parent != nullptr ? parent->process : living_.process_by_pid(record.parent_pid);
  std::string comm = comm_of(record.comm);
  if (comm.empty() && parent != nullptr) comm = parent->thread.comm;

  ThreadState* const state = living_.begin(serial, record.prefix.tid, process_serial);
  if (state == nullptr) return reject();
  last_time_ = record.prefix.time;
  state->thread.parent_tid = record.parent_tid;
  state->thread.ns_tid = record.ns_tid;
  state->thread.birth = record.birth;
  state->thread.start = record.prefix.time;
  state->thread.comm = std::move(comm);
  if (state->process->process.serial == 0) start_process(*state, record, parent_process);
  sink_.thread_started(state->thread);
}

void Consumer::start_process(ThreadState& state, const tracer::ThreadStart& record, const ProcessState* parent) {
  ProcessState& owner = *state.process;
  owner.process.serial = record.prefix.process_serial;
  owner.process.pid = record.prefix.pid;
  owner.process.parent_pid = record.parent_pid;
  owner.process.ns_pid = record.ns_pid;
  owner.process.start = record.prefix.time;
  owner.process.comm = state.thread.comm;
  owner.process.reason = options_.engine_reason;
  const CallStacks::Space parents = parent != nullptr ? parent->space : 0;
  if (record.shares_memory != 0 && parents != 0)
    stacks_.share_space(owner.space, parents);
  else if (parents != 0 && record.birth != tracer::Birth::spawned && record.birth != tracer::Birth::attached)
    stacks_.fork_space(owner.space, parents, owner.process);
  else
    stacks_.new_space(owner.space, owner.process);
  sink_.process_started(owner.process);
}

void Consumer::on_thread_end(std::span<const std::byte> payload) {
  tracer::ThreadEnd record;
  if (!read_record(payload, record)) return reject();
  ThreadState* const state = thread(record.prefix);
  if (state == nullptr) return reject();
  const bool last = record.last_of_process != 0;
  cut_short(*state);
  notice_gap(*state, record.calls + 1, record.prefix.time, false);
  state->thread.end = record.prefix.time;
  ProcessState& owner = *state->process;
  if (last) {
    owner.process.end = record.prefix.time;
    stacks_.leave_space(owner.space);
    if (options_.remember_processes && owner.threads == 1) ended_.push_back(owner.process);
  }
  sink_.thread_ended({.thread = &state->thread,
                      .time = record.prefix.time,
                      .kind = record.kind,
                      .status = record.status,
                      .core_dumped = record.core_dumped != 0,
                      .last_of_process = last});
  living_.end(*state, last);
}

void Consumer::on_exec(std::span<const std::byte> payload) {
  tracer::ExecRecord record;
  if (!read_record(payload, record)) return reject();
  ThreadState* state = thread(record.prefix);
  if (state == nullptr) return reject();
  ProcessState& owner = *state->process;
  stacks_.new_space(owner.space, owner.process);
  state->thread.comm = comm_of(record.comm);
  ++state->thread.version;
  owner.process.comm = state->thread.comm;
  owner.process.engine = "ptrace";
  owner.process.reason = options_.engine_reason;
  ++owner.process.version;
  // Told before the open call moves: sinks may hold its address.
  sink_.executed(state->thread, record.former_tid, record.prefix.time);
  if (record.former_tid != record.prefix.tid) {
    // The execve was entered under another tid; its end will come under the leader's.
    ThreadState* former = living_.thread_by_tid(record.former_tid);
    if (former != nullptr && former->is_open && !state->is_open) {
      std::swap(state->open, former->open);
      state->open.call.thread = &state->thread;
      state->open.call.entry_captures = state->open.entry_captures;
      state->is_open = true;
      former->is_open = false;
    }
  }
}

void Consumer::on_engine(std::span<const std::byte> payload) {
  tracer::EngineRecord record;
  if (!read_record(payload, record)) return reject();
  ThreadState* state = thread(record.prefix);
  if (state == nullptr) return reject();
  ProcessState& owner = *state->process;
  owner.process.engine = record.inprocess != 0 ? "in-process" : "ptrace";
  owner.process.reason = tracer::engine_reason(record.reason);
  ++owner.process.version;
  fallbacks_.count(owner.process.reason, record.inprocess != 0, owner.counted);
}

void Consumer::on_mappings(std::span<const std::byte> payload) {
  tracer::MappingsRecord record;
  if (!read_record(payload, record)) return reject();
  ThreadState* state = thread(record.prefix);
  if (state == nullptr) return reject();
  if (!stacks_.set_mappings(state->process->space, record, payload.subspan(sizeof record))) reject();
}

void Consumer::on_call_enter(std::span<const std::byte> payload) {
  tracer::CallEnter record;
  std::span<const std::byte> rest;
  if (!read_call_enter(payload, record, rest)) return reject();
  ThreadState* state = thread(record.prefix);
  if (state == nullptr || record.capture_bytes > rest.size()) return reject();
  const bool end_lost = cut_short(*state);  // the account stays straight
  notice_gap(*state, record.number, record.prefix.time, end_lost);
  const auto captures = rest.first(record.capture_bytes);
  state->open.entry_captures.assign(captures.begin(), captures.end());
  Call& call = state->open.call;
  const bool same_number = call.nr == record.nr && call.abi == record.abi && call.syscall != nullptr;
  call = {.sequence = ++sequence_,
          .thread = &state->thread,
          .syscall = same_number ? call.syscall : tracer::find_syscall(record.abi, record.nr),
          .nr = record.nr,
          .abi = record.abi,
          .flags = record.flags,
          .start = record.prefix.time,
          .args = {record.args[0], record.args[1], record.args[2], record.args[3], record.args[4], record.args[5]},
          .ip = record.ip,
          .entry_captures = state->open.entry_captures,
          .exit_captures = {}};
  state->is_open = true;
  if (!stacks_.find(call, state->process->space, record, rest.subspan(record.capture_bytes))) reject();
  sink_.call_entered(call);
}

void Consumer::on_call_exit(std::span<const std::byte> payload) {
  tracer::CallExit record;
  if (!read_record(payload, record)) return reject();
  ThreadState* state = thread(record.prefix);
  const std::span<const std::byte> rest = payload.subspan(sizeof record);
  if (state == nullptr || record.capture_bytes > rest.size()) return reject();
  if (!state->is_open) {  // its beginning is lost, and counted
    if (options_.on_full == ringbuf::OnFull::block) reject();
    return;
  }
  Call& call = state->open.call;
  call.finished = record.end != tracer::CallEnd::detached;
  call.end_kind = record.end;
  call.failed = record.is_error != 0;
  call.ret = record.ret;
  call.end = record.prefix.time;
  call.exit_captures = rest.first(record.capture_bytes);
  state->is_open = false;
  ++(call.finished ? end_.finished : end_.unfinished);
  learn_name(*state, call);
  sink_.call_finished(call);
}

void Consumer::learn_name(ThreadState& state, const Call& call) {
  // prctl(PR_SET_NAME) renames the thread; PR_SET_NAME is 15 (prctl(2)).
  if (call.failed || call.syscall == nullptr || call.syscall->name != "prctl" || call.args[0] != 15) return;
  tracer::Capture capture;
  if (!read_record(call.entry_captures, capture)) return;
  const auto bytes = call.entry_captures.subspan(sizeof capture);
  if (capture.length > bytes.size()) return;
  state.thread.comm.assign(reinterpret_cast<const char*>(bytes.data()), std::min<std::size_t>(capture.length, 15));
  ++state.thread.version;
  Process& process = *state.thread.process;
  if (state.thread.tid != process.pid) return;
  process.comm = state.thread.comm;
  ++process.version;
}

void Consumer::on_signal(std::span<const std::byte> payload, bool group_stop) {
  tracer::SignalRecord record;
  if (!read_record(payload, record)) return reject();
  ThreadState* state = thread(record.prefix);
  if (state == nullptr) return reject();
  Signal signal;
  signal.thread = &state->thread;
  signal.time = record.prefix.time;
  signal.signo = record.signo;
  signal.group_stop = group_stop;
  if (record.has_info != 0) signal.siginfo = std::as_bytes(std::span(record.siginfo));
  sink_.signal_delivered(signal);
}

}  // namespace sightline
