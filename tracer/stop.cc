// glibc's <sys/ptrace.h> and the kernel's <linux/ptrace.h> clash over the structs; requests by number avoid the former.
#include "tracer/stop.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace sightline::tracer {
namespace {

long request(long what, pid_t tid, uint64_t address, const void* data) {
  return syscall(SYS_ptrace, what, tid, address, data);
}

long request(long what, pid_t tid, int signo) {
  return request(what, tid, 0, reinterpret_cast<void*>(static_cast<intptr_t>(signo)));
}

}  // namespace

bool is_stop_signal(int signo) {
  return signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU;
}

Stop::~Stop() {
  if (tid_ != 0) request(PTRACE_SYSCALL, tid_, 0);
}

std::optional<ptrace_syscall_info> Stop::syscall_info() const {
  ptrace_syscall_info info{};
  if (request(PTRACE_GET_SYSCALL_INFO, tid_, sizeof info, &info) < 0) return std::nullopt;
  return info;
}

std::optional<uint64_t> Stop::event_message() const {
  unsigned long message = 0;
  if (request(PTRACE_GETEVENTMSG, tid_, 0, &message) < 0) return std::nullopt;
  return message;
}

bool Stop::signal_info(void* siginfo) const {
  return request(PTRACE_GETSIGINFO, tid_, 0, siginfo) == 0;
}

bool Stop::resume(int signo) && {
  return request(PTRACE_SYSCALL, std::exchange(tid_, 0), signo) == 0;
}

bool Stop::set_signal_info(const void* siginfo) const {
  return request(PTRACE_SETSIGINFO, tid_, 0, siginfo) == 0;
}

bool Stop::run_on(int signo) && {
  return request(PTRACE_CONT, std::exchange(tid_, 0), signo) == 0;
}

bool Stop::listen() && {
  return request(PTRACE_LISTEN, std::exchange(tid_, 0), 0) == 0;
}

bool Stop::detach(int signo) && {
  return request(PTRACE_DETACH, std::exchange(tid_, 0), signo) == 0;
}

}  // namespace sightline::tracer
