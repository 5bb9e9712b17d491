#include "symbolizer/libdw_info.h"

#include <dwarf.h>
#include <sys/stat.h>

#include <algorithm>

#include "symbolizer/dies.h"

namespace sightline::symbolizer {
namespace {

// Bounds on what a crafted file can cost; the largest programs known have some 100,000 units.
constexpr std::size_t kMaxUnits = 1 << 20;
constexpr int kMaxInlineDepth = 128;
constexpr int kMaxRowsBack = 64;

/// libdw opens a split unit's file by the name in the DWARF. A fifo there would block it for ever, so look first.
bool split_file_is_regular(Dwarf_Die& die) {
  Dwarf_Attribute attribute;
  const char* name = dwarf_formstring(dwarf_attr(&die, DW_AT_dwo_name, &attribute));
  if (!name) name = dwarf_formstring(dwarf_attr(&die, DW_AT_GNU_dwo_name, &attribute));
  if (!name) return false;
  const char* directory = dwarf_formstring(dwarf_attr(&die, DW_AT_comp_dir, &attribute));
  // libdw tries the name beside the program as well, where nobody but the program's owner can put a fifo.
  struct stat status {};
  return ::stat(join_source_path(directory ? directory : "", name).c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

/// libdw 0.188 hands out strings without looking whether they end within their section; the last one's end is all there
/// is to check. To be called behind dwarf_begin_elf, which has unpacked what was compressed.
bool strings_are_terminated(Elf* elf) {
  std::size_t names = 0;
  if (!elf || elf_getshdrstrndx(elf, &names) != 0) return false;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section));) {
    GElf_Shdr header;
    if (!gelf_getshdr(section, &header) || header.sh_type == SHT_NOBITS) continue;
    const char* found = elf_strptr(elf, names, header.sh_name);
    std::string_view name = found ? found : "";
    if (name.ends_with(".dwo")) name.remove_suffix(4);
    if (!name.ends_with("debug_str") && !name.ends_with("debug_line_str")) continue;
    const Elf_Data* data = elf_rawdata(section, nullptr);
    if (data && data->d_buf && data->d_size > 0 && static_cast<const char*>(data->d_buf)[data->d_size - 1] != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

LibdwInfo::~LibdwInfo() = default;

std::unique_ptr<LibdwInfo> LibdwInfo::open(const ElfFile& dwarf_file, const ElfFile* alternate, const ElfFile& code,
                                           const std::string& path) {
  std::unique_ptr<LibdwInfo> info(new LibdwInfo);
  info->dwarf_file_ = &dwarf_file;
  info->path_ = path;
  info->code_ = &code;
  info->dwarf_.reset(dwarf_begin_elf(dwarf_file.elf(), DWARF_C_READ, nullptr));
  if (!info->dwarf_ || !strings_are_terminated(dwarf_file.elf())) return nullptr;
  if (alternate) {
    info->alternate_.reset(dwarf_begin_elf(alternate->elf(), DWARF_C_READ, nullptr));
    if (!info->alternate_ || !strings_are_terminated(alternate->elf())) return nullptr;
    dwarf_setalt(info->dwarf_.get(), info->alternate_.get());
  }
  return info;
}

Dwarf_CFI* LibdwInfo::frame_info() const {
  return dwarf_getcfi(dwarf_.get());
}

void LibdwInfo::collect_units() {
  has_units_ = true;
  Dwarf_CU* next = nullptr;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die die;
  Budget budget;  // the largest programs known have some 5 million ranges
  for (Dwarf_CU* unit = nullptr;
       units_.size() < kMaxUnits && dwarf_get_units(dwarf_.get(), unit, &next, &version, &type, &die, nullptr) == 0;
       unit = next) {
    const int tag = dwarf_tag(&die);
    if (tag != DW_TAG_compile_unit && tag != DW_TAG_skeleton_unit) continue;
    const auto index = static_cast<uint32_t>(units_.size());
    bool any = false;
    for_each_range(die, budget, [&](uint64_t low, uint64_t high) {
      // Functions that the linker dropped keep ranges at address 0 or so.
      if (!code_->is_executable_range(low, high)) return;
      unit_ranges_.add(low, high, index);
      any = true;
    });
    if (any) units_.emplace_back().die = die;
  }
  unit_ranges_.finish();
}

/// Cuts the unit of a skeleton out of the package, if there is one that has it.
bool LibdwInfo::take_from_package(Unit& unit) {
  if (!tried_package_) {
    tried_package_ = true;
    package_ = DwarfPackage::open(path_);
  }
  if (!package_) return false;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  uint64_t id = 0;
  Dwarf_Die die;
  if (dwarf_cu_info(unit.die.cu, &version, &type, &die, nullptr, &id, nullptr, nullptr) != 0) return false;
  Skeleton skeleton{.id = id, .version = version};
  Dwarf_Addr low = 0;
  if (dwarf_lowpc(&unit.die, &low) == 0) skeleton.low_pc = low;
  // The two may have different names, but only one of them is there.
  skeleton.address_base =
      unsigned_attribute(unit.die, DW_AT_addr_base) | unsigned_attribute(unit.die, DW_AT_GNU_addr_base);
  skeleton.range_base = unsigned_attribute(unit.die, DW_AT_GNU_ranges_base);
  unit.packed_file = package_->unit(skeleton, *dwarf_file_);
  if (!unit.packed_file) return false;
  unit.packed.reset(dwarf_begin_elf(unit.packed_file->elf(), DWARF_C_READ, nullptr));
  Dwarf_CU* next = nullptr;
  return unit.packed && strings_are_terminated(unit.packed_file->elf()) &&
         dwarf_get_units(unit.packed.get(), nullptr, &next, nullptr, nullptr, &unit.contents, nullptr) == 0;
}

void LibdwInfo::load(Unit& unit) {
  unit.loaded = true;
  unit.contents = unit.die;
  Dwarf_Half version = 0;
  uint8_t type = 0;
  Dwarf_Die die;
  Dwarf_Die split;
  const bool is_skeleton = dwarf_hasattr(&unit.die, DW_AT_dwo_name) || dwarf_hasattr(&unit.die, DW_AT_GNU_dwo_name);
  if (is_skeleton && split_file_is_regular(unit.die) &&
      dwarf_cu_info(unit.die.cu, &version, &type, &die, &split, nullptr, nullptr, nullptr) == 0 && split.addr &&
      strings_are_terminated(dwarf_getelf(dwarf_cu_getdwarf(split.cu)))) {
    unit.contents = split;
  } else if (is_skeleton && !take_from_package(unit)) {
    unit.contents = unit.die;
  }
  Dwarf_Attribute attribute;
  if (const char* directory = dwarf_formstring(dwarf_attr(&unit.die, DW_AT_comp_dir, &attribute))) {
    unit.directory = directory;
  }
  if (dwarf_getsrclines(&unit.die, &unit.lines, &unit.line_count) != 0) unit.line_count = 0;
  if (dwarf_getsrcfiles(&unit.contents, &unit.files, &unit.file_count) != 0 &&
      dwarf_getsrcfiles(&unit.die, &unit.files, &unit.file_count) != 0) {
    unit.file_count = 0;
  }
  index_functions(unit, false);
}

void LibdwInfo::index_functions(Unit& unit, bool deep) const {
  unit.functions = {};
  unit.searched_deep = deep;
  Budget budget;
  for_each_function(unit.contents, deep, budget, [&](Dwarf_Die& function) {
    for_each_range(function, budget, [&](uint64_t low, uint64_t high) { unit.functions.add(low, high, function); });
  });
  unit.functions.finish();
}

const RangeIndex<Dwarf_Die>::Range* LibdwInfo::find_function(Unit& unit, uint64_t address) const {
  const auto* found = unit.functions.find(address);
  // Functions may lie within functions (Fortran, Ada, GNU C); most units have none, so they are looked for late.
  if (!found && !unit.searched_deep) {
    index_functions(unit, true);
    found = unit.functions.find(address);
  }
  return found;
}

/// libdw joins a file's name to its entry in the directory table. Of those, only number 0 is the unit's own directory;
/// the others may be relative to it.
std::string LibdwInfo::source_path(const Unit& unit, std::string_view name) {
  const bool is_joined = !unit.directory.empty() && name.starts_with(unit.directory + "/");
  return join_source_path(is_joined ? "" : unit.directory, name);
}

void LibdwInfo::find_line(const Unit& unit, uint64_t address, SourceFrame& frame) {
  // The last row at or before the address counts, unless it ends a sequence: then the address has no line.
  std::size_t low = 0;
  std::size_t high = unit.line_count;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    Dwarf_Addr at = 0;
    if (dwarf_lineaddr(dwarf_onesrcline(unit.lines, middle), &at) != 0) return;
    if (at <= address) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  for (int rows = 0; rows < kMaxRowsBack && low > 0; ++rows) {
    Dwarf_Line* row = dwarf_onesrcline(unit.lines, --low);
    bool ends_sequence = false;
    int line = 0;
    int column = 0;
    if (dwarf_lineendsequence(row, &ends_sequence) != 0 || ends_sequence || dwarf_lineno(row, &line) != 0) return;
    if (line <= 0) continue;
    const char* file = dwarf_linesrc(row, nullptr, nullptr);
    if (!file) return;
    frame.file = strings_.intern(source_path(unit, file));
    frame.line = static_cast<uint32_t>(line);
    if (dwarf_linecol(row, &column) == 0 && column > 0) frame.column = static_cast<uint32_t>(column);
    frame.line_is_near = rows > 0;
    return;
  }
}

void LibdwInfo::set_call_site(const Unit& unit, Dwarf_Die& inlined, SourceFrame& caller) {
  const uint64_t file = unsigned_attribute(inlined, DW_AT_call_file);
  if (file < unit.file_count) {
    // "???" is how libdw calls the file number 0 that DWARF 4 does not have.
    const char* name = dwarf_filesrc(unit.files, static_cast<std::size_t>(file), nullptr, nullptr);
    if (name && std::string_view(name) != "???") caller.file = strings_.intern(source_path(unit, name));
  }
  caller.line = static_cast<uint32_t>(std::min<uint64_t>(unsigned_attribute(inlined, DW_AT_call_line), UINT32_MAX));
  caller.column = static_cast<uint32_t>(std::min<uint64_t>(unsigned_attribute(inlined, DW_AT_call_column), UINT32_MAX));
}

std::vector<SourceFrame> LibdwInfo::find(uint64_t address) {
  if (!has_units_) collect_units();
  const auto* range = unit_ranges_.find(address);
  if (!range) return {};
  Unit& unit = units_[range->value];
  if (!unit.loaded) load(unit);

  std::vector<SourceFrame> frames(1);
  find_line(unit, address, frames[0]);
  const auto* function = find_function(unit, address);
  if (!function) return frames;

  std::vector<Dwarf_Die> chain = {function->value};  // outermost first
  Budget budget{.steps = 1'000'000};
  while (chain.size() < kMaxInlineDepth) {
    Dwarf_Die inlined;
    if (!find_inlined(chain.back(), address, budget, inlined)) break;
    chain.push_back(inlined);
  }
  frames.resize(chain.size());
  for (std::size_t i = 0; i < chain.size(); ++i) {
    Dwarf_Die& die = chain[chain.size() - 1 - i];
    frames[i].linkage_name = strings_.intern(linkage_name(die));
    frames[i].name = strings_.intern(source_name(die));
    if (i + 1 < chain.size()) set_call_site(unit, die, frames[i + 1]);
  }
  frames.back().function_start = function->low;
  return frames;
}

}  // namespace sightline::symbolizer
