// Arguments whose meaning another argument decides: fcntl, prctl, futex, ptrace, seccomp, keyctl, quotactl, fsconfig,
// io_uring_register. What is not listed here is a value, or something nobody prints. The numbers are those of the
// kernel's uapi headers; each is named after its constant there.

#include <array>
#include <cstdint>

#include "tracer/capture_writer.h"

namespace sightline::tracer {
namespace {

uint32_t command(const CaptureStep& step, uint8_t index) {
  return static_cast<uint32_t>(step.state.args[index]);
}

void at_entry(const CaptureStep& step, uint64_t size) {
  if (!step.at_exit()) step.writer.bytes(step.what.arg, step.address(), size);
}

void at_exit(const CaptureStep& step, uint64_t size) {
  if (step.at_exit()) step.writer.bytes(step.what.arg, step.address(), size);
}

}  // namespace

void capture_fcntl(const CaptureStep& step) {
  const bool i386 = step.state.abi == Abi::i386;
  const uint32_t lock = i386 ? 16 : 32;    // struct flock
  const uint32_t lock64 = i386 ? 24 : 32;  // struct flock64
  const auto both = [&](uint32_t size) { step.writer.bytes(step.what.arg, step.address(), size); };
  switch (command(step, 1)) {
    case 5:
      both(lock);
      break;  // F_GETLK
    case 6:   // F_SETLK
    case 7:
      at_entry(step, lock);
      break;  // F_SETLKW
    case 12:  // F_GETLK64
      if (i386) both(lock64);
      break;
    case 13:  // F_SETLK64
    case 14:  // F_SETLKW64
      if (i386) at_entry(step, lock64);
      break;
    case 15:
      at_entry(step, 8);
      break;  // F_SETOWN_EX: struct f_owner_ex
    case 16:
      at_exit(step, 8);
      break;  // F_GETOWN_EX
    case 17:
      at_exit(step, 8);
      break;  // F_GETOWNER_UIDS: two uid_t
    case 36:
      both(lock64);
      break;  // F_OFD_GETLK
    case 37:  // F_OFD_SETLK
    case 38:
      at_entry(step, lock64);
      break;    // F_OFD_SETLKW
    case 1035:  // F_GET_RW_HINT
    case 1037:
      at_exit(step, 8);
      break;    // F_GET_FILE_RW_HINT
    case 1036:  // F_SET_RW_HINT
    case 1038:
      at_entry(step, 8);
      break;  // F_SET_FILE_RW_HINT
    default:
      break;
  }
}

namespace {

/// struct sock_fprog {u16 len; struct sock_filter *filter} and the filter.
void capture_filter(const CaptureStep& step) {
  if (step.at_exit()) return;
  const uint32_t word = step.writer.layout().word;
  const std::span<const std::byte> program = step.writer.bytes(step.what.arg, step.address(), uint64_t{2} * word);
  step.writer.array(step.what.arg, word_at(program, word, word), word_at(program, 0, 4) & 0xffff, 8);
}

}  // namespace

void capture_prctl(const CaptureStep& step) {
  constexpr uint32_t kSeccompModeFilter = 2;
  const bool first = step.what.arg == 1;
  switch (command(step, 0)) {
    case 2:   // PR_GET_PDEATHSIG
    case 5:   // PR_GET_UNALIGN
    case 9:   // PR_GET_FPEMU
    case 11:  // PR_GET_FPEXC
    case 19:  // PR_GET_ENDIAN
    case 25:  // PR_GET_TSC
    case 37:  // PR_GET_CHILD_SUBREAPER
      if (first) at_exit(step, 4);
      break;
    case 15:  // PR_SET_NAME: 16 bytes count
      if (first && !step.at_exit()) step.writer.string(step.what.arg, step.address(), 15, 16);
      break;
    case 16:  // PR_GET_NAME
      if (first && step.at_exit()) step.writer.string(step.what.arg, step.address(), 15, 16);
      break;
    case 22:  // PR_SET_SECCOMP
      if (step.what.arg == 2 && command(step, 1) == kSeccompModeFilter) capture_filter(step);
      break;
    case 40:  // PR_GET_TID_ADDRESS
      if (first) at_exit(step, step.writer.layout().long_size);
      break;
    case 62:  // PR_SCHED_CORE: PR_SCHED_CORE_GET
      if (step.what.arg == 4 && command(step, 1) == 0) at_exit(step, 8);
      break;
    case 0x41555856:  // PR_GET_AUXV
      if (first && step.at_exit()) step.writer.bytes(step.what.arg, step.address(), step.returned());
      break;
    case 0x53564d41:  // PR_SET_VMA: PR_SET_VMA_ANON_NAME
      if (step.what.arg == 4 && !step.at_exit()) step.writer.string(step.what.arg, step.address(), 80, 81);
      break;
    default:
      break;
  }
}

void capture_futex(const CaptureStep& step) {
  constexpr uint32_t kCommandMask = ~(128u | 256u);  // FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME
  switch (command(step, 1) & kCommandMask) {
    case 0:   // FUTEX_WAIT
    case 6:   // FUTEX_LOCK_PI
    case 9:   // FUTEX_WAIT_BITSET
    case 11:  // FUTEX_WAIT_REQUEUE_PI
    case 13:
      at_entry(step, step.what.size);
      break;  // FUTEX_LOCK_PI2
    default:
      break;
  }
}

void capture_ptrace(const CaptureStep& step) {
  const uint32_t word = step.writer.layout().word;
  const uint64_t room = step.length_argument(2);
  const bool i386 = step.state.abi == Abi::i386;
  switch (command(step, 0)) {
    case 1:  // PTRACE_PEEKTEXT: the system call stores what it read
    case 2:  // PTRACE_PEEKDATA
    case 3:
      at_exit(step, word);
      break;  // PTRACE_PEEKUSER
    case 12:
      at_exit(step, i386 ? 68 : 216);
      break;  // PTRACE_GETREGS: struct user_regs_struct
    case 13:
      at_entry(step, i386 ? 68 : 216);
      break;  // PTRACE_SETREGS
    case 14:
      at_exit(step, i386 ? 108 : 512);
      break;  // PTRACE_GETFPREGS
    case 15:
      at_entry(step, i386 ? 108 : 512);
      break;  // PTRACE_SETFPREGS
    case 25:
      at_exit(step, 16);
      break;  // PTRACE_GET_THREAD_AREA: struct user_desc
    case 26:
      at_entry(step, 16);
      break;  // PTRACE_SET_THREAD_AREA
    case 0x4201:
      at_exit(step, word);
      break;  // PTRACE_GETEVENTMSG
    case 0x4202:
      at_exit(step, 128);
      break;  // PTRACE_GETSIGINFO
    case 0x4203:
      at_entry(step, 128);
      break;      // PTRACE_SETSIGINFO
    case 0x4204:  // PTRACE_GETREGSET: an iovec, updated
      capture_iovec(step.writer, step.what.arg, step.address(), 1, 0);
      break;
    case 0x4205:  // PTRACE_SETREGSET
      if (!step.at_exit()) capture_iovec(step.writer, step.what.arg, step.address(), 1, 0);
      break;
    case 0x4209:  // PTRACE_PEEKSIGINFO: as many siginfo_t as it returns
      if (step.at_exit()) step.writer.array(step.what.arg, step.address(), step.returned(), 128);
      break;
    case 0x420a:
      at_exit(step, 8);
      break;  // PTRACE_GETSIGMASK
    case 0x420b:
      at_entry(step, 8);
      break;      // PTRACE_SETSIGMASK
    case 0x420c:  // PTRACE_SECCOMP_GET_FILTER: struct sock_filter[]
      if (step.at_exit()) step.writer.array(step.what.arg, step.address(), step.returned(), 8);
      break;
    case 0x420e:  // PTRACE_GET_SYSCALL_INFO: returns what there is, fills what fits
    case 0x420f:  // PTRACE_GET_RSEQ_CONFIGURATION
      if (step.at_exit()) {
        step.writer.bytes(step.what.arg, step.address(), std::min(step.returned(), std::min<uint64_t>(room, 256)));
      }
      break;
    case 0x4210:  // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
    case 0x4212:
      at_entry(step, std::min<uint64_t>(room, 256));
      break;  // PTRACE_SET_SYSCALL_INFO
    case 0x4211:
      at_exit(step, std::min<uint64_t>(room, 256));
      break;  // PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
    default:
      break;
  }
}

void capture_seccomp(const CaptureStep& step) {
  switch (command(step, 0)) {
    case 1:
      capture_filter(step);
      break;  // SECCOMP_SET_MODE_FILTER
    case 2:
      at_entry(step, 4);
      break;  // SECCOMP_GET_ACTION_AVAIL: u32
    case 3:
      at_exit(step, 6);
      break;  // SECCOMP_GET_NOTIF_SIZES: three u16
    default:
      break;
  }
}

namespace {

/// What keyctl(2) does with one of its arguments.
struct KeyArgument {
  enum class Use : uint8_t { name, payload, answer };
  uint8_t operation;
  uint8_t arg;
  Use use;
  uint8_t len_arg = 0;
};

constexpr std::array kKeyArguments = std::to_array<KeyArgument>({
    {1, 1, KeyArgument::Use::name},         // KEYCTL_JOIN_SESSION_KEYRING
    {2, 2, KeyArgument::Use::payload, 3},   // KEYCTL_UPDATE
    {6, 2, KeyArgument::Use::answer, 3},    // KEYCTL_DESCRIBE
    {10, 2, KeyArgument::Use::name},        // KEYCTL_SEARCH: type
    {10, 3, KeyArgument::Use::name},        // KEYCTL_SEARCH: description
    {11, 2, KeyArgument::Use::answer, 3},   // KEYCTL_READ
    {12, 2, KeyArgument::Use::payload, 3},  // KEYCTL_INSTANTIATE
    {17, 2, KeyArgument::Use::answer, 3},   // KEYCTL_GET_SECURITY
    {29, 2, KeyArgument::Use::name},        // KEYCTL_RESTRICT_KEYRING: type
    {29, 3, KeyArgument::Use::name},        // KEYCTL_RESTRICT_KEYRING: restriction
    {31, 1, KeyArgument::Use::answer, 2},   // KEYCTL_CAPABILITIES
});

}  // namespace

void capture_keyctl(const CaptureStep& step) {
  for (const KeyArgument& key : kKeyArguments) {
    if (key.operation != command(step, 0) || key.arg != step.what.arg) continue;
    switch (key.use) {
      case KeyArgument::Use::name:
        if (!step.at_exit()) step.writer.path(key.arg, step.address());
        break;
      case KeyArgument::Use::payload:
        if (!step.at_exit()) step.writer.payload(key.arg, step.address(), step.length_argument(key.len_arg));
        break;
      case KeyArgument::Use::answer:
        // The operation returns the length of all there is, which may not have fitted.
        if (step.at_exit()) {
          step.writer.payload(key.arg, step.address(), std::min(step.returned(), step.length_argument(key.len_arg)));
        }
        break;
    }
  }
}

void capture_quotactl(const CaptureStep& step) {
  constexpr uint32_t kSubcommandShift = 8;  // QCMD()
  switch (command(step, step.what.len_arg) >> kSubcommandShift) {
    case 0x800002:  // Q_QUOTAON: the quota file
      if (!step.at_exit()) step.writer.path(step.what.arg, step.address());
      break;
    case 0x800004:
      at_exit(step, 4);
      break;  // Q_GETFMT
    case 0x800005:
      at_exit(step, 24);
      break;  // Q_GETINFO: struct if_dqinfo
    case 0x800006:
      at_entry(step, 24);
      break;  // Q_SETINFO
    case 0x800007:
      at_exit(step, 72);
      break;  // Q_GETQUOTA: struct if_dqblk
    case 0x800008:
      at_entry(step, 72);
      break;  // Q_SETQUOTA
    case 0x800009:
      at_exit(step, 72);
      break;      // Q_GETNEXTQUOTA: struct if_nextdqblk
    case 0x5801:  // Q_XQUOTAON
    case 0x5802:
      at_entry(step, 4);
      break;      // Q_XQUOTAOFF
    case 0x5803:  // Q_XGETQUOTA: struct fs_disk_quota
    case 0x5809:
      at_exit(step, 112);
      break;  // Q_XGETNEXTQUOTA
    case 0x5804:
      at_entry(step, 112);
      break;  // Q_XSETQLIM
    case 0x5805:
      at_exit(step, 80);
      break;      // Q_XGETQSTAT: struct fs_quota_stat
    case 0x5808:  // Q_XGETQSTATV: struct fs_quota_statv, whose version is asked for
      step.writer.bytes(step.what.arg, step.address(), 144);
      break;
    default:
      break;
  }
}

void capture_fsconfig(const CaptureStep& step) {
  switch (command(step, 1)) {
    case 1:
      step.writer.text(step.what.arg, step.address());
      break;  // FSCONFIG_SET_STRING
    case 2:
      step.writer.payload(step.what.arg, step.address(), step.length_argument(4));
      break;  // FSCONFIG_SET_BINARY
    case 3:   // FSCONFIG_SET_PATH
    case 4:
      step.writer.path(step.what.arg, step.address());
      break;  // FSCONFIG_SET_PATH_EMPTY
    default:
      break;
  }
}

void capture_io_uring_register(const CaptureStep& step) {
  constexpr uint32_t kRegisteredRing = uint32_t{1} << 31;  // IORING_REGISTER_USE_REGISTERED_RING
  CaptureWriter& writer = step.writer;
  const uint64_t count = step.length_argument(3);
  switch (command(step, 1) & ~kRegisteredRing) {
    case 0:
      writer.array(step.what.arg, step.address(), count, uint64_t{2} * writer.layout().word);
      break;  // BUFFERS
    case 2:
      writer.array(step.what.arg, step.address(), count, 4);
      break;  // FILES
    case 4:   // EVENTFD
    case 7:
      writer.bytes(step.what.arg, step.address(), 4);
      break;  // EVENTFD_ASYNC
    case 6:
      writer.bytes(step.what.arg, step.address(), 16);
      break;  // FILES_UPDATE: struct io_uring_rsrc_update
    default:
      break;
  }
}

}  // namespace sightline::tracer
