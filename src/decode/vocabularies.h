/// The vocabularies: every set of named numbers that the printers know, by theme. One file in words/ holds each theme.
///
/// The constants are those of the kernel's headers, by name where Debian 12 (Linux 6.1) has them and as numbers where
/// it has not yet. The order within a set is that in which strace writes the names.
#pragma once

#include <cstdint>
#include <string>

#include "src/decode/words.h"

namespace sightline::decode {

// files
extern const Vocabulary kOpenMode, kOpenFlags, kAccess, kAtFlags, kAtAccessFlags, kAtHandleFlags, kAtMountFlags,
    kStatxSync, kStatxMask, kStatxAttributes, kFileType, kFileModeBits, kSeek, kFlock, kFcntl, kFdFlags, kLockType,
    kOwnerType, kNotify, kSeals, kRwHint, kRenameFlags, kFallocate, kSyncFileRange, kSplice, kRwf, kFadvise,
    kXattrFlags, kInotifyInit, kInotifyMask, kFanotifyClass, kFanotifyInit, kFanotifyMark, kFanotifyEvents, kResolve,
    kCloseRange;

// memory
extern const Vocabulary kProtection, kMapType, kMapFlags, kMremap, kMsync, kMlock, kMlockall, kMadvise, kMemfd,
    kPkeyRights, kMpolMode, kMpolModeFlags, kMbind, kMovePages, kMpolGet, kShmat;

// sockets
extern const Vocabulary kSocketDomain, kSocketType, kSocketFlags, kInetProtocol, kNetlinkProtocol, kBluetoothProtocol,
    kEthernetProtocol, kShutdown, kMessageFlags, kSocketLevel, kScm, kIpControl, kPacketType, kHardwareType,
    kPollEvents, kEpollEvents, kEpollOp, kEpollCreate, kEventfdFlags, kSocketcall;

// signals and time
extern const Vocabulary kSigHow, kSigactionFlags, kSigstackFlags, kSigevent, kSignalfdFlags, kClock, kCpuClock,
    kClockFlags, kItimer, kTimerfdFlags, kAdjtime, kAdjtimeStatus, kAdjtimeState, kSiCode, kIllCode, kFpeCode,
    kSegvCode, kBusCode, kTrapCode, kChildCode, kPollCode, kSysCode;

// processes
extern const Vocabulary kClone, kClone3, kUnshare, kSetns, kWaitOptions, kWaitidType, kPidfdFlags, kPidfdSignalFlags,
    kKcmp, kRlimit, kRusage, kPriority, kIoprioWho, kIoprioClass, kSchedPolicy, kSchedAttrFlags, kPrctl, kDumpable,
    kSeccompMode, kTsc, kUnalign, kMceKill, kMceKillPolicy, kSetMm, kCapAmbient, kSpec, kSpecControl, kVma, kSecurebits,
    kSchedCore, kSchedCoreScope, kSyscallDispatch, kArchPrctl, kXfeature, kPersonality, kPersonalityFlags, kPtrace,
    kPtraceOptions, kRegset, kFutex, kFutexWakeOp, kFutexWakeCompare, kFutex2, kRseq, kCapabilityVersion, kCapability;

// file systems
extern const Vocabulary kMountFlags, kUmountFlags, kOpenTree, kMoveMount, kFsopen, kFsmount, kFspick, kFsconfig,
    kMountAttr, kStatfsFlags, kFsMagic, kQuotaCommand, kQuotaType, kSwapFlags;

// System V IPC, keys, asynchronous I/O
extern const Vocabulary kIpcFlags, kShmget, kMsgrcv, kMsgctl, kSemctl, kShmctl, kSemop, kIpcCall, kKeySerial, kKeyctl,
    kReqkey, kAioCommand, kIocbFlags, kUringSetup, kUringFeatures, kUringEnter, kUringRegister;

// the system as a whole
extern const Vocabulary kSeccomp, kSeccompFilter, kSeccompAction, kBpf, kBpfMapType, kMembarrier, kMembarrierFlags,
    kLandlockRule, kLandlockCreate, kLandlockAccess, kLandlockNet, kPerfFlags, kPerfType, kPerfHardware, kPerfSoftware,
    kPerfSample, kPerfRead, kUserfaultfd, kGetrandom, kModuleFlags, kDeleteModuleFlags, kKexec, kKexecArch, kKexecFile,
    kRebootMagic1, kRebootMagic2, kReboot, kSyslog;

/// The name of socket option `option` of `level` (SOL_*): some numbers mean one thing to getsockopt and another to
/// setsockopt. Decimal where the level has no names at all.
void append_socket_option(std::string& out, uint32_t level, uint32_t option, bool setting);

/// `TCGETS`, `FIONREAD`, … or, without a name, `_IOC(_IOC_READ, 0x54, 0x1, 0x24)`.
void append_ioctl(std::string& out, uint32_t request);

}  // namespace sightline::decode
