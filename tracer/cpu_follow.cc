#include "tracer/cpu_follow.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "ringbuf/model.h"
#include "tracer/proc.h"

namespace sightline::tracer {
namespace {

constexpr uint32_t kLookEvery = 16;        // stops; a look at our waiting time costs 1 µs …
constexpr uint32_t kPlaceEvery = 4;        // … and at the thread's place 10 µs, so only at every fourth look
constexpr uint64_t kSomeDelay = 30'000;    // ns of waiting for the processor per stop: contended if it goes on …
constexpr uint32_t kGoesOn = 4;            // … for that many looks; a passing kernel thread does not
constexpr uint64_t kGreatDelay = 300'000;  // ns of waiting per stop: contended at once
constexpr uint32_t kFirstPause = 64;       // looks
constexpr uint32_t kLongestPause = 65536;  // looks
constexpr uint32_t kCalm = 512;            // looks after which an earlier contention is forgotten
constexpr uint64_t kLongStop = 1'000'000;  // ns between two stops of a thread: worth a look at our waiting time
constexpr uint64_t kSlowStop = 25'000;     // ns between two stops of a thread: more than both take on one processor
constexpr uint32_t kFewSlow = 4;
constexpr uint32_t kManySlow = 256;
constexpr uint64_t kShortTurn = 100'000;  // ns; the shortest that there is

bool has_cap_sys_nice() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  if (syscall(SYS_capget, &header, data) < 0) return false;
  return (data[0].effective & (1u << CAP_SYS_NICE)) != 0;
}

/// Whether a thread may leave SCHED_IDLE again for its present nice value (sched(7), "SCHED_IDLE").
bool may_come_back() {
  if (has_cap_sys_nice()) return true;
  rlimit limit{};
  if (getrlimit(RLIMIT_NICE, &limit) < 0) return false;
  return limit.rlim_cur >= static_cast<rlim_t>(20 - getpriority(PRIO_PROCESS, 0));
}

/// The first of those that sched_setattr(2) takes; glibc declares it from 2.41 on.
struct SchedulingAttributes {
  uint32_t size = sizeof(SchedulingAttributes);
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;  // of SCHED_OTHER: how long a turn is, ns; 0: as usual
  uint64_t deadline = 0;
  uint64_t period = 0;
};

/// Becomes what it was, or is, but for the turns. Where that is not allowed, they stay as they are.
void take_turns(int policy, uint64_t length) {
  const SchedulingAttributes wanted{
      .policy = static_cast<uint32_t>(policy), .nice = getpriority(PRIO_PROCESS, 0), .runtime = length};
  syscall(SYS_sched_setattr, 0, &wanted, 0);
}

/// But us. The kernel counts who wants to run at this moment (proc(5), /proc/loadavg).
bool nobody_else_runs() {
  const int file = open("/proc/loadavg", O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char text[96];
  const ssize_t n = read(file, text, sizeof text - 1);
  close(file);
  int running = 0;
  text[std::max<ssize_t>(n, 0)] = '\0';
  return std::sscanf(text, "%*f %*f %*f %d/", &running) == 1 && running <= 1;
}

}  // namespace

CpuFollower::CpuFollower() {
  former_policy_ = sched_getscheduler(0);
  // A real-time tracer has been placed by someone who knows better.
  if (former_policy_ != SCHED_OTHER && former_policy_ != SCHED_BATCH) return;
  take_turns(former_policy_, kShortTurn);
  if (sched_getaffinity(0, sizeof former_cpus_, &former_cpus_) < 0 || CPU_COUNT(&former_cpus_) < 2) return;
  enabled_ = true;
  schedstat_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  may_idle_ = schedstat_ >= 0 && may_come_back();
}

CpuFollower::~CpuFollower() {
  if (idle_) become_normal();
  if (cpu_ >= 0) sched_setaffinity(0, sizeof former_cpus_, &former_cpus_);
  if (schedstat_ >= 0) close(schedstat_);
  if (former_policy_ == SCHED_OTHER || former_policy_ == SCHED_BATCH) take_turns(former_policy_, 0);
}

uint64_t CpuFollower::delay_since_last_look() {
  // "run time, run delay, timeslices", ns (Documentation/scheduler/sched-stats.rst)
  char text[96];
  const ssize_t n = pread(schedstat_, text, sizeof text - 1, 0);
  if (n <= 0) return UINT64_MAX;
  text[n] = '\0';
  char* rest = nullptr;
  std::strtoull(text, &rest, 10);
  const uint64_t waited = std::strtoull(rest, nullptr, 10);
  const uint64_t delay = waited - waited_;
  waited_ = waited;
  return delay;
}

bool CpuFollower::contended() {
  const uint64_t delay = delay_since_last_look();
  delayed_ = delay > kSomeDelay * kLookEvery ? delayed_ + 1 : 0;
  return delayed_ >= kGoesOn || delay > kGreatDelay * kLookEvery;
}

void CpuFollower::give_way() {
  become_normal();
  next_pause_ = next_pause_ == 0 ? kFirstPause : std::min(next_pause_ * 2, kLongestPause);
  pause_ = next_pause_;
  restless_ = 0;
  calm_ = 0;
}

void CpuFollower::end_beginning() {
  if (!beginning_) return;
  beginning_ = false;
  if (idle_) become_normal();
}

void CpuFollower::look(pid_t tid, bool alone) {
  countdown_ = kLookEvery;
  if (pause_ != 0) --pause_;
  if (idle_) {
    if (contended()) {
      give_way();
    } else if (++calm_ == kCalm) {
      next_pause_ = 0;
    }
  }
  if (looks_++ % kPlaceEvery != 0) return;
  const bool moved = place(tid);
  if (looks_ == 1) {
    beginning_ = alone && nobody_else_runs();
    if (beginning_ && may_idle_) become_idle();
    return;
  }
  restless_ = moved ? restless_ + 1 : 0;
  if (may_idle_ && !idle_ && pause_ == 0 && restless_ >= kRestless) become_idle();
}

/// As SCHED_IDLE only: otherwise a thread that has moved away would do so again at once.
void CpuFollower::watch_pace(pid_t tid) {
  const uint64_t now = ringbuf::StandardModel::now();
  const uint64_t pace = now - last_stop_;
  const bool slow = tid == last_tid_ && pace > kSlowStop;
  last_tid_ = tid;
  last_stop_ = now;
  if (!slow) {
    slow_ = 0;
    return;
  }
  // Beside somebody who does not stop running we would get a three-hundredth of the processor: once is enough.
  if (pace > kLongStop && delay_since_last_look() > kGreatDelay) {
    give_way();
    return;
  }
  if (++slow_ < slow_limit_) return;
  slow_ = 0;
  // A thread that is slow by itself is looked at ever less often.
  slow_limit_ = place(tid) ? kFewSlow : std::min(slow_limit_ * 2, kManySlow);
}

/// Goes where the thread is; true if that was elsewhere.
bool CpuFollower::place(pid_t tid) {
  const int cpu = proc::last_cpu(tid);
  if (cpu < 0 || cpu == cpu_ || !CPU_ISSET(cpu, &former_cpus_)) return false;
  pin(cpu);
  return true;
}

void CpuFollower::pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof one, &one) < 0) return;
  cpu_ = cpu;
}

void CpuFollower::become_idle() {
  const sched_param none{};
  delay_since_last_look();  // from here on we count
  delayed_ = 0;
  calm_ = 0;
  slow_ = 0;
  slow_limit_ = kFewSlow;
  idle_ = sched_setscheduler(0, SCHED_IDLE, &none) == 0;
  may_idle_ = idle_;
}

void CpuFollower::become_normal() {
  const sched_param none{};
  sched_setscheduler(0, former_policy_, &none);
  take_turns(former_policy_, kShortTurn);  // they are the usual ones again
  idle_ = false;
}

}  // namespace sightline::tracer
