// Printers of files: opening, modes, the stat family, directories, handles, times of files.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

constexpr uint64_t kCreate = 0100;
constexpr uint64_t kTemporary = 020000000;  // the bit of O_TMPFILE that is not O_DIRECTORY
constexpr uint32_t kTypeMask = 0170000;
constexpr uint32_t kCharacterDevice = 0020000;
constexpr uint32_t kBlockDevice = 0060000;

bool is_device(uint32_t mode) {
  const uint32_t type = mode & kTypeMask;
  return type == kCharacterDevice || type == kBlockDevice;
}

}  // namespace

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
  if (type.empty()) return append_mode(out, mode);
  out += type;
  bool joined = true;
  append_known_flags(out, mode & 07000, kFileModeBits, joined);
  out += '|';
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
                      is_device(static_cast<uint32_t>(c.args[c.arg - 1]));
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

struct FileTime {
  int64_t seconds = 0;
  uint64_t nanoseconds = 0;
};

/// What the layouts of struct stat have in common.
struct FileStatus {
  uint64_t device = 0, inode = 0, links = 0, special_device = 0, size = 0, block_size = 0, blocks = 0;
  uint32_t mode = 0, uid = 0, gid = 0;
  FileTime accessed, modified, changed;
  bool with_blocks = true, with_nanoseconds = true;
};

void append_file_time(Context& c, std::string_view name, FileTime time, bool with_nanoseconds) {
  c.out += ", ";
  c.out += name;
  c.out += '=';
  append_decimal(c.out, time.seconds);
  c.out += " /* ";
  append_date(c.out, time.seconds, time.nanoseconds, with_nanoseconds && time.nanoseconds != 0 ? 9 : 0);
  c.out += " */";
  if (!with_nanoseconds) return;
  c.out += ", ";
  c.out += name;
  c.out += "_nsec=";
  append_unsigned(c.out, time.nanoseconds);
}

void append_status(Context& c, const FileStatus& s) {
  const auto number = [&](std::string_view name, uint64_t value) {
    c.out += name;
    append_unsigned(c.out, value);
  };
  c.out += '{';
  if (c.style.verbose) {
    c.out += "st_dev=";
    append_device(c.out, s.device);
    number(", st_ino=", s.inode);
    c.out += ", ";
  }
  c.out += "st_mode=";
  append_file_mode(c.out, s.mode);
  if (c.style.verbose) {
    number(", st_nlink=", s.links);
    number(", st_uid=", s.uid);
    number(", st_gid=", s.gid);
    if (s.with_blocks) {
      number(", st_blksize=", s.block_size);
      number(", st_blocks=", s.blocks);
    }
  }
  if (is_device(s.mode)) {
    c.out += ", st_rdev=";
    append_device(c.out, s.special_device);
  } else {
    number(", st_size=", s.size);
  }
  if (!c.style.verbose) {
    c.out += ", ...}";
    return;
  }
  append_file_time(c, "st_atime", s.accessed, s.with_nanoseconds);
  append_file_time(c, "st_mtime", s.modified, s.with_nanoseconds);
  append_file_time(c, "st_ctime", s.changed, s.with_nanoseconds);
  c.out += '}';
}

FileTime read_time(Fields& f) {
  FileTime time;
  time.seconds = f.slong();
  time.nanoseconds = f.ulong();
  return time;
}

// arch/x86/include/uapi/asm/stat.h
void append_stat(Context& c, Fields& f) {
  FileStatus s;
  s.device = f.u64();
  s.inode = f.u64();
  s.links = f.u64();
  s.mode = f.u32();
  s.uid = f.u32();
  s.gid = f.u32();
  f.u32();
  s.special_device = f.u64();
  s.size = f.u64();
  s.block_size = f.u64();
  s.blocks = f.u64();
  s.accessed = read_time(f);
  s.modified = read_time(f);
  s.changed = read_time(f);
  append_status(c, s);
}

