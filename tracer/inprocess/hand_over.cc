#include "tracer/inprocess/hand_over.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <span>

#include "tracer/proc.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr std::size_t kPage = 4096;

/// What recvmsg(2) needs, as it lies in the process.
struct Letter {
  msghdr header;
  iovec piece;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))];
  char byte;
};

bool send(int socket, int fd) {
  Letter letter{};
  letter.piece = {&letter.byte, 1};
  letter.header.msg_iov = &letter.piece;
  letter.header.msg_iovlen = 1;
  letter.header.msg_control = letter.control;
  letter.header.msg_controllen = sizeof letter.control;
  cmsghdr* const right = CMSG_FIRSTHDR(&letter.header);
  right->cmsg_level = SOL_SOCKET;
  right->cmsg_type = SCM_RIGHTS;
  right->cmsg_len = CMSG_LEN(sizeof fd);
  std::memcpy(CMSG_DATA(right), &fd, sizeof fd);
  return sendmsg(socket, &letter.header, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

/// A copy of a descriptor of the process's.
int fetch(pid_t tid, int fd) {
  const auto status = proc::status(tid);
  if (!status) return -1;
  const int process = static_cast<int>(syscall(SYS_pidfd_open, status->tgid, 0));
  if (process < 0) return -1;
  const int copy = static_cast<int>(syscall(SYS_pidfd_getfd, process, fd, 0));
  close(process);
  return copy;
}

int receive(RemoteCalls& remote, pid_t tid, int socket, uint64_t page) {
  Letter letter{};
  const auto at = [&](const void* member) {
    return page + static_cast<uint64_t>(static_cast<const char*>(member) - reinterpret_cast<const char*>(&letter));
  };
  letter.piece = {reinterpret_cast<void*>(at(&letter.byte)), 1};
  letter.header.msg_iov = reinterpret_cast<iovec*>(at(&letter.piece));
  letter.header.msg_iovlen = 1;
  letter.header.msg_control = reinterpret_cast<void*>(at(letter.control));
  letter.header.msg_controllen = sizeof letter.control;
  const auto bytes = std::as_writable_bytes(std::span(&letter, 1));
  if (!write_memory(tid, page, bytes)) return -1;
  const auto got = remote.call(SYS_recvmsg, {static_cast<uint64_t>(socket), page, MSG_CMSG_CLOEXEC | MSG_DONTWAIT});
  if (!got || *got != 1 || !read_memory(tid, page, bytes)) return -1;
  cmsghdr right{};
  std::memcpy(&right, letter.control, sizeof right);
  if (letter.header.msg_controllen < CMSG_LEN(sizeof(int)) || right.cmsg_type != SCM_RIGHTS) return -1;
  int fd = -1;
  std::memcpy(&fd, letter.control + CMSG_LEN(0), sizeof fd);
  return fd;
}

}  // namespace

int hand_over(RemoteCalls& remote, pid_t tid, int fd) {
  const auto page =
      remote.call(SYS_mmap, {0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~uint64_t{0}, 0});
  if (!page || *page < 0) return -1;
  const auto at = static_cast<uint64_t>(*page);
  int given = -1;
  const auto made = remote.call(SYS_socketpair, {AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, at});
  std::array<int, 2> ends{};
  if (made && *made == 0 && read_memory(tid, at, std::as_writable_bytes(std::span(ends)))) {
    const int ours = fetch(tid, ends[0]);
    if (ours >= 0 && send(ours, fd)) given = receive(remote, tid, ends[1], at);
    if (ours >= 0) close(ours);
    for (const int end : ends) remote.call(SYS_close, {static_cast<uint64_t>(end)});
  }
  remote.call(SYS_munmap, {at, kPage});
  return given;
}

}  // namespace sightline::tracer::inprocess
