// Words of processes: creating, waiting, limits, scheduling, prctl, ptrace, credentials, futexes.
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/securebits.h>
#include <linux/wait.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kCloneWords[] = {
    W(CLONE_VM),
    W(CLONE_FS),
    W(CLONE_FILES),
    W(CLONE_SIGHAND),
    W(CLONE_PIDFD),
    W(CLONE_PTRACE),
    W(CLONE_VFORK),
    W(CLONE_PARENT),
    W(CLONE_THREAD),
    W(CLONE_NEWNS),
    W(CLONE_SYSVSEM),
    W(CLONE_SETTLS),
    W(CLONE_PARENT_SETTID),
    W(CLONE_CHILD_CLEARTID),
    W(CLONE_UNTRACED),
    W(CLONE_CHILD_SETTID),
    W(CLONE_NEWCGROUP),
    W(CLONE_NEWUTS),
    W(CLONE_NEWIPC),
    W(CLONE_NEWUSER),
    W(CLONE_NEWPID),
    W(CLONE_NEWNET),
    W(CLONE_IO),
    {0x80, "CLONE_NEWTIME"},
    W(CLONE_CLEAR_SIGHAND),
    W(CLONE_INTO_CGROUP),
};
// clone's low byte is the exit signal, and it has no flags beyond 32 bits: the last ones are clone3's.
constexpr std::size_t kClone3OnlyWords = 3;

constexpr Word kUnshareWords[] = {
    {0x80, "CLONE_NEWTIME"}, W(CLONE_VM),      W(CLONE_FS),      W(CLONE_FILES),     W(CLONE_SIGHAND),
    W(CLONE_THREAD),         W(CLONE_NEWNS),   W(CLONE_SYSVSEM), W(CLONE_NEWCGROUP), W(CLONE_NEWUTS),
    W(CLONE_NEWIPC),         W(CLONE_NEWUSER), W(CLONE_NEWPID),  W(CLONE_NEWNET),
};
constexpr Word kSetnsWords[] = {
    {0x80, "CLONE_NEWTIME"}, W(CLONE_NEWNS),   W(CLONE_NEWCGROUP), W(CLONE_NEWUTS),
    W(CLONE_NEWIPC),         W(CLONE_NEWUSER), W(CLONE_NEWPID),    W(CLONE_NEWNET),
};

constexpr Word kWaitWords[] = {
    W(WNOHANG), {4, "WEXITED"},           {2, "WSTOPPED"}, W(WCONTINUED),
    W(WNOWAIT), {0x80000000, "__WCLONE"}, W(__WALL),       W(__WNOTHREAD),
};
// wait4's 2 is WUNTRACED; strace names it by waitid's word for the same bit.
constexpr Word kWaitidWords[] = {{0, "P_ALL"}, {1, "P_PID"}, {2, "P_PGID"}, {3, "P_PIDFD"}};

constexpr Word kPidfdWords[] = {{04000, "PIDFD_NONBLOCK"}, {0200, "PIDFD_THREAD"}};
constexpr Word kPidfdSignalWords[] = {
    {1, "PIDFD_SIGNAL_THREAD"},
    {2, "PIDFD_SIGNAL_THREAD_GROUP"},
    {4, "PIDFD_SIGNAL_PROCESS_GROUP"},
};
constexpr Word kKcmpWords[] = {
    {0, "KCMP_FILE"},    {1, "KCMP_VM"}, {2, "KCMP_FILES"},   {3, "KCMP_FS"},
    {4, "KCMP_SIGHAND"}, {5, "KCMP_IO"}, {6, "KCMP_SYSVSEM"}, {7, "KCMP_EPOLL_TFD"},
};