void append_stat_i386(Context& c, Fields& f) {
  FileStatus s;
  s.device = f.u32();
  s.inode = f.u32();
  s.mode = f.u16();
  s.links = f.u16();
  s.uid = f.u16();
  s.gid = f.u16();
  s.special_device = f.u32();
  s.size = f.u32();
  s.block_size = f.u32();
  s.blocks = f.u32();
  s.accessed = read_time(f);
  s.modified = read_time(f);
  s.changed = read_time(f);
  append_status(c, s);
}

void append_stat64_i386(Context& c, Fields& f) {
  FileStatus s;
  s.device = f.u64();
  f.u32();  // padding
  f.u32();  // the low half of the inode
  s.mode = f.u32();
  s.links = f.u32();
  s.uid = f.u32();
  s.gid = f.u32();
  s.special_device = f.u64();
  f.u32();
  s.size = f.u64();
  s.block_size = f.u32();
  s.blocks = f.u64();
  s.accessed = read_time(f);
  s.modified = read_time(f);
  s.changed = read_time(f);
  s.inode = f.u64();
  append_status(c, s);
}

void append_old_stat(Context& c, Fields& f) {
  FileStatus s;
  s.with_blocks = s.with_nanoseconds = false;
  s.device = f.u16();
  s.inode = f.u16();
  s.mode = f.u16();
  s.links = f.u16();
  s.uid = f.u16();
  s.gid = f.u16();
  s.special_device = f.u16();
  s.size = f.u32();
  s.accessed.seconds = f.u32();
  s.modified.seconds = f.u32();
  s.changed.seconds = f.u32();
  append_status(c, s);
}

void append_statx_time(Context& c, std::string_view name, Fields& f) {
  const int64_t seconds = f.s64();
  const uint32_t nanoseconds = f.u32();
  f.skip(4);
  c.out += ", ";
  c.out += name;
  c.out += "={tv_sec=";
  append_decimal(c.out, seconds);
  c.out += ", tv_nsec=";
  append_unsigned(c.out, nanoseconds);
  c.out += '}';
  if (seconds == 0 && nanoseconds == 0) return;
  c.out += " /* ";
  append_date(c.out, seconds, nanoseconds, nanoseconds != 0 ? 9 : 0);
  c.out += " */";
}

// include/uapi/linux/stat.h
void append_statx(Context& c, Fields& f) {
  const auto number = [&](std::string_view name, uint64_t value) {
    c.out += name;
    append_unsigned(c.out, value);
  };
  const uint32_t mask = f.u32(), block_size = f.u32();
  const uint64_t attributes = f.u64();
  const uint32_t links = f.u32(), uid = f.u32(), gid = f.u32();
  const uint32_t mode = f.u16();
  f.u16();
  const uint64_t inode = f.u64(), size = f.u64(), blocks = f.u64(), attributes_mask = f.u64();
  c.out += "{stx_mask=";
  append_flags(c.out, mask, kStatxMask);
  if (c.style.verbose) number(", stx_blksize=", block_size);
  c.out += ", stx_attributes=";
  append_flags(c.out, attributes, kStatxAttributes);
  if (c.style.verbose) {
    number(", stx_nlink=", links);
    number(", stx_uid=", uid);
    number(", stx_gid=", gid);
  }
  c.out += ", stx_mode=";
  append_file_mode(c.out, mode);
  if (c.style.verbose) number(", stx_ino=", inode);
  number(", stx_size=", size);
  if (!c.style.verbose) {
    f.skip(4 * 16 + 16);
    c.out += ", ...}";
    return;
  }
  number(", stx_blocks=", blocks);
  c.out += ", stx_attributes_mask=";
  append_flags(c.out, attributes_mask, kStatxAttributes);
  append_statx_time(c, "stx_atime", f);
  append_statx_time(c, "stx_btime", f);
  append_statx_time(c, "stx_ctime", f);
  append_statx_time(c, "stx_mtime", f);
  number(", stx_rdev_major=", f.u32());
  number(", stx_rdev_minor=", f.u32());
  number(", stx_dev_major=", f.u32());
  number(", stx_dev_minor=", f.u32());
  c.out += ", stx_mnt_id=";
  append_hex(c.out, f.u64());
  constexpr uint32_t kDirectIoAlignment = 0x2000;  // STATX_DIOALIGN
  if ((mask & kDirectIoAlignment) != 0) {
    number(", stx_dio_mem_align=", f.u32());
    number(", stx_dio_offset_align=", f.u32());
  }
  c.out += '}';
}

}  // namespace

