#include "src/frame_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <climits>
#include <iterator>

#include "src/terminal.h"

namespace sightline {
namespace {

std::string_view base_name(std::string_view path) {
  return path.substr(path.rfind('/') + 1);
}

/// `:12`, `:~12` for the nearest line where there is none; "" if nothing is known.
std::string line_of(const symbolizer::Frame& frame) {
  return frame.line == 0 ? std::string() : fmt::format(":{}{}", frame.line_is_near ? "~" : "", frame.line);
}

}  // namespace

std::string place_in_module(const symbolizer::Frame& frame, bool with_offset) {
  if (frame.module.empty() && frame.function.empty()) return "[unknown]";
  const std::string_view module = frame.module.empty() ? "?" : base_name(frame.module);
  if (frame.function.empty()) return fmt::format("{}+{:#x}", module, frame.module_offset);
  return with_offset ? fmt::format("{}!{}+{:#x}", module, frame.function, frame.function_offset)
                     : fmt::format("{}!{}", module, frame.function);
}

ShownPath::ShownPath() {
  char buffer[PATH_MAX];
  if (getcwd(buffer, sizeof buffer) != nullptr) directory_ = std::string(buffer) + '/';
}

template <class Write>
std::string_view StackTexts::find_or_write(Texts& texts, const Call& call, Write&& write) {
  if (call.stack_id == symbolizer::kNoStack) {
    unkept_.clear();
    write(unkept_);
    return unkept_;
  }
  if (const auto known = texts.find(call.stack_id); known != texts.end()) return known->second;
  std::string text;
  write(text);
  bytes_ += text.size() + sizeof(Texts::value_type);
  if (bytes_ > kMostBytes) {
    sources_.clear();
    stacks_.clear();
    bytes_ = text.size();
  }
  return texts.emplace(call.stack_id, std::move(text)).first->second;
}

std::string_view StackTexts::source(const Call& call) {
  const symbolizer::Frame* frame = call.source();
  if (frame == nullptr) return {};
  return find_or_write(sources_, call, [&](std::string& text) { write_source(*frame, call.stack->truncated, text); });
}

std::string_view StackTexts::stack(const Call& call) {
  if (call.stack == nullptr) return {};
  return find_or_write(stacks_, call, [&](std::string& text) { write_stack(*call.stack, text); });
}

void StackTexts::write_source(const symbolizer::Frame& frame, bool cut, std::string& text) const {
  std::string place;
  if (frame.file.empty()) {
    place = place_in_module(frame, true);
  } else {
    place = std::string(shown_path_(frame.file)) + line_of(frame);
    if (!frame.function.empty()) fmt::format_to(std::back_inserter(place), " {}", frame.function);
  }
  // Cut before your line was reached: what is shown is only as far as the copy of the stack went.
  fmt::format_to(std::back_inserter(text), "{} ← {}{}{}{}{}{}", colors_.arrow, colors_.plain, colors_.place,
                 printable(place), frame.guessed ? " (guessed)" : "", cut ? " (stack cut)" : "", colors_.plain);
}

void StackTexts::write_stack(const symbolizer::Stack& stack, std::string& text) {
  std::string line;
  const auto to = std::back_inserter(line);
  for (const symbolizer::Frame& frame : stack.frames) {
    line.clear();
    fmt::format_to(to, " > {}(", frame.module.empty() ? "?" : frame.module);
    if (!frame.function.empty()) {
      line += frame.function;
      if (!frame.inlined) fmt::format_to(to, "+{:#x}", frame.function_offset);
    }
    fmt::format_to(to, ") [{:#x}]", frame.module_offset);
    if (!frame.file.empty()) fmt::format_to(to, " {}{}", frame.file, line_of(frame));
    if (frame.inlined) line += " (inlined)";
    if (frame.guessed) line += " (guessed)";
    text += printable(line);
    text += '\n';
  }
  if (stack.truncated) text += " > ... (stack cut)\n";
}

}  // namespace sightline
