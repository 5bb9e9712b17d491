#include "tests/inprocess/driver.h"

#include <fcntl.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tracer/inprocess/remote.h"
#include "tracer/spawn.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr uint64_t kTrapFlag = 0x100;

long request(long what, pid_t tid, uint64_t data) {
  return syscall(SYS_ptrace, what, tid, 0, data);
}

/// R, S, …: proc_pid_stat(5).
char state_of(pid_t pid) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/stat", pid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return 'X';
  char text[512] = {};
  const ssize_t n = read(file, text, sizeof text - 1);
  close(file);
  const char* name_end = n > 0 ? std::strrchr(text, ')') : nullptr;
  return name_end != nullptr ? name_end[2] : 'X';
}

}  // namespace

std::unique_ptr<Driver> Driver::create(std::string& why_not) {
  std::unique_ptr<Driver> driver(new Driver);
  Arena::Failure failure;
  driver->arena_ = Arena::create(failure);
  why_not = clause_of(failure.reason);
  if (driver->arena_ == nullptr) return nullptr;
  driver->progress_ = std::make_unique<Progress>();
  driver->progress_->use(*driver->arena_);
  driver->rings_ = std::make_unique<ringbuf::RingSet>(ringbuf::RingSet::Options{
      .capacity = 256 << 10, .arena = driver->arena_->rings(), .doorbell = &shared().doorbell});
  EngineOptions options;
  options.arena = driver->arena_.get();
  options.record.limits.total_limit = std::min<uint32_t>(options.record.limits.total_limit, kScratchBytes);
  driver->engine_ = std::make_unique<PtraceEngine>(options, *driver->rings_, *driver->progress_);
  return driver;
}

Driver::~Driver() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  wait_for(0);
}

bool Driver::start(const std::string& program) {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait_for(0);
  }
  const Child child =
      spawn_waiting(program, {.argv = {program}, .unset_environment = {}, .set_environment = {}}, false);
  if (child.pid < 0 || !engine_->adopt(child).empty()) return false;
  pid_ = child.pid;
  last_call_ = 0;
  if (!wait_for(UINT64_MAX)) return false;
  state_at_ = registers().rax;
  return !take_records().refused;
}

stepped::State Driver::state() const {
  stepped::State state{};
  read_memory(pid_, state_at_, std::as_writable_bytes(std::span(&state, 1)));
  return state;
}

void Driver::set_state(const stepped::State& state) const {
  write_memory(pid_, state_at_, std::as_bytes(std::span(&state, 1)));
}

user_regs_struct Driver::registers() const {
  user_regs_struct registers{};
  get_registers(pid_, registers);
  return registers;
}

void Driver::set_registers(const user_regs_struct& registers) const {
  inprocess::set_registers(pid_, registers);
}

user_fpregs_struct Driver::vectors() const {
  user_fpregs_struct vectors{};
  request(PTRACE_GETFPREGS, pid_, reinterpret_cast<uint64_t>(&vectors));
  return vectors;
}

void Driver::set_vectors(const user_fpregs_struct& vectors) const {
  request(PTRACE_SETFPREGS, pid_, reinterpret_cast<uint64_t>(&vectors));
}

void Driver::send(int signo) const {
  syscall(SYS_tgkill, pid_, pid_, signo);
}

void Driver::let_run() const {
  // After a step over popfq the kernel takes the flag for the program's own (arch/x86/kernel/step.c,
  // enable_single_step).
  user_regs_struct now = registers();
  if ((now.eflags & kTrapFlag) != 0) {
    now.eflags &= ~kTrapFlag;
    set_registers(now);
  }
  request(PTRACE_CONT, pid_, 0);
}

bool Driver::step() {
  std::byte next{};
  read_memory(pid_, registers().rip, {&next, 1});
  request(PTRACE_SINGLESTEP, pid_, 0);
  int status = 0;
  if (waitpid(pid_, &status, __WALL) != pid_ || !WIFSTOPPED(status)) return false;
  // Nobody but us has set the flag that makes a step of it (pushfq tells of it; kernel/ptrace and
  // arch/x86/kernel/step.c).
  if (next == std::byte{0x9c}) {
    uint64_t flags = 0;
    const uint64_t at = registers().rsp;
    read_memory(pid_, at, std::as_writable_bytes(std::span(&flags, 1)));
    flags &= ~kTrapFlag;
    write_memory(pid_, at, std::as_bytes(std::span(&flags, 1)));
  }
  return status >> 8 == SIGTRAP;
}

