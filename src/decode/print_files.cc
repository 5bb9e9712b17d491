// Printers of files: opening, modes, handles, times.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr uint64_t kCreate = 0100;
constexpr uint64_t kTemporary = 020000000;  // the bit of O_TMPFILE that is not O_DIRECTORY
constexpr uint32_t kTypeMask = 0170000;

}  // namespace

bool is_device_mode(uint32_t mode) {
  constexpr uint32_t kCharacterDevice = 0020000, kBlockDevice = 0060000;
  const uint32_t type = mode & kTypeMask;
  return type == kCharacterDevice || type == kBlockDevice;
}

void append_open_flags(std::string& out, uint64_t flags) {
  out += find_word(kOpenMode, flags & 3);
  bool joined = true;
  const uint64_t rest = append_known_flags(out, flags & ~uint64_t{3}, kOpenFlags, joined);
  if (rest == 0) return;
  out += '|';
  append_hex(out, rest);
}

void append_file_mode(std::string& out, uint32_t mode) {
  const std::string_view type = find_word(kFileType, mode & kTypeMask);
  if (type.empty() && (mode & kTypeMask) != 0) return append_mode(out, mode);
  out += type;
  bool joined = !type.empty();
  append_known_flags(out, mode & 07000, kFileModeBits, joined);
  if (joined) out += '|';
  append_mode(out, mode & 0777);
}

void print_open_flags(Context& c, uint64_t value) {
  append_open_flags(c.out, value);
}

void print_open_mode(Context& c, uint64_t value) {
  const uint64_t flags = c.arg == 0 ? 0 : c.args[c.arg - 1];
  if ((flags & (kCreate | kTemporary)) == 0) {
    c.omitted = true;
    return;
  }
  print_mode(c, value);
}

void print_file_mode(Context& c, uint64_t value) {
  append_file_mode(c.out, static_cast<uint16_t>(value));
}

// mknod's device counts only for devices; ustat's is one.
void print_mknod_device(Context& c, uint64_t value) {
  const bool counts = c.arg == 0 || c.syscall.arguments[c.arg - 1].type != tracer::ArgType::file_mode ||
                      is_device_mode(static_cast<uint32_t>(c.args[c.arg - 1]));
  if (!counts) {
    c.omitted = true;
    return;
  }
  append_device(c.out, value);
}

void print_statx_flags(Context& c, uint64_t value) {
  constexpr uint64_t kSyncMask = 0x6000;
  append_flags(c.out, value & kSyncMask, kStatxSync);
  bool joined = true;
  const uint64_t rest = append_known_flags(c.out, value & ~kSyncMask, kAtFlags, joined);
  if (rest == 0) return;
  c.out += '|';
  append_hex(c.out, rest);
}

namespace {

void append_open_how(Context& c, Fields& f) {
  const uint64_t flags = f.u64(), mode = f.u64(), resolve = f.u64();
  c.out += "{flags=";
  append_open_flags(c.out, flags);
  if (mode != 0 || (flags & (kCreate | kTemporary)) != 0) {
    c.out += ", mode=";
    append_mode(c.out, static_cast<uint32_t>(mode));
  }
  c.out += ", resolve=";
  append_flags(c.out, resolve, kResolve);
  const std::size_t known = f.at();
  const auto rest = f.raw(f.left());
  bool silent = true;
  for (const std::byte byte : rest) silent = silent && byte == std::byte{0};
  if (!silent) {
    c.out += ", /* bytes ";
    append_unsigned(c.out, known);
    c.out += "..";
    append_unsigned(c.out, known + rest.size() - 1);
    c.out += " */ ";
    append_hex_string(c.out, rest);
  }
  c.out += '}';
}

}  // namespace

void print_open_how(Context& c, uint64_t value) {
  print_struct<append_open_how>(c, value);
}

