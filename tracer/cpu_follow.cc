#include "tracer/cpu_follow.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "tracer/proc.h"

namespace sightline::tracer {
namespace {

constexpr uint32_t kLookEvery = 16;        // stops; a look at our waiting time costs 1 µs …
constexpr uint32_t kPlaceEvery = 4;        // … and at the thread's place 10 µs, so only at every fourth look
constexpr uint64_t kPatience = 30'000;     // ns of waiting for the processor per stop before we call it contended
constexpr uint32_t kRestless = 3;          // moves in a row that show an idle processor next to ours
constexpr uint32_t kFirstPause = 256;      // looks
constexpr uint32_t kLongestPause = 65536;  // looks

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

}  // namespace

CpuFollower::CpuFollower() {
  former_policy_ = sched_getscheduler(0);
  // A real-time tracer has been placed by someone who knows better.
  if (former_policy_ != SCHED_OTHER && former_policy_ != SCHED_BATCH) return;
  if (sched_getaffinity(0, sizeof former_cpus_, &former_cpus_) < 0 || CPU_COUNT(&former_cpus_) < 2) return;
  enabled_ = true;
  schedstat_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  may_idle_ = schedstat_ >= 0 && may_come_back();
}

CpuFollower::~CpuFollower() {
  if (idle_) become_normal();
  if (cpu_ >= 0) sched_setaffinity(0, sizeof former_cpus_, &former_cpus_);
  if (schedstat_ >= 0) close(schedstat_);
}

bool CpuFollower::contended() {
  // "run time, run delay, timeslices", ns (Documentation/scheduler/sched-stats.rst)
  char text[96];
  const ssize_t n = pread(schedstat_, text, sizeof text - 1, 0);
  if (n <= 0) return true;
  text[n] = '\0';
  char* rest = nullptr;
  std::strtoull(text, &rest, 10);
  const uint64_t waited = std::strtoull(rest, nullptr, 10);
  const uint64_t delay = waited - waited_;
  waited_ = waited;
  return delay > kPatience * kLookEvery;
}

void CpuFollower::look(pid_t tid) {
  countdown_ = kLookEvery;
  if (pause_ != 0) --pause_;
  if (idle_ && contended()) {
    become_normal();
    next_pause_ = next_pause_ == 0 ? kFirstPause : std::min(next_pause_ * 2, kLongestPause);
    pause_ = next_pause_;
    restless_ = 0;
  }
  if (looks_++ % kPlaceEvery != 0) return;
  const int cpu = proc::last_cpu(tid);
  if (cpu < 0 || !CPU_ISSET(cpu, &former_cpus_)) return;
  restless_ = cpu != cpu_ ? restless_ + 1 : 0;
  if (cpu != cpu_) pin(cpu);
  if (may_idle_ && !idle_ && pause_ == 0 && restless_ >= kRestless) become_idle();
}

void CpuFollower::pin(int cpu) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof one, &one) == 0) cpu_ = cpu;
}

void CpuFollower::become_idle() {
  const sched_param none{};
  contended();  // from here on we count
  idle_ = sched_setscheduler(0, SCHED_IDLE, &none) == 0;
  may_idle_ = idle_;
}

void CpuFollower::become_normal() {
  const sched_param none{};
  sched_setscheduler(0, former_policy_, &none);
  idle_ = false;
}

}  // namespace sightline::tracer
