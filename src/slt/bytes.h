/// Growing and reading byte strings of varints: the alphabet of the trace file.
///
/// Numbers are LEB128 varints (seven bits a byte, least significant first); signed ones are zigzag-coded first
/// (protobuf's encoding, https://protobuf.dev/programming-guides/encoding). A ByteReader never reads beyond its end:
/// after the first number that does not fit it yields zeros and `ok()` is false, so that a decoder can read a whole
/// record and check once.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

namespace sightline::slt {

inline constexpr std::size_t kMaxVarint = 10;

inline constexpr uint64_t zigzag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}

inline constexpr int64_t unzigzag(uint64_t value) {
  return static_cast<int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Writes a varint (at most kMaxVarint bytes); returns where it ends.
inline uint8_t* put_varint(uint8_t* at, uint64_t value) {
  while (value >= 0x80) {
    *at++ = static_cast<uint8_t>(value | 0x80);
    value >>= 7;
  }
  *at++ = static_cast<uint8_t>(value);
  return at;
}
inline uint8_t* put_signed_varint(uint8_t* at, int64_t value) {
  return put_varint(at, zigzag(value));
}

/// A byte string that grows at its end. Not a std::string: that would write every byte twice.
class ByteWriter {
 public:
  ByteWriter() = default;
  ByteWriter(ByteWriter&& from) noexcept
      : data_(std::move(from.data_)),
        size_(std::exchange(from.size_, 0)),
        capacity_(std::exchange(from.capacity_, 0)) {}
  ByteWriter& operator=(ByteWriter&& from) noexcept {
    data_ = std::move(from.data_);
    size_ = std::exchange(from.size_, 0);
    capacity_ = std::exchange(from.capacity_, 0);
    return *this;
  }

  void u8(uint8_t value) {
    grow(1);
    data_[size_++] = value;
  }

  void varint(uint64_t value) {
    grow(kMaxVarint);
    size_ = static_cast<std::size_t>(put_varint(data_.get() + size_, value) - data_.get());
  }

  /// Writes a varint over the one byte at `place`; what follows it moves if it takes more.
  void put_varint_at(std::size_t place, uint64_t value) {
    if (value < 0x80) [[likely]] {
      data_[place] = static_cast<uint8_t>(value);
      return;
    }
    uint8_t bytes[kMaxVarint];
    const auto count = static_cast<std::size_t>(put_varint(bytes, value) - bytes);
    grow(count - 1);
    std::memmove(data_.get() + place + count, data_.get() + place + 1, size_ - place - 1);
    std::memcpy(data_.get() + place, bytes, count);
    size_ += count - 1;
  }

  /// Room for `count` bytes, for a caller that writes many small ones and then says how far with end().
  uint8_t* begin(std::size_t count) {
    grow(count);
    return data_.get() + size_;
  }
  void end(const uint8_t* at) { size_ = static_cast<std::size_t>(at - data_.get()); }

  void signed_varint(int64_t value) { varint(zigzag(value)); }

  void bytes(const void* from, std::size_t count) {
    if (count == 0) return;
    grow(count);
    std::memcpy(data_.get() + size_, from, count);
    size_ += count;
  }

  /// Length and bytes.
  void string(std::string_view text) {
    varint(text.size());
    bytes(text.data(), text.size());
  }

  void clear() { size_ = 0; }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  const uint8_t* data() const { return data_.get(); }

 private:
  void grow(std::size_t more) {
    if (capacity_ - size_ >= more) return;
    const std::size_t capacity = (size_ + more) * 2 + 256;
    std::unique_ptr<uint8_t[]> data(new uint8_t[capacity]);
    if (size_ != 0) std::memcpy(data.get(), data_.get(), size_);
    data_ = std::move(data);
    capacity_ = capacity;
  }

  std::unique_ptr<uint8_t[]> data_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

/// Reads what a ByteWriter wrote, or what somebody else did: nothing in it is trusted.
class ByteReader {
 public:
  ByteReader() = default;
  explicit ByteReader(std::span<const uint8_t> data) : at_(data.data()), end_(data.data() + data.size()) {}

  bool ok() const { return ok_; }
  bool at_end() const { return at_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - at_); }
  const uint8_t* position() const { return at_; }

  uint8_t u8() {
    if (at_ == end_) return fail();
    return *at_++;
  }

  uint64_t varint() {
    if (at_ != end_ && *at_ < 0x80) return *at_++;
    return long_varint();
  }

  int64_t signed_varint() { return unzigzag(varint()); }

  /// A varint that must fit; a larger one is damage.
  uint32_t u32() {
    const uint64_t value = varint();
    return value <= UINT32_MAX ? static_cast<uint32_t>(value) : fail();
  }

  int32_t i32() {
    const int64_t value = signed_varint();
    return value >= INT32_MIN && value <= INT32_MAX ? static_cast<int32_t>(value) : fail();
  }

  std::span<const uint8_t> bytes(uint64_t count) {
    if (count > left()) {
      fail();
      return {};
    }
    const uint8_t* from = at_;
    at_ += count;
    return {from, static_cast<std::size_t>(count)};
  }

  std::string_view string() {
    const auto text = bytes(varint());
    return {reinterpret_cast<const char*>(text.data()), text.size()};
  }

 private:
  uint8_t fail() {
    ok_ = false;
    at_ = end_;
    return 0;
  }

  uint64_t long_varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && at_ != end_; shift += 7) {
      const uint8_t byte = *at_++;
      // The tenth byte holds bit 63 alone; more would be cut off silently.
      if (shift == 63 && byte > 1) break;
      value |= static_cast<uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    return fail();
  }

  const uint8_t* at_ = nullptr;
  const uint8_t* end_ = nullptr;
  bool ok_ = true;
};

}  // namespace sightline::slt
