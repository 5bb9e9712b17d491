#include "tracer/recorder.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "tracer/fd_paths.h"
#include "tracer/inprocess/layout.h"
#include "tracer/proc.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer {
namespace {

/// x86-64 names of the calls that change executable mappings; i386's are looked up by name too, so compare names.
enum class MapChange { none, map, protect, unmap };

MapChange map_change_of(const Syscall* syscall) {
  if (syscall == nullptr || (syscall->classes & kClassMemory) == 0) return MapChange::none;
  const std::string_view name = syscall->name;
  if (name == "mmap" || name == "mmap2") return MapChange::map;
  if (name == "mprotect" || name == "pkey_mprotect") return MapChange::protect;
  if (name == "munmap" || name == "mremap") return MapChange::unmap;
  return MapChange::none;
}

class Descriptors final : public FdLookup {
 public:
  explicit Descriptors(pid_t tid) : tid_(tid) {}

  FdPath find(int fd) override {
    found_ = proc::fd_target(tid_, fd);
    return {.path = found_.path, .deleted = found_.deleted};
  }

 private:
  pid_t tid_;
  proc::FdTarget found_;
};

}  // namespace

Recorder::Recorder(const RecordOptions& options, ringbuf::RingSet& rings, Progress& progress)
    : options_(options),
      rings_(rings),
      progress_(progress),
      scratch_memory_(std::make_unique_for_overwrite<std::byte[]>(options.limits.total_limit)),
      scratch_(scratch_memory_.get(), options.limits.total_limit) {
  // Out of reach for traced threads that write to rings of their own: descriptors of ours are in it.
  lifecycle_ = rings_.acquire(ringbuf::OnFull::block, ringbuf::RingSet::Where::own);
}

/// No two records have the same time: between rings it is all that orders them.
uint64_t Recorder::now() {
  const uint64_t time = ringbuf::StandardModel::now();
  return last_time_ = std::max(time, last_time_ + 1);
}

RecordPrefix Recorder::prefix(const Tracee& tracee) {
  return {.time = 0,
          .tid = tracee.tid,
          .pid = tracee.pid,
          .thread_serial = tracee.thread_serial,
          .process_serial = tracee.process_serial};
}

std::byte* Recorder::reserve(ringbuf::RecordRing* ring, uint32_t bytes) {
  if (ring == nullptr) return nullptr;
  if (std::byte* place = ring->try_reserve(bytes)) return place;
  progress_.waits_for_room.store(true, std::memory_order_release);
  std::byte* place = ring->reserve(bytes);
  progress_.waits_for_room.store(false, std::memory_order_release);
  return place;
}

void Recorder::commit(ringbuf::RecordRing* ring, RecordType type, uint32_t bytes, uint64_t time) {
  // The horizon before the bell: a consumer woken in between would find nothing that it may read yet, and on the
  // processor it shares with us it would find nothing for as long as it looks.
  ring->publish(static_cast<uint16_t>(type), bytes);
  progress_.horizon.store(time, std::memory_order_release);
  ring->notify();
}

template <class Record>
void Recorder::write(ringbuf::RecordRing* ring, RecordType type, const Record& record) {
  std::byte* place = reserve(ring, sizeof record);
  if (place == nullptr) return;
  Record copy = record;
  copy.prefix.time = now();
  std::memcpy(place, &copy, sizeof copy);
  commit(ring, type, sizeof copy, copy.prefix.time);
}

void Recorder::thread_start(Tracee& tracee, Birth birth, const Tracee* parent, pid_t parent_pid, bool shares_memory) {
  tracee.ring = rings_.acquire();
  ThreadStart record{.prefix = prefix(tracee)};
  record.parent_tid = parent != nullptr ? parent->tid : 0;
  record.parent_pid = parent_pid;
  record.birth = birth;
  record.shares_memory = shares_memory ? 1 : 0;
  record.ns_tid = tracee.tid;
  record.ns_pid = tracee.pid;
  if (tracee.foreign_ids || parent == nullptr) {
    if (const auto status = proc::status(tracee.tid)) {
      record.ns_tid = status->ns_tid;
      record.ns_pid = status->ns_tgid;
      tracee.foreign_ids = tracee.foreign_ids || status->ns_tid != tracee.tid;
    }
  }
  // A newborn has its parent's name, which the consumer knows.
  if (parent == nullptr) proc::read_comm(tracee.tid, record.comm);
  write(lifecycle_.ring, RecordType::thread_start, record);
  // What keeps a process out keeps its forks out; but a filter, say, that it asked for was there before they were.
  if (const EngineReason why = tracee.space->why_ptrace; why != EngineReason::none && tracee.tid == tracee.pid)
    engine(tracee, false, ended_inprocess(why) ? EngineReason::born_after_leaving : why);
}

