#include "symbolizer/symbols.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <tuple>
#include <vector>

#include "symbolizer/mini_debug.h"

namespace sightline::symbolizer {
namespace {

// A symbol without a size (hand-written assembler) holds what follows it, but not half the program.
constexpr uint64_t kUnsizedReach = 4096;

bool is_function(unsigned char type) {
  return type == STT_FUNC || type == STT_GNU_IFUNC || type == STT_NOTYPE;
}

/// Smaller is plainer.
auto plainness(std::string_view name, uint8_t binding) {
  const std::size_t underscores = std::min(name.find_first_not_of('_'), name.size());
  const bool is_mangled = name.starts_with("_Z") || name.starts_with("_R");
  const int rank = binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2;
  return std::tuple(is_mangled ? 0 : underscores, rank, name.size());
}

bool is_reserved(std::string_view name) {
  if (name.size() < 2 || name[0] != '_' || name.starts_with("_Z") || name.starts_with("_R")) return false;
  return name[1] == '_' || (name[1] >= 'A' && name[1] <= 'Z');
}

}  // namespace

SymbolTable::SymbolTable(const ElfFile& file, const ElfFile* debug) {
  bool has_all = add_table(file, SHT_SYMTAB, file);
  if (debug) has_all |= add_table(*debug, SHT_SYMTAB, file);
  if (!has_all) mini_debug_ = open_mini_debug(file);
  if (mini_debug_) add_table(*mini_debug_, SHT_SYMTAB, file);
  add_table(file, SHT_DYNSYM, file);
  index_.finish();
}

/// false if there is no such table.
bool SymbolTable::add_table(const ElfFile& from, uint32_t type, const ElfFile& segments) {
  Elf_Scn* section = from.find_section(type);
  GElf_Shdr header;
  if (!section || !gelf_getshdr(section, &header)) return false;
  Elf_Data* data = elf_getdata(section, nullptr);
  if (!data || !data->d_buf || header.sh_entsize != sizeof(Elf64_Sym)) return false;

  struct Unsized {
    uint64_t address;
    Entry entry;
  };
  tables_.push_back({from.elf(), header.sh_link});
  std::vector<Unsized> unsized;
  std::vector<uint64_t> starts;
  const std::size_t count = data->d_size / sizeof(Elf64_Sym);
  starts.reserve(count);
  index_.expect(count);
  for (std::size_t i = 1; i < count; ++i) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, static_cast<const char*>(data->d_buf) + i * sizeof symbol, sizeof symbol);
    if (symbol.st_shndx == SHN_UNDEF || !is_function(ELF64_ST_TYPE(symbol.st_info)) || symbol.st_value == 0) continue;
    if (!segments.is_executable_range(symbol.st_value, symbol.st_value + 1)) continue;
    starts.push_back(symbol.st_value);
    const Entry entry{.name = symbol.st_name,
                      .size = static_cast<uint32_t>(std::min<uint64_t>(symbol.st_size, UINT32_MAX)),
                      .table = static_cast<uint8_t>(tables_.size() - 1),
                      .binding = static_cast<uint8_t>(ELF64_ST_BIND(symbol.st_info))};
    if (symbol.st_size == 0) {
      unsized.push_back({symbol.st_value, entry});
    } else if (symbol.st_value + symbol.st_size > symbol.st_value) {
      index_.add(symbol.st_value, symbol.st_value + symbol.st_size, entry);
    }
  }
  if (unsized.empty()) return true;
  std::sort(starts.begin(), starts.end());
  for (const Unsized& symbol : unsized) {
    const auto next = std::upper_bound(starts.begin(), starts.end(), symbol.address);
    const uint64_t end = next == starts.end() ? std::numeric_limits<uint64_t>::max() : *next;
    index_.add(symbol.address, std::min(end, symbol.address + kUnsizedReach), symbol.entry);
  }
  return true;
}

std::string_view SymbolTable::name_of(const Entry& entry) const {
  const Table& table = tables_[entry.table];
  const char* name = elf_strptr(table.elf, table.names, entry.name);
  return name ? std::string_view(name) : std::string_view();
}

std::optional<SymbolTable::Symbol> SymbolTable::find(uint64_t address) const {
  const auto* found = index_.find(address);
  if (!found) return std::nullopt;
  Symbol best;
  uint8_t best_binding = 0;
  bool has_reserved_alias = false;
  // `found` is the first of those that start at its address. The count bounds what a crafted table can cost.
  const auto& ranges = index_.ranges();
  std::size_t at = static_cast<std::size_t>(found - ranges.data());
  for (int tried = 0; tried < 64 && at < ranges.size() && ranges[at].low == found->low; ++tried, ++at) {
    if (address >= ranges[at].high) continue;
    const Entry& entry = ranges[at].value;
    const std::string_view name = name_of(entry);
    if (name.empty()) continue;
    has_reserved_alias = has_reserved_alias || is_reserved(name);
    if (best.name.empty() || plainness(name, entry.binding) < plainness(best.name, best_binding)) {
      best = {.name = name, .address = ranges[at].low, .size = entry.size};
      best_binding = entry.binding;
    }
  }
  if (best.name.empty()) return std::nullopt;
  best.has_reserved_alias = has_reserved_alias;
  return best;
}

}  // namespace sightline::symbolizer
