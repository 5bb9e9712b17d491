#include "tracer/capture.h"

#include <array>

#include "tracer/capture_writer.h"
#include "tracer/subcall.h"

namespace sightline::tracer {
namespace {

constexpr uint64_t kNameBytes = 128;      // struct sockaddr_storage
constexpr uint64_t kControlBytes = 4096;  // of a message's control data
constexpr uint64_t kMaskBytes = 8192;     // of an fd_set or node mask: 65536 bits
constexpr uint64_t kHandleBytes = 128;    // MAX_HANDLE_SZ
constexpr uint32_t kSignalSetBytes = 8;

}  // namespace

uint64_t CaptureStep::length_argument(uint8_t index) const {
  if (index >= call.arguments.size()) return 0;
  bool narrow = state.abi == Abi::i386;
  switch (arg_base(call.arguments[index].type)) {
    case ArgBase::signed32:
    case ArgBase::unsigned32:
    case ArgBase::hex32:
    case ArgBase::octal:
    case ArgBase::fd:
      narrow = true;
      break;
    case ArgBase::signed64:
    case ArgBase::unsigned64:
    case ArgBase::hex64:
    case ArgBase::pointer:
      break;
  }
  const uint64_t value = state.args[index];
  const int64_t length = narrow ? static_cast<int32_t>(value) : static_cast<int64_t>(value);
  return length < 0 ? 0 : static_cast<uint64_t>(length);
}

uint64_t CaptureStep::returned() const {
  if (state.failed || state.ret <= 0) return 0;
  const auto value = static_cast<uint64_t>(state.ret);
  return (what.flags & kCapturingBounded) != 0 ? std::min(value, length_argument(what.len_arg)) : value;
}

namespace {

/// The data of `count` iovecs, together at most `data_limit` bytes.
void capture_iovec_data(CaptureWriter& writer, uint8_t arg, std::span<const std::byte> iovecs, uint64_t data_limit) {
  const uint32_t word = writer.layout().word;
  for (uint64_t at = 0; at + 2 * word <= iovecs.size() && data_limit != 0 && !writer.full(); at += 2 * word) {
    const uint64_t length = std::min(word_at(iovecs, at + word, word), data_limit);
    writer.payload(arg, word_at(iovecs, at, word), length);
    data_limit -= length;
  }
}

/// What struct msghdr leads to (include/linux/socket.h, struct user_msghdr; net/compat.h).
void capture_message(CaptureWriter& writer, uint8_t arg, std::span<const std::byte> message, uint64_t data_limit) {
  const uint32_t word = writer.layout().word;
  // name, namelen (padded to a word), iov, iovlen, control, controllen
  const auto field = [&](uint32_t index) { return word_at(message, uint64_t{index} * word, word); };
  const auto name_length = static_cast<int32_t>(field(1));
  if (name_length > 0) writer.bytes(arg, field(0), static_cast<uint32_t>(name_length), kNameBytes);
  capture_iovec(writer, arg, field(2), field(3), data_limit);
  writer.bytes(arg, field(4), field(5), kControlBytes);
}

void capture_messages(const CaptureStep& step, uint64_t count, bool with_contents) {
  CaptureWriter& writer = step.writer;
  const uint32_t word = writer.layout().word;
  const uint32_t header = 7 * word;              // struct msghdr, its flags padded to a word
  const uint32_t element = word == 8 ? 64 : 32;  // struct mmsghdr: the header and msg_len
  const std::span<const std::byte> array = writer.array(step.what.arg, step.address(), count, element);
  if (!with_contents) return;
  for (uint64_t at = 0; at + element <= array.size() && !writer.full(); at += element) {
    const std::span<const std::byte> message = array.subspan(at, header);
    capture_message(writer, step.what.arg, message, step.at_exit() ? word_at(array, at + header, 4) : UINT64_MAX);
  }
}

void capture_strings(const CaptureStep& step, bool strings) {
  CaptureWriter& writer = step.writer;
  const std::span<const std::byte> array = writer.pointers(step.what.arg, step.address());
  const uint32_t word = writer.layout().word;
  for (uint64_t at = 0; strings && at + word <= array.size() && !writer.full(); at += word) {
    writer.text(step.what.arg, word_at(array, at, word));
  }
}

void capture_pointees(const CaptureStep& step) {
  CaptureWriter& writer = step.writer;
  const uint32_t word = writer.layout().word;
  const std::span<const std::byte> array =
      writer.array(step.what.arg, step.address(), step.length_argument(step.what.len_arg), word);
  for (uint64_t at = 0; at + word <= array.size() && !writer.full(); at += word) {
    writer.bytes(step.what.arg, word_at(array, at, word), step.what.size);
  }
}

void capture_mask(CaptureWriter& writer, uint8_t arg, uint64_t address, uint64_t bits) {
  const uint64_t bits_per_long = uint64_t{8} * writer.layout().long_size;
  const uint64_t longs = bits / bits_per_long + (bits % bits_per_long != 0 ? 1 : 0);
  writer.bytes(arg, address, product(longs, writer.layout().long_size), kMaskBytes);
}

void capture_signal_set_pack(const CaptureStep& step) {
  CaptureWriter& writer = step.writer;
  const uint32_t size = writer.layout().long_size;
  const std::span<const std::byte> pack = writer.bytes(step.what.arg, step.address(), uint64_t{2} * size);
  writer.bytes(step.what.arg, word_at(pack, 0, size), pack.empty() ? 0 : kSignalSetBytes);
}

void capture_message_buffer(const CaptureStep& step, uint64_t text) {
  const uint32_t type = step.writer.layout().long_size;
  const uint64_t keep = uint64_t{type} + step.writer.limits().string_limit;
  if (step.at_exit() && step.state.failed) return;
  step.writer.bytes(step.what.arg, step.address(), text > UINT64_MAX - type ? UINT64_MAX : type + text, keep);
}

void capture_file_handle(const CaptureStep& step) {
  uint32_t handle_bytes = 0;
  if (!step.writer.peek(step.address(), handle_bytes)) handle_bytes = 0;
  step.writer.bytes(step.what.arg, step.address(), uint64_t{8} + handle_bytes, 8 + kHandleBytes);
}

void capture_xattr_args(const CaptureStep& step) {
  // struct xattr_args: u64 value, u32 size, u32 flags
  const std::span<const std::byte> args = step.writer.bytes(step.what.arg, step.address(), 16);
  const uint64_t size = word_at(args, 8, 4);
  step.writer.payload(step.what.arg, word_at(args, 0, 8), step.at_exit() ? std::min(step.returned(), size) : size);
}

void capture_clone_args(const CaptureStep& step) {
  constexpr uint64_t kMostBytes = 256;       // struct clone_args has 88 today
  constexpr uint64_t kPidfd = 0x1000;        // CLONE_PIDFD
  constexpr uint64_t kParentTid = 0x100000;  // CLONE_PARENT_SETTID
  if (!step.at_exit()) {
    step.writer.bytes(step.what.arg, step.address(), step.length_argument(step.what.len_arg), kMostBytes);
    return;
  }
  std::array<uint64_t, 4> args = {};  // flags, pidfd, child_tid, parent_tid
  if (!step.writer.peek(step.address(), args)) return;
  if ((args[0] & kParentTid) != 0) step.writer.bytes(step.what.arg, args[3], 4);
  if ((args[0] & kPidfd) != 0) step.writer.bytes(step.what.arg, args[1], 4);
}

void capture_old_select(const CaptureStep& step) {
  CaptureWriter& writer = step.writer;
  std::array<uint32_t, 5> words = {};  // n, three sets, timeval
  if (step.at_exit()) {
    if (!writer.peek(step.address(), words)) return;
  } else {
    const std::span<const std::byte> block = writer.bytes(step.what.arg, step.address(), sizeof words);
    for (std::size_t i = 0; i < words.size(); ++i) words[i] = static_cast<uint32_t>(word_at(block, 4 * i, 4));
  }
  const auto bits = static_cast<int32_t>(words[0]);
  for (std::size_t i = 1; i <= 3; ++i) capture_mask(writer, step.what.arg, words[i], bits < 0 ? 0 : uint64_t(bits));
  writer.bytes(step.what.arg, words[4], 8);
}

void run_captures(const Syscall& call, const CaptureCall& state, CaptureWriter& writer);

void capture_subcall(const CaptureStep& step) {
  CaptureWriter& writer = step.writer;
  const std::span<const uint64_t, 6> args(step.state.args, 6);
  const SubcallWords at = subcall_words(step.call, args);
  std::array<uint32_t, 6> words = {};
  const std::size_t count = std::min<std::size_t>(at.count, words.size());
  if (count != 0) {
    const std::span<uint32_t> wanted(words.data(), count);
    // At exit the printer still has the words of the entry.
    if (step.at_exit()) {
      if (!writer.peek(at.address, std::as_writable_bytes(wanted))) return;
    } else {
      const std::span<const std::byte> copied = writer.bytes(step.what.arg, at.address, wanted.size_bytes());
      if (copied.size() != wanted.size_bytes()) return;
      std::memcpy(words.data(), copied.data(), copied.size());
    }
  }
  const std::optional<Subcall> subcall = find_subcall(step.call, args, std::span(words).first(count));
  if (!subcall) return;
  CaptureCall state = step.state;
  state.args = subcall->args.data();
  run_captures(*subcall->call, state, writer);
}

void run_capture(const CaptureStep& step) {
  CaptureWriter& writer = step.writer;
  const Capturing& what = step.what;
  const uint64_t address = step.address();
  const uint64_t limit = what.limit == 0 ? UINT64_MAX : what.limit;
  // A type without elements of its own is limited in bytes, an array in elements.
  const auto elements = [&](uint64_t count) {
    if (what.size <= 1) {
      writer.bytes(what.arg, address, count, limit);
    } else {
      writer.array(what.arg, address, count, what.size);
    }
  };
  switch (what.fetch) {
    case Fetch::none:
      break;
    case Fetch::string:
      writer.path(what.arg, address);
      break;
    case Fetch::text:
      writer.text(what.arg, address);
      break;
    case Fetch::bytes:
      writer.bytes(what.arg, address, what.size);
      break;
    case Fetch::bytes_arg:
      elements(step.length_argument(what.len_arg));
      break;
    case Fetch::bytes_ret:
      elements(step.returned());
      break;
    case Fetch::bytes_ref: {
      int32_t length = 0;
      if (address != 0 && writer.peek(step.state.args[what.len_arg], length) && length > 0) {
        elements(static_cast<uint32_t>(length));
      }
      break;
    }
    case Fetch::data_arg:
      writer.payload(what.arg, address, step.length_argument(what.len_arg));
      break;
    case Fetch::data_ret:
      writer.payload(what.arg, address, step.returned());
      break;
    case Fetch::iovec_arg:
      capture_iovec(writer, what.arg, address, step.length_argument(what.len_arg), UINT64_MAX);
      break;
    case Fetch::iovec_ret:
      capture_iovec(writer, what.arg, address, step.length_argument(what.len_arg), step.returned());
      break;
    case Fetch::iovec_only:
      writer.array(what.arg, address, step.length_argument(what.len_arg), uint64_t{2} * writer.layout().word);
      break;
    case Fetch::msghdr_head:
      writer.bytes(what.arg, address, uint64_t{7} * writer.layout().word);
      break;
    case Fetch::msghdr_arg:
    case Fetch::msghdr_ret:
      if (const auto message = writer.bytes(what.arg, address, uint64_t{7} * writer.layout().word); !message.empty()) {
        capture_message(writer, what.arg, message, step.at_exit() ? step.returned() : UINT64_MAX);
      }
      break;
    case Fetch::mmsghdr_arg:
      capture_messages(step, step.length_argument(what.len_arg), true);
      break;
    case Fetch::mmsghdr_ret:
      capture_messages(step, step.returned(), true);
      break;
    case Fetch::mmsghdr_only:
      capture_messages(step, step.at_exit() ? step.returned() : step.length_argument(what.len_arg), false);
      break;
    case Fetch::string_array:
      capture_strings(step, true);
      break;
    case Fetch::env_array:
      capture_strings(step, writer.limits().env_strings);
      break;
    case Fetch::pointees:
      capture_pointees(step);
      break;
    case Fetch::bits:
    case Fetch::fd_set:
      capture_mask(writer, what.arg, address, step.length_argument(what.len_arg));
      break;
    case Fetch::pages: {
      const uint64_t length = step.length_argument(what.len_arg);
      writer.array(what.arg, address, length / CaptureWriter::kPage + (length % CaptureWriter::kPage != 0 ? 1 : 0), 1);
      break;
    }
    case Fetch::sigset_pack:
      capture_signal_set_pack(step);
      break;
    case Fetch::msgbuf_arg:
      capture_message_buffer(step, step.length_argument(what.len_arg));
      break;
    case Fetch::msgbuf_ret:
      capture_message_buffer(step, step.returned());
      break;
    case Fetch::file_handle:
      capture_file_handle(step);
      break;
    case Fetch::xattr_args:
      capture_xattr_args(step);
      break;
    case Fetch::clone_args:
      capture_clone_args(step);
      break;
    case Fetch::old_select:
      capture_old_select(step);
      break;
    case Fetch::socketcall:
    case Fetch::ipc:
      capture_subcall(step);
      break;
    case Fetch::by_ioctl:
      capture_ioctl(step);
      break;
    case Fetch::by_fcntl:
      capture_fcntl(step);
      break;
    case Fetch::by_prctl:
      capture_prctl(step);
      break;
    case Fetch::by_futex:
      capture_futex(step);
      break;
    case Fetch::by_ptrace:
      capture_ptrace(step);
      break;
    case Fetch::by_seccomp:
      capture_seccomp(step);
      break;
    case Fetch::by_keyctl:
      capture_keyctl(step);
      break;
    case Fetch::by_quotactl:
      capture_quotactl(step);
      break;
    case Fetch::by_fsconfig:
      capture_fsconfig(step);
      break;
    case Fetch::by_io_uring_register:
      capture_io_uring_register(step);
      break;
  }
}

/// Fetches that are one read, so that nothing is gained by looking around.
bool is_single_read(Fetch fetch) {
  constexpr std::array kSingle = {Fetch::string,     Fetch::text,     Fetch::bytes,      Fetch::bytes_arg,
                                  Fetch::bytes_ret,  Fetch::data_arg, Fetch::data_ret,   Fetch::iovec_only,
                                  Fetch::msgbuf_arg, Fetch::by_ioctl, Fetch::msgbuf_ret, Fetch::by_futex,
                                  Fetch::by_fcntl};
  return std::ranges::find(kSingle, fetch) != kSingle.end();
}

void expect_reads(const Syscall& call, const CaptureCall& state, CaptureWriter& writer) {
  if (!writer.reads_are_dear()) return;
  int reads = 0;
  for (const Capturing& what : call.captures) {
    if (what.phase != writer.phase() || what.arg >= 6 || state.args[what.arg] == 0) continue;
    reads += is_single_read(what.fetch) ? 1 : 2;
  }
  if (reads > 1) writer.expect_more();
}

void run_captures(const Syscall& call, const CaptureCall& state, CaptureWriter& writer) {
  expect_reads(call, state, writer);
  for (const Capturing& what : call.captures) {
    if (what.phase != writer.phase() || what.arg >= 6 || what.len_arg >= 6) continue;
    if (what.phase == Phase::exit && state.failed && (what.flags & kCapturingOnError) == 0) continue;
    run_capture({.call = call, .state = state, .what = what, .writer = writer});
    if (writer.full()) break;
  }
}

}  // namespace

void capture_iovec(CaptureWriter& writer, uint8_t arg, uint64_t address, uint64_t count, uint64_t data_limit) {
  capture_iovec_data(writer, arg, writer.array(arg, address, count, uint64_t{2} * writer.layout().word), data_limit);
}

CaptureResult capture(const Syscall& call, Phase phase, const CaptureCall& state, const CaptureLimits& limits,
                      MemoryReader& memory, std::span<std::byte> out) {
  if (!captures_at(call, phase)) return {};
  CaptureWriter writer(phase, state, limits, memory, out);
  run_captures(call, state, writer);
  return writer.result();
}

}  // namespace sightline::tracer
