// Arguments whose meaning another argument decides: fcntl, prctl, futex, ptrace, seccomp, keyctl, quotactl, fsconfig,
// io_uring_register. Each has a table of the commands whose argument leads to memory; what is not listed is a value, or
// something nobody prints. Numbers and sizes are those of the kernel's uapi headers, the comments name the constants.

#include <array>
#include <cstdint>
#include <span>

#include "tracer/capture_writer.h"

namespace sightline::tracer {
namespace {

enum class Use : uint8_t {
  in,        ///< `size` bytes at entry
  out,       ///< `size` bytes at exit
  both,      ///< at entry and at exit
  name,      ///< a path or name at entry
  text,      ///< text at entry, up to the string limit
  name_out,  ///< a name at exit
  payload,   ///< args[len_arg] bytes of payload at entry
  answer,    ///< payload at exit: as many bytes as the call returned, at most args[len_arg]
  room_in,   ///< args[len_arg] bytes at entry, kept whole
  room_out,  ///< args[len_arg] bytes at exit
  returned,  ///< as many elements of `size` bytes as the call returned
  counted,   ///< args[len_arg] elements of `size` bytes at entry
  iovecs,    ///< args[len_arg] iovecs at entry, not their data
  program,   ///< struct sock_fprog {u16 len; struct sock_filter *filter} and the filter, at entry
};

constexpr uint16_t kWord = 0xffff;  // a size that is the layout's
constexpr uint16_t kLong = 0xfffe;
constexpr uint64_t kWholeBytes = 4096;

struct Row {
  uint32_t command;
  uint8_t arg;  ///< which argument leads to memory
  Use use;
  uint16_t size = 0;
  uint16_t i386_size = 0;  ///< 0: the same
  uint8_t len_arg = 0;
};

uint64_t size_of(const Row& row, const CaptureStep& step) {
  const uint16_t size = step.state.abi == Abi::i386 && row.i386_size != 0 ? row.i386_size : row.size;
  if (size == kWord) return step.writer.layout().word;
  return size == kLong ? step.writer.layout().long_size : size;
}

void capture_program(CaptureWriter& writer, uint8_t arg, uint64_t address) {
  const uint32_t word = writer.layout().word;
  const std::span<const std::byte> program = writer.bytes(arg, address, uint64_t{2} * word);
  writer.array(arg, word_at(program, word, word), word_at(program, 0, 4) & 0xffff, 8);
}

void capture_row(const Row& row, const CaptureStep& step) {
  CaptureWriter& writer = step.writer;
  const uint8_t arg = step.what.arg;
  const uint64_t address = step.address();
  const uint64_t length = step.length_argument(row.len_arg);
  const bool entry = !step.at_exit();
  switch (row.use) {
    case Use::in:
      if (entry) writer.bytes(arg, address, size_of(row, step));
      break;
    case Use::out:
      if (!entry) writer.bytes(arg, address, size_of(row, step));
      break;
    case Use::both:
      writer.bytes(arg, address, size_of(row, step));
      break;
    case Use::name:
      if (entry) writer.path(arg, address);
      break;
    case Use::text:
      if (entry) writer.text(arg, address);
      break;
    case Use::name_out:
      if (!entry) writer.path(arg, address);
      break;
    case Use::payload:
      if (entry) writer.payload(arg, address, length);
      break;
    case Use::answer:
      if (!entry) writer.payload(arg, address, std::min(step.returned(), length));
      break;
    case Use::room_in:
      if (entry) writer.bytes(arg, address, length, kWholeBytes);
      break;
    case Use::room_out:
      if (!entry) writer.bytes(arg, address, length, kWholeBytes);
      break;
    case Use::returned:
      if (!entry) writer.array(arg, address, step.returned(), size_of(row, step));
      break;
    case Use::counted:
      if (entry) writer.array(arg, address, length, size_of(row, step));
      break;
    case Use::iovecs:
      if (entry) writer.array(arg, address, length, uint64_t{2} * writer.layout().word);
      break;
    case Use::program:
      if (entry) capture_program(writer, arg, address);
      break;
  }
}

void capture_by(std::span<const Row> rows, uint32_t command, const CaptureStep& step) {
  for (const Row& row : rows) {
    if (row.command == command && row.arg == step.what.arg) {
      capture_row(row, step);
      return;
    }
  }
}

uint32_t command_in(const CaptureStep& step, uint8_t arg) {
  return static_cast<uint32_t>(step.state.args[arg]);
}

constexpr auto kFcntl = std::to_array<Row>({
    {5, 2, Use::both, 32, 16},   // F_GETLK: struct flock
    {6, 2, Use::in, 32, 16},     // F_SETLK
    {7, 2, Use::in, 32, 16},     // F_SETLKW
    {12, 2, Use::both, 32, 24},  // F_GETLK64: struct flock64, i386 only
    {13, 2, Use::in, 32, 24},    // F_SETLK64
    {14, 2, Use::in, 32, 24},    // F_SETLKW64
    {15, 2, Use::in, 8},         // F_SETOWN_EX: struct f_owner_ex
    {16, 2, Use::out, 8},        // F_GETOWN_EX
    {17, 2, Use::out, 8},        // F_GETOWNER_UIDS: two uid_t
    {36, 2, Use::both, 32, 24},  // F_OFD_GETLK: struct flock64
    {37, 2, Use::in, 32, 24},    // F_OFD_SETLK
    {38, 2, Use::in, 32, 24},    // F_OFD_SETLKW
    {1035, 2, Use::out, 8},      // F_GET_RW_HINT
    {1036, 2, Use::in, 8},       // F_SET_RW_HINT
    {1037, 2, Use::out, 8},      // F_GET_FILE_RW_HINT
    {1038, 2, Use::in, 8},       // F_SET_FILE_RW_HINT
});

constexpr auto kPrctl = std::to_array<Row>({
    {2, 1, Use::out, 4},                      // PR_GET_PDEATHSIG
    {5, 1, Use::out, 4},                      // PR_GET_UNALIGN
    {9, 1, Use::out, 4},                      // PR_GET_FPEMU
    {11, 1, Use::out, 4},                     // PR_GET_FPEXC
    {15, 1, Use::name},                       // PR_SET_NAME
    {16, 1, Use::name_out},                   // PR_GET_NAME
    {19, 1, Use::out, 4},                     // PR_GET_ENDIAN
    {22, 2, Use::program},                    // PR_SET_SECCOMP with SECCOMP_MODE_FILTER
    {25, 1, Use::out, 4},                     // PR_GET_TSC
    {37, 1, Use::out, 4},                     // PR_GET_CHILD_SUBREAPER
    {40, 1, Use::out, kLong},                 // PR_GET_TID_ADDRESS
    {62, 4, Use::out, 8},                     // PR_SCHED_CORE with PR_SCHED_CORE_GET
    {0x41555856, 1, Use::room_out, 0, 0, 2},  // PR_GET_AUXV
    {0x53564d41, 4, Use::name},               // PR_SET_VMA with PR_SET_VMA_ANON_NAME
});

constexpr auto kPtrace = std::to_array<Row>({
    {1, 3, Use::out, kWord},              // PTRACE_PEEKTEXT: the system call stores what it read
    {2, 3, Use::out, kWord},              // PTRACE_PEEKDATA
    {3, 3, Use::out, kWord},              // PTRACE_PEEKUSER
    {12, 3, Use::out, 216, 68},           // PTRACE_GETREGS: struct user_regs_struct
    {13, 3, Use::in, 216, 68},            // PTRACE_SETREGS
    {14, 3, Use::out, 512, 108},          // PTRACE_GETFPREGS: struct user_fpregs_struct
    {15, 3, Use::in, 512, 108},           // PTRACE_SETFPREGS
    {25, 3, Use::out, 16},                // PTRACE_GET_THREAD_AREA: struct user_desc
    {26, 3, Use::in, 16},                 // PTRACE_SET_THREAD_AREA
    {0x4201, 3, Use::out, kWord},         // PTRACE_GETEVENTMSG
    {0x4202, 3, Use::out, 128},           // PTRACE_GETSIGINFO
    {0x4203, 3, Use::in, 128},            // PTRACE_SETSIGINFO
    {0x4204, 3, Use::both, 16, 8},        // PTRACE_GETREGSET: an iovec, its length updated
    {0x4205, 3, Use::in, 16, 8},          // PTRACE_SETREGSET
    {0x4209, 3, Use::returned, 128},      // PTRACE_PEEKSIGINFO: siginfo_t[]
    {0x420a, 3, Use::out, 8},             // PTRACE_GETSIGMASK
    {0x420b, 3, Use::in, 8},              // PTRACE_SETSIGMASK
    {0x420c, 3, Use::returned, 8},        // PTRACE_SECCOMP_GET_FILTER: struct sock_filter[]
    {0x420e, 3, Use::room_out, 0, 0, 2},  // PTRACE_GET_SYSCALL_INFO
    {0x420f, 3, Use::room_out, 0, 0, 2},  // PTRACE_GET_RSEQ_CONFIGURATION
    {0x4210, 3, Use::room_in, 0, 0, 2},   // PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG
    {0x4211, 3, Use::room_out, 0, 0, 2},  // PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
    {0x4212, 3, Use::room_in, 0, 0, 2},   // PTRACE_SET_SYSCALL_INFO
});

constexpr auto kSeccomp = std::to_array<Row>({
    {1, 2, Use::program},  // SECCOMP_SET_MODE_FILTER
    {2, 2, Use::in, 4},    // SECCOMP_GET_ACTION_AVAIL
    {3, 2, Use::out, 6},   // SECCOMP_GET_NOTIF_SIZES: struct seccomp_notif_sizes
});

constexpr auto kKeyctl = std::to_array<Row>({
    {1, 1, Use::name},               // KEYCTL_JOIN_SESSION_KEYRING
    {2, 2, Use::payload, 0, 0, 3},   // KEYCTL_UPDATE
    {6, 2, Use::answer, 0, 0, 3},    // KEYCTL_DESCRIBE
    {10, 2, Use::name},              // KEYCTL_SEARCH: type
    {10, 3, Use::name},              // KEYCTL_SEARCH: description
    {11, 2, Use::answer, 0, 0, 3},   // KEYCTL_READ
    {12, 2, Use::payload, 0, 0, 3},  // KEYCTL_INSTANTIATE
    {17, 2, Use::answer, 0, 0, 3},   // KEYCTL_GET_SECURITY
    {29, 2, Use::name},              // KEYCTL_RESTRICT_KEYRING: type
    {29, 3, Use::name},              // KEYCTL_RESTRICT_KEYRING: restriction
    {31, 1, Use::answer, 0, 0, 2},   // KEYCTL_CAPABILITIES
});

// By the sub-command. addr is the fourth argument of quotactl and of quotactl_fd.
constexpr auto kQuotactl = std::to_array<Row>({
    {0x800002, 3, Use::name},     // Q_QUOTAON: the quota file
    {0x800004, 3, Use::out, 4},   // Q_GETFMT
    {0x800005, 3, Use::out, 24},  // Q_GETINFO: struct if_dqinfo
    {0x800006, 3, Use::in, 24},   // Q_SETINFO
    {0x800007, 3, Use::out, 72},  // Q_GETQUOTA: struct if_dqblk
    {0x800008, 3, Use::in, 72},   // Q_SETQUOTA
    {0x800009, 3, Use::out, 72},  // Q_GETNEXTQUOTA: struct if_nextdqblk
    {0x5801, 3, Use::in, 4},      // Q_XQUOTAON
    {0x5802, 3, Use::in, 4},      // Q_XQUOTAOFF
    {0x5803, 3, Use::out, 112},   // Q_XGETQUOTA: struct fs_disk_quota
    {0x5804, 3, Use::in, 112},    // Q_XSETQLIM
    {0x5805, 3, Use::out, 80},    // Q_XGETQSTAT: struct fs_quota_stat
    {0x5808, 3, Use::both, 160},  // Q_XGETQSTATV: struct fs_quota_statv, whose version is asked for
    {0x5809, 3, Use::out, 112},   // Q_XGETNEXTQUOTA
});

constexpr auto kFsconfig = std::to_array<Row>({
    {1, 3, Use::text},              // FSCONFIG_SET_STRING
    {2, 3, Use::payload, 0, 0, 4},  // FSCONFIG_SET_BINARY
    {3, 3, Use::name},              // FSCONFIG_SET_PATH
    {4, 3, Use::name},              // FSCONFIG_SET_PATH_EMPTY
});

constexpr auto kIoUringRegister = std::to_array<Row>({
    {0, 2, Use::iovecs, 0, 0, 3},   // IORING_REGISTER_BUFFERS
    {2, 2, Use::counted, 4, 0, 3},  // IORING_REGISTER_FILES
    {4, 2, Use::in, 4},             // IORING_REGISTER_EVENTFD
    {6, 2, Use::in, 16},            // IORING_REGISTER_FILES_UPDATE: struct io_uring_rsrc_update
    {7, 2, Use::in, 4},             // IORING_REGISTER_EVENTFD_ASYNC
});

}  // namespace

void capture_fcntl(const CaptureStep& step) {
  capture_by(kFcntl, command_in(step, 1), step);
}

void capture_prctl(const CaptureStep& step) {
  capture_by(kPrctl, command_in(step, 0), step);
}

void capture_futex(const CaptureStep& step) {
  constexpr uint32_t kCommandMask = ~(128u | 256u);  // FUTEX_PRIVATE_FLAG, FUTEX_CLOCK_REALTIME
  constexpr auto kWithTimeout = std::to_array<uint32_t>({
      0,   // FUTEX_WAIT
      6,   // FUTEX_LOCK_PI
      9,   // FUTEX_WAIT_BITSET
      11,  // FUTEX_WAIT_REQUEUE_PI
      13,  // FUTEX_LOCK_PI2
  });
  if (std::ranges::find(kWithTimeout, command_in(step, 1) & kCommandMask) == kWithTimeout.end()) return;
  step.writer.bytes(step.what.arg, step.address(), step.what.size);
}

void capture_ptrace(const CaptureStep& step) {
  capture_by(kPtrace, command_in(step, 0), step);
}

void capture_seccomp(const CaptureStep& step) {
  capture_by(kSeccomp, command_in(step, 0), step);
}

void capture_keyctl(const CaptureStep& step) {
  capture_by(kKeyctl, command_in(step, 0), step);
}

void capture_quotactl(const CaptureStep& step) {
  constexpr uint32_t kSubcommandShift = 8;  // QCMD()
  capture_by(kQuotactl, command_in(step, step.what.len_arg) >> kSubcommandShift, step);
}

void capture_fsconfig(const CaptureStep& step) {
  capture_by(kFsconfig, command_in(step, 1), step);
}

void capture_io_uring_register(const CaptureStep& step) {
  constexpr uint32_t kRegisteredRing = uint32_t{1} << 31;  // IORING_REGISTER_USE_REGISTERED_RING
  capture_by(kIoUringRegister, command_in(step, 1) & ~kRegisteredRing, step);
}

}  // namespace sightline::tracer
