// Words of files: opening, paths, descriptors' commands, attributes.
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fanotify.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kOpenModeWords[] = {W(O_RDONLY), W(O_WRONLY), W(O_RDWR), W(O_ACCMODE)};

// The kernel's bits (asm-generic/fcntl.h): glibc's O_LARGEFILE is 0 on x86-64 and its O_ASYNC is the kernel's FASYNC.
constexpr Word kOpenFlagWords[] = {
    W(O_CREAT),
    W(O_EXCL),
    W(O_NOCTTY),
    W(O_TRUNC),
    W(O_APPEND),
    W(O_NONBLOCK),
    W(O_SYNC),
    {04000000, "__O_SYNC"},
    W(O_DSYNC),
    W(O_DIRECT),
    {0100000, "O_LARGEFILE"},
    W(O_NOFOLLOW),
    W(O_NOATIME),
    W(O_CLOEXEC),
    W(O_PATH),
    W(O_TMPFILE),
    {020000000, "__O_TMPFILE"},
    W(O_DIRECTORY),
    W(FASYNC),
};

constexpr Word kAccessWords[] = {W(F_OK), W(R_OK), W(W_OK), W(X_OK)};

constexpr Word kAtWords[] = {
    W(AT_SYMLINK_NOFOLLOW), W(AT_REMOVEDIR),  W(AT_SYMLINK_FOLLOW),
    W(AT_NO_AUTOMOUNT),     W(AT_EMPTY_PATH), {0x8000, "AT_RECURSIVE"},
};

// In faccessat2 the bit of AT_REMOVEDIR means something else.
constexpr Word kAtAccessWords[] = {W(AT_SYMLINK_NOFOLLOW), W(AT_EACCESS), W(AT_EMPTY_PATH)};

constexpr Word kAtHandleWords[] = {W(AT_SYMLINK_FOLLOW), W(AT_EMPTY_PATH), {0x200, "AT_HANDLE_FID"}};

constexpr Word kAtMountWords[] = {
    W(AT_SYMLINK_NOFOLLOW),
    W(AT_NO_AUTOMOUNT),
    W(AT_EMPTY_PATH),
    {0x8000, "AT_RECURSIVE"},
};

constexpr Word kStatxSyncWords[] = {
    {0, "AT_STATX_SYNC_AS_STAT"},
    {0x2000, "AT_STATX_FORCE_SYNC"},
    {0x4000, "AT_STATX_DONT_SYNC"},
};

constexpr Word kStatxMaskWords[] = {
    W(STATX_ALL),
    W(STATX_BASIC_STATS),
    W(STATX_TYPE),
    W(STATX_MODE),
    W(STATX_NLINK),
    W(STATX_UID),
    W(STATX_GID),
    W(STATX_ATIME),
    W(STATX_MTIME),
    W(STATX_CTIME),
    W(STATX_INO),
    W(STATX_SIZE),
    W(STATX_BLOCKS),
    W(STATX_BTIME),
    {0x1000, "STATX_MNT_ID"},
    {0x2000, "STATX_DIOALIGN"},
};

constexpr Word kStatxAttributeWords[] = {
    W(STATX_ATTR_COMPRESSED),
    W(STATX_ATTR_IMMUTABLE),
    W(STATX_ATTR_APPEND),
    W(STATX_ATTR_NODUMP),
    W(STATX_ATTR_ENCRYPTED),
    W(STATX_ATTR_AUTOMOUNT),
    {0x2000, "STATX_ATTR_MOUNT_ROOT"},
    {0x100000, "STATX_ATTR_VERITY"},
    {0x200000, "STATX_ATTR_DAX"},
};

constexpr Word kFileTypeWords[] = {
    {0140000, "S_IFSOCK"}, {0120000, "S_IFLNK"}, {0100000, "S_IFREG"}, {0060000, "S_IFBLK"},
    {0040000, "S_IFDIR"},  {0020000, "S_IFCHR"}, {0010000, "S_IFIFO"},
};

constexpr Word kFileModeBitWords[] = {{04000, "S_ISUID"}, {02000, "S_ISGID"}, {01000, "S_ISVTX"}};

