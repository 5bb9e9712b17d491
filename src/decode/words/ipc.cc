// Words of System V IPC, keys and asynchronous I/O.
#include <linux/io_uring.h>
#include <linux/keyctl.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kIpcWords[] = {{01000, "IPC_CREAT"}, {02000, "IPC_EXCL"}, {04000, "IPC_NOWAIT"}};
constexpr Word kShmgetWords[] = {
    {01000, "IPC_CREAT"},
    {02000, "IPC_EXCL"},
    {04000, "SHM_HUGETLB"},
    {010000, "SHM_NORESERVE"},
};
constexpr Word kMsgrcvWords[] = {
    {010000, "MSG_NOERROR"},
    {020000, "MSG_EXCEPT"},
    {040000, "MSG_COPY"},
    {04000, "IPC_NOWAIT"},
};
constexpr Word kMsgctlWords[] = {
    {0, "IPC_RMID"},  {1, "IPC_SET"},   {2, "IPC_STAT"},      {3, "IPC_INFO"},
    {11, "MSG_STAT"}, {12, "MSG_INFO"}, {13, "MSG_STAT_ANY"},
};
constexpr Word kSemctlWords[] = {
    {0, "IPC_RMID"}, {1, "IPC_SET"},   {2, "IPC_STAT"},  {3, "IPC_INFO"},      {11, "GETPID"},
    {12, "GETVAL"},  {13, "GETALL"},   {14, "GETNCNT"},  {15, "GETZCNT"},      {16, "SETVAL"},
    {17, "SETALL"},  {18, "SEM_STAT"}, {19, "SEM_INFO"}, {20, "SEM_STAT_ANY"},
};
constexpr Word kShmctlWords[] = {
    {0, "IPC_RMID"},    {1, "IPC_SET"},   {2, "IPC_STAT"},  {3, "IPC_INFO"},      {11, "SHM_LOCK"},
    {12, "SHM_UNLOCK"}, {13, "SHM_STAT"}, {14, "SHM_INFO"}, {15, "SHM_STAT_ANY"},
};
constexpr Word kSemopWords[] = {{0x1000, "SEM_UNDO"}, {04000, "IPC_NOWAIT"}};

// i386's ipc (linux/ipc.h).
constexpr Word kIpcCallWords[] = {
    {1, "SEMOP"},   {2, "SEMGET"},  {3, "SEMCTL"}, {4, "SEMTIMEDOP"}, {11, "MSGSND"}, {12, "MSGRCV"},
    {13, "MSGGET"}, {14, "MSGCTL"}, {21, "SHMAT"}, {22, "SHMDT"},     {23, "SHMGET"}, {24, "SHMCTL"},
};

