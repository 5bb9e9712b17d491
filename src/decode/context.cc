#include "src/decode/context.h"

#include <algorithm>

#include "src/decode/text.h"

namespace sightline::decode {

Piece Context::piece_at(tracer::Phase phase, uint64_t address) const {
  const Captures& captures = phase == tracer::Phase::exit ? exit : entry;
  return captures.find(arg, address_of(address), tracer::CaptureKind::bytes);
}

Piece Context::piece(uint64_t address) const {
  if (const Piece after = piece_at(tracer::Phase::exit, address); after.found) return after;
  return piece_at(tracer::Phase::entry, address);
}

Piece Context::string(uint64_t address) const {
  const uint64_t at = address_of(address);
  if (const Piece after = exit.find(arg, at, tracer::CaptureKind::string); after.found) return after;
  return entry.find(arg, at, tracer::CaptureKind::string);
}

void Context::address(uint64_t value) {
  if (narrow()) value &= 0xffffffff;
  if (value == 0) {
    out += "NULL";
  } else {
    append_hex(out, value);
  }
}

void Context::quoted(std::span<const std::byte> bytes, bool truncated) {
  append_quoted(out, bytes, style.hex_strings, truncated);
}

/// What it referred to when the call began, whatever the call has made of it.
void Context::fd(int32_t number) {
  append_decimal(out, number);
  path_of(entry, number);
}

void Context::dirfd(int32_t number) {
  constexpr int32_t kWorkingDirectory = -100;
  if (number != kWorkingDirectory) return fd(number);
  out += "AT_FDCWD";
  path_of(entry, number);
}

void Context::returned_fd(int32_t number) {
  append_decimal(out, number);
  path_of(exit, number);
}

void Context::path_of(const Captures& captures, int32_t fd) {
  if (!style.fd_paths) return;
  const Piece path = captures.find_path(fd);
  if (!path.found) return;
  out += '<';
  append_path(out, path.bytes);
  out += (path.flags & tracer::kCaptureDeleted) != 0 ? ">(deleted)" : ">";
}

void Context::id(uint32_t number) {
  if (number == UINT32_MAX) {
    out += "-1";
  } else {
    append_unsigned(out, number);
  }
}

void Context::limited_text(const Piece& piece, uint64_t length) {
  const std::size_t shown = std::min<std::size_t>(
      {piece.bytes.size(), style.string_limit, static_cast<std::size_t>(std::min<uint64_t>(length, SIZE_MAX))});
  quoted(piece.bytes.first(shown), length > shown);
}

}  // namespace sightline::decode
