#include "src/annotated_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

#include "src/terminal.h"

namespace sightline {
namespace {

/// Three digits, or as many as there are in front of the point.
std::string three_digits(double value) {
  return value < 9.995   ? fmt::format("{:.2f}", value)
         : value < 99.95 ? fmt::format("{:.1f}", value)
                         : fmt::format("{:.0f}", value);
}

std::string padded(const std::string& text, std::size_t width) {
  const std::size_t taken = columns(text);
  return taken < width ? std::string(width - taken, ' ') + text : text;
}

/// Writes the rows of one file, all columns as wide as its figures need.
class Page {
 public:
  Page(std::string& out, const AnnotatedSource& annotated, const AnnotationStyle& style)
      : out_(out), annotated_(annotated), style_(style) {
    for (const auto& [line, costs] : annotated.lines) {
      const auto texts = figures(costs.costs);
      for (std::size_t i = 0; i < kFigures; ++i) widths_[i] = std::max(widths_[i], columns(texts[i]));
      number_width_ = std::max(number_width_, std::to_string(line).size() + (costs.near ? 1 : 0));
    }
    if (annotated.source != nullptr)
      number_width_ = std::max(number_width_, std::to_string(annotated.source->lines.size()).size());
  }

  void head() {
    const auto to = std::back_inserter(out_);
    fmt::format_to(to, "{}{}{}  {}\n", bold(), printable(annotated_.title), plain(), in_words(annotated_.total));
    for (const std::string& note : annotated_.notes)
      fmt::format_to(to, "  {}{}{}\n", yellow(), printable(note), plain());
    out_ += dim();
    for (std::size_t i = 0; i < kFigures; ++i) out_ += padded(std::string(kHeadings[i]), widths_[i] + (i == 0 ? 2 : 1));
    fmt::format_to(to, "{}\n", plain());
  }

  void row(uint32_t number, const LineCosts* costs, std::string_view text) {
    const std::string line = fmt::format("{}{}", costs != nullptr && costs->near ? "~" : "", number);
    if (costs != nullptr)
      append_figures(costs->costs);
    else
      out_.append(gutter_width(), ' ');
    fmt::format_to(std::back_inserter(out_), " {}│ {}{}{} ", dim(), padded(line, number_width_),
                   costs != nullptr ? plain() : "", costs != nullptr ? bold() : "");
    const std::size_t taken = gutter_width() + 4 + number_width_;
    const std::size_t room = style_.width > taken + 10 ? style_.width - taken : 0;
    out_ += cut_behind(printable(text), room);
    while (out_.ends_with(' ')) out_.pop_back();
    fmt::format_to(std::back_inserter(out_), "{}\n", plain());
  }

  void gap() {
    fmt::format_to(std::back_inserter(out_), "{}{} {}⋮{}\n", std::string(gutter_width(), ' '), "", dim(), plain());
  }

 private:
  static constexpr std::size_t kFigures = 4;
  static constexpr std::array<std::string_view, kFigures> kHeadings{"calls", "errors", "time", "bytes"};

  static std::array<std::string, kFigures> figures(const Costs& costs) {
    return {std::to_string(costs.calls), costs.errors != 0 ? std::to_string(costs.errors) : "",
            short_time(costs.nanoseconds), costs.bytes != 0 ? short_bytes(costs.bytes) : ""};
  }

  void append_figures(const Costs& costs) {
    const auto texts = figures(costs);
    // How hot: the share of the time that the whole trace spent in calls.
    const double share = annotated_.trace_nanoseconds == 0 ? 0
                                                           : static_cast<double>(costs.nanoseconds) /
                                                                 static_cast<double>(annotated_.trace_nanoseconds);
    const std::string_view heat = !style_.color ? "" : share >= 0.2 ? "\033[1;31m" : share >= 0.05 ? "\033[33m" : "";
    for (std::size_t i = 0; i < kFigures; ++i) {
      const std::string_view color = i == 1 && !texts[i].empty() ? red() : i == 2 ? heat : "";
      fmt::format_to(std::back_inserter(out_), "{}{}{}", color, padded(texts[i], widths_[i] + (i == 0 ? 2 : 1)),
                     color.empty() ? "" : plain());
    }
  }

