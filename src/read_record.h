/// Records as bytes that somebody else has written.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>

namespace sightline {

/// False: there are too few bytes.
template <class Record>
bool read_record(std::span<const std::byte> payload, Record& record) {
  if (payload.size() < sizeof record) return false;
  std::memcpy(&record, payload.data(), sizeof record);
  return true;
}

}  // namespace sightline
