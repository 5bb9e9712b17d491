#include "symbolizer/dwarf_index.h"

#include <dwarf.h>

#include <algorithm>

#include "symbolizer/demangle.h"

namespace sightline::symbolizer {
namespace {

constexpr int kMaxReferences = 16;  // real chains have at most three; crafted ones may be circles
constexpr int kMaxScopeDepth = 16;
// Each place is described once, but places that follow each other mostly lie in the same functions. What is kept of
// those for the next ones, in bytes:
constexpr uint64_t kKeptEntries = uint64_t{32} << 20;
constexpr std::size_t kKeptInlines = std::size_t{8} << 20;

}  // namespace

DwarfIndex::DwarfIndex(const ElfFile& dwarf_file, const ElfFile* alternate, const ElfFile& code) : code_(code) {
  if (alternate != nullptr) alternate_ = std::make_unique<DwarfFile>(*alternate, nullptr);
  file_ = std::make_unique<DwarfFile>(dwarf_file, alternate_.get());
  if (file_->is_complete()) collect_ranges();
}

DwarfIndex::~DwarfIndex() = default;

void DwarfIndex::collect_ranges() {
  std::vector<DwarfFile::Range> ranges;
  for (std::size_t i = 0; i < file_->units().size(); ++i) {
    const DwarfUnit& unit = file_->units()[i];
    if (unit.root_tag != DW_TAG_compile_unit) continue;
    ranges.clear();
    file_->read_ranges(unit, unit.root_low, unit.root_high, unit.root_ranges, ranges);
    for (const auto& [low, high] : ranges) {
      // Functions that the linker dropped keep ranges at address 0 or so.
      if (is_code(low, high)) unit_ranges_.add(low, high, static_cast<uint32_t>(i));
    }
  }
  unit_ranges_.finish();
}

DwarfIndex::LineTable& DwarfIndex::lines_of(const DwarfUnit& unit) {
  const auto [at, is_new] = lines_.try_emplace(unit.line_program);
  LineTable& table = at->second;
  if (!is_new) return table;
  unit.file->visit_attributes({&unit, unit.first_die}, [&](uint16_t name, const DwarfValue& value) {
    if (name == DW_AT_comp_dir) table.directory = unit.file->string(unit, value);
    return name != DW_AT_comp_dir;
  });
  // A row comes from a byte at least; crafted tables may overlap.
  SectionBytes& section = unit.file->line();
  const std::size_t most_rows = section.size() - std::min<uint64_t>(rows_, section.size());
  table.lines = std::make_unique<DwarfLines>(
      unit, [this](uint64_t low, uint64_t high) { return is_code(low, high); }, most_rows);
  rows_ += table.lines->row_count();
  section.release(0, section.size());
  return table;
}

const DwarfFunctions& DwarfIndex::functions_of(const DwarfUnit& unit) {
  std::unique_ptr<DwarfFunctions>& functions = functions_[&unit];
  if (!functions) {
    functions =
        std::make_unique<DwarfFunctions>(unit, [this](uint64_t low, uint64_t high) { return is_code(low, high); });
    unit.file->info().release(unit.offset, unit.end - unit.offset);
  }
  return *functions;
}

const DwarfInlines& DwarfIndex::inlines_of(const DwarfUnit& unit, const DwarfFunctions::Function& function) {
  if (const auto known = inlines_.find(function.die); known != inlines_.end()) return known->second;
  if (inlines_memory_ > kKeptInlines) {
    inlines_.clear();
    inlines_memory_ = 0;
  }
  const DwarfInlines& inlines = inlines_.try_emplace(function.die, unit, function.die, function.end).first->second;
  inlines_memory_ += inlines.memory();
  return inlines;
}

std::string_view DwarfIndex::path_of(LineTable& table, uint32_t number) {
  if (number >= DwarfLines::kNoFile) return {};
  if (number >= table.paths.size()) table.paths.resize(number + 1);
  std::string_view& path = table.paths[number];
  if (path.data() == nullptr) {
    const std::string joined = table.lines->file_path(number);
    path = joined.empty() ? std::string_view("") : strings_.intern(join_source_path(table.directory, joined));
  }
  return path;
}

const DwarfIndex::Names& DwarfIndex::names_of(const DieRef die, int depth) {
  if (const auto known = names_.find(die); known != names_.end()) return known->second;
  DieRef current = die;
  std::string_view linkage;
  std::string source;
  for (int i = 0; i < kMaxReferences; ++i) {
    DwarfFile& file = *current.unit->file;
    DieRef next;
    file.visit_attributes(current, [&](uint16_t name, const DwarfValue& value) {
      if (name == DW_AT_linkage_name || name == DW_AT_MIPS_linkage_name) {
        // String sections stay; what stands among the entries goes when they do.
        if (linkage.empty()) linkage = file.string(*current.unit, value);
        if (value.form == DW_FORM_string) linkage = strings_.intern(linkage);
      } else if (name == DW_AT_name) {
        if (source.empty()) source = file.string(*current.unit, value);
      } else if (name == DW_AT_abstract_origin || name == DW_AT_specification) {
        next = file.reference(*current.unit, value);
      }
      return true;
    });
    if (!next || next == die) break;
    current = next;
  }
  // The mangled name holds the scopes.
  if (!source.empty() && linkage.empty() && current.unit->has_scopes) {
    std::string scope = scope_of(current, depth);
    // A class without a name that can be called is a lambda's.
    constexpr std::string_view kNameless = "(anonymous)::";
    if (scope.ends_with(kNameless) && source.starts_with("operator()"))
      scope.replace(scope.size() - kNameless.size(), kNameless.size(), "{lambda}::");
    source = scope + source;
  }
  const Names names{.linkage = linkage, .source = strings_.intern(source)};
  return names_.emplace(die, names).first->second;
}

std::string DwarfIndex::scope_of(const DieRef& declaration, int depth) {
  std::string scope;
  if (depth > kMaxScopeDepth) return scope;
  for (const DieRef& holder : functions_of(*declaration.unit).scopes_of(declaration.offset)) {
    DwarfFile& file = *holder.unit->file;
    std::string name;
    bool has_name = false;
    const uint16_t tag = file.visit_attributes(holder, [&](uint16_t attribute, const DwarfValue& value) {
      if (attribute != DW_AT_name) return true;
      has_name = true;
      name = file.string(*holder.unit, value);
      return false;
    });
    switch (tag) {
      case DW_TAG_subprogram: {
        // A function's name holds its scopes; what was collected is the same again.
        const Names& names = names_of(holder, depth + 1);
        scope = (names.linkage.empty() ? std::string(names.source) : readable_function(names.linkage)) + "::";
        continue;
      }
      case DW_TAG_namespace:
        if (!has_name) name = "(anonymous namespace)";
        break;
      case DW_TAG_class_type:
      case DW_TAG_structure_type:
      case DW_TAG_union_type:
        if (!has_name) name = "(anonymous)";
        break;
      default:
        break;
    }
    if (!name.empty()) scope += name + "::";
  }
  return scope;
}

std::vector<SourceFrame> DwarfIndex::find(uint64_t address) {
  const auto* range = unit_ranges_.find(address);
  if (range == nullptr) return {};
  const DwarfUnit& unit = file_->units()[range->value];
  if (file_->info().held() > kKeptEntries) file_->info().release(0, file_->info().size());
  std::vector<SourceFrame> frames(1);
  LineTable& table = lines_of(unit);
  const DwarfLines::Place place = table.lines->find(address);
  frames[0].file = path_of(table, place.file);
  frames[0].line = place.line;
  frames[0].column = place.column;
  frames[0].line_is_near = place.is_near;

  const DwarfFunctions::Function function = functions_of(unit).find(address);
  if (function.die == 0) return frames;
  std::vector<DieRef> chain = {{&unit, function.die}};  // outermost first
  inlines_of(unit, function).find(address, chain);
  frames.resize(chain.size());
  for (std::size_t i = 0; i < frames.size(); ++i) {
    DieRef die = chain[frames.size() - 1 - i];
    if (i + 1 < frames.size()) {
      // Its origin has its names, and those of all other places that it is inlined into.
      SourceFrame& caller = frames[i + 1];
      DieRef origin;
      die.unit->file->visit_attributes(die, [&](uint16_t name, const DwarfValue& value) {
        const auto number = static_cast<uint32_t>(std::min<uint64_t>(value.number, UINT32_MAX));
        if (name == DW_AT_abstract_origin) origin = die.unit->file->reference(*die.unit, value);
        if (name == DW_AT_call_file) caller.file = path_of(table, number);
        if (name == DW_AT_call_line) caller.line = number;
        if (name == DW_AT_call_column) caller.column = number;
        return true;
      });
      if (origin) die = origin;
    }
    const Names& names = names_of(die);
    frames[i].linkage_name = names.linkage;
    frames[i].name = names.source;
  }
  frames.back().function_start = function.start;
  return frames;
}

}  // namespace sightline::symbolizer
