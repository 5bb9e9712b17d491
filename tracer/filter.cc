#include "tracer/filter.h"

namespace sightline::tracer {

Filter Filter::all() {
  Filter filter;
  filter.x86_64.set();
  filter.i386.set();
  filter.x32.set();
  return filter;
}

bool Filter::passes(Abi abi, int32_t nr, const Syscall* syscall) const {
  if (syscall == nullptr || nr < 0 || static_cast<std::size_t>(nr) >= kNumbers) return unknown;
  const auto i = static_cast<std::size_t>(nr);
  switch (abi) {
    case Abi::x86_64:
      return x86_64[i];
    case Abi::i386:
      return i386[i];
    case Abi::x32:
      return x32[i];
  }
  return true;
}

}  // namespace sightline::tracer
