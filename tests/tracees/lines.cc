// Calls that pass through the C and C++ libraries. A line that ends in "EXPECT name" is where call `name` comes from.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <thread>

namespace inventory {

static std::string path(const char* name) {
  return std::string(LINES_DIR) + "/" + name;
}

__attribute__((noinline)) void read_config() {
  FILE* file = std::fopen(path("config").c_str(), "r");  // EXPECT config
  if (file != nullptr) std::fclose(file);
}

struct Log {
  __attribute__((noinline)) explicit Log(const std::string& file) : out(file) {}  // EXPECT log
  std::ofstream out;
};

// Not a tail call: that would leave no trace of say() on the stack.
__attribute__((noinline)) int say() {
  std::printf("printed\n");
  const int failed = std::fflush(stdout);  // EXPECT printed
  return failed + 1;
}

__attribute__((noinline)) void from_thread() {
  const int fd = open(path("thread").c_str(), O_RDONLY);  // EXPECT thread
  if (fd >= 0) close(fd);
}

}  // namespace inventory

int main() {
  inventory::read_config();
  {
    inventory::Log log(inventory::path("log"));
    log.out << "written" << std::flush;  // EXPECT written
  }
  inventory::say();
  std::thread(inventory::from_thread).join();
  const pid_t child = fork();
  if (child == 0) {
    const int fd = open(inventory::path("child").c_str(), O_RDONLY);  // EXPECT child
    _exit(fd >= 0);
  }
  waitpid(child, nullptr, 0);
}
