/// The options that verbs which trace have in common with verbs which read a trace file, and what all parse into.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "src/command_line.h"

namespace sightline {

/// What CLI11 stores before it is turned into Settings.
struct RawOptions {
  std::vector<std::string> expressions;
  std::vector<std::string> pids;
  std::string source;
  std::string color = "auto";
  std::string on_full = "block";
  std::string engine = "auto";
  std::string ring_size;
  std::vector<std::string> source_map;
  std::string by;
  std::string sort = "time";
  std::string limit;
  std::string context;
  int clock = 0;
  int follow = 0;
  int hex = 0;
  int stacks = 0;
  int fd_paths = 0;
};

/// Thrown where the command line makes no sense; `message` is one sentence for the user.
struct UserError {
  std::string message;
};

/// Of the verbs that write calls as text: how.
void add_text_options(CLI::App& app, Settings& s, RawOptions& raw);
/// `fd`: where the text goes, or -1 for a file. What is said of sources and exits follows s.source and s.quiet.
void apply_text(Settings& s, const RawOptions& raw, int fd);

/// One `-e`.
void apply_expression(Settings& s, std::string_view text);

SourceMap source_map(const RawOptions& raw);

/// What `--color=when` means for text that goes to `fd`.
bool wants_color(const std::string& when, int fd);

}  // namespace sightline
