/// Records as bytes that somebody else has written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <span>

#include "tracer/span.h"

namespace sightline {

/// False: there are too few bytes.
template <class Record>
bool read_record(std::span<const std::byte> payload, Record& record) {
  if (payload.size() < sizeof record) return false;
  std::memcpy(&record, payload.data(), sizeof record);
  return true;
}

/// With as many arguments as it has; `rest` is what follows them.
inline bool read_call_enter(std::span<const std::byte> payload, tracer::CallEnter& record,
                            std::span<const std::byte>& rest) {
  constexpr std::size_t kHead = tracer::CallEnter::bytes_with(0);
  if (payload.size() < kHead) return false;
  std::memcpy(static_cast<void*>(&record), payload.data(), kHead);
  if (record.arg_count > std::size(record.args)) return false;
  const std::size_t bytes = tracer::CallEnter::bytes_with(record.arg_count);
  if (payload.size() < bytes) return false;
  static_assert(sizeof *record.args == 8);
  for (std::size_t i = 0; i < std::size(record.args); ++i) {
    record.args[i] = 0;
    if (i < record.arg_count) std::memcpy(&record.args[i], payload.data() + kHead + i * 8, 8);
  }
  rest = payload.subspan(bytes);
  return true;
}

}  // namespace sightline
