// Words of socket options, level by level.
#include <asm/socket.h>
#include <cstdint>  // before linux/rds.h, which takes its types for granted

#include <linux/dccp.h>
#include <linux/if_alg.h>
#include <linux/if_packet.h>
#include <linux/if_pppol2tp.h>
#include <linux/if_xdp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kcm.h>
#include <linux/llc.h>
#include <linux/netlink.h>
#include <linux/nfc.h>
#include <linux/rds.h>
#include <linux/rxrpc.h>
#include <linux/sctp.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <linux/udp.h>

#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

#define W SIGHTLINE_WORD

namespace sightline::decode {
namespace {

constexpr Word kIpOptionWords[] = {
    W(IP_TOS),
    W(IP_TTL),
    W(IP_HDRINCL),
    W(IP_OPTIONS),
    W(IP_ROUTER_ALERT),
    W(IP_RECVOPTS),
    W(IP_RETOPTS),
    W(IP_PKTINFO),
    W(IP_PKTOPTIONS),
    W(IP_MTU_DISCOVER),
    W(IP_RECVERR),
    W(IP_RECVTTL),
    W(IP_RECVTOS),
    W(IP_MTU),
    W(IP_FREEBIND),
    W(IP_IPSEC_POLICY),
    W(IP_XFRM_POLICY),
    W(IP_PASSSEC),
    W(IP_TRANSPARENT),
    W(IP_ORIGDSTADDR),
    W(IP_MINTTL),
    W(IP_NODEFRAG),
    W(IP_CHECKSUM),
    W(IP_BIND_ADDRESS_NO_PORT),
    W(IP_RECVFRAGSIZE),
    W(IP_RECVERR_RFC4884),
    W(IP_MULTICAST_IF),
    W(IP_MULTICAST_TTL),
    W(IP_MULTICAST_LOOP),
    W(IP_ADD_MEMBERSHIP),
    W(IP_DROP_MEMBERSHIP),
    W(IP_UNBLOCK_SOURCE),
    W(IP_BLOCK_SOURCE),
    W(IP_ADD_SOURCE_MEMBERSHIP),
    W(IP_DROP_SOURCE_MEMBERSHIP),
    W(IP_MSFILTER),
    W(MCAST_JOIN_GROUP),
    W(MCAST_BLOCK_SOURCE),
    W(MCAST_UNBLOCK_SOURCE),
    W(MCAST_LEAVE_GROUP),
    W(MCAST_JOIN_SOURCE_GROUP),
    W(MCAST_LEAVE_SOURCE_GROUP),
    W(MCAST_MSFILTER),
    W(IP_MULTICAST_ALL),
    W(IP_UNICAST_IF),
};

constexpr Word kSocketOptionWords[] = {
    W(SO_DEBUG),
    W(SO_REUSEADDR),
    W(SO_TYPE),
    W(SO_ERROR),
    W(SO_DONTROUTE),
    W(SO_BROADCAST),
    W(SO_SNDBUF),
    W(SO_RCVBUF),
    W(SO_KEEPALIVE),
    W(SO_OOBINLINE),
    W(SO_NO_CHECK),
    W(SO_PRIORITY),
    W(SO_LINGER),
    W(SO_BSDCOMPAT),
    W(SO_REUSEPORT),
    W(SO_PASSCRED),
    W(SO_PEERCRED),
    W(SO_RCVLOWAT),
    W(SO_SNDLOWAT),
    W(SO_RCVTIMEO_OLD),
    W(SO_SNDTIMEO_OLD),
    W(SO_SECURITY_AUTHENTICATION),
    W(SO_SECURITY_ENCRYPTION_TRANSPORT),
    W(SO_SECURITY_ENCRYPTION_NETWORK),
    W(SO_BINDTODEVICE),
    W(SO_DETACH_FILTER),
    W(SO_PEERNAME),
    W(SO_TIMESTAMP_OLD),
    W(SO_ACCEPTCONN),
    W(SO_PEERSEC),
    W(SO_SNDBUFFORCE),
    W(SO_RCVBUFFORCE),
    W(SO_PASSSEC),
    W(SO_TIMESTAMPNS_OLD),
    W(SO_MARK),
    W(SO_TIMESTAMPING_OLD),
    W(SO_PROTOCOL),
    W(SO_DOMAIN),
    W(SO_RXQ_OVFL),
    W(SO_WIFI_STATUS),
    W(SO_PEEK_OFF),
    W(SO_NOFCS),
    W(SO_LOCK_FILTER),
    W(SO_SELECT_ERR_QUEUE),
    W(SO_BUSY_POLL),
    W(SO_MAX_PACING_RATE),
    W(SO_BPF_EXTENSIONS),
    W(SO_INCOMING_CPU),
    W(SO_ATTACH_BPF),
    W(SO_ATTACH_REUSEPORT_CBPF),
    W(SO_ATTACH_REUSEPORT_EBPF),
    W(SO_CNX_ADVICE),
    W(SO_MEMINFO),
    W(SO_INCOMING_NAPI_ID),
    W(SO_COOKIE),
    W(SO_PEERGROUPS),
    W(SO_ZEROCOPY),
    W(SO_TXTIME),
    W(SO_BINDTOIFINDEX),
    W(SO_TIMESTAMP_NEW),
    W(SO_TIMESTAMPNS_NEW),
    W(SO_TIMESTAMPING_NEW),
    W(SO_RCVTIMEO_NEW),
    W(SO_SNDTIMEO_NEW),
    W(SO_DETACH_REUSEPORT_BPF),
    W(SO_PREFER_BUSY_POLL),
    W(SO_BUSY_POLL_BUDGET),
    W(SO_NETNS_COOKIE),
    W(SO_BUF_LOCK),
    W(SO_RESERVE_MEM),
    W(SO_TXREHASH),
    W(SO_RCVMARK),
};

constexpr Word kTcpOptionWords[] = {
    W(TCP_NODELAY),
    W(TCP_MAXSEG),
    W(TCP_CORK),
    W(TCP_KEEPIDLE),
    W(TCP_KEEPINTVL),
    W(TCP_KEEPCNT),
    W(TCP_SYNCNT),
    W(TCP_LINGER2),
    W(TCP_DEFER_ACCEPT),
    W(TCP_WINDOW_CLAMP),
    W(TCP_INFO),
    W(TCP_QUICKACK),
    W(TCP_CONGESTION),
    W(TCP_MD5SIG),
    {15, "TCP_COOKIE_TRANSACTIONS"},
    W(TCP_THIN_LINEAR_TIMEOUTS),
    W(TCP_THIN_DUPACK),
    W(TCP_USER_TIMEOUT),
    W(TCP_REPAIR),
    W(TCP_REPAIR_QUEUE),
    W(TCP_QUEUE_SEQ),
    W(TCP_REPAIR_OPTIONS),
    W(TCP_FASTOPEN),
    W(TCP_TIMESTAMP),
    W(TCP_NOTSENT_LOWAT),
    W(TCP_CC_INFO),
    W(TCP_SAVE_SYN),
    W(TCP_SAVED_SYN),
    W(TCP_REPAIR_WINDOW),
    W(TCP_FASTOPEN_CONNECT),
    W(TCP_ULP),
    W(TCP_MD5SIG_EXT),
    W(TCP_FASTOPEN_KEY),
    W(TCP_FASTOPEN_NO_COOKIE),
    W(TCP_ZEROCOPY_RECEIVE),
    W(TCP_INQ),
    W(TCP_TX_DELAY),
};

constexpr Word kUdpOptionWords[] = {
    W(UDP_CORK), W(UDP_ENCAP), W(UDP_NO_CHECK6_TX), W(UDP_NO_CHECK6_RX), W(UDP_SEGMENT), W(UDP_GRO),
};

constexpr Word kIpv6OptionWords[] = {
    W(IPV6_ADDRFORM),
    W(IPV6_2292PKTINFO),
    W(IPV6_2292HOPOPTS),
    W(IPV6_2292DSTOPTS),
    W(IPV6_2292RTHDR),
    W(IPV6_2292PKTOPTIONS),
    W(IPV6_CHECKSUM),
    W(IPV6_2292HOPLIMIT),
    W(IPV6_NEXTHOP),
    W(IPV6_AUTHHDR),
    W(IPV6_FLOWINFO),
    W(IPV6_UNICAST_HOPS),
    W(IPV6_MULTICAST_IF),
    W(IPV6_MULTICAST_HOPS),
    W(IPV6_MULTICAST_LOOP),
    W(IPV6_ADD_MEMBERSHIP),
    W(IPV6_DROP_MEMBERSHIP),
    W(IPV6_ROUTER_ALERT),
    W(IPV6_MTU_DISCOVER),
    W(IPV6_MTU),
    W(IPV6_RECVERR),
    W(IPV6_V6ONLY),
    W(IPV6_JOIN_ANYCAST),
    W(IPV6_LEAVE_ANYCAST),
    W(IPV6_MULTICAST_ALL),
    W(IPV6_ROUTER_ALERT_ISOLATE),
    W(IPV6_RECVERR_RFC4884),
    W(IPV6_FLOWLABEL_MGR),
    W(IPV6_FLOWINFO_SEND),
    W(IPV6_IPSEC_POLICY),
    W(IPV6_XFRM_POLICY),
    W(IPV6_HDRINCL),
    W(MCAST_JOIN_GROUP),
    W(MCAST_BLOCK_SOURCE),
    W(MCAST_UNBLOCK_SOURCE),
    W(MCAST_LEAVE_GROUP),
    W(MCAST_JOIN_SOURCE_GROUP),
    W(MCAST_LEAVE_SOURCE_GROUP),
    W(MCAST_MSFILTER),
    W(IPV6_RECVPKTINFO),
    W(IPV6_PKTINFO),
    W(IPV6_RECVHOPLIMIT),
    W(IPV6_HOPLIMIT),
    W(IPV6_RECVHOPOPTS),
    W(IPV6_HOPOPTS),
    W(IPV6_RTHDRDSTOPTS),
    W(IPV6_RECVRTHDR),
    W(IPV6_RTHDR),
    W(IPV6_RECVDSTOPTS),
    W(IPV6_DSTOPTS),
    W(IPV6_RECVPATHMTU),
    W(IPV6_PATHMTU),
    W(IPV6_DONTFRAG),
    {63, "IPV6_USE_MIN_MTU"},
    W(IPV6_RECVTCLASS),
    W(IPV6_TCLASS),
    W(IPV6_AUTOFLOWLABEL),
    W(IPV6_ADDR_PREFERENCES),
    W(IPV6_MINHOPCOUNT),
    W(IPV6_ORIGDSTADDR),
    W(IPV6_TRANSPARENT),
    W(IPV6_UNICAST_IF),
    W(IPV6_RECVFRAGSIZE),
    W(IPV6_FREEBIND),
};

constexpr Word kSctpOptionWords[] = {
    W(SCTP_RTOINFO),
    W(SCTP_ASSOCINFO),
    W(SCTP_INITMSG),
    W(SCTP_NODELAY),
    W(SCTP_AUTOCLOSE),
    W(SCTP_SET_PEER_PRIMARY_ADDR),
    W(SCTP_PRIMARY_ADDR),
    W(SCTP_ADAPTATION_LAYER),
    W(SCTP_DISABLE_FRAGMENTS),
    W(SCTP_PEER_ADDR_PARAMS),
    W(SCTP_DEFAULT_SEND_PARAM),
    W(SCTP_EVENTS),
    W(SCTP_I_WANT_MAPPED_V4_ADDR),
    W(SCTP_MAXSEG),
    W(SCTP_STATUS),
    W(SCTP_GET_PEER_ADDR_INFO),
    W(SCTP_DELAYED_SACK),
    W(SCTP_CONTEXT),
    W(SCTP_FRAGMENT_INTERLEAVE),
    W(SCTP_PARTIAL_DELIVERY_POINT),
    W(SCTP_MAX_BURST),
    W(SCTP_AUTH_CHUNK),
    W(SCTP_HMAC_IDENT),
    W(SCTP_AUTH_KEY),
    W(SCTP_AUTH_ACTIVE_KEY),
    W(SCTP_AUTH_DELETE_KEY),
    W(SCTP_PEER_AUTH_CHUNKS),
    W(SCTP_LOCAL_AUTH_CHUNKS),
    W(SCTP_GET_ASSOC_NUMBER),
    W(SCTP_GET_ASSOC_ID_LIST),
    W(SCTP_AUTO_ASCONF),
    W(SCTP_PEER_ADDR_THLDS),
    W(SCTP_RECVRCVINFO),
    W(SCTP_RECVNXTINFO),
    W(SCTP_DEFAULT_SNDINFO),
    W(SCTP_AUTH_DEACTIVATE_KEY),
    W(SCTP_REUSE_PORT),
    W(SCTP_PEER_ADDR_THLDS_V2),
};

constexpr Word kRawOptionWords[] = {
    {1, "ICMP_FILTER"},
};

constexpr Word kPacketOptionWords[] = {
    W(PACKET_ADD_MEMBERSHIP), W(PACKET_DROP_MEMBERSHIP), W(PACKET_RECV_OUTPUT),  W(PACKET_RX_RING),
    W(PACKET_STATISTICS),     W(PACKET_COPY_THRESH),     W(PACKET_AUXDATA),      W(PACKET_ORIGDEV),
    W(PACKET_VERSION),        W(PACKET_HDRLEN),          W(PACKET_RESERVE),      W(PACKET_TX_RING),
    W(PACKET_LOSS),           W(PACKET_VNET_HDR),        W(PACKET_TX_TIMESTAMP), W(PACKET_TIMESTAMP),
    W(PACKET_FANOUT),         W(PACKET_TX_HAS_OFF),      W(PACKET_QDISC_BYPASS), W(PACKET_ROLLOVER_STATS),
    W(PACKET_FANOUT_DATA),    W(PACKET_IGNORE_OUTGOING),
};

constexpr Word kLlcOptionWords[] = {
    W(LLC_OPT_UNKNOWN),     W(LLC_OPT_RETRY),        W(LLC_OPT_SIZE),   W(LLC_OPT_ACK_TMR_EXP), W(LLC_OPT_P_TMR_EXP),
    W(LLC_OPT_REJ_TMR_EXP), W(LLC_OPT_BUSY_TMR_EXP), W(LLC_OPT_TX_WIN), W(LLC_OPT_RX_WIN),      W(LLC_OPT_PKTINFO),
};

constexpr Word kDccpOptionWords[] = {
    W(DCCP_SOCKOPT_PACKET_SIZE), W(DCCP_SOCKOPT_SERVICE),        W(DCCP_SOCKOPT_CHANGE_L),
    W(DCCP_SOCKOPT_CHANGE_R),    W(DCCP_SOCKOPT_GET_CUR_MPS),    W(DCCP_SOCKOPT_SERVER_TIMEWAIT),
    W(DCCP_SOCKOPT_SEND_CSCOV),  W(DCCP_SOCKOPT_RECV_CSCOV),     W(DCCP_SOCKOPT_AVAILABLE_CCIDS),
    W(DCCP_SOCKOPT_CCID),        W(DCCP_SOCKOPT_TX_CCID),        W(DCCP_SOCKOPT_RX_CCID),
    W(DCCP_SOCKOPT_QPOLICY_ID),  W(DCCP_SOCKOPT_QPOLICY_TXQLEN),
};

constexpr Word kNetlinkOptionWords[] = {
    W(NETLINK_ADD_MEMBERSHIP),   W(NETLINK_DROP_MEMBERSHIP), W(NETLINK_PKTINFO), W(NETLINK_BROADCAST_ERROR),
    W(NETLINK_NO_ENOBUFS),       W(NETLINK_RX_RING),         W(NETLINK_TX_RING), W(NETLINK_LISTEN_ALL_NSID),
    W(NETLINK_LIST_MEMBERSHIPS), W(NETLINK_CAP_ACK),         W(NETLINK_EXT_ACK), W(NETLINK_GET_STRICT_CHK),
};

constexpr Word kRxrpcOptionWords[] = {
    W(RXRPC_SECURITY_KEY),       W(RXRPC_SECURITY_KEYRING),    W(RXRPC_EXCLUSIVE_CONNECTION),
    W(RXRPC_MIN_SECURITY_LEVEL), W(RXRPC_UPGRADEABLE_SERVICE), W(RXRPC_SUPPORTED_CMSG),
};

constexpr Word kL2tpOptionWords[] = {
    W(PPPOL2TP_SO_DEBUG),   W(PPPOL2TP_SO_RECVSEQ),   W(PPPOL2TP_SO_SENDSEQ),
    W(PPPOL2TP_SO_LNSMODE), W(PPPOL2TP_SO_REORDERTO),
};

constexpr Word kBluetoothOptionWords[] = {
    {4, "BT_SECURITY"},        {7, "BT_DEFER_SETUP"}, {8, "BT_FLUSHABLE"}, {9, "BT_POWER"},
    {10, "BT_CHANNEL_POLICY"}, {11, "BT_VOICE"},      {12, "BT_SNDMTU"},   {13, "BT_RCVMTU"},
};

constexpr Word kRdsOptionWords[] = {
    W(RDS_CANCEL_SENT_TO),  W(RDS_GET_MR),       W(RDS_FREE_MR),
    {4, "RDS_BARRIER"},     W(RDS_RECVERR),      W(RDS_CONG_MONITOR),
    W(RDS_GET_MR_FOR_DEST), W(SO_RDS_TRANSPORT), W(SO_RDS_MSG_RXPATH_LATENCY),
    W(SO_TIMESTAMP_OLD),
};

constexpr Word kAlgOptionWords[] = {
    W(ALG_SET_KEY),           W(ALG_SET_IV),           W(ALG_SET_OP), W(ALG_SET_AEAD_ASSOCLEN),
    W(ALG_SET_AEAD_AUTHSIZE), W(ALG_SET_DRBG_ENTROPY),
};

constexpr Word kNfcOptionWords[] = {
    W(NFC_LLCP_RW), W(NFC_LLCP_MIUX), W(NFC_LLCP_REMOTE_MIU), W(NFC_LLCP_REMOTE_LTO), W(NFC_LLCP_REMOTE_RW),
};

constexpr Word kKcmOptionWords[] = {
    W(KCM_RECV_DISABLE),
};

constexpr Word kTlsOptionWords[] = {
    W(TLS_TX),
    W(TLS_RX),
};

constexpr Word kXdpOptionWords[] = {
    W(XDP_MMAP_OFFSETS),         W(XDP_RX_RING),    W(XDP_TX_RING), W(XDP_UMEM_REG), W(XDP_UMEM_FILL_RING),
    W(XDP_UMEM_COMPLETION_RING), W(XDP_STATISTICS), W(XDP_OPTIONS),
};

constexpr Word kIpxOptionWords[] = {{1, "IPX_TYPE"}};

constexpr Word kAx25OptionWords[] = {{1, "AX25_WINDOW"},  {2, "AX25_T1"},       {3, "AX25_N2"},
                                     {4, "AX25_T3"},      {5, "AX25_T2"},       {6, "AX25_BACKOFF"},
                                     {7, "AX25_EXTSEQ"},  {8, "AX25_PIDINCL"},  {9, "AX25_IDLE"},
                                     {10, "AX25_PACLEN"}, {12, "AX25_IAMDIGI"}, {25, "SO_BINDTODEVICE"}};

constexpr Word kIrdaOptionWords[] = {{1, "IRLMP_ENUMDEVICES"},    {2, "IRLMP_IAS_SET"},    {3, "IRLMP_IAS_QUERY"},
                                     {4, "IRLMP_HINTS_SET"},      {5, "IRLMP_QOS_SET"},    {6, "IRLMP_QOS_GET"},
                                     {7, "IRLMP_MAX_SDU_SIZE"},   {8, "IRLMP_IAS_GET"},    {9, "IRLMP_IAS_DEL"},
                                     {10, "IRLMP_HINT_MASK_SET"}, {11, "IRLMP_WAITDEVICE"}};

constexpr Word kPnpipeOptionWords[] = {
    {1, "PNPIPE_ENCAP"}, {2, "PNPIPE_IFINDEX"}, {3, "PNPIPE_HANDLE"}, {4, "PNPIPE_INITSTATE"}};

constexpr Word kIpGetWords[] = {
    {64, "IPT_SO_GET_INFO"},
    {65, "IPT_SO_GET_ENTRIES"},
    {66, "IPT_SO_GET_REVISION_MATCH"},
    {67, "IPT_SO_GET_REVISION_TARGET"},
};
constexpr Word kIpSetWords[] = {{64, "IPT_SO_SET_REPLACE"}, {65, "IPT_SO_SET_ADD_COUNTERS"}};
constexpr Word kIpv6GetWords[] = {
    {64, "IP6T_SO_GET_INFO"},
    {65, "IP6T_SO_GET_ENTRIES"},
    {68, "IP6T_SO_GET_REVISION_MATCH"},
    {69, "IP6T_SO_GET_REVISION_TARGET"},
};
constexpr Word kIpv6SetWords[] = {{64, "IP6T_SO_SET_REPLACE"}, {65, "IP6T_SO_SET_ADD_COUNTERS"}};
constexpr Word kSocketGetWords[] = {{26, "SO_GET_FILTER"}};
constexpr Word kSocketSetWords[] = {{26, "SO_ATTACH_FILTER"}};

struct Level {
  uint32_t level;
  Vocabulary both;
  std::span<const Word> getting, setting;  // numbers that mean one thing to getsockopt and another to setsockopt
};

constexpr Level kLevels[] = {
    {SOL_SOCKET, {kSocketOptionWords, "SO_???"}, kSocketGetWords, kSocketSetWords},
    {0, {kIpOptionWords, "IP_???"}, kIpGetWords, kIpSetWords},
    {6, {kTcpOptionWords, "TCP_???"}, {}, {}},
    {17, {kUdpOptionWords, "UDP_???"}, {}, {}},
    {41, {kIpv6OptionWords, "IPV6_???"}, kIpv6GetWords, kIpv6SetWords},
    {132, {kSctpOptionWords, "SCTP_???"}, {}, {}},
    {255, {kRawOptionWords, "RAW_???"}, {}, {}},
    {256, {kIpxOptionWords, "IPX_???"}, {}, {}},
    {257, {kAx25OptionWords, "AX25_???"}, {}, {}},
    {263, {kPacketOptionWords, "PACKET_???"}, {}, {}},
    {266, {kIrdaOptionWords, "IRLMP_???"}, {}, {}},
    {268, {kLlcOptionWords, "LLC_OPT_???"}, {}, {}},
    {269, {kDccpOptionWords, "DCCP_SOCKOPT_???"}, {}, {}},
    {270, {kNetlinkOptionWords, "NETLINK_???"}, {}, {}},
    {272, {kRxrpcOptionWords, "RXRPC_???"}, {}, {}},
    {273, {kL2tpOptionWords, "PPPOL2TP_SO_???"}, {}, {}},
    {274, {kBluetoothOptionWords, "BT_???"}, {}, {}},
    {275, {kPnpipeOptionWords, "PNPIPE_???"}, {}, {}},
    {276, {kRdsOptionWords, "RDS_???"}, {}, {}},
    {279, {kAlgOptionWords, "ALG_???"}, {}, {}},
    {280, {kNfcOptionWords, "NFC_LLCP_???"}, {}, {}},
    {281, {kKcmOptionWords, "KCM_???"}, {}, {}},
    {282, {kTlsOptionWords, "TLS_???"}, {}, {}},
    {283, {kXdpOptionWords, "XDP_???"}, {}, {}},
};

}  // namespace

void append_socket_option(std::string& out, uint32_t level, uint32_t option, bool setting) {
  for (const Level& candidate : kLevels) {
    if (candidate.level != level) continue;
    for (const Word& word : setting ? candidate.setting : candidate.getting)
      if (word.value == option) {
        out += word.name;
        return;
      }
    return append_choice(out, option, candidate.both);
  }
  append_unsigned(out, option);
}

}  // namespace sightline::decode
