#include "symbolizer/dies.h"

#include <dwarf.h>

#include <string_view>

#include "symbolizer/demangle.h"

namespace sightline::symbolizer {
namespace {

constexpr int kMaxDepth = 64;

/// Calls `visit(child)` for each child until it returns false.
template <typename Visit>
void for_each_child(Dwarf_Die& parent, Budget& budget, Visit visit) {
  Dwarf_Die child;
  if (dwarf_child(&parent, &child) != 0) return;
  for (;;) {
    if (!budget.take() || !visit(child)) return;
    const Dwarf_Off before = dwarf_dieoffset(&child);
    Dwarf_Die next;
    // A sibling lies behind; anything else would be a loop.
    if (dwarf_siblingof(&child, &next) != 0 || dwarf_dieoffset(&next) <= before) return;
    child = next;
  }
}

void visit_functions(Dwarf_Die& parent, bool deep, int depth, Budget& budget,
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

bool holds(Dwarf_Die& die, uint64_t address, Budget& budget) {
  bool found = false;
  for_each_range(die, budget,
                 [&](uint64_t low, uint64_t high) { found = found || (low <= address && address < high); });
  return found;
}

bool find_inlined_below(Dwarf_Die& scope, uint64_t address, int depth, Budget& budget, Dwarf_Die& inlined) {
  bool found = false;
  for_each_child(scope, budget, [&](Dwarf_Die& child) {
    const int tag = dwarf_tag(&child);
    if (tag == DW_TAG_inlined_subroutine && holds(child, address, budget)) {
      inlined = child;
      found = true;
    } else if (depth < kMaxDepth && (tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
                                     tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt)) {
      // A block without ranges of its own may still hold the address.
      const bool has_ranges = dwarf_hasattr(&child, DW_AT_low_pc) || dwarf_hasattr(&child, DW_AT_ranges);
      if (!has_ranges || holds(child, address, budget)) {
        found = find_inlined_below(child, address, depth + 1, budget, inlined);
      }
    }
    return !found;
  });
  return found;
}

/// The DIE whose place in the tree tells what scope `die` belongs to: its declaration, if that lies elsewhere.
Dwarf_Die declaration_of(const Dwarf_Die& die) {
  Dwarf_Die current = die;
  for (int i = 0; i < 16; ++i) {  // real chains have at most three; crafted ones may be circles
    Dwarf_Attribute attribute;
    Dwarf_Attribute* found = dwarf_attr(&current, DW_AT_abstract_origin, &attribute);
    if (!found) found = dwarf_attr(&current, DW_AT_specification, &attribute);
    Dwarf_Die next;
    if (!found || !dwarf_formref_die(found, &next)) break;
    current = next;
  }
  return current;
}

/// The name that a scope contributes to the names within it; "" for none.
std::string scope_name(Dwarf_Die& scope) {
  const int tag = dwarf_tag(&scope);
  const char* name = dwarf_diename(&scope);
  switch (tag) {
    case DW_TAG_namespace:
      return name ? name : "(anonymous namespace)";
    case DW_TAG_class_type:
    case DW_TAG_structure_type:
    case DW_TAG_union_type:
      return name ? name : "(anonymous)";
    case DW_TAG_module:
    case DW_TAG_enumeration_type:
      return name ? name : "";
    default:
      return "";
  }
}

/// "ns::Class::" for a DIE within that. DWARF has no links to parents, so the way is searched from the top: at each
/// level the child that begins last before the DIE contains it.
std::string scope_of(Dwarf_Die& die) {
  Dwarf_Die parent;
  if (!dwarf_diecu(&die, &parent, nullptr, nullptr)) return {};
  const Dwarf_Off wanted = dwarf_dieoffset(&die);
  std::string scope;
  Budget budget;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    Dwarf_Die holder;
    bool found = false;
    for_each_child(parent, budget, [&](Dwarf_Die& child) {
      if (dwarf_dieoffset(&child) > wanted) return false;
      holder = child;
      found = true;
      return true;
    });
    if (!found || dwarf_dieoffset(&holder) == wanted) return scope;
    if (dwarf_tag(&holder) == DW_TAG_subprogram) {
      const std::string mangled = linkage_name(holder);
      // A mangled function name holds its scopes; what was collected is the same again.
      scope = (mangled.empty() ? source_name(holder) : readable_function(mangled)) + "::";
    } else if (const std::string name = scope_name(holder); !name.empty()) {
      scope += name + "::";
    }
    parent = holder;
  }
  return {};
}

}  // namespace

void for_each_range(Dwarf_Die& die, Budget& budget, const std::function<void(uint64_t, uint64_t)>& visit) {
  Dwarf_Addr base = 0;
  Dwarf_Addr low = 0;
  Dwarf_Addr high = 0;
  ptrdiff_t at = 0;
  while (budget.take() && (at = dwarf_ranges(&die, at, &base, &low, &high)) > 0) visit(low, high);
}

void for_each_function(Dwarf_Die& unit, bool deep, Budget& budget, const std::function<void(Dwarf_Die&)>& visit) {
  visit_functions(unit, deep, 0, budget, visit);
}

bool find_inlined(Dwarf_Die& scope, uint64_t address, Budget& budget, Dwarf_Die& inlined) {
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
  if (!name) return {};
  Dwarf_Die declaration = declaration_of(die);
  std::string scope = scope_of(declaration);
  // A class without a name that can be called is a lambda's.
  constexpr std::string_view kNameless = "(anonymous)::";
  if (scope.ends_with(kNameless) && std::string_view(name).starts_with("operator()")) {
    scope.replace(scope.size() - kNameless.size(), kNameless.size(), "{lambda}::");
  }
  return scope + name;
}

uint64_t unsigned_attribute(Dwarf_Die& die, unsigned attribute) {
  Dwarf_Attribute found;
  Dwarf_Word value = 0;
  return dwarf_formudata(dwarf_attr(&die, attribute, &found), &value) == 0 ? value : 0;
}

}  // namespace sightline::symbolizer
