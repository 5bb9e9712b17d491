/// The options of the verbs that read a trace file.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "src/command_line_options.h"

namespace sightline {

/// Adds what s.verb takes. Returns the head of its help text.
std::string add_reading_options(CLI::App& app, Settings& s, RawOptions& raw);

/// Throws UserError.
void apply_reading(Settings& s, const RawOptions& raw);

}  // namespace sightline
