/// Perfetto's interned data: each name, frame and call stack once, before or with the packet that refers to it first.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>

#include "src/export/perfetto_fields.h"
#include "symbolizer/symbolizer.h"

namespace sightline::exporting {

/// Hands out iids, 1 and up in each index, and collects the entries that are new.
class PerfettoInterner {
 public:
  uint64_t event_name(std::string_view text) { return text_id(event_names_, pb::kEventNames, text); }
  uint64_t category(std::string_view text) { return text_id(categories_, pb::kEventCategories, text); }
  uint64_t annotation_name(std::string_view text) { return text_id(annotation_names_, pb::kAnnotationNames, text); }
  /// `id` identifies the stack in the trace.
  uint64_t callstack(symbolizer::StackId id, const symbolizer::Stack& stack);

  /// A serialized InternedData with what is new; the next packet must carry it. "" if nothing is.
  const std::string& pending() const { return pending_; }
  void clear_pending() { pending_.clear(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using Texts = std::unordered_map<std::string, uint64_t, Hash, std::equal_to<>>;
  // Mapping, offset, function, source path, line.
  using FrameKey = std::tuple<uint64_t, uint64_t, uint64_t, uint64_t, uint32_t>;

  uint64_t text_id(Texts& index, pb::InternedData field, std::string_view text);
  uint64_t mapping(std::string_view path);
  uint64_t frame(const symbolizer::Frame& frame);

  std::string pending_;
  Texts event_names_, categories_, annotation_names_, functions_, source_paths_, mapping_paths_;
  std::unordered_map<uint64_t, uint64_t> mappings_;  // by iid of the path
  std::map<FrameKey, uint64_t> frames_;
  std::unordered_map<symbolizer::StackId, uint64_t> stacks_;
};

}  // namespace sightline::exporting
