// Words of sockets: domains, types, protocols, messages.
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kDomainWords[] = {
    W(AF_UNSPEC),   W(AF_UNIX),       W(AF_INET),     W(AF_AX25),      W(AF_IPX),     W(AF_APPLETALK),   W(AF_NETROM),
    W(AF_BRIDGE),   W(AF_ATMPVC),     W(AF_X25),      W(AF_INET6),     W(AF_ROSE),    {12, "AF_DECnet"}, W(AF_NETBEUI),
    W(AF_SECURITY), W(AF_KEY),        W(AF_NETLINK),  W(AF_PACKET),    W(AF_ASH),     W(AF_ECONET),      W(AF_ATMSVC),
    W(AF_RDS),      W(AF_SNA),        W(AF_IRDA),     W(AF_PPPOX),     W(AF_WANPIPE), W(AF_LLC),         W(AF_IB),
    W(AF_MPLS),     W(AF_CAN),        W(AF_TIPC),     W(AF_BLUETOOTH), W(AF_IUCV),    W(AF_RXRPC),       W(AF_ISDN),
    W(AF_PHONET),   W(AF_IEEE802154), W(AF_CAIF),     W(AF_ALG),       W(AF_NFC),     W(AF_VSOCK),       W(AF_KCM),
    W(AF_QIPCRTR),  W(AF_SMC),        {44, "AF_XDP"}, {45, "AF_MCTP"},
};

constexpr Word kSocketTypeWords[] = {
    W(SOCK_STREAM), W(SOCK_DGRAM), W(SOCK_RAW), W(SOCK_RDM), W(SOCK_SEQPACKET), W(SOCK_DCCP), W(SOCK_PACKET),
};
constexpr Word kSocketFlagWords[] = {W(SOCK_CLOEXEC), W(SOCK_NONBLOCK)};

constexpr Word kInetProtocolWords[] = {
    W(IPPROTO_IP),      W(IPPROTO_ICMP),        W(IPPROTO_IGMP),       W(IPPROTO_IPIP),
    W(IPPROTO_TCP),     W(IPPROTO_EGP),         W(IPPROTO_PUP),        W(IPPROTO_UDP),
    W(IPPROTO_IDP),     W(IPPROTO_TP),          W(IPPROTO_DCCP),       W(IPPROTO_IPV6),
    W(IPPROTO_ROUTING), W(IPPROTO_FRAGMENT),    W(IPPROTO_RSVP),       W(IPPROTO_GRE),
    W(IPPROTO_ESP),     W(IPPROTO_AH),          W(IPPROTO_ICMPV6),     W(IPPROTO_NONE),
    W(IPPROTO_DSTOPTS), W(IPPROTO_MTP),         W(IPPROTO_BEETPH),     W(IPPROTO_ENCAP),
    W(IPPROTO_PIM),     W(IPPROTO_COMP),        {115, "IPPROTO_L2TP"}, W(IPPROTO_SCTP),
    W(IPPROTO_MH),      W(IPPROTO_UDPLITE),     W(IPPROTO_MPLS),       {143, "IPPROTO_ETHERNET"},
    W(IPPROTO_RAW),     {262, "IPPROTO_MPTCP"},
};

constexpr Word kNetlinkProtocolWords[] = {
    W(NETLINK_ROUTE),     W(NETLINK_UNUSED),        W(NETLINK_USERSOCK),   W(NETLINK_FIREWALL),
    W(NETLINK_SOCK_DIAG), W(NETLINK_NFLOG),         W(NETLINK_XFRM),       W(NETLINK_SELINUX),
    W(NETLINK_ISCSI),     W(NETLINK_AUDIT),         W(NETLINK_FIB_LOOKUP), W(NETLINK_CONNECTOR),
    W(NETLINK_NETFILTER), W(NETLINK_IP6_FW),        W(NETLINK_DNRTMSG),    W(NETLINK_KOBJECT_UEVENT),
    W(NETLINK_GENERIC),   W(NETLINK_SCSITRANSPORT), W(NETLINK_ECRYPTFS),   W(NETLINK_RDMA),
    W(NETLINK_CRYPTO),    W(NETLINK_SMC),
};

constexpr Word kBluetoothProtocolWords[] = {
    {0, "BTPROTO_L2CAP"}, {1, "BTPROTO_HCI"},  {2, "BTPROTO_SCO"},  {3, "BTPROTO_RFCOMM"},
    {4, "BTPROTO_BNEP"},  {5, "BTPROTO_CMTP"}, {6, "BTPROTO_HIDP"}, {7, "BTPROTO_AVDTP"},
};

