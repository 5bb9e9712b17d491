/// All formats that leave Sightline: one format, one file in this folder.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "src/decode/decode.h"
#include "src/model.h"
#include "src/output.h"

namespace sightline::exporting {

struct Format {
  std::string_view name;  ///< as in --format=NAME
  std::string_view help;  ///< one line
};

/// What make_exporter() knows.
std::span<const Format> formats();
/// Their names in one line, for messages: "jsonl, chrome, perfetto".
std::string format_names();
/// A line of help for each.
std::string format_help();

/// A sink that writes `format` to `output`, which must live longer and which the caller flushes after trace_ended().
/// Calls that could not be written are in Sink::output_errors(). nullptr and one sentence in `error` if there is no
/// such format. `style` says how arguments are printed; strings are as long as they were recorded.
std::unique_ptr<Sink> make_exporter(std::string_view format, Output& output, std::string& error,
                                    const decode::Style& style = {});

}  // namespace sightline::exporting
