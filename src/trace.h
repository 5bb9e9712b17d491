/// The live and record verbs: from a command or processes to text or a trace file.
#pragma once

#include "src/command_line.h"

namespace sightline {

/// Runs to the end of the trace. Returns the exit status; if the traced command died by a signal, this process dies by
/// the same one and does not return.
int trace(const Settings& settings);

}  // namespace sightline
