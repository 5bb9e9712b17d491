/// Walking the debugging information entries (DIEs) of a compilation unit.
///
/// The tree is untrusted: depth is bounded, and every walk draws from a budget of steps, so that crafted trees end. (A
/// thousand entries may all refer to the same list of a million ranges.)
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <functional>
#include <string>

namespace sightline::symbolizer {

/// Steps left. Each entry and each address range looked at takes one.
struct Budget {
  int64_t steps = 20'000'000;
  bool take() { return --steps >= 0; }
};

/// Calls `visit(low, high)` for each address range of `die`.
void for_each_range(Dwarf_Die& die, Budget& budget, const std::function<void(uint64_t, uint64_t)>& visit);

/// Calls `visit` for each function definition with code in `unit`: children of the unit, of namespaces and of
/// classes; `deep` ones within functions too.
void for_each_function(Dwarf_Die& unit, bool deep, Budget& budget, const std::function<void(Dwarf_Die&)>& visit);

/// The inlined function at `address` directly within `scope` (lexical blocks looked through).
bool find_inlined(Dwarf_Die& scope, uint64_t address, Budget& budget, Dwarf_Die& inlined);

/// The mangled name, "" if it has none.
std::string linkage_name(Dwarf_Die& die);
/// DW_AT_name, followed through abstract origins and specifications, and qualified by the namespaces, classes and
/// functions around it: `main::<lambda(int)>::operator()`. "" if it has no name.
std::string source_name(Dwarf_Die& die);
/// An attribute of the DIE itself, 0 if it is missing or no number.
uint64_t unsigned_attribute(Dwarf_Die& die, unsigned attribute);

}  // namespace sightline::symbolizer
