#include "symbolizer/dwarf_functions.h"

#include <algorithm>

#include "symbolizer/dwarf_pass.h"

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kMaxDepth = 1024;

bool is_scope(unsigned tag) {
  switch (tag) {
    case DW_TAG_namespace:
    case DW_TAG_module:
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
    case DW_TAG_enumeration_type:
      return true;
    default:
      return false;
  }
}

}  // namespace

/// Goes through the entries in the order in which they stand, which is the tree's preorder.
class DwarfFunctions::Pass {
 public:
  Pass(DwarfFunctions& into, const std::function<bool(uint64_t, uint64_t)>& keep)
      : into_(into), unit_(*into.unit_), pass_(unit_), keep_(keep) {}

  void run() {
    const uint8_t* bytes = unit_.file->info().at(unit_.first_die, unit_.end - unit_.first_die);
    if (bytes == nullptr) return;
    DwarfCursor cursor(bytes, unit_.end - unit_.first_die);
    const auto first = static_cast<uint32_t>(unit_.first_die - unit_.offset);
    const auto place = [&] { return first + static_cast<uint32_t>(cursor.position() - bytes); };
    do {
      const uint32_t at = place();
      const uint64_t code = cursor.uleb();
      if (code == 0) {
        leave(at + 1);
        continue;
      }
      const DwarfAbbreviation* abbreviation = pass_.abbreviation(code);
      if (abbreviation == nullptr) break;
      uint32_t function = kNone;
      if (abbreviation->has_code && abbreviation->tag == DW_TAG_subprogram) {
        function = add_function(at, cursor, *abbreviation);
      } else {
        pass_.skip(cursor, *abbreviation);
      }
      if (cursor.failed()) break;
      if (!abbreviation->has_children) {
        if (function != kNone) into_.functions_[function].end = place();
      } else if (!enter(at, abbreviation->tag, function)) {
        break;
      }
    } while (!cursor.at_end() && !open_.empty());
    while (!open_.empty()) leave(static_cast<uint32_t>(unit_.end - unit_.offset));
  }

 private:
  struct Open {
    uint32_t die;
    uint16_t tag;
    uint32_t scope;     // its number, once it has one
    uint32_t function;  // opened here, or kNone
  };

  uint32_t add_function(uint32_t at, DwarfCursor& cursor, const DwarfAbbreviation& abbreviation) {
    ranges_.clear();
    pass_.read_ranges(cursor, abbreviation, ranges_);
    const auto number = static_cast<uint32_t>(into_.functions_.size());
    bool any = false;
    for (const auto& [low, high] : ranges_) {
      if (!keep_(low, high)) continue;
      into_.by_address_.add(low, high, number);
      any = true;
    }
    if (!any) return kNone;
    into_.functions_.push_back({.die = at, .end = at});
    return number;
  }

  bool enter(uint32_t at, uint16_t tag, uint32_t function) {
    if (open_.size() == kMaxDepth) return false;
    open_.push_back({at, tag, kNone, function});
    if (tag == DW_TAG_subprogram) {
      if (subprograms_++ > 0 && unit_.has_scopes) record_scopes();
    } else if (unit_.has_scopes && is_scope(tag)) {
      record_scopes();
    }
    return true;
  }

  /// Functions are scopes too, but few hold anything whose name needs them: they are recorded when they turn out to.
  void record_scopes() {
    uint32_t parent = kNone;
    for (Open& entry : open_) {
      if (entry.scope == kNone && (is_scope(entry.tag) || entry.tag == DW_TAG_subprogram)) {
        entry.scope = static_cast<uint32_t>(into_.scopes_.size());
        into_.scopes_.push_back({.die = entry.die, .end = kNone, .parent = parent});
      }
      if (entry.scope != kNone) parent = entry.scope;
    }
  }

  void leave(uint32_t end) {
    if (open_.empty()) return;
    const Open& entry = open_.back();
    if (entry.scope != kNone) into_.scopes_[entry.scope].end = end;
    if (entry.function != kNone) into_.functions_[entry.function].end = end;
    if (entry.tag == DW_TAG_subprogram) --subprograms_;
    open_.pop_back();
  }

  DwarfFunctions& into_;
  const DwarfUnit& unit_;
  const DwarfPass pass_;
  const std::function<bool(uint64_t, uint64_t)>& keep_;
  std::vector<Open> open_;
  std::vector<DwarfFile::Range> ranges_;
  unsigned subprograms_ = 0;
};

DwarfFunctions::DwarfFunctions(const DwarfUnit& unit, const std::function<bool(uint64_t, uint64_t)>& keep)
    : unit_(&unit) {
  Pass(*this, keep).run();
  functions_.shrink_to_fit();
  scopes_.shrink_to_fit();
  by_address_.finish();
}

DwarfFunctions::Function DwarfFunctions::find(uint64_t address) const {
  const auto* found = by_address_.find(address);
  if (found == nullptr) return {};
  const Entry& entry = functions_[found->value];
  return {.start = found->low, .die = unit_->offset + entry.die, .end = unit_->offset + entry.end};
}

std::vector<DieRef> DwarfFunctions::scopes_of(uint64_t offset) const {
  const auto wanted = static_cast<uint32_t>(offset - unit_->offset);
  const auto after = std::lower_bound(scopes_.begin(), scopes_.end(), wanted,
                                      [](const Scope& scope, uint32_t die) { return scope.die < die; });
  auto number = after == scopes_.begin() ? kNone : static_cast<uint32_t>(after - scopes_.begin() - 1);
  while (number != kNone && scopes_[number].end <= wanted) number = scopes_[number].parent;
  std::vector<DieRef> scopes;
  for (; number != kNone && scopes.size() < kMaxDepth; number = scopes_[number].parent)
    scopes.push_back({unit_, unit_->offset + scopes_[number].die});
  std::reverse(scopes.begin(), scopes.end());
  return scopes;
}

}  // namespace sightline::symbolizer
