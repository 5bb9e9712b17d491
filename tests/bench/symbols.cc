// What naming a line costs: symbols PROGRAM BINARY... PROGRAM is the fixture whose stacks are walked, each BINARY a
// large program with debug information. Prints tables; all in one run, medians of rounds.
#include <elf.h>
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "symbolizer/symbolizer.h"
#include "tests/symbolizer/live_process.h"

using namespace sightline::symbolizer;
using Clock = std::chrono::steady_clock;

namespace {

constexpr int kRounds = 15;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

template <class Work>
double median_seconds(int rounds, Work&& work) {
  std::vector<double> seconds;
  for (int i = 0; i < rounds; ++i) {
    const auto start = Clock::now();
    work();
    seconds.push_back(seconds_since(start));
  }
  std::nth_element(seconds.begin(), seconds.begin() + rounds / 2, seconds.end());
  return seconds[static_cast<std::size_t>(rounds / 2)];
}

void row(const char* what, double value, const char* unit, const char* wanted) {
  std::printf("| %-62s | %10.1f %-8s | %-22s |\n", what, value, unit, wanted);
}

void walk_warm(const std::string& program) {
  std::vector<testing::Stop> stops;
  for (const char* scenario : {"direct", "inlined", "printf", "fopen", "ofstream", "thread", "lambda", "qsort"})
    testing::trace({program, scenario}, [&](const testing::Stop& stop) { stops.push_back(stop); });
  if (stops.empty()) {
    std::fprintf(stderr, "symbols: %s makes no marked calls\n", program.c_str());
    std::exit(1);
  }
  Symbolizer symbolizer;
  std::vector<SpaceId> spaces;
  for (const testing::Stop& stop : stops) {
    spaces.push_back(symbolizer.create_space());
    symbolizer.set_mappings(spaces.back(), stop.mappings);
  }
  constexpr int kRepeat = 2000;
  std::size_t frames = 0;
  const auto resolve_all = [&](Depth depth) {
    frames = 0;
    for (std::size_t i = 0; i < stops.size(); ++i) {
      const StackId id = symbolizer.resolve(spaces[i], stops[i].sample(), depth).stack;
      const Stack& stack = symbolizer.stack(id);
      for (const Frame& frame : stack.frames) frames += frame.inlined ? 0 : 1;
    }
  };
  const double calls = static_cast<double>(stops.size()) * kRepeat;
  for (const Depth depth : {Depth::user_line, Depth::whole}) {
    resolve_all(depth);
    const std::size_t walked = frames;
    const double seconds = median_seconds(kRounds, [&] {
      for (int i = 0; i < kRepeat; ++i)
        for (std::size_t s = 0; s < stops.size(); ++s) symbolizer.resolve(spaces[s], stops[s].sample(), depth);
    });
    if (depth == Depth::user_line) {
      row("warm: a call's stack to the user's line", seconds * 1e9 / calls, "ns/call", "150 at most");
    } else {
      row("warm: a whole stack", seconds * 1e9 / calls, "ns/call", "");
      row("warm: a frame of a whole stack", seconds * 1e9 / (static_cast<double>(walked) * kRepeat), "ns/frame",
          "20 at most to unwind");
    }
  }
  // Without stack bytes a walk ends at its first frame.
  uint64_t sum = 0;
  const double known = median_seconds(kRounds, [&] {
    for (int i = 0; i < kRepeat; ++i) {
      for (std::size_t s = 0; s < stops.size(); ++s) {
        StackSample sample = stops[s].sample();
        sample.bytes = {};
        sum += symbolizer.stack(symbolizer.resolve(spaces[s], sample, Depth::whole).stack).frames.front().line;
      }
    }
  });
  row("warm: from a known address to its frame", known * 1e9 / calls, "ns", "50 at most");
  if (sum == 1) std::puts("");  // so that it is not optimized away
}

struct Text {
  uint64_t address = 0, offset = 0, size = 0;
};

Text text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  Text text;
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.seekg(static_cast<std::streamoff>(header.e_phoff) + i * header.e_phentsize);
    file.read(reinterpret_cast<char*>(&segment), sizeof segment);
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0)
      text = {segment.p_vaddr, segment.p_offset, segment.p_filesz};
  }
  return text;
}

/// Memory that is this process's alone, in bytes (proc_pid_smaps(5)).
double private_memory() {
  malloc_trim(0);
  std::ifstream file("/proc/self/smaps_rollup");
  for (std::string key; file >> key;) {
    double kilobytes = 0;
    if (key == "Anonymous:" && file >> kilobytes) return kilobytes * 1024;
  }
  return 0;
}

