// Printers of System V IPC and POSIX message queues.
#include <algorithm>
#include <initializer_list>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr uint32_t kPermissions = 0777;
constexpr unsigned kHugeShift = 26;
constexpr uint32_t kHugeMask = 0x3f;

void append_rest(std::string& out, uint64_t rest, bool& joined) {
  if (rest == 0) return;
  if (joined) out += '|';
  joined = true;
  append_hex(out, rest);
}

void append_permissions(std::string& out, uint32_t mode, bool joined) {
  if (joined) out += '|';
  append_mode(out, mode);
}

}  // namespace

void print_ipc_key(Context& c, uint64_t value) {
  if (value == 0) return c.text("IPC_PRIVATE");
  append_hex(c.out, static_cast<uint32_t>(value));
}

// Flags and, in the low nine bits, permissions.
void print_ipc_flags(Context& c, uint64_t value) {
  const auto flags = static_cast<uint32_t>(value);
  bool joined = false;
  append_rest(c.out, append_known_flags(c.out, flags & ~kPermissions, kIpcFlags, joined), joined);
  append_permissions(c.out, flags & kPermissions, joined);
}

void print_shmget_flags(Context& c, uint64_t value) {
  const auto flags = static_cast<uint32_t>(value);
  const uint32_t huge = flags >> kHugeShift & kHugeMask;
  bool joined = false;
  append_rest(c.out, append_known_flags(c.out, flags & ~kPermissions & ~(kHugeMask << kHugeShift), kShmget, joined),
              joined);
  if (huge != 0) {
    if (joined) c.out += '|';
    joined = true;
    append_unsigned(c.out, huge);
    c.out += "<<SHM_HUGE_SHIFT";
  }
  append_permissions(c.out, flags & kPermissions, joined);
}

// IPC_64 asks for the structs every Linux program of today uses; it is printed only where it stands out.
void print_ipc_command(Context& c, uint64_t value) {
  constexpr uint32_t kWide = 0x100;
  auto command = static_cast<uint32_t>(value);
  if ((command & kWide) != 0) {
    c.out += "IPC_64|";
    command &= ~kWide;
  }
  append_choice(c.out, command, *c.row->words);
}

void print_semctl_argument(Context& c, uint64_t value) {
  if (value == 0) return c.text("NULL");
  append_hex(c.out, value);
}