constexpr Word kKeyWords[] = {
    {0xffffffff, "KEY_SPEC_THREAD_KEYRING"},       {0xfffffffe, "KEY_SPEC_PROCESS_KEYRING"},
    {0xfffffffd, "KEY_SPEC_SESSION_KEYRING"},      {0xfffffffc, "KEY_SPEC_USER_KEYRING"},
    {0xfffffffb, "KEY_SPEC_USER_SESSION_KEYRING"}, {0xfffffffa, "KEY_SPEC_GROUP_KEYRING"},
    {0xfffffff9, "KEY_SPEC_REQKEY_AUTH_KEY"},      {0xfffffff8, "KEY_SPEC_REQUESTOR_KEYRING"},
};
constexpr Word kKeyctlWords[] = {
    W(KEYCTL_GET_KEYRING_ID),
    W(KEYCTL_JOIN_SESSION_KEYRING),
    W(KEYCTL_UPDATE),
    W(KEYCTL_REVOKE),
    W(KEYCTL_CHOWN),
    W(KEYCTL_SETPERM),
    W(KEYCTL_DESCRIBE),
    W(KEYCTL_CLEAR),
    W(KEYCTL_LINK),
    W(KEYCTL_UNLINK),
    W(KEYCTL_SEARCH),
    W(KEYCTL_READ),
    W(KEYCTL_INSTANTIATE),
    W(KEYCTL_NEGATE),
    W(KEYCTL_SET_REQKEY_KEYRING),
    W(KEYCTL_SET_TIMEOUT),
    W(KEYCTL_ASSUME_AUTHORITY),
    W(KEYCTL_GET_SECURITY),
    W(KEYCTL_SESSION_TO_PARENT),
    W(KEYCTL_REJECT),
    W(KEYCTL_INSTANTIATE_IOV),
    W(KEYCTL_INVALIDATE),
    W(KEYCTL_GET_PERSISTENT),
    W(KEYCTL_DH_COMPUTE),
    W(KEYCTL_PKEY_QUERY),
    W(KEYCTL_PKEY_ENCRYPT),
    W(KEYCTL_PKEY_DECRYPT),
    W(KEYCTL_PKEY_SIGN),
    W(KEYCTL_PKEY_VERIFY),
    W(KEYCTL_RESTRICT_KEYRING),
    W(KEYCTL_MOVE),
    W(KEYCTL_CAPABILITIES),
    W(KEYCTL_WATCH_KEY),
};
constexpr Word kReqkeyWords[] = {
    {0xffffffff, "KEY_REQKEY_DEFL_NO_CHANGE"},   {0, "KEY_REQKEY_DEFL_DEFAULT"},
    {1, "KEY_REQKEY_DEFL_THREAD_KEYRING"},       {2, "KEY_REQKEY_DEFL_PROCESS_KEYRING"},
    {3, "KEY_REQKEY_DEFL_SESSION_KEYRING"},      {4, "KEY_REQKEY_DEFL_USER_KEYRING"},
    {5, "KEY_REQKEY_DEFL_USER_SESSION_KEYRING"}, {6, "KEY_REQKEY_DEFL_GROUP_KEYRING"},
    {7, "KEY_REQKEY_DEFL_REQUESTOR_KEYRING"},
};

constexpr Word kAioCommandWords[] = {
    {0, "IOCB_CMD_PREAD"}, {1, "IOCB_CMD_PWRITE"}, {2, "IOCB_CMD_FSYNC"},  {3, "IOCB_CMD_FDSYNC"},
    {5, "IOCB_CMD_POLL"},  {6, "IOCB_CMD_NOOP"},   {7, "IOCB_CMD_PREADV"}, {8, "IOCB_CMD_PWRITEV"},
};
constexpr Word kIocbWords[] = {{1, "IOCB_FLAG_RESFD"}, {2, "IOCB_FLAG_IOPRIO"}};

