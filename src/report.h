/// The tables of `sightline report`: what calls cost, by line, function or stack.
///
/// Every call that came to its end is in exactly one row, also those of which no source line is known, so that the
/// totals are those of -c.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/costs.h"
#include "src/frame_text.h"
#include "src/model.h"
#include "src/output.h"

namespace sightline {

enum class ReportBy : uint8_t { line, function, stack };

enum class ReportFormat : uint8_t {
  text,
  json,
  folded,  ///< `outer;inner 42`, what flame graphs are drawn from; only by stack
};

struct ReportOptions {
  ReportBy by = ReportBy::line;
  SortBy sort = SortBy::time;
  ReportFormat format = ReportFormat::text;
  std::optional<std::size_t> limit = {};  ///< rows; the others are summed up in one. nullopt: all
  std::size_t width = 0;                  ///< longer text lines are cut; 0: none is
  bool color = false;
};

class ReportSink : public Sink {
 public:
  /// `out` is not owned.
  ReportSink(ReportOptions options, Output& out);

  void call_finished(const Call& call) override;
  /// Writes the report.
  void trace_ended(const TraceEnd& end) override;
  uint64_t output_errors() const override { return out_.error() != 0 ? 1 : 0; }

 private:
  struct Row {
    std::string title;                         ///< what the table shows; no two rows have the same
    const symbolizer::Frame* frame = nullptr;  ///< by line and function: the user's line of the first call
    Costs costs;
  };

  std::size_t row_of(const Call& call);
  std::size_t row_titled(std::string title, const symbolizer::Frame* frame);
  std::string title_of(const symbolizer::Frame* frame) const;
  /// Cuts off the rows beyond the limit and returns what they cost together.
  Costs cut_to_limit(std::vector<const Row*>& rows) const;
  void append_text(const std::vector<const Row*>& rows, const Costs& total, const TraceEnd& end);
  void append_json(const std::vector<const Row*>& rows, const Costs& total, const TraceEnd& end);
  void append_folded(const std::vector<const Row*>& rows);

  ReportOptions options_;
  Output& out_;
  ShownPath shown_path_;
  std::vector<Row> rows_;
  std::unordered_map<std::string, std::size_t> by_title_;
  std::unordered_map<const void*, std::size_t> known_;  ///< by frame or stack, which live as long as the trace
};

}  // namespace sightline
