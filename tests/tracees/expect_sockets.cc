// Sockets: within the process, and over the loopback, both families.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  expect::enter_new_directory();
  char buffer[64];
  expect::begin();

  int pair[2];
  long n = call(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
  line("socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, [%d, %d]) = %s", pair[0], pair[1], result(n));
  n = call(SYS_sendto, pair[0], "hello", 5, MSG_NOSIGNAL, nullptr, 0);
  line("sendto(%d, \"hello\", 5, MSG_NOSIGNAL, NULL, 0) = %s", pair[0], result(n));
  n = call(SYS_recvfrom, pair[1], buffer, 3, MSG_PEEK, nullptr, nullptr);
  line("recvfrom(%d, \"hel\", 3, MSG_PEEK, NULL, NULL) = %s", pair[1], result(n));
  n = call(SYS_recvfrom, pair[1], buffer, 64, 0, nullptr, nullptr);
  line("recvfrom(%d, \"hello\", 64, 0, NULL, NULL) = %s", pair[1], result(n));
  n = call(SYS_recvfrom, pair[1], buffer, 64, MSG_DONTWAIT | MSG_TRUNC, nullptr, nullptr);
  line("recvfrom(%d, %p, 64, MSG_TRUNC|MSG_DONTWAIT, NULL, NULL) = %s", pair[1], static_cast<void*>(buffer), result(n));

  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))] = {};
  iovec piece{const_cast<char*>("fds"), 3};
  msghdr header{};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  cmsghdr* item = CMSG_FIRSTHDR(&header);
  item->cmsg_level = SOL_SOCKET;
  item->cmsg_type = SCM_RIGHTS;
  item->cmsg_len = CMSG_LEN(2 * sizeof(int));
  memcpy(CMSG_DATA(item), pair, sizeof pair);
  n = call(SYS_sendmsg, pair[0], &header, 0);
  line(
      "sendmsg(%d, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"fds\", iov_len=3}], msg_iovlen=1, "
      "msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[%d, %d]}], "
      "msg_controllen=24, msg_flags=0}, 0) = %s",
      pair[0], pair[0], pair[1], result(n));
  piece = {buffer, sizeof buffer};
  n = call(SYS_recvmsg, pair[1], &header, MSG_CMSG_CLOEXEC);
  int got[2];
  memcpy(got, CMSG_DATA(item), sizeof got);
  line(
      "recvmsg(%d, {msg_name=NULL, msg_namelen=0, msg_iov=[{iov_base=\"fds\", iov_len=64}], msg_iovlen=1, "
      "msg_control=[{cmsg_len=24, cmsg_level=SOL_SOCKET, cmsg_type=SCM_RIGHTS, cmsg_data=[%d, %d]}], "
      "msg_controllen=24, msg_flags=MSG_CMSG_CLOEXEC}, MSG_CMSG_CLOEXEC) = %s",
      pair[1], got[0], got[1], result(n));
  n = call(SYS_shutdown, pair[0], SHUT_WR);
  line("shutdown(%d, SHUT_WR) = %s", pair[0], result(n));
  n = call(SYS_shutdown, pair[0], SHUT_RDWR);
  line("shutdown(%d, SHUT_RDWR) = %s", pair[0], result(n));

  const long unix_fd = call(SYS_socket, AF_UNIX, SOCK_DGRAM, 0);
  line("socket(AF_UNIX, SOCK_DGRAM, 0) = %s", result(unix_fd));
  sockaddr_un local{AF_UNIX, "sock"};
  n = call(SYS_bind, unix_fd, &local, sizeof(sa_family_t) + 5);
  line("bind(%ld, {sa_family=AF_UNIX, sun_path=\"sock\"}, 7) = %s", unix_fd, result(n));
  sockaddr_un abstract{AF_UNIX, "\0none"};
  n = call(SYS_connect, unix_fd, &abstract, sizeof(sa_family_t) + 5);
  line("connect(%ld, {sa_family=AF_UNIX, sun_path=@\"none\"}, 7) = %s", unix_fd, result(n));

  const long server = call(SYS_socket, AF_INET, SOCK_STREAM, IPPROTO_TCP);
  line("socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = %s", result(server));
  const int one = 1;
  n = call(SYS_setsockopt, server, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  line("setsockopt(%ld, SOL_SOCKET, SO_REUSEADDR, [1], 4) = %s", server, result(n));
  n = call(SYS_setsockopt, server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  line("setsockopt(%ld, SOL_TCP, TCP_NODELAY, [1], 4) = %s", server, result(n));
  const linger lasting{1, 5};
  n = call(SYS_setsockopt, server, SOL_SOCKET, SO_LINGER, &lasting, sizeof lasting);
  line("setsockopt(%ld, SOL_SOCKET, SO_LINGER, {l_onoff=1, l_linger=5}, 8) = %s", server, result(n));
  int value = 0;
  socklen_t length = sizeof value;
  n = call(SYS_getsockopt, server, SOL_SOCKET, SO_TYPE, &value, &length);
  line("getsockopt(%ld, SOL_SOCKET, SO_TYPE, [1], [4]) = %s", server, result(n));
  n = call(SYS_getsockopt, server, SOL_SOCKET, SO_ERROR, &value, &length);
  line("getsockopt(%ld, SOL_SOCKET, SO_ERROR, [0], [4]) = %s", server, result(n));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  n = call(SYS_bind, server, &address, sizeof address);
  line("bind(%ld, {sa_family=AF_INET, sin_port=htons(0), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = %s", server,
       result(n));
  n = call(SYS_listen, server, 5);
  line("listen(%ld, 5) = %s", server, result(n));
  length = sizeof address;
  n = call(SYS_getsockname, server, &address, &length);
  const int port = ntohs(address.sin_port);
  line("getsockname(%ld, {sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr(\"127.0.0.1\")}, [16]) = %s",
       server, port, result(n));
  const long client = call(SYS_socket, AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  line("socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, IPPROTO_IP) = %s", result(client));
  n = call(SYS_connect, client, &address, sizeof address);
  line("connect(%ld, {sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr(\"127.0.0.1\")}, 16) = %s", client,
       port, result(n));
  sockaddr_in peer{};
  length = 100;
  const long accepted = call(SYS_accept4, server, &peer, &length, SOCK_CLOEXEC);
  line(
      "accept4(%ld, {sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr(\"127.0.0.1\")}, [100 => 16], "
      "SOCK_CLOEXEC) = %s",
      server, ntohs(peer.sin_port), result(accepted));
  n = call(SYS_getpeername, client, &peer, &length);
  line("getpeername(%ld, {sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr(\"127.0.0.1\")}, [16]) = %s",
       client, port, result(n));
  n = call(SYS_accept, -1, nullptr, nullptr);
  line("accept(-1, NULL, NULL) = %s", result(n));

  const long six = call(SYS_socket, AF_INET6, SOCK_DGRAM, IPPROTO_UDP);
  line("socket(AF_INET6, SOCK_DGRAM, IPPROTO_UDP) = %s", result(six));
  if (six >= 0) {
    sockaddr_in6 far{};
    far.sin6_family = AF_INET6;
    far.sin6_port = htons(9);
    far.sin6_addr = in6addr_loopback;
    n = call(SYS_connect, six, &far, sizeof far);
    line(
        "connect(%ld, {sa_family=AF_INET6, sin6_port=htons(9), sin6_flowinfo=htonl(0), "
        "inet_pton(AF_INET6, \"::1\", &sin6_addr), sin6_scope_id=0}, 28) = %s",
        six, result(n));
  }
  const long udp = call(SYS_socket, AF_INET, SOCK_DGRAM, IPPROTO_IP);
  line("socket(AF_INET, SOCK_DGRAM, IPPROTO_IP) = %s", result(udp));
  n = call(SYS_sendto, udp, "x", 1, MSG_DONTWAIT, &address, sizeof address);
  line(
      "sendto(%ld, \"x\", 1, MSG_DONTWAIT, {sa_family=AF_INET, sin_port=htons(%d), sin_addr=inet_addr(\"127.0.0.1\")}, "
      "16) "
      "= %s",
      udp, port, result(n));

  expect::end();
  unlink("sock");
  return expect::finish();
}