void Recorder::thread_end(Tracee& tracee, ThreadEndKind kind, int status, bool core_dumped, bool last_of_process) {
  ThreadEnd record{.prefix = prefix(tracee)};
  record.status = status;
  record.kind = kind;
  record.core_dumped = core_dumped ? 1 : 0;
  record.last_of_process = last_of_process ? 1 : 0;
  record.calls = tracee.calls;
  write(lifecycle_.ring, RecordType::thread_end, record);
  retire(tracee);
}

void Recorder::retire(Tracee& tracee) {
  if (tracee.ring.ring == nullptr) return;
  ended_.push_back(std::exchange(tracee.ring, {}));
  if (ended_.size() <= options_.rings_of_the_ended) return;
  rings_.retire(ended_.front());
  ended_.pop_front();
}

/// Whether the open call is one to be recorded.
bool Recorder::is_wanted(Tracee& tracee) {
  const OpenCall& call = tracee.call;
  if (tracee.hidden || !options_.filter.passes(call.abi, call.nr, call.syscall)) return false;
  if (options_.paths.empty()) return true;
  if (call.syscall == nullptr) return false;
  memory_.select(tracee.tid);
  Descriptors descriptors(tracee.tid);
  return accesses(*call.syscall, {.abi = call.abi, .args = call.args}, options_.paths, memory_, descriptors);
}

CaptureResult Recorder::run_captures(Tracee& tracee, Phase phase, int64_t ret, bool failed) {
  CaptureResult result;
  const OpenCall& call = tracee.call;
  if (call.syscall == nullptr) return result;
  const CaptureCall state{.abi = call.abi, .args = call.args, .ret = ret, .failed = failed};
  // A ring that is smaller than asked for, because memory is short, gets less of the call, not none of it.
  std::span<std::byte> room = scratch_;
  if (tracee.ring.ring != nullptr)
    room = room.first(std::min<std::size_t>(room.size(), tracee.ring.ring->largest_payload() - sizeof(CallEnter)));
  if (!call.syscall->captures.empty()) {
    memory_.select(tracee.tid);
    result = capture(*call.syscall, phase, state, options_.limits, memory_, room);
  }
  if (options_.fd_paths) {
    Descriptors descriptors(tracee.tid);
    capture_fd_paths(*call.syscall, phase, state, descriptors, room, result);
  }
  return result;
}

