// descriptor_paths WHAT DIR: calls whose descriptors refer to all sorts of things, for the paths a trace shows of them.
// Begins by making DIR its working directory, which is empty.
//   kinds      files, directories, pipes, sockets and what else there is; some closed, removed, or with odd names
//   threads    in a thread, in one that has descriptors of its own, in a child, and once the leader has ended
//   signals N  N rounds of calls while a timer's signal comes a thousand times a second; its handler makes calls, too
//              With one more word, below another root directory; needs root
//   root       changes the root directory and comes back; needs root
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/poll.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <thread>

#include "tests/tracees/tracee.h"

namespace {

using tracee::check;

int create(const char* path) {
  return static_cast<int>(check(open(path, O_RDWR | O_CREAT | O_TRUNC, 0644), path));
}

void files() {
  const int file = create("file");
  check(write(file, "contents", 8), "write");
  check(lseek(file, 0, SEEK_SET), "lseek");
  char bytes[16];
  check(pread(file, bytes, sizeof bytes, 0), "pread");
  const int copy = static_cast<int>(check(dup(file), "dup"));
  check(dup2(copy, 70), "dup2");
  check(dup2(70, 70), "dup2");
  check(dup3(copy, 71, O_CLOEXEC), "dup3");
  check(fcntl(70, F_DUPFD, 80), "fcntl");
  struct stat status {};
  check(fstat(copy, &status), "fstat");
  close(copy);
  // Nothing any more, or never.
  close(copy);
  for (const int fd : {copy, -1, -100, 999, INT32_MAX, INT32_MIN}) (void)!read(fd, bytes, 1);
  (void)!dup2(file, INT32_MAX);
  syscall(SYS_close_range, 70, 90, 0);
  fcntl(70, F_GETFD);

  check(rename("file", "renamed"), "rename");
  check(fstat(file, &status), "fstat");
  const int other = create("other");
  check(sendfile(other, file, nullptr, 4), "sendfile");
  (void)!copy_file_range(file, nullptr, other, nullptr, 4, 0);
  void* const mapped = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE, file, 0);
  munmap(mapped, 4096);
  const int by_path = static_cast<int>(check(open("renamed", O_PATH), "O_PATH"));
  check(fstat(by_path, &status), "fstat");
  check(unlink("renamed"), "unlink");
  check(fstat(file, &status), "fstat");
  check(fstat(by_path, &status), "fstat");
  close(by_path);
  close(file);
  close(other);
  const int called_so = create("other (deleted)");
  check(fstat(called_so, &status), "fstat");
  check(unlink("other (deleted)"), "unlink");
  check(fstat(called_so, &status), "fstat");
  close(called_so);
  for (const char* name : {"with > < \" ' \\ \n and \x01\xff", " (deleted)", "näme"}) close(create(name));
  for (const char* name : {"/dev/null", "/proc/version", "/proc/self/status", "/proc/thread-self/fd/0", "/"})
    if (const int fd = open(name, O_RDONLY); fd >= 0) close(fd);
}

void directories() {
  check(mkdir("directory", 0755), "mkdir");
  const int directory = static_cast<int>(check(open("directory", O_DIRECTORY), "open"));
  const int inner = static_cast<int>(check(openat(directory, "inner", O_RDWR | O_CREAT, 0644), "openat"));
  struct stat status {};
  check(fstatat(directory, "inner", &status, 0), "fstatat");
  check(faccessat(AT_FDCWD, "directory/inner", F_OK, 0), "faccessat");
  check(linkat(directory, "inner", AT_FDCWD, "linked", 0), "linkat");
  check(renameat(AT_FDCWD, "linked", directory, "back"), "renameat");
  check(unlinkat(directory, "back", 0), "unlinkat");
  check(mkdirat(directory, "deeper", 0755), "mkdirat");
  check(fchdir(directory), "fchdir");
  check(fchmodat(AT_FDCWD, "deeper", 0700, 0), "fchmodat");
  check(unlinkat(AT_FDCWD, "inner", 0), "unlinkat");
  check(unlinkat(AT_FDCWD, "deeper", AT_REMOVEDIR), "rmdir");
  check(unlinkat(AT_FDCWD, "../directory", AT_REMOVEDIR), "rmdir");
  // The working directory is gone.
  check(fstatat(AT_FDCWD, ".", &status, 0), "fstatat");
  (void)openat(AT_FDCWD, "nothing", O_RDONLY);
  check(chdir("/"), "chdir");
  check(fstatat(AT_FDCWD, ".", &status, 0), "fstatat");
  close(directory);
  close(inner);
}