/// Bytes of a section, 0 if there is none.
double section_size(const std::string& path, const std::string& name) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  std::vector<Elf64_Shdr> sections(header.e_shnum);
  file.seekg(static_cast<std::streamoff>(header.e_shoff));
  file.read(reinterpret_cast<char*>(sections.data()),
            static_cast<std::streamsize>(sections.size() * sizeof(Elf64_Shdr)));
  if (!file || header.e_shstrndx >= sections.size()) return 0;
  for (const Elf64_Shdr& section : sections) {
    std::string found(name.size() + 1, ' ');
    file.seekg(static_cast<std::streamoff>(sections[header.e_shstrndx].sh_offset + section.sh_name));
    file.read(found.data(), static_cast<std::streamsize>(found.size()));
    if (found == name + '\0') return static_cast<double>(section.sh_size);
  }
  return 0;
}

void resolve_cold(const std::string& binary) {
  const Text text = text_of(binary);
  struct stat st {};
  if (text.size == 0 || stat(binary.c_str(), &st) < 0) {
    std::fprintf(stderr, "symbols: %s is no program\n", binary.c_str());
    std::exit(1);
  }
  const Mapping mapping{.start = text.address,
                        .end = text.address + text.size,
                        .file_offset = text.offset,
                        .device = st.st_dev,
                        .inode = st.st_ino,
                        .path = binary};
  const auto line_at = [&](Symbolizer& symbolizer, SpaceId space, uint64_t pc) {
    StackSample sample;
    sample.registers.value[Registers::kPc] = pc;
    return symbolizer.stack(symbolizer.resolve(space, sample, Depth::user_line).stack).frames.front().line;
  };
  std::mt19937_64 random(5);
  std::vector<uint64_t> pcs(10'000);
  for (uint64_t& pc : pcs) pc = text.address + random() % text.size;

  const auto start_of = [&](Symbolizer& symbolizer) {
    const SpaceId space = symbolizer.create_space();
    symbolizer.set_mappings(space, {&mapping, 1});
    return space;
  };
  std::size_t at = 0;
  const double first = median_seconds(kRounds, [&] {
    Symbolizer symbolizer;
    const SpaceId space = start_of(symbolizer);
    for (std::size_t tried = 0; tried < pcs.size(); ++tried)
      if (line_at(symbolizer, space, pcs[at++ % pcs.size()]) != 0) break;
  });
  std::printf("\n%s, %.0f MB\n\n", binary.c_str(), static_cast<double>(st.st_size) / 1e6);
  row("cold: the first line of it", first * 1e3, "ms", "50 at most for 50 MB");
  std::size_t with_line = 0;
  const double all = median_seconds(5, [&] {
    Symbolizer symbolizer;
    const SpaceId space = start_of(symbolizer);
    with_line = 0;
    for (const uint64_t pc : pcs) with_line += line_at(symbolizer, space, pc) != 0 ? 1 : 0;
  });
  row("10,000 addresses anywhere in it, from the start", all * 1e3, "ms", "");
  const double before = private_memory();
  {
    Symbolizer symbolizer;
    const SpaceId space = start_of(symbolizer);
    for (const uint64_t pc : pcs)
      if (line_at(symbolizer, space, pc) != 0) break;
    const double tables = section_size(binary, ".debug_line") / 1e6;
    char wanted[40];
    std::snprintf(wanted, sizeof wanted, "%.1f at most", 1.5 * tables);
    row("its line tables, as they stand in the file", tables, "MB", "");
    row("memory for the first line", (private_memory() - before) / 1e6, "MB", wanted);
    for (const uint64_t pc : pcs) line_at(symbolizer, space, pc);
    row("memory for all 10,000 and their names", (private_memory() - before) / 1e6, "MB", "");
  }

  // eu-addr2line takes minutes for all of them.
  for (const auto& [tool, count] : {std::pair("addr2line", pcs.size()), std::pair("eu-addr2line", pcs.size() / 20)}) {
    char list[] = "/tmp/sightline-bench-XXXXXX";
    const int fd = mkstemp(list);
    if (fd < 0) return;
    std::FILE* file = fdopen(fd, "w");
    for (std::size_t i = 0; i < count; ++i) std::fprintf(file, "0x%llx\n", static_cast<unsigned long long>(pcs[i]));
    std::fclose(file);
    const std::string command =
        std::string(tool) + " -i -f -C -e " + binary + " < " + list + " > /dev/null 2> /dev/null";
    const auto start = Clock::now();
    const int status = std::system(command.c_str());
    const double seconds = seconds_since(start);
    std::remove(list);
    if (status != 0) continue;
    const std::string what =
        (count == pcs.size() ? "the same by " : "the first " + std::to_string(count) + " of them by ") + tool +
        " -i -f -C";
    row(what.c_str(), seconds * 1e3, "ms", "more than ours");
  }
  std::printf("\n%zu of 10,000 addresses have a line\n", with_line);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: symbols FIXTURE BINARY...\n");
    return 2;
  }
  walk_warm(argv[1]);
  for (int i = 2; i < argc; ++i) resolve_cold(std::filesystem::canonical(argv[i]));
  return 0;
}
