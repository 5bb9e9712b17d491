#include "tracer/path_access.h"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "tracer/subcall.h"

namespace sightline::tracer {
namespace {

// poll(2) fails with more than RLIMIT_NOFILE, and so does select(2): fs.nr_open is 2^20 where nobody has raised it.
constexpr uint32_t kMostDescriptors = 1 << 20;
constexpr uint64_t kPage = 4096;

// enum fsconfig_command (linux/mount.h)
constexpr uint32_t kSetPath = 3;
constexpr uint32_t kSetPathEmpty = 4;
constexpr uint32_t kSetFd = 5;

/// What there is to look at behind an argument.
enum class Behind : uint8_t { nothing, path, polled, selected, old_select, old_mmap, socketcall, fsconfig };

Behind behind(const Syscall& call, const Capturing& what) {
  if (what.phase != Phase::entry || what.arg >= call.arguments.size()) return Behind::nothing;
  const ArgType type = call.arguments[what.arg].type;
  if (type == ArgType::path && what.fetch == Fetch::string) return Behind::path;
  if (type == ArgType::pollfds) return Behind::polled;
  if (type == ArgType::old_mmap_args) return Behind::old_mmap;
  if (what.fetch == Fetch::fd_set) return Behind::selected;
  if (what.fetch == Fetch::old_select) return Behind::old_select;
  if (what.fetch == Fetch::socketcall) return Behind::socketcall;
  if (what.fetch == Fetch::by_fsconfig) return Behind::fsconfig;
  return Behind::nothing;
}

class Look {
 public:
  Look(const PathSet& paths, Abi abi, MemoryReader& memory, FdLookup& lookup)
      : paths_(paths), narrow_(abi == Abi::i386), memory_(memory), lookup_(lookup) {}

  bool at_call(const Syscall& call, std::span<const uint64_t, 6> args) {
    for (const Capturing& what : call.captures)
      if (at_memory(call, args, what)) return true;
    for (std::size_t i = 0; i < call.arguments.size(); ++i)
      if (arg_base(call.arguments[i].type) == ArgBase::fd && at_descriptor(static_cast<int32_t>(args[i]))) return true;
    return false;
  }

 private:
  bool at_memory(const Syscall& call, std::span<const uint64_t, 6> args, const Capturing& what) {
    const uint64_t address = args[what.arg];
    switch (behind(call, what)) {
      case Behind::nothing:
        return false;
      case Behind::path:
        return at_path(address);
      case Behind::polled:
        return at_polled(address, static_cast<uint32_t>(args[what.len_arg]));
      case Behind::selected:
        // All three sets at once, with the first: a descriptor is mostly in more than one.
        return what.arg == 1 && at_selected(args[0], {args[1], args[2], args[3]});
      case Behind::old_select: {
        std::array<uint32_t, 4> words;
        return read(address, words) && at_selected(words[0], {words[1], words[2], words[3]});
      }
      case Behind::old_mmap: {
        std::array<uint32_t, 6> words;
        return read(address, words) && at_descriptor(static_cast<int32_t>(words[4]));
      }
      case Behind::socketcall:
        return at_subcall(call, args);
      case Behind::fsconfig: {
        const auto command = static_cast<uint32_t>(args[1]);
        const bool has_path = command == kSetPath || command == kSetPathEmpty;
        return (has_path && at_path(args[3])) ||
               ((has_path || command == kSetFd) && at_descriptor(static_cast<int32_t>(args[4])));
      }
    }
    return false;
  }

  bool at_descriptor(int32_t fd) {
    if (fd < 0) return false;
    const FdPath found = lookup_.find(fd);
    return !found.path.empty() && paths_.has(found.path);
  }

  bool at_path(uint64_t address) {
    address = reachable(address);
    if (address == 0) return false;
    // No more than it takes to tell, and no read into a page that may be missing behind the end.
    std::array<std::byte, PathSet::kLongest + 1> text;
    const std::size_t wanted = std::min(paths_.longest(), PathSet::kLongest) + 1;
    std::size_t have = 0;
    while (have < wanted) {
      const std::size_t chunk = std::min<uint64_t>(wanted - have, kPage - (address + have) % kPage);
      const std::size_t got = memory_.read(address + have, std::span(text).subspan(have, chunk));
      const auto* nul = got == 0 ? nullptr : static_cast<std::byte*>(std::memchr(text.data() + have, 0, got));
      if (nul != nullptr) {
        const std::string_view path(reinterpret_cast<const char*>(text.data()),
                                    static_cast<std::size_t>(nul - text.data()));
        return paths_.has(path);
      }
      if (got < chunk) return false;
      have += got;
    }
    return false;
  }

