// Words of memory: mapping, locking, advice, NUMA policy, System V shared memory.
#include <sys/mman.h>
#include <sys/shm.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kProtectionWords[] = {
    W(PROT_NONE), W(PROT_READ), W(PROT_WRITE), W(PROT_EXEC), {8, "PROT_SEM"}, W(PROT_GROWSDOWN), W(PROT_GROWSUP),
};

constexpr Word kMapTypeWords[] = {
    {0, "MAP_FILE"}, W(MAP_SHARED), W(MAP_PRIVATE), {3, "MAP_SHARED_VALIDATE"}, {8, "MAP_DROPPABLE"},
};

constexpr Word kMapFlagWords[] = {
    W(MAP_FIXED),          W(MAP_ANONYMOUS),
    W(MAP_32BIT),          W(MAP_NORESERVE),
    W(MAP_POPULATE),       W(MAP_NONBLOCK),
    W(MAP_GROWSDOWN),      W(MAP_DENYWRITE),
    W(MAP_EXECUTABLE),     W(MAP_LOCKED),
    W(MAP_STACK),          W(MAP_HUGETLB),
    {0x80000, "MAP_SYNC"}, {0x100000, "MAP_FIXED_NOREPLACE"},
};

constexpr Word kMremapWords[] = {W(MREMAP_MAYMOVE), W(MREMAP_FIXED), {4, "MREMAP_DONTUNMAP"}};
constexpr Word kMsyncWords[] = {W(MS_SYNC), W(MS_ASYNC), W(MS_INVALIDATE)};
constexpr Word kMlockWords[] = {{1, "MLOCK_ONFAULT"}};
constexpr Word kMlockallWords[] = {W(MCL_CURRENT), W(MCL_FUTURE), {4, "MCL_ONFAULT"}};

// asm-generic/mman-common.h
constexpr Word kMadviseWords[] = {
    {0, "MADV_NORMAL"},           {1, "MADV_RANDOM"},          {2, "MADV_SEQUENTIAL"},
    {3, "MADV_WILLNEED"},         {4, "MADV_DONTNEED"},        {8, "MADV_FREE"},
    {9, "MADV_REMOVE"},           {10, "MADV_DONTFORK"},       {11, "MADV_DOFORK"},
    {12, "MADV_MERGEABLE"},       {13, "MADV_UNMERGEABLE"},    {14, "MADV_HUGEPAGE"},
    {15, "MADV_NOHUGEPAGE"},      {16, "MADV_DONTDUMP"},       {17, "MADV_DODUMP"},
    {18, "MADV_WIPEONFORK"},      {19, "MADV_KEEPONFORK"},     {20, "MADV_COLD"},
    {21, "MADV_PAGEOUT"},         {22, "MADV_POPULATE_READ"},  {23, "MADV_POPULATE_WRITE"},
    {24, "MADV_DONTNEED_LOCKED"}, {25, "MADV_COLLAPSE"},       {100, "MADV_HWPOISON"},
    {101, "MADV_SOFT_OFFLINE"},   {102, "MADV_GUARD_INSTALL"}, {103, "MADV_GUARD_REMOVE"},
};

constexpr Word kMemfdWords[] = {
    W(MFD_CLOEXEC), W(MFD_ALLOW_SEALING), W(MFD_HUGETLB), {8, "MFD_NOEXEC_SEAL"}, {16, "MFD_EXEC"},
};

constexpr Word kPkeyWords[] = {
    {1, "PKEY_DISABLE_ACCESS"},
    {2, "PKEY_DISABLE_WRITE"},
    {4, "PKEY_DISABLE_EXECUTE"},
    {8, "PKEY_DISABLE_READ"},
};

// linux/mempolicy.h
constexpr Word kMpolModeWords[] = {
    {0, "MPOL_DEFAULT"},
    {1, "MPOL_PREFERRED"},
    {2, "MPOL_BIND"},
    {3, "MPOL_INTERLEAVE"},
    {4, "MPOL_LOCAL"},
    {5, "MPOL_PREFERRED_MANY"},
    {6, "MPOL_WEIGHTED_INTERLEAVE"},
};
constexpr Word kMpolModeFlagWords[] = {
    {0x8000, "MPOL_F_STATIC_NODES"},
    {0x4000, "MPOL_F_RELATIVE_NODES"},
    {0x2000, "MPOL_F_NUMA_BALANCING"},
};
constexpr Word kMbindWords[] = {{1, "MPOL_MF_STRICT"}, {2, "MPOL_MF_MOVE"}, {4, "MPOL_MF_MOVE_ALL"}};
constexpr Word kMpolGetWords[] = {{1, "MPOL_F_NODE"}, {2, "MPOL_F_ADDR"}, {4, "MPOL_F_MEMS_ALLOWED"}};

constexpr Word kShmatWords[] = {W(SHM_RDONLY), W(SHM_RND), W(SHM_REMAP), W(SHM_EXEC)};

}  // namespace

constinit const Vocabulary kProtection{kProtectionWords, "PROT_???"};
constinit const Vocabulary kMapType{kMapTypeWords, "MAP_???"};
constinit const Vocabulary kMapFlags{kMapFlagWords, "MAP_???"};
constinit const Vocabulary kMremap{kMremapWords, "MREMAP_???"};
constinit const Vocabulary kMsync{kMsyncWords, "MS_???"};
constinit const Vocabulary kMlock{kMlockWords, "MLOCK_???"};
constinit const Vocabulary kMlockall{kMlockallWords, "MCL_???"};
constinit const Vocabulary kMadvise{kMadviseWords, "MADV_???"};
constinit const Vocabulary kMemfd{kMemfdWords, "MFD_???"};
constinit const Vocabulary kPkeyRights{kPkeyWords, "PKEY_???"};
constinit const Vocabulary kMpolMode{kMpolModeWords, "MPOL_???"};
constinit const Vocabulary kMpolModeFlags{kMpolModeFlagWords, "MPOL_???"};
constinit const Vocabulary kMbind{kMbindWords, "MPOL_???"};
constinit const Vocabulary kMovePages{std::span(kMbindWords).subspan(1), "MPOL_???"};
constinit const Vocabulary kMpolGet{kMpolGetWords, "MPOL_???"};
constinit const Vocabulary kShmat{kShmatWords, "SHM_???"};

}  // namespace sightline::decode
