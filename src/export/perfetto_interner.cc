#include "src/export/perfetto_interner.h"

#include <charconv>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "src/export/utf8.h"

namespace sightline::exporting {
namespace {

// What a viewer shows of a frame without a function: `libc.so.6+0x1a2b`.
std::string placeholder(const symbolizer::Frame& frame) {
  const std::size_t slash = frame.module.rfind('/');
  std::string text(slash == std::string_view::npos ? frame.module : frame.module.substr(slash + 1));
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, frame.module_offset, 16);
  text += "+0x";
  return text.append(digits, end);
}

}  // namespace

uint64_t PerfettoInterner::text_id(Texts& index, pb::InternedData field, std::string_view text) {
  if (const auto found = index.find(text); found != index.end()) return found->second;
  const uint64_t iid = index.size() + 1;
  index.emplace(text, iid);
  std::string valid;
  append_utf8(valid, text);
  protozero::pbf_writer data(pending_);
  protozero::pbf_writer entry(data, field);
  entry.add_uint64(pb::kIid, iid);
  entry.add_string(pb::kText, valid);
  return iid;
}

uint64_t PerfettoInterner::mapping(std::string_view path) {
  if (path.empty()) return 0;
  const uint64_t path_iid = text_id(mapping_paths_, pb::kMappingPaths, path);
  const auto [found, is_new] = mappings_.try_emplace(path_iid, mappings_.size() + 1);
  if (is_new) {
    protozero::pbf_writer data(pending_);
    protozero::pbf_writer entry(data, pb::kMappings);
    entry.add_uint64(pb::kIid, found->second);
    entry.add_uint64(pb::kMappingPathIds, path_iid);
  }
  return found->second;
}

uint64_t PerfettoInterner::frame(const symbolizer::Frame& frame) {
  const uint64_t mapping_iid = mapping(frame.module);
  const uint64_t function = text_id(functions_, pb::kFunctionNames,
                                    frame.function.empty() ? placeholder(frame) : std::string(frame.function));
  const uint64_t source = frame.file.empty() ? 0 : text_id(source_paths_, pb::kSourcePaths, frame.file);
  const FrameKey key{mapping_iid, frame.module_offset, function, source, frame.line};
  const auto [found, is_new] = frames_.try_emplace(key, frames_.size() + 1);
  if (is_new) {
    protozero::pbf_writer data(pending_);
    protozero::pbf_writer entry(data, pb::kFrames);
    entry.add_uint64(pb::kIid, found->second);
    entry.add_uint64(pb::kFunctionNameId, function);
    if (mapping_iid != 0) {
      entry.add_uint64(pb::kMappingId, mapping_iid);
      entry.add_uint64(pb::kRelPc, frame.module_offset);
    }
    if (source != 0) {
      entry.add_uint64(pb::kSourcePathIid, source);
      entry.add_uint32(pb::kLineNumber, frame.line);
    }
  }
  return found->second;
}

uint64_t PerfettoInterner::callstack(symbolizer::StackId id, const symbolizer::Stack& stack) {
  const auto [found, is_new] = stacks_.try_emplace(id, stacks_.size() + 1);
  if (is_new) {
    // Bottom frame first: ours stand the other way round.
    std::vector<uint64_t> frames;
    for (std::size_t i = stack.frames.size(); i-- > 0;) frames.push_back(frame(stack.frames[i]));
    protozero::pbf_writer data(pending_);
    protozero::pbf_writer entry(data, pb::kCallstacks);
    entry.add_uint64(pb::kIid, found->second);
    for (const uint64_t iid : frames) entry.add_uint64(pb::kFrameIds, iid);
  }
  return found->second;
}

}  // namespace sightline::exporting