constexpr Word kSeekWords[] = {W(SEEK_SET), W(SEEK_CUR), W(SEEK_END), W(SEEK_DATA), W(SEEK_HOLE)};

constexpr Word kFlockWords[] = {
    W(LOCK_SH), W(LOCK_EX), W(LOCK_NB), W(LOCK_UN), W(LOCK_MAND), W(LOCK_RW), W(LOCK_READ), W(LOCK_WRITE),
};

constexpr Word kFcntlWords[] = {
    W(F_DUPFD),
    W(F_GETFD),
    W(F_SETFD),
    W(F_GETFL),
    W(F_SETFL),
    W(F_GETLK),
    W(F_SETLK),
    W(F_SETLKW),
    W(F_SETOWN),
    W(F_GETOWN),
    {10, "F_SETSIG"},
    {11, "F_GETSIG"},
    {12, "F_GETLK64"},
    {13, "F_SETLK64"},
    {14, "F_SETLKW64"},
    {15, "F_SETOWN_EX"},
    {16, "F_GETOWN_EX"},
    {17, "F_GETOWNER_UIDS"},
    W(F_OFD_GETLK),
    W(F_OFD_SETLK),
    W(F_OFD_SETLKW),
    W(F_SETLEASE),
    W(F_GETLEASE),
    W(F_NOTIFY),
    {1029, "F_CANCELLK"},
    W(F_DUPFD_CLOEXEC),
    W(F_SETPIPE_SZ),
    W(F_GETPIPE_SZ),
    W(F_ADD_SEALS),
    W(F_GET_SEALS),
    {1035, "F_GET_RW_HINT"},
    {1036, "F_SET_RW_HINT"},
    {1037, "F_GET_FILE_RW_HINT"},
    {1038, "F_SET_FILE_RW_HINT"},
};

constexpr Word kFdFlagWords[] = {W(FD_CLOEXEC)};
constexpr Word kLockTypeWords[] = {W(F_RDLCK), W(F_WRLCK), W(F_UNLCK), {4, "F_EXLCK"}, {8, "F_SHLCK"}};
constexpr Word kOwnerTypeWords[] = {{0, "F_OWNER_TID"}, {1, "F_OWNER_PID"}, {2, "F_OWNER_PGRP"}};
constexpr Word kNotifyWords[] = {
    W(DN_ACCESS), W(DN_MODIFY), W(DN_CREATE), W(DN_DELETE), W(DN_RENAME), W(DN_ATTRIB), W(DN_MULTISHOT),
};
constexpr Word kSealWords[] = {
    W(F_SEAL_SEAL), W(F_SEAL_SHRINK), W(F_SEAL_GROW), W(F_SEAL_WRITE), {0x10, "F_SEAL_FUTURE_WRITE"},
};
constexpr Word kRwHintWords[] = {
    {0, "RWH_WRITE_LIFE_NOT_SET"}, {1, "RWH_WRITE_LIFE_NONE"}, {2, "RWH_WRITE_LIFE_SHORT"},
    {3, "RWH_WRITE_LIFE_MEDIUM"},  {4, "RWH_WRITE_LIFE_LONG"}, {5, "RWH_WRITE_LIFE_EXTREME"},
};

constexpr Word kRenameWords[] = {{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}};

constexpr Word kFallocateWords[] = {
    W(FALLOC_FL_KEEP_SIZE),  W(FALLOC_FL_PUNCH_HOLE),   W(FALLOC_FL_NO_HIDE_STALE), W(FALLOC_FL_COLLAPSE_RANGE),
    W(FALLOC_FL_ZERO_RANGE), W(FALLOC_FL_INSERT_RANGE), W(FALLOC_FL_UNSHARE_RANGE),
};

constexpr Word kSyncFileRangeWords[] = {
    W(SYNC_FILE_RANGE_WAIT_BEFORE),
    W(SYNC_FILE_RANGE_WRITE),
    W(SYNC_FILE_RANGE_WAIT_AFTER),
};

constexpr Word kSpliceWords[] = {W(SPLICE_F_MOVE), W(SPLICE_F_NONBLOCK), W(SPLICE_F_MORE), W(SPLICE_F_GIFT)};

