/// Everything in a chunk of events that is no call.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "src/slt/bytes.h"
#include "src/slt/format.h"
#include "tracer/engine_reason.h"
#include "tracer/span.h"

namespace sightline::slt {

/// One event of any of these types; each uses the fields that events.cc names for it.
struct Event {
  Record type = Record::loss;
  uint32_t id = 0;  ///< of the thread or process; 0: none (loss only)
  uint64_t time = 0;
  int32_t number = 0;  ///< tid, signal number, exit status
  int32_t other = 0;   ///< former tid
  tracer::ThreadEndKind kind = tracer::ThreadEndKind::exited;
  uint8_t flags = 0;  ///< EventFlags
  uint64_t calls = 0;
  std::string_view text;  ///< name or reason
  std::string_view engine;
  tracer::EngineReason reason = tracer::EngineReason::none;
  std::span<const std::byte> siginfo;     ///< for encode_event()
  std::span<const uint8_t> siginfo_head;  ///< from decode_event(): its bytes without the zeros at the end …
  uint32_t siginfo_size = 0;              ///< … and how many it has with them, at most kMaxSiginfo
};

enum EventFlags : uint8_t { kEventGroupStop = 1, kEventCoreDumped = 2, kEventLastOfProcess = 4 };
inline constexpr uint32_t kMaxSiginfo = 128;  ///< SI_MAX_SIZE (include/uapi/asm-generic/siginfo.h)

/// Appends the payload. `clock` is the time that was written last, in and out.
void encode_event(const Event& event, uint64_t& clock, ByteWriter& out);

/// Reads the payload of `event.type`; false if it is damaged. Views point into the payload.
bool decode_event(ByteReader& in, uint64_t& clock, Event& event);

}  // namespace sightline::slt
