// new_sites THREADS SITES [ROUNDS]: threads make the same calls at the same places, each of which is new, all at once.
// Meanwhile each of them gets signals, whose handler makes such calls, too, and the first one forks children that make
// some and end. Prints how many calls were made, and how many of them said something wrong.
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <thread>
#include <vector>

#include "tests/tracees/tracee.h"

namespace {

constexpr std::size_t kBytes = 32;
using Shape = std::array<unsigned char, kBytes>;

// A call with its number before it; one whose number is in %ecx, with something behind it; the same with a jump back to
// what is behind it; and one with nothing but the end of the function.
constexpr Shape kShapes[] = {
    {0xb8, SYS_lseek, 0, 0, 0, 0x0f, 0x05, 0xc3},                        // mov; syscall; ret
    {0x89, 0xc8, 0x0f, 0x05, 0x48, 0x89, 0xc2, 0x48, 0x89, 0xd0, 0xc3},  // syscall; mov; mov; ret
    {0x89, 0xc8, 0x0f, 0x05, 0x90, 0x48, 0x85, 0xc0, 0x74, 0xfa, 0xc3},  // syscall; nop; test; je; ret
    {0x89, 0xc8, 0x0f, 0x05, 0xc3, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc},  // syscall; ret
};

struct Account {
  std::atomic<uint64_t> calls{0};
  std::atomic<uint64_t> wrong{0};
};

Account* account;
unsigned char* code;
std::size_t sites;

void call(std::size_t site) {
  using Function = long (*)(long, uint64_t, long, long);
  const uint64_t n = ++account->calls;
  if (reinterpret_cast<Function>(code + site % sites * kBytes)(-1, n, 0, SYS_lseek) != -EBADF) ++account->wrong;
}

thread_local std::size_t now;

void on_signal(int) {
  const int saved = errno;
  call(now);
  call(now + 1);
  errno = saved;
}

void make_code() {
  void* const place = mmap(nullptr, sites * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (place == MAP_FAILED) tracee::fail("mmap");
  code = static_cast<unsigned char*>(place);
  for (std::size_t i = 0; i < sites; ++i)
    std::memcpy(code + i * kBytes, kShapes[i % std::size(kShapes)].data(), kBytes);
  if (mprotect(place, sites * kBytes, PROT_READ | PROT_EXEC) < 0) tracee::fail("mprotect");
}

/// A timer whose signals are for the calling thread.
timer_t start_timer() {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGUSR1;
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
  timer_t timer{};
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) < 0) tracee::fail("timer_create");
  itimerspec spec{};
  spec.it_value.tv_nsec = spec.it_interval.tv_nsec = 1'000'000;
  timer_settime(timer, 0, &spec, nullptr);
  return timer;
}

void fork_one() {
  const pid_t child = fork();
  if (child == 0) {
    signal(SIGUSR1, SIG_IGN);
    for (std::size_t i = 0; i < 8; ++i) call(now + i);
    _exit(0);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) ++account->wrong;
}

void work(bool forks) {
  const timer_t timer = start_timer();
  for (now = 0; now < sites; ++now) {
    for (int i = 0; i < 4; ++i) call(now);
    if (forks && now % 64 == 0) fork_one();
  }
  timer_delete(timer);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int threads = tracee::number(argv[1]);
  sites = static_cast<std::size_t>(tracee::number(argv[2]));
  account = tracee::shared<Account>();
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  sigaction(SIGUSR1, &action, nullptr);
  for (int round = 0; round < tracee::number(argv[3], 1); ++round) {
    make_code();
    std::vector<std::thread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(work, false);
    work(true);
    for (std::thread& other : others) other.join();
  }
  std::printf("calls %llu wrong %llu\n", static_cast<unsigned long long>(account->calls.load()),
              static_cast<unsigned long long>(account->wrong.load()));
  return account->wrong.load() != 0;
}