namespace {

void append_number(Context& c, std::string_view name, uint64_t value) {
  c.out += name;
  append_unsigned(c.out, value);
}

struct Permissions {
  uint32_t key, uid, gid, cuid, cgid, mode;
};

// struct ipc64_perm (asm-generic/ipcbuf.h)
Permissions read_permissions(Fields& f) {
  Permissions p{};
  p.key = f.u32();
  p.uid = f.u32();
  p.gid = f.u32();
  p.cuid = f.u32();
  p.cgid = f.u32();
  p.mode = f.u16();
  f.skip(f.long_size() == 8 ? 2 + 2 + 4 : 2 + 2 + 2);  // to the end of mode and sequence number, padded
  if (f.long_size() == 8) f.align(8);
  f.ulong();
  f.ulong();
  return p;
}

void append_permissions(Context& c, const Permissions& p) {
  c.out += "={uid=";
  c.id(p.uid);
  c.out += ", gid=";
  c.id(p.gid);
  c.out += ", mode=";
  append_mode(c.out, p.mode);
  c.out += ", key=";
  append_unsigned(c.out, p.key);
  c.out += ", cuid=";
  c.id(p.cuid);
  c.out += ", cgid=";
  c.id(p.cgid);
  c.out += '}';
}

/// i386 keeps a time's two halves in two longs.
uint64_t read_time(Fields& f) {
  const uint64_t low = f.ulong();
  return f.long_size() == 8 ? low : low | f.ulong() << 32;
}

// struct shmid64_ds (asm-generic/shmbuf.h)
void append_shmid(Context& c, Fields& f) {
  const Permissions permissions = read_permissions(f);
  const uint64_t size = f.ulong(), attached = read_time(f), detached = read_time(f), changed = read_time(f);
  const uint32_t creator = f.u32(), last = f.u32();
  const uint64_t attachments = f.ulong();
  c.out += "{shm_perm";
  append_permissions(c, permissions);
  append_number(c, ", shm_segsz=", size);
  append_number(c, ", shm_cpid=", creator);
  append_number(c, ", shm_lpid=", last);
  append_number(c, ", shm_nattch=", attachments);
  append_number(c, ", shm_atime=", attached);
  append_number(c, ", shm_dtime=", detached);
  append_number(c, ", shm_ctime=", changed);
  c.out += '}';
}

// struct msqid64_ds (asm-generic/msgbuf.h)
void append_msqid(Context& c, Fields& f) {
  const Permissions permissions = read_permissions(f);
  const uint64_t sent = read_time(f), received = read_time(f), changed = read_time(f);
  f.ulong();  // bytes in it now
  const uint64_t messages = f.ulong(), most_bytes = f.ulong();
  const uint32_t sender = f.u32(), receiver = f.u32();
  c.out += "{msg_perm";
  append_permissions(c, permissions);
  append_number(c, ", msg_stime=", sent);
  append_number(c, ", msg_rtime=", received);
  append_number(c, ", msg_ctime=", changed);
  append_number(c, ", msg_qnum=", messages);
  append_number(c, ", msg_qbytes=", most_bytes);
  append_number(c, ", msg_lspid=", sender);
  append_number(c, ", msg_lrpid=", receiver);
  c.out += '}';
}

void append_sembuf(Context& c, Fields& f) {
  const uint16_t number = f.u16();
  const int16_t operation = f.s16();
  const uint16_t flags = f.u16();
  c.out += "{sem_num=";
  append_unsigned(c.out, number);
  c.out += ", sem_op=";
  append_decimal(c.out, operation);
  c.out += ", sem_flg=";
  append_flags(c.out, flags, kSemop);
  c.out += '}';
}

void append_queue(Context& c, Fields& f) {
  const uint64_t flags = f.ulong();
  c.out += "{mq_flags=";
  append_flags(c.out, flags, kOpenFlags);
  c.out += ", mq_maxmsg=";
  append_decimal(c.out, f.slong());
  c.out += ", mq_msgsize=";
  append_decimal(c.out, f.slong());
  c.out += ", mq_curmsgs=";
  append_decimal(c.out, f.slong());
  c.out += '}';
}

/// What shmctl's or msgctl's struct is for: its command, without IPC_64.
uint64_t control_command(const Context& c) {
  constexpr uint64_t kWide = 0x100;
  for (std::size_t i = 0; i < c.syscall.arguments.size(); ++i) {
    const tracer::ArgType type = c.syscall.arguments[i].type;
    if (type == tracer::ArgType::shm_ctl_cmd || type == tracer::ArgType::msg_ctl_cmd) return c.args[i] & ~kWide;
  }
  return UINT64_MAX;
}

// The *_INFO commands have other structs, locking has none.
template <auto append>
void print_control(Context& c, uint64_t value, std::initializer_list<uint64_t> stat_commands) {
  constexpr uint64_t kSet = 1, kStat = 2;
  const uint64_t command = control_command(c);
  const bool stat = command == kStat || std::ranges::find(stat_commands, command) != stat_commands.end();
  if (command != kSet && !(stat && c.succeeded())) return c.address(value);
  print_struct<append>(c, value);
}

}  // namespace

void print_shmid(Context& c, uint64_t value) {
  print_control<append_shmid>(c, value, {13, 15});  // SHM_STAT, SHM_STAT_ANY
}
void print_msqid(Context& c, uint64_t value) {
  print_control<append_msqid>(c, value, {11, 13});  // MSG_STAT, MSG_STAT_ANY
}

void print_sembufs(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  print_list<append_sembuf>(c, value, piece, c.uint_arg(2), c.style.string_limit);
}

// `{mtype=1, mtext="hello"}`
void print_message_buffer(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  Fields f = c.fields(piece.bytes);
  const int64_t type = f.slong();
  const bool received = c.syscall.name == "msgrcv";
  if (!piece.found || !f.ok() || (received && !c.succeeded())) return c.address(value);
  c.out += "{mtype=";
  append_decimal(c.out, type);
  c.out += ", mtext=";
  const uint64_t length = piece.wanted > f.at() ? piece.wanted - f.at() : 0;
  const std::size_t shown = std::min<std::size_t>(f.left(), c.style.string_limit);
  c.quoted(f.raw(shown), length > shown);
  c.out += '}';
}

void print_queue_attributes(Context& c, uint64_t value) {
  constexpr uint32_t kCreate = 0100;
  const bool opens = c.syscall.arguments.size() == 4 && c.arg == 3;
  if (opens && (c.uint_arg(1) & kCreate) == 0) {
    c.omitted = true;
    return;
  }
  print_struct<append_queue>(c, value);
}

}  // namespace sightline::decode
