#include "tracer/inprocess/remote.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/ptrace.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>

#include "tracer/proc.h"
#include "tracer/tracee.h"

namespace sightline::tracer::inprocess {
namespace {

// glibc's <sys/ptrace.h> clashes with <linux/ptrace.h>.
long request(long what, pid_t tid, uint64_t address, const void* data) {
  return syscall(SYS_ptrace, what, tid, address, data);
}

}  // namespace

bool get_registers(pid_t tid, user_regs_struct& registers) {
  return request(PTRACE_GETREGS, tid, 0, &registers) == 0;
}

bool set_registers(pid_t tid, const user_regs_struct& registers) {
  return request(PTRACE_SETREGS, tid, 0, &registers) == 0;
}

bool set_register(pid_t tid, std::size_t offset, uint64_t value) {
  return syscall(SYS_ptrace, PTRACE_POKEUSR, tid, offset, value) == 0;
}

bool same_memory(pid_t a, pid_t b) {
  return syscall(SYS_kcmp, a, b, KCMP_VM, 0, 0) == 0;
}

bool get_blocked(pid_t tid, uint64_t& blocked) {
  return request(PTRACE_GETSIGMASK, tid, sizeof blocked, &blocked) == 0;
}

bool set_blocked(pid_t tid, uint64_t blocked) {
  return request(PTRACE_SETSIGMASK, tid, sizeof blocked, &blocked) == 0;
}

bool has_pending_trap(pid_t tid) {
  // Raised signals are the thread's own, which flags 0 asks for.
  constexpr int kMost = 32;
  ptrace_peeksiginfo_args args{.off = 0, .flags = 0, .nr = kMost};
  std::array<siginfo_t, kMost> pending;
  for (;;) {
    const long n = syscall(SYS_ptrace, PTRACE_PEEKSIGINFO, tid, &args, pending.data());
    if (n <= 0) return false;
    for (long i = 0; i < n; ++i) {
      const siginfo_t& info = pending[static_cast<std::size_t>(i)];
      if ((info.si_signo == SIGSYS || info.si_signo == SIGTRAP) && info.si_code > 0) return true;
    }
    args.off += static_cast<uint64_t>(n);
  }
}

bool read_memory(pid_t tid, uint64_t address, std::span<std::byte> into) {
  const iovec local{into.data(), into.size()};
  const iovec remote{reinterpret_cast<void*>(address), into.size()};
  return process_vm_readv(tid, &local, 1, &remote, 1, 0) == static_cast<ssize_t>(into.size());
}

bool write_memory(pid_t tid, uint64_t address, std::span<const std::byte> from) {
  char path[32];
  std::snprintf(path, sizeof path, "/proc/%d/mem", tid);
  const int file = open(path, O_RDWR | O_CLOEXEC);
  if (file < 0) return false;
  const ssize_t n = pwrite(file, from.data(), from.size(), static_cast<off_t>(address));
  close(file);
  return n == static_cast<ssize_t>(from.size());
}

RemoteCalls::RemoteCalls(Tracee& tracee, uint64_t syscall_at)
    : tracee_(tracee), tid_(tracee.tid), syscall_at_(syscall_at) {
  ready_ = get_registers(tid_, registers_) && get_blocked(tid_, mask_) && set_blocked(tid_, ~uint64_t{0});
}

RemoteCalls::~RemoteCalls() {
  if (!ready_ || lost_) return;
  set_registers(tid_, registers_);
  set_blocked(tid_, mask_);
  if (sent_again_ != 0) syscall(SYS_tkill, tid_, sent_again_);
}

/// Whether the thread has come to a stop, not to its end: that is left for the tracer's own waiting. A leader that dies
/// before its siblings is not reported at all until they are, and it is us who have to take those reports.
bool RemoteCalls::wait_for_stop() {
  constexpr unsigned kLookEvery = 64;
  for (unsigned i = 1;; ++i) {
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(tid_), &info, WEXITED | WSTOPPED | WNOWAIT | WNOHANG | __WALL) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    if (info.si_pid == tid_) return info.si_code == CLD_TRAPPED || info.si_code == CLD_STOPPED;
    if (i % kLookEvery == 0) {
      const auto status = proc::status(tid_);
      if (!status || status->state == 'Z' || status->state == 'X') return false;
      usleep(20);
    }
    sched_yield();
  }
}

