/// The symbol table of one file (and of its separate debug file), sorted once and searched by address.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

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

  bool empty() const { return index_.empty(); }

 private:
  struct Entry {
    uint32_t name = 0;
    uint32_t size = 0;  // as the table says, or UINT32_MAX if it is larger
    uint8_t table = 0;
    uint8_t binding = 0;
  };
  struct Table {
    Elf* elf = nullptr;
    uint32_t names = 0;  // section of the names
  };
  bool add_table(const ElfFile& from, uint32_t type, const ElfFile& segments);
  std::string_view name_of(const Entry& entry) const;

  std::unique_ptr<ElfFile> mini_debug_;
  std::vector<Table> tables_;  // four at most
  RangeIndex<Entry> index_;
};

}  // namespace sightline::symbolizer