/// Sets the first debug register, or (0) clears it: Intel SDM, volume 3, 18.2.
bool Driver::watch(uint64_t address) const {
  constexpr uint64_t kControl = offsetof(struct user, u_debugreg) + 7 * sizeof(uint64_t);
  constexpr uint64_t kLocalEnable = 1;
  if (syscall(SYS_ptrace, PTRACE_POKEUSR, pid_, kControl, 0) != 0) return false;
  if (address == 0) return true;
  return syscall(SYS_ptrace, PTRACE_POKEUSR, pid_, offsetof(struct user, u_debugreg), address) == 0 &&
         syscall(SYS_ptrace, PTRACE_POKEUSR, pid_, kControl, kLocalEnable) == 0;
}

bool Driver::run_before(uint64_t address, unsigned visit, uint64_t end) {
  if (!watch(address)) return false;
  if (registers().rip == address) --visit;
  while (visit > 0) {
    let_run();
    for (;;) {
      int status = 0;
      if (waitpid(pid_, &status, __WALL) != pid_ || !WIFSTOPPED(status)) return false;
      const uint64_t rip = registers().rip;
      if (status >> 8 == SIGTRAP && rip == address) break;
      if (status >> 8 == SIGTRAP && rip == end + 1) {
        watch(0);
        return false;
      }
      handle(status);
    }
    --visit;
  }
  return watch(0);
}

bool Driver::run_to(uint64_t address) {
  let_run();
  return wait_for(address);
}

bool Driver::wait_for(uint64_t address) {
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(pid_, &status, __WALL);
    if (got < 0 && errno == EINTR) continue;
    if (got != pid_) return false;
    if (!WIFSTOPPED(status)) {
      engine_->take(pid_, status);
      pid_ = -1;
      return false;
    }
    if (status >> 8 == SIGTRAP) {
      const uint64_t rip = registers().rip;
      std::byte before{};
      if (rip == address + 1 ||
          (address == UINT64_MAX && read_memory(pid_, rip - 1, {&before, 1}) && before == std::byte{0xcc}))
        return true;
    }
    handle(status);
  }
}

/// Who is stopped is let go on at once.
void Driver::handle(int status) {
  const bool stopped = status >> 16 == PTRACE_EVENT_STOP && WSTOPSIG(status) == SIGSTOP;
  engine_->take(pid_, status);
  if (stopped) ::kill(pid_, SIGCONT);
}

void Driver::handle_next() {
  int status = 0;
  if (waitpid(pid_, &status, __WALL) == pid_) handle(status);
}

void Driver::run_to_sleep() {
  let_run();
  wait_for_sleep();
}

void Driver::wait_for_sleep() {
  for (;;) {
    int status = 0;
    const pid_t got = waitpid(pid_, &status, __WALL | WNOHANG);
    if (got == pid_ && WIFSTOPPED(status))
      handle(status);
    else if (state_of(pid_) == 'S')
      return;
    sched_yield();
  }
}

Seen Driver::take_records() {
  Seen seen;
  rings_->drain([&](std::size_t, const ringbuf::RecordView& view) {
    const auto copy = [&](auto& record) {
      std::memcpy(&record, view.payload, std::min(sizeof record, view.payload_size));
    };
    if (view.header.type == static_cast<uint16_t>(RecordType::call_enter)) {
      CallEnter record;
      copy(record);
      std::fill(std::begin(record.args) + std::min<std::size_t>(record.arg_count, 6), std::end(record.args), 0);
      Seen::Entry entry{record.nr, record.ip, record.sp, {}, record.arg_count, record.capture_bytes};
      std::copy(std::begin(record.args), std::end(record.args), entry.args);
      seen.entries.push_back(entry);
      last_call_ = record.number;
    } else if (view.header.type == static_cast<uint16_t>(RecordType::call_exit)) {
      CallExit record;
      copy(record);
      seen.exits.push_back({record.nr, record.ret});
    } else if (view.header.type == static_cast<uint16_t>(RecordType::signal)) {
      SignalRecord record;
      copy(record);
      seen.signals.push_back(record.signo);
    } else if (view.header.type == static_cast<uint16_t>(RecordType::thread_end)) {
      ThreadEnd record;
      copy(record);
      seen.counted = record.calls;
      ++seen.ends;
    } else if (view.header.type == static_cast<uint16_t>(RecordType::engine)) {
      EngineRecord record;
      copy(record);
      seen.refused = seen.refused || record.inprocess == 0;
    }
  });
  rings_->report_faults([&](std::size_t, ringbuf::Fault) { seen.damaged = true; });
  seen.last = last_call_;
  return seen;
}

}  // namespace sightline::tracer::inprocess
