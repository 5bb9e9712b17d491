#include "src/slt/create_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

namespace sightline::slt {
namespace {

std::string sentence(const char* what, const std::string& path, int error) {
  return std::string(what) + " '" + path + "': " + std::strerror(error);
}

// Behind a symbolic link the file itself makes way, not the link: it points to where traces are to be kept.
std::string resolved(const std::string& path) {
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(path.c_str(), nullptr), std::free);
  return real ? std::string(real.get()) : path;
}

int open_device(const std::string& path, std::string& error) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (fd < 0) {
    error = sentence("cannot write", path, errno);
    return -1;
  }
  if (::isatty(fd) != 0) {
    ::close(fd);
    error = "'" + path + "' is a terminal; a trace file is binary, give the name of a file";
    return -1;
  }
  return fd;
}

}  // namespace

int create_file(const std::string& path, std::string& error) {
  struct stat status;
  const bool exists = ::stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) {
    error = sentence("cannot create", path, errno);
    return -1;
  }
  if (exists && S_ISDIR(status.st_mode)) {
    error = "cannot create '" + path + "': it is a directory";
    return -1;
  }
  if (exists && !S_ISREG(status.st_mode)) return open_device(path, error);

  const std::string target = exists ? resolved(path) : path;
  const std::string old = target + ".old";
  // Some filesystems write a file to the disk at once when it replaces another (ext4(5), auto_da_alloc).
  if (exists) ::unlink(old.c_str());
  if (exists && ::rename(target.c_str(), old.c_str()) != 0) {
    error = sentence("cannot keep the former trace as", old, errno);
    return -1;
  }
  // O_EXCL: whatever appeared there since is somebody else's file.
  const int fd = ::open(target.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOCTTY, 0600);
  if (fd < 0) {
    error = sentence("cannot create", path, errno);
    if (exists) ::rename(old.c_str(), target.c_str());
  }
  return fd;
}

}  // namespace sightline::slt