constexpr Word kRwfWords[] = {
    {1, "RWF_HIPRI"}, {2, "RWF_DSYNC"}, {4, "RWF_SYNC"}, {8, "RWF_NOWAIT"}, {16, "RWF_APPEND"},
};

constexpr Word kFadviseWords[] = {
    W(POSIX_FADV_NORMAL),   W(POSIX_FADV_RANDOM),   W(POSIX_FADV_SEQUENTIAL),
    W(POSIX_FADV_WILLNEED), W(POSIX_FADV_DONTNEED), W(POSIX_FADV_NOREUSE),
};

constexpr Word kXattrWords[] = {W(XATTR_CREATE), W(XATTR_REPLACE)};

constexpr Word kInotifyInitWords[] = {W(IN_NONBLOCK), W(IN_CLOEXEC)};

constexpr Word kInotifyWords[] = {
    W(IN_ACCESS),
    W(IN_MODIFY),
    W(IN_ATTRIB),
    W(IN_CLOSE_WRITE),
    W(IN_CLOSE_NOWRITE),
    W(IN_OPEN),
    W(IN_MOVED_FROM),
    W(IN_MOVED_TO),
    W(IN_CREATE),
    W(IN_DELETE),
    W(IN_DELETE_SELF),
    W(IN_MOVE_SELF),
    W(IN_UNMOUNT),
    W(IN_Q_OVERFLOW),
    W(IN_IGNORED),
    W(IN_ONLYDIR),
    W(IN_DONT_FOLLOW),
    W(IN_EXCL_UNLINK),
    {0x10000000, "IN_MASK_CREATE"},
    W(IN_MASK_ADD),
    W(IN_ISDIR),
    W(IN_ONESHOT),
};

constexpr Word kFanotifyClassWords[] = {W(FAN_CLASS_NOTIF), W(FAN_CLASS_CONTENT), W(FAN_CLASS_PRE_CONTENT)};

constexpr Word kFanotifyInitWords[] = {
    W(FAN_CLOEXEC),
    W(FAN_NONBLOCK),
    W(FAN_UNLIMITED_QUEUE),
    W(FAN_UNLIMITED_MARKS),
    W(FAN_ENABLE_AUDIT),
    {0x80, "FAN_REPORT_PIDFD"},
    {0x100, "FAN_REPORT_TID"},
    {0x200, "FAN_REPORT_FID"},
    {0x400, "FAN_REPORT_DIR_FID"},
    {0x800, "FAN_REPORT_NAME"},
    {0x1000, "FAN_REPORT_TARGET_FID"},
};

constexpr Word kFanotifyMarkWords[] = {
    W(FAN_MARK_ADD),
    W(FAN_MARK_REMOVE),
    W(FAN_MARK_DONT_FOLLOW),
    W(FAN_MARK_ONLYDIR),
    W(FAN_MARK_MOUNT),
    W(FAN_MARK_IGNORED_MASK),
    W(FAN_MARK_IGNORED_SURV_MODIFY),
    W(FAN_MARK_FLUSH),
    {0x100, "FAN_MARK_FILESYSTEM"},
    {0x200, "FAN_MARK_EVICTABLE"},
    {0x400, "FAN_MARK_IGNORE"},
};

constexpr Word kFanotifyEventWords[] = {
    W(FAN_ACCESS),
    W(FAN_MODIFY),
    {0x4, "FAN_ATTRIB"},
    W(FAN_CLOSE_WRITE),
    W(FAN_CLOSE_NOWRITE),
    W(FAN_OPEN),
    {0x40, "FAN_MOVED_FROM"},
    {0x80, "FAN_MOVED_TO"},
    {0x100, "FAN_CREATE"},
    {0x200, "FAN_DELETE"},
    {0x400, "FAN_DELETE_SELF"},
    {0x800, "FAN_MOVE_SELF"},
    {0x1000, "FAN_OPEN_EXEC"},
    W(FAN_Q_OVERFLOW),
    {0x8000, "FAN_FS_ERROR"},
    W(FAN_OPEN_PERM),
    W(FAN_ACCESS_PERM),
    {0x40000, "FAN_OPEN_EXEC_PERM"},
    {0x80000, "FAN_DIR_MODIFY"},
    W(FAN_ONDIR),
    W(FAN_EVENT_ON_CHILD),
    {0x10000000, "FAN_RENAME"},
};