void Recorder::enter(Tracee& tracee, const ptrace_syscall_info& info) {
  OpenCall& call = tracee.call;
  call.open = true;
  call.nr = static_cast<int32_t>(info.entry.nr);
  call.abi = arch::abi_of(info.arch, call.nr);
  call.syscall = find_syscall(call.abi, call.nr);
  std::copy(std::begin(info.entry.args), std::end(info.entry.args), call.args);
  const bool ours = std::exchange(tracee.newly_shown, false);
  call.recorded = is_wanted(tracee);
  if (!call.recorded) return;
  ++tracee.calls;
  progress_.entered.fetch_add(1, std::memory_order_relaxed);

  // Of the command we started ourselves, the execve's stack is ours: it says nothing about the command.
  const bool with_stack = options_.stacks && !ours;
  if (with_stack && tracee.space->maps_changed) report_maps(tracee);
  const CaptureResult captures = run_captures(tracee, Phase::entry, 0, false);

  uint32_t window = 0;
  RegisterBlock registers;
  const uint64_t ip = tracee.ip_override != 0 ? tracee.ip_override : info.instruction_pointer;
  if (with_stack && arch::read_registers(tracee.tid, registers)) {
    registers.value[16] = ip;
    window = progress_.windows->wanted(tracee.process_serial, ip, options_.unknown_stack);
  }
  CallEnter record{.prefix = prefix(tracee)};
  uint32_t size = static_cast<uint32_t>(sizeof record + captures.bytes);
  if (window != 0) size += static_cast<uint32_t>(sizeof registers) + window;
  if (tracee.ring.ring != nullptr && size > tracee.ring.ring->largest_payload()) {
    size -= static_cast<uint32_t>(sizeof registers) + window;
    window = 0;
  }
  std::byte* place = reserve(tracee.ring.ring, size);
  if (place == nullptr) {
    call.recorded = false;  // its end would tell nothing
    return;
  }
  std::copy(std::begin(call.args), std::end(call.args), record.args);
  record.number = tracee.calls;
  record.ip = ip;
  record.sp = info.stack_pointer;
  record.nr = call.nr;
  record.abi = call.abi;
  record.capture_count = captures.count;
  record.capture_bytes = captures.bytes;
  std::byte* end = place + sizeof record;
  std::memcpy(end, scratch_.data(), captures.bytes);
  end += captures.bytes;
  if (window != 0) {
    std::memcpy(end, &registers, sizeof registers);
    end += sizeof registers;
    memory_.select(tracee.tid);
    // Straight into the ring: the largest piece of a record is copied once.
    const std::size_t got = memory_.read(info.stack_pointer, {end, window});
    record.flags = static_cast<uint8_t>(kCallHasStack | (got == 0 ? kCallStackFault : 0));
    record.stack_bytes = static_cast<uint32_t>(got);
    end += got;
  }
  // Last, so that the span's time does not hold our own work; the thread goes on right after.
  record.prefix.time = now();
  std::memcpy(place, &record, sizeof record);
  commit(tracee.ring.ring, RecordType::call_enter, static_cast<uint32_t>(end - place), record.prefix.time);
}

void Recorder::exit(Tracee& tracee, int64_t ret, bool is_error) {
  OpenCall& call = tracee.call;
  if (!call.open) return;
  const uint64_t time = now();
  follow_maps(tracee, ret);
  call.open = false;
  if (!call.recorded) return;
  CallExit record{.prefix = prefix(tracee)};
  record.prefix.time = time;
  record.ret = ret;
  record.nr = call.nr;
  record.abi = call.abi;
  record.is_error = is_error ? 1 : 0;
  if (is_error && arch::is_restart(ret))
    record.end = CallEnd::restart;
  else if (call.syscall != nullptr && (call.syscall->name == "rt_sigreturn" || call.syscall->name == "sigreturn"))
    record.end = CallEnd::no_value;
  const CaptureResult captures = run_captures(tracee, Phase::exit, ret, is_error);
  record.capture_count = captures.count;
  record.capture_bytes = captures.bytes;
  const uint32_t size = static_cast<uint32_t>(sizeof record + captures.bytes);
  std::byte* place = reserve(tracee.ring.ring, size);
  if (place == nullptr) return;
  std::memcpy(place, &record, sizeof record);
  std::memcpy(place + sizeof record, scratch_.data(), captures.bytes);
  commit(tracee.ring.ring, RecordType::call_exit, size, time);
}

void Recorder::abandon(Tracee& tracee, CallEnd end) {
  OpenCall& call = tracee.call;
  if (call.open && call.recorded) {
    CallExit record{.prefix = prefix(tracee)};
    record.nr = call.nr;
    record.abi = call.abi;
    record.end = end;
    write(tracee.ring.ring, RecordType::call_exit, record);
  }
  call.open = false;
}

void Recorder::signal(Tracee& tracee, int signo, const void* siginfo) {
  if (tracee.hidden) return;
  SignalRecord record{.prefix = prefix(tracee)};
  record.signo = signo;
  if (siginfo != nullptr) std::memcpy(record.siginfo, siginfo, sizeof record.siginfo);
  record.has_info = siginfo != nullptr ? 1 : 0;
  write(signo == SIGSTOP ? ring_in_stop(tracee) : tracee.ring.ring, RecordType::signal, record);
}

/// A thread that records its calls itself may be stopped in the middle of a record: its ring is its own then.
ringbuf::RecordRing* Recorder::ring_in_stop(const Tracee& tracee) const {
  return tracee.inside != nullptr ? lifecycle_.ring : tracee.ring.ring;
}

void Recorder::group_stop(Tracee& tracee, int signo) {
  if (tracee.hidden) return;
  SignalRecord record{.prefix = prefix(tracee)};
  record.signo = signo;
  write(ring_in_stop(tracee), RecordType::group_stop, record);
}