// asm-generic/resource.h
constexpr Word kRlimitWords[] = {
    {0, "RLIMIT_CPU"},       {1, "RLIMIT_FSIZE"}, {2, "RLIMIT_DATA"},    {3, "RLIMIT_STACK"},
    {4, "RLIMIT_CORE"},      {5, "RLIMIT_RSS"},   {6, "RLIMIT_NPROC"},   {7, "RLIMIT_NOFILE"},
    {8, "RLIMIT_MEMLOCK"},   {9, "RLIMIT_AS"},    {10, "RLIMIT_LOCKS"},  {11, "RLIMIT_SIGPENDING"},
    {12, "RLIMIT_MSGQUEUE"}, {13, "RLIMIT_NICE"}, {14, "RLIMIT_RTPRIO"}, {15, "RLIMIT_RTTIME"},
};
constexpr Word kRusageWords[] = {
    {0, "RUSAGE_SELF"},
    {0xffffffff, "RUSAGE_CHILDREN"},
    {0xfffffffe, "RUSAGE_BOTH"},
    {1, "RUSAGE_THREAD"},
};
constexpr Word kPriorityWords[] = {{0, "PRIO_PROCESS"}, {1, "PRIO_PGRP"}, {2, "PRIO_USER"}};
constexpr Word kIoprioWhoWords[] = {{1, "IOPRIO_WHO_PROCESS"}, {2, "IOPRIO_WHO_PGRP"}, {3, "IOPRIO_WHO_USER"}};
constexpr Word kIoprioClassWords[] = {
    {0, "IOPRIO_CLASS_NONE"},
    {1, "IOPRIO_CLASS_RT"},
    {2, "IOPRIO_CLASS_BE"},
    {3, "IOPRIO_CLASS_IDLE"},
};
constexpr Word kSchedPolicyWords[] = {
    {0, "SCHED_OTHER"}, {1, "SCHED_FIFO"}, {2, "SCHED_RR"},       {3, "SCHED_BATCH"},
    {4, "SCHED_ISO"},   {5, "SCHED_IDLE"}, {6, "SCHED_DEADLINE"}, {7, "SCHED_EXT"},
};
constexpr Word kSchedAttrWords[] = {
    W(SCHED_FLAG_RESET_ON_FORK), W(SCHED_FLAG_RECLAIM),        W(SCHED_FLAG_DL_OVERRUN),     W(SCHED_FLAG_KEEP_POLICY),
    W(SCHED_FLAG_KEEP_PARAMS),   W(SCHED_FLAG_UTIL_CLAMP_MIN), W(SCHED_FLAG_UTIL_CLAMP_MAX),
};

