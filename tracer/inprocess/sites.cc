#include "tracer/inprocess/sites.h"

#include <algorithm>
#include <cstring>

#include "tracer/inprocess/remote.h"

namespace sightline::tracer::inprocess {
namespace {

// A place that the program jumps to again and again would cost more than the site saves.
constexpr int64_t kMostArrivals = 256;

/// What the kernel makes of a length that it is given.
uint64_t whole_pages(uint64_t length) {
  constexpr uint64_t kPage = 4096;
  return (length + kPage - 1) & ~(kPage - 1);
}

}  // namespace

/// Whether some of these bytes belong to a patch.
bool Sites::overlaps(uint64_t start, std::size_t size) const {
  const auto meets = [&](uint64_t other, std::size_t n) { return other < start + size && start < other + n; };
  return std::any_of(patched_.begin(), patched_.end(), [&](const auto& entry) {
    const Patch& patch = patches_.at(entry.second);
    return meets(patch.start, patch.size) || (patch.padding != 0 && meets(patch.padding, kJump));
  });
}

const Sites::Patch* Sites::patch_at(uint64_t start) const {
  const auto near = patched_.find(start);
  return near == patched_.end() ? nullptr : &patches_.at(near->second);
}

/// Whether take_back() has been at it and not come to its end.
bool Sites::stands_in_part(pid_t tid, const Patch& patch) {
  Jump now{};
  const auto bytes = std::span(now).first(patch.size);
  if (!read_memory(tid, patch.start, bytes)) return false;
  for (std::size_t i = 0; i < patch.size; ++i)
    if (now[i] != patch.written[i] && now[i] != patch.original[i] && (i != 0 || now[i] != kBreakpoint)) return false;
  return !std::equal(bytes.begin(), bytes.end(), patch.original.begin());
}

/// What stands there now, if nobody else has written it.
Sites::Jump Sites::expected(const Patch& patch) {
  Jump bytes = patch.step == Patch::Step::breakpoints ? patch.original : patch.written;
  if (patch.step == Patch::Step::done) return bytes;
  bytes[0] = kBreakpoint;
  if (patch.step == Patch::Step::but_the_first) return bytes;
  for (const Piece& piece : patch.pieces.list())
    if (piece.own < patch.size) bytes[piece.own] = kBreakpoint;
  return bytes;
}

bool Sites::stands(pid_t tid, const Patch& patch) {
  Jump now{};
  const auto bytes = std::span(now).first(patch.size);
  return read_memory(tid, patch.start, bytes) && std::equal(bytes.begin(), bytes.end(), expected(patch).begin());
}

const Sites::Patch* Sites::unfinished_at(uint64_t address) const {
  const Patch* const patch = patch_at(address);
  return patch != nullptr && patch->step != Patch::Step::done ? patch : nullptr;
}

const Sites::Patch* Sites::standing_patch(pid_t tid, uint64_t start) {
  const Patch* patch = patch_at(start);
  if (patch == nullptr || stands(tid, *patch)) return patch;
  traps_.erase(patch->behind);
  forget_patch(start);
  return nullptr;
}

Sites::Call Sites::call_at(pid_t tid, uint64_t behind) {
  if (const auto near = patches_.find(near_.place_of(behind)); near != patches_.end() && near->second.resume == behind)
    return {near->second.behind, behind};
  if (const Patch* patch = standing_patch(tid, behind - 2); patch != nullptr && patch->behind == behind)
    return {behind, patch->resume};
  return {behind, behind};
}

const Sites::Patch* Sites::patch_with_breakpoint(uint64_t address) const {
  for (uint64_t back = 2; back < kJump; ++back) {
    const Patch* patch = patch_at(address - back);
    if (patch == nullptr || patch->form != Form::with_next) continue;
    for (const Piece& piece : patch->pieces.list())
      if (piece.own == back) return patch;
  }
  return nullptr;
}

std::optional<uint64_t> Sites::past_breakpoint(pid_t tid, uint64_t address) {
  if (const Patch* found = patch_with_breakpoint(address); found != nullptr && stands(tid, *found)) {
    Patch& patch = patches_.at(found->near);
    uint64_t to = address;
    for (const Piece& piece : patch.pieces.list())
      if (patch.start + piece.own == address) to = patch.near + piece.near;
    if (patch.step == Patch::Step::done && ++patch.arrivals > kMostArrivals && copies_ == 0) {
      traps_[patch.behind] = kLastTry;
      take_back(tid, patch);
    }
    return to;
  }
  if (const Patch* patch = unfinished_at(address); patch != nullptr && stands(tid, *patch)) return patch->near;
  if (!patched_.contains(address) && !restored_.contains(address)) return std::nullopt;
  // It stood there for a moment. What stands there still is the program's own.
  std::byte now{};
  if (!read_memory(tid, address, {&now, 1}) || now == kBreakpoint) return std::nullopt;
  return address;
}

bool Sites::is_near(uint64_t address) const {
  return paddings_.contains(address) || patches_.contains(near_.place_of(address));
}

uint64_t Sites::behind_of(uint64_t resume) const {
  const auto found = patches_.find(near_.place_of(resume));
  return found == patches_.end() ? resume : found->second.behind;
}

uint64_t Sites::own_place(uint64_t address) {
  if (const auto start = paddings_.find(address); start != paddings_.end()) return start->second;
  const auto found = patches_.find(near_.place_of(address));
  if (found == patches_.end()) return address;
  Patch& patch = found->second;
  // The displaced `mov` has not been run only at the first byte; without it the call's number is set again.
  if (patch.form == Form::after_move) return address == patch.near ? patch.start : patch.behind - 2;
  if (address < patch.resume) return patch.start;
  for (const Piece& piece : patch.pieces.list()) {
    if (patch.near + piece.near != address) continue;
    // It will be back, and trap.
    if (piece.own < patch.size) --patch.arrivals;
    return patch.start + piece.own;
  }
  return address;
}

void Sites::forget_patch(uint64_t start) {
  const auto at = patched_.find(start);
  if (at == patched_.end()) return;
  near_.give_back(at->second);
  paddings_.erase(patches_.at(at->second).padding);
  patches_.erase(at->second);
  patched_.erase(at);
}

void Sites::forget(pid_t tid, uint64_t start, uint64_t length) {
  length = whole_pages(length);
  const auto touched = [&](uint64_t address) { return address - start < length; };
  std::erase_if(traps_, [&](const auto& entry) { return touched(entry.first); });
  std::erase_if(restored_, touched);
  std::erase_if(private_, [&](const auto& range) { return range.first < start + length && start < range.second; });
  std::vector<uint64_t> gone;
  for (const auto& [first, near] : patched_) {
    const Patch& patch = patches_.at(near);
    if (!touched(first) && !touched(first + patch.size - 1)) continue;
    put_back_outside(tid, patch, start, length);
    gone.push_back(first);
  }
  for (const uint64_t first : gone) forget_patch(first);
  near_.forget(start, length);
}

void Sites::dropped(pid_t tid, uint64_t start, uint64_t length) {
  length = whole_pages(length);
  const auto touched = [&](uint64_t address) { return address - start < length; };
  // Of the others none of their bytes stand any more, which is seen at their next traps. The instructions near it stay:
  // somebody may be there.
  std::erase_if(patched_, [&](const auto& entry) {
    const Patch& patch = patches_.at(entry.second);
    const bool in_part = touched(patch.start) != touched(patch.start + patch.size - 1) ||
                         (patch.padding != 0 && touched(patch.start) != touched(patch.padding + kJump - 1));
    if (in_part) put_back_outside(tid, patch, start, length);
    return in_part;
  });
}

void Sites::begin(Arena& arena, std::span<const proc::Map> maps, uint64_t near_code) {
  code_.begin(arena, maps);
  for (const proc::Map& map : maps)
    if (map.executable && map.is_private) private_.emplace_back(map.start, map.end);
  if (near_code == 0) return;
  near_.adopt(near_code);
  code_.add(near_code, NearCode::kAreaBytes);
}

void Sites::made_executable(uint64_t start, uint64_t length, bool is_private) {
  code_.add(start, length);
  std::erase_if(private_, [&](const auto& range) { return range.first < start + length && start < range.second; });
  if (is_private) private_.emplace_back(start, start + length);
}

void Sites::moved(pid_t tid, uint64_t from, uint64_t to, uint64_t length) {
  for (const auto& [start, near] : patched_) {
    if (start - from >= length) continue;
    Patch patch = patches_.at(near);
    patch.start += to - from;
    if (stands(tid, patch))
      write_memory(tid, patch.start, std::span<const std::byte>(patch.original).first(patch.size));
    if (patch.padding - from < length) write_memory(tid, patch.padding + (to - from), patch.padding_original);
  }
}

/// The instructions near it stay: somebody may be there, or come back.
void Sites::take_back(pid_t tid, const Patch& patch) {
  const auto original = std::span<const std::byte>(patch.original).first(patch.size);
  patched_.erase(patch.start);
  if (!stands(tid, patch) && !(in_part_ && stands_in_part(tid, patch))) return;
  // Behind a breakpoint, from the end to the beginning: what is there is always an instruction or a breakpoint.
  restored_.insert(patch.start);
  write_memory(tid, patch.start, {&kBreakpoint, 1});
  for (const Piece& piece : patch.pieces.list())
    if (piece.own < patch.size) restored_.insert(patch.start + piece.own);
  for (std::size_t end = patch.size; end > 1;) {
    // One instruction after the other, its first byte last.
    std::size_t begin = 1;
    for (const Piece& piece : patch.pieces.list())
      if (piece.own < end) begin = std::max<std::size_t>(begin, piece.own);
    if (end - begin > 1) write_memory(tid, patch.start + begin + 1, original.subspan(begin + 1, end - begin - 1));
    write_memory(tid, patch.start + begin, original.subspan(begin, 1));
    end = begin;
  }
  write_memory(tid, patch.start, original.first(1));
}

void Sites::copied() {
  copies_ = 0;
  for (auto& [near, patch] : patches_) patch.in_hands = false;
  if (!frozen_) return;
  in_part_ = true;
  for (const auto& [near, patch] : patches_) patched_.try_emplace(patch.start, near);
}

void Sites::restore(pid_t tid) {
  const auto all = patched_;
  for (const auto& [start, near] : all) take_back(tid, patches_.at(near));
  frozen_ = true;
}

std::vector<std::pair<uint64_t, uint64_t>> Sites::leave_nothing(pid_t tid) {
  for (const auto& [near, patch] : patches_)
    if (patch.padding != 0) write_memory(tid, patch.padding, patch.padding_original);
  if (frames_ != 0) return {};
  return near_.areas();
}

std::pair<uint64_t, uint64_t> Sites::private_around(pid_t tid, uint64_t address) {
  // Mappings may follow one another without a gap.
  const auto known = [&] {
    std::pair<uint64_t, uint64_t> around{address, address};
    for (bool more = true; more;) {
      more = false;
      for (const auto& [start, end] : private_) {
        if (start > around.second || end < around.first || (start >= around.first && end <= around.second)) continue;
        around = {std::min(start, around.first), std::max(end, around.second)};
        more = true;
      }
    }
    return around;
  };
  const auto holds = [&](const std::pair<uint64_t, uint64_t>& around) { return around.second > address; };
  if (const auto around = known(); holds(around)) return around;
  private_.clear();
  for (const proc::Map& map : proc::executable_maps(tid))
    if (map.is_private) private_.emplace_back(map.start, map.end);
  const auto around = known();
  return holds(around) ? around : std::pair<uint64_t, uint64_t>{};
}

}  // namespace sightline::tracer::inprocess