// inherited: prints what a program inherits from who started it. Traced or not, it should read the same.
#include <dirent.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>

#include <climits>
#include <cstring>
#include <set>

#include "tests/tracees/tracee.h"

extern char** environ;

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) std::printf("argument %s\n", argv[i]);
  sigset_t mask;
  sigprocmask(SIG_BLOCK, nullptr, &mask);
  for (int signo = 1; signo <= 64; ++signo) {
    // By number: the C library keeps two for itself and answers for none of them.
    struct {
      void* handler;
      unsigned long flags;
      void* restorer;
      uint64_t mask;
    } raw{};
    syscall(SYS_rt_sigaction, signo, nullptr, &raw, 8);
    std::printf("signal %d blocked %d handler %p flags %#lx\n", signo, sigismember(&mask, signo) == 1 ? 1 : 0,
                raw.handler, raw.flags);
  }
  sigset_t pending;
  sigpending(&pending);
  for (int signo = 1; signo <= 64; ++signo)
    if (sigismember(&pending, signo) == 1) std::printf("pending %d\n", signo);

  std::set<int> fds;
  DIR* dir = opendir("/proc/self/fd");
  while (const dirent* entry = readdir(dir))
    if (entry->d_name[0] != '.' && std::atoi(entry->d_name) != dirfd(dir)) fds.insert(std::atoi(entry->d_name));
  closedir(dir);
  for (const int fd : fds) {
    char path[64];
    char target[PATH_MAX] = {};
    std::snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (readlink(path, target, sizeof target - 1) < 0) continue;
    struct stat st {};
    fstat(fd, &st);
    // Pipes made for the test differ from run to run.
    std::printf("fd %d %s flags %#x %#x\n", fd, S_ISFIFO(st.st_mode) ? "pipe" : target, fcntl(fd, F_GETFL),
                fcntl(fd, F_GETFD));
  }

  cpu_set_t cpus;
  sched_getaffinity(0, sizeof cpus, &cpus);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu)
    if (CPU_ISSET(cpu, &cpus)) std::printf("cpu %d\n", cpu);
  sched_param parameters{};
  sched_getparam(0, &parameters);
  std::printf("policy %d priority %d nice %d\n", sched_getscheduler(0), parameters.sched_priority,
              getpriority(PRIO_PROCESS, 0));
  for (int resource = 0; resource < RLIM_NLIMITS; ++resource) {
    rlimit limit{};
    getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    std::printf("limit %d %lu %lu\n", resource, limit.rlim_cur, limit.rlim_max);
  }
  char directory[PATH_MAX];
  const mode_t old = umask(0);
  std::printf("umask %o directory %s\n", old, getcwd(directory, sizeof directory));
  std::printf("ids %u %u %u %u\n", getuid(), geteuid(), getgid(), getegid());
  std::printf("personality %#x\n", personality(0xffffffff));
  std::printf(
      "dumpable %d no_new_privs %d keepcaps %d securebits %d subreaper %d slack %d thp %d mce %d\n",
      prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_SECUREBITS),
      [] {
        int value = 0;
        prctl(PR_GET_CHILD_SUBREAPER, &value);
        return value;
      }(),
      prctl(PR_GET_TIMERSLACK), prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0), prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  int death = 0;
  prctl(PR_GET_PDEATHSIG, &death);
  std::printf("death signal %d seccomp %d\n", death, prctl(PR_GET_SECCOMP));
  for (const char* name : {"oom_score_adj", "coredump_filter", "timers", "loginuid"}) {
    char path[64];
    char text[4096];
    std::snprintf(path, sizeof path, "/proc/self/%s", name);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (n >= 0) std::printf("%s %.*s\n", name, static_cast<int>(n), text);
  }
  itimerval timer{};
  getitimer(ITIMER_REAL, &timer);
  std::printf("timer %ld alarm %d\n", timer.it_interval.tv_sec, timer.it_value.tv_sec > 0 ? 1 : 0);
  for (char** entry = environ; *entry != nullptr; ++entry) std::printf("environment %s\n", *entry);
  return 0;
}