  std::size_t gutter_width() const {
    std::size_t sum = 1 + kFigures;
    for (const std::size_t width : widths_) sum += width;
    return sum;
  }

  std::string_view bold() const { return style_.color ? "\033[1m" : ""; }
  std::string_view dim() const { return style_.color ? "\033[2m" : ""; }
  std::string_view red() const { return style_.color ? "\033[31m" : ""; }
  std::string_view yellow() const { return style_.color ? "\033[33m" : ""; }
  std::string_view plain() const { return style_.color ? "\033[0m" : ""; }

  std::string& out_;
  const AnnotatedSource& annotated_;
  const AnnotationStyle& style_;
  std::array<std::size_t, kFigures> widths_{5, 6, 7, 5};
  std::size_t number_width_ = 4;
};

}  // namespace

std::string short_time(uint64_t nanoseconds) {
  if (nanoseconds < 1000) return fmt::format("{} ns", nanoseconds);
  const auto value = static_cast<double>(nanoseconds);
  if (nanoseconds < 999'500) return three_digits(value / 1e3) + " µs";
  if (nanoseconds < 999'500'000) return three_digits(value / 1e6) + " ms";
  return three_digits(value / 1e9) + " s";
}

std::string short_bytes(uint64_t bytes) {
  if (bytes < 10'000) return std::to_string(bytes);
  double value = static_cast<double>(bytes) / 1024;
  std::string_view units = "KMGTPE";
  for (; value >= 999.5 && units.size() > 1; units.remove_prefix(1)) value /= 1024;
  return three_digits(value) + units[0];
}

std::string in_words(const Costs& costs) {
  std::string text = fmt::format("{} call{}", costs.calls, costs.calls == 1 ? "" : "s");
  if (costs.errors != 0) text += fmt::format(", {} error{}", costs.errors, costs.errors == 1 ? "" : "s");
  text += ", " + short_time(costs.nanoseconds);
  if (costs.bytes != 0) text += fmt::format(", {} byte{}", short_bytes(costs.bytes), costs.bytes == 1 ? "" : "s");
  return text;
}

void append_annotated(std::string& out, const AnnotatedSource& annotated, const AnnotationStyle& style) {
  Page page(out, annotated, style);
  page.head();
  const std::size_t there = annotated.source != nullptr ? annotated.source->lines.size() : 0;
  std::size_t shown = 0;  // the last line that was
  auto next = annotated.lines.begin();
  if (there != 0 && !style.context) {
    for (std::size_t n = 1; n <= there; ++n) {
      const auto line = annotated.lines.find(static_cast<uint32_t>(n));
      page.row(static_cast<uint32_t>(n), line != annotated.lines.end() ? &line->second : nullptr,
               annotated.source->lines[n - 1]);
    }
  } else if (there != 0) {
    const std::size_t context = std::min(*style.context, there);
    for (; next != annotated.lines.end() && next->first <= there; ++next) {
      // Line 0 is none; the nearest there is is the first.
      const std::size_t at = next->first;
      if (at == 0) continue;
      std::size_t first = std::max(shown + 1, at > context ? at - context : 1);
      if (first == shown + 2) --first;  // one line left out would be replaced by one that says so
      if (first > shown + 1 && shown != 0) page.gap();
      const std::size_t last = std::min(there, at + context);
      for (std::size_t n = first; n <= last; ++n) {
        const auto line = annotated.lines.find(static_cast<uint32_t>(n));
        page.row(static_cast<uint32_t>(n), line != annotated.lines.end() ? &line->second : nullptr,
                 annotated.source->lines[n - 1]);
      }
      shown = std::max(shown, last);
    }
  }
  // What the text has no place for: no source, the file has become shorter, or no line was known.
  for (const auto& [number, line] : annotated.lines) {
    if (number != 0 && number <= there) continue;
    std::string text(line.function.empty() ? "?" : line.function);
    if (number == 0)
      text += " (line not known)";
    else if (annotated.source != nullptr)
      text += fmt::format(" (beyond the end of the file, which has {} line{})", there, there == 1 ? "" : "s");
    page.row(number, &line, text);
  }
}

}  // namespace sightline
