#include "symbolizer/module.h"

#include <array>
#include <cstring>

#include "symbolizer/debug_file.h"
#include "symbolizer/demangle.h"

namespace sightline::symbolizer {
namespace {

/// mov $15,%rax; syscall: what a signal handler returns to. glibc gives it unwind rules, others do not.
bool is_sigreturn(const ElfFile& file, uint64_t offset) {
  constexpr std::array<unsigned char, 9> kCode = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05};
  std::array<unsigned char, 9> code{};
  return file.read(offset, std::as_writable_bytes(std::span(code))) && code == kCode;
}

bool has_debug_sections(const ElfFile& file) {
  return file.has_section(".debug_info") || file.has_section(".zdebug_info");
}

/// Bytes of an indirect call (ff /2) from its opcode on, by its ModRM byte (Intel SDM volume 2, table 2-2).
std::size_t indirect_call_size(unsigned char modrm, unsigned char sib) {
  const unsigned mode = modrm >> 6;
  const unsigned base = modrm & 7;
  if (mode == 3) return 2;
  std::size_t size = 2;
  if (base == 4) ++size;
  if (mode == 1) return size + 1;
  if (mode == 2 || base == 5 || (base == 4 && (sib & 7) == 5)) return size + 4;
  return size;
}

bool is_mangled(std::string_view name) {
  return name.starts_with("_Z") || name.starts_with("_R");
}

/// The better of DWARF's name and the symbol's (may be empty). DWARF leaves out the mangled name where it may, and the
/// symbol has it; in libc, DWARF knows `_IO_new_fclose`, and the symbol is `fclose`.
std::string function_name(const SourceFrame& source, std::string_view symbol) {
  if (source.name.empty() || is_mangled(symbol)) return readable_function(symbol);
  const std::string plain = readable_function(symbol);
  const bool symbol_is_plainer = !plain.empty() && source.name.starts_with('_') && !plain.starts_with('_');
  return symbol_is_plainer ? plain : std::string(source.name);
}

}  // namespace

Module::Module(std::unique_ptr<ElfFile> file, std::string path, const Options& options, StringPool& strings)
    : file_(std::move(file)),
      path_(std::move(path)),
      options_(options),
      strings_(strings),
      class_(classify_file(path_, file_->soname(), file_->is_program(), options)) {}

Module::~Module() = default;

Rule Module::rule_at(uint64_t lookup, uint64_t pc_offset, SlowRulesStore& store) {
  if (!frames_) frames_.emplace(*file_);
  const std::optional<Rule> usual = frames_->rule_at(lookup);
  if (!usual && !cfi_opened_) {
    cfi_opened_ = true;
    cfi_.reset(dwarf_getcfi_elf(file_->elf()));
  }
  Rule rule = usual ? *usual : compile_rule(cfi_.get(), lookup, store);
  if (rule.kind != Rule::Kind::none) return rule;
  // Reading debug information takes long; only files without .eh_frame (Go's) may have rules nowhere else.
  if ((!usual && !cfi_) || file_->has_section(".debug_frame") || file_->has_section(".zdebug_frame")) open_debug_info();
  if (debug_) rule = compile_rule(debug_->frame_info(), lookup, store);
  if (rule.kind == Rule::Kind::none && is_sigreturn(*file_, pc_offset)) {
    rule.kind = Rule::Kind::sigreturn;
    rule.signal_frame = true;
  }
  return rule;
}

bool Module::is_behind_call(uint64_t file_offset) const {
  constexpr std::size_t kLongest = 7;
  std::array<unsigned char, kLongest + 1> code{};
  if (file_offset < kLongest ||
      !file_->read(file_offset - kLongest, std::as_writable_bytes(std::span(code).first(kLongest)))) {
    return false;
  }
  if (code[kLongest - 5] == 0xe8) return true;
  for (std::size_t size = 2; size <= kLongest; ++size) {
    const std::size_t at = kLongest - size;
    if (code[at] != 0xff || ((code[at + 1] >> 3) & 7) != 2) continue;
    if (indirect_call_size(code[at + 1], code[at + 2]) == size) return true;
  }
  return false;
}