void print_stat(Context& c, uint64_t value) {
  print_struct<append_stat>(c, value);
}
void print_stat_i386(Context& c, uint64_t value) {
  print_struct<append_stat_i386>(c, value);
}
void print_stat64_i386(Context& c, uint64_t value) {
  print_struct<append_stat64_i386>(c, value);
}
void print_old_stat(Context& c, uint64_t value) {
  print_struct<append_old_stat>(c, value);
}
void print_statx(Context& c, uint64_t value) {
  print_struct<append_statx>(c, value);
}

namespace {

struct FileSystem {
  uint64_t type = 0, block_size = 0, blocks = 0, free = 0, available = 0, files = 0, files_free = 0, name_length = 0,
           fragment_size = 0, flags = 0;
  uint32_t id[2] = {};
};

void append_filesystem(Context& c, const FileSystem& s) {
  const auto number = [&](std::string_view name, uint64_t value) {
    c.out += name;
    append_unsigned(c.out, value);
  };
  c.out += "{f_type=";
  append_choice(c.out, s.type, kFsMagic);
  number(", f_bsize=", s.block_size);
  number(", f_blocks=", s.blocks);
  number(", f_bfree=", s.free);
  number(", f_bavail=", s.available);
  number(", f_files=", s.files);
  number(", f_ffree=", s.files_free);
  c.out += ", f_fsid={val=[";
  append_hex(c.out, s.id[0]);
  c.out += ", ";
  append_hex(c.out, s.id[1]);
  c.out += "]}";
  number(", f_namelen=", s.name_length);
  number(", f_frsize=", s.fragment_size);
  c.out += ", f_flags=";
  append_flags(c.out, s.flags, kStatfsFlags);
  c.out += '}';
}

// asm-generic/statfs.h: all words are longs, but for statfs64's 64-bit counts on i386.
void append_statfs(Context& c, Fields& f) {
  FileSystem s;
  s.type = f.ulong();
  s.block_size = f.ulong();
  s.blocks = f.ulong();
  s.free = f.ulong();
  s.available = f.ulong();
  s.files = f.ulong();
  s.files_free = f.ulong();
  s.id[0] = f.u32();
  s.id[1] = f.u32();
  s.name_length = f.ulong();
  s.fragment_size = f.ulong();
  s.flags = f.ulong();
  append_filesystem(c, s);
}

void append_statfs64_i386(Context& c, Fields& f) {
  FileSystem s;
  s.type = f.u32();
  s.block_size = f.u32();
  f.pack();
  s.blocks = f.u64();
  s.free = f.u64();
  s.available = f.u64();
  s.files = f.u64();
  s.files_free = f.u64();
  s.id[0] = f.u32();
  s.id[1] = f.u32();
  s.name_length = f.u32();
  s.fragment_size = f.u32();
  s.flags = f.u32();
  append_filesystem(c, s);
}

}  // namespace

void print_statfs(Context& c, uint64_t value) {
  print_struct<append_statfs>(c, value);
}
void print_statfs64_i386(Context& c, uint64_t value) {
  print_struct<append_statfs64_i386>(c, value);
}

namespace {

void append_ustat(Context& c, Fields& f) {
  c.out += "{f_tfree=";
  append_decimal(c.out, f.s32());
  f.align(f.long_size());
  c.out += ", f_tinode=";
  append_unsigned(c.out, f.ulong());
  const auto name = f.raw(6), pack = f.raw(6);
  if (c.style.verbose) {
    c.out += ", f_fname=";
    c.quoted(up_to_nul(name), false);
    c.out += ", f_fpack=";
    c.quoted(up_to_nul(pack), false);
  }
  c.out += '}';
}

}  // namespace

