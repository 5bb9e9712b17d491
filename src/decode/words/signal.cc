// Words of signals and of waiting for time.
#include <sys/signalfd.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>
#include <csignal>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kSigHowWords[] = {W(SIG_BLOCK), W(SIG_UNBLOCK), W(SIG_SETMASK)};

constexpr Word kSigactionWords[] = {
    {0x04000000, "SA_RESTORER"}, {0x08000000, "SA_ONSTACK"},   {0x10000000, "SA_RESTART"}, {0x20000000, "SA_INTERRUPT"},
    {0x40000000, "SA_NODEFER"},  {0x80000000, "SA_RESETHAND"}, {4, "SA_SIGINFO"},          {1, "SA_NOCLDSTOP"},
    {2, "SA_NOCLDWAIT"},
};

constexpr Word kSigstackWords[] = {{1, "SS_ONSTACK"}, {2, "SS_DISABLE"}, {0x80000000, "SS_AUTODISARM"}};

constexpr Word kSigeventWords[] = {W(SIGEV_SIGNAL), W(SIGEV_NONE), W(SIGEV_THREAD), W(SIGEV_THREAD_ID)};

constexpr Word kSignalfdWords[] = {W(SFD_CLOEXEC), W(SFD_NONBLOCK)};

constexpr Word kClockWords[] = {
    {0, "CLOCK_REALTIME"},          {1, "CLOCK_MONOTONIC"},     {2, "CLOCK_PROCESS_CPUTIME_ID"},
    {3, "CLOCK_THREAD_CPUTIME_ID"}, {4, "CLOCK_MONOTONIC_RAW"}, {5, "CLOCK_REALTIME_COARSE"},
    {6, "CLOCK_MONOTONIC_COARSE"},  {7, "CLOCK_BOOTTIME"},      {8, "CLOCK_REALTIME_ALARM"},
    {9, "CLOCK_BOOTTIME_ALARM"},    {10, "CLOCK_SGI_CYCLE"},    {11, "CLOCK_TAI"},
};
constexpr Word kCpuClockWords[] = {{0, "CPUCLOCK_PROF"}, {1, "CPUCLOCK_VIRT"}, {2, "CPUCLOCK_SCHED"}};
constexpr Word kClockFlagWords[] = {{1, "TIMER_ABSTIME"}};
constexpr Word kItimerWords[] = {W(ITIMER_REAL), W(ITIMER_VIRTUAL), W(ITIMER_PROF)};
constexpr Word kTimerfdWords[] = {
    {1, "TFD_TIMER_ABSTIME"},
    {2, "TFD_TIMER_CANCEL_ON_SET"},
    W(TFD_CLOEXEC),
    W(TFD_NONBLOCK),
};

constexpr Word kAdjtimeWords[] = {
    {0x8001, "ADJ_OFFSET_SINGLESHOT"},
    {0xa001, "ADJ_OFFSET_SS_READ"},
    W(ADJ_OFFSET),
    W(ADJ_FREQUENCY),
    W(ADJ_MAXERROR),
    W(ADJ_ESTERROR),
    W(ADJ_STATUS),
    W(ADJ_TIMECONST),
    W(ADJ_TAI),
    W(ADJ_SETOFFSET),
    W(ADJ_MICRO),
    W(ADJ_NANO),
    W(ADJ_TICK),
};
constexpr Word kAdjtimeStatusWords[] = {
    W(STA_PLL),      W(STA_PPSFREQ),  W(STA_PPSTIME),   W(STA_FLL),       W(STA_INS),       W(STA_DEL),
    W(STA_UNSYNC),   W(STA_FREQHOLD), W(STA_PPSSIGNAL), W(STA_PPSJITTER), W(STA_PPSWANDER), W(STA_PPSERROR),
    W(STA_CLOCKERR), W(STA_NANO),     W(STA_MODE),      W(STA_CLK),
};
constexpr Word kAdjtimeStateWords[] = {
    {0, "TIME_OK"}, {1, "TIME_INS"}, {2, "TIME_DEL"}, {3, "TIME_OOP"}, {4, "TIME_WAIT"}, {5, "TIME_ERROR"},
};