namespace {

void append_handle(Context& c, Fields& f) {
  const uint32_t bytes = f.u32();
  const int32_t type = f.s32();
  c.out += "{handle_bytes=";
  append_unsigned(c.out, bytes);
  c.out += ", handle_type=";
  append_decimal(c.out, type);
  c.out += ", f_handle=";
  append_hex_string(c.out, f.raw(bytes));
  c.out += '}';
}

}  // namespace

// open_by_handle_at reads a handle; name_to_handle_at says how much room there was and what it wrote.
void print_file_handle(Context& c, uint64_t value) {
  if (c.syscall.name != "name_to_handle_at") return print_struct<append_handle>(c, value);
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  Fields in = c.fields(before.bytes);
  const uint32_t room = in.u32();
  if (!before.found || !in.ok()) return c.address(value);
  c.out += "{handle_bytes=";
  append_unsigned(c.out, room);
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  Fields out = c.fields(after.bytes);
  const uint32_t written = out.u32();
  if (after.found && out.ok() && written != room) {
    c.out += " => ";
    append_unsigned(c.out, written);
  }
  if (c.succeeded() && after.found) {
    const int32_t type = out.s32();
    const auto handle = out.raw(written);
    if (out.ok()) {
      c.out += ", handle_type=";
      append_decimal(c.out, type);
      c.out += ", f_handle=";
      append_hex_string(c.out, handle);
    }
  }
  c.out += '}';
}

void print_mount_id(Context& c, uint64_t value) {
  constexpr uint32_t kUniqueMountId = 1;  // AT_HANDLE_MNT_ID_UNIQUE
  const bool wide = c.arg + 1u < c.args.size() && (c.uint_arg(c.arg + 1) & kUniqueMountId) != 0;
  const Piece piece = c.piece(value);
  Fields f = c.fields(piece.bytes);
  const uint64_t id = wide ? f.u64() : f.u32();
  if (!piece.found || !f.ok()) return c.address(value);
  c.out += '[';
  append_unsigned(c.out, id);
  c.out += ']';
}

namespace {

constexpr uint64_t kTimeNow = (1 << 30) - 1;
constexpr uint64_t kTimeOmit = (1 << 30) - 2;

void append_stamp(Context& c, int64_t seconds, uint64_t fraction, bool micro) {
  c.out += "{tv_sec=";
  append_decimal(c.out, seconds);
  c.out += micro ? ", tv_usec=" : ", tv_nsec=";
  append_unsigned(c.out, fraction);
  c.out += '}';
  append_date_comment(c.out, seconds, fraction, micro ? 6 : 9);
}

void append_timespec_pair(Context& c, Fields& f) {
  for (int i = 0; i < 2; ++i) {
    const int64_t seconds = f.slong();
    const uint64_t nanoseconds = f.ulong();
    c.out += i == 0 ? "[" : ", ";
    if (nanoseconds == kTimeNow) {
      c.out += "UTIME_NOW";
    } else if (nanoseconds == kTimeOmit) {
      c.out += "UTIME_OMIT";
    } else {
      append_stamp(c, seconds, nanoseconds, false);
    }
  }
  c.out += ']';
}

void append_timeval_pair(Context& c, Fields& f) {
  for (int i = 0; i < 2; ++i) {
    const int64_t seconds = f.slong();
    c.out += i == 0 ? "[" : ", ";
    append_stamp(c, seconds, f.ulong(), true);
  }
  c.out += ']';
}

void append_utimbuf(Context& c, Fields& f) {
  const auto time = [&](std::string_view name) {
    const int64_t seconds = f.slong();
    c.out += name;
    append_decimal(c.out, seconds);
    append_date_comment(c.out, seconds, 0, 0);
  };
  time("{actime=");
  time(", modtime=");
  c.out += '}';
}

}  // namespace

void print_timespec_pair(Context& c, uint64_t value) {
  print_struct<append_timespec_pair>(c, value);
}
void print_timeval_pair(Context& c, uint64_t value) {
  print_struct<append_timeval_pair>(c, value);
}
void print_utimbuf(Context& c, uint64_t value) {
  print_struct<append_utimbuf>(c, value);
}

}  // namespace sightline::decode