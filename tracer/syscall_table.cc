#include "tracer/syscall_table.h"

#include <algorithm>
#include <cstddef>

#include "tracer/syscall_data.h"

namespace sightline::tracer {

const Syscall* find_syscall(Abi abi, int32_t nr) {
  const auto table = static_cast<std::size_t>(abi);
  if (table >= kSyscallData.by_number.size()) return nullptr;
  const std::span<const uint16_t> numbers = kSyscallData.by_number[table];
  // One comparison for both ends: a negative number becomes a huge one.
  if (static_cast<uint32_t>(nr) >= numbers.size()) return nullptr;
  const uint16_t index = numbers[static_cast<uint32_t>(nr)];
  return index == 0 ? nullptr : &kSyscallData.calls[index - 1u];
}

int32_t find_syscall_number(Abi abi, std::string_view name) {
  const auto table = static_cast<std::size_t>(abi);
  if (table >= kSyscallData.by_name.size()) return -1;
  const std::span<const NamedNumber> names = kSyscallData.by_name[table];
  const auto found = std::ranges::lower_bound(names, name, {}, &NamedNumber::name);
  return found != names.end() && found->name == name ? found->number : -1;
}

int32_t syscall_limit(Abi abi) {
  const auto table = static_cast<std::size_t>(abi);
  return table < kSyscallData.by_number.size() ? static_cast<int32_t>(kSyscallData.by_number[table].size()) : 0;
}

}  // namespace sightline::tracer
