#include "symbolizer/mapped_file.h"

#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/vfs.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kKeptOpen = 128;
constexpr std::string_view kDeleted = " (deleted)";

uint64_t inode_of(const struct stat& status) {
  return status.st_ino;
}

FileIdentity identity_of(const std::string& path, const struct stat& status) {
  return {.path = path,
          .device = status.st_dev,
          .inode = inode_of(status),
          .size = static_cast<uint64_t>(status.st_size),
          .modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec};
}

/// btrfs and overlayfs show one device number in /proc/PID/maps and another in stat(2).
bool shows_other_device(const std::string& path) {
  constexpr unsigned kBtrfs = 0x9123683e;  // BTRFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC in linux/magic.h
  constexpr unsigned kOverlay = 0x794c7630;
  struct statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return false;
  const auto type = static_cast<unsigned>(status.f_type);
  return type == kBtrfs || type == kOverlay;
}

bool is_same_file(const struct stat& status, const Mapping& mapping, const std::string& path) {
  if (mapping.inode != 0 && status.st_ino != mapping.inode) return false;
  return mapping.device == 0 || status.st_dev == mapping.device || (mapping.inode != 0 && shows_other_device(path));
}

/// The vDSO of this very process: the kernel maps the same image into all of them.
std::vector<std::byte> vdso_image() {
  const auto* base = reinterpret_cast<const std::byte*>(::getauxval(AT_SYSINFO_EHDR));
  if (!base) return {};
  const auto* header = reinterpret_cast<const Elf64_Ehdr*>(base);
  const auto* segments = reinterpret_cast<const Elf64_Phdr*>(base + header->e_phoff);
  std::size_t size = header->e_shoff + std::size_t{header->e_shentsize} * header->e_shnum;
  for (unsigned i = 0; i < header->e_phnum; ++i) {
    size = std::max<std::size_t>(size, segments[i].p_offset + segments[i].p_filesz);
  }
  return {base, base + size};
}

}  // namespace

FileTable::Found FileTable::identify(const Mapping& mapping) const {
  std::string path = mapping.path;
  const bool is_deleted = path.ends_with(kDeleted);
  if (is_deleted) path.resize(path.size() - kDeleted.size());
  const FileIdentity as_mapped{.path = path, .device = mapping.device, .inode = mapping.inode};

  struct stat status {};
  if (mapping.fd >= 0 && ::fstat(mapping.fd, &status) == 0) return {identity_of(path, status), {}};
  if (path.empty()) return {as_mapped, "not mapped from a file"};
  if (path.starts_with('[')) return {as_mapped, path == "[vdso]" ? "" : "not mapped from a file"};
  if (is_deleted) return {as_mapped, "the file was deleted"};
  if (!path.starts_with('/') || ::stat(path.c_str(), &status) != 0) return {as_mapped, "the file was not found"};
  if (!is_same_file(status, mapping, path)) return {as_mapped, "the file was replaced since it was mapped"};
  return {identity_of(path, status), {}};
}

std::shared_ptr<MappedFile> FileTable::file_of(const Mapping& mapping) {
  Found found = identify(mapping);
  if (!found.reason.empty() && found.identity.inode != 0) {
    // Deleted or replaced by now, but perhaps it was mapped with a descriptor before, or already read.
    FileIdentity first = found.identity;
    first.modified_ns = std::numeric_limits<int64_t>::min();
    for (auto it = files_.lower_bound(first); it != files_.end(); ++it) {
      const FileIdentity& known = it->first;
      if (known.path != first.path || known.device != first.device || known.inode != first.inode) break;
      if (it->second->module_ || it->second->fd_) return it->second;
    }
  }
  std::shared_ptr<MappedFile>& file = files_[found.identity];
  if (!file) {
    file = std::make_shared<MappedFile>();
    file->id_ = next_id_++;
    file->identity_ = std::move(found.identity);
    file->path_ = strings_.intern(file->identity_.path);
  }
  if (!found.reason.empty()) {
    file->tried_ = true;
    file->reason_ = std::move(found.reason);
  } else if (mapping.fd >= 0 && !file->module_ && !file->fd_) {
    file->fd_ = UniqueFd(::fcntl(mapping.fd, F_DUPFD_CLOEXEC, 0));
    file->tried_ = false;
    keep_open(file);
  }
  return file;
}

