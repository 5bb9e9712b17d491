#include "symbolizer/user_line.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "symbolizer/symbolizer.h"

namespace sightline::symbolizer {
namespace {

// Matched against the start of the SONAME or base name, up to ".so" or a version.
constexpr std::array<std::string_view, 36> kRuntimeLibraries = {
    "ld-linux-x86-64", "ld-linux",  "ld",        "ld-musl-x86_64", "libc",       "libc.musl-x86_64", "libpthread",
    "libdl",           "librt",     "libm",      "libmvec",        "libresolv",  "libutil",          "libanl",
    "libBrokenLocale", "libstdc++", "libsupc++", "libgcc_s",       "libc++",     "libc++abi",        "libunwind",
    "libasan",         "libubsan",  "libtsan",   "liblsan",        "libhwasan",  "libclang_rt",      "libgfortran",
    "libquadmath",     "libgomp",   "libitm",    "libatomic",      "linux-vdso", "libmemusage",      "libthread_db",
    "libnss_files",
};

std::string_view base_name(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

/// "libc.so.6", "libc-2.31.so" and "libclang_rt.asan-x86_64.so" become their library's name.
bool names_runtime(std::string_view name) {
  const std::size_t shared = name.find(".so");
  if (shared == std::string_view::npos) return false;
  const std::string_view stem = name.substr(0, shared);
  return std::any_of(kRuntimeLibraries.begin(), kRuntimeLibraries.end(), [&](std::string_view library) {
    if (!stem.starts_with(library)) return false;
    const std::string_view rest = stem.substr(library.size());
    if (rest.empty() || (library == "libclang_rt" && rest.starts_with('.'))) return true;
    return rest.size() > 1 && rest[0] == '-' && rest[1] >= '0' && rest[1] <= '9';
  });
}

bool is_below(std::string_view path, std::string_view directory) {
  while (directory.ends_with('/')) directory.remove_suffix(1);
  return path.starts_with(directory) && path.size() > directory.size() && path[directory.size()] == '/';
}

bool is_or_is_below(std::string_view path, std::string_view prefix) {
  return !prefix.empty() && (path == prefix || is_below(path, prefix));
}

/// Whether the user has declared `path` to be his own, or not to be.
std::optional<bool> said_by_user(std::string_view path, const Options& options) {
  std::optional<bool> own;
  std::size_t longest = 0;
  for (const bool mine : {false, true}) {
    for (const std::string& prefix : mine ? options.user_prefixes : options.library_prefixes) {
      if (prefix.size() < longest || !is_or_is_below(path, prefix)) continue;
      longest = prefix.size();
      own = mine;
    }
  }
  return own;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// Go's own library: below src/ of a directory named after its version ("go1.22.1", Debian's "go-1.19"), or of one that
/// is just "go", which is also what many call the directory of their own sources.
bool is_go_library(std::string_view path) {
  static constexpr std::array<std::string_view, 14> kPackages = {
      "bufio/", "crypto/", "database/", "fmt/",     "internal/", "io/",      "log/",
      "net/",   "os/",     "path/",     "runtime/", "sync/",     "syscall/", "time/"};
  for (std::size_t at = path.find("/go"); at != std::string_view::npos; at = path.find("/go", at + 1)) {
    const std::string_view name = path.substr(at + 3);
    const std::size_t end = name.find('/');
    if (end == std::string_view::npos || !name.substr(end).starts_with("/src/")) continue;
    std::string_view version = name.substr(0, end);
    if (version.starts_with('-')) version.remove_prefix(1);
    if (version.starts_with("1.") && version.find_first_not_of("0123456789.rcbeta") == std::string_view::npos)
      return true;
    const std::string_view package = name.substr(end + 5);
    if (end == 0 && std::any_of(kPackages.begin(), kPackages.end(),
                                [&](std::string_view known) { return package.starts_with(known); })) {
      return true;
    }
  }
  return false;
}

}  // namespace

FileClass classify_file(std::string_view path, std::string_view soname, bool is_program, const Options& options) {
  if (const auto own = said_by_user(path, options)) return *own ? FileClass::user : FileClass::system;
  if (path.starts_with("[")) return FileClass::runtime;  // "[vdso]", "[vsyscall]"
  if (names_runtime(soname) || (soname.empty() && names_runtime(base_name(path)))) return FileClass::runtime;
  if (is_program) return FileClass::user;
  const bool is_system = std::any_of(options.system_prefixes.begin(), options.system_prefixes.end(),
                                     [&](const std::string& prefix) { return is_below(path, prefix); });
  return is_system ? FileClass::system : FileClass::user;
}

std::string shown_source(std::string_view path, const Options& options) {
  const std::pair<std::string, std::string>* best = nullptr;
  for (const auto& entry : options.source_map)
    if (is_or_is_below(path, entry.first) && (best == nullptr || entry.first.size() > best->first.size()))
      best = &entry;
  return best == nullptr ? std::string(path) : best->second + std::string(path.substr(best->first.size()));
}

bool is_runtime_source(std::string_view path, const Options& options) {
  if (const auto own = said_by_user(path, options)) return !*own;
  static constexpr std::array<std::string_view, 6> kDirectories = {
      "/usr/include", "/usr/lib/gcc", "/usr/lib/llvm", "/usr/local/include/c++", "/rustc", "/usr/lib/go",
  };
  if (std::any_of(kDirectories.begin(), kDirectories.end(),
                  [&](std::string_view directory) { return is_below(path, directory); })) {
    return true;
  }
  if (path.starts_with("/usr/lib/llvm-") || path.starts_with("/usr/src/rustc-") || is_go_library(path)) return true;
  return contains(path, "/.cargo/registry/") || contains(path, "/.cargo/git/") ||
         contains(path, "/rustlib/src/rust/") || contains(path, "/include/c++/") || contains(path, "/go/pkg/mod/");
}

bool is_runtime_symbol(std::string_view symbol) {
  static constexpr std::array<std::string_view, 5> kNames = {"_start", "_init", "_fini", "start_thread", "_exit"};
  static constexpr std::array<std::string_view, 5> kLibrary = {"_ZSt", "_ZNSt", "_ZNKSt", "_ZN9__gnu_cxx",
                                                               "_ZN10__cxxabiv1"};
  if (symbol.starts_with("_Z")) {
    return std::any_of(kLibrary.begin(), kLibrary.end(),
                       [&](std::string_view prefix) { return symbol.starts_with(prefix); });
  }
  if (std::find(kNames.begin(), kNames.end(), symbol) != kNames.end()) return true;
  if (symbol.size() < 2 || symbol[0] != '_' || symbol.starts_with("_R")) return false;
  return symbol[1] == '_' || (symbol[1] >= 'A' && symbol[1] <= 'Z');
}

}  // namespace sightline::symbolizer
