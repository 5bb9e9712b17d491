#include "tracer/inprocess/dispatch.h"

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "tracer/inprocess/layout.h"
#include "tracer/inprocess/remote.h"
#include "tracer/tracee.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer::inprocess {
namespace {

// Older headers lack these.
constexpr long kPtraceSet = 0x4210;  // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
constexpr int kPrctlSet = 59;        // PR_SET_SYSCALL_USER_DISPATCH

/// struct ptrace_sud_config (include/uapi/linux/ptrace.h).
struct Config {
  uint64_t mode;  ///< PR_SYS_DISPATCH_OFF, PR_SYS_DISPATCH_ON
  uint64_t selector;
  uint64_t offset;
  uint64_t length;
};

}  // namespace

bool Dispatch::exists() {
  return prctl(kPrctlSet, 0, 0, 0, 0) == 0;  // of our own, which is off
}

bool Dispatch::set_by_call(RemoteCalls& remote, bool on) {
  const auto answer = on ? remote.call(SYS_prctl, {kPrctlSet, 1, kCode, kCodeBytes, 0})
                         : remote.call(SYS_prctl, {kPrctlSet, 0, 0, 0, 0});
  return answer && *answer == 0;
}

Dispatch::Outcome Dispatch::set(Tracee& tracee, bool on, uint64_t remote) {
  if (!by_call_) {
    const Config config{.mode = on ? 1u : 0u, .selector = 0, .offset = on ? kCode : 0, .length = on ? kCodeBytes : 0};
    if (syscall(SYS_ptrace, kPtraceSet, tracee.tid, sizeof config, &config) == 0) return {.done = true};
    if (errno == ESRCH) return {};
    by_call_ = true;  // EIO: a request that this kernel does not know
  }
  RemoteCalls calls(tracee, remote);
  Outcome outcome;
  outcome.done = set_by_call(calls, on);
  outcome.called = true;
  const auto& before = calls.registers();
  if (static_cast<int64_t>(before.orig_rax) >= 0 && arch::is_restart(static_cast<int64_t>(before.rax)))
    tracee.interrupting = true;
  return outcome;
}

}  // namespace sightline::tracer::inprocess
