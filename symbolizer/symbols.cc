#include "symbolizer/symbols.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "symbolizer/mini_debug.h"

namespace sightline::symbolizer {
namespace {

// A symbol without a size (hand-written assembler) holds what follows it, but not half the program.
constexpr uint64_t kUnsizedReach = 4096;
// A piece of a table that is read into memory at a time.
constexpr std::size_t kPiece = 340;
// So many that start before an address are looked at, and so many names of one address. Real ones have fewer than 10;
// this bounds what a crafted table can cost.
constexpr int kLookBack = 256;
constexpr int kMostNames = 64;
// The largest programs have a quarter of that; a sparse file may claim any size, and would be read to its end.
constexpr uint64_t kMostBytes = uint64_t{1} << 30;

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
  base_ = file.start_of_code();
  bool has_all = add_table(file, SHT_SYMTAB, file);
  if (debug) has_all |= add_table(*debug, SHT_SYMTAB, file);
  if (!has_all) mini_debug_ = open_mini_debug(file);
  if (mini_debug_) add_table(*mini_debug_, SHT_SYMTAB, file);
  add_table(file, SHT_DYNSYM, file);
  sort();
}

/// false if there is no such table.
bool SymbolTable::add_table(const ElfFile& from, uint32_t type, const ElfFile& segments) {
  Elf_Scn* section = from.find_section(type);
  GElf_Shdr header;
  if (!section || !gelf_getshdr(section, &header) || header.sh_entsize != sizeof(Elf64_Sym)) return false;
  if (header.sh_size > kMostBytes) return false;
  Table table{.file = &from, .names = header.sh_link, .offset = header.sh_offset};
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
  add_functions(table, segments);
  return true;
}

/// Calls visit(number, symbol) for the symbols [from, to). False: they are not all there, as they were when the file
/// was opened.
template <class Visit>
bool SymbolTable::for_each_symbol(const Table& table, std::size_t from, std::size_t to, Visit&& visit) {
  std::array<Elf64_Sym, kPiece> piece;
  while (from < to) {
    const std::size_t size = std::min(piece.size(), to - from);
    const std::size_t bytes = size * sizeof(Elf64_Sym);
    const std::size_t at = from * sizeof(Elf64_Sym);
    if (table.memory)
      std::memcpy(piece.data(), table.memory + at, bytes);
    else if (!table.file->read(table.offset + at, std::as_writable_bytes(std::span(piece).first(size))))
      return false;
    for (std::size_t i = 0; i < size; ++i) visit(from + i, piece[i]);
    from += size;
  }
  return true;
}

void SymbolTable::add_functions(const Table& table, const ElfFile& segments) {
  // One stretch of code that is known to be some: most symbols lie within it.
  uint64_t code = 1;
  uint64_t code_end = 0;
  const auto is_code = [&](uint64_t address) {
    if (address >= code && address < code_end) return true;
    if (!segments.is_executable_range(address, address + 1)) return false;
    const uint64_t low = code < code_end ? std::min(code, address) : address;
    const uint64_t high = code < code_end ? std::max(code_end, address + 1) : address + 1;
    if (segments.is_executable_range(low, high)) {
      code = low;
      code_end = high;
    }
    return true;
  };
  const auto is_wanted = [&](const Elf64_Sym& symbol) {
    return symbol.st_shndx != SHN_UNDEF && is_function(ELF64_ST_TYPE(symbol.st_info)) && symbol.st_value != 0 &&
           symbol.st_value - base_ <= UINT32_MAX && is_code(symbol.st_value);
  };
  const auto number = static_cast<uint32_t>(tables_.size() - 1) << kTableShift;
  std::vector<Function> unsized;
  functions_.reserve(functions_.size() + table.count);
  for_each_symbol(table, 1, table.count, [&](std::size_t i, const Elf64_Sym& symbol) {
    if (!is_wanted(symbol)) return;
    const Function function{.low = static_cast<uint32_t>(symbol.st_value - base_),
                            .size = static_cast<uint32_t>(std::min<uint64_t>(symbol.st_size, UINT32_MAX)),
                            .symbol = number | static_cast<uint32_t>(i)};
    if (symbol.st_size == 0)
      unsized.push_back(function);
    else if (symbol.st_value + symbol.st_size > symbol.st_value)
      functions_.push_back(function);
  });
  if (unsized.empty()) return;
  std::vector<uint64_t> starts;
  for_each_symbol(table, 1, table.count, [&](std::size_t, const Elf64_Sym& symbol) {
    if (is_wanted(symbol)) starts.push_back(symbol.st_value - base_);
  });
  std::sort(starts.begin(), starts.end());
  for (Function& function : unsized) {
    const auto next = std::upper_bound(starts.begin(), starts.end(), function.low);
    const uint64_t end = next == starts.end() ? std::numeric_limits<uint64_t>::max() : *next;
    function.size = static_cast<uint32_t>(std::min(end - function.low, kUnsizedReach));
    functions_.push_back(function);
  }
}

/// By where they start; those that start alike stay in order. Digit by digit: a comparing sort takes five times as
/// long.
void SymbolTable::sort() {
  constexpr unsigned kDigit = 11;
  if (functions_.empty()) return;
  uint32_t most = 0;
  for (const Function& function : functions_) most = std::max(most, function.low);
  // Not a vector, which would be filled with zeros first.
  const auto other = std::make_unique_for_overwrite<Function[]>(functions_.size());
  std::span<Function> from(functions_);
  std::span<Function> to(other.get(), functions_.size());
  std::array<uint32_t, std::size_t{1} << kDigit> place;
  for (unsigned shift = 0; shift < 32 && most >> shift != 0; shift += kDigit) {
    const auto digit = [&](const Function& function) {
      return function.low >> shift & ((std::size_t{1} << kDigit) - 1);
    };
    place.fill(0);
    for (const Function& function : from) ++place[digit(function)];
    uint32_t next = 0;
    for (uint32_t& count : place) next += std::exchange(count, next);
    for (const Function& function : from) to[place[digit(function)]++] = function;
    std::swap(from, to);
  }
  if (from.data() != functions_.data()) std::copy(from.begin(), from.end(), functions_.begin());
  // What was reserved for symbols that are no functions was never touched, but is accounted for.
  if (functions_.capacity() > 2 * functions_.size()) functions_.shrink_to_fit();
}

/// The one that starts last among those that hold `address`; the first added among equals. nullptr: none.
const SymbolTable::Function* SymbolTable::search(uint64_t address) const {
  address -= base_;
  auto it = std::upper_bound(functions_.begin(), functions_.end(), address,
                             [](uint64_t wanted, const Function& function) { return wanted < function.low; });
  const Function* best = nullptr;
  for (int i = 0; i < kLookBack && it != functions_.begin(); ++i) {
    --it;
    if (best && it->low != best->low) break;
    if (address - it->low < it->size) best = &*it;
  }
  return best;
}

std::optional<SymbolTable::Symbol> SymbolTable::find(uint64_t address) const {
  const Function* function = search(address);
  if (!function) return std::nullopt;
  Symbol best;
  unsigned char best_binding = 0;
  bool has_reserved_alias = false;
  const uint32_t low = function->low;
  const Function* const end = functions_.data() + functions_.size();
  for (int tried = 0; tried < kMostNames && function != end && function->low == low; ++tried, ++function) {
    if (address - base_ - low >= function->size) continue;
    const Table& table = tables_[function->symbol >> kTableShift];
    const std::size_t number = function->symbol & ((std::size_t{1} << kTableShift) - 1);
    for_each_symbol(table, number, number + 1, [&](std::size_t, const Elf64_Sym& symbol) {
      const char* text = elf_strptr(table.file->elf(), table.names, symbol.st_name);
      if (text == nullptr || *text == '\0') return;
      const std::string_view name(text);
      const unsigned char binding = ELF64_ST_BIND(symbol.st_info);
      has_reserved_alias = has_reserved_alias || is_reserved(name);
      if (!best.name.empty() && plainness(name, binding) >= plainness(best.name, best_binding)) return;
      best = {.name = name, .address = base_ + low, .size = std::min<uint64_t>(symbol.st_size, UINT32_MAX)};
      best_binding = binding;
    });
  }
  if (best.name.empty()) return std::nullopt;
  best.has_reserved_alias = has_reserved_alias;
  return best;
}

}  // namespace sightline::symbolizer
