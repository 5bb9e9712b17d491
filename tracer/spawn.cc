#include "tracer/spawn.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace sightline::tracer {
namespace {

bool is_executable(const std::string& path) {
  struct stat st {};
  if (stat(path.c_str(), &st) < 0) return false;
  if (!S_ISREG(st.st_mode)) {
    errno = EACCES;
    return false;
  }
  return access(path.c_str(), X_OK) == 0;
}

std::vector<std::string> environment_for(const Command& command) {
  std::vector<std::string> result;
  const auto name_of = [](std::string_view entry) { return entry.substr(0, entry.find('=')); };
  const auto is_named = [&](const std::vector<std::string>& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](const std::string& entry) { return name_of(entry) == name; });
  };
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view name = name_of(*entry);
    if (!is_named(command.unset_environment, name) && !is_named(command.set_environment, name))
      result.emplace_back(*entry);
  }
  result.insert(result.end(), command.set_environment.begin(), command.set_environment.end());
  return result;
}

/// Strings as execve(2) wants them. One behind the other: the first thing that is traced is that they are read, and
/// where they lie scattered each is read by itself.
class Strings {
 public:
  explicit Strings(const std::vector<std::string>& strings) {
    for (const std::string& s : strings) text_.append(s).push_back('\0');
    char* at = text_.data();
    for (const std::string& s : strings) {
      pointers_.push_back(at);
      at += s.size() + 1;
    }
    pointers_.push_back(nullptr);
  }
  Strings(const Strings&) = delete;
  Strings& operator=(const Strings&) = delete;
  char* const* pointers() const { return pointers_.data(); }

 private:
  std::string text_;
  std::vector<char*> pointers_;
};

}  // namespace

std::string find_executable(const std::string& name) {
  if (name.empty()) {
    errno = ENOENT;
    return {};
  }
  if (name.find('/') != std::string::npos) return is_executable(name) ? name : std::string();
  const char* path = std::getenv("PATH");
  std::string_view rest = path != nullptr ? path : "/bin:/usr/bin";
  int why = ENOENT;
  for (;;) {
    const std::size_t colon = rest.find(':');
    const std::string_view dir = rest.substr(0, colon);
    // An empty element means the current directory (environ(7)).
    std::string candidate = dir.empty() ? name : std::string(dir) + '/' + name;
    if (is_executable(candidate)) return candidate;
    if (errno == EACCES) why = EACCES;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  errno = why;
  return {};
}

Child spawn_waiting(const std::string& path, const Command& command, bool ignore_sigchld) {
  // Made before the fork: the child may only call what is async-signal-safe.
  const Strings arguments(command.argv);
  const Strings environment(environment_for(command));

  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return {};
  const pid_t pid = fork();
  if (pid < 0) {
    const int why = errno;
    close(ends[0]);
    close(ends[1]);
    errno = why;
    return {};
  }
  if (pid == 0) {
    close(ends[1]);
    char byte;
    while (read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    if (ignore_sigchld) signal(SIGCHLD, SIG_IGN);
    execve(path.c_str(), arguments.pointers(), environment.pointers());
    const char* why = std::strerror(errno);
    for (std::string_view part : {std::string_view("sightline: can't execute "), std::string_view(path),
                                  std::string_view(": "), std::string_view(why), std::string_view("\n")})
      if (write(STDERR_FILENO, part.data(), part.size()) < 0) break;
    _exit(126);
  }
  close(ends[0]);
  return {pid, ends[1]};
}

}  // namespace sightline::tracer