void print_ustat(Context& c, uint64_t value) {
  print_struct<append_ustat>(c, value);
}

namespace {

constexpr Word kDirentTypeWords[] = {
    {0, "DT_UNKNOWN"}, {1, "DT_FIFO"}, {2, "DT_CHR"},   {4, "DT_DIR"},  {6, "DT_BLK"},
    {8, "DT_REG"},     {10, "DT_LNK"}, {12, "DT_SOCK"}, {14, "DT_WHT"},
};
constexpr Vocabulary kDirentType{kDirentTypeWords, "DT_???"};

/// One struct linux_dirent64, or linux_dirent with its type in the last byte.
struct Dirent {
  uint64_t inode = 0;
  int64_t offset = 0;
  uint16_t length = 0;
  uint8_t type = 0;
  std::span<const std::byte> name;
};

bool read_dirent(Context& c, std::span<const std::byte> bytes, bool wide, Dirent& into) {
  Fields f = c.fields(bytes);
  into.inode = wide ? f.u64() : f.ulong();
  into.offset = wide ? f.s64() : f.slong();
  into.length = f.u16();
  if (wide) into.type = f.u8();
  if (!f.ok() || into.length > bytes.size() || into.length <= f.at()) return false;
  into.name = bytes.subspan(f.at(), into.length - f.at());
  if (!wide) {
    into.type = static_cast<uint8_t>(into.name.back());
    into.name = into.name.first(into.name.size() - 1);
  }
  into.name = up_to_nul(into.name);
  return true;
}

void append_dirent(Context& c, const Dirent& entry, bool wide) {
  c.out += "{d_ino=";
  append_unsigned(c.out, entry.inode);
  c.out += ", d_off=";
  append_decimal(c.out, entry.offset);
  c.out += ", d_reclen=";
  append_unsigned(c.out, entry.length);
  const auto type = [&] {
    c.out += ", d_type=";
    append_choice(c.out, entry.type, kDirentType);
  };
  if (wide) type();
  c.out += ", d_name=";
  c.quoted(entry.name, false);
  if (!wide) type();
  c.out += '}';
}

void print_directory(Context& c, uint64_t value, bool wide) {
  if (!c.succeeded()) return c.address(value);
  const Piece piece = c.piece(value);
  if (!piece.found && c.call.ret != 0) return c.address(value);
  auto rest = piece.bytes;
  uint64_t count = 0;
  Dirent entry;
  if (c.style.verbose) c.out += '[';
  while (!rest.empty() && read_dirent(c, rest, wide, entry)) {
    if (c.style.verbose) {
      if (count != 0) c.out += ", ";
      append_dirent(c, entry, wide);
    }
    rest = rest.subspan(entry.length);
    ++count;
  }
  if (c.style.verbose) {
    if (!rest.empty()) c.out += count != 0 ? ", ..." : "...";
    c.out += ']';
    return;
  }
  c.address(value);
  c.out += " /* ";
  append_unsigned(c.out, count);
  c.out += " entries */";
}

}  // namespace

void print_dirents(Context& c, uint64_t value) {
  print_directory(c, value, false);
}
void print_dirents64(Context& c, uint64_t value) {
  print_directory(c, value, true);
}

namespace {

void append_old_dirent(Context& c, Fields& f) {
  c.out += "{d_ino=";
  append_unsigned(c.out, f.u32());
  c.out += ", d_off=";
  append_unsigned(c.out, f.u32());
  const uint16_t length = f.u16();
  c.out += ", d_reclen=";
  append_unsigned(c.out, length);
  c.out += ", d_name=";
  c.quoted(up_to_nul(f.raw(std::min<std::size_t>(length, f.left()))), false);
  c.out += '}';
}

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

void print_old_dirent(Context& c, uint64_t value) {
  print_struct<append_old_dirent>(c, value);
}

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
  c.out += "} /* ";
  append_date(c.out, seconds, fraction, micro ? 6 : 9);
  c.out += " */";
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
    c.out += " /* ";
    append_date(c.out, seconds, 0, 0);
    c.out += " */";
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