constexpr Word kResolveWords[] = {
    W(RESOLVE_NO_XDEV), W(RESOLVE_NO_MAGICLINKS), W(RESOLVE_NO_SYMLINKS),
    W(RESOLVE_BENEATH), W(RESOLVE_IN_ROOT),       {0x20, "RESOLVE_CACHED"},
};

constexpr Word kCloseRangeWords[] = {{2, "CLOSE_RANGE_UNSHARE"}, {4, "CLOSE_RANGE_CLOEXEC"}};

}  // namespace

constinit const Vocabulary kOpenMode{kOpenModeWords, ""};
constinit const Vocabulary kOpenFlags{kOpenFlagWords, "O_???"};
constinit const Vocabulary kAccess{kAccessWords, "?_OK"};
constinit const Vocabulary kAtFlags{kAtWords, "AT_???"};
constinit const Vocabulary kAtAccessFlags{kAtAccessWords, "AT_???"};
constinit const Vocabulary kAtHandleFlags{kAtHandleWords, "AT_???"};
constinit const Vocabulary kAtMountFlags{kAtMountWords, "AT_???"};
constinit const Vocabulary kStatxSync{kStatxSyncWords, "AT_STATX_???"};
constinit const Vocabulary kStatxMask{kStatxMaskWords, "STATX_???"};
constinit const Vocabulary kStatxAttributes{kStatxAttributeWords, "STATX_ATTR_???"};
constinit const Vocabulary kFileType{kFileTypeWords, "S_IF???"};
constinit const Vocabulary kFileModeBits{kFileModeBitWords, ""};
constinit const Vocabulary kSeek{kSeekWords, "SEEK_???"};
constinit const Vocabulary kFlock{kFlockWords, "LOCK_???"};
constinit const Vocabulary kFcntl{kFcntlWords, "F_???"};
constinit const Vocabulary kFdFlags{kFdFlagWords, "FD_???"};
constinit const Vocabulary kLockType{kLockTypeWords, "F_???"};
constinit const Vocabulary kOwnerType{kOwnerTypeWords, "F_???"};
constinit const Vocabulary kNotify{kNotifyWords, "DN_???"};
constinit const Vocabulary kSeals{kSealWords, "F_SEAL_???"};
constinit const Vocabulary kRwHint{kRwHintWords, "RWH_WRITE_LIFE_???"};
constinit const Vocabulary kRenameFlags{kRenameWords, "RENAME_??"};
constinit const Vocabulary kFallocate{kFallocateWords, "FALLOC_FL_???"};
constinit const Vocabulary kSyncFileRange{kSyncFileRangeWords, "SYNC_FILE_RANGE_???"};
constinit const Vocabulary kSplice{kSpliceWords, "SPLICE_F_???"};
constinit const Vocabulary kRwf{kRwfWords, "RWF_???"};
constinit const Vocabulary kFadvise{kFadviseWords, "POSIX_FADV_???"};
constinit const Vocabulary kXattrFlags{kXattrWords, "XATTR_???"};
constinit const Vocabulary kInotifyInit{kInotifyInitWords, "IN_???"};
constinit const Vocabulary kInotifyMask{kInotifyWords, "IN_???"};
constinit const Vocabulary kFanotifyClass{kFanotifyClassWords, "FAN_CLASS_???"};
constinit const Vocabulary kFanotifyInit{kFanotifyInitWords, "FAN_???"};
constinit const Vocabulary kFanotifyMark{kFanotifyMarkWords, "FAN_MARK_???"};
constinit const Vocabulary kFanotifyEvents{kFanotifyEventWords, "FAN_???"};
constinit const Vocabulary kResolve{kResolveWords, "RESOLVE_???"};
constinit const Vocabulary kCloseRange{kCloseRangeWords, "CLOSE_RANGE_???"};

}  // namespace sightline::decode
