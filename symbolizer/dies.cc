#include "symbolizer/dies.h"

#include <dwarf.h>

#include <algorithm>

namespace sightline::symbolizer {
namespace {

constexpr int kMaxDepth = 64;
constexpr int kMaxEntries = 20'000'000;
constexpr std::size_t kMaxRangesOfDie = 1 << 20;

/// Calls `visit(child)` for each child until it returns false. `budget` is shared by the whole walk.
template <typename Visit>
void for_each_child(Dwarf_Die& parent, int& budget, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  for (;;) {
    if (--budget < 0 || !visit(child)) return;
    const Dwarf_Off before = dwarf_dieoffset(&child);
    Dwarf_Die next;
    // A sibling lies behind; anything else would be a loop.
    if (dwarf_siblingof(&child, &next) != 0 || dwarf_dieoffset(&next) <= before) return;
    child = next;
  }
}

void visit_functions(Dwarf_Die& parent, bool deep, int depth, int& budget,
                     const std::function<void(Dwarf_Die&)>& visit) {
  for_each_child(parent, budget, [&](Dwarf_Die& child) {
    switch (dwarf_tag(&child)) {
      case DW_TAG_subprogram:
        if (dwarf_hasattr(&child, DW_AT_low_pc) || dwarf_hasattr(&child, DW_AT_ranges)) visit(child);
        if (deep && depth < kMaxDepth) visit_functions(child, deep, depth + 1, budget, visit);
        break;
      case DW_TAG_lexical_block:
        if (deep && depth < kMaxDepth) visit_functions(child, deep, depth + 1, budget, visit);
        break;
      case DW_TAG_namespace:
      case DW_TAG_module:
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
      case DW_TAG_enumeration_type:
        if (depth < kMaxDepth) visit_functions(child, deep, depth + 1, budget, visit);
        break;
      default:
        break;
    }
    return true;
  });
}

bool find_inlined_below(Dwarf_Die& scope, uint64_t address, int depth, int& budget, Dwarf_Die& inlined) {
  bool found = false;
  for_each_child(scope, budget, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_inlined_subroutine && dwarf_haspc(&child, address) > 0) {
      inlined = child;
      found = true;
    } else if (depth < kMaxDepth && (tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
                                     tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt)) {
      // A block without ranges of its own may still hold the address.
      const bool has_ranges = dwarf_hasattr(&child, DW_AT_low_pc) || dwarf_hasattr(&child, DW_AT_ranges);
      if (!has_ranges || dwarf_haspc(&child, address) > 0) {
        found = find_inlined_below(child, address, depth + 1, budget, inlined);
      }
    }
    return !found;
  });
  return found;
}

}  // namespace

void for_each_range(Dwarf_Die& die, const std::function<void(uint64_t, uint64_t)>& visit) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  ptrdiff_t at = 0;
  for (std::size_t i = 0; i < kMaxRangesOfDie && (at = dwarf_ranges(&die, at, &base, &low, &high)) > 0; ++i) {
    visit(low, high);
  }
}

void for_each_function(Dwarf_Die& unit, bool deep, const std::function<void(Dwarf_Die&)>& visit) {
  int budget = kMaxEntries;
  visit_functions(unit, deep, 0, budget, visit);
}

bool find_inlined(Dwarf_Die& scope, uint64_t address, Dwarf_Die& inlined) {
  int budget = kMaxEntries;
  return find_inlined_below(scope, address, 0, budget, inlined);
}

std::string linkage_name(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  const char* name = dwarf_formstring(dwarf_attr_integrate(&die, DW_AT_linkage_name, &attribute));
  if (!name) name = dwarf_formstring(dwarf_attr_integrate(&die, DW_AT_MIPS_linkage_name, &attribute));
  return name ? name : "";
}

std::string source_name(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  const char* name = dwarf_formstring(dwarf_attr_integrate(&die, DW_AT_name, &attribute));
  return name ? name : "";
}

uint64_t unsigned_attribute(Dwarf_Die& die, unsigned attribute) {
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  return dwarf_formudata(dwarf_attr(&die, attribute, &found), &value) == 0 ? value : 0;
}

}  // namespace sightline::symbolizer
