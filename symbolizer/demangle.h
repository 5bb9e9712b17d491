/// Function names as a reader wants them: demangled, without parameter lists and without a compiler's suffixes.
#pragma once

#include <string>
#include <string_view>

namespace sightline::symbolizer {

/// `ns::Class<T>::method` for a C++ (Itanium ABI) or Rust symbol (either scheme; without the hash of the older one);
/// anything else, Go's and Fortran's names among it, comes back without the symbol version (`@@GLIBC_2.2.5`) and clone
/// suffixes (`.constprop.0`, `.cold`) and otherwise untouched. Symbol names are untrusted: one whose expansion could
/// explode is left mangled.
std::string readable_function(std::string_view symbol);

/// A demangled C++ name without parameter list, return type, and trailing qualifiers.
std::string without_parameters(std::string_view demangled);

}  // namespace sightline::symbolizer
