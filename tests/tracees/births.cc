// births BREADTH DEPTH: a tree of processes and threads, born in every way there is. Each marks its number in the
// trace. Prints how many were born, by kind. `births chain N` is one line of N forks; `births threads N` a storm of
// threads.
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/tracees/tracee.h"

extern char** environ;

namespace {

enum Kind { kFork, kVfork, kClone, kClone3, kSpawn, kThread, kKinds };

struct Shared {
  std::atomic<uint64_t> next{0};
  std::atomic<uint64_t> born[kKinds]{};
};

Shared* shared = nullptr;
const char* self = nullptr;

uint64_t take_number(Kind kind) {
  ++shared->born[kind];
  return ++shared->next;
}

void reap(pid_t pid) {
  int status = 0;
  tracee::check(waitpid(pid, &status, __WALL), "waitpid");
  if (status != 0) std::_Exit(98);
}

void grow(int breadth, int depth);

void live(uint64_t number, int breadth, int depth) {
  tracee::mark(number);
  if (depth > 1) grow(breadth, depth - 1);
}

long raw_clone(unsigned long flags) {
  return syscall(SYS_clone, flags, nullptr, nullptr, nullptr, nullptr);
}

void bear(Kind kind, int breadth, int depth) {
  const uint64_t number = take_number(kind);
  switch (kind) {
    case kFork: {
      const pid_t pid = static_cast<pid_t>(tracee::check(syscall(SYS_fork), "fork"));
      if (pid == 0) {
        live(number, breadth, depth);
        std::_Exit(0);
      }
      return reap(pid);
    }
    case kVfork: {
      const std::string text = std::to_string(number);
      const pid_t pid = vfork();
      if (pid == 0) {
        execl(self, self, "child", text.c_str(), nullptr);
        _exit(97);
      }
      tracee::check(pid, "vfork");
      return reap(pid);
    }
    case kClone: {
      // No signal at its end: neither a fork nor a thread to the kernel's events.
      const pid_t pid = static_cast<pid_t>(tracee::check(raw_clone(0), "clone"));
      if (pid == 0) {
        live(number, breadth, depth);
        std::_Exit(0);
      }
      return reap(pid);
    }
    case kClone3: {
      clone_args arguments{};
      arguments.exit_signal = SIGCHLD;
      const pid_t pid = static_cast<pid_t>(tracee::check(syscall(SYS_clone3, &arguments, sizeof arguments), "clone3"));
      if (pid == 0) {
        live(number, breadth, depth);
        std::_Exit(0);
      }
      return reap(pid);
    }
    case kSpawn: {
      std::string text = std::to_string(number);
      char verb[] = "child";
      char* argv[] = {const_cast<char*>(self), verb, text.data(), nullptr};
      pid_t pid = 0;
      if (posix_spawn(&pid, self, nullptr, nullptr, argv, environ) != 0) tracee::fail("posix_spawn");
      return reap(pid);
    }
    case kThread: {
      std::thread thread([=] { live(number, 1, depth); });
      thread.join();
      return;
    }
    case kKinds:
      return;
  }
}

void grow(int breadth, int depth) {
  for (int i = 0; i < breadth; ++i)
    for (int kind = 0; kind < kKinds; ++kind) bear(static_cast<Kind>(kind), 1, depth);
}

void chain(int length) {
  if (length == 0) return;
  const uint64_t number = take_number(kFork);
  const pid_t pid = static_cast<pid_t>(tracee::check(fork(), "fork"));
  if (pid == 0) {
    tracee::mark(number);
    chain(length - 1);
    std::_Exit(0);
  }
  reap(pid);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  self = argv[0];
  if (std::strcmp(argv[1], "child") == 0) {
    tracee::mark(std::strtoull(argv[2], nullptr, 10));
    return 0;
  }
  shared = tracee::shared<Shared>();
  if (std::strcmp(argv[1], "chain") == 0) {
    chain(tracee::number(argv[2]));
  } else if (std::strcmp(argv[1], "threads") == 0) {
    for (int left = tracee::number(argv[2]); left > 0;) {
      std::vector<std::thread> batch;
      for (int i = 0; i < 16 && left > 0; ++i, --left) batch.emplace_back([] { tracee::mark(take_number(kThread)); });
      for (std::thread& t : batch) t.join();
    }
  } else {
    grow(tracee::number(argv[1]), tracee::number(argv[2]));
  }
  const char* names[] = {"fork", "vfork", "clone", "clone3", "spawn", "thread"};
  for (int i = 0; i < kKinds; ++i)
    std::printf("%s %llu\n", names[i], static_cast<unsigned long long>(shared->born[i].load()));
  return 0;
}
