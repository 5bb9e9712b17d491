#include "symbolizer/dwarf_functions.h"

#include <dwarf.h>

#include <algorithm>

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kMaxDepth = 1024;
constexpr std::size_t kMaxInlineDepth = 128;

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
      : into_(into), unit_(*into.unit_), keep_(keep) {}

  void run() {
    DwarfFile& file = *unit_.file;
    const AbbreviationTable* table = file.abbreviations(unit_);
    const uint8_t* bytes = file.info().at(unit_.first_die, unit_.end - unit_.first_die);
    if (table == nullptr || bytes == nullptr) return;
    DwarfCursor cursor(bytes, unit_.end - unit_.first_die);
    const auto first = static_cast<uint32_t>(unit_.first_die - unit_.offset);
    while (!cursor.at_end()) {
      const auto at = first + static_cast<uint32_t>(cursor.position() - bytes);
      const uint64_t code = cursor.uleb();
      if (code == 0) {
        if (!leave(at + 1)) break;
        continue;
      }
      const DwarfAbbreviation* abbreviation = table->find(code);
      if (abbreviation == nullptr) break;
      uint32_t function = kNone;
      uint32_t inlined = kNone;
      if (abbreviation->has_code && abbreviation->tag == DW_TAG_subprogram) {
        function = add_function(at, cursor, *table, *abbreviation);
      } else if (abbreviation->has_code && abbreviation->tag == DW_TAG_inlined_subroutine && function_ != kNone) {
        inlined = add_inlined(at, cursor, *table, *abbreviation);
      } else {
        skip(cursor, *table, *abbreviation);
      }
      if (cursor.failed()) break;
      if (!abbreviation->has_children) {
        if (function != kNone) close_function(function);
        if (open_.empty()) break;  // the root itself has no children
      } else if (!enter(at, abbreviation->tag, function, inlined)) {
        break;
      }
    }
    const auto end = static_cast<uint32_t>(unit_.end - unit_.offset);
    while (leave(end)) {
    }
  }

 private:
  struct Open {
    uint32_t die;
    uint16_t tag;
    uint32_t scope;     // its number, once it has one
    uint32_t function;  // opened here, or kNone
    uint32_t inlined;
    uint32_t outer_function;
  };

  void skip(DwarfCursor& cursor, const AbbreviationTable& table, const DwarfAbbreviation& abbreviation) const {
    if (abbreviation.fixed_size >= 0) {
      cursor.skip(static_cast<uint64_t>(abbreviation.fixed_size) + abbreviation.offset_count * unit_.offset_size);
      return;
    }
    for (const DwarfAttribute& attribute : table.attributes(abbreviation))
      if (!DwarfFile::skip_form(cursor, attribute.form, unit_.offset_size, unit_.version)) return;
  }

  /// Appends the entry's ranges to ranges_.
  void read_ranges(DwarfCursor& cursor, const AbbreviationTable& table, const DwarfAbbreviation& abbreviation) {
    DwarfValue low;
    DwarfValue high;
    DwarfValue ranges;
    for (const DwarfAttribute& attribute : table.attributes(abbreviation)) {
      switch (attribute.name) {
        case DW_AT_low_pc:
          low = DwarfFile::read_form(cursor, attribute, unit_.offset_size, unit_.version);
          break;
        case DW_AT_high_pc:
          high = DwarfFile::read_form(cursor, attribute, unit_.offset_size, unit_.version);
          break;
        case DW_AT_ranges:
          ranges = DwarfFile::read_form(cursor, attribute, unit_.offset_size, unit_.version);
          break;
        default:
          DwarfFile::skip_form(cursor, attribute.form, unit_.offset_size, unit_.version);
          break;
      }
    }
    if (!cursor.failed()) unit_.file->read_ranges(unit_, low, high, ranges, into_.ranges_);
  }

  uint32_t add_function(uint32_t at, DwarfCursor& cursor, const AbbreviationTable& table,
                        const DwarfAbbreviation& abbreviation) {
    const std::size_t before = into_.ranges_.size();
    read_ranges(cursor, table, abbreviation);
    const auto number = static_cast<uint32_t>(into_.functions_.size());
    bool any = false;
    for (std::size_t i = before; i < into_.ranges_.size(); ++i) {
      const Range& range = into_.ranges_[i];
      if (!keep_(range.low, range.high)) continue;
      into_.by_address_.add(range.low, range.high, number);
      any = true;
    }
    into_.ranges_.resize(before);
    if (!any) return kNone;
    const auto inlined = static_cast<uint32_t>(into_.inlined_.size());
    into_.functions_.push_back({.die = at, .first_inlined = inlined, .end_inlined = inlined});
    return number;
  }

  uint32_t add_inlined(uint32_t at, DwarfCursor& cursor, const AbbreviationTable& table,
                       const DwarfAbbreviation& abbreviation) {
    const auto before = static_cast<uint32_t>(into_.ranges_.size());
    read_ranges(cursor, table, abbreviation);
    const auto number = static_cast<uint32_t>(into_.inlined_.size());
    into_.inlined_.push_back({.die = at,
                              .end = number + 1,
                              .first_range = before,
                              .end_range = static_cast<uint32_t>(into_.ranges_.size())});
    return number;
  }

  void close_function(uint32_t function) {
    into_.functions_[function].end_inlined = static_cast<uint32_t>(into_.inlined_.size());
  }

  bool enter(uint32_t at, uint16_t tag, uint32_t function, uint32_t inlined) {
    if (open_.size() == kMaxDepth) return false;
    open_.push_back({at, tag, kNone, function, inlined, function_});
    if (tag == DW_TAG_subprogram) {
      // What a function that was left out contains is left out with it.
      function_ = function;
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

  bool leave(uint32_t end) {
    if (open_.empty()) return false;
    const Open& entry = open_.back();
    if (entry.scope != kNone) into_.scopes_[entry.scope].end = end;
    if (entry.function != kNone) close_function(entry.function);
    if (entry.inlined != kNone) into_.inlined_[entry.inlined].end = static_cast<uint32_t>(into_.inlined_.size());
    if (entry.tag == DW_TAG_subprogram) {
      function_ = entry.outer_function;
      --subprograms_;
    }
    open_.pop_back();
    return !open_.empty();
  }

  DwarfFunctions& into_;
  const DwarfUnit& unit_;
  const std::function<bool(uint64_t, uint64_t)>& keep_;
  std::vector<Open> open_;
  uint32_t function_ = kNone;
  unsigned subprograms_ = 0;
};

DwarfFunctions::DwarfFunctions(const DwarfUnit& unit, const std::function<bool(uint64_t, uint64_t)>& keep)
    : unit_(&unit) {
  Pass(*this, keep).run();
  functions_.shrink_to_fit();
  inlined_.shrink_to_fit();
  ranges_.shrink_to_fit();
  scopes_.shrink_to_fit();
  by_address_.finish();
}

DwarfFunctions::Chain DwarfFunctions::find(uint64_t address) const {
  Chain chain;
  const auto* found = by_address_.find(address);
  if (found == nullptr) return chain;
  const Function& function = functions_[found->value];
  chain.function_start = found->low;
  chain.dies.push_back({unit_, unit_->offset + function.die});
  const auto holds = [&](const Inlined& inlined) {
    return std::any_of(ranges_.begin() + inlined.first_range, ranges_.begin() + inlined.end_range,
                       [&](const Range& range) { return range.low <= address && address < range.high; });
  };
  uint32_t end = function.end_inlined;
  for (uint32_t i = function.first_inlined; i < end && chain.dies.size() < kMaxInlineDepth;) {
    if (!holds(inlined_[i])) {
      i = inlined_[i].end;
      continue;
    }
    chain.dies.push_back({unit_, unit_->offset + inlined_[i].die});
    end = inlined_[i].end;
    ++i;
  }
  return chain;
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

std::size_t DwarfFunctions::memory() const {
  return functions_.capacity() * sizeof(Function) + inlined_.capacity() * sizeof(Inlined) +
         ranges_.capacity() * sizeof(Range) + scopes_.capacity() * sizeof(Scope) +
         by_address_.ranges().capacity() * (sizeof(RangeIndex<uint32_t>::Range) + 8);
}

}  // namespace sightline::symbolizer