constexpr Word kPrctlWords[] = {
    W(PR_SET_PDEATHSIG),
    W(PR_GET_PDEATHSIG),
    W(PR_GET_DUMPABLE),
    W(PR_SET_DUMPABLE),
    W(PR_GET_UNALIGN),
    W(PR_SET_UNALIGN),
    W(PR_GET_KEEPCAPS),
    W(PR_SET_KEEPCAPS),
    W(PR_GET_FPEMU),
    W(PR_SET_FPEMU),
    W(PR_GET_FPEXC),
    W(PR_SET_FPEXC),
    W(PR_GET_TIMING),
    W(PR_SET_TIMING),
    W(PR_SET_NAME),
    W(PR_GET_NAME),
    W(PR_GET_ENDIAN),
    W(PR_SET_ENDIAN),
    W(PR_GET_SECCOMP),
    W(PR_SET_SECCOMP),
    W(PR_CAPBSET_READ),
    W(PR_CAPBSET_DROP),
    W(PR_GET_TSC),
    W(PR_SET_TSC),
    W(PR_GET_SECUREBITS),
    W(PR_SET_SECUREBITS),
    W(PR_SET_TIMERSLACK),
    W(PR_GET_TIMERSLACK),
    W(PR_TASK_PERF_EVENTS_DISABLE),
    W(PR_TASK_PERF_EVENTS_ENABLE),
    W(PR_MCE_KILL),
    W(PR_MCE_KILL_GET),
    W(PR_SET_MM),
    W(PR_SET_CHILD_SUBREAPER),
    W(PR_GET_CHILD_SUBREAPER),
    W(PR_SET_NO_NEW_PRIVS),
    W(PR_GET_NO_NEW_PRIVS),
    W(PR_GET_TID_ADDRESS),
    W(PR_SET_THP_DISABLE),
    W(PR_GET_THP_DISABLE),
    W(PR_MPX_ENABLE_MANAGEMENT),
    W(PR_MPX_DISABLE_MANAGEMENT),
    W(PR_SET_FP_MODE),
    W(PR_GET_FP_MODE),
    W(PR_CAP_AMBIENT),
    W(PR_SVE_SET_VL),
    W(PR_SVE_GET_VL),
    W(PR_GET_SPECULATION_CTRL),
    W(PR_SET_SPECULATION_CTRL),
    W(PR_PAC_RESET_KEYS),
    W(PR_SET_TAGGED_ADDR_CTRL),
    W(PR_GET_TAGGED_ADDR_CTRL),
    W(PR_SET_IO_FLUSHER),
    W(PR_GET_IO_FLUSHER),
    W(PR_SET_SYSCALL_USER_DISPATCH),
    {60, "PR_PAC_SET_ENABLED_KEYS"},
    {61, "PR_PAC_GET_ENABLED_KEYS"},
    {62, "PR_SCHED_CORE"},
    {63, "PR_SME_SET_VL"},
    {64, "PR_SME_GET_VL"},
    {65, "PR_SET_MDWE"},
    {66, "PR_GET_MDWE"},
    {67, "PR_SET_MEMORY_MERGE"},
    {68, "PR_GET_MEMORY_MERGE"},
    {0x53564d41, "PR_SET_VMA"},
    {0x59616d61, "PR_SET_PTRACER"},
};
constexpr Word kDumpableWords[] = {{0, "SUID_DUMP_DISABLE"}, {1, "SUID_DUMP_USER"}, {2, "SUID_DUMP_ROOT"}};
constexpr Word kSeccompModeWords[] = {
    {0, "SECCOMP_MODE_DISABLED"},
    {1, "SECCOMP_MODE_STRICT"},
    {2, "SECCOMP_MODE_FILTER"},
};
constexpr Word kTscWords[] = {W(PR_TSC_ENABLE), W(PR_TSC_SIGSEGV)};
constexpr Word kUnalignWords[] = {W(PR_UNALIGN_NOPRINT), W(PR_UNALIGN_SIGBUS)};
constexpr Word kMceKillWords[] = {W(PR_MCE_KILL_CLEAR), W(PR_MCE_KILL_SET)};
constexpr Word kMceKillPolicyWords[] = {W(PR_MCE_KILL_LATE), W(PR_MCE_KILL_EARLY), W(PR_MCE_KILL_DEFAULT)};
constexpr Word kSetMmWords[] = {
    W(PR_SET_MM_START_CODE),  W(PR_SET_MM_END_CODE),  W(PR_SET_MM_START_DATA), W(PR_SET_MM_END_DATA),
    W(PR_SET_MM_START_STACK), W(PR_SET_MM_START_BRK), W(PR_SET_MM_BRK),        W(PR_SET_MM_ARG_START),
    W(PR_SET_MM_ARG_END),     W(PR_SET_MM_ENV_START), W(PR_SET_MM_ENV_END),    W(PR_SET_MM_AUXV),
    W(PR_SET_MM_EXE_FILE),    W(PR_SET_MM_MAP),       W(PR_SET_MM_MAP_SIZE),
};
constexpr Word kCapAmbientWords[] = {
    W(PR_CAP_AMBIENT_IS_SET),
    W(PR_CAP_AMBIENT_RAISE),
    W(PR_CAP_AMBIENT_LOWER),
    W(PR_CAP_AMBIENT_CLEAR_ALL),
};
constexpr Word kSpecWords[] = {
    W(PR_SPEC_STORE_BYPASS),
    W(PR_SPEC_INDIRECT_BRANCH),
    {2, "PR_SPEC_L1D_FLUSH"},
};
constexpr Word kSpecControlWords[] = {
    W(PR_SPEC_PRCTL), W(PR_SPEC_ENABLE), W(PR_SPEC_DISABLE), W(PR_SPEC_FORCE_DISABLE), W(PR_SPEC_DISABLE_NOEXEC),
};
constexpr Word kVmaWords[] = {{0, "PR_SET_VMA_ANON_NAME"}};
constexpr Word kSecurebitWords[] = {
    {1, "SECBIT_NOROOT"},
    {2, "SECBIT_NOROOT_LOCKED"},
    {4, "SECBIT_NO_SETUID_FIXUP"},
    {8, "SECBIT_NO_SETUID_FIXUP_LOCKED"},
    {16, "SECBIT_KEEP_CAPS"},
    {32, "SECBIT_KEEP_CAPS_LOCKED"},
    {64, "SECBIT_NO_CAP_AMBIENT_RAISE"},
    {128, "SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED"},
};
constexpr Word kSchedCoreWords[] = {
    {0, "PR_SCHED_CORE_GET"},
    {1, "PR_SCHED_CORE_CREATE"},
    {2, "PR_SCHED_CORE_SHARE_TO"},
    {3, "PR_SCHED_CORE_SHARE_FROM"},
};
constexpr Word kSchedCoreScopeWords[] = {{0, "PIDTYPE_PID"}, {1, "PIDTYPE_TGID"}, {2, "PIDTYPE_PGID"}};
constexpr Word kSyscallDispatchWords[] = {{0, "PR_SYS_DISPATCH_OFF"}, {1, "PR_SYS_DISPATCH_ON"}};