// si_code. The first group counts for every signal.
constexpr Word kSiCodeWords[] = {
    {0, "SI_USER"},
    {0x80, "SI_KERNEL"},
    {0xffffffff, "SI_QUEUE"},
    {0xfffffffe, "SI_TIMER"},
    {0xfffffffd, "SI_MESGQ"},
    {0xfffffffc, "SI_ASYNCIO"},
    {0xfffffffb, "SI_SIGIO"},
    {0xfffffffa, "SI_TKILL"},
    {0xfffffff9, "SI_DETHREAD"},
    {0xffffffc4, "SI_ASYNCNL"},
};
constexpr Word kIllWords[] = {
    {1, "ILL_ILLOPC"}, {2, "ILL_ILLOPN"}, {3, "ILL_ILLADR"}, {4, "ILL_ILLTRP"},   {5, "ILL_PRVOPC"},
    {6, "ILL_PRVREG"}, {7, "ILL_COPROC"}, {8, "ILL_BADSTK"}, {9, "ILL_BADIADDR"},
};
constexpr Word kFpeWords[] = {
    {1, "FPE_INTDIV"}, {2, "FPE_INTOVF"}, {3, "FPE_FLTDIV"}, {4, "FPE_FLTOVF"},  {5, "FPE_FLTUND"},
    {6, "FPE_FLTRES"}, {7, "FPE_FLTINV"}, {8, "FPE_FLTSUB"}, {14, "FPE_FLTUNK"}, {15, "FPE_CONDTRAP"},
};
constexpr Word kSegvWords[] = {
    {1, "SEGV_MAPERR"},  {2, "SEGV_ACCERR"},  {3, "SEGV_BNDERR"},  {4, "SEGV_PKUERR"},  {5, "SEGV_ACCADI"},
    {6, "SEGV_ADIDERR"}, {7, "SEGV_ADIPERR"}, {8, "SEGV_MTEAERR"}, {9, "SEGV_MTESERR"}, {10, "SEGV_CPERR"},
};
constexpr Word kBusWords[] = {
    {1, "BUS_ADRALN"}, {2, "BUS_ADRERR"}, {3, "BUS_OBJERR"}, {4, "BUS_MCEERR_AR"}, {5, "BUS_MCEERR_AO"},
};
constexpr Word kTrapWords[] = {
    {1, "TRAP_BRKPT"}, {2, "TRAP_TRACE"}, {3, "TRAP_BRANCH"}, {4, "TRAP_HWBKPT"}, {5, "TRAP_UNK"}, {6, "TRAP_PERF"},
};
constexpr Word kChildWords[] = {
    {1, "CLD_EXITED"},  {2, "CLD_KILLED"},  {3, "CLD_DUMPED"},
    {4, "CLD_TRAPPED"}, {5, "CLD_STOPPED"}, {6, "CLD_CONTINUED"},
};
constexpr Word kPollCodeWords[] = {
    {1, "POLL_IN"}, {2, "POLL_OUT"}, {3, "POLL_MSG"}, {4, "POLL_ERR"}, {5, "POLL_PRI"}, {6, "POLL_HUP"},
};
constexpr Word kSysWords[] = {{1, "SYS_SECCOMP"}, {2, "SYS_USER_DISPATCH"}};

}  // namespace

constinit const Vocabulary kSigHow{kSigHowWords, "SIG_???"};
constinit const Vocabulary kSigactionFlags{kSigactionWords, "SA_???"};
constinit const Vocabulary kSigstackFlags{kSigstackWords, "SS_???"};
constinit const Vocabulary kSigevent{kSigeventWords, "SIGEV_???"};
constinit const Vocabulary kSignalfdFlags{kSignalfdWords, "SFD_???"};
constinit const Vocabulary kClock{kClockWords, "CLOCK_???"};
constinit const Vocabulary kCpuClock{kCpuClockWords, "CPUCLOCK_???"};
constinit const Vocabulary kClockFlags{kClockFlagWords, "TIMER_???"};
constinit const Vocabulary kItimer{kItimerWords, "ITIMER_???"};
constinit const Vocabulary kTimerfdFlags{kTimerfdWords, "TFD_???"};
constinit const Vocabulary kAdjtime{kAdjtimeWords, "ADJ_???"};
constinit const Vocabulary kAdjtimeStatus{kAdjtimeStatusWords, "STA_???"};
constinit const Vocabulary kAdjtimeState{kAdjtimeStateWords, "TIME_???"};
constinit const Vocabulary kSiCode{kSiCodeWords, "SI_???"};
constinit const Vocabulary kIllCode{kIllWords, ""};
constinit const Vocabulary kFpeCode{kFpeWords, ""};
constinit const Vocabulary kSegvCode{kSegvWords, ""};
constinit const Vocabulary kBusCode{kBusWords, ""};
constinit const Vocabulary kTrapCode{kTrapWords, ""};
constinit const Vocabulary kChildCode{kChildWords, ""};
constinit const Vocabulary kPollCode{kPollCodeWords, ""};
constinit const Vocabulary kSysCode{kSysWords, ""};

}  // namespace sightline::decode
