#include "symbolizer/dwarf_inlines.h"

#include <algorithm>

#include "symbolizer/dwarf_pass.h"

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kMaxDepth = 1024;
constexpr std::size_t kMaxInlineDepth = 128;

}  // namespace

DwarfInlines::DwarfInlines(const DwarfUnit& unit, uint64_t begin, uint64_t end) : unit_(&unit) {
  const DwarfPass pass(unit);
  const uint8_t* bytes = unit.file->info().at(begin, end - begin);
  if (bytes == nullptr) return;
  DwarfCursor cursor(bytes, end - begin);
  constexpr uint32_t kNone = UINT32_MAX;
  std::vector<uint32_t> open;  // the inlined functions around, or kNone for other entries
  do {
    const auto at = static_cast<uint32_t>(begin - unit.offset + static_cast<uint64_t>(cursor.position() - bytes));
    const uint64_t code = cursor.uleb();
    if (code == 0) {
      if (open.empty()) break;
      if (open.back() != kNone) entries_[open.back()].end = static_cast<uint32_t>(entries_.size());
      open.pop_back();
      continue;
    }
    const DwarfAbbreviation* abbreviation = pass.abbreviation(code);
    if (abbreviation == nullptr) break;
    uint32_t number = kNone;
    if (abbreviation->tag == DW_TAG_inlined_subroutine && abbreviation->has_code) {
      number = static_cast<uint32_t>(entries_.size());
      const auto first = static_cast<uint32_t>(ranges_.size());
      pass.read_ranges(cursor, *abbreviation, ranges_);
      entries_.push_back(
          {.die = at, .end = number + 1, .first_range = first, .end_range = static_cast<uint32_t>(ranges_.size())});
    } else {
      pass.skip(cursor, *abbreviation);
    }
    if (abbreviation->has_children) {
      if (open.size() == kMaxDepth) break;
      open.push_back(number);
    }
  } while (!cursor.at_end() && !open.empty());
  for (const uint32_t number : open)
    if (number != kNone) entries_[number].end = static_cast<uint32_t>(entries_.size());
  entries_.shrink_to_fit();
  ranges_.shrink_to_fit();
}

void DwarfInlines::find(uint64_t address, std::vector<DieRef>& chain) const {
  auto end = static_cast<uint32_t>(entries_.size());
  for (uint32_t i = 0; i < end && chain.size() < kMaxInlineDepth;) {
    const Entry& entry = entries_[i];
    const bool holds =
        std::any_of(ranges_.begin() + entry.first_range, ranges_.begin() + entry.end_range,
                    [&](const DwarfFile::Range& range) { return range.low <= address && address < range.high; });
    if (!holds) {
      i = entry.end;
      continue;
    }
    chain.push_back({unit_, unit_->offset + entry.die});
    end = entry.end;
    ++i;
  }
}

}  // namespace sightline::symbolizer
