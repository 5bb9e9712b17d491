/// Reads numbers from bytes that are not trusted. Running over the end yields zeros and is remembered.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace sightline::symbolizer {

class DwarfCursor {
 public:
  DwarfCursor(const uint8_t* begin, uint64_t size) : at_(begin), end_(begin + size) {}

  bool failed() const { return failed_; }
  bool at_end() const { return at_ == end_; }
  uint64_t left() const { return static_cast<uint64_t>(end_ - at_); }
  const uint8_t* position() const { return at_; }

  void fail() {
    failed_ = true;
    at_ = end_;
  }
  void skip(uint64_t bytes) {
    if (bytes > left()) return fail();
    at_ += bytes;
  }
  uint8_t u8() { return fixed<uint8_t>(); }
  uint16_t u16() { return fixed<uint16_t>(); }
  uint32_t u32() { return fixed<uint32_t>(); }
  uint64_t u64() { return fixed<uint64_t>(); }
  /// 1 to 8 bytes, little endian.
  uint64_t number(unsigned size) {
    if (size > left()) return fail(), 0;
    uint64_t value = 0;
    std::memcpy(&value, at_, size);
    at_ += size;
    return value;
  }

  uint64_t uleb() {
    if (at_ != end_ && *at_ < 0x80) return *at_++;
    uint64_t value = 0;
    for (unsigned shift = 0; at_ != end_; shift += 7) {
      const uint8_t byte = *at_++;
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    return fail(), 0;
  }
  int64_t sleb() {
    uint64_t value = 0;
    for (unsigned shift = 0; at_ != end_;) {
      const uint8_t byte = *at_++;
      if (shift < 64) value |= uint64_t{byte & 0x7fu} << shift;
      shift += 7;
      if (byte >= 0x80) continue;
      if (shift < 64 && (byte & 0x40) != 0) value |= ~uint64_t{0} << shift;
      return static_cast<int64_t>(value);
    }
    return fail(), 0;
  }
  void skip_leb() {
    while (at_ != end_)
      if (*at_++ < 0x80) return;
    fail();
  }
  std::string_view string() {
    const auto* begin = at_;
    const void* end = at_ == end_ ? nullptr : std::memchr(at_, 0, left());
    if (!end) return fail(), std::string_view();
    at_ = static_cast<const uint8_t*>(end) + 1;
    return {reinterpret_cast<const char*>(begin), static_cast<std::size_t>(at_ - 1 - begin)};
  }

 private:
  template <typename Number>
  Number fixed() {
    if (sizeof(Number) > left()) return fail(), Number{0};
    Number value;
    std::memcpy(&value, at_, sizeof value);
    at_ += sizeof value;
    return value;
  }

  const uint8_t* at_;
  const uint8_t* end_;
  bool failed_ = false;
};

}  // namespace sightline::symbolizer