void Module::open_debug_info() {
  if (debug_opened_) return;
  debug_opened_ = true;
  if (!has_debug_sections(*file_) && !debug_file_)
    debug_file_ = find_debug_file(*file_, path_, options_.debug_directories);
  const ElfFile& source = debug_file_ ? *debug_file_ : *file_;
  if (!has_debug_sections(source) && !source.has_section(".debug_frame")) {
    reason_ = "no debug information";
    return;
  }
  DebugInfo::Opened opened = DebugInfo::open(source, *file_, path_, options_.debug_directories);
  debug_ = std::move(opened.info);
  reason_ = std::move(opened.reason);
}

void Module::set_debug_file(std::unique_ptr<ElfFile> file) {
  if (debug_ || debug_file_ || !has_debug_sections(*file) || file->build_id() != file_->build_id()) return;
  debug_file_ = std::move(file);
  debug_opened_ = false;
  reason_.clear();
}

const SymbolTable& Module::symbols(bool with_debug_file) {
  std::unique_ptr<SymbolTable>& table = with_debug_file && debug_file_ ? all_symbols_ : own_symbols_;
  if (!table) table = std::make_unique<SymbolTable>(*file_, with_debug_file ? debug_file_.get() : nullptr);
  return *table;
}

Module::Description Module::describe(uint64_t pc, uint64_t lookup, bool brief) {
  const bool use_debug_info = !brief || class_ != FileClass::runtime;
  if (use_debug_info) open_debug_info();
  std::vector<SourceFrame> sources;
  if (debug_ && use_debug_info) sources = debug_->find(lookup);
  const bool in_unit = !sources.empty();
  // Reading and sorting the symbols of a large program takes longer than finding one of its lines.
  std::optional<SymbolTable::Symbol> symbol;
  if (!in_unit || !is_mangled(sources.back().linkage_name) || sources.back().function_start == 0)
    symbol = symbols(use_debug_info).find(lookup);
  if (sources.empty()) sources.emplace_back();

  Description description;
  for (std::size_t i = 0; i < sources.size(); ++i) {
    const SourceFrame& source = sources[i];
    const bool owns_code = i + 1 == sources.size();
    Frame frame{.module_offset = pc,
                .line = source.line,
                .column = source.column,
                .inlined = !owns_code,
                .line_is_near = source.line_is_near};
    frame.file = options_.source_map.empty() ? strings_.intern(source.file)
                                             : strings_.intern(shown_source(source.file, options_));
    if (owns_code && symbol) {
      frame.function_offset = pc - symbol->address;
    } else if (owns_code && source.function_start != 0 && source.function_start <= pc) {
      frame.function_offset = pc - source.function_start;
    }
    frame.function = is_mangled(source.linkage_name)
                         ? readable(source.linkage_name)
                         : strings_.intern(function_name(source, owns_code && symbol ? symbol->name : ""));
    description.frames.push_back(frame);
  }
  rate(description, symbol, in_unit);
  return description;
}

/// DWARF names a function wherever it is inlined: the same view each time, so its address stands for it.
std::string_view Module::readable(std::string_view linkage_name) {
  std::string_view& name = readable_[linkage_name.data()];
  if (name.data() == nullptr) name = strings_.intern(readable_function(linkage_name));
  return name;
}

void Module::rate(Description& description, const std::optional<SymbolTable::Symbol>& symbol, bool in_unit) const {
  description.user_index = static_cast<uint32_t>(description.frames.size() - 1);
  switch (class_) {
    case FileClass::runtime:
      description.rank = Rank::runtime;
      return;
    case FileClass::system:
      description.rank = Rank::system;
      return;
    case FileClass::user:
      break;
  }
  description.rank = Rank::user_aside;
  if (in_unit) {
    for (std::size_t i = 0; i < description.frames.size(); ++i) {
      if (is_runtime_source(description.frames[i].file, options_)) continue;
      description.rank = Rank::user;
      description.user_index = static_cast<uint32_t>(i);
      return;
    }
    return;
  }
  // The file has lines but not for this place, or it is start-up code, or the C library of a static program: the
  // frame counts only if there is no better one.
  if (debug_) return;
  const bool is_runtime =
      symbol && (is_runtime_symbol(symbol->name) || (file_->is_static() && symbol->has_reserved_alias));
  if (!is_runtime) description.rank = Rank::user;
}

}  // namespace sightline::symbolizer
