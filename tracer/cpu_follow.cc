#include "tracer/cpu_follow.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tracer/proc.h"

namespace sightline::tracer {
namespace {

constexpr uint32_t kLookEvery = 64;          // stops; a look costs some 10 µs
constexpr uint64_t kPatience = 30'000;       // ns of waiting for the processor per stop before we call it contended
constexpr uint32_t kFirstPause = 4096;       // stops
constexpr uint32_t kLongestPause = 1 << 20;  // stops

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
  if (former_policy_ != SCHED_OTHER && former_policy_ != SCHED_BATCH) return;
  if (sched_getaffinity(0, sizeof former_cpus_, &former_cpus_) < 0 || CPU_COUNT(&former_cpus_) < 2) return;
  if (!may_come_back()) return;
  schedstat_ = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  enabled_ = schedstat_ >= 0;
}

CpuFollower::~CpuFollower() {
  leave();
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
  return delay > kPatience * stops_;
}

void CpuFollower::look(pid_t tid) {
  const bool too_slow = contended();
  if (joined_ && too_slow) {
    leave();
    pause_ = pause_ == 0 ? kFirstPause : pause_ < kLongestPause ? pause_ * 2 : pause_;
    countdown_ = stops_ = pause_;
    return;
  }
  countdown_ = stops_ = kLookEvery;
  const int cpu = proc::last_cpu(tid);
  if (cpu >= 0 && cpu != cpu_ && CPU_ISSET(cpu, &former_cpus_)) join(cpu);
}

void CpuFollower::join(int cpu) {
  if (!joined_) {
    const sched_param none{};
    if (sched_setscheduler(0, SCHED_IDLE, &none) < 0) {
      enabled_ = false;
      return;
    }
    joined_ = true;
  }
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu, &one);
  if (sched_setaffinity(0, sizeof one, &one) == 0) cpu_ = cpu;
}

void CpuFollower::leave() {
  if (!joined_) return;
  const sched_param none{};
  sched_setscheduler(0, former_policy_, &none);
  sched_setaffinity(0, sizeof former_cpus_, &former_cpus_);
  joined_ = false;
  cpu_ = -1;
}

}  // namespace sightline::tracer
