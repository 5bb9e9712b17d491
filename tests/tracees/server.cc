// server FILE: what tracers attach to. Threads block in calls of every kind that an interruption could disturb; others
// serve a TCP socket on the loopback. FILE tells of each blocked thread its id, the call it is in and how often that
// call came back, which it never should.
//
// A request is 8 bytes, a number: the server marks it in the trace and sends it back. "ready PORT PORT TID" on stdout:
// the first port is served by workers behind an epoll and a queue, the second by the thread TID alone, which accepts
// one connection after the other. Ends with its stdin.
#include <arpa/inet.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/tracees/tracee.h"

namespace {

constexpr int kSlots = 64;

struct Slot {
  std::atomic<int32_t> tid{0};
  std::atomic<int32_t> call{0};     // its number
  std::atomic<int32_t> returns{0};  // how often it came back
  std::atomic<int32_t> error{0};    // errno of the last time
  char name[16] = {};
};
struct Report {
  std::atomic<int32_t> slots{0};
  std::atomic<int32_t> interrupted{0};  // EINTR seen by the serving threads
  Slot slot[kSlots];
};

Report* report = nullptr;
const timespec kHour{3600, 0};

/// Runs `call` for ever in a thread of its own; it is expected never to return.
void block(const char* name, long nr, std::function<long()> call) {
  Slot& slot = report->slot[report->slots++];
  std::snprintf(slot.name, sizeof slot.name, "%s", name);
  slot.call = static_cast<int32_t>(nr);
  std::thread([&slot, call = std::move(call)] {
    slot.tid = static_cast<int32_t>(syscall(SYS_gettid));
    for (;;) {
      const long result = call();
      slot.error = result < 0 ? errno : 0;
      ++slot.returns;
    }
  }).detach();
}

struct Pair {
  int ends[2];
};

Pair sockets() {
  Pair p{};
  tracee::check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p.ends), "socketpair");
  return p;
}

Pair pipes() {
  Pair p{};
  tracee::check(pipe2(p.ends, O_CLOEXEC), "pipe2");
  return p;
}

void set_timeout(int fd, int option) {
  const timeval hour{3600, 0};
  tracee::check(setsockopt(fd, SOL_SOCKET, option, &hour, sizeof hour), "setsockopt");
}

/// A socket whose peer takes nothing more.
int full_socket(bool with_timeout) {
  const Pair p = sockets();
  static char bytes[65536];
  while (send(p.ends[0], bytes, sizeof bytes, MSG_DONTWAIT) > 0) {
  }
  if (with_timeout) set_timeout(p.ends[0], SO_SNDTIMEO);
  return p.ends[0];
}

void block_in_waits() {
  block("nanosleep", SYS_nanosleep, [] { return syscall(SYS_nanosleep, &kHour, nullptr); });
  block("clock_nanosleep", SYS_clock_nanosleep, [] {
    timespec until{};
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += 3600;
    return syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
  });
  block("pause", SYS_pause, [] { return syscall(SYS_pause); });
  block("rt_sigsuspend", SYS_rt_sigsuspend, [] {
    static const uint64_t mask = 0;
    return syscall(SYS_rt_sigsuspend, &mask, sizeof mask);
  });
  block("sigtimedwait", SYS_rt_sigtimedwait, [] {
    static const uint64_t set = uint64_t{1} << (SIGUSR2 - 1);
    return syscall(SYS_rt_sigtimedwait, &set, nullptr, &kHour, sizeof set);
  });
  static int words[4];
  block("futex", SYS_futex, [] { return syscall(SYS_futex, &words[0], FUTEX_WAIT, 0, nullptr, nullptr, 0); });
  block("futex timed", SYS_futex, [] { return syscall(SYS_futex, &words[1], FUTEX_WAIT, 0, &kHour, nullptr, 0); });
  const int semaphore = semget(IPC_PRIVATE, 1, 0600);
  if (semaphore >= 0) {
    static sembuf down{0, -1, 0};
    block("semop", SYS_semop, [semaphore] { return syscall(SYS_semop, semaphore, &down, 1); });
    block("semtimedop", SYS_semtimedop, [semaphore] { return syscall(SYS_semtimedop, semaphore, &down, 1, &kHour); });
  }
  const int queue = msgget(IPC_PRIVATE, 0600);
  if (queue >= 0) {
    static char message[64];
    block("msgrcv", SYS_msgrcv, [queue] { return syscall(SYS_msgrcv, queue, message, 8, 0, 0); });
  }
  const Pair alive = pipes();
  const pid_t child = fork();
  if (child == 0) {
    // Outlives us to take away what the kernel would keep.
    close(alive.ends[1]);
    char byte;
    while (read(alive.ends[0], &byte, 1) != 0) {
    }
    semctl(semaphore, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, nullptr);
    _exit(0);
  }
  block("wait4", SYS_wait4, [child] { return syscall(SYS_wait4, child, nullptr, 0, nullptr); });
  block("waitid", SYS_waitid, [child] { return syscall(SYS_waitid, P_PID, child, nullptr, WEXITED, nullptr); });
}

