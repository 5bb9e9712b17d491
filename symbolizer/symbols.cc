#include "symbolizer/symbols.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <tuple>
#include <vector>

#include "symbolizer/mini_debug.h"

namespace sightline::symbolizer {
namespace {

// A symbol without a size (hand-written assembler) holds what follows it, but not half the program.
constexpr uint64_t kUnsizedReach = 4096;
// So many look-ups go through the whole table; by then it has cost as much as to sort it, nearly.
constexpr unsigned kMostScans = 16;
// A piece of a table that is read into memory at a time.
constexpr std::size_t kPiece = 1024;
// Names of one address: real ones have fewer than 10. Bounds what a crafted table can cost.
constexpr int kMostNames = 64;

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

/// What an unsized symbol holds if there is nothing else behind it; no more than `end`.
uint64_t end_of_unsized(uint64_t address, uint64_t end) {
  return std::min(end, address + kUnsizedReach);
}

}  // namespace

class SymbolTable::Plainest {
 public:
  void consider(std::string_view name, uint64_t address, const Entry& entry) {
    if (name.empty()) return;
    has_reserved_alias_ = has_reserved_alias_ || is_reserved(name);
    if (!best_.name.empty() && plainness(name, entry.binding) >= plainness(best_.name, binding_)) return;
    best_ = {.name = name, .address = address, .size = entry.size};
    binding_ = entry.binding;
  }

  std::optional<Symbol> result() const {
    if (best_.name.empty()) return std::nullopt;
    Symbol symbol = best_;
    symbol.has_reserved_alias = has_reserved_alias_;
    return symbol;
  }