// asm/prctl.h
constexpr Word kArchPrctlWords[] = {
    {0x1001, "ARCH_SET_GS"},
    {0x1002, "ARCH_SET_FS"},
    {0x1003, "ARCH_GET_FS"},
    {0x1004, "ARCH_GET_GS"},
    {0x1011, "ARCH_GET_CPUID"},
    {0x1012, "ARCH_SET_CPUID"},
    {0x1021, "ARCH_GET_XCOMP_SUPP"},
    {0x1022, "ARCH_GET_XCOMP_PERM"},
    {0x1023, "ARCH_REQ_XCOMP_PERM"},
    {0x1024, "ARCH_GET_XCOMP_GUEST_PERM"},
    {0x1025, "ARCH_REQ_XCOMP_GUEST_PERM"},
    {0x2001, "ARCH_MAP_VDSO_X32"},
    {0x2002, "ARCH_MAP_VDSO_32"},
    {0x2003, "ARCH_MAP_VDSO_64"},
    {0x4001, "ARCH_GET_UNTAG_MASK"},
    {0x4002, "ARCH_ENABLE_TAGGED_ADDR"},
    {0x4003, "ARCH_GET_MAX_TAG_BITS"},
    {0x4004, "ARCH_FORCE_TAGGED_SVA"},
    {0x5001, "ARCH_SHSTK_ENABLE"},
    {0x5002, "ARCH_SHSTK_DISABLE"},
    {0x5003, "ARCH_SHSTK_LOCK"},
    {0x5004, "ARCH_SHSTK_UNLOCK"},
    {0x5005, "ARCH_SHSTK_STATUS"},
};
constexpr Word kXfeatureWords[] = {
    {0, "XFEATURE_FP"},         {1, "XFEATURE_SSE"},         {2, "XFEATURE_YMM"},
    {3, "XFEATURE_BNDREGS"},    {4, "XFEATURE_BNDCSR"},      {5, "XFEATURE_OPMASK"},
    {6, "XFEATURE_ZMM_Hi256"},  {7, "XFEATURE_Hi16_ZMM"},    {8, "XFEATURE_PT_UNIMPLEMENTED_SO_FAR"},
    {9, "XFEATURE_PKRU"},       {10, "XFEATURE_PASID"},      {15, "XFEATURE_LBR"},
    {17, "XFEATURE_XTILE_CFG"}, {18, "XFEATURE_XTILE_DATA"},
};

constexpr Word kPersonalityWords[] = {
    {0x0, "PER_LINUX"},         {0x0800000, "PER_LINUX_32BIT"}, {0x0080000, "PER_LINUX_FDPIC"},
    {0x5100001, "PER_SVR4"},    {0x5000002, "PER_SVR3"},        {0x7000003, "PER_SCOSVR3"},
    {0x6000003, "PER_OSR5"},    {0x5000004, "PER_WYSEV386"},    {0x4000005, "PER_ISCR4"},
    {0x0000006, "PER_BSD"},     {0x4000006, "PER_SUNOS"},       {0x5000007, "PER_XENIX"},
    {0x0000008, "PER_LINUX32"}, {0x8000008, "PER_LINUX32_3GB"}, {0x4000009, "PER_IRIX32"},
    {0x400000a, "PER_IRIXN32"}, {0x400000b, "PER_IRIX64"},      {0x000000c, "PER_RISCOS"},
    {0x410000d, "PER_SOLARIS"}, {0x410000e, "PER_UW7"},         {0x000000f, "PER_OSF4"},
    {0x0000010, "PER_HPUX"},
};
constexpr Word kPersonalityFlagWords[] = {
    {0x0020000, "UNAME26"},          {0x0040000, "ADDR_NO_RANDOMIZE"},  {0x0080000, "FDPIC_FUNCPTRS"},
    {0x0100000, "MMAP_PAGE_ZERO"},   {0x0200000, "ADDR_COMPAT_LAYOUT"}, {0x0400000, "READ_IMPLIES_EXEC"},
    {0x0800000, "ADDR_LIMIT_32BIT"}, {0x1000000, "SHORT_INODE"},        {0x2000000, "WHOLE_SECONDS"},
    {0x4000000, "STICKY_TIMEOUTS"},  {0x8000000, "ADDR_LIMIT_3GB"},
};