void Recorder::exec(Tracee& tracee, pid_t former_tid) {
  ExecRecord record{.prefix = prefix(tracee)};
  record.former_tid = former_tid;
  proc::read_comm(tracee.tid, record.comm);
  write(lifecycle_.ring, RecordType::exec, record);
}

void Recorder::engine(Tracee& tracee, bool inprocess, EngineReason reason) {
  if (tracee.hidden) return;
  write(lifecycle_.ring, RecordType::engine,
        EngineRecord{
            .prefix = prefix(tracee), .inprocess = inprocess ? 1u : 0u, .reason = static_cast<uint32_t>(reason)});
}

void Recorder::report_maps(Tracee& tracee) {
  report_maps(tracee, proc::executable_maps(tracee.tid));
}

void Recorder::report_maps(Tracee& tracee, std::span<const proc::Map> maps) {
  tracee.space->maps_changed = false;
  if (maps.empty() || lifecycle_.ring == nullptr) return;
  const uint32_t limit = lifecycle_.ring->largest_payload();
  MappingsRecord record{.prefix = prefix(tracee)};
  std::vector<std::byte> body;
  std::vector<int> handed_over;
  tracee.space->executable.clear();
  for (const proc::Map& map : maps) {
    if (!map.executable) continue;
    tracee.space->executable.push_back({map.start, map.end});
    MappingEntry entry{.start = map.start,
                       .end = map.end,
                       .file_offset = map.offset,
                       .device = map.device,
                       .inode = map.inode,
                       .path_length = static_cast<uint32_t>(map.path.size())};
    const std::size_t need = sizeof entry + padded(map.path.size());
    // A program with that many code mappings is a JIT; the rest shows as unmapped.
    if (sizeof record + body.size() + need > limit) break;
    auto& opened = tracee.space->opened;
    const std::pair identity(map.device, map.inode);
    if (std::find(opened.begin(), opened.end(), identity) == opened.end()) {
      opened.push_back(identity);
      // But for the stub, in which nobody looks for lines.
      const bool is_stub = tracee.space->sites != nullptr && inprocess::in_code(map.start);
      if (!is_stub && (entry.fd = proc::open_mapped(tracee.tid, map)) >= 0) handed_over.push_back(entry.fd);
    }
    const std::size_t at = body.size();
    body.resize(at + need);
    std::memcpy(body.data() + at, &entry, sizeof entry);
    std::memcpy(body.data() + at + sizeof entry, map.path.data(), map.path.size());
    ++record.count;
  }
  record.bytes = static_cast<uint32_t>(body.size());
  const uint32_t size = static_cast<uint32_t>(sizeof record + body.size());
  std::byte* place = reserve(lifecycle_.ring, size);
  if (place == nullptr) {
    for (const int fd : handed_over) close(fd);
    return;
  }
  record.prefix.time = now();
  std::memcpy(place, &record, sizeof record);
  std::memcpy(place + sizeof record, body.data(), body.size());
  commit(lifecycle_.ring, RecordType::mappings, size, record.prefix.time);
}

void Recorder::follow_maps(Tracee& tracee, int64_t ret) {
  if (!options_.stacks || tracee.space->maps_changed || (ret < 0 && ret > -4096)) return;
  const OpenCall& call = tracee.call;
  const auto touches_code = [&](uint64_t start, uint64_t length) {
    return std::any_of(tracee.space->executable.begin(), tracee.space->executable.end(),
                       [&](const AddressSpace::Range& r) { return start < r.end && r.start < start + length; });
  };
  switch (map_change_of(call.syscall)) {
    case MapChange::none:
      return;
    case MapChange::map:
      // i386's old mmap passes a pointer to its arguments: look whenever it is called.
      if (call.abi == Abi::i386 || (call.args[2] & PROT_EXEC) != 0 ||
          touches_code(static_cast<uint64_t>(ret), call.args[1]))
        tracee.space->maps_changed = true;
      return;
    case MapChange::protect:
      if ((call.args[2] & PROT_EXEC) != 0 || touches_code(call.args[0], call.args[1]))
        tracee.space->maps_changed = true;
      return;
    case MapChange::unmap:
      if (touches_code(call.args[0], call.args[1])) tracee.space->maps_changed = true;
      return;
  }
}

}  // namespace sightline::tracer
