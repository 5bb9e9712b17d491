#include "tracer/keeper.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

using sightline::tracer::run_in_keeper;

namespace {

void to_nobody() {}

std::string name_of(pid_t pid) {
  char path[64];
  std::snprintf(path, sizeof path, "/proc/%d/comm", pid);
  char name[32] = {};
  if (FILE* file = std::fopen(path, "re")) {
    if (std::fgets(name, sizeof name, file) == nullptr) name[0] = '\0';
    std::fclose(file);
  }
  name[std::strcspn(name, "\n")] = '\0';
  return name;
}

}  // namespace

TEST_CASE("a keeper is another process, with our memory and descriptors") {
  std::vector<std::string> said;
  pid_t pid = 0;
  pid_t parent = 0;
  pid_t group = 0;
  std::string name;
  int ends[2] = {-1, -1};
  const std::string error = run_in_keeper({.work =
                                               [&] {
                                                 pid = getpid();
                                                 parent = getppid();
                                                 group = getpgrp();
                                                 name = name_of(pid);
                                                 for (int i = 0; i < 1000; ++i) said.push_back(std::string(100, 'x'));
                                                 CHECK(pipe2(ends, O_CLOEXEC) == 0);
                                                 CHECK(write(ends[1], "x", 1) == 1);
                                               },
                                           .orphaned = to_nobody});
  CHECK(error == "");
  CHECK(pid != getpid());
  CHECK(parent == getpid());
  CHECK(group == pid);
  CHECK(name != name_of(getpid()));
  CHECK(said.size() == 1000);
  char byte = 0;
  CHECK(read(ends[0], &byte, 1) == 1);
  CHECK(byte == 'x');
  close(ends[0]);
  close(ends[1]);
  // No zombie is left.
  CHECK(waitpid(pid, nullptr, __WALL | WNOHANG) == -1);
}

TEST_CASE("errors and the signal mask stay each process's own") {
  std::atomic<int> seen{0};
  sigset_t inside;
  CHECK(run_in_keeper({.work =
                           [&] {
                             pthread_sigmask(SIG_SETMASK, nullptr, &inside);
                             for (int i = 0; i < 10000; ++i) {
                               close(-1);
                               if (errno == EBADF) ++seen;
                             }
                           },
                       .orphaned = to_nobody}) == "");
  CHECK(seen == 10000);
  CHECK(sigismember(&inside, SIGINT) == 0);
}

TEST_CASE("a keeper that is killed is told of") {
  const std::string error = run_in_keeper({.work = [] { kill(getpid(), SIGKILL); }, .orphaned = to_nobody});
  CHECK(error.find("signal 9") != std::string::npos);
}

TEST_CASE("a keeper hears of our end, at work, and goes on") {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
  const pid_t tracer = fork();
  if (tracer == 0) {
    std::atomic<bool> orphaned{false};
    run_in_keeper({.work =
                       [&] {
                         if (write(ends[1], "1", 1) != 1) _exit(1);
                         while (!orphaned) usleep(1000);
                         if (write(ends[1], "2", 1) != 1) _exit(1);
                       },
                   .orphaned = [&] { orphaned = true; }});
    _exit(0);
  }
  close(ends[1]);
  char byte = 0;
  REQUIRE(read(ends[0], &byte, 1) == 1);
  CHECK(byte == '1');
  kill(tracer, SIGKILL);
  waitpid(tracer, nullptr, 0);
  REQUIRE(read(ends[0], &byte, 1) == 1);
  CHECK(byte == '2');
  CHECK(read(ends[0], &byte, 1) == 0);
  close(ends[0]);
}
