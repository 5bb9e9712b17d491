// Calls that access the file "wanted" of a directory, and such that only look like it.
//
//   path_accesses DIRECTORY
//
// Everything in turn, so that the calls have one order: threads and children are waited for.
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kHigh = 700;

long raw(long nr, auto... arguments) {
  return syscall(nr, arguments...);
}

/// Where a string ends with its page, and nothing follows.
char* at_end_of_page(const char* text, bool with_nul) {
  auto* pages = static_cast<char*>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  munmap(pages + 4096, 4096);
  const std::size_t length = std::strlen(text) + (with_nul ? 1 : 0);
  return static_cast<char*>(std::memcpy(pages + 4096 - length, text, length));
}

void by_name(const std::string& directory, int here) {
  const std::string wanted = directory + "/wanted";
  const char* const path = wanted.c_str();
  for (const std::string& name :
       std::vector<std::string>{wanted, "wanted", "./wanted", wanted + "/", wanted + "x", directory + "//wanted",
                                directory, directory + "/link", "link", ""}) {
    struct stat status;
    raw(SYS_access, name.c_str(), R_OK);
    raw(SYS_stat, name.c_str(), &status);
    raw(SYS_lstat, name.c_str(), &status);
    raw(SYS_newfstatat, AT_FDCWD, name.c_str(), &status, 0);
    raw(SYS_newfstatat, here, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  }
  raw(SYS_faccessat, AT_FDCWD, path, R_OK);
  raw(SYS_truncate, path, 10L);
  raw(SYS_chmod, path, 0600);
  raw(SYS_fchmodat, here, path, 0600);
  raw(SYS_chown, path, -1, -1);
  raw(SYS_readlink, path, nullptr, 0L);
  raw(SYS_rename, "nothing", path);
  raw(SYS_rename, path, "nowhere/at all");
  raw(SYS_renameat, AT_FDCWD, "nothing", here, path);
  raw(SYS_renameat2, here, "nothing", AT_FDCWD, "nothing", 0);
  raw(SYS_link, "nothing", path);
  raw(SYS_link, path, "other");
  raw(SYS_linkat, AT_FDCWD, path, AT_FDCWD, "other", 0);
  raw(SYS_symlink, "nothing", path);
  raw(SYS_symlink, path, "other");  // what it holds is no file that it accesses
  raw(SYS_symlinkat, "nothing", here, "other");
  raw(SYS_symlinkat, path, AT_FDCWD, "other");
  raw(SYS_mkdir, path, 0700);
  raw(SYS_rmdir, path);
  raw(SYS_mknod, path, 0600, 0L);
  raw(SYS_chdir, path);
  raw(SYS_mount, path, "nowhere", "none", 0L, nullptr);
  raw(SYS_mount, "nowhere", path, "none", 0L, nullptr);
  raw(SYS_utimensat, AT_FDCWD, path, nullptr, 0);
  raw(SYS_getxattr, path, "user.none", nullptr, 0L);
  raw(SYS_execve, path, nullptr, nullptr);
  raw(SYS_access, at_end_of_page(path, true), R_OK);
  raw(SYS_access, at_end_of_page(path, false), R_OK);
  raw(SYS_access, nullptr, R_OK);
  raw(SYS_access, 1L, R_OK);
  raw(SYS_memfd_create, path, 0);
  const int watch = inotify_init1(0);
  inotify_add_watch(watch, path, IN_MODIFY);
  close(watch);
}

void by_descriptor(int wanted, int other) {
  char byte = 'x';
  struct stat status;
  iovec piece{&byte, 1};
  loff_t offset = 0;
  for (const int fd : {wanted, other, -1, 999}) {
    raw(SYS_read, fd, &byte, 1L);
    raw(SYS_pwrite64, fd, &byte, 1L, 0L);
    raw(SYS_writev, fd, &piece, 1L);
    raw(SYS_lseek, fd, 0L, SEEK_SET);
    raw(SYS_fstat, fd, &status);
    raw(SYS_fcntl, fd, F_GETFL, 0);
    raw(SYS_ioctl, fd, FIONREAD, 0L);
    raw(SYS_fsync, fd);
    raw(SYS_ftruncate, fd, 10L);
    raw(SYS_connect, fd, nullptr, 0);
    munmap(reinterpret_cast<void*>(raw(SYS_mmap, nullptr, 4096L, PROT_READ, MAP_PRIVATE, fd, 0L)), 4096);
    raw(SYS_sendfile, other, fd, &offset, 1L);
    raw(SYS_sendfile, fd, other, &offset, 1L);
    raw(SYS_copy_file_range, fd, &offset, other, &offset, 1L, 0);
    raw(SYS_splice, other, nullptr, fd, nullptr, 1L, 0);
    raw(SYS_tee, other, fd, 1L, 0);
  }
  const int copy = static_cast<int>(raw(SYS_dup, wanted));
  raw(SYS_dup2, copy, kHigh);
  raw(SYS_dup3, other, copy, 0);  // was the file, and is no longer
  raw(SYS_read, copy, &byte, 1L);
  raw(SYS_close, copy);
  raw(SYS_close, copy);
  raw(SYS_close_range, 650U, 660U, 0);
}

void by_list(int wanted, int other) {
  constexpr int kMany = 600;  // more than a record has room for
  std::vector<pollfd> polled(kMany, pollfd{other, POLLIN, 0});
  polled[1].fd = -1;
  raw(SYS_poll, polled.data(), 3L, 0);
  raw(SYS_poll, polled.data(), static_cast<long>(kMany), 0);
  polled[2].fd = wanted;
  raw(SYS_poll, polled.data(), 3L, 0);
  raw(SYS_poll, polled.data(), 2L, 0);
  raw(SYS_poll, 1L, 2L, 0);
  polled[2].fd = other;
  polled[kMany - 1].fd = wanted;
  raw(SYS_poll, polled.data(), static_cast<long>(kMany), 0);
  const timespec none{};
  raw(SYS_ppoll, polled.data() + kMany - 1, 1L, &none, nullptr, 8L);
  fd_set with;
  fd_set without;
  timeval now{};
  for (const int fd : {wanted, kHigh}) {
    for (int set = 0; set < 3; ++set) {
      FD_ZERO(&with);
      FD_ZERO(&without);
      FD_SET(fd, &with);
      FD_SET(other, &without);
      raw(SYS_select, fd + 1, set == 0 ? &with : nullptr, set == 1 ? &with : &without, set == 2 ? &with : nullptr,
          &now);
    }
    raw(SYS_select, fd, &with, nullptr, nullptr, &now);  // one less than would do
    FD_ZERO(&with);
    FD_SET(fd, &with);
    raw(SYS_pselect6, fd + 1, nullptr, &with, nullptr, &none, nullptr);
  }
  const int epoll = epoll_create1(0);
  epoll_event event{};
  raw(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, wanted, &event);
  raw(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, other, &event);
  close(epoll);
}

}  // namespace

int main(int, char** argv) {
  const std::string directory = argv[1];
  if (chdir(directory.c_str()) != 0) return 1;
  const int here = open(".", O_RDONLY | O_DIRECTORY);
  const int other = open("other", O_RDWR | O_CREAT, 0600);
  by_name(directory, here);
  const int wanted = open((directory + "/wanted").c_str(), O_RDWR);
  by_descriptor(wanted, other);
  by_list(wanted, other);
  std::thread([&] { by_descriptor(wanted, other); }).join();
  if (const pid_t child = fork(); child == 0) {
    struct stat status;
    fstat(wanted, &status);
    fstat(kHigh, &status);
    close(wanted);
    execl("/proc/self/exe", argv[0], "none", nullptr);
  } else {
    waitpid(child, nullptr, 0);
  }
  struct stat status;
  unlinkat(here, "wanted", 0);
  fstat(wanted, &status);  // still the file, though nothing is called that any more
  const int similar = open("wanted (deleted)", O_RDWR | O_CREAT, 0600);
  fstat(similar, &status);
  close(similar);
  close(wanted);
  unlink((directory + "/wanted").c_str());
  return 0;
}
