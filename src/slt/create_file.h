/// Making room for a new trace file.
#pragma once

#include <string>

namespace sightline::slt {

/// Creates `path` for writing: mode 0600 (arguments hold secrets), close-on-exec, with a file that is there already
/// renamed to PATH.old (replacing an older one). Devices and pipes are opened as they are. Returns the descriptor, or
/// -1 and one sentence in `error`: for a terminal, a directory, and whatever the system refuses.
int create_file(const std::string& path, std::string& error);

}  // namespace sightline::slt