constexpr Word kUringSetupWords[] = {
    W(IORING_SETUP_IOPOLL),
    W(IORING_SETUP_SQPOLL),
    W(IORING_SETUP_SQ_AFF),
    W(IORING_SETUP_CQSIZE),
    W(IORING_SETUP_CLAMP),
    W(IORING_SETUP_ATTACH_WQ),
    W(IORING_SETUP_R_DISABLED),
    {0x80, "IORING_SETUP_SUBMIT_ALL"},
    {0x100, "IORING_SETUP_COOP_TASKRUN"},
    {0x200, "IORING_SETUP_TASKRUN_FLAG"},
    {0x400, "IORING_SETUP_SQE128"},
    {0x800, "IORING_SETUP_CQE32"},
    {0x1000, "IORING_SETUP_SINGLE_ISSUER"},
    {0x2000, "IORING_SETUP_DEFER_TASKRUN"},
    {0x4000, "IORING_SETUP_NO_MMAP"},
    {0x8000, "IORING_SETUP_REGISTERED_FD_ONLY"},
    {0x10000, "IORING_SETUP_NO_SQARRAY"},
};
constexpr Word kUringFeatureWords[] = {
    W(IORING_FEAT_SINGLE_MMAP),          W(IORING_FEAT_NODROP),          W(IORING_FEAT_SUBMIT_STABLE),
    W(IORING_FEAT_RW_CUR_POS),           W(IORING_FEAT_CUR_PERSONALITY), W(IORING_FEAT_FAST_POLL),
    W(IORING_FEAT_POLL_32BITS),          W(IORING_FEAT_SQPOLL_NONFIXED), W(IORING_FEAT_EXT_ARG),
    W(IORING_FEAT_NATIVE_WORKERS),       W(IORING_FEAT_RSRC_TAGS),       {0x800, "IORING_FEAT_CQE_SKIP"},
    {0x1000, "IORING_FEAT_LINKED_FILE"},
};
constexpr Word kUringEnterWords[] = {
    W(IORING_ENTER_GETEVENTS),
    W(IORING_ENTER_SQ_WAKEUP),
    W(IORING_ENTER_SQ_WAIT),
    W(IORING_ENTER_EXT_ARG),
    {16, "IORING_ENTER_REGISTERED_RING"},
    {32, "IORING_ENTER_ABS_TIMER"},
};
constexpr Word kUringRegisterWords[] = {
    {0, "IORING_REGISTER_BUFFERS"},         {1, "IORING_UNREGISTER_BUFFERS"},
    {2, "IORING_REGISTER_FILES"},           {3, "IORING_UNREGISTER_FILES"},
    {4, "IORING_REGISTER_EVENTFD"},         {5, "IORING_UNREGISTER_EVENTFD"},
    {6, "IORING_REGISTER_FILES_UPDATE"},    {7, "IORING_REGISTER_EVENTFD_ASYNC"},
    {8, "IORING_REGISTER_PROBE"},           {9, "IORING_REGISTER_PERSONALITY"},
    {10, "IORING_UNREGISTER_PERSONALITY"},  {11, "IORING_REGISTER_RESTRICTIONS"},
    {12, "IORING_REGISTER_ENABLE_RINGS"},   {13, "IORING_REGISTER_FILES2"},
    {14, "IORING_REGISTER_FILES_UPDATE2"},  {15, "IORING_REGISTER_BUFFERS2"},
    {16, "IORING_REGISTER_BUFFERS_UPDATE"}, {17, "IORING_REGISTER_IOWQ_AFF"},
    {18, "IORING_UNREGISTER_IOWQ_AFF"},     {19, "IORING_REGISTER_IOWQ_MAX_WORKERS"},
    {20, "IORING_REGISTER_RING_FDS"},       {21, "IORING_UNREGISTER_RING_FDS"},
    {22, "IORING_REGISTER_PBUF_RING"},      {23, "IORING_UNREGISTER_PBUF_RING"},
    {24, "IORING_REGISTER_SYNC_CANCEL"},    {25, "IORING_REGISTER_FILE_ALLOC_RANGE"},
};

}  // namespace

constinit const Vocabulary kIpcFlags{kIpcWords, "IPC_???"};
constinit const Vocabulary kShmget{kShmgetWords, "SHM_???"};
constinit const Vocabulary kMsgrcv{kMsgrcvWords, "MSG_???"};
constinit const Vocabulary kMsgctl{kMsgctlWords, "MSG_???"};
constinit const Vocabulary kSemctl{kSemctlWords, "SEM_???"};
constinit const Vocabulary kShmctl{kShmctlWords, "SHM_???"};
constinit const Vocabulary kSemop{kSemopWords, "SEM_???"};
constinit const Vocabulary kIpcCall{kIpcCallWords, "IPC_???"};
constinit const Vocabulary kKeySerial{kKeyWords, ""};
constinit const Vocabulary kKeyctl{kKeyctlWords, "KEYCTL_???"};
constinit const Vocabulary kReqkey{kReqkeyWords, "KEY_REQKEY_DEFL_???"};
constinit const Vocabulary kAioCommand{kAioCommandWords, "IOCB_CMD_???"};
constinit const Vocabulary kIocbFlags{kIocbWords, "IOCB_FLAG_???"};
constinit const Vocabulary kUringSetup{kUringSetupWords, "IORING_SETUP_???"};
constinit const Vocabulary kUringFeatures{kUringFeatureWords, "IORING_FEAT_???"};
constinit const Vocabulary kUringEnter{kUringEnterWords, "IORING_ENTER_???"};
constinit const Vocabulary kUringRegister{kUringRegisterWords, "IORING_REGISTER_???"};

}  // namespace sightline::decode
