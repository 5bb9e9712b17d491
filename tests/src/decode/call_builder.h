/// Builds a Call with captures as the engines make them, and prints it as a line of strace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "src/decode/decode.h"
#include "src/model.h"
#include "tracer/span.h"
#include "tracer/syscall_table.h"

namespace sightline::decode {

/// Bytes of structs, field after field.
class Bytes {
 public:
  template <class T>
  Bytes& put(T value) {
    const auto* from = reinterpret_cast<const char*>(&value);
    bytes_.append(from, sizeof value);
    return *this;
  }
  Bytes& u16(uint64_t value) { return put(static_cast<uint16_t>(value)); }
  Bytes& u32(uint64_t value) { return put(static_cast<uint32_t>(value)); }
  Bytes& u64(uint64_t value) { return put(value); }
  Bytes& text(std::string_view text) {
    bytes_ += text;
    return *this;
  }
  Bytes& zeros(std::size_t count) {
    bytes_.append(count, '\0');
    return *this;
  }
  operator const std::string&() const { return bytes_; }  // NOLINT: a Bytes stands for its bytes

 private:
  std::string bytes_;
};

class CallBuilder {
 public:
  explicit CallBuilder(std::string_view name, std::initializer_list<uint64_t> args,
                       tracer::Abi abi = tracer::Abi::x86_64) {
    call_.abi = abi;
    call_.nr = tracer::find_syscall_number(abi, name);
    call_.syscall = tracer::find_syscall(abi, call_.nr);
    std::size_t i = 0;
    for (const uint64_t arg : args) call_.args[i++] = arg;
  }

  /// `wanted` 0: all of it was copied.
  CallBuilder& in(uint8_t arg, uint64_t address, const std::string& bytes, uint32_t wanted = 0, uint8_t flags = 0) {
    return capture(entry_, tracer::Phase::entry, tracer::CaptureKind::bytes, arg, address, bytes, wanted, flags);
  }
  CallBuilder& out(uint8_t arg, uint64_t address, const std::string& bytes, uint32_t wanted = 0, uint8_t flags = 0) {
    return capture(exit_, tracer::Phase::exit, tracer::CaptureKind::bytes, arg, address, bytes, wanted, flags);
  }
  CallBuilder& in_string(uint8_t arg, uint64_t address, const std::string& bytes, uint8_t flags = 0) {
    return capture(entry_, tracer::Phase::entry, tracer::CaptureKind::string, arg, address, bytes, 0, flags);
  }
  CallBuilder& out_string(uint8_t arg, uint64_t address, const std::string& bytes, uint8_t flags = 0) {
    return capture(exit_, tracer::Phase::exit, tracer::CaptureKind::string, arg, address, bytes, 0, flags);
  }
  CallBuilder& fd_path(uint8_t arg, int32_t fd, const std::string& path, bool at_exit = false) {
    return capture(at_exit ? exit_ : entry_, at_exit ? tracer::Phase::exit : tracer::Phase::entry,
                   tracer::CaptureKind::fd_path, arg, static_cast<uint64_t>(int64_t{fd}), path, 0, 0);
  }

  CallBuilder& returns(int64_t value) {
    call_.finished = true;
    call_.ret = value;
    return *this;
  }
  CallBuilder& fails(int64_t error) {
    call_.finished = call_.failed = true;
    call_.ret = -error;
    return *this;
  }
  CallBuilder& ends(tracer::CallEnd how, int64_t value = 0) {
    call_.finished = true;
    call_.end_kind = how;
    call_.ret = value;
    return *this;
  }

  Call& call() {
    call_.entry_captures = std::as_bytes(std::span(entry_));
    call_.exit_captures = std::as_bytes(std::span(exit_));
    return call_;
  }

  DecodedCall decoded(const Style& style = {}) {
    DecodedCall into;
    decode::decode(call(), style, into);
    return into;
  }

  /// `name(args) = result`; of an unfinished call `name(args`.
  std::string line(const Style& style = {}) {
    const DecodedCall decoded_call = decoded(style);
    std::string text = decoded_call.name + '(';
    for (std::size_t i = 0; i < decoded_call.arguments.size(); ++i) {
      if (i != 0) text += ", ";
      text += decoded_call.arguments[i].text;
    }
    if (call_.finished) text += ") = " + decoded_call.result;
    return text;
  }

 private:
  CallBuilder& capture(std::string& into, tracer::Phase phase, tracer::CaptureKind kind, uint8_t arg, uint64_t address,
                       const std::string& bytes, uint32_t wanted, uint8_t flags) {
    tracer::Capture header;
    header.address = address;
    header.wanted = kind == tracer::CaptureKind::bytes && wanted == 0 ? static_cast<uint32_t>(bytes.size()) : wanted;
    header.length = static_cast<uint32_t>(bytes.size());
    header.arg = arg;
    header.phase = phase;
    header.kind = kind;
    header.flags = flags;
    if (header.wanted > header.length && flags == 0) header.flags = tracer::kCaptureTruncated;
    into.append(reinterpret_cast<const char*>(&header), sizeof header);
    into += bytes;
    into.append(tracer::padded(bytes.size()) - bytes.size(), '\0');
    return *this;
  }

  Call call_;
  std::string entry_, exit_;
};

inline constexpr uint64_t kWorkingDirectory = static_cast<uint64_t>(-100);
inline constexpr uint64_t kNoFd = static_cast<uint64_t>(-1);

}  // namespace sightline::decode
