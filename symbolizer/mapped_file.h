/// A file that is mapped in some traced process, known by its identity and opened when first needed.
///
/// Identity is path, device, inode, size and time of modification: inodes are reused as soon as a compiler deletes
/// and writes temporary programs, so the number alone would bring up another program's names.
#pragma once

#include <sys/stat.h>

#include <compare>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "symbolizer/debuginfod.h"
#include "symbolizer/module.h"
#include "symbolizer/string_pool.h"
#include "symbolizer/symbolizer.h"
#include "symbolizer/unique_fd.h"

namespace sightline::symbolizer {

struct FileIdentity {
  std::string path;
  uint64_t device = 0;
  uint64_t inode = 0;
  uint64_t size = 0;
  int64_t modified_ns = 0;
  auto operator<=>(const FileIdentity&) const = default;
};

class MappedFile {
 public:
  /// Never reused, and the same whenever the same file is mapped again; but another once more is known of the file.
  uint32_t id() const { return id_; }
  /// The path without " (deleted)"; "" for memory without a file. Lives as long as the Symbolizer.
  std::string_view path() const { return path_; }
  /// Why there is no module; "" if there is one, or nobody has asked yet.
  const std::string& reason() const { return reason_; }

 private:
  friend class FileTable;
  uint32_t id_ = 0;
  FileIdentity identity_;
  std::string_view path_;
  UniqueFd fd_;
  bool tried_ = false;
  std::shared_ptr<Module> module_;
  std::string reason_;
  std::string reason_without_lines_;  // the module's, once it is dropped
};

/// All files ever mapped. One that no address space maps any more keeps its number, but gives up descriptor, symbols
/// and lines when many others have come since: a build runs hundreds of short-lived programs.
class FileTable {
 public:
  FileTable(const Options& options, StringPool& strings) : options_(options), strings_(strings) {}

  /// The file behind a mapping, never nullptr. Duplicates the mapping's descriptor if the file is not yet open.
  std::shared_ptr<MappedFile> file_of(const Mapping& mapping);
  /// Opens the file at the first call. nullptr if that fails: see MappedFile::reason().
  Module* module_of(MappedFile& file);

  /// To be called when something in `file` was described: asks for its debug information if there is none.
  void ask_debuginfod(const MappedFile& file);
  /// Puts to use what debuginfod has sent since. True: files have other numbers, and their places are to be described
  /// anew. Cheap if nothing has come.
  bool take_fetched() { return debuginfod_ && debuginfod_->has_news() && use_fetched(); }

  /// Why no frame in `file` has a line, one clause; "" if some have.
  std::string reason_without_lines(const MappedFile& file) const;

  const std::map<FileIdentity, std::shared_ptr<MappedFile>>& files() const { return files_; }

 private:
  struct Found {
    FileIdentity identity;
    std::string reason;  ///< why the file must not be opened, or ""
  };
  Found identify(const Mapping& mapping) const;
  void open(MappedFile& file);
  bool use_fetched();
  void keep_open(const std::shared_ptr<MappedFile>& file);

  const Options& options_;
  StringPool& strings_;
  std::map<FileIdentity, std::shared_ptr<MappedFile>> files_;
  std::list<std::shared_ptr<MappedFile>> holding_;  // those with a descriptor or a module, the latest first
  struct SameBuild {
    std::string path, build_id;
    uint64_t size;
    auto operator<=>(const SameBuild&) const = default;
  };
  std::map<SameBuild, std::weak_ptr<Module>> by_build_;
  uint32_t next_id_ = 1;
  std::unique_ptr<Debuginfod> debuginfod_;  // nullptr until somebody may be asked
};

}  // namespace sightline::symbolizer
