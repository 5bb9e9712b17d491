// crowd FILE N: N threads that bear short-lived threads without end; each of those makes 3 marks with a number of its
// own and one call that an interruption would disturb. FILE: how many have begun, how many ended, how many calls were
// interrupted. Ends with its stdin.
#include <pthread.h>
#include <sys/epoll.h>

#include <atomic>
#include <cerrno>

#include "tests/tracees/tracee.h"

namespace {

struct Counts {
  std::atomic<uint64_t> begun{0};
  std::atomic<uint64_t> ended{0};
  std::atomic<uint64_t> interrupted{0};
};

Counts* counts = nullptr;
int nothing_happens = -1;  // an epoll of no descriptors

void* live(void*) {
  const uint64_t n = ++counts->begun;
  for (int i = 0; i < 3; ++i) tracee::mark(n);
  // One of those that the kernel does not restart.
  epoll_event event{};
  if (epoll_wait(nothing_happens, &event, 1, 1) < 0 && errno == EINTR) ++counts->interrupted;
  ++counts->ended;
  return nullptr;
}

pthread_t bear(void* (*what)(void*)) {
  // A thousand stacks of the usual size would be most of what the test measures.
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 65536);
  pthread_t thread{};
  if (pthread_create(&thread, &attributes, what, nullptr) != 0) tracee::fail("pthread_create");
  pthread_attr_destroy(&attributes);
  return thread;
}

void* bear_for_ever(void*) {
  for (;;) pthread_join(bear(live), nullptr);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  counts = tracee::shared_with_test<Counts>(argv[1]);
  nothing_happens = static_cast<int>(tracee::check(epoll_create1(EPOLL_CLOEXEC), "epoll_create1"));
  for (int i = tracee::number(argv[2]); i > 0; --i) pthread_detach(bear(bear_for_ever));
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  _exit(0);
}