constexpr Word kPtraceWords[] = {
    {0, "PTRACE_TRACEME"},
    {1, "PTRACE_PEEKTEXT"},
    {2, "PTRACE_PEEKDATA"},
    {3, "PTRACE_PEEKUSER"},
    {4, "PTRACE_POKETEXT"},
    {5, "PTRACE_POKEDATA"},
    {6, "PTRACE_POKEUSER"},
    {7, "PTRACE_CONT"},
    {8, "PTRACE_KILL"},
    {9, "PTRACE_SINGLESTEP"},
    {12, "PTRACE_GETREGS"},
    {13, "PTRACE_SETREGS"},
    {14, "PTRACE_GETFPREGS"},
    {15, "PTRACE_SETFPREGS"},
    {16, "PTRACE_ATTACH"},
    {17, "PTRACE_DETACH"},
    {18, "PTRACE_GETFPXREGS"},
    {19, "PTRACE_SETFPXREGS"},
    {21, "PTRACE_OLDSETOPTIONS"},
    {24, "PTRACE_SYSCALL"},
    {25, "PTRACE_GET_THREAD_AREA"},
    {26, "PTRACE_SET_THREAD_AREA"},
    {30, "PTRACE_ARCH_PRCTL"},
    {31, "PTRACE_SYSEMU"},
    {32, "PTRACE_SYSEMU_SINGLESTEP"},
    {33, "PTRACE_SINGLEBLOCK"},
    {0x4200, "PTRACE_SETOPTIONS"},
    {0x4201, "PTRACE_GETEVENTMSG"},
    {0x4202, "PTRACE_GETSIGINFO"},
    {0x4203, "PTRACE_SETSIGINFO"},
    {0x4204, "PTRACE_GETREGSET"},
    {0x4205, "PTRACE_SETREGSET"},
    {0x4206, "PTRACE_SEIZE"},
    {0x4207, "PTRACE_INTERRUPT"},
    {0x4208, "PTRACE_LISTEN"},
    {0x4209, "PTRACE_PEEKSIGINFO"},
    {0x420a, "PTRACE_GETSIGMASK"},
    {0x420b, "PTRACE_SETSIGMASK"},
    {0x420c, "PTRACE_SECCOMP_GET_FILTER"},
    {0x420d, "PTRACE_SECCOMP_GET_METADATA"},
    {0x420e, "PTRACE_GET_SYSCALL_INFO"},
    {0x420f, "PTRACE_GET_RSEQ_CONFIGURATION"},
    {0x4210, "PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG"},
    {0x4211, "PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG"},
    {0x4212, "PTRACE_SET_SYSCALL_INFO"},
};
constexpr Word kPtraceOptionWords[] = {
    W(PTRACE_O_TRACESYSGOOD), W(PTRACE_O_TRACEFORK),       W(PTRACE_O_TRACEVFORK), W(PTRACE_O_TRACECLONE),
    W(PTRACE_O_TRACEEXEC),    W(PTRACE_O_TRACEVFORKDONE),  W(PTRACE_O_TRACEEXIT),  W(PTRACE_O_TRACESECCOMP),
    W(PTRACE_O_EXITKILL),     W(PTRACE_O_SUSPEND_SECCOMP),
};
constexpr Word kRegsetWords[] = {
    {1, "NT_PRSTATUS"},       {2, "NT_FPREGSET"},       {0x200, "NT_386_TLS"},
    {0x201, "NT_386_IOPERM"}, {0x202, "NT_X86_XSTATE"}, {0x46e62b7f, "NT_PRXFPREG"},
};

