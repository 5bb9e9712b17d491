#include "tests/symbolizer/live_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace sightline::symbolizer::testing {
namespace {

constexpr uint64_t kMarkArgument = static_cast<uint32_t>(-77777);
constexpr std::size_t kMaxStack = 1 << 20;

void check(long result, const char* what) {
  if (result < 0) throw std::system_error(errno, std::generic_category(), what);
}

struct Line {
  Mapping mapping;
  bool executable = false;
};

std::vector<Line> all_mappings(pid_t pid) {
  std::vector<Line> lines;
  std::ifstream maps("/proc/" + std::to_string(pid) + "/maps");
  for (std::string text; std::getline(maps, text);) {
    std::istringstream fields(text);
    std::string permissions;
    char separator = 0;
    unsigned major_number = 0;
    unsigned minor_number = 0;
    Line line;
    Mapping& mapping = line.mapping;
    fields >> std::hex >> mapping.start >> separator >> mapping.end >> permissions >> mapping.file_offset;
    fields >> major_number >> separator >> minor_number >> std::dec >> mapping.inode >> std::ws;
    std::getline(fields, mapping.path);
    if (mapping.inode != 0) mapping.device = makedev(major_number, minor_number);
    line.executable = permissions.size() > 2 && permissions[2] == 'x';
    lines.push_back(line);
  }
  return lines;
}

std::vector<std::byte> read_stack(pid_t pid, uint64_t from) {
  for (const Line& line : all_mappings(pid)) {
    if (from < line.mapping.start || from >= line.mapping.end) continue;
    std::vector<std::byte> bytes(std::min<uint64_t>(line.mapping.end - from, kMaxStack));
    iovec local{bytes.data(), bytes.size()};
    iovec remote{reinterpret_cast<void*>(from), bytes.size()};
    const ssize_t got = process_vm_readv(pid, &local, 1, &remote, 1, 0);
    bytes.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return bytes;
  }
  return {};
}

Stop stop_at(pid_t pid, pid_t tid, uint64_t below = 0) {
  user_regs_struct r{};
  check(ptrace(PTRACE_GETREGS, tid, nullptr, &r), "PTRACE_GETREGS");
  Stop stop{.pid = pid, .tid = tid, .call = static_cast<long>(r.orig_rax)};
  stop.registers.value = {r.rax, r.rdx, r.rcx, r.rbx, r.rsi, r.rdi, r.rbp, r.rsp, r.r8,
                          r.r9,  r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rip};
  stop.below = below;
  stop.stack = read_stack(pid, r.rsp - below);
  stop.mappings = mappings_of(pid);
  return stop;
}

/// Starts the program so that its first instructions are traced already.
pid_t start(const std::vector<std::string>& arguments) {
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  int go[2];
  check(pipe2(go, O_CLOEXEC), "pipe2");
  const pid_t child = fork();
  check(child, "fork");
  if (child == 0) {
    char byte = 0;
    const int null = open("/dev/null", O_RDWR);
    if (read(go[0], &byte, 1) != 1 || null < 0) _exit(126);
    dup2(null, 1);
    dup2(null, 2);
    execv(argv[0], argv.data());
    _exit(127);
  }
  constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE;
  const long seized = ptrace(PTRACE_SEIZE, child, nullptr, kOptions);
  const int error = errno;
  close(go[0]);
  // Closing without a byte makes an unseized child exit.
  if (seized == 0) check(write(go[1], "", 1), "write");
  close(go[1]);
  if (seized != 0) {
    waitpid(child, nullptr, 0);
    errno = error;
    check(-1, "PTRACE_SEIZE");
  }
  return child;
}

/// Whatever ends a trace early, an exception of a failed check above all, must leave no stopped process behind: the
/// next trace waits for all children.
class Reaper {
 public:
  explicit Reaper(pid_t pid) : pid_(pid) {}
  ~Reaper() {
    if (!pid_) return;
    kill(pid_, SIGKILL);
    int status = 0;
    for (pid_t tid = 0; (tid = waitpid(-1, &status, __WALL)) > 0 || errno == EINTR;) {
      // A child that it had just started, and that stops for us now.
      if (tid > 0 && WIFSTOPPED(status)) kill(tid, SIGKILL);
    }
  }
  void release() { pid_ = 0; }

 private:
  pid_t pid_;
};

}  // namespace

std::vector<Mapping> mappings_of(pid_t pid) {
  std::vector<Mapping> mappings;
  for (const Line& line : all_mappings(pid)) {
    if (line.executable) mappings.push_back(line.mapping);
  }
  return mappings;
}

