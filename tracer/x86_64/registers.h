/// All that the ptrace engine knows of this processor's registers.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "tracer/span.h"

namespace sightline::tracer::arch {

/// Which table a call belongs to, by PTRACE_GET_SYSCALL_INFO's `arch` (an AUDIT_ARCH_… value) and its number, whose
/// x32 bit is taken off.
Abi abi_of(uint32_t audit_arch, int32_t& nr);

/// The general registers of a stopped thread in DWARF order. False: the thread is gone.
bool read_registers(pid_t tid, RegisterBlock& out);

/// Whether a call's raw answer is one of the kernel's own: ERESTARTSYS … ERESTART_RESTARTBLOCK, include/linux/errno.h.
constexpr bool is_restart(int64_t ret) {
  return ret <= -512 && ret >= -516;
}

/// Whether the thread, in a stop that PTRACE_INTERRUPT caused, has just been thrown out of a call which answers EINTR
/// to any interruption (signal(7), "Interruption of system calls by stop signals": epoll_wait, semop, sigtimedwait,
/// receiving with a timeout). If so its return value becomes ERESTARTNOHAND, so that the call starts again unless a
/// handler runs, and the program never learns that it was stopped.
void hide_interruption(pid_t tid);

/// At the exit stop that precedes such an interruption's own stop: whether hide_interruption will change it, and the
/// value the call then has in truth.
bool would_hide(pid_t tid);
inline constexpr int64_t kHiddenReturn = -514;  // ERESTARTNOHAND, include/linux/errno.h

}  // namespace sightline::tracer::arch