constexpr Word kFutexWords[] = {
    W(FUTEX_WAIT),           W(FUTEX_WAKE),          W(FUTEX_FD),          W(FUTEX_REQUEUE),
    W(FUTEX_CMP_REQUEUE),    W(FUTEX_WAKE_OP),       W(FUTEX_LOCK_PI),     W(FUTEX_UNLOCK_PI),
    W(FUTEX_TRYLOCK_PI),     W(FUTEX_WAIT_BITSET),   W(FUTEX_WAKE_BITSET), W(FUTEX_WAIT_REQUEUE_PI),
    W(FUTEX_CMP_REQUEUE_PI), {13, "FUTEX_LOCK_PI2"},
};
constexpr Word kFutexWakeOpWords[] = {
    W(FUTEX_OP_SET), W(FUTEX_OP_ADD), W(FUTEX_OP_OR), W(FUTEX_OP_ANDN), W(FUTEX_OP_XOR),
};
constexpr Word kFutexWakeCompareWords[] = {
    W(FUTEX_OP_CMP_EQ), W(FUTEX_OP_CMP_NE), W(FUTEX_OP_CMP_LT),
    W(FUTEX_OP_CMP_LE), W(FUTEX_OP_CMP_GT), W(FUTEX_OP_CMP_GE),
};
constexpr Word kFutex2Words[] = {{2, "FUTEX_32"}, {0x80, "FUTEX_PRIVATE_FLAG"}};

constexpr Word kRseqWords[] = {{1, "RSEQ_FLAG_UNREGISTER"}};

constexpr Word kCapabilityVersionWords[] = {
    W(_LINUX_CAPABILITY_VERSION_1),
    W(_LINUX_CAPABILITY_VERSION_2),
    W(_LINUX_CAPABILITY_VERSION_3),
};
constexpr Word kCapabilityWords[] = {
    W(CAP_CHOWN),
    W(CAP_DAC_OVERRIDE),
    W(CAP_DAC_READ_SEARCH),
    W(CAP_FOWNER),
    W(CAP_FSETID),
    W(CAP_KILL),
    W(CAP_SETGID),
    W(CAP_SETUID),
    W(CAP_SETPCAP),
    W(CAP_LINUX_IMMUTABLE),
    W(CAP_NET_BIND_SERVICE),
    W(CAP_NET_BROADCAST),
    W(CAP_NET_ADMIN),
    W(CAP_NET_RAW),
    W(CAP_IPC_LOCK),
    W(CAP_IPC_OWNER),
    W(CAP_SYS_MODULE),
    W(CAP_SYS_RAWIO),
    W(CAP_SYS_CHROOT),
    W(CAP_SYS_PTRACE),
    W(CAP_SYS_PACCT),
    W(CAP_SYS_ADMIN),
    W(CAP_SYS_BOOT),
    W(CAP_SYS_NICE),
    W(CAP_SYS_RESOURCE),
    W(CAP_SYS_TIME),
    W(CAP_SYS_TTY_CONFIG),
    W(CAP_MKNOD),
    W(CAP_LEASE),
    W(CAP_AUDIT_WRITE),
    W(CAP_AUDIT_CONTROL),
    W(CAP_SETFCAP),
    W(CAP_MAC_OVERRIDE),
    W(CAP_MAC_ADMIN),
    W(CAP_SYSLOG),
    W(CAP_WAKE_ALARM),
    W(CAP_BLOCK_SUSPEND),
    W(CAP_AUDIT_READ),
    {38, "CAP_PERFMON"},
    {39, "CAP_BPF"},
    {40, "CAP_CHECKPOINT_RESTORE"},
};

}  // namespace

