#include "src/export/exporter.h"

#include <fmt/format.h>

#include <array>

#include "src/export/chrome.h"
#include "src/export/jsonl.h"
#include "src/export/perfetto.h"

namespace sightline::exporting {
namespace {

using Maker = std::unique_ptr<Sink> (*)(Output&, const decode::Style&);

constexpr std::array<Format, 3> kFormats = {{
    {"jsonl", "JSON lines, one event a row: jq, DuckDB, pandas"},
    {"chrome", "Trace Event Format (JSON): ui.perfetto.dev, chrome://tracing, speedscope"},
    {"perfetto", "Perfetto's protobuf with call stacks: ui.perfetto.dev"},
}};
constexpr std::array<Maker, kFormats.size()> kMakers = {make_jsonl, make_chrome, make_perfetto};

}  // namespace

std::span<const Format> formats() {
  return kFormats;
}

std::string format_names() {
  std::string names;
  for (const Format& format : kFormats) (names += names.empty() ? "" : ", ") += format.name;
  return names;
}

std::string format_help() {
  std::string help;
  for (const Format& format : kFormats) help += fmt::format("  {:<10} {}\n", format.name, format.help);
  return help;
}

std::unique_ptr<Sink> make_exporter(std::string_view format, Output& output, std::string& error,
                                    const decode::Style& style) {
  for (std::size_t i = 0; i < kFormats.size(); ++i)
    if (kFormats[i].name == format) return kMakers[i](output, style);
  error = "there is no format '" + std::string(format) + "'; there are " + format_names();
  return nullptr;
}

}  // namespace sightline::exporting
