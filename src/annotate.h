/// `sightline annotate`: sources with the costs of each line's calls in the gutter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/annotated_source.h"
#include "src/costs.h"
#include "src/frame_text.h"
#include "src/model.h"
#include "src/output.h"
#include "src/source_file.h"

namespace sightline {

struct AnnotateOptions {
  std::vector<std::string> sources;  ///< which to show: paths, or their tails; empty: all that made calls
  SourceMap map;
  AnnotationStyle style;
};

class AnnotateSink : public Sink {
 public:
  /// `out` is not owned.
  AnnotateSink(AnnotateOptions options, Output& out);
  ~AnnotateSink() override;

  void trace_started(const TraceStart& start) override;
  void call_finished(const Call& call) override;
  /// Writes the sources.
  void trace_ended(const TraceEnd& end) override;
  uint64_t output_errors() const override { return out_.error() != 0 ? 1 : 0; }

  /// After trace_ended: the sources asked for that could not be shown, one sentence each.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct File;
  struct Slot {
    File* file = nullptr;        // nullptr: no source is known
    LineCosts* line = nullptr;   // of `file`
    Costs* elsewhere = nullptr;  // without `file`
  };

  Slot slot_of(const symbolizer::Frame* frame);
  void load(File& file) const;
  std::vector<File*> by_time();
  std::vector<File*> asked_for(std::vector<File*> files);
  std::vector<File*> named(const std::string& name, const std::vector<File*>& files);
  std::vector<std::string> notes_on(const File& file) const;
  std::string shown_path(std::string_view path) const;
  void append_rest(std::string& text, const TraceEnd& end) const;

  AnnotateOptions options_;
  Output& out_;
  ShownPath shown_path_;
  uint64_t recorded_ = 0;  ///< CLOCK_REALTIME ns
  bool without_sources_ = false;
  Costs total_;
  std::map<std::string, std::unique_ptr<File>, std::less<>> files_;  ///< by path, normalized
  std::map<std::string, Costs, std::less<>> elsewhere_;              ///< calls without a source, by module
  std::unordered_map<const symbolizer::Frame*, Slot> slots_;         ///< frames live as long as the trace
  std::vector<std::string> problems_;
};

}  // namespace sightline
