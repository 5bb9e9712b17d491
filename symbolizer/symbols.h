/// The symbol table of one file (and of its separate debug file), sorted once and searched by address.
///
/// A program of a few milliseconds has the C library's table sorted as any other does. So what is sorted is small:
/// where a function lies, and where the table has it; the rest is read from there when it is asked for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "symbolizer/elf_file.h"

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
  struct Table {
    const ElfFile* file = nullptr;
    uint32_t names = 0;                 // section of the names
    uint64_t offset = 0;                // in the file
    const std::byte* memory = nullptr;  // where it is not read from a file
    std::size_t count = 0;              // of symbols, with the first one, which is none
  };
  /// Without initial values: an array of them need not be filled before it is used.
  struct Function {
    uint32_t low;     // from base_ on
    uint32_t size;    // UINT32_MAX: that, or more
    uint32_t symbol;  // number in its table, and above kTableShift that of the table
  };
  static constexpr unsigned kTableShift = 30;  // four tables at most

  bool add_table(const ElfFile& from, uint32_t type, const ElfFile& segments);
  void add_functions(const Table& table, const ElfFile& segments);
  void sort();
  const Function* search(uint64_t address) const;
  template <class Visit>
  static bool for_each_symbol(const Table& table, std::size_t from, std::size_t to, Visit&& visit);

  std::unique_ptr<ElfFile> mini_debug_;
  std::vector<Table> tables_;
  uint64_t base_ = 0;  // where code begins; what lies more than 4 GiB behind it has no names
  std::vector<Function> functions_;
};

}  // namespace sightline::symbolizer
