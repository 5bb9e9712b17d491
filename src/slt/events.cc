// Payloads; `time` is signed, since the time written last:
//
//   process_start   process
//   thread_start    thread
//   process_name    process, name, engine, reason
//   thread_name     thread, name
//   exec            thread, time, tid signed, former tid signed
//   signal          thread, time, number signed, flags u8, siginfo size, length without the zeros at its end, bytes
//   thread_end      thread, time, status signed, flags u8, kind u8
//   loss            thread or 0, time, calls, reason
#include "src/slt/events.h"

#include <algorithm>

namespace sightline::slt {
namespace {

bool has_time(Record type) {
  return type == Record::exec || type == Record::signal || type == Record::thread_end || type == Record::loss;
}

}  // namespace

void encode_event(const Event& event, uint64_t& clock, ByteWriter& out) {
  out.varint(event.id);
  if (has_time(event.type)) {
    out.signed_varint(static_cast<int64_t>(event.time - clock));
    clock = event.time;
  }
  if (event.type == Record::process_name) {
    out.string(event.text.substr(0, kMaxString));
    out.string(event.engine.substr(0, kMaxString));
    out.varint(static_cast<uint64_t>(event.reason));
  } else if (event.type == Record::thread_name) {
    out.string(event.text.substr(0, kMaxString));
  } else if (event.type == Record::exec) {
    out.signed_varint(event.number);
    out.signed_varint(event.other);
  } else if (event.type == Record::signal) {
    const auto info = event.siginfo.first(std::min<std::size_t>(event.siginfo.size(), kMaxSiginfo));
    std::size_t length = info.size();
    while (length > 0 && info[length - 1] == std::byte{0}) --length;
    out.signed_varint(event.number);
    out.u8(event.flags);
    out.varint(info.size());
    out.varint(length);
    out.bytes(info.data(), length);
  } else if (event.type == Record::thread_end) {
    out.signed_varint(event.number);
    out.u8(event.flags);
    out.u8(static_cast<uint8_t>(event.kind));
  } else if (event.type == Record::loss) {
    out.varint(event.calls);
    out.string(event.text.substr(0, kMaxString));
  }
}

bool decode_event(ByteReader& in, uint64_t& clock, Event& event) {
  event.id = in.u32();
  if (has_time(event.type)) {
    event.time = clock + static_cast<uint64_t>(in.signed_varint());
    clock = event.time;
  }
  if (event.type == Record::process_name) {
    event.text = in.string();
    event.engine = in.string();
    if (!in.at_end()) event.reason = tracer::engine_reason(in.varint());
  } else if (event.type == Record::thread_name) {
    event.text = in.string();
  } else if (event.type == Record::exec) {
    event.number = in.i32();
    event.other = in.i32();
  } else if (event.type == Record::signal) {
    event.number = in.i32();
    event.flags = in.u8();
    event.siginfo_size = in.u32();
    event.siginfo_head = in.bytes(in.varint());
    if (event.siginfo_size > kMaxSiginfo || event.siginfo_head.size() > event.siginfo_size) return false;
  } else if (event.type == Record::thread_end) {
    event.number = in.i32();
    event.flags = in.u8();
    const unsigned kind = in.u8();
    if (kind > static_cast<unsigned>(tracer::ThreadEndKind::lost)) return false;
    event.kind = static_cast<tracer::ThreadEndKind>(kind);
  } else if (event.type == Record::loss) {
    event.calls = in.varint();
    event.text = in.string();
  }
  return in.ok();
}

}  // namespace sightline::slt
