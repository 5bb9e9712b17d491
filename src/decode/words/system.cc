// Words of the system as a whole: filters, programs for the kernel, modules, events, power.
#include <linux/bpf.h>
#include <linux/landlock.h>
#include <linux/membarrier.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kSeccompWords[] = {
    {0, "SECCOMP_SET_MODE_STRICT"},
    {1, "SECCOMP_SET_MODE_FILTER"},
    {2, "SECCOMP_GET_ACTION_AVAIL"},
    {3, "SECCOMP_GET_NOTIF_SIZES"},
};
constexpr Word kSeccompFilterWords[] = {
    {1, "SECCOMP_FILTER_FLAG_TSYNC"},        {2, "SECCOMP_FILTER_FLAG_LOG"},
    {4, "SECCOMP_FILTER_FLAG_SPEC_ALLOW"},   {8, "SECCOMP_FILTER_FLAG_NEW_LISTENER"},
    {16, "SECCOMP_FILTER_FLAG_TSYNC_ESRCH"}, {32, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"},
};
constexpr Word kSeccompActionWords[] = {
    {0x80000000, "SECCOMP_RET_KILL_PROCESS"}, {0, "SECCOMP_RET_KILL_THREAD"},         {0x30000, "SECCOMP_RET_TRAP"},
    {0x50000, "SECCOMP_RET_ERRNO"},           {0x7fc00000, "SECCOMP_RET_USER_NOTIF"}, {0x7ff00000, "SECCOMP_RET_TRACE"},
    {0x7ffc0000, "SECCOMP_RET_LOG"},          {0x7fff0000, "SECCOMP_RET_ALLOW"},
};

constexpr Word kBpfWords[] = {
    W(BPF_MAP_CREATE),        W(BPF_MAP_LOOKUP_ELEM),
    W(BPF_MAP_UPDATE_ELEM),   W(BPF_MAP_DELETE_ELEM),
    W(BPF_MAP_GET_NEXT_KEY),  W(BPF_PROG_LOAD),
    W(BPF_OBJ_PIN),           W(BPF_OBJ_GET),
    W(BPF_PROG_ATTACH),       W(BPF_PROG_DETACH),
    W(BPF_PROG_TEST_RUN),     W(BPF_PROG_GET_NEXT_ID),
    W(BPF_MAP_GET_NEXT_ID),   W(BPF_PROG_GET_FD_BY_ID),
    W(BPF_MAP_GET_FD_BY_ID),  W(BPF_OBJ_GET_INFO_BY_FD),
    W(BPF_PROG_QUERY),        W(BPF_RAW_TRACEPOINT_OPEN),
    W(BPF_BTF_LOAD),          W(BPF_BTF_GET_FD_BY_ID),
    W(BPF_TASK_FD_QUERY),     W(BPF_MAP_LOOKUP_AND_DELETE_ELEM),
    W(BPF_MAP_FREEZE),        W(BPF_BTF_GET_NEXT_ID),
    W(BPF_MAP_LOOKUP_BATCH),  W(BPF_MAP_LOOKUP_AND_DELETE_BATCH),
    W(BPF_MAP_UPDATE_BATCH),  W(BPF_MAP_DELETE_BATCH),
    W(BPF_LINK_CREATE),       W(BPF_LINK_UPDATE),
    W(BPF_LINK_GET_FD_BY_ID), W(BPF_LINK_GET_NEXT_ID),
    W(BPF_ENABLE_STATS),      W(BPF_ITER_CREATE),
    W(BPF_LINK_DETACH),       W(BPF_PROG_BIND_MAP),
    {36, "BPF_TOKEN_CREATE"},
};
constexpr Word kBpfMapWords[] = {
    W(BPF_MAP_TYPE_UNSPEC),
    W(BPF_MAP_TYPE_HASH),
    W(BPF_MAP_TYPE_ARRAY),
    W(BPF_MAP_TYPE_PROG_ARRAY),
    W(BPF_MAP_TYPE_PERF_EVENT_ARRAY),
    W(BPF_MAP_TYPE_PERCPU_HASH),
    W(BPF_MAP_TYPE_PERCPU_ARRAY),
    W(BPF_MAP_TYPE_STACK_TRACE),
    W(BPF_MAP_TYPE_CGROUP_ARRAY),
    W(BPF_MAP_TYPE_LRU_HASH),
    W(BPF_MAP_TYPE_LRU_PERCPU_HASH),
    W(BPF_MAP_TYPE_LPM_TRIE),
    W(BPF_MAP_TYPE_ARRAY_OF_MAPS),
    W(BPF_MAP_TYPE_HASH_OF_MAPS),
    W(BPF_MAP_TYPE_DEVMAP),
    W(BPF_MAP_TYPE_SOCKMAP),
    W(BPF_MAP_TYPE_CPUMAP),
    W(BPF_MAP_TYPE_XSKMAP),
    W(BPF_MAP_TYPE_SOCKHASH),
    W(BPF_MAP_TYPE_CGROUP_STORAGE),
    W(BPF_MAP_TYPE_REUSEPORT_SOCKARRAY),
    W(BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE),
    W(BPF_MAP_TYPE_QUEUE),
    W(BPF_MAP_TYPE_STACK),
    W(BPF_MAP_TYPE_SK_STORAGE),
    W(BPF_MAP_TYPE_DEVMAP_HASH),
    W(BPF_MAP_TYPE_STRUCT_OPS),
    W(BPF_MAP_TYPE_RINGBUF),
    W(BPF_MAP_TYPE_INODE_STORAGE),
    W(BPF_MAP_TYPE_TASK_STORAGE),
    W(BPF_MAP_TYPE_BLOOM_FILTER),
    W(BPF_MAP_TYPE_USER_RINGBUF),
};

constexpr Word kMembarrierWords[] = {
    {0, "MEMBARRIER_CMD_QUERY"},
    {1, "MEMBARRIER_CMD_GLOBAL"},
    {2, "MEMBARRIER_CMD_GLOBAL_EXPEDITED"},
    {4, "MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED"},
    {8, "MEMBARRIER_CMD_PRIVATE_EXPEDITED"},
    {16, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED"},
    {32, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE"},
    {64, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE"},
    {128, "MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ"},
    {256, "MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ"},
    {512, "MEMBARRIER_CMD_GET_REGISTRATIONS"},
};
constexpr Word kMembarrierFlagWords[] = {{1, "MEMBARRIER_CMD_FLAG_CPU"}};

constexpr Word kLandlockRuleWords[] = {{1, "LANDLOCK_RULE_PATH_BENEATH"}, {2, "LANDLOCK_RULE_NET_PORT"}};
constexpr Word kLandlockCreateWords[] = {
    {1, "LANDLOCK_CREATE_RULESET_VERSION"},
    {2, "LANDLOCK_CREATE_RULESET_ERRATA"},
};
constexpr Word kLandlockAccessWords[] = {
    W(LANDLOCK_ACCESS_FS_EXECUTE),           W(LANDLOCK_ACCESS_FS_WRITE_FILE),
    W(LANDLOCK_ACCESS_FS_READ_FILE),         W(LANDLOCK_ACCESS_FS_READ_DIR),
    W(LANDLOCK_ACCESS_FS_REMOVE_DIR),        W(LANDLOCK_ACCESS_FS_REMOVE_FILE),
    W(LANDLOCK_ACCESS_FS_MAKE_CHAR),         W(LANDLOCK_ACCESS_FS_MAKE_DIR),
    W(LANDLOCK_ACCESS_FS_MAKE_REG),          W(LANDLOCK_ACCESS_FS_MAKE_SOCK),
    W(LANDLOCK_ACCESS_FS_MAKE_FIFO),         W(LANDLOCK_ACCESS_FS_MAKE_BLOCK),
    W(LANDLOCK_ACCESS_FS_MAKE_SYM),          {0x2000, "LANDLOCK_ACCESS_FS_REFER"},
    {0x4000, "LANDLOCK_ACCESS_FS_TRUNCATE"}, {0x8000, "LANDLOCK_ACCESS_FS_IOCTL_DEV"},
};
constexpr Word kLandlockNetWords[] = {
    {1, "LANDLOCK_ACCESS_NET_BIND_TCP"},
    {2, "LANDLOCK_ACCESS_NET_CONNECT_TCP"},
};

constexpr Word kPerfFlagWords[] = {
    W(PERF_FLAG_FD_NO_GROUP),
    W(PERF_FLAG_FD_OUTPUT),
    W(PERF_FLAG_PID_CGROUP),
    W(PERF_FLAG_FD_CLOEXEC),
};
constexpr Word kPerfTypeWords[] = {
    W(PERF_TYPE_HARDWARE), W(PERF_TYPE_SOFTWARE), W(PERF_TYPE_TRACEPOINT),
    W(PERF_TYPE_HW_CACHE), W(PERF_TYPE_RAW),      W(PERF_TYPE_BREAKPOINT),
};
constexpr Word kPerfHardwareWords[] = {
    W(PERF_COUNT_HW_CPU_CYCLES),
    W(PERF_COUNT_HW_INSTRUCTIONS),
    W(PERF_COUNT_HW_CACHE_REFERENCES),
    W(PERF_COUNT_HW_CACHE_MISSES),
    W(PERF_COUNT_HW_BRANCH_INSTRUCTIONS),
    W(PERF_COUNT_HW_BRANCH_MISSES),
    W(PERF_COUNT_HW_BUS_CYCLES),
    W(PERF_COUNT_HW_STALLED_CYCLES_FRONTEND),
    W(PERF_COUNT_HW_STALLED_CYCLES_BACKEND),
    W(PERF_COUNT_HW_REF_CPU_CYCLES),
};
constexpr Word kPerfSoftwareWords[] = {
    W(PERF_COUNT_SW_CPU_CLOCK),        W(PERF_COUNT_SW_TASK_CLOCK),
    W(PERF_COUNT_SW_PAGE_FAULTS),      W(PERF_COUNT_SW_CONTEXT_SWITCHES),
    W(PERF_COUNT_SW_CPU_MIGRATIONS),   W(PERF_COUNT_SW_PAGE_FAULTS_MIN),
    W(PERF_COUNT_SW_PAGE_FAULTS_MAJ),  W(PERF_COUNT_SW_ALIGNMENT_FAULTS),
    W(PERF_COUNT_SW_EMULATION_FAULTS), W(PERF_COUNT_SW_DUMMY),
    W(PERF_COUNT_SW_BPF_OUTPUT),       {11, "PERF_COUNT_SW_CGROUP_SWITCHES"},
};
constexpr Word kPerfSampleWords[] = {
    W(PERF_SAMPLE_IP),         W(PERF_SAMPLE_TID),         W(PERF_SAMPLE_TIME),      W(PERF_SAMPLE_ADDR),
    W(PERF_SAMPLE_READ),       W(PERF_SAMPLE_CALLCHAIN),   W(PERF_SAMPLE_ID),        W(PERF_SAMPLE_CPU),
    W(PERF_SAMPLE_PERIOD),     W(PERF_SAMPLE_STREAM_ID),   W(PERF_SAMPLE_RAW),       W(PERF_SAMPLE_BRANCH_STACK),
    W(PERF_SAMPLE_REGS_USER),  W(PERF_SAMPLE_STACK_USER),  W(PERF_SAMPLE_WEIGHT),    W(PERF_SAMPLE_DATA_SRC),
    W(PERF_SAMPLE_IDENTIFIER), W(PERF_SAMPLE_TRANSACTION), W(PERF_SAMPLE_REGS_INTR), W(PERF_SAMPLE_PHYS_ADDR),
    W(PERF_SAMPLE_AUX),        W(PERF_SAMPLE_CGROUP),
};
constexpr Word kPerfReadWords[] = {
    W(PERF_FORMAT_TOTAL_TIME_ENABLED), W(PERF_FORMAT_TOTAL_TIME_RUNNING), W(PERF_FORMAT_ID), W(PERF_FORMAT_GROUP),
    {16, "PERF_FORMAT_LOST"},
};

constexpr Word kUserfaultfdWords[] = {{1, "UFFD_USER_MODE_ONLY"}, {04000, "O_NONBLOCK"}, {02000000, "O_CLOEXEC"}};
constexpr Word kGetrandomWords[] = {{1, "GRND_NONBLOCK"}, {2, "GRND_RANDOM"}, {4, "GRND_INSECURE"}};

constexpr Word kModuleWords[] = {
    {1, "MODULE_INIT_IGNORE_MODVERSIONS"},
    {2, "MODULE_INIT_IGNORE_VERMAGIC"},
    {4, "MODULE_INIT_COMPRESSED_FILE"},
};
constexpr Word kDeleteModuleWords[] = {{04000, "O_NONBLOCK"}, {01000, "O_TRUNC"}};
constexpr Word kKexecWords[] = {
    {1, "KEXEC_ON_CRASH"},
    {2, "KEXEC_PRESERVE_CONTEXT"},
    {4, "KEXEC_UPDATE_ELFCOREHDR"},
};
constexpr Word kKexecArchWords[] = {
    {0, "KEXEC_ARCH_DEFAULT"},
    {3 << 16, "KEXEC_ARCH_386"},
    {62 << 16, "KEXEC_ARCH_X86_64"},
};
constexpr Word kKexecFileWords[] = {
    {1, "KEXEC_FILE_UNLOAD"},
    {2, "KEXEC_FILE_ON_CRASH"},
    {4, "KEXEC_FILE_NO_INITRAMFS"},
};
constexpr Word kRebootMagic1Words[] = {{0xfee1dead, "LINUX_REBOOT_MAGIC1"}};
constexpr Word kRebootMagic2Words[] = {
    {672274793, "LINUX_REBOOT_MAGIC2"},
    {85072278, "LINUX_REBOOT_MAGIC2A"},
    {369367448, "LINUX_REBOOT_MAGIC2B"},
    {537993216, "LINUX_REBOOT_MAGIC2C"},
};
constexpr Word kRebootWords[] = {
    {0, "LINUX_REBOOT_CMD_CAD_OFF"},         {0x01234567, "LINUX_REBOOT_CMD_RESTART"},
    {0x45584543, "LINUX_REBOOT_CMD_KEXEC"},  {0x4321FEDC, "LINUX_REBOOT_CMD_POWER_OFF"},
    {0x89ABCDEF, "LINUX_REBOOT_CMD_CAD_ON"}, {0xA1B2C3D4, "LINUX_REBOOT_CMD_RESTART2"},
    {0xCDEF0123, "LINUX_REBOOT_CMD_HALT"},   {0xD000FCE2, "LINUX_REBOOT_CMD_SW_SUSPEND"},
};
constexpr Word kSyslogWords[] = {
    {0, "SYSLOG_ACTION_CLOSE"},       {1, "SYSLOG_ACTION_OPEN"},         {2, "SYSLOG_ACTION_READ"},
    {3, "SYSLOG_ACTION_READ_ALL"},    {4, "SYSLOG_ACTION_READ_CLEAR"},   {5, "SYSLOG_ACTION_CLEAR"},
    {6, "SYSLOG_ACTION_CONSOLE_OFF"}, {7, "SYSLOG_ACTION_CONSOLE_ON"},   {8, "SYSLOG_ACTION_CONSOLE_LEVEL"},
    {9, "SYSLOG_ACTION_SIZE_UNREAD"}, {10, "SYSLOG_ACTION_SIZE_BUFFER"},
};

}  // namespace

constinit const Vocabulary kSeccomp{kSeccompWords, "SECCOMP_SET_MODE_???"};
constinit const Vocabulary kSeccompFilter{kSeccompFilterWords, "SECCOMP_FILTER_FLAG_???"};
constinit const Vocabulary kSeccompAction{kSeccompActionWords, "SECCOMP_RET_???"};
constinit const Vocabulary kBpf{kBpfWords, "BPF_???"};
constinit const Vocabulary kBpfMapType{kBpfMapWords, "BPF_MAP_TYPE_???"};
constinit const Vocabulary kMembarrier{kMembarrierWords, "MEMBARRIER_CMD_???"};
constinit const Vocabulary kMembarrierFlags{kMembarrierFlagWords, "MEMBARRIER_CMD_FLAG_???"};
constinit const Vocabulary kLandlockRule{kLandlockRuleWords, "LANDLOCK_RULE_???"};
constinit const Vocabulary kLandlockCreate{kLandlockCreateWords, "LANDLOCK_CREATE_RULESET_???"};
constinit const Vocabulary kLandlockAccess{kLandlockAccessWords, "LANDLOCK_ACCESS_FS_???"};
constinit const Vocabulary kLandlockNet{kLandlockNetWords, "LANDLOCK_ACCESS_NET_???"};
constinit const Vocabulary kPerfFlags{kPerfFlagWords, "PERF_FLAG_???"};
constinit const Vocabulary kPerfType{kPerfTypeWords, "PERF_TYPE_???"};
constinit const Vocabulary kPerfHardware{kPerfHardwareWords, "PERF_COUNT_HW_???"};
constinit const Vocabulary kPerfSoftware{kPerfSoftwareWords, "PERF_COUNT_SW_???"};
constinit const Vocabulary kPerfSample{kPerfSampleWords, "PERF_SAMPLE_???"};
constinit const Vocabulary kPerfRead{kPerfReadWords, "PERF_FORMAT_???"};
constinit const Vocabulary kUserfaultfd{kUserfaultfdWords, "UFFD_???"};
constinit const Vocabulary kGetrandom{kGetrandomWords, "GRND_???"};
constinit const Vocabulary kModuleFlags{kModuleWords, "MODULE_INIT_???"};
constinit const Vocabulary kDeleteModuleFlags{kDeleteModuleWords, "O_???"};
constinit const Vocabulary kKexec{kKexecWords, "KEXEC_???"};
constinit const Vocabulary kKexecArch{kKexecArchWords, "KEXEC_ARCH_???"};
constinit const Vocabulary kKexecFile{kKexecFileWords, "KEXEC_FILE_???"};
constinit const Vocabulary kRebootMagic1{kRebootMagic1Words, "LINUX_REBOOT_MAGIC_???"};
constinit const Vocabulary kRebootMagic2{kRebootMagic2Words, "LINUX_REBOOT_MAGIC_???"};
constinit const Vocabulary kReboot{kRebootWords, "LINUX_REBOOT_CMD_???"};
constinit const Vocabulary kSyslog{kSyslogWords, "SYSLOG_ACTION_???"};

}  // namespace sightline::decode