constexpr Word kEthernetProtocolWords[] = {
    W(ETH_P_802_3),    W(ETH_P_AX25),    W(ETH_P_ALL),   W(ETH_P_802_2), W(ETH_P_LOOP),    W(ETH_P_IP),
    W(ETH_P_X25),      W(ETH_P_ARP),     W(ETH_P_RARP),  W(ETH_P_ATALK), W(ETH_P_AARP),    W(ETH_P_8021Q),
    W(ETH_P_IPX),      W(ETH_P_IPV6),    W(ETH_P_PAUSE), W(ETH_P_SLOW),  W(ETH_P_MPLS_UC), W(ETH_P_MPLS_MC),
    W(ETH_P_PPP_DISC), W(ETH_P_PPP_SES), W(ETH_P_PAE),   W(ETH_P_AOE),   W(ETH_P_8021AD),  W(ETH_P_TIPC),
    W(ETH_P_LLDP),     W(ETH_P_MACSEC),  W(ETH_P_1588),  W(ETH_P_FCOE),  W(ETH_P_FIP),     W(ETH_P_CAN),
};

constexpr Word kShutdownWords[] = {W(SHUT_RD), W(SHUT_WR), W(SHUT_RDWR)};

constexpr Word kMessageWords[] = {
    W(MSG_OOB),
    W(MSG_PEEK),
    W(MSG_DONTROUTE),
    W(MSG_CTRUNC),
    {0x10, "MSG_PROBE"},
    W(MSG_TRUNC),
    W(MSG_DONTWAIT),
    W(MSG_EOR),
    W(MSG_WAITALL),
    W(MSG_FIN),
    W(MSG_SYN),
    W(MSG_CONFIRM),
    W(MSG_RST),
    W(MSG_ERRQUEUE),
    W(MSG_NOSIGNAL),
    W(MSG_MORE),
    W(MSG_WAITFORONE),
    {0x20000, "MSG_SENDPAGE_NOTLAST"},
    {0x40000, "MSG_BATCH"},
    {0x80000, "MSG_NO_SHARED_FRAGS"},
    W(MSG_ZEROCOPY),
    W(MSG_FASTOPEN),
    W(MSG_CMSG_CLOEXEC),
    {0x80000000, "MSG_CMSG_COMPAT"},
};

// Level names: asm-generic and linux/socket.h.
constexpr Word kSocketLevelWords[] = {
    {0, "SOL_IP"},        {1, "SOL_SOCKET"},     {6, "SOL_TCP"},       {17, "SOL_UDP"},       {41, "SOL_IPV6"},
    {58, "SOL_ICMPV6"},   {100, "SOL_CAN_BASE"}, {101, "SOL_CAN_RAW"}, {132, "SOL_SCTP"},     {136, "SOL_UDPLITE"},
    {255, "SOL_RAW"},     {256, "SOL_IPX"},      {257, "SOL_AX25"},    {258, "SOL_ATALK"},    {259, "SOL_NETROM"},
    {260, "SOL_ROSE"},    {261, "SOL_DECNET"},   {262, "SOL_X25"},     {263, "SOL_PACKET"},   {264, "SOL_ATM"},
    {265, "SOL_AAL"},     {266, "SOL_IRDA"},     {267, "SOL_NETBEUI"}, {268, "SOL_LLC"},      {269, "SOL_DCCP"},
    {270, "SOL_NETLINK"}, {271, "SOL_TIPC"},     {272, "SOL_RXRPC"},   {273, "SOL_PPPOL2TP"}, {274, "SOL_BLUETOOTH"},
    {275, "SOL_PNPIPE"},  {276, "SOL_RDS"},      {277, "SOL_IUCV"},    {278, "SOL_CAIF"},     {279, "SOL_ALG"},
    {280, "SOL_NFC"},     {281, "SOL_KCM"},      {282, "SOL_TLS"},     {283, "SOL_XDP"},      {284, "SOL_MPTCP"},
    {285, "SOL_MCTP"},    {286, "SOL_SMC"},      {287, "SOL_VSOCK"},
};

constexpr Word kScmWords[] = {
    W(SCM_RIGHTS),
    {2, "SCM_CREDENTIALS"},
    {3, "SCM_SECURITY"},
    {4, "SCM_PIDFD"},
    {29, "SO_TIMESTAMP_OLD"},
    {35, "SO_TIMESTAMPNS_OLD"},
    {37, "SO_TIMESTAMPING_OLD"},
};

constexpr Word kIpControlWords[] = {
    {1, "IP_TOS"},      {2, "IP_TTL"},        {7, "IP_RETOPTS"},      {8, "IP_PKTINFO"},   {11, "IP_RECVERR"},
    {13, "IP_RECVTOS"}, {18, "SCM_SECURITY"}, {20, "IP_ORIGDSTADDR"}, {23, "IP_CHECKSUM"}, {25, "IP_RECVFRAGSIZE"},
};

constexpr Word kPacketTypeWords[] = {
    W(PACKET_HOST),     W(PACKET_BROADCAST), W(PACKET_MULTICAST), W(PACKET_OTHERHOST), W(PACKET_OUTGOING),
    W(PACKET_LOOPBACK), W(PACKET_USER),      W(PACKET_KERNEL),    W(PACKET_FASTROUTE),
};

