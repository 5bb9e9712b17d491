#include "src/decode/captures.h"

#include <cstring>

namespace sightline::decode {
namespace {

Piece piece_of(const tracer::Capture& header, std::span<const std::byte> bytes) {
  return {.bytes = bytes, .address = header.address, .wanted = header.wanted, .flags = header.flags, .found = true};
}

}  // namespace

bool Captures::read(std::size_t at, Entry& into) const {
  if (raw_.size() < sizeof(tracer::Capture) || at > raw_.size() - sizeof(tracer::Capture)) return false;
  std::memcpy(&into.header, raw_.data() + at, sizeof into.header);
  const std::span<const std::byte> rest = raw_.subspan(at + sizeof into.header);
  const uint64_t room = tracer::padded(into.header.length);
  if (room > rest.size()) return false;
  into.bytes = rest.first(into.header.length);
  into.next = at + sizeof into.header + static_cast<std::size_t>(room);
  return true;
}

Piece Captures::find(unsigned arg, uint64_t address, tracer::CaptureKind kind) const {
  const std::size_t start = cursor_;
  std::size_t at = start;
  bool wrapped = start == 0;
  for (;;) {
    Entry entry;
    if ((wrapped && at >= start && start != 0) || !read(at, entry)) {
      if (wrapped) return {};
      wrapped = true;
      at = 0;
      continue;
    }
    at = entry.next;
    if (entry.header.arg == arg && entry.header.address == address && entry.header.kind == kind) {
      cursor_ = at;
      return piece_of(entry.header, entry.bytes);
    }
  }
}

Piece Captures::find_path(int32_t fd) const {
  Entry entry;
  for (std::size_t at = 0; read(at, entry); at = entry.next)
    if (entry.header.kind == tracer::CaptureKind::fd_path && static_cast<int32_t>(entry.header.address) == fd)
      return piece_of(entry.header, entry.bytes);
  return {};
}

}  // namespace sightline::decode
