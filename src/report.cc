#include "src/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "src/export/json.h"
#include "src/terminal.h"

namespace sightline {
namespace {

/// One word of a folded stack: its separators must not occur in it.
std::string folded_name(const symbolizer::Frame& frame) {
  std::string name = frame.function.empty() ? place_in_module(frame, true) : std::string(frame.function);
  name = printable(name);
  std::replace(name.begin(), name.end(), ';', ':');
  return name;
}

/// `main;load;read`, outermost first.
std::string folded_stack(const symbolizer::Stack* stack) {
  if (stack == nullptr || stack->frames.empty()) return "[no stack]";
  std::string text;
  if (stack->truncated || stack->lost) text = "[callers unknown]";
  for (std::size_t i = stack->frames.size(); i-- > 0;) {
    if (!text.empty()) text += ';';
    text += folded_name(stack->frames[i]);
  }
  return text;
}

std::string_view heading(ReportBy by) {
  switch (by) {
    case ReportBy::line:
      return "line";
    case ReportBy::function:
      return "function";
    case ReportBy::stack:
      return "stack";
  }
  return "";
}

void append_costs(exporting::JsonWriter& json, const Costs& costs) {
  json.member("calls", costs.calls);
  json.member("errors", costs.errors);
  json.member("time_ns", costs.nanoseconds);
  json.member("bytes", costs.bytes);
}

void append_place(exporting::JsonWriter& json, const symbolizer::Frame* place, ReportBy by) {
  const symbolizer::Frame none;
  const symbolizer::Frame& frame = place != nullptr ? *place : none;
  const bool has_line = !frame.file.empty();
  json.text_or_null("file", frame.file);
  if (by == ReportBy::line && has_line)
    json.member("line", frame.line);
  else if (by == ReportBy::line)
    json.null_member("line");
  json.text_or_null("function", frame.function);
  json.text_or_null("module", frame.module);
  // Where that is what the row's calls have in common.
  if (place != nullptr && !has_line && (by == ReportBy::line || frame.function.empty())) {
    json.key("offset");
    json.hex(frame.module_offset);
  } else {
    json.null_member("offset");
  }
}

}  // namespace

ReportSink::ReportSink(ReportOptions options, Output& out) : options_(options), out_(out) {}

std::string ReportSink::title_of(const symbolizer::Frame* frame) const {
  if (frame == nullptr) return "[no stack]";
  if (frame->file.empty()) return printable(place_in_module(*frame, options_.by == ReportBy::line));
  const std::string_view file = shown_path_(frame->file);
  const std::string_view function = frame->function.empty() ? "?" : frame->function;
  if (options_.by == ReportBy::function) return printable(fmt::format("{}  {}", function, file));
  return printable(fmt::format("{}:{}{} {}", file, frame->line_is_near ? "~" : "", frame->line, function));
}

std::size_t ReportSink::row_titled(std::string title, const symbolizer::Frame* frame) {
  const auto [at, is_new] = by_title_.try_emplace(title, rows_.size());
  if (is_new) rows_.push_back({.title = std::move(title), .frame = frame, .costs = {}});
  return at->second;
}

std::size_t ReportSink::row_of(const Call& call) {
  const symbolizer::Frame* frame = options_.by == ReportBy::stack ? nullptr : call.source();
  const void* key = options_.by == ReportBy::stack ? static_cast<const void*>(call.stack) : frame;
  const auto [at, is_new] = known_.try_emplace(key, 0);
  if (is_new)
    at->second = row_titled(options_.by == ReportBy::stack ? folded_stack(call.stack) : title_of(frame), frame);
  return at->second;
}

void ReportSink::call_finished(const Call& call) {
  if (call.finished) rows_[row_of(call)].costs.add(call);
}

Costs ReportSink::cut_to_limit(std::vector<const Row*>& rows) const {
  Costs others;
  // A row that sums up a single one would be no gain.
  if (!options_.limit || rows.size() <= *options_.limit + 1) return others;
  const std::size_t limit = *options_.limit;
  for (std::size_t i = limit; i < rows.size(); ++i) others.add(rows[i]->costs);
  rows.resize(limit);
  return others;
}

void ReportSink::append_text(const std::vector<const Row*>& all, const Costs& total, const TraceEnd& end) {
  constexpr std::size_t kFigures = 53;  // columns in front of the title
  const std::size_t room = options_.width > kFigures + 20 ? options_.width - kFigures : 0;
  const std::string_view dim = options_.color ? "\033[2m" : "";
  const std::string_view red = options_.color ? "\033[31m" : "";
  const std::string_view cyan = options_.color ? "\033[36m" : "";
  const std::string_view plain = options_.color ? "\033[0m" : "";
  std::string text = fmt::format("% time     seconds     calls    errors        bytes  {}\n", heading(options_.by));
  const std::string rule = fmt::format("{}------ ----------- --------- --------- ------------  {}{}\n", dim,
                                       std::string(std::min<std::size_t>(room == 0 ? 32 : room, 46), '-'), plain);
  const auto append = [&](const Costs& c, std::string_view title_color, std::string title) {
    const double share = total.nanoseconds != 0
                             ? 100.0 * static_cast<double>(c.nanoseconds) / static_cast<double>(total.nanoseconds)
                             : 0;
    title =
        options_.by == ReportBy::function ? cut_behind(std::move(title), room) : cut_in_front(std::move(title), room);
    fmt::format_to(std::back_inserter(text), "{:6.2f} {:11.6f} {:9} {}{:>9}{} {:>12}  {}{}{}\n", share,
                   static_cast<double>(c.nanoseconds) / 1e9, c.calls, red,
                   c.errors != 0 ? std::to_string(c.errors) : std::string(), plain,
                   c.bytes != 0 ? std::to_string(c.bytes) : std::string(), title_color, title, plain);
  };
  std::vector<const Row*> rows = all;
  const Costs others = cut_to_limit(rows);
  text += rule;
  for (const Row* row : rows) append(row->costs, cyan, row->title);
  if (rows.size() < all.size())
    append(others, "", fmt::format("[{} more; --limit=all shows them]", all.size() - rows.size()));
  text += rule;
  append(total, "", "total");
  if (end.unfinished != 0)
    fmt::format_to(std::back_inserter(text), "calls that had not returned and are not counted: {}\n", end.unfinished);
  if (end.dropped != 0)
    fmt::format_to(std::back_inserter(text), "calls that were lost and are not counted: {}\n", end.dropped);
  out_.append(text);
}

void ReportSink::append_json(const std::vector<const Row*>& all, const Costs& total, const TraceEnd& end) {
  std::string text;
  exporting::JsonWriter json(text);
  json.begin_object();
  json.member("format", "sightline-report");
  json.member("version", 1);
  json.member("by", heading(options_.by));
  json.key("total");
  json.begin_object();
  append_costs(json, total);
  json.end_object();
  json.member("unfinished", end.unfinished);
  json.member("dropped", end.dropped);
  std::vector<const Row*> rows = all;
  const Costs others = cut_to_limit(rows);
  json.key("rows");
  json.begin_array();
  for (const Row* row : rows) {
    json.begin_object();
    append_costs(json, row->costs);
    if (options_.by == ReportBy::stack) {
      json.key("stack");
      json.begin_array();
      for (std::size_t at = 0; at <= row->title.size();) {
        const std::size_t stop = std::min(row->title.find(';', at), row->title.size());
        json.string(std::string_view(row->title).substr(at, stop - at));
        at = stop + 1;
      }
      json.end_array();
    } else {
      append_place(json, row->frame, options_.by);
    }
    json.end_object();
  }
  json.end_array();
  json.key("others");
  json.begin_object();
  json.member("rows", all.size() - rows.size());
  append_costs(json, others);
  json.end_object();
  json.end_object();
  out_.append(text + "\n");
}

void ReportSink::append_folded(const std::vector<const Row*>& all) {
  std::vector<const Row*> rows = all;
  const Costs others = cut_to_limit(rows);
  std::string text;
  const auto append = [&](std::string_view title, const Costs& costs) {
    const uint64_t value = sort_key(costs, options_.sort);
    if (value != 0) fmt::format_to(std::back_inserter(text), "{} {}\n", title, value);
  };
  for (const Row* row : rows) append(row->title, row->costs);
  append("[others]", others);
  out_.append(text);
}

void ReportSink::trace_ended(const TraceEnd& end) {
  std::vector<const Row*> rows;
  Costs total;
  for (const Row& row : rows_) {
    rows.push_back(&row);
    total.add(row.costs);
  }
  std::sort(rows.begin(), rows.end(), [this](const Row* a, const Row* b) {
    const auto key = [this](const Row& row) {
      // Equal rows in an order that does not depend on the run.
      return std::make_tuple(sort_key(row.costs, options_.sort), row.costs.nanoseconds, row.costs.calls);
    };
    return key(*a) != key(*b) ? key(*a) > key(*b) : a->title < b->title;
  });
  switch (options_.format) {
    case ReportFormat::text:
      append_text(rows, total, end);
      break;
    case ReportFormat::json:
      append_json(rows, total, end);
      break;
    case ReportFormat::folded:
      append_folded(rows);
      break;
  }
  out_.flush();
}

}  // namespace sightline