Module* FileTable::module_of(MappedFile& file) {
  if (!file.tried_) {
    file.tried_ = true;
    open(file);
  }
  return file.module_.get();
}

std::string FileTable::reason_without_lines(const MappedFile& file) const {
  if (!file.reason_.empty()) return file.reason_;
  if (!file.module_) return file.reason_without_lines_;
  std::string reason = file.module_->reason_without_lines();
  if (reason.empty() || !debuginfod_) return reason;
  const std::string asked = debuginfod_->state_of(file.module_->file().build_id());
  return asked.empty() ? reason : reason + ", and " + asked;
}

void FileTable::ask_debuginfod(const MappedFile& file) {
  if (!options_.debuginfod || !file.module_ || file.module_->reason_without_lines().empty()) return;
  const std::string& build_id = file.module_->file().build_id();
  if (build_id.size() < 8) return;
  if (!debuginfod_) debuginfod_ = std::make_unique<Debuginfod>();
  debuginfod_->ask(build_id);
}

bool FileTable::use_fetched() {
  bool any = false;
  for (const Debuginfod::Answer& answer : debuginfod_->take_news()) {
    for (const auto& [identity, file] : files_) {
      if (!file->module_ || file->module_->file().build_id() != answer.build_id) continue;
      // Several files may share one module.
      if (!file->module_->reason_without_lines().empty()) {
        std::string reason;
        ElfFile::Opened opened = ElfFile::open(ElfFile::open_regular(answer.path, reason));
        if (opened.file) file->module_->set_debug_file(std::move(opened.file));
      }
      // Places are known by the file's number: with a new one they are described anew.
      if (!file->module_->reason_without_lines().empty()) continue;
      file->id_ = next_id_++;
      any = true;
    }
  }
  return any;
}

void FileTable::open(MappedFile& file) {
  file.reason_.clear();
  const std::string& path = file.identity_.path;
  ElfFile::Opened opened;
  if (path == "[vdso]") {
    opened = ElfFile::from_memory(vdso_image());
  } else {
    UniqueFd fd = std::move(file.fd_);
    if (fd) {
      // A descriptor of its own, since the caller's shares its offset and may be O_PATH.
      const std::string link = "/proc/self/fd/" + std::to_string(fd.get());
      if (UniqueFd own = ElfFile::open_regular(link, file.reason_)) fd = std::move(own);
    } else {
      fd = ElfFile::open_regular(path, file.reason_);
    }
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return;
    if (identity_of(path, status) != file.identity_) {
      file.reason_ = "the file was replaced since it was mapped";
      return;
    }
    opened = ElfFile::open(std::move(fd));
  }
  file.reason_ = std::move(opened.reason);
  if (!opened.file) return;

  // Containers have copies of the same library under the same path: parse one of them.
  std::weak_ptr<Module>* same = nullptr;
  if (!opened.file->build_id().empty()) {
    same = &by_build_[{.path = path, .build_id = opened.file->build_id(), .size = file.identity_.size}];
    file.module_ = same->lock();
  }
  if (!file.module_) {
    file.module_ = std::make_shared<Module>(std::move(opened.file), path, options_, strings_);
    if (same) *same = file.module_;
  }
  if (const auto it = files_.find(file.identity_); it != files_.end()) keep_open(it->second);
}

void FileTable::keep_open(const std::shared_ptr<MappedFile>& file) {
  if (const auto it = std::find(holding_.begin(), holding_.end(), file); it != holding_.end()) {
    holding_.splice(holding_.begin(), holding_, it);
    return;
  }
  holding_.push_front(file);
  if (holding_.size() <= kKeptOpen) return;
  for (auto it = std::prev(holding_.end()); it != holding_.begin();) {
    const auto candidate = it--;
    MappedFile& old = **candidate;
    if (candidate->use_count() > 2) continue;  // more than files_ and holding_: some address space maps it
    if (old.module_) old.reason_without_lines_ = old.module_->reason_without_lines();
    old.module_.reset();
    old.fd_.reset();
    old.tried_ = false;
    holding_.erase(candidate);
    if (holding_.size() <= kKeptOpen) return;
  }
}

}  // namespace sightline::symbolizer
