/// Starting the command to trace so that the first thing anyone sees of it is its execve.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace sightline::tracer {

struct Command {
  std::vector<std::string> argv;
  std::vector<std::string> unset_environment;  ///< -E NAME
  std::vector<std::string> set_environment;    ///< -E NAME=VALUE
};

/// Where execvp(3) would find `name`: a path, or "" with errno ENOENT (nowhere) or EACCES (found, but not executable).
std::string find_executable(const std::string& name);

/// A child that sits before its execve until released.
struct Child {
  pid_t pid = -1;       ///< -1: fork failed, errno says why
  int release_fd = -1;  ///< close it to let the child go on
};

/// Forks. The child waits until `release_fd` is closed, then executes `path`. If that fails it says why on stderr and
/// exits with 126. Everything the child inherits is what we were started with, if the caller has not changed its signal
/// mask, its limits, or which signals are ignored; SIGCHLD, which a tracer must not ignore, is `ignore_sigchld`.
Child spawn_waiting(const std::string& path, const Command& command, bool ignore_sigchld);

}  // namespace sightline::tracer
