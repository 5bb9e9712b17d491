// Words of file systems: mounting, quotas, what statfs tells.
#include <linux/dqblk_xfs.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/quota.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kMountWords[] = {
    W(MS_RDONLY),    W(MS_NOSUID),      W(MS_NODEV),
    W(MS_NOEXEC),    W(MS_SYNCHRONOUS), W(MS_REMOUNT),
    W(MS_MANDLOCK),  W(MS_DIRSYNC),     {0x100, "MS_NOSYMFOLLOW"},
    W(MS_NOATIME),   W(MS_NODIRATIME),  W(MS_BIND),
    W(MS_MOVE),      W(MS_REC),         W(MS_SILENT),
    W(MS_POSIXACL),  W(MS_UNBINDABLE),  W(MS_PRIVATE),
    W(MS_SLAVE),     W(MS_SHARED),      W(MS_RELATIME),
    W(MS_KERNMOUNT), W(MS_I_VERSION),   W(MS_STRICTATIME),
    W(MS_LAZYTIME),  W(MS_SUBMOUNT),    W(MS_NOREMOTELOCK),
    W(MS_NOSEC),     W(MS_BORN),        W(MS_ACTIVE),
    W(MS_NOUSER),
};
constexpr Word kUmountWords[] = {{1, "MNT_FORCE"}, {2, "MNT_DETACH"}, {4, "MNT_EXPIRE"}, {8, "UMOUNT_NOFOLLOW"}};

