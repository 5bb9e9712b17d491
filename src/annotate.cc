#include "src/annotate.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include "src/terminal.h"

namespace sightline {

/// A source that made calls.
struct AnnotateSink::File {
  std::string path;  ///< as the first call's debug information has it
  std::vector<std::string> components;
  std::map<uint32_t, LineCosts> lines;
  std::set<std::string, std::less<>> modules;  ///< the files it was compiled into
  Costs total;
  bool loaded = false;
  std::optional<SourceFile> source;
};

AnnotateSink::AnnotateSink(AnnotateOptions options, Output& out) : options_(std::move(options)), out_(out) {}

AnnotateSink::~AnnotateSink() = default;

void AnnotateSink::trace_started(const TraceStart& start) {
  recorded_ = start.realtime;
  without_sources_ = std::find(start.options.begin(), start.options.end(), "--source=none") != start.options.end();
}

AnnotateSink::Slot AnnotateSink::slot_of(const symbolizer::Frame* frame) {
  const auto [at, is_new] = slots_.try_emplace(frame);
  if (!is_new) return at->second;
  Slot& slot = at->second;
  if (frame == nullptr || frame->file.empty()) {
    const std::string_view module = frame == nullptr        ? "calls without a stack"
                                    : frame->module.empty() ? "code of no file"
                                                            : frame->module;
    slot.elsewhere = &elsewhere_[std::string(module)];
    return slot;
  }
  // A header that two libraries include by different ways is one file.
  std::unique_ptr<File>& file = files_[std::filesystem::path(frame->file).lexically_normal().string()];
  if (file == nullptr) {
    file = std::make_unique<File>();
    file->path = frame->file;
    file->components = path_components(frame->file);
  }
  file->modules.emplace(frame->module);
  slot.file = file.get();
  slot.line = &file->lines[frame->line];
  if (slot.line->function.empty()) slot.line->function = frame->function;
  if (!frame->line_is_near) slot.line->near = false;
  return slot;
}

void AnnotateSink::call_finished(const Call& call) {
  if (!call.finished) return;
  Costs costs;
  costs.add(call);
  total_.add(costs);
  const Slot slot = slot_of(call.source());
  if (slot.file != nullptr) {
    slot.file->total.add(costs);
    slot.line->costs.add(costs);
  } else {
    slot.elsewhere->add(costs);
  }
}

void AnnotateSink::load(File& file) const {
  if (!file.loaded) file.source = find_source(file.path, options_.map);
  file.loaded = true;
}

std::vector<AnnotateSink::File*> AnnotateSink::by_time() {
  std::vector<File*> files;
  for (const auto& [path, file] : files_) files.push_back(file.get());
  std::stable_sort(files.begin(), files.end(),
                   [](const File* a, const File* b) { return a->total.nanoseconds > b->total.nanoseconds; });
  return files;
}

/// The files that the user means by `name`: the one that lies there, else those whose path ends so, else, if the user
/// names a file that exists, those whose path has most in common with it: they are shown with its text.
std::vector<AnnotateSink::File*> AnnotateSink::named(const std::string& name, const std::vector<File*>& files) {
  const std::vector<std::string> wanted = path_components(name);
  std::optional<SourceFile> given = read_source(name);
  std::vector<File*> ending, closest;
  std::size_t most = 1;
  for (File* file : files) {
    const std::size_t common = common_tail(wanted, file->components);
    if (common == 0) continue;
    load(*file);
    std::error_code error;
    if (given && file->source && std::filesystem::equivalent(name, file->source->path, error)) return {file};
    if (common == wanted.size()) ending.push_back(file);
    if (common > most) closest.clear();
    most = std::max(most, common);
    if (common == most) closest.push_back(file);
  }
  std::vector<File*> found = !ending.empty() ? ending : given ? closest : std::vector<File*>();
  if (given && found.size() == 1) found[0]->source = std::move(given);
  return found;
}

std::vector<AnnotateSink::File*> AnnotateSink::asked_for(std::vector<File*> files) {
  if (options_.sources.empty()) return files;
  std::vector<File*> chosen;
  for (const std::string& name : options_.sources) {
    const std::vector<File*> found = named(name, files);
    if (found.empty())
      problems_.push_back(
          fmt::format("no call in the trace comes from '{}' (sightline report lists the lines that made calls)", name));
    for (File* file : found)
      if (std::find(chosen.begin(), chosen.end(), file) == chosen.end()) chosen.push_back(file);
  }
  return chosen;
}

std::string AnnotateSink::shown_path(std::string_view path) const {
  return std::string(shown_path_(std::filesystem::path(path).lexically_normal().string()));
}

std::vector<std::string> AnnotateSink::notes_on(const File& file) const {
  if (!file.source) return {"the source was not found: go where it is, or say where with --source-map=OLD=NEW"};
  std::vector<std::string> notes;
  if (shown_path(file.source->path) != shown_path(file.path)) notes.push_back("the source is " + file.source->path);
  for (const std::string& module : file.modules) {
    const auto built = modification_time(module);
    if (!built || file.source->modified <= *built) continue;
    notes.push_back("the source is newer than " + shown_path(module) + ": its lines may have moved since");
    return notes;
  }
  if (recorded_ != 0 && file.source->modified > 0 && static_cast<uint64_t>(file.source->modified) > recorded_)
    notes.push_back("the source was changed after the trace was recorded: its lines may have moved since");
  return notes;
}

/// What the sources shown do not account for.
void AnnotateSink::append_rest(std::string& text, const TraceEnd& end) const {
  const auto to = std::back_inserter(text);
  Costs rest;
  std::vector<std::pair<std::string_view, Costs>> modules;
  for (const auto& [module, costs] : elsewhere_) {
    rest.add(costs);
    modules.emplace_back(module, costs);
  }
  std::stable_sort(modules.begin(), modules.end(),
                   [](const auto& a, const auto& b) { return a.second.calls > b.second.calls; });
  if (rest.calls != 0) {
    fmt::format_to(to, "without a source line: {}\n", in_words(rest));
    constexpr std::size_t kListed = 10;
    for (std::size_t i = 0; i < modules.size() && i < kListed; ++i) {
      const auto& [module, costs] = modules[i];
      const auto note = std::find_if(end.notes.begin(), end.notes.end(),
                                     [name = module](const symbolizer::ModuleNote& n) { return n.path == name; });
      fmt::format_to(to, "  {}: {}{}\n", printable(module), in_words(costs),
                     note != end.notes.end() ? fmt::format(" ({})", printable(note->reason)) : "");
    }
    if (modules.size() > kListed) fmt::format_to(to, "  and {} more\n", modules.size() - kListed);
    if (without_sources_) text += "the trace was recorded with --source=none\n";
  }
  if (end.unfinished != 0) fmt::format_to(to, "calls that had not returned and are not counted: {}\n", end.unfinished);
  if (end.dropped != 0) fmt::format_to(to, "calls that were lost and are not counted: {}\n", end.dropped);
}

void AnnotateSink::trace_ended(const TraceEnd& end) {
  std::string text;
  bool first = true;
  for (File* file : asked_for(by_time())) {
    load(*file);
    if (!first) text += '\n';
    first = false;
    append_annotated(text,
                     {.title = shown_path(file->path),
                      .source = file->source ? &*file->source : nullptr,
                      .notes = notes_on(*file),
                      .lines = file->lines,
                      .total = file->total,
                      .trace_nanoseconds = total_.nanoseconds},
                     options_.style);
    out_.append(text);
    text.clear();
  }
  if (options_.sources.empty()) {
    append_rest(text, end);
    if (total_.calls == 0) text = "the trace has no calls\n" + text;
    if (!first && !text.empty()) text = '\n' + text;
    out_.append(text);
  }
  out_.flush();
}

}  // namespace sightline
