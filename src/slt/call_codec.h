/// One call as a record: what varies little from call to call costs a bit.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "src/slt/bytes.h"
#include "tracer/span.h"

namespace sightline::slt {

/// A call with ids of the file instead of pointers.
struct CallRecord {
  uint32_t thread = 0;
  uint32_t stack = 0;
  uint64_t sequence = 0;
  int32_t nr = 0;
  uint16_t flags = 0;
  tracer::Abi abi = tracer::Abi::x86_64;
  tracer::CallEnd end_kind = tracer::CallEnd::returned;
  bool finished = false;
  bool failed = false;
  bool entered_earlier = false;  ///< an open-call record of an earlier chunk has announced it
  uint32_t back = 0;             ///< it began so many records before its own (0: nothing happened in between)
  uint64_t start = 0;
  uint64_t end = 0;
  std::array<uint64_t, 6> args{};
  int64_t ret = 0;
  uint64_t ip = 0;
  std::span<const std::byte> entry_captures;  ///< for encode()
  std::span<const std::byte> exit_captures;
  std::size_t entry_offset = 0, entry_bytes = 0;  ///< from decode(): where they are in the arena
  std::size_t exit_offset = 0, exit_bytes = 0;
};

/// What the next record is predicted from. Encoder and decoder each keep one and reset it with every chunk.
class Prediction {
 public:
  struct Slot {
    uint64_t key = UINT64_MAX;
    std::array<uint64_t, 6> args{};
    uint64_t ip = 0;
    uint32_t stack = 0;
  };

  Prediction() : slots_(kSlots) {}
  void reset();
  /// The last call of the same number and ABI; all zeros if there was none, or if another one took its slot.
  Slot& slot(tracer::Abi abi, int32_t nr);

  uint64_t clock = 0;  ///< the latest time that was written
  uint64_t sequence = 0;
  uint32_t thread = 0;

 private:
  static constexpr std::size_t kSlots = 256;
  std::vector<Slot> slots_;
};

/// Appends the payload of `call`.
void encode_call(const CallRecord& call, Prediction& prediction, ByteWriter& out);

/// Reads a payload. The captures are appended to `arena`, each phase aligned to 8 bytes. False if it is damaged.
bool decode_call(ByteReader& in, Prediction& prediction, std::vector<std::byte>& arena, CallRecord& call);

}  // namespace sightline::slt