 private:
  Symbol best_;
  uint8_t binding_ = 0;
  bool has_reserved_alias_ = false;
};

SymbolTable::SymbolTable(const ElfFile& file, const ElfFile* debug) {
  bool has_all = add_table(file, SHT_SYMTAB, file);
  if (debug) has_all |= add_table(*debug, SHT_SYMTAB, file);
  if (!has_all) mini_debug_ = open_mini_debug(file);
  if (mini_debug_) add_table(*mini_debug_, SHT_SYMTAB, file);
  add_table(file, SHT_DYNSYM, file);
}

/// false if there is no such table.
bool SymbolTable::add_table(const ElfFile& from, uint32_t type, const ElfFile& segments) {
  Elf_Scn* section = from.find_section(type);
  GElf_Shdr header;
  if (!section || !gelf_getshdr(section, &header) || header.sh_entsize != sizeof(Elf64_Sym)) return false;
  Table table{.file = &from, .segments = &segments, .names = header.sh_link, .offset = header.sh_offset};
  if (from.fd() < 0) {
    const Elf_Data* data = elf_getdata(section, nullptr);
    if (!data || !data->d_buf) return false;
    table.memory = static_cast<const std::byte*>(data->d_buf);
    table.count = data->d_size / sizeof(Elf64_Sym);
  } else {
    if (header.sh_size > from.size() || header.sh_offset > from.size() - header.sh_size) return false;
    table.count = header.sh_size / sizeof(Elf64_Sym);
  }
  if (table.count == 0) return false;
  tables_.push_back(table);
  return true;
}

/// Calls visit(symbol) for each function of the table that starts at `up_to` or before.
template <class Visit>
void SymbolTable::for_each_function(const Table& table, uint64_t up_to, Visit&& visit) {
  std::array<Elf64_Sym, kPiece> piece;
  for (std::size_t at = 0; at < table.count;) {
    const std::size_t size = std::min(piece.size(), table.count - at);
    const std::size_t bytes = size * sizeof(Elf64_Sym);
    if (table.memory)
      std::memcpy(piece.data(), table.memory + at * sizeof(Elf64_Sym), bytes);
    else if (!table.file->read(table.offset + at * sizeof(Elf64_Sym),
                               std::as_writable_bytes(std::span(piece).first(size))))
      return;  // shorter than when it was opened
    for (std::size_t i = at == 0 ? 1 : 0; i < size; ++i) {
      const Elf64_Sym& symbol = piece[i];
      if (symbol.st_value > up_to || symbol.st_shndx == SHN_UNDEF || !is_function(ELF64_ST_TYPE(symbol.st_info)) ||
          symbol.st_value == 0 || !table.segments->is_executable_range(symbol.st_value, symbol.st_value + 1))
        continue;
      const Entry entry{.name = symbol.st_name,
                        .size = static_cast<uint32_t>(std::min<uint64_t>(symbol.st_size, UINT32_MAX)),
                        .table = 0,
                        .binding = static_cast<uint8_t>(ELF64_ST_BIND(symbol.st_info))};
      visit(symbol.st_value, symbol.st_size, entry);
    }
    at += size;
  }
}

void SymbolTable::build_index() const {
  struct Unsized {
    uint64_t address;
    Entry entry;
  };
  for (std::size_t number = 0; number < tables_.size(); ++number) {
    std::vector<Unsized> unsized;
    std::vector<uint64_t> starts;
    starts.reserve(tables_[number].count);
    index_.expect(tables_[number].count);
    for_each_function(tables_[number], UINT64_MAX, [&](uint64_t address, uint64_t size, Entry entry) {
      starts.push_back(address);
      entry.table = static_cast<uint8_t>(number);
      if (size == 0) {
        unsized.push_back({address, entry});
      } else if (address + size > address) {
        index_.add(address, address + size, entry);
      }
    });
    if (unsized.empty()) continue;
    std::sort(starts.begin(), starts.end());
    for (const Unsized& symbol : unsized) {
      const auto next = std::upper_bound(starts.begin(), starts.end(), symbol.address);
      const uint64_t end = next == starts.end() ? std::numeric_limits<uint64_t>::max() : *next;
      index_.add(symbol.address, end_of_unsized(symbol.address, end), symbol.entry);
    }
  }
  index_.finish();
}

std::string_view SymbolTable::name_of(const Entry& entry) const {
  const Table& table = tables_[entry.table];
  const char* name = elf_strptr(table.file->elf(), table.names, entry.name);
  return name ? std::string_view(name) : std::string_view();
}

std::optional<SymbolTable::Symbol> SymbolTable::find(uint64_t address) const {
  if (!is_sorted_ && scans_ < kMostScans) {
    ++scans_;
    return scan(address);
  }
  if (!is_sorted_) {
    is_sorted_ = true;
    build_index();
  }
  return search(address);
}

/// The same answer as search() has, from the tables as they stand.
std::optional<SymbolTable::Symbol> SymbolTable::scan(uint64_t address) const {
  uint64_t low = 0;  // where those start that are found so far
  std::vector<Entry> found;
  const auto note = [&](uint64_t start, const Entry& entry) {
    if (start < low) return;
    if (start > low) found.clear();
    low = start;
    found.push_back(entry);
  };
  for (std::size_t number = 0; number < tables_.size(); ++number) {
    uint64_t last_start = 0;  // of the table: what has no size holds no more than to the next start
    std::vector<Entry> unsized;
    for_each_function(tables_[number], address, [&](uint64_t start, uint64_t size, Entry entry) {
      entry.table = static_cast<uint8_t>(number);
      if (start > last_start) {
        last_start = start;
        unsized.clear();
      }
      if (size == 0) {
        if (start == last_start) unsized.push_back(entry);
      } else if (start + size > address) {
        note(start, entry);
      }
    });
    if (address >= end_of_unsized(last_start, std::numeric_limits<uint64_t>::max())) continue;
    for (const Entry& entry : unsized) note(last_start, entry);
  }
  using Index = RangeIndex<Entry>;
  if (found.empty() || (address - low >= Index::kLookBack && starts_between(low, address) >= Index::kLookBack))
    return std::nullopt;
  Plainest plainest;
  for (std::size_t i = 0; i < std::min<std::size_t>(found.size(), kMostNames); ++i)
    plainest.consider(name_of(found[i]), low, found[i]);
  return plainest.result();
}

/// Functions that start above `low`, and at `high` or before.
std::size_t SymbolTable::starts_between(uint64_t low, uint64_t high) const {
  std::size_t count = 0;
  for (const Table& table : tables_)
    for_each_function(table, high, [&](uint64_t start, uint64_t, const Entry&) { count += start > low ? 1 : 0; });
  return count;
}

std::optional<SymbolTable::Symbol> SymbolTable::search(uint64_t address) const {
  const auto* found = index_.find(address);
  if (!found) return std::nullopt;
  // `found` is the first of those that start at its address.
  const auto& ranges = index_.ranges();
  Plainest plainest;
  std::size_t at = static_cast<std::size_t>(found - ranges.data());
  for (int tried = 0; tried < kMostNames && at < ranges.size() && ranges[at].low == found->low; ++tried, ++at)
    if (address < ranges[at].high) plainest.consider(name_of(ranges[at].value), ranges[at].low, ranges[at].value);
  return plainest.result();
}

}  // namespace sightline::symbolizer
