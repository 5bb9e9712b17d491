// exec_thread ROUNDS: executes itself ROUNDS times from a thread that is not the leader, while the leader and other
// threads are blocked in calls. Exits with 7. `exec_thread 0` is the last image. `exec_thread leader ROUNDS` executes
// from the leader; `exec_thread zombie` from a thread whose leader has ended. `exec_thread forever FILE` goes on and
// counts the images in FILE.
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

std::atomic<int> tids[4];

void publish(int i) {
  tids[i] = static_cast<int>(syscall(SYS_gettid));
}

void block_in_nanosleep() {
  publish(0);
  timespec hour{3600, 0};
  nanosleep(&hour, nullptr);
}

void block_in_futex() {
  publish(1);
  static int word = 0;
  for (;;) syscall(SYS_futex, &word, FUTEX_WAIT, 0, nullptr, nullptr, 0);
}

void block_in_read() {
  publish(2);
  int ends[2];
  if (pipe(ends) < 0) tracee::fail("pipe");
  char byte;
  while (read(ends[0], &byte, 1) < 0) {
  }
}

void spin() {
  publish(3);
  for (;;) syscall(SYS_getppid);
}

std::atomic<uint64_t>* images = nullptr;
const char* images_path = nullptr;

[[noreturn]] void execute(const char* self, int rounds) {
  if (images_path != nullptr) {
    execl(self, self, "forever", images_path, nullptr);
  } else {
    const std::string text = std::to_string(rounds);
    execl(self, self, text.c_str(), nullptr);
  }
  tracee::fail("execl");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const char* self = argv[0];
  if (std::strcmp(argv[1], "leader") == 0 && argc > 2) {
    const int rounds = tracee::number(argv[2]);
    if (rounds == 0) return 7;
    const std::string text = std::to_string(rounds - 1);
    execl(self, self, "leader", text.c_str(), nullptr);
    tracee::fail("execl");
  }
  if (std::strcmp(argv[1], "zombie") == 0) {
    std::thread([=] {
      while (tracee::thread_state(getpid(), getpid()) != 'Z') sched_yield();
      execute(self, 0);
    }).detach();
    syscall(SYS_exit, 0);
  }
  int rounds = tracee::number(argv[1]);
  if (std::strcmp(argv[1], "forever") == 0 && argc > 2) {
    images_path = argv[2];
    const int fd = open(images_path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0 || ftruncate(fd, 4096) < 0) tracee::fail(images_path);
    images = static_cast<std::atomic<uint64_t>*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0));
    if (images == MAP_FAILED) tracee::fail("mmap");
    close(fd);
    images->fetch_add(1);
    rounds = 1;
  }
  if (rounds == 0) return 7;
  std::thread(block_in_nanosleep).detach();
  std::thread(block_in_futex).detach();
  std::thread(block_in_read).detach();
  std::thread(spin).detach();
  std::thread([=] {
    const pid_t pid = getpid();
    for (auto& tid : tids)
      while (tid.load() == 0) sched_yield();
    if (images == nullptr) {
      const long wanted[] = {SYS_clock_nanosleep, SYS_futex, SYS_read};
      for (int i = 0; i < 3; ++i)
        while (tracee::blocked_in(pid, tids[i]) != wanted[i]) sched_yield();
    }
    tracee::mark(static_cast<uint64_t>(rounds));
    execute(self, rounds - 1);
  }).detach();
  for (;;) pause();
}