  bool at_polled(uint64_t address, uint32_t count) {
    address = reachable(address);
    std::array<pollfd, 64> polled;
    uint32_t left = std::min(count, kMostDescriptors);
    while (left != 0 && address != 0) {
      const std::span<pollfd> some = std::span(polled).first(std::min<std::size_t>(left, polled.size()));
      const std::size_t got = memory_.read(address, std::as_writable_bytes(some)) / sizeof(pollfd);
      for (const pollfd& entry : some.first(got))
        if (at_descriptor(entry.fd)) return true;
      if (got < some.size()) return false;
      address += some.size_bytes();
      left -= static_cast<uint32_t>(got);
    }
    return false;
  }

  bool at_selected(uint64_t count, std::array<uint64_t, 3> sets) {
    const auto signed_count = static_cast<int32_t>(count);
    if (signed_count <= 0) return false;
    const uint32_t bits = std::min(static_cast<uint32_t>(signed_count), kMostDescriptors);
    const uint32_t bytes = (bits + 7) / 8;
    constexpr uint32_t kChunk = 128;
    for (uint32_t at = 0; at < bytes; at += kChunk) {
      std::array<uint8_t, kChunk> any = {};
      for (uint64_t& set : sets) {
        if (set == 0) continue;
        std::array<uint8_t, kChunk> one;
        const auto some = std::span(one).first(std::min(kChunk, bytes - at));
        const std::size_t got = memory_.read(reachable(set + at), std::as_writable_bytes(some));
        for (std::size_t i = 0; i < got; ++i) any[i] |= one[i];
        if (got < some.size()) set = 0;
      }
      for (uint32_t fd = at * 8; fd < std::min(bits, (at + kChunk) * 8); ++fd)
        if ((any[fd / 8 - at] >> fd % 8 & 1) != 0 && at_descriptor(static_cast<int32_t>(fd))) return true;
    }
    return false;
  }

  bool at_subcall(const Syscall& call, std::span<const uint64_t, 6> args) {
    const SubcallWords at = subcall_words(call, args);
    std::array<uint32_t, 6> words = {};
    const auto wanted = std::span(words).first(std::min<std::size_t>(at.count, words.size()));
    if (!wanted.empty() && memory_.read(reachable(at.address), std::as_writable_bytes(wanted)) != wanted.size_bytes())
      return false;
    // Of a call that it stands for none is another such.
    const std::optional<Subcall> subcall = find_subcall(call, args, wanted);
    return subcall && at_call(*subcall->call, subcall->args);
  }

  template <std::size_t N>
  bool read(uint64_t address, std::array<uint32_t, N>& words) {
    address = reachable(address);
    return address != 0 && memory_.read(address, std::as_writable_bytes(std::span(words))) == sizeof words;
  }

  uint64_t reachable(uint64_t address) const { return narrow_ ? address & 0xffffffff : address; }

  const PathSet& paths_;
  bool narrow_;
  MemoryReader& memory_;
  FdLookup& lookup_;
};

}  // namespace

bool PathSet::add(std::string_view path) {
  if (path.size() > kLongest || path.find('\0') != std::string_view::npos) return false;
  if (has(path)) return true;
  if (path.size() + 1 > text_.size() - used_) return false;
  std::memcpy(text_.data() + used_, path.data(), path.size());
  used_ += static_cast<uint32_t>(path.size() + 1);
  longest_ = std::max(longest_, static_cast<uint32_t>(path.size()));
  return true;
}

bool PathSet::has(std::string_view path) const {
  // A copy in memory that a traced program can write to is believed no further than its bounds.
  const std::string_view all(text_.data(), std::min<std::size_t>(used_, text_.size()));
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\0', at), all.size());
    if (all.substr(at, end - at) == path) return true;
    at = end + 1;
  }
  return false;
}

bool can_access_paths(const Syscall& call) {
  if ((call.classes & (kClassFile | kClassDesc | kClassNetwork)) == 0) return false;
  return std::ranges::any_of(call.arguments,
                             [](const Argument& argument) { return arg_base(argument.type) == ArgBase::fd; }) ||
         std::ranges::any_of(call.captures,
                             [&](const Capturing& what) { return behind(call, what) != Behind::nothing; });
}

bool accesses(const Syscall& call, const CaptureCall& state, const PathSet& paths, MemoryReader& memory,
              FdLookup& lookup) {
  return Look(paths, state.abi, memory, lookup).at_call(call, std::span<const uint64_t, 6>(state.args, 6));
}

}  // namespace sightline::tracer