constinit const Vocabulary kClone{std::span(kCloneWords).first(std::size(kCloneWords) - kClone3OnlyWords), "CLONE_???"};
constinit const Vocabulary kClone3{kCloneWords, "CLONE_???"};
constinit const Vocabulary kUnshare{kUnshareWords, "CLONE_???"};
constinit const Vocabulary kSetns{kSetnsWords, "CLONE_NEW???"};
constinit const Vocabulary kWaitOptions{kWaitWords, "W???"};
constinit const Vocabulary kWaitidType{kWaitidWords, "P_???"};
constinit const Vocabulary kPidfdFlags{kPidfdWords, "PIDFD_???"};
constinit const Vocabulary kPidfdSignalFlags{kPidfdSignalWords, "PIDFD_SIGNAL_???"};
constinit const Vocabulary kKcmp{kKcmpWords, "KCMP_???"};
constinit const Vocabulary kRlimit{kRlimitWords, "RLIMIT_???"};
constinit const Vocabulary kRusage{kRusageWords, "RUSAGE_???"};
constinit const Vocabulary kPriority{kPriorityWords, "PRIO_???"};
constinit const Vocabulary kIoprioWho{kIoprioWhoWords, "IOPRIO_WHO_???"};
constinit const Vocabulary kIoprioClass{kIoprioClassWords, "IOPRIO_CLASS_???"};
constinit const Vocabulary kSchedPolicy{kSchedPolicyWords, "SCHED_???"};
constinit const Vocabulary kSchedAttrFlags{kSchedAttrWords, "SCHED_FLAG_???"};
constinit const Vocabulary kPrctl{kPrctlWords, "PR_???"};
constinit const Vocabulary kDumpable{kDumpableWords, "SUID_DUMP_???"};
constinit const Vocabulary kSeccompMode{kSeccompModeWords, "SECCOMP_MODE_???"};
constinit const Vocabulary kTsc{kTscWords, "PR_TSC_???"};
constinit const Vocabulary kUnalign{kUnalignWords, "PR_UNALIGN_???"};
constinit const Vocabulary kMceKill{kMceKillWords, "PR_MCE_KILL_???"};
constinit const Vocabulary kMceKillPolicy{kMceKillPolicyWords, "PR_MCE_KILL_???"};
constinit const Vocabulary kSetMm{kSetMmWords, "PR_SET_MM_???"};
constinit const Vocabulary kCapAmbient{kCapAmbientWords, "PR_CAP_AMBIENT_???"};
constinit const Vocabulary kSpec{kSpecWords, "PR_SPEC_???"};
constinit const Vocabulary kSpecControl{kSpecControlWords, "PR_SPEC_???"};
constinit const Vocabulary kVma{kVmaWords, "PR_SET_VMA_???"};
constinit const Vocabulary kSecurebits{kSecurebitWords, "SECBIT_???"};
constinit const Vocabulary kSchedCore{kSchedCoreWords, "PR_SCHED_CORE_???"};
constinit const Vocabulary kSchedCoreScope{kSchedCoreScopeWords, "PIDTYPE_???"};
constinit const Vocabulary kSyscallDispatch{kSyscallDispatchWords, "PR_SYS_DISPATCH_???"};
constinit const Vocabulary kArchPrctl{kArchPrctlWords, "ARCH_???"};
constinit const Vocabulary kXfeature{kXfeatureWords, "XFEATURE_???"};
constinit const Vocabulary kPersonality{kPersonalityWords, "PER_???"};
constinit const Vocabulary kPersonalityFlags{kPersonalityFlagWords, ""};
constinit const Vocabulary kPtrace{kPtraceWords, "PTRACE_???"};
constinit const Vocabulary kPtraceOptions{kPtraceOptionWords, "PTRACE_O_???"};
constinit const Vocabulary kRegset{kRegsetWords, "NT_???"};
constinit const Vocabulary kFutex{kFutexWords, "FUTEX_???"};
constinit const Vocabulary kFutexWakeOp{kFutexWakeOpWords, "FUTEX_OP_???"};
constinit const Vocabulary kFutexWakeCompare{kFutexWakeCompareWords, "FUTEX_OP_CMP_???"};
constinit const Vocabulary kFutex2{kFutex2Words, "FUTEX2_???"};
constinit const Vocabulary kRseq{kRseqWords, "RSEQ_FLAG_???"};
constinit const Vocabulary kCapabilityVersion{kCapabilityVersionWords, "_LINUX_CAPABILITY_VERSION_???"};
constinit const Vocabulary kCapability{kCapabilityWords, "CAP_???"};

}  // namespace sightline::decode
