#include "tracer/inprocess/known_code.h"

#include <algorithm>
#include <functional>

#include "tracer/inprocess/layout.h"

namespace sightline::tracer::inprocess {
namespace {

constexpr uint64_t kPage = 4096;

uint64_t end_of(uint64_t start, uint64_t length) {
  const uint64_t end = start + length;
  if (end < start || end > UINT64_MAX - kPage) return UINT64_MAX;
  return (end + kPage - 1) & ~(kPage - 1);
}

}  // namespace

KnownCode::KnownCode(const KnownCode& other) : arena_(other.arena_), ranges_(other.ranges_) {
  if (other.table_ == nullptr) return;
  table_ = arena_->take_table();
  publish();
}

KnownCode::~KnownCode() {
  end();
}

void KnownCode::begin(Arena& arena, std::span<const proc::Map> maps) {
  end();
  arena_ = &arena;
  table_ = arena.take_table();
  for (const proc::Map& map : maps)
    if (map.executable) add(map.start, map.end - map.start);
  add(kBase, kEnd - kBase);
}

void KnownCode::end() {
  if (table_ != nullptr) arena_->give_table_back(table_);
  table_ = nullptr;
  ranges_.clear();
}

void KnownCode::add(uint64_t start, uint64_t length) {
  if (table_ == nullptr || length == 0) return;
  Range added{start, end_of(start, length)};
  const auto first = std::find_if(ranges_.begin(), ranges_.end(), [&](const Range& r) { return r.end >= added.start; });
  const auto last = std::find_if(first, ranges_.end(), [&](const Range& r) { return r.start > added.end; });
  if (first != last) {
    added = {std::min(added.start, first->start), std::max(added.end, std::prev(last)->end)};
    if (std::next(first) == last && *first == added) return;
  }
  ranges_.insert(ranges_.erase(first, last), added);
  publish();
}

void KnownCode::remove(uint64_t start, uint64_t length) {
  if (table_ == nullptr || length == 0) return;
  const uint64_t end = end_of(start, length);
  std::vector<Range> left;
  for (const Range& r : ranges_) {
    if (r.start < start) left.push_back({r.start, std::min(r.end, start)});
    if (r.end > end) left.push_back({std::max(r.start, end), r.end});
  }
  if (left == ranges_) return;
  ranges_ = std::move(left);
  publish();
}

/// Of more ranges than there is room for, those that lie closest together become one.
void KnownCode::publish() {
  if (table_ == nullptr) return;
  uint64_t widest = 0;  // gap that is closed
  if (ranges_.size() > CodeRanges::kMost) {
    std::vector<uint64_t> gaps;
    for (std::size_t i = 1; i < ranges_.size(); ++i) gaps.push_back(ranges_[i].start - ranges_[i - 1].end);
    const auto kept = gaps.begin() + CodeRanges::kMost - 1;
    std::nth_element(gaps.begin(), kept, gaps.end(), std::greater<>());
    widest = *kept;
  }
  const uint32_t version = table_->version.load(std::memory_order_relaxed);
  table_->version.store(version + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  uint32_t count = 0;
  uint64_t end = 0;
  for (const Range& r : ranges_) {
    const bool joins = count != 0 && r.start - end <= widest && widest != 0;
    if (!joins) table_->bounds[2 * count++].store(r.start, std::memory_order_relaxed);
    end = r.end;
    table_->bounds[2 * count - 1].store(end, std::memory_order_relaxed);
  }
  table_->count.store(count, std::memory_order_relaxed);
  table_->version.store(version + 2, std::memory_order_release);
}

}  // namespace sightline::tracer::inprocess
