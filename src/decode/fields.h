/// Reading a C struct of the traced program, field after field.
///
/// One description serves every ABI: a pointer is as wide as the call's pointers, a `long` as the layout's longs, and
/// fields are aligned as the ABI aligns them. Reading past the end is remembered and yields zeros; whoever reads asks
/// ok() in the end and prints the address instead of the struct if it does not hold.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace sightline::decode {

class Fields {
 public:
  /// `pointer` and `longs`: bytes per pointer and per long, 4 or 8. With longs of 4 bytes (i386) nothing is aligned to
  /// more than 4.
  Fields(std::span<const std::byte> bytes, unsigned pointer, unsigned longs)
      : bytes_(bytes), pointer_(pointer), long_(longs), align_(longs == 4 ? 4 : 8) {}

  uint8_t u8() { return get<uint8_t>(); }
  uint16_t u16() { return get<uint16_t>(); }
  int16_t s16() { return get<int16_t>(); }
  uint32_t u32() { return get<uint32_t>(); }
  int32_t s32() { return get<int32_t>(); }
  uint64_t u64() { return get<uint64_t>(); }
  int64_t s64() { return get<int64_t>(); }
  uint64_t pointer() { return pointer_ == 4 ? get<uint32_t>() : get<uint64_t>(); }
  uint64_t ulong() { return long_ == 4 ? get<uint32_t>() : get<uint64_t>(); }
  int64_t slong() { return long_ == 4 ? get<int32_t>() : get<int64_t>(); }
  /// size_t is as wide as a pointer.
  uint64_t size() { return pointer(); }

  /// The next `count` bytes as they are.
  std::span<const std::byte> raw(std::size_t count) {
    if (!room(count)) return {};
    const auto taken = bytes_.subspan(at_, count);
    at_ += count;
    return taken;
  }
  void skip(std::size_t count) {
    if (room(count)) at_ += count;
  }
  void align(std::size_t to) {
    const std::size_t step = std::min<std::size_t>(to, align_);
    const std::size_t up = (at_ + step - 1) / step * step;
    if (room(up - at_)) at_ = up;
  }
  /// From here on fields follow each other without padding.
  void pack() { align_ = 1; }

  bool ok() const { return ok_; }
  std::size_t left() const { return bytes_.size() - at_; }
  std::size_t at() const { return at_; }
  unsigned pointer_size() const { return pointer_; }
  unsigned long_size() const { return long_; }

 private:
  bool room(std::size_t count) {
    if (count <= bytes_.size() - at_) return true;
    ok_ = false;
    return false;
  }
  template <class T>
  T get() {
    align(sizeof(T));
    T value{};
    if (!room(sizeof(T))) return value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }

  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  unsigned pointer_;
  unsigned long_;
  std::size_t align_;
  bool ok_ = true;
};

}  // namespace sightline::decode