constexpr Word kOpenTreeWords[] = {{1, "OPEN_TREE_CLONE"},         {02000000, "OPEN_TREE_CLOEXEC"},
                                   {0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_REMOVEDIR"},
                                   {0x400, "AT_SYMLINK_FOLLOW"},   {0x800, "AT_NO_AUTOMOUNT"},
                                   {0x1000, "AT_EMPTY_PATH"},      {0x8000, "AT_RECURSIVE"}};
constexpr Word kMoveMountWords[] = {
    W(MOVE_MOUNT_F_SYMLINKS),        W(MOVE_MOUNT_F_AUTOMOUNTS),    W(MOVE_MOUNT_F_EMPTY_PATH),
    W(MOVE_MOUNT_T_SYMLINKS),        W(MOVE_MOUNT_T_AUTOMOUNTS),    W(MOVE_MOUNT_T_EMPTY_PATH),
    {0x100, "MOVE_MOUNT_SET_GROUP"}, {0x200, "MOVE_MOUNT_BENEATH"},
};
constexpr Word kFsopenWords[] = {W(FSOPEN_CLOEXEC)};
constexpr Word kFsmountWords[] = {W(FSMOUNT_CLOEXEC)};
constexpr Word kFspickWords[] = {
    W(FSPICK_CLOEXEC),
    W(FSPICK_SYMLINK_NOFOLLOW),
    W(FSPICK_NO_AUTOMOUNT),
    W(FSPICK_EMPTY_PATH),
};
constexpr Word kFsconfigWords[] = {
    W(FSCONFIG_SET_FLAG),   W(FSCONFIG_SET_STRING),      W(FSCONFIG_SET_BINARY),
    W(FSCONFIG_SET_PATH),   W(FSCONFIG_SET_PATH_EMPTY),  W(FSCONFIG_SET_FD),
    W(FSCONFIG_CMD_CREATE), W(FSCONFIG_CMD_RECONFIGURE), {8, "FSCONFIG_CMD_CREATE_EXCL"},
};
constexpr Word kMountAttrWords[] = {
    W(MOUNT_ATTR_RDONLY),     W(MOUNT_ATTR_NOSUID),           W(MOUNT_ATTR_NODEV),
    W(MOUNT_ATTR_NOEXEC),     W(MOUNT_ATTR_NOATIME),          W(MOUNT_ATTR_STRICTATIME),
    W(MOUNT_ATTR_NODIRATIME), {0x100000, "MOUNT_ATTR_IDMAP"}, {0x200000, "MOUNT_ATTR_NOSYMFOLLOW"},
};

// statfs.f_flags (linux/statfs.h of the kernel, not exported).
constexpr Word kStatfsWords[] = {
    {0x0020, "ST_VALID"},      {0x0001, "ST_RDONLY"},      {0x0002, "ST_NOSUID"},      {0x0004, "ST_NODEV"},
    {0x0008, "ST_NOEXEC"},     {0x0010, "ST_SYNCHRONOUS"}, {0x0040, "ST_MANDLOCK"},    {0x0400, "ST_NOATIME"},
    {0x0800, "ST_NODIRATIME"}, {0x1000, "ST_RELATIME"},    {0x2000, "ST_NOSYMFOLLOW"},
};

constexpr Word kFsMagicWords[] = {
    W(ADFS_SUPER_MAGIC),
    W(AFFS_SUPER_MAGIC),
    W(AFS_SUPER_MAGIC),
    W(AUTOFS_SUPER_MAGIC),
    W(CODA_SUPER_MAGIC),
    W(CRAMFS_MAGIC),
    W(DEBUGFS_MAGIC),
    W(SECURITYFS_MAGIC),
    W(SELINUX_MAGIC),
    W(SMACK_MAGIC),
    W(RAMFS_MAGIC),
    W(TMPFS_MAGIC),
    W(HUGETLBFS_MAGIC),
    W(SQUASHFS_MAGIC),
    W(ECRYPTFS_SUPER_MAGIC),
    W(EFS_SUPER_MAGIC),
    W(EROFS_SUPER_MAGIC_V1),
    {0xef53, "EXT2_SUPER_MAGIC"},
    W(XENFS_SUPER_MAGIC),
    W(BTRFS_SUPER_MAGIC),
    W(NILFS_SUPER_MAGIC),
    W(F2FS_SUPER_MAGIC),
    W(HPFS_SUPER_MAGIC),
    W(ISOFS_SUPER_MAGIC),
    W(JFFS2_SUPER_MAGIC),
    W(XFS_SUPER_MAGIC),
    W(PSTOREFS_MAGIC),
    W(EFIVARFS_MAGIC),
    W(HOSTFS_SUPER_MAGIC),
    W(OVERLAYFS_SUPER_MAGIC),
    W(FUSE_SUPER_MAGIC),
    W(MSDOS_SUPER_MAGIC),
    {0x2011bab0, "EXFAT_SUPER_MAGIC"},
    W(NCP_SUPER_MAGIC),
    W(NFS_SUPER_MAGIC),
    W(OCFS2_SUPER_MAGIC),
    W(OPENPROM_SUPER_MAGIC),
    W(QNX4_SUPER_MAGIC),
    W(QNX6_SUPER_MAGIC),
    W(AFS_FS_MAGIC),
    W(REISERFS_SUPER_MAGIC),
    W(SMB_SUPER_MAGIC),
    W(CGROUP_SUPER_MAGIC),
    W(CGROUP2_SUPER_MAGIC),
    W(RDTGROUP_SUPER_MAGIC),
    W(TRACEFS_MAGIC),
    W(V9FS_MAGIC),
    W(BDEVFS_MAGIC),
    W(DAXFS_MAGIC),
    W(BINFMTFS_MAGIC),
    W(DEVPTS_SUPER_MAGIC),
    {0xBAD1DEA, "FUTEXFS_SUPER_MAGIC"},
    W(PIPEFS_MAGIC),
    W(PROC_SUPER_MAGIC),
    W(SOCKFS_MAGIC),
    W(SYSFS_MAGIC),
    W(USBDEVICE_SUPER_MAGIC),
    W(MTD_INODE_FS_MAGIC),
    W(ANON_INODE_FS_MAGIC),
    W(BTRFS_TEST_MAGIC),
    W(NSFS_MAGIC),
    W(BPF_FS_MAGIC),
    W(AAFS_MAGIC),
    W(ZONEFS_MAGIC),
    {0x19800202, "MQUEUE_MAGIC"},
    {0xfe534d42, "SMB2_SUPER_MAGIC"},
    {0xff534d42, "CIFS_SUPER_MAGIC"},
    {0x2fc12fc1, "ZFS_SUPER_MAGIC"},
    {0x00c36400, "CEPH_SUPER_MAGIC"},
    {0x73757245, "CODA_SUPER_MAGIC"},
};

constexpr Word kQuotaCommandWords[] = {
    W(Q_SYNC),       W(Q_QUOTAON),    W(Q_QUOTAOFF),
    W(Q_GETFMT),     W(Q_GETINFO),    W(Q_SETINFO),
    W(Q_GETQUOTA),   W(Q_SETQUOTA),   {0x800009, "Q_GETNEXTQUOTA"},
    W(Q_XQUOTAON),   W(Q_XQUOTAOFF),  W(Q_XGETQUOTA),
    W(Q_XSETQLIM),   W(Q_XGETQSTAT),  W(Q_XQUOTARM),
    W(Q_XQUOTASYNC), W(Q_XGETQSTATV), {('X' << 8) + 9, "Q_XGETNEXTQUOTA"},
};
constexpr Word kQuotaTypeWords[] = {{0, "USRQUOTA"}, {1, "GRPQUOTA"}, {2, "PRJQUOTA"}};

constexpr Word kSwapWords[] = {
    {0x8000, "SWAP_FLAG_PREFER"},
    {0x10000, "SWAP_FLAG_DISCARD"},
    {0x20000, "SWAP_FLAG_DISCARD_ONCE"},
    {0x40000, "SWAP_FLAG_DISCARD_PAGES"},
};

}  // namespace

constinit const Vocabulary kMountFlags{kMountWords, "MS_???"};
constinit const Vocabulary kUmountFlags{kUmountWords, "MNT_???"};
constinit const Vocabulary kOpenTree{kOpenTreeWords, "OPEN_TREE_???"};
constinit const Vocabulary kMoveMount{kMoveMountWords, "MOVE_MOUNT_???"};
constinit const Vocabulary kFsopen{kFsopenWords, "FSOPEN_???"};
constinit const Vocabulary kFsmount{kFsmountWords, "FSMOUNT_???"};
constinit const Vocabulary kFspick{kFspickWords, "FSPICK_???"};
constinit const Vocabulary kFsconfig{kFsconfigWords, "FSCONFIG_???"};
constinit const Vocabulary kMountAttr{kMountAttrWords, "MOUNT_ATTR_???"};
constinit const Vocabulary kStatfsFlags{kStatfsWords, "ST_???"};
constinit const Vocabulary kFsMagic{kFsMagicWords, ""};
constinit const Vocabulary kQuotaCommand{kQuotaCommandWords, "Q_???"};
constinit const Vocabulary kQuotaType{kQuotaTypeWords, "???QUOTA"};
constinit const Vocabulary kSwapFlags{kSwapWords, "SWAP_FLAG_???"};

}  // namespace sightline::decode
