// Printers of asynchronous I/O: aio and io_uring.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

// include/uapi/linux/aio_abi.h
void append_iocb(Context& c, Fields& f) {
  constexpr uint16_t kPread = 0, kPwrite = 1, kPoll = 5, kPreadv = 7, kPwritev = 8;
  const uint64_t data = f.u64();
  const uint32_t key = f.u32(), rw_flags = f.u32();
  const uint16_t opcode = f.u16();
  const int16_t priority = f.s16();
  const uint32_t fd = f.u32();
  const uint64_t buffer = f.u64(), length = f.u64();
  const int64_t offset = f.s64();
  f.u64();
  const uint32_t flags = f.u32(), notify = f.u32();
  c.out += "{aio_data=";
  append_hex(c.out, data);
  if (key != 0) {
    c.out += ", aio_key=";
    append_unsigned(c.out, key);
  }
  if (rw_flags != 0) {
    c.out += ", aio_rw_flags=";
    append_flags(c.out, rw_flags, kRwf);
  }
  c.out += ", aio_lio_opcode=";
  const std::string_view name = find_word(kAioCommand, opcode);
  if (name.empty()) {
    append_unsigned(c.out, opcode);
    c.out += " /* IOCB_CMD_??? */";
  } else {
    c.out += name;
  }
  constexpr uint32_t kHasIoprio = 2;
  if ((flags & kHasIoprio) != 0) {
    c.out += ", aio_reqprio=";
    append_ioprio(c.out, static_cast<uint16_t>(priority));
  } else if (priority != 0) {
    c.out += ", aio_reqprio=";
    append_decimal(c.out, priority);
  }
  c.out += ", aio_fildes=";
  c.fd(static_cast<int32_t>(fd));
  const bool transfers = opcode == kPread || opcode == kPwrite || opcode == kPreadv || opcode == kPwritev;
  if (transfers) {
    c.out += ", aio_buf=";
    c.address(buffer);
    c.out += ", aio_nbytes=";
    append_unsigned(c.out, length);
    c.out += ", aio_offset=";
    append_decimal(c.out, offset);
  } else if (opcode == kPoll) {
    c.out += ", aio_buf=";
    append_flags(c.out, buffer, kPollEvents);
  }
  if (flags != 0 && !name.empty()) {
    c.out += ", aio_flags=";
    append_flags(c.out, flags, kIocbFlags);
    constexpr uint32_t kNotifies = 1;
    if ((flags & kNotifies) != 0) {
      c.out += ", aio_resfd=";
      c.fd(static_cast<int32_t>(notify));
    }
  }
  c.out += '}';
}

void append_io_event(Context& c, Fields& f) {
  c.out += "{data=";
  append_hex(c.out, f.u64());
  c.out += ", obj=";
  c.address(f.u64());
  c.out += ", res=";
  append_decimal(c.out, f.s64());
  c.out += ", res2=";
  append_decimal(c.out, f.s64());
  c.out += '}';
}

}  // namespace

void print_aio_context_pointer(Context& c, uint64_t value) {
  if (!c.succeeded()) return c.address(value);
  print_pointer_pointer(c, value);
}

void print_iocb(Context& c, uint64_t value) {
  print_struct<append_iocb>(c, value);
}
void print_io_event(Context& c, uint64_t value) {
  print_struct<append_io_event>(c, value);
}

void print_io_events(Context& c, uint64_t value) {
  if (!c.succeeded()) return c.address(value);
  if (value != 0 && c.call.ret == 0) return c.text("[]");
  print_list<append_io_event>(c, value, c.piece(value), static_cast<uint64_t>(std::max<int64_t>(c.call.ret, 0)),
                              c.style.string_limit);
}

namespace {

void append_pointed_iocb(Context& c, Fields& f) {
  const uint64_t address = f.pointer();
  if (!f.ok()) return;
  print_struct<append_iocb>(c, address);
}

}  // namespace

void print_iocbs(Context& c, uint64_t value) {
  const int64_t count = c.narrow() ? c.int_arg(1) : static_cast<int64_t>(c.args[1]);
  if (count < 0) return c.address(value);
  if (count == 0) return value == 0 ? c.address(value) : c.text("[]");
  print_list<append_pointed_iocb>(c, value, c.piece(value), static_cast<uint64_t>(count), c.style.string_limit);
}

