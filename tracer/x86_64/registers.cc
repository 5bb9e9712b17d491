#include "tracer/x86_64/registers.h"

#include <linux/audit.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>

#include <cerrno>

namespace sightline::tracer::arch {
namespace {

constexpr int32_t kX32Bit = 0x40000000;

bool answers_eintr_to_any_stop(uint64_t nr) {
  switch (nr) {
    case SYS_epoll_wait:
    case SYS_epoll_pwait:
    case SYS_epoll_pwait2:
    case SYS_semop:
    case SYS_semtimedop:
    case SYS_rt_sigtimedwait:
    case SYS_recvfrom:
    case SYS_recvmsg:
    case SYS_recvmmsg:
    case SYS_sendto:
    case SYS_sendmsg:
    case SYS_sendmmsg:
    case SYS_accept:
    case SYS_accept4:
    case SYS_connect:
    case SYS_read:
    case SYS_readv:
    case SYS_write:
    case SYS_writev:
    case SYS_io_getevents:
    case SYS_io_pgetevents:
      return true;
    default:
      return false;
  }
}

}  // namespace

Abi abi_of(uint32_t audit_arch, int32_t& nr) {
  if (audit_arch == AUDIT_ARCH_I386) return Abi::i386;
  if (nr >= 0 && (nr & kX32Bit) != 0) {
    nr &= ~kX32Bit;
    return Abi::x32;
  }
  return Abi::x86_64;
}

bool read_registers(pid_t tid, RegisterBlock& out) {
  user_regs_struct r{};
  if (ptrace(PTRACE_GETREGS, tid, nullptr, &r) < 0) return false;
  out = {{r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15,
          r.rip}};
  return true;
}

namespace {

bool was_interrupted(pid_t tid, user_regs_struct& r) {
  if (ptrace(PTRACE_GETREGS, tid, nullptr, &r) < 0) return false;
  // orig_rax is -1 unless the thread came through a system call. 0x33 is the 64-bit code segment: the numbers of
  // int 0x80 calls mean something else.
  if (static_cast<int64_t>(r.orig_rax) < 0 || r.cs != 0x33) return false;
  return static_cast<int64_t>(r.rax) == -EINTR && answers_eintr_to_any_stop(r.orig_rax);
}

}  // namespace

bool would_hide(pid_t tid) {
  user_regs_struct r{};
  return was_interrupted(tid, r);
}

void hide_interruption(pid_t tid) {
  user_regs_struct r{};
  if (!was_interrupted(tid, r)) return;
  r.rax = static_cast<unsigned long long>(kHiddenReturn);
  ptrace(PTRACE_SETREGS, tid, nullptr, &r);
}

}  // namespace sightline::tracer::arch
