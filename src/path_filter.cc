#include "src/path_filter.h"

#include <fmt/format.h>

#include <climits>
#include <cstdlib>
#include <memory>

#include "src/terminal.h"
#include "tracer/syscall_table.h"

namespace sightline {

PathFilter resolve_paths(const std::vector<std::string>& wanted) {
  PathFilter filter;
  for (const std::string& path : wanted) {
    bool fits = filter.paths.add(path) && !path.empty();
    const std::unique_ptr<char, void (*)(void*)> resolved(realpath(path.c_str(), nullptr), std::free);
    if (resolved != nullptr && path != resolved.get()) {
      fits = fits && filter.paths.add(resolved.get());
      // strace(1)'s words, which scripts may look for.
      filter.notes.push_back(
          fmt::format("Requested path \"{}\" resolved into \"{}\"", printable(path), printable(resolved.get())));
    }
    if (!fits && filter.error.empty())
      filter.error = path.empty() ? "-P needs a path"
                     : path.size() > tracer::PathSet::kLongest
                         ? fmt::format("-P takes paths of up to {} bytes", tracer::PathSet::kLongest)
                         : fmt::format("the paths given with -P are too many; together they may have {} bytes",
                                       tracer::PathSet::kBytes);
  }
  return filter;
}

void leave_paths_only(tracer::Filter& filter) {
  const auto visit = [](tracer::Abi abi, auto& bits) {
    for (std::size_t nr = 0; nr < bits.size(); ++nr) {
      const tracer::Syscall* call = tracer::find_syscall(abi, static_cast<int32_t>(nr));
      if (call == nullptr || !tracer::can_access_paths(*call)) bits.reset(nr);
    }
  };
  visit(tracer::Abi::x86_64, filter.x86_64);
  visit(tracer::Abi::i386, filter.i386);
  visit(tracer::Abi::x32, filter.x32);
  filter.unknown = false;
}

}  // namespace sightline
