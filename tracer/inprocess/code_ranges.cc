// Also compiled into the stub.
#include "tracer/inprocess/code_ranges.h"

#include <linux/prctl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

namespace sightline::tracer::inprocess {
namespace {

constexpr uint64_t kSetFs = 0x1002;  // ARCH_SET_FS, ARCH_GET_FS: arch_prctl(2)
constexpr uint64_t kGetFs = 0x1003;

// PROT_EXEC, protection keys, and what makes a range larger than it says (PROT_GROWSDOWN), are for the tracer.
constexpr uint64_t kHarmlessProtection = PROT_READ | PROT_WRITE;

/// The kernel looks at 32 bits of most that is no address.
constexpr uint32_t low(uint64_t value) {
  return static_cast<uint32_t>(value);
}

bool moves_code(const uint64_t (&args)[6], const CodeRanges& code) {
  constexpr uint64_t kPage = 4096;
  // Of a length of 0 a shared mapping is mapped once more.
  const uint64_t length = args[1] == 0 ? kPage : args[1];
  return code.touched(args[0], length) || ((args[3] & MREMAP_FIXED) != 0 && code.touched(args[4], args[2]));
}

/// Signals whose handlers the stub's own traps and faults pass by.
bool is_of_the_stub(uint32_t signo) {
  return signo == SIGSYS || signo == SIGTRAP || signo == SIGSEGV || signo == SIGBUS || signo == SIGILL ||
         signo == SIGFPE;
}

}  // namespace

bool is_for_tracer(int32_t nr, const uint64_t (&args)[6], const CodeRanges* code) {
  switch (nr) {
    case SYS_mmap:
      // Where it is not told where to, it takes what nobody has.
      return code == nullptr || (args[2] & ~kHarmlessProtection) != 0 ||
             ((args[3] & MAP_FIXED) != 0 && code->touched(args[0], args[1]));
    case SYS_munmap:
      return code == nullptr || code->touched(args[0], args[1]);
    case SYS_mprotect:
      return code == nullptr || (args[2] & ~kHarmlessProtection) != 0 || code->touched(args[0], args[1]);
    case SYS_madvise:
      return low(args[2]) == MADV_DONTNEED && (code == nullptr || code->touched(args[0], args[1]));
    case SYS_mremap:
      return code == nullptr || moves_code(args, *code);
    case SYS_brk:         // What code there is in a heap is made such by mprotect(2). Patches are looked at before they
    case SYS_exit_group:  // are believed in.
      return false;
    case SYS_rt_sigaction:
      return is_of_the_stub(low(args[0]));
    case SYS_arch_prctl:
      return low(args[0]) != kSetFs && low(args[0]) != kGetFs;
    case SYS_prctl:
      return low(args[0]) != PR_SET_NAME && low(args[0]) != PR_GET_NAME && low(args[0]) != PR_GET_DUMPABLE &&
             low(args[0]) != PR_CAPBSET_READ;
    case SYS_setrlimit:
      return low(args[0]) == RLIMIT_AS;
    case SYS_prlimit64:
      return low(args[1]) == RLIMIT_AS && args[2] != 0;
    default:
      return true;
  }
}

}  // namespace sightline::tracer::inprocess
