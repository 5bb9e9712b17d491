// Children that the program does not want traced (CLONE_UNTRACED: sanitizers' leak checkers stop their own program from
// one). They come with their parent's patched call sites, or a copy of them, and nobody would give them a place in the
// stub. So the flag is taken off for the length of the call, and they are traced like others; without -f nothing of
// them is shown.
#include <linux/sched.h>
#include <sys/syscall.h>

#include <cstddef>
#include <span>

#include "tracer/inprocess/inprocess.h"
#include "tracer/x86_64/registers.h"

namespace sightline::tracer::inprocess {
namespace {

/// Writes the flags of the clone(2) or clone3(2) that the thread is stopped in.
bool write_flags(const Tracee& tracee, uint64_t flags) {
  if (tracee.call.nr == SYS_clone3)  // the first field of struct clone_args
    return write_memory(tracee.tid, tracee.call.args[0], std::as_bytes(std::span(&flags, 1)));
  user_regs_struct registers{};
  if (!get_registers(tracee.tid, registers)) return false;
  registers.rdi = flags;
  return set_registers(tracee.tid, registers);
}

}  // namespace

void InProcess::take_untraced_off(Tracee& tracee, uint64_t flags) {
  const OpenCall& call = tracee.call;
  if (tracee.inside == nullptr || call.abi != Abi::x86_64 || (call.nr != SYS_clone && call.nr != SYS_clone3)) return;
  if ((flags & CLONE_UNTRACED) != 0 && write_flags(tracee, flags & ~uint64_t{CLONE_UNTRACED}))
    tracee.inside->flags_taken_off = flags;
}

void InProcess::put_untraced_back(Tracee& tracee) {
  if (tracee.inside->flags_taken_off == 0) return;
  write_flags(tracee, tracee.inside->flags_taken_off);
  tracee.inside->flags_taken_off = 0;
}

}  // namespace sightline::tracer::inprocess
