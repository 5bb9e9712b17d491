#include "tracer/attach.h"

#include <pwd.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "tracer/inprocess/remote.h"
#include "tracer/proc.h"

namespace sightline::tracer {
namespace {

int yama_scope() {
  int scope = 0;
  if (FILE* file = std::fopen("/proc/sys/kernel/yama/ptrace_scope", "re")) {
    if (std::fscanf(file, "%d", &scope) != 1) scope = 0;
    std::fclose(file);
  }
  return scope;
}

std::string user_name(uid_t uid) {
  const passwd* entry = getpwuid(uid);
  return entry != nullptr ? entry->pw_name : "uid " + std::to_string(uid);
}

}  // namespace

bool is_tracer_itself(pid_t pid) {
  return pid == getpid() || inprocess::same_memory(pid, getpid());
}

int seize(pid_t tid, unsigned long options) {
  return syscall(SYS_ptrace, PTRACE_SEIZE, tid, 0, options) < 0 ? errno : 0;
}

int interrupt(pid_t tid) {
  return syscall(SYS_ptrace, PTRACE_INTERRUPT, tid, 0, 0) < 0 ? errno : 0;
}

std::string explain_attach_failure(pid_t pid, int error) {
  const std::string who = "process " + std::to_string(pid);
  if (is_tracer_itself(pid)) return "can't trace " + who + ": that is sightline itself";
  const auto status = proc::status(pid);
  if (!status) return "can't attach to " + who + ": there is no such process";
  const std::string named = who + " (" + status->name + ")";
  if (status->tracer != 0) {
    const auto tracer = proc::status(status->tracer);
    return "can't attach to " + named + ": already traced by process " + std::to_string(status->tracer) +
           (tracer ? " (" + tracer->name + ")" : "") + "; stop that first";
  }
  if (status->kernel_thread) return "can't attach to " + named + ": it is a kernel thread";
  if (status->state == 'Z' || status->state == 'X')
    return "can't attach to " + named + ": it has ended and waits for its parent to notice";
  if (error == EPERM || error == EACCES) {
    if (geteuid() != 0 && status->uid != getuid())
      return "can't attach to " + named + ": it belongs to " + user_name(status->uid) +
             "; try again as that user or root";
    const int scope = yama_scope();
    if (scope == 3)
      return "can't attach to " + named + ": kernel.yama.ptrace_scope=3 forbids all tracing until a reboot";
    if (scope == 2 && geteuid() != 0)
      return "can't attach to " + named + ": kernel.yama.ptrace_scope=2 allows only root to trace; try again as root";
    if (scope == 1 && geteuid() != 0)
      return "can't attach to " + named +
             ": kernel.yama.ptrace_scope=1 allows only children to be traced; start the program under sightline, try "
             "again "
             "as root, or allow it with: sysctl kernel.yama.ptrace_scope=0";
    return "can't attach to " + named +
           ": permission denied (it has more privileges than we do, or a security policy forbids it)";
  }
  return "can't attach to " + named + ": " + std::strerror(error);
}

}  // namespace sightline::tracer
