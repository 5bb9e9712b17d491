#include "tracer/fd_paths.h"

#include <fcntl.h>

#include <cstdint>
#include <cstring>

namespace sightline::tracer {
namespace {

void capture_fd_path(uint8_t arg, int fd, Phase phase, FdLookup& lookup, std::span<std::byte> out,
                     CaptureResult& result) {
  if (result.count == UINT8_MAX) return;
  const FdPath found = lookup.find(fd);
  const std::size_t need = sizeof(Capture) + padded(found.path.size());
  if (found.path.empty() || need > out.size() - result.bytes) return;
  const Capture header{.address = static_cast<uint64_t>(fd),
                       .wanted = static_cast<uint32_t>(found.path.size()),
                       .length = static_cast<uint32_t>(found.path.size()),
                       .arg = arg,
                       .phase = phase,
                       .kind = CaptureKind::fd_path,
                       .flags = static_cast<uint8_t>(found.deleted ? kCaptureDeleted : 0)};
  std::byte* place = out.data() + result.bytes;
  std::memcpy(place, &header, sizeof header);
  std::memcpy(place + sizeof header, found.path.data(), found.path.size());
  std::memset(place + sizeof header + found.path.size(), 0, need - sizeof header - found.path.size());
  result.bytes += static_cast<uint32_t>(need);
  ++result.count;
}

bool returns_descriptor(const Syscall& call, const CaptureCall& state) {
  if (call.returns == ReturnType::fd) return true;
  const auto command = static_cast<uint32_t>(state.args[1]);
  return (command == F_DUPFD || command == F_DUPFD_CLOEXEC) && std::string_view(call.name).starts_with("fcntl");
}

}  // namespace

void capture_fd_paths(const Syscall& call, Phase phase, const CaptureCall& state, FdLookup& lookup,
                      std::span<std::byte> out, CaptureResult& result) {
  if (phase == Phase::exit) {
    if (!state.failed && returns_descriptor(call, state))
      capture_fd_path(0, static_cast<int>(state.ret), phase, lookup, out, result);
    return;
  }
  for (std::size_t i = 0; i < call.arguments.size(); ++i) {
    if (arg_base(call.arguments[i].type) != ArgBase::fd) continue;
    const int fd = static_cast<int>(state.args[i]);
    if (fd >= 0 || fd == AT_FDCWD) capture_fd_path(static_cast<uint8_t>(i), fd, phase, lookup, out, result);
  }
}

}  // namespace sightline::tracer
