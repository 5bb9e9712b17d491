/// The verbs that read a trace file.
#pragma once

#include "src/command_line.h"

namespace sightline {

/// Each returns the exit status and has said on stderr what went wrong.
int print_trace(const Settings& settings);
int report_trace(const Settings& settings);
int annotate_trace(const Settings& settings);
int show_info(const Settings& settings);
int export_trace(const Settings& settings);

}  // namespace sightline
