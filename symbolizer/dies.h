/// Walking the debugging information entries (DIEs) of a compilation unit.
///
/// The tree is untrusted: depth and number of entries visited are bounded, so that crafted trees end.
#pragma once

#include <elfutils/libdw.h>

#include <cstdint>
#include <functional>
#include <string>

namespace sightline::symbolizer {

/// Calls `visit(low, high)` for each address range of `die`.
void for_each_range(Dwarf_Die& die, const std::function<void(uint64_t, uint64_t)>& visit);

/// Calls `visit` for each function definition with code in `unit`: children of the unit, of namespaces and of
/// classes; `deep` ones within functions too.
void for_each_function(Dwarf_Die& unit, bool deep, const std::function<void(Dwarf_Die&)>& visit);

/// The inlined function at `address` directly within `scope` (lexical blocks looked through).
bool find_inlined(Dwarf_Die& scope, uint64_t address, Dwarf_Die& inlined);

/// The mangled name, "" if it has none.
std::string linkage_name(Dwarf_Die& die);
/// DW_AT_name, followed through abstract origins and specifications, and qualified by the namespaces, classes and
/// functions around it: `main::<lambda(int)>::operator()`. "" if it has no name.
std::string source_name(Dwarf_Die& die);
/// An attribute of the DIE itself, 0 if it is missing or no number.
uint64_t unsigned_attribute(Dwarf_Die& die, unsigned attribute);

}  // namespace sightline::symbolizer
