/// Records as they stand in a chunk: {type, length, payload}.
#pragma once

#include "src/slt/bytes.h"
#include "src/slt/format.h"

namespace sightline::slt {

inline void append_record(ByteWriter& out, Record type, const ByteWriter& payload) {
  out.u8(static_cast<uint8_t>(type));
  out.varint(payload.size());
  out.bytes(payload.data(), payload.size());
}

/// As append_record, of a payload that is written in place: between these two. Hand end_record what begin_record gave.
inline std::size_t begin_record(ByteWriter& out, Record type) {
  out.u8(static_cast<uint8_t>(type));
  const std::size_t place = out.size();
  out.u8(0);  // of most records the length takes one byte
  return place;
}
inline void end_record(ByteWriter& out, std::size_t place) {
  out.put_varint_at(place, out.size() - place - 1);
}

/// The next record of a chunk. Check `in.ok()`; `type` may be none that this version knows.
inline ByteReader next_record(ByteReader& in, Record& type) {
  type = static_cast<Record>(in.u8());
  return ByteReader(in.bytes(in.varint()));
}

}  // namespace sightline::slt