void block_in_polls() {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  static epoll_event event{};
  block("epoll_wait", SYS_epoll_wait, [epoll] { return syscall(SYS_epoll_wait, epoll, &event, 1, -1); });
  block("epoll timed", SYS_epoll_wait, [epoll] { return syscall(SYS_epoll_wait, epoll, &event, 1, 3600000); });
  block("epoll_pwait", SYS_epoll_pwait, [epoll] { return syscall(SYS_epoll_pwait, epoll, &event, 1, -1, nullptr, 8); });
  block("epoll_pwait2", SYS_epoll_pwait2,
        [epoll] { return syscall(SYS_epoll_pwait2, epoll, &event, 1, &kHour, nullptr, 8); });
  static pollfd quiet{};
  quiet = {pipes().ends[0], POLLIN, 0};
  block("poll", SYS_poll, [] { return syscall(SYS_poll, &quiet, 1, -1); });
  block("poll timed", SYS_poll, [] { return syscall(SYS_poll, &quiet, 1, 3600000); });
  block("ppoll", SYS_ppoll, [] {
    timespec hour = kHour;
    return syscall(SYS_ppoll, &quiet, 1, &hour, nullptr, 8);
  });
  block("select", SYS_select, [] {
    timeval hour{3600, 0};
    return syscall(SYS_select, 0, nullptr, nullptr, nullptr, &hour);
  });
  block("pselect6", SYS_pselect6, [] {
    timespec hour = kHour;
    return syscall(SYS_pselect6, 0, nullptr, nullptr, nullptr, &hour, nullptr);
  });
}

void block_in_descriptors(const char* path) {
  static char byte[256];
  const auto read_from = [](int fd) { return [fd] { return syscall(SYS_read, fd, byte, sizeof byte); }; };
  block("read pipe", SYS_read, read_from(pipes().ends[0]));
  block("read eventfd", SYS_read, read_from(eventfd(0, EFD_CLOEXEC)));
  const int inotify = inotify_init1(IN_CLOEXEC);
  if (inotify >= 0) block("read inotify", SYS_read, read_from(inotify));
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  const itimerspec in_an_hour{{0, 0}, {3600, 0}};
  timerfd_settime(timer, 0, &in_an_hour, nullptr);
  block("read timerfd", SYS_read, read_from(timer));
  sigset_t usr2;
  sigemptyset(&usr2);
  sigaddset(&usr2, SIGUSR2);
  block("read signalfd", SYS_read, read_from(signalfd(-1, &usr2, SFD_CLOEXEC)));
  const Pair full = pipes();
  fcntl(full.ends[1], F_SETFL, O_NONBLOCK);
  while (write(full.ends[1], byte, sizeof byte) > 0) {
  }
  fcntl(full.ends[1], F_SETFL, 0);
  block("write pipe", SYS_write, [fd = full.ends[1]] { return syscall(SYS_write, fd, byte, sizeof byte); });
  const int held = open(path, O_RDWR | O_CLOEXEC);
  const int wanted = open(path, O_RDWR | O_CLOEXEC);
  if (flock(held, LOCK_EX) == 0) block("flock", SYS_flock, [wanted] { return syscall(SYS_flock, wanted, LOCK_EX); });
}

