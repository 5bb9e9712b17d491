// Payload of `call` and `open_call`:
//
//   head        u8: kHead…
//   nr          signed
//   thread      if kHeadThread
//   abi u8, flags, end u8   if kHeadUnusual
//   sequence    signed, beyond that of the call before + 1
//   start       signed, since the time written last
//   duration    if kHeadFinished
//   back        unless kHeadEarlier
//   changed     u8: bit i: argument i is not that of the last call of this number; kChangedIp, kChangedStack
//   differences signed, one per bit
//   ret         signed, if kHeadFinished
//   captures    at entry, if kHeadEntryCaptures; then at exit, if kHeadExitCaptures
//
// Captures are {count + 1, then per capture: tag u8, address signed (beyond the argument it hangs on), wanted, length,
// bytes}. Bytes that are no captures (a producer newer than this table) are {0, length, bytes}.
#include "src/slt/call_codec.h"

#include <cstring>

#include "src/slt/format.h"

namespace sightline::slt {
namespace {

enum Head : uint8_t {
  kHeadFinished = 1,
  kHeadFailed = 2,
  kHeadEarlier = 4,
  kHeadThread = 8,
  kHeadUnusual = 16,
  kHeadEntryCaptures = 32,
  kHeadExitCaptures = 64,
};
constexpr unsigned kChangedIp = 1u << 6;
constexpr unsigned kChangedStack = 1u << 7;

int64_t difference(uint64_t now, uint64_t before) {
  return static_cast<int64_t>(now - before);
}

uint64_t argument_of(const tracer::Capture& capture, const std::array<uint64_t, 6>& args) {
  return capture.arg < args.size() ? args[capture.arg] : 0;
}

// The capture at `bytes`, if everything of it is there and fits the tag.
bool parse_capture(std::span<const std::byte> bytes, tracer::Capture& capture) {
  if (bytes.size() < sizeof capture) return false;
  std::memcpy(&capture, bytes.data(), sizeof capture);
  return capture.arg < 8 && static_cast<unsigned>(capture.phase) < 2 && static_cast<unsigned>(capture.kind) < 4 &&
         capture.flags < 4 && capture.reserved == 0 && tracer::padded(capture.length) <= bytes.size() - sizeof capture;
}

// How many captures `bytes` consists of, and the bytes of those that fit in kMaxCaptures; -1 if it is something else.
int64_t count_captures(std::span<const std::byte> bytes, std::size_t& kept_bytes) {
  int64_t kept = 0;
  kept_bytes = 0;
  std::size_t at = 0;
  bool full = false;
  while (at < bytes.size()) {
    tracer::Capture capture;
    if (!parse_capture(bytes.subspan(at), capture)) return -1;
    at += sizeof capture + static_cast<std::size_t>(tracer::padded(capture.length));
    full = full || at > kMaxCaptures;
    if (full) continue;
    ++kept;
    kept_bytes = at;
  }
  return kept;
}

void encode_captures(std::span<const std::byte> bytes, const std::array<uint64_t, 6>& args, ByteWriter& out) {
  std::size_t kept_bytes = 0;
  const int64_t count = count_captures(bytes, kept_bytes);
  if (count < 0) {
    bytes = bytes.first(std::min(bytes.size(), kMaxCaptures));
    out.varint(0);
    out.varint(bytes.size());
    out.bytes(bytes.data(), bytes.size());
    return;
  }
  out.varint(static_cast<uint64_t>(count) + 1);
  for (std::size_t at = 0; at < kept_bytes;) {
    tracer::Capture capture;
    std::memcpy(&capture, bytes.data() + at, sizeof capture);
    at += sizeof capture;
    out.u8(static_cast<uint8_t>(capture.arg | static_cast<unsigned>(capture.phase) << 3 |
                                static_cast<unsigned>(capture.kind) << 4 | static_cast<unsigned>(capture.flags) << 6));
    out.signed_varint(difference(capture.address, argument_of(capture, args)));
    out.varint(capture.wanted);
    out.varint(capture.length);
    out.bytes(bytes.data() + at, capture.length);
    at += static_cast<std::size_t>(tracer::padded(capture.length));
  }
}

void append(std::vector<std::byte>& arena, const void* bytes, std::size_t count) {
  const auto* from = static_cast<const std::byte*>(bytes);
  arena.insert(arena.end(), from, from + count);
  arena.resize(static_cast<std::size_t>(tracer::padded(arena.size())));
}

bool decode_captures(ByteReader& in, const std::array<uint64_t, 6>& args, std::vector<std::byte>& arena,
                     std::size_t& offset, std::size_t& size) {
  offset = arena.size();
  const uint64_t count_and_one = in.varint();
  if (count_and_one == 0) {
    const auto bytes = in.bytes(in.varint());
    append(arena, bytes.data(), bytes.size());
    size = bytes.size();
    return in.ok();
  }
  for (uint64_t i = 1; i < count_and_one && in.ok(); ++i) {
    const unsigned tag = in.u8();
    tracer::Capture capture;
    capture.arg = tag & 7;
    capture.phase = static_cast<tracer::Phase>(tag >> 3 & 1);
    capture.kind = static_cast<tracer::CaptureKind>(tag >> 4 & 3);
    capture.flags = static_cast<uint8_t>(tag >> 6);
    capture.address = argument_of(capture, args) + static_cast<uint64_t>(in.signed_varint());
    capture.wanted = in.u32();
    capture.length = in.u32();
    const auto bytes = in.bytes(capture.length);
    if (!in.ok()) break;
    append(arena, &capture, sizeof capture);
    append(arena, bytes.data(), bytes.size());
  }
  size = arena.size() - offset;
  return in.ok();
}

}  // namespace

void Prediction::reset() {
  clock = 0;
  sequence = 0;
  thread = 0;
  for (Slot& slot : slots_) slot.key = UINT64_MAX;
}

Prediction::Slot& Prediction::slot(tracer::Abi abi, int32_t nr) {
  const uint64_t key = static_cast<uint64_t>(static_cast<uint32_t>(nr)) << 8 | static_cast<uint64_t>(abi);
  // Numbers that are in use lie below 512 in each ABI; i386 is moved aside, as it runs beside x86_64 only rarely.
  Slot& slot =
      slots_[(static_cast<std::size_t>(static_cast<uint32_t>(nr)) + static_cast<std::size_t>(abi) * 128) % kSlots];
  if (slot.key != key) {
    slot = Slot{};
    slot.key = key;
  }
  return slot;
}

void encode_call(const CallRecord& call, Prediction& prediction, ByteWriter& out) {
  const bool unusual = call.abi != tracer::Abi::x86_64 || call.flags != 0 || call.end_kind != tracer::CallEnd::returned;
  unsigned head = 0;
  if (call.finished) head |= kHeadFinished;
  if (call.failed) head |= kHeadFailed;
  if (call.entered_earlier) head |= kHeadEarlier;
  if (call.thread != prediction.thread) head |= kHeadThread;
  if (unusual) head |= kHeadUnusual;
  if (!call.entry_captures.empty()) head |= kHeadEntryCaptures;
  if (!call.exit_captures.empty()) head |= kHeadExitCaptures;
  // All that comes before the captures.
  constexpr std::size_t kMostBytes = 5 + 20 * kMaxVarint;
  uint8_t* at = out.begin(kMostBytes);
  *at++ = static_cast<uint8_t>(head);
  at = put_signed_varint(at, call.nr);
  if ((head & kHeadThread) != 0) at = put_varint(at, call.thread);
  if (unusual) {
    *at++ = static_cast<uint8_t>(call.abi);
    at = put_varint(at, call.flags);
    *at++ = static_cast<uint8_t>(call.end_kind);
  }
  at = put_signed_varint(at, difference(call.sequence, prediction.sequence + 1));
  at = put_signed_varint(at, difference(call.start, prediction.clock));
  if (call.finished) at = put_varint(at, call.end - call.start);
  if (!call.entered_earlier) at = put_varint(at, call.back);

  Prediction::Slot& slot = prediction.slot(call.abi, call.nr);
  unsigned changed = 0;
  for (std::size_t i = 0; i < call.args.size(); ++i) changed |= unsigned{call.args[i] != slot.args[i]} << i;
  if (call.ip != slot.ip) changed |= kChangedIp;
  if (call.stack != slot.stack) changed |= kChangedStack;
  *at++ = static_cast<uint8_t>(changed);
  if (changed != 0) {
    for (std::size_t i = 0; i < call.args.size(); ++i)
      if ((changed >> i & 1) != 0) at = put_signed_varint(at, difference(call.args[i], slot.args[i]));
    if ((changed & kChangedIp) != 0) at = put_signed_varint(at, difference(call.ip, slot.ip));
    if ((changed & kChangedStack) != 0) at = put_signed_varint(at, difference(call.stack, slot.stack));
    slot.args = call.args;
    slot.ip = call.ip;
    slot.stack = call.stack;
  }
  if (call.finished) at = put_signed_varint(at, call.ret);
  out.end(at);

  if (!call.entry_captures.empty()) encode_captures(call.entry_captures, call.args, out);
  if (!call.exit_captures.empty()) encode_captures(call.exit_captures, call.args, out);

  prediction.thread = call.thread;
  prediction.sequence = call.sequence;
  prediction.clock = call.finished ? call.end : call.start;
}

bool decode_call(ByteReader& in, Prediction& prediction, std::vector<std::byte>& arena, CallRecord& call) {
  const unsigned head = in.u8();
  call.finished = (head & kHeadFinished) != 0;
  call.failed = (head & kHeadFailed) != 0;
  call.entered_earlier = (head & kHeadEarlier) != 0;
  call.nr = in.i32();
  call.thread = (head & kHeadThread) != 0 ? in.u32() : prediction.thread;
  if ((head & kHeadUnusual) != 0) {
    const unsigned abi = in.u8();
    const uint64_t flags = in.varint();
    const unsigned end = in.u8();
    if (abi > static_cast<unsigned>(tracer::Abi::x32) || flags > UINT16_MAX ||
        end > static_cast<unsigned>(tracer::CallEnd::replaced))
      return false;
    call.abi = static_cast<tracer::Abi>(abi);
    call.flags = static_cast<uint16_t>(flags);
    call.end_kind = static_cast<tracer::CallEnd>(end);
  }
  call.sequence = prediction.sequence + 1 + static_cast<uint64_t>(in.signed_varint());
  call.start = prediction.clock + static_cast<uint64_t>(in.signed_varint());
  if (call.finished) call.end = call.start + in.varint();
  if (!call.entered_earlier) call.back = in.u32();

  Prediction::Slot& slot = prediction.slot(call.abi, call.nr);
  const unsigned changed = in.u8();
  for (std::size_t i = 0; i < call.args.size(); ++i)
    if ((changed >> i & 1) != 0) slot.args[i] += static_cast<uint64_t>(in.signed_varint());
  if ((changed & kChangedIp) != 0) slot.ip += static_cast<uint64_t>(in.signed_varint());
  if ((changed & kChangedStack) != 0) slot.stack += static_cast<uint32_t>(in.signed_varint());
  call.args = slot.args;
  call.ip = slot.ip;
  call.stack = slot.stack;

  if (call.finished) call.ret = in.signed_varint();
  if (!in.ok()) return false;
  if ((head & kHeadEntryCaptures) != 0 && !decode_captures(in, call.args, arena, call.entry_offset, call.entry_bytes))
    return false;
  if ((head & kHeadExitCaptures) != 0 && !decode_captures(in, call.args, arena, call.exit_offset, call.exit_bytes))
    return false;

  prediction.thread = call.thread;
  prediction.sequence = call.sequence;
  prediction.clock = call.finished ? call.end : call.start;
  return in.ok();
}

}  // namespace sightline::slt
