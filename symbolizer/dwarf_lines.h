/// One line table (DWARF 5, section 6.2): its program is run once, and what it says is kept in 12 bytes a row.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "symbolizer/dwarf_file.h"
#include "symbolizer/range_index.h"

namespace sightline::symbolizer {

class DwarfLines {
 public:
  struct Place {
    uint32_t file = 0;  ///< for file_path(); kNoFile: not known
    uint32_t line = 0;  ///< 0: no line
    uint32_t column = 0;
    bool is_near = false;  ///< the row has line 0: the last one before it that has a line
  };
  static constexpr uint32_t kNoFile = 0xffff;

  /// Reads the table of `unit`. `keep` tells whether code can lie at [low, high): a linker leaves rows of functions
  /// that it has dropped. Rows beyond `most_rows` are left out. What is damaged ends the table.
  DwarfLines(const DwarfUnit& unit, const std::function<bool(uint64_t, uint64_t)>& keep, std::size_t most_rows);

  Place find(uint64_t address) const;

  /// As the table spells it, behind the directory that it is in unless that is the unit's own. `number` is as DWARF
  /// counts: from 0 since version 5, before that from 1. "" if there is none.
  std::string file_path(uint32_t number) const;

  std::size_t row_count() const { return rows_.size(); }

 private:
  struct Row {
    uint32_t offset;  // from its sequence's first address
    uint32_t line;
    uint16_t file;
    uint16_t column;
  };
  /// A name's place in a section: strings of the line table itself, or of a string section.
  struct Name {
    uint64_t offset = 0;
    uint32_t directory = 0;
    uint16_t form = 0;
  };
  struct Header;
  bool read_header(DwarfCursor& cursor, Header& header);
  bool read_old_names(DwarfCursor& cursor, const Header& header);
  bool read_names(DwarfCursor& cursor, const Header& header, std::vector<Name>& into);
  void run(DwarfCursor& cursor, const Header& header, const std::function<bool(uint64_t, uint64_t)>& keep,
           std::size_t most_rows);
  std::string_view text(const Name& name) const;

  DwarfUnit unit_;
  const uint8_t* start_ = nullptr;  // of .debug_line
  std::vector<Name> directories_, files_;
  bool counts_from_one_ = false;
  std::vector<Row> rows_;
  struct Sequence {
    uint32_t first, count;  // in rows_
  };
  RangeIndex<Sequence> sequences_;
};

}  // namespace sightline::symbolizer