int trace(const std::vector<std::string>& arguments, const std::function<void(const Stop&)>& visit) {
  const pid_t pid = start(arguments);
  Reaper reaper(pid);
  bool executed = false;
  bool counting = false;
  int visited = 0;
  for (;;) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL);
    if (tid < 0 && errno == EINTR) continue;
    if (tid < 0) break;  // ECHILD: all are gone
    if (!WIFSTOPPED(status)) {
      if (tid == pid && WIFEXITED(status) && WEXITSTATUS(status) == 127) throw std::runtime_error("cannot execute");
      continue;
    }
    const int signo = WSTOPSIG(status);
    const int event = status >> 16;
    long deliver = 0;
    if (signo == (SIGTRAP | 0x80)) {
      __ptrace_syscall_info info{};
      check(ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info), "PTRACE_GET_SYSCALL_INFO");
      if (executed && info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        if (info.entry.nr == SYS_getpgid && static_cast<uint32_t>(info.entry.args[0]) == kMarkArgument) {
          counting = !counting;
        } else if (counting) {
          ++visited;
          visit(stop_at(pid, tid));
        }
      }
    } else if (event == PTRACE_EVENT_EXEC) {
      executed = true;
    } else if (event == 0) {
      deliver = signo;
    }
    // ESRCH: another thread has ended the process meanwhile.
    if (ptrace(PTRACE_SYSCALL, tid, nullptr, deliver) != 0 && errno != ESRCH) check(-1, "PTRACE_SYSCALL");
  }
  reaper.release();
  return visited;
}

std::size_t sample_stacks(const std::vector<std::string>& arguments, std::size_t most, uint32_t seed,
                          const std::function<void(const Stop&)>& visit) {
  const pid_t first = start(arguments);
  Reaper reaper(first);
  std::set<pid_t> alive = {first};
  std::map<pid_t, unsigned> steps_left;
  std::mt19937 random(seed);
  std::size_t visited = 0;
  while (visited < most) {
    int status = 0;
    const pid_t tid = waitpid(-1, &status, __WALL);
    if (tid < 0 && errno == EINTR) continue;
    if (tid < 0) break;
    if (!WIFSTOPPED(status)) {
      alive.erase(tid);
      steps_left.erase(tid);
      continue;
    }
    alive.insert(tid);
    const int signo = WSTOPSIG(status);
    const int event = status >> 16;
    auto request = PTRACE_SYSCALL;
    long deliver = 0;
    const auto pid_of = [&] {
      std::ifstream file("/proc/" + std::to_string(tid) + "/status");
      for (std::string key; file >> key;) {
        pid_t pid = 0;
        if (key == "Tgid:" && file >> pid) return pid;
      }
      return tid;
    };
    if (signo == (SIGTRAP | 0x80)) {
      __ptrace_syscall_info info{};
      check(ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof info, &info), "PTRACE_GET_SYSCALL_INFO");
      if (info.op == PTRACE_SYSCALL_INFO_ENTRY) {
        ++visited;
        visit(stop_at(pid_of(), tid));
      } else if (random() % 2 == 0) {
        steps_left[tid] = 1 + static_cast<unsigned>(random() % 60);
        request = PTRACE_SINGLESTEP;
      }
    } else if (event == PTRACE_EVENT_EXEC) {
      steps_left.erase(tid);
      constexpr long kFollow = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
                               PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
      ptrace(PTRACE_SETOPTIONS, tid, nullptr, kFollow);
    } else if (event == 0 && signo == SIGTRAP && steps_left[tid] > 0) {
      request = PTRACE_SINGLESTEP;
      if (--steps_left[tid] == 0) {
        // What an epilogue has popped already, its unwind rules still find below the stack pointer.
        constexpr uint64_t kPopped = 256;
        Stop stop = stop_at(pid_of(), tid, kPopped);
        stop.call = -1;
        stop.at_call = false;
        ++visited;
        visit(stop);
        request = PTRACE_SYSCALL;
      }
    } else if (event == 0) {
      deliver = signo;
      steps_left.erase(tid);
    }
    if (ptrace(request, tid, nullptr, deliver) != 0 && errno != ESRCH) check(-1, "ptrace");
  }
  for (const pid_t tid : alive) kill(tid, SIGKILL);
  return visited;
}

std::string fixture(const std::string& name) {
  return std::string(FIXTURES) + "/" + name;
}

std::vector<Expected> expectations(const std::string& source) {
  static const std::map<std::string, long> kCalls = {
      {"write", SYS_write},
      {"openat", SYS_openat},
      {"vfork", SYS_vfork},
      {"exit_group", SYS_exit_group},
      {"clock_gettime", SYS_clock_gettime},
  };
  std::vector<Expected> found;
  std::ifstream file(std::string(FIXTURE_SOURCES) + "/" + source);
  if (!file) throw std::runtime_error("no source of fixture " + source);
  uint32_t number = 0;
  for (std::string text; std::getline(file, text);) {
    ++number;
    constexpr std::string_view kMark = "EXPECT ";
    for (std::size_t at = text.find(kMark); at != std::string::npos; at = text.find(kMark, at + 1)) {
      std::istringstream fields(text.substr(at + kMark.size()));
      Expected expected{.line = number};
      std::string call;
      fields >> expected.scenario >> call;
      const auto it = kCalls.find(call);
      if (it == kCalls.end()) continue;  // the comment that explains the marks
      expected.call = it->second;
      found.push_back(expected);
    }
  }
  return found;
}

}  // namespace sightline::symbolizer::testing
