// Who and where we are, and under which limits.
#include <sched.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include <utility>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  prctl(PR_SET_DUMPABLE, 1);
  expect::begin();

  utsname names{};
  long n = call(SYS_uname, &names);
  line("uname({sysname=\"%s\", nodename=\"%s\", ...}) = %s", names.sysname, names.nodename, result(n));
  n = call(SYS_uname, nullptr);
  line("uname(NULL) = %s", result(n));
  struct sysinfo s {};
  n = call(SYS_sysinfo, &s);
  line(
      "sysinfo({uptime=%ld, loads=[%lu, %lu, %lu], totalram=%lu, freeram=%lu, sharedram=%lu, bufferram=%lu, "
      "totalswap=%lu, "
      "freeswap=%lu, procs=%u, totalhigh=%lu, freehigh=%lu, mem_unit=%u}) = %s",
      s.uptime, s.loads[0], s.loads[1], s.loads[2], s.totalram, s.freeram, s.sharedram, s.bufferram, s.totalswap,
      s.freeswap, s.procs, s.totalhigh, s.freehigh, s.mem_unit, result(n));
  for (const auto& [nr, name] : {std::pair{SYS_getpid, "getpid"},
                                 {SYS_gettid, "gettid"},
                                 {SYS_getppid, "getppid"},
                                 {SYS_getuid, "getuid"},
                                 {SYS_geteuid, "geteuid"},
                                 {SYS_getgid, "getgid"},
                                 {SYS_getegid, "getegid"},
                                 {SYS_getpgrp, "getpgrp"}}) {
    n = call(nr);
    line("%s() = %s", name, result(n));
  }
  n = call(SYS_getpgid, 0);
  line("getpgid(0) = %s", result(n));
  n = call(SYS_getsid, 0);
  line("getsid(0) = %s", result(n));
  n = call(SYS_getsid, -5);
  line("getsid(-5) = %s", result(n));
  unsigned r, e, saved;
  n = call(SYS_getresuid, &r, &e, &saved);
  line("getresuid([%u], [%u], [%u]) = %s", r, e, saved, result(n));
  n = call(SYS_setresgid, -1, -1, -1);
  line("setresgid(-1, -1, -1) = %s", result(n));
  rlimit limit{};
  n = call(SYS_getrlimit, RLIMIT_NPROC, &limit);
  char soft[32], hard[32];
  const auto show = [](char(&to)[32], unsigned long value) {
    if (value == RLIM_INFINITY)
      snprintf(to, sizeof to, "RLIM64_INFINITY");
    else if (value > 1024 && value % 1024 == 0)
      snprintf(to, sizeof to, "%lu*1024", value / 1024);
    else
      snprintf(to, sizeof to, "%lu", value);
    return to;
  };
  const auto show_old = [&](char(&to)[32], unsigned long value) {
    return value == RLIM_INFINITY ? "RLIM_INFINITY" : show(to, value);
  };
  line("getrlimit(RLIMIT_NPROC, {rlim_cur=%s, rlim_max=%s}) = %s", show_old(soft, limit.rlim_cur),
       show_old(hard, limit.rlim_max), result(n));
  n = call(SYS_prlimit64, 0, RLIMIT_STACK, nullptr, &limit);
  line("prlimit64(0, RLIMIT_STACK, NULL, {rlim_cur=%s, rlim_max=%s}) = %s", show(soft, limit.rlim_cur),
       show(hard, limit.rlim_max), result(n));
  n = call(SYS_prlimit64, 0, RLIMIT_CORE, &(limit = {0, 0}), nullptr);
  line("prlimit64(0, RLIMIT_CORE, {rlim_cur=0, rlim_max=0}, NULL) = %s", result(n));
  n = call(SYS_prlimit64, 0, 77, nullptr, nullptr);
  line("prlimit64(0, 0x4d /* RLIMIT_??? */, NULL, NULL) = %s", result(n));
  rusage usage{};
  n = call(SYS_getrusage, 5, &usage);
  line("getrusage(0x5 /* RUSAGE_??? */, %p) = %s", static_cast<void*>(&usage), result(n));
  n = call(SYS_getrusage, RUSAGE_SELF, &usage);
  line("getrusage(RUSAGE_SELF, {ru_utime={tv_sec=%ld, tv_usec=%ld}, ru_stime={tv_sec=%ld, tv_usec=%ld}, ...}) = %s",
       usage.ru_utime.tv_sec, usage.ru_utime.tv_usec, usage.ru_stime.tv_sec, usage.ru_stime.tv_usec, result(n));
  n = call(SYS_sched_getscheduler, 0);
  line("sched_getscheduler(0) = %ld (%s)", n, n == 0 ? "SCHED_OTHER" : n == 3 ? "SCHED_BATCH" : "SCHED_IDLE");
  n = call(SYS_sched_get_priority_max, SCHED_RR);
  line("sched_get_priority_max(SCHED_RR) = %s", result(n));
  sched_param parameters{1};
  n = call(SYS_sched_setscheduler, 0, SCHED_OTHER, &parameters);
  line("sched_setscheduler(0, SCHED_OTHER, [1]) = %s", result(n));
  n = call(SYS_sched_yield);
  line("sched_yield() = %s", result(n));
  n = call(SYS_getpriority, 7, 0);
  line("getpriority(0x7 /* PRIO_??? */, 0) = %s", result(n));
  n = call(SYS_prctl, PR_SET_NAME, "tracee");
  line("prctl(PR_SET_NAME, \"tracee\") = %s", result(n));
  char name[16];
  n = call(SYS_prctl, PR_GET_NAME, name);
  line("prctl(PR_GET_NAME, \"tracee\") = %s", result(n));
  n = call(SYS_prctl, PR_GET_DUMPABLE);
  line("prctl(PR_GET_DUMPABLE) = 1 (SUID_DUMP_USER)");
  n = call(SYS_prctl, PR_SET_PDEATHSIG, 0);
  line("prctl(PR_SET_PDEATHSIG, 0) = %s", result(n));
  unsigned char bytes[4];
  n = call(SYS_getrandom, bytes, sizeof bytes, GRND_NONBLOCK);
  line("getrandom(\"\\x%02x\\x%02x\\x%02x\\x%02x\", 4, GRND_NONBLOCK) = %s", bytes[0], bytes[1], bytes[2], bytes[3],
       result(n));
  n = call(SYS_personality, 0xffffffff);
  line("personality(0xffffffff) = %#lx (PER_LINUX)", n);

  expect::end();
  return expect::finish();
}