namespace {

void append_offsets(Context& c, Fields& f, std::span<const std::string_view> names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    c.out += i == 0 ? "{" : ", ";
    c.out += names[i];
    c.out += '=';
    append_unsigned(c.out, f.u32());
  }
  c.out += '}';
}

}  // namespace

// What the caller asked for, and after the call what the kernel made of it (include/uapi/linux/io_uring.h).
void print_uring_params(Context& c, uint64_t value) {
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const Piece after = c.piece_at(tracer::Phase::exit, value);
  const Piece& piece = after.found ? after : before;
  constexpr uint32_t kCqSize = 8, kAttachQueue = 0x20;
  constexpr std::size_t kBytes = 120;
  if (!piece.found || piece.bytes.size() < kBytes) return c.address(value);
  Fields f = c.fields(piece.bytes);
  const uint32_t sq_entries = f.u32(), cq_entries = f.u32(), flags = f.u32(), cpu = f.u32(), idle = f.u32(),
                 features = f.u32(), queue = f.u32();
  c.out += "{flags=";
  append_flags(c.out, flags, kUringSetup);
  if ((flags & kCqSize) != 0 && before.found && before.bytes.size() >= 8) {
    Fields asked = c.fields(before.bytes);
    asked.u32();
    c.out += ", cq_entries=";
    append_unsigned(c.out, asked.u32());
  }
  c.out += ", sq_thread_cpu=";
  append_unsigned(c.out, cpu);
  c.out += ", sq_thread_idle=";
  append_unsigned(c.out, idle);
  if ((flags & kAttachQueue) != 0) {
    c.out += ", wq_fd=";
    c.fd(static_cast<int32_t>(queue));
  }
  if (c.succeeded() && after.found) {
    f.skip(12);
    c.out += ", sq_entries=";
    append_unsigned(c.out, sq_entries);
    c.out += ", cq_entries=";
    append_unsigned(c.out, cq_entries);
    c.out += ", features=";
    append_flags(c.out, features, kUringFeatures);
    constexpr std::string_view kSubmission[] = {"head",  "tail",    "ring_mask", "ring_entries",
                                                "flags", "dropped", "array"};
    constexpr std::string_view kCompletion[] = {"head",     "tail", "ring_mask", "ring_entries",
                                                "overflow", "cqes", "flags"};
    c.out += ", sq_off=";
    append_offsets(c, f, kSubmission);
    f.skip(12);
    c.out += ", cq_off=";
    append_offsets(c, f, kCompletion);
  }
  c.out += '}';
}

namespace {

enum UringOpcode : uint32_t {
  kRegisterBuffers = 0,
  kRegisterFiles = 2,
  kRegisterEventfd = 4,
  kRegisterFilesUpdate = 6,
  kRegisterEventfdAsync = 7,
};

void append_fd_number(Context& c, Fields& f) {
  c.fd(f.s32());
}

void append_buffer(Context& c, Fields& f) {
  c.out += "{iov_base=";
  c.address(f.pointer());
  c.out += ", iov_len=";
  append_unsigned(c.out, f.size());
  c.out += '}';
}

}  // namespace

void print_uring_argument(Context& c, uint64_t value) {
  const Piece piece = c.piece(value);
  switch (c.uint_arg(1)) {
    case kRegisterBuffers:
      return print_list<append_buffer>(c, value, piece, c.uint_arg(3), c.style.string_limit);
    case kRegisterFiles:
      return print_list<append_fd_number>(c, value, piece, c.uint_arg(3), c.style.string_limit);
    case kRegisterEventfd:
    case kRegisterEventfdAsync:
      return print_list<append_fd_number>(c, value, piece, 1, 1);
    default:
      return c.address(value);
  }
}

void print_uring_enter_argument(Context& c, uint64_t value) {
  constexpr uint64_t kExtended = 8;
  const Piece piece = c.piece(value);
  if ((c.args[3] & kExtended) != 0 || !piece.found || piece.bytes.size() < 8) return c.address(value);
  Fields f = c.fields(piece.bytes);
  append_signal_set(c.out, f.u64(), 64);
}

}  // namespace sightline::decode