/// Down to where a path has no room in the kernel's buffer any more.
void long_paths(int from) {
  check(fchdir(from), "fchdir");
  const std::string name(250, 'n');
  int at = static_cast<int>(check(dup(from), "dup"));
  for (int depth = 0; depth < 18; ++depth) {
    check(mkdirat(at, name.c_str(), 0755), "mkdirat");
    const int deeper = static_cast<int>(check(openat(at, name.c_str(), O_DIRECTORY), "openat"));
    close(at);
    at = deeper;
  }
  check(fchdir(at), "fchdir");
  struct stat status {};
  check(fstatat(AT_FDCWD, ".", &status, 0), "fstatat");
  check(fchdir(from), "fchdir");
  close(at);
}

void sockets_and_others() {
  int pair[2];
  check(pipe(pair), "pipe");
  check(write(pair[1], "x", 1), "write");
  char byte;
  check(read(pair[0], &byte, 1), "read");
  const int epoll = static_cast<int>(check(epoll_create1(0), "epoll_create1"));
  epoll_event event{.events = EPOLLIN, .data = {}};
  check(epoll_ctl(epoll, EPOLL_CTL_ADD, pair[0], &event), "epoll_ctl");
  epoll_wait(epoll, &event, 1, 0);
  pollfd polled[2] = {{pair[0], POLLIN, 0}, {epoll, POLLIN, 0}};
  check(poll(polled, 2, 0), "poll");
  fd_set set;
  FD_ZERO(&set);
  FD_SET(pair[0], &set);
  timeval at_once{0, 0};
  check(select(pair[0] + 1, &set, nullptr, nullptr, &at_once), "select");
  for (const int fd : {pair[0], pair[1], epoll}) close(fd);

  const int listener = static_cast<int>(check(socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
  sockaddr_un name{.sun_family = AF_UNIX, .sun_path = "socket"};
  check(bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name), "bind");
  check(listen(listener, 1), "listen");
  const int client = static_cast<int>(check(socket(AF_UNIX, SOCK_STREAM, 0), "socket"));
  check(connect(client, reinterpret_cast<sockaddr*>(&name), sizeof name), "connect");
  const int server = static_cast<int>(check(accept(listener, nullptr, nullptr), "accept"));
  iovec piece{&byte, 1};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  check(sendmsg(client, &message, 0), "sendmsg");
  check(recvmsg(server, &message, 0), "recvmsg");
  const int internet = static_cast<int>(check(socket(AF_INET, SOCK_DGRAM, 0), "socket"));
  check(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), "socketpair");
  for (const int fd : {listener, client, server, internet, pair[0], pair[1]}) close(fd);
  unlink("socket");

  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  for (const long fd : {static_cast<long>(eventfd(0, 0)), static_cast<long>(timerfd_create(CLOCK_MONOTONIC, 0)),
                        static_cast<long>(signalfd(-1, &signals, 0)), static_cast<long>(inotify_init1(0)),
                        syscall(SYS_memfd_create, "some memory", 0), syscall(SYS_pidfd_open, getpid(), 0)})
    close(static_cast<int>(check(fd, "anonymous")));
}

void kinds() {
  const int start = static_cast<int>(check(open(".", O_DIRECTORY), "open"));
  files();
  directories();
  check(fchdir(start), "fchdir");
  sockets_and_others();
  long_paths(start);
  // With these blocked memory is read in another way, and nothing may fault.
  sigset_t signals;
  sigfillset(&signals);
  sigprocmask(SIG_SETMASK, &signals, nullptr);
  const int file = create("while blocked");
  check(write(file, "x", 1), "write");
  check(unlink("while blocked"), "unlink");
  close(file);
}

void in_thread(int inherited, int of_its_own) {
  struct stat status {};
  if (of_its_own != 0) check(unshare(CLONE_FILES), "unshare");
  const int file = create(of_its_own != 0 ? "its own" : "shared");
  check(fstat(file, &status), "fstat");
  if (of_its_own != 0) close(inherited);
  fstat(inherited, &status);
  if (of_its_own != 0) create("in its place");
  fstat(inherited, &status);
}

