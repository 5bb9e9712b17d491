// Executing: what the call shows of arguments and environment.
#include <fcntl.h>

#include <string>

#include "tests/tracees/expect.h"

using expect::call;
using expect::line;
using expect::result;

int main() {
  const char* many[70] = {};
  for (int i = 0; i < 69; ++i) many[i] = "x";
  std::string thirty_two;
  for (int i = 0; i < 32; ++i) thirty_two += std::string(i != 0 ? ", " : "") + "\"x\"";
  const char* const environment[] = {"A=1", "B=2", nullptr};
  const char* const arguments[] = {"name", "", "a b\n", "a string that is longer than what is shown", nullptr};
  line(
      "execve(\"/none\", [\"name\", \"\", \"a b\\n\", \"a string that is longer than wha\"...], %p /* 2 vars */) = -1 "
      "ENOENT (No such file or directory)",
      static_cast<const void*>(environment));
  line("execve(\"/none\", [%s, ...], NULL) = -1 ENOENT (No such file or directory)", thirty_two.c_str());
  line("execve(\"/none\", NULL, %p /* 0 vars */) = -1 ENOENT (No such file or directory)",
       static_cast<const void*>(environment + 2));
  line("execve(\"/\", NULL, NULL) = -1 EACCES (Permission denied)");
  line(
      "execveat(AT_FDCWD, \"none\", [\"name\", \"\", \"a b\\n\", \"a string that is longer than wha\"...], NULL, "
      "AT_SYMLINK_NOFOLLOW) = -1 ENOENT (No such file or directory)");

  expect::begin();
  call(SYS_execve, "/none", arguments, environment);
  call(SYS_execve, "/none", many, nullptr);
  call(SYS_execve, "/none", nullptr, environment + 2);
  call(SYS_execve, "/", nullptr, nullptr);
  call(SYS_execveat, AT_FDCWD, "none", arguments, nullptr, AT_SYMLINK_NOFOLLOW);
  expect::end();
  return expect::finish();
}