constexpr Word kHardwareWords[] = {
    W(ARPHRD_NETROM),     W(ARPHRD_ETHER),   W(ARPHRD_EETHER),    W(ARPHRD_AX25),    W(ARPHRD_IEEE802),
    W(ARPHRD_INFINIBAND), W(ARPHRD_PPP),     W(ARPHRD_TUNNEL),    W(ARPHRD_TUNNEL6), W(ARPHRD_LOOPBACK),
    W(ARPHRD_SIT),        W(ARPHRD_IPGRE),   W(ARPHRD_IEEE80211), W(ARPHRD_VOID),    W(ARPHRD_NONE),
    W(ARPHRD_CAN),        W(ARPHRD_NETLINK), W(ARPHRD_VSOCKMON),
};

constexpr Word kPollWords[] = {
    W(POLLIN),
    W(POLLPRI),
    W(POLLOUT),
    W(POLLERR),
    W(POLLHUP),
    W(POLLNVAL),
    {0x40, "POLLRDNORM"},
    {0x80, "POLLRDBAND"},
    {0x100, "POLLWRNORM"},
    {0x200, "POLLWRBAND"},
    {0x400, "POLLMSG"},
    {0x1000, "POLLREMOVE"},
    {0x2000, "POLLRDHUP"},
    {0x8000, "POLL_BUSY_LOOP"},
};

constexpr Word kEpollWords[] = {
    W(EPOLLIN),        W(EPOLLPRI),         W(EPOLLOUT),     W(EPOLLERR),
    W(EPOLLHUP),       {0x20, "EPOLLNVAL"}, W(EPOLLRDNORM),  W(EPOLLRDBAND),
    W(EPOLLWRNORM),    W(EPOLLWRBAND),      W(EPOLLMSG),     W(EPOLLRDHUP),
    W(EPOLLEXCLUSIVE), W(EPOLLWAKEUP),      W(EPOLLONESHOT), {0x80000000, "EPOLLET"},
};
constexpr Word kEpollOpWords[] = {W(EPOLL_CTL_ADD), W(EPOLL_CTL_DEL), W(EPOLL_CTL_MOD)};
constexpr Word kEpollCreateWords[] = {W(EPOLL_CLOEXEC)};
constexpr Word kEventfdWords[] = {W(EFD_SEMAPHORE), W(EFD_CLOEXEC), W(EFD_NONBLOCK)};

// i386's socketcall (linux/net.h).
constexpr Word kSocketcallWords[] = {
    {1, "SYS_SOCKET"},    {2, "SYS_BIND"},        {3, "SYS_CONNECT"},     {4, "SYS_LISTEN"},
    {5, "SYS_ACCEPT"},    {6, "SYS_GETSOCKNAME"}, {7, "SYS_GETPEERNAME"}, {8, "SYS_SOCKETPAIR"},
    {9, "SYS_SEND"},      {10, "SYS_RECV"},       {11, "SYS_SENDTO"},     {12, "SYS_RECVFROM"},
    {13, "SYS_SHUTDOWN"}, {14, "SYS_SETSOCKOPT"}, {15, "SYS_GETSOCKOPT"}, {16, "SYS_SENDMSG"},
    {17, "SYS_RECVMSG"},  {18, "SYS_ACCEPT4"},    {19, "SYS_RECVMMSG"},   {20, "SYS_SENDMMSG"},
};

}  // namespace

constinit const Vocabulary kSocketDomain{kDomainWords, "AF_???"};
constinit const Vocabulary kSocketType{kSocketTypeWords, "SOCK_???"};
constinit const Vocabulary kSocketFlags{kSocketFlagWords, "SOCK_???"};
constinit const Vocabulary kInetProtocol{kInetProtocolWords, "IPPROTO_???"};
constinit const Vocabulary kNetlinkProtocol{kNetlinkProtocolWords, "NETLINK_???"};
constinit const Vocabulary kBluetoothProtocol{kBluetoothProtocolWords, "BTPROTO_???"};
constinit const Vocabulary kEthernetProtocol{kEthernetProtocolWords, "ETH_P_???"};
constinit const Vocabulary kShutdown{kShutdownWords, "SHUT_???"};
constinit const Vocabulary kMessageFlags{kMessageWords, "MSG_???"};
constinit const Vocabulary kSocketLevel{kSocketLevelWords, "SOL_??"};
constinit const Vocabulary kScm{kScmWords, "SCM_???"};
constinit const Vocabulary kIpControl{kIpControlWords, "IP_???"};
constinit const Vocabulary kPacketType{kPacketTypeWords, "PACKET_???"};
constinit const Vocabulary kHardwareType{kHardwareWords, "ARPHRD_???"};
constinit const Vocabulary kPollEvents{kPollWords, "POLL???"};
constinit const Vocabulary kEpollEvents{kEpollWords, "EPOLL???"};
constinit const Vocabulary kEpollOp{kEpollOpWords, "EPOLL_CTL_???"};
constinit const Vocabulary kEpollCreate{kEpollCreateWords, "EPOLL_???"};
constinit const Vocabulary kEventfdFlags{kEventfdWords, "EFD_???"};
constinit const Vocabulary kSocketcall{kSocketcallWords, "SYS_???"};

}  // namespace sightline::decode