/// One that could not be blocked. Returns what the thread goes on with: a stop signal takes effect at once, since a
/// SIGCONT that comes before it does takes it back, which it could not do to one that we would send again.
int RemoteCalls::met_signal(int signo) {
  if (signo != SIGSTOP) {
    sent_again_ = signo;
    return 0;
  }
  Meanwhile& met = tracee_.meanwhile.emplace_back(Meanwhile{.kind = Meanwhile::Kind::stop_signal, .signo = signo});
  request(PTRACE_GETSIGINFO, tid_, 0, met.siginfo.data());
  return signo;
}

/// Up to the stop that is meant. `done` is asked of those by a signal or a system call.
template <class Done>
bool RemoteCalls::run_to(long resume_by, const Done& done) {
  for (int signo = 0;;) {
    const auto with = reinterpret_cast<void*>(static_cast<intptr_t>(std::exchange(signo, 0)));
    if (request(resume_by, tid_, 0, with) < 0 && errno != ESRCH) return false;
    int status = 0;
    if (!wait_for_stop() || waitpid(tid_, &status, __WALL | WNOHANG) != tid_ || !WIFSTOPPED(status)) {
      lost_ = true;
      return false;
    }
    const int stop = WSTOPSIG(status);
    if (status >> 16 == 0) {
      if (done(stop)) return true;
      signo = met_signal(stop);
    } else if (status >> 16 == PTRACE_EVENT_STOP) {  // a group stop, the end of one, or an interruption of ours
      using Kind = Meanwhile::Kind;
      tracee_.interrupting = true;
      tracee_.meanwhile.push_back({.kind = stop == SIGTRAP ? Kind::end_of_stop : Kind::group_stop, .signo = stop});
    }
  }
}

std::optional<int64_t> RemoteCalls::call(long nr, std::initializer_list<uint64_t> arguments) {
  if (!ready_ || lost_) return std::nullopt;
  uint64_t args[6] = {};
  std::copy(arguments.begin(), arguments.end(), args);
  user_regs_struct r = registers_;
  r.rip = syscall_at_;
  r.rax = static_cast<uint64_t>(nr);
  r.orig_rax = ~uint64_t{0};  // nothing to restart
  r.rdi = args[0];
  r.rsi = args[1];
  r.rdx = args[2];
  r.r10 = args[3];
  r.r8 = args[4];
  r.r9 = args[5];
  const auto is_call = [](int stop) { return stop == (SIGTRAP | 0x80); };
  if (!set_registers(tid_, r) || !run_to(PTRACE_SYSCALL, is_call) || !run_to(PTRACE_SYSCALL, is_call) ||
      !get_registers(tid_, r))
    return std::nullopt;
  return static_cast<int64_t>(r.rax);
}

RemoteCalls::End RemoteCalls::run(user_regs_struct& registers) {
  constexpr int kUserDispatch = 2;  // SYS_USER_DISPATCH
  if (!ready_ || lost_) return End::lost;
  registers.orig_rax = ~uint64_t{0};
  End end = End::lost;
  const auto is_end = [&](int stop) {
    siginfo_t info{};
    if ((stop != SIGSYS && stop != SIGTRAP) || request(PTRACE_GETSIGINFO, tid_, 0, &info) != 0) return false;
    if (stop == SIGSYS && info.si_code == kUserDispatch) end = End::diverted;
    if (stop == SIGTRAP && info.si_code > 0) end = End::breakpoint;
    return end != End::lost;
  };
  // To raise a signal that is blocked takes its handler away. Only here: who has one blocked must not get one that is
  // for its process.
  const uint64_t all_but_ours = ~(uint64_t{1} << (SIGSYS - 1) | uint64_t{1} << (SIGTRAP - 1));
  if (!set_registers(tid_, registers) || !set_blocked(tid_, all_but_ours) || !run_to(PTRACE_CONT, is_end) ||
      !get_registers(tid_, registers))
    return End::lost;
  set_blocked(tid_, ~uint64_t{0});
  return end;
}

}  // namespace sightline::tracer::inprocess
