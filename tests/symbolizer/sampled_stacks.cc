// Stacks of real programs, unwound by us and by libdw's walker: sampled-stacks COUNT [PROGRAM ARGUMENT...]
//
// Programs are run with all that they start until COUNT stacks have been compared. Every chain must be the same, or one
// of the differences named below. Prints a table; exit status 1 if anything else differs.
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "tests/symbolizer/live_process.h"
#include "tests/symbolizer/oracle.h"

using namespace sightline::symbolizer;

namespace {

enum class Outcome {
  same,
  further,    ///< libdw gives up where we go on, by rules, to the end of the stack
  guessed,    ///< no rules: libdw does not guess, or guesses otherwise
  cut,        ///< ours ends earlier and says so: truncated, or lost
  different,  ///< none of these: a fault of one of the two
};

const std::map<Outcome, const char*> kOutcomes = {
    {Outcome::same, "the same, frame by frame"},
    {Outcome::further, "libdw gives up, ours goes on by rules to the end"},
    {Outcome::guessed, "differs behind a frame that ours marks as guessed"},
    {Outcome::cut, "ours ends earlier, and is marked"},
    {Outcome::different, "different"},
};

struct Table {
  std::map<Outcome, std::size_t> outcomes;
  std::size_t stacks = 0, frames = 0, guessed = 0, truncated = 0, lost = 0;
};

std::string text_of(const std::vector<uint64_t>& pcs) {
  std::string text;
  for (const uint64_t pc : pcs) {
    char number[24];
    std::snprintf(number, sizeof number, " %lx", pc);
    text += number;
  }
  return text;
}

void compare(Symbolizer& symbolizer, SpaceId space, testing::LibdwWalker& libdw, const testing::Stop& stop,
             Table& table) {
  const std::vector<uint64_t> theirs = libdw.walk(stop);
  symbolizer.set_mappings(space, stop.mappings);
  const Stack& stack = symbolizer.stack(symbolizer.resolve(space, stop.sample(), Depth::whole).stack);
  // Frames hold the address of the process that was first to reach them, so compare places in files.
  std::vector<uint64_t> ours;
  std::size_t first_guess = SIZE_MAX;
  for (const Frame& frame : stack.frames) {
    if (frame.inlined) continue;
    if (frame.guessed && first_guess == SIZE_MAX) first_guess = ours.size();
    ours.push_back(frame.pc);
  }
  ++table.stacks;
  table.frames += ours.size();
  table.guessed += first_guess != SIZE_MAX ? 1 : 0;
  table.truncated += stack.truncated ? 1 : 0;
  table.lost += stack.lost ? 1 : 0;

  const auto [mine, other] = std::mismatch(ours.begin(), ours.end(), theirs.begin(), theirs.end());
  const auto same = static_cast<std::size_t>(mine - ours.begin());
  Outcome outcome = Outcome::different;
  if (mine == ours.end() && other == theirs.end()) {
    outcome = Outcome::same;
  } else if (first_guess <= same) {
    outcome = Outcome::guessed;
  } else if (mine == ours.end() && (stack.truncated || stack.lost)) {
    outcome = Outcome::cut;
  } else if (other == theirs.end() && !stack.truncated && !stack.lost) {
    outcome = Outcome::further;
  }
  if (outcome != Outcome::same && table.outcomes[outcome] < 5) {
    std::printf("%s: call %ld\n  libdw:%s\n  ours: %s%s%s\n", kOutcomes.at(outcome), stop.call, text_of(theirs).c_str(),
                text_of(ours).c_str(), stack.truncated ? " truncated" : "", stack.lost ? " lost" : "");
    for (const Frame& frame : stack.frames)
      std::printf("    %lx %s %s+0x%lx%s\n", frame.pc, std::string(frame.module).c_str(),
                  std::string(frame.function).c_str(), frame.function_offset, frame.guessed ? " guessed" : "");
  }
  ++table.outcomes[outcome];
}

void sample(const std::vector<std::string>& command, std::size_t count, uint32_t seed, Table& table) {
  Options options;
  options.max_frames = 4096;
  options.debug_directories = {};
  // One for each process and its mappings of the moment: places are found by file, and show the address that was first.
  std::map<pid_t, std::pair<std::unique_ptr<Symbolizer>, std::vector<uint64_t>>> processes;
  std::map<pid_t, testing::LibdwWalker> walkers;
  testing::sample_stacks(command, count, seed, [&](const testing::Stop& stop) {
    std::vector<uint64_t> starts;
    for (const Mapping& mapping : stop.mappings) starts.push_back(mapping.start);
    auto& [symbolizer, known] = processes[stop.pid];
    if (!symbolizer || known != starts) {
      symbolizer = std::make_unique<Symbolizer>(options);
      symbolizer->create_space();
      known = starts;
    }
    compare(*symbolizer, 0, walkers[stop.pid], stop, table);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t wanted = argc > 1 ? std::strtoul(argv[1], nullptr, 10) : 0;
  if (wanted == 0) {
    std::fprintf(stderr, "usage: sampled-stacks COUNT [PROGRAM ARGUMENT...]\n");
    return 2;
  }
  std::vector<std::vector<std::string>> commands = {
      {"/bin/ls", "-lR", "/usr/share"},
      {"/usr/bin/python3", "-c", "import json, os, email, subprocess; os.stat('/'); subprocess.run(['/bin/ls', '/'])"},
      {"/usr/bin/gcc", "-O1", "-x", "c", "-o", "/dev/null", "/dev/null", "-shared"},
      {"/usr/bin/find", "/usr/include", "-newer", "/etc/passwd"},
      {"/bin/bash", "-c", "for i in 1 2 3 4 5 6 7 8 9; do ls /proc | sort | tail -n 2; echo $(date) $i; done"},
      {"/usr/bin/git", "--no-pager", "grep", "--no-index", "-I", "include", "/usr/include/linux"},
      {"/usr/bin/perl", "-e", "use POSIX; use File::Find; find(sub { stat }, '/usr/share/perl');"},
      {"/usr/bin/make", "-f", "/dev/null", "-p"},
      {"/usr/bin/eu-readelf", "-h", "/bin/bash"},
      {testing::fixture("calls-o2"), "threads", testing::fixture("libfixture.so")},
      {testing::fixture("calls-o2"), "altstack", testing::fixture("libfixture.so")},
      {testing::fixture("calls-o3"), "recursion", testing::fixture("libfixture.so")},
  };
  if (argc > 2) commands = {{argv + 2, argv + argc}};
  Table table;
  uint32_t seed = 1;
  while (table.stacks < wanted) {
    const std::size_t before = table.stacks;
    for (const auto& command : commands) {
      if (table.stacks >= wanted || access(command[0].c_str(), X_OK) != 0) continue;
      const std::size_t at_once = std::max<std::size_t>(wanted / commands.size(), 50);
      sample(command, std::min(at_once, wanted - table.stacks), seed++, table);
    }
    if (table.stacks == before) break;
  }
  std::printf("\n| %-52s | %10s |\n", "stacks of real programs, beside libdw's walker", "");
  for (const auto& [outcome, text] : kOutcomes) std::printf("| %-52s | %10zu |\n", text, table.outcomes[outcome]);
  std::printf("| %-52s | %10zu |\n", "stacks", table.stacks);
  std::printf("| %-52s | %10zu |\n", "frames", table.frames);
  std::printf("| %-52s | %10zu |\n", "with a guessed frame", table.guessed);
  std::printf("| %-52s | %10zu |\n", "truncated", table.truncated);
  std::printf("| %-52s | %10zu |\n", "lost", table.lost);
  return table.stacks > 0 && table.outcomes[Outcome::different] == 0 ? 0 : 1;
}
