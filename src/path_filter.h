/// `-P PATH`: which calls are wanted by the paths they access. The engines look at the calls (tracer/path_access.h);
/// here it is said what they look for.
#pragma once

#include <string>
#include <vector>

#include "tracer/filter.h"
#include "tracer/path_access.h"

namespace sightline {

struct PathFilter {
  tracer::PathSet paths;  ///< each path as given, and what it leads to from here: absolute, without symbolic links
  std::vector<std::string> notes;  ///< one sentence for each path that leads to another
  std::string error;               ///< "", or one sentence on what can't be looked for
};

PathFilter resolve_paths(const std::vector<std::string>& wanted);

/// Takes the calls out of `filter` that access no path, whatever their arguments: they cost next to nothing then.
void leave_paths_only(tracer::Filter& filter);

}  // namespace sightline
