/// The symbol table of one file (and of its separate debug file), searched by address.
///
/// Sorting a table costs as much as reading it some twenty times, and of most libraries a program calls from few
/// places. So the first look-ups go through the table as it stands in the file, and only then it is sorted.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "symbolizer/elf_file.h"
#include "symbolizer/range_index.h"

namespace sightline::symbolizer {

class SymbolTable {
 public:
  struct Symbol {
    std::string_view name;  ///< as in the table; lives as long as the file it came from
    uint64_t address = 0;
    uint64_t size = 0;  ///< 0 if the table does not say
    /// Another name of it is reserved to the implementation (C17 7.1.3), as `__write` is: it is probably libc's.
    bool has_reserved_alias = false;
  };

  /// Takes .symtab and .dynsym of `file`, and .symtab of `debug` (may be nullptr). Both must outlive the table. Where
  /// neither has a .symtab, that in .gnu_debugdata counts.
  SymbolTable(const ElfFile& file, const ElfFile* debug);

  /// The function that holds `address`. Of several names for one address the plainest is taken: `write` rather than
  /// `__GI___libc_write`.
  std::optional<Symbol> find(uint64_t address) const;

 private:
  struct Entry {
    uint32_t name = 0;
    uint32_t size = 0;  // as the table says, or UINT32_MAX if it is larger
    uint8_t table = 0;
    uint8_t binding = 0;
  };
  struct Table {
    const ElfFile* file = nullptr;
    const ElfFile* segments = nullptr;  // of the file that has the code
    uint32_t names = 0;                 // section of the names
    uint64_t offset = 0;                // in the file
    const std::byte* memory = nullptr;  // where it is not read from a file
    std::size_t count = 0;              // of symbols, with the first one, which is none
  };
  /// Of those names that start at one address and hold another.
  class Plainest;

  bool add_table(const ElfFile& from, uint32_t type, const ElfFile& segments);
  template <class Visit>
  static void for_each_function(const Table& table, uint64_t up_to, Visit&& visit);
  std::optional<Symbol> scan(uint64_t address) const;
  std::optional<Symbol> search(uint64_t address) const;
  std::size_t starts_between(uint64_t low, uint64_t high) const;
  void build_index() const;
  std::string_view name_of(const Entry& entry) const;

  std::unique_ptr<ElfFile> mini_debug_;
  std::vector<Table> tables_;  // four at most
  // Of what has been found out, not of what the table says.
  mutable unsigned scans_ = 0;
  mutable bool is_sorted_ = false;
  mutable RangeIndex<Entry> index_;
};

}  // namespace sightline::symbolizer