void after_the_leader() {
  while (tracee::thread_state(getpid(), getpid()) != 'Z') sched_yield();
  tracee::mark(1);
  const int file = create("after the leader");
  check(write(file, "x", 1), "write");
  check(close(file), "close");
  syscall(SYS_exit_group, 0);
}

void threads() {
  const int inherited = create("inherited");
  std::thread(in_thread, inherited, 0).join();
  std::thread(in_thread, inherited, 1).join();
  struct stat status {};
  check(fstat(inherited, &status), "fstat");
  const pid_t child = fork();
  if (child == 0) {
    check(fstat(inherited, &status), "fstat");
    check(chdir("/"), "chdir");
    check(fstatat(AT_FDCWD, "proc", &status, 0), "fstatat");
    close(inherited);
    _exit(fstat(inherited, &status) == 0);
  }
  int how = 0;
  check(waitpid(child, &how, 0), "waitpid");
  if (how != 0) tracee::fail("child");
  check(fstatat(AT_FDCWD, ".", &status, 0), "fstatat");
  std::thread(after_the_leader).detach();
  syscall(SYS_exit, 0);
}

std::atomic<long> ticks{0};
int for_handler = -1;

void on_tick(int) {
  ++ticks;
  const int error = errno;
  if (fcntl(for_handler, F_GETFD) < 0) tracee::fail("fcntl");
  errno = error;
}

void pump(int number, int n) {
  const int file = create(("pump " + std::to_string(number)).c_str());
  for (int i = 0; i < n; ++i) {
    const int copy = static_cast<int>(check(dup(file), "dup"));
    check(lseek(copy, i, SEEK_SET), "lseek");
    check(close(copy), "close");
  }
}

void signals(int n) {
  for_handler = create("for the handler");
  struct sigaction action {};
  action.sa_handler = on_tick;
  action.sa_flags = SA_RESTART;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval every{{0, 1000}, {0, 1000}};
  setitimer(ITIMER_REAL, &every, nullptr);
  std::thread other(pump, 1, n);
  pump(0, n);
  other.join();
  while (ticks.load() == 0) pause();
  const itimerval never{};
  setitimer(ITIMER_REAL, &never, nullptr);
  std::printf("ticks %ld\n", ticks.load());
}

void root() {
  const int before = create("before");
  const int start = static_cast<int>(check(open(".", O_DIRECTORY), "open"));
  const int outside = static_cast<int>(check(open("/", O_DIRECTORY), "open"));
  struct stat status {};
  check(mkdir("inside", 0755), "mkdir");
  std::atomic<int> step{0};
  // It shares the root directory, and learns of the change only by it.
  std::thread other([&] {
    check(fstat(before, &status), "fstat");
    step = 1;
    while (step.load() != 2) sched_yield();
    check(fstat(before, &status), "fstat");
    step = 3;
  });
  while (step.load() != 1) sched_yield();
  check(chroot("inside"), "chroot");
  check(chdir("/"), "chdir");
  step = 2;
  other.join();
  const int file = create("file");
  check(fstat(file, &status), "fstat");
  check(fstat(before, &status), "fstat");
  check(fstatat(AT_FDCWD, ".", &status, 0), "fstatat");
  close(999);
  check(unlink("file"), "unlink");
  check(fstat(file, &status), "fstat");
  const pid_t child = fork();
  if (child == 0) {
    check(fstat(before, &status), "fstat");
    _exit(0);
  }
  check(waitpid(child, nullptr, 0), "waitpid");
  check(fchdir(outside), "fchdir");
  check(chroot("."), "chroot");
  for (int i = 0; i < 3; ++i) check(fstat(before, &status), "fstat");
  check(unshare(CLONE_NEWNS), "unshare");
  check(fstat(before, &status), "fstat");
  check(fchdir(start), "fchdir");
  close(create("at the end"));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  check(chdir(argv[2]), "chdir");
  const std::string what = argv[1];
  if (what == "kinds") {
    kinds();
  } else if (what == "threads") {
    threads();
  } else if (what == "signals") {
    if (argc > 4) check(chroot("."), "chroot");
    signals(tracee::number(argv[3]));
  } else if (what == "root") {
    root();
  } else {
    return 2;
  }
  return 0;
}
