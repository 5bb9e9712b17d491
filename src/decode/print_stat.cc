// Printers of what stat, statx and statfs tell, in the layouts of all ABIs.
#include <linux/stat.h>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {

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
  append_date_comment(c.out, time.seconds, with_nanoseconds ? time.nanoseconds : 0, 9);
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
  if (is_device_mode(s.mode)) {
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

void append_statx_time(Context& c, std::string_view name, bool known, Fields& f) {
  const int64_t seconds = f.s64();
  const uint32_t nanoseconds = f.u32();
  f.skip(4);
  if (!known) return;
  c.out += ", ";
  c.out += name;
  c.out += "={tv_sec=";
  append_decimal(c.out, seconds);
  c.out += ", tv_nsec=";
  append_unsigned(c.out, nanoseconds);
  c.out += '}';
  append_date_comment(c.out, seconds, nanoseconds, 9);
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
  const auto known = [&](std::string_view name, uint64_t value, uint32_t bit) {
    if ((mask & bit) != 0) number(name, value);
  };
  if (c.style.verbose) {
    known(", stx_nlink=", links, STATX_NLINK);
    known(", stx_uid=", uid, STATX_UID);
    known(", stx_gid=", gid, STATX_GID);
  }
  if ((mask & (STATX_TYPE | STATX_MODE)) != 0) {
    c.out += ", stx_mode=";
    append_file_mode(c.out, mode);
  }
  if (c.style.verbose) known(", stx_ino=", inode, STATX_INO);
  known(", stx_size=", size, STATX_SIZE);
  if (!c.style.verbose) {
    f.skip(4 * 16 + 16);
    c.out += ", ...}";
    return;
  }
  known(", stx_blocks=", blocks, STATX_BLOCKS);
  c.out += ", stx_attributes_mask=";
  append_flags(c.out, attributes_mask, kStatxAttributes);
  append_statx_time(c, "stx_atime", (mask & STATX_ATIME) != 0, f);
  append_statx_time(c, "stx_btime", (mask & STATX_BTIME) != 0, f);
  append_statx_time(c, "stx_ctime", (mask & STATX_CTIME) != 0, f);
  append_statx_time(c, "stx_mtime", (mask & STATX_MTIME) != 0, f);
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
  constexpr uint64_t kValid = 0x20;  // ST_VALID: the file system filled them in
  if ((s.flags & kValid) != 0) {
    c.out += ", f_flags=";
    append_flags(c.out, s.flags, kStatfsFlags);
  }
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

}  // namespace sightline::decode