void block_in_sockets() {
  static char byte[64];
  const auto receiver = [](bool timeout) {
    const int fd = sockets().ends[0];
    if (timeout) set_timeout(fd, SO_RCVTIMEO);
    return fd;
  };
  block("recv", SYS_recvfrom,
        [fd = receiver(false)] { return syscall(SYS_recvfrom, fd, byte, sizeof byte, 0, nullptr, nullptr); });
  block("recv timed", SYS_recvfrom,
        [fd = receiver(true)] { return syscall(SYS_recvfrom, fd, byte, sizeof byte, 0, nullptr, nullptr); });
  block("read timed", SYS_read, [fd = receiver(true)] { return syscall(SYS_read, fd, byte, sizeof byte); });
  block("recvmsg timed", SYS_recvmsg, [fd = receiver(true)] {
    msghdr header{};
    iovec piece{byte, sizeof byte};
    header.msg_iov = &piece;
    header.msg_iovlen = 1;
    return syscall(SYS_recvmsg, fd, &header, 0);
  });
  static char large[65536];
  block("send timed", SYS_sendto,
        [fd = full_socket(true)] { return syscall(SYS_sendto, fd, large, sizeof large, 0, nullptr, 0); });
  block("write timed", SYS_write, [fd = full_socket(true)] { return syscall(SYS_write, fd, large, sizeof large); });
  block("writev timed", SYS_writev, [fd = full_socket(true)] {
    const iovec piece{large, sizeof large};
    return syscall(SYS_writev, fd, &piece, 1);
  });
}

int listen_on_loopback(uint16_t& port) {
  const int fd = static_cast<int>(tracee::check(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket"));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  tracee::check(bind(fd, reinterpret_cast<sockaddr*>(&address), length), "bind");
  tracee::check(listen(fd, 64), "listen");
  tracee::check(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), "getsockname");
  port = ntohs(address.sin_port);
  return fd;
}

/// One request; false at the end of the connection. What a caller would have to handle is counted.
bool serve(int fd) {
  uint64_t n = 0;
  const ssize_t got = recv(fd, &n, sizeof n, MSG_WAITALL);
  if (got < 0 && errno == EINTR) ++report->interrupted;
  if (got != sizeof n) return false;
  tracee::mark(n);
  return send(fd, &n, sizeof n, MSG_NOSIGNAL) == sizeof n;
}

/// epoll finds what is readable, workers behind a queue serve it.
class Pool {
 public:
  Pool(int listener, int workers) : listener_(listener), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    watch(listener_);
    std::thread([this] { find(); }).detach();
    for (int i = 0; i < workers; ++i) std::thread([this] { work(); }).detach();
  }

 private:
  void watch(int fd) {
    epoll_event event{.events = EPOLLIN | EPOLLONESHOT, .data = {.fd = fd}};
    if (epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) < 0) epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event);
  }

  void find() {
    epoll_event events[16];
    for (;;) {
      const int n = epoll_wait(epoll_, events, 16, -1);
      if (n < 0 && errno == EINTR) ++report->interrupted;
      for (int i = 0; i < n; ++i) {
        const int fd = events[i].data.fd;
        if (fd == listener_) {
          const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
          if (connection >= 0) watch(connection);
          if (connection < 0 && errno == EINTR) ++report->interrupted;
          watch(listener_);
          continue;
        }
        const std::lock_guard lock(mutex_);
        queue_.push_back(fd);
        ready_.notify_one();
      }
    }
  }

  void work() {
    for (;;) {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return !queue_.empty(); });
      const int fd = queue_.front();
      queue_.pop_front();
      lock.unlock();
      if (serve(fd))
        watch(fd);
      else
        close(fd);
    }
  }

  int listener_;
  int epoll_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<int> queue_;
};

void accept_only(int listener, std::atomic<int>& tid) {
  tid = static_cast<int>(syscall(SYS_gettid));
  for (;;) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) {
      if (errno == EINTR) ++report->interrupted;
      continue;
    }
    while (serve(fd)) {
    }
    close(fd);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  report = tracee::shared_with_test<Report>(argv[1]);
  sigset_t blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR2);
  sigprocmask(SIG_BLOCK, &blocked, nullptr);
  block_in_waits();  // first: it forks
  block_in_polls();
  block_in_descriptors(argv[1]);
  block_in_sockets();
  uint16_t ports[2];
  const int pooled = listen_on_loopback(ports[0]);
  const int single = listen_on_loopback(ports[1]);
  Pool pool(pooled, 4);
  static std::atomic<int> single_tid{0};
  std::thread([single] { accept_only(single, single_tid); }).detach();
  while (single_tid.load() == 0) sched_yield();
  // Threads that come and go, so that attaching meets births.
  std::thread([] {
    for (;;) std::thread([] { syscall(SYS_getppid); }).join();
  }).detach();
  std::printf("ready %d %d %d\n", ports[0], ports[1], single_tid.load());
  std::fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) {
  }
  _exit(0);
}
