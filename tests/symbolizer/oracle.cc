#include "tests/symbolizer/oracle.h"

#include <elfutils/libdwfl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>

#include "symbolizer/debug_info.h"

namespace sightline::symbolizer::testing {

std::vector<uint64_t> walk_with_libdw(pid_t pid, pid_t tid) {
  char* no_path = nullptr;
  Dwfl_Callbacks callbacks{};
  callbacks.find_elf = dwfl_linux_proc_find_elf;
  callbacks.find_debuginfo = dwfl_standard_find_debuginfo;
  callbacks.debuginfo_path = &no_path;
  const std::unique_ptr<Dwfl, decltype(&dwfl_end)> dwfl(dwfl_begin(&callbacks), dwfl_end);
  if (!dwfl || dwfl_linux_proc_report(dwfl.get(), pid) != 0 || dwfl_report_end(dwfl.get(), nullptr, nullptr) != 0 ||
      dwfl_linux_proc_attach(dwfl.get(), pid, true) != 0) {
    throw std::runtime_error("libdw cannot attach");
  }
  std::vector<uint64_t> pcs;
  const auto visit = [](Dwfl_Frame* frame, void* into) -> int {
    Dwarf_Addr pc = 0;
    if (!dwfl_frame_pc(frame, &pc, nullptr)) return DWARF_CB_ABORT;
    static_cast<std::vector<uint64_t>*>(into)->push_back(pc);
    return DWARF_CB_OK;
  };
  dwfl_getthread_frames(dwfl.get(), tid, visit, &pcs);
  return pcs;
}

struct LibdwWalker::State {
  std::unique_ptr<Dwfl, decltype(&dwfl_end)> dwfl{nullptr, dwfl_end};
  Dwfl_Callbacks callbacks{};
  pid_t pid = 0;
  std::vector<std::string> mappings;
  const Stop* stop = nullptr;
};

LibdwWalker::LibdwWalker() : state_(std::make_unique<State>()) {}
LibdwWalker::~LibdwWalker() = default;

std::vector<uint64_t> LibdwWalker::walk(const Stop& stop) {
  State& state = *state_;
  std::vector<std::string> mappings;
  for (const Mapping& mapping : stop.mappings)
    mappings.push_back(std::to_string(mapping.start) + ' ' + std::to_string(mapping.end) + ' ' + mapping.path);
  state.stop = &stop;
  if (!state.dwfl || state.pid != stop.pid || state.mappings != mappings) {
    state.pid = stop.pid;
    state.mappings = std::move(mappings);
    state.callbacks.find_elf = dwfl_linux_proc_find_elf;
    // Rules are in the files themselves; what is installed on this machine must not matter.
    state.callbacks.find_debuginfo = [](Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*,
                                        GElf_Word, char**) { return -1; };
    state.dwfl.reset(dwfl_begin(&state.callbacks));
    static constexpr Dwfl_Thread_Callbacks kThreads = {
        .next_thread = [](Dwfl*, void*, void**) -> pid_t { return 0; },
        .get_thread =
            [](Dwfl*, pid_t, void* argument, void** thread) {
              *thread = argument;
              return true;
            },
        .memory_read =
            [](Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
              const Stop& at = *static_cast<State*>(argument)->stop;
              iovec local{result, sizeof *result};
              iovec remote{reinterpret_cast<void*>(address), sizeof *result};
              return process_vm_readv(at.pid, &local, 1, &remote, 1, 0) == sizeof *result;
            },
        .set_initial_registers =
            [](Dwfl_Thread* thread, void* argument) {
              const Stop& at = *static_cast<State*>(argument)->stop;
              std::array<Dwarf_Word, Registers::kCount> values{};
              std::copy(at.registers.value.begin(), at.registers.value.end(), values.begin());
              if (at.at_call) --values[Registers::kPc];
              return dwfl_thread_state_registers(thread, 0, values.size(), values.data());
            },
        .detach = nullptr,
        .thread_detach = nullptr,
    };
    if (!state.dwfl || dwfl_linux_proc_report(state.dwfl.get(), stop.pid) != 0 ||
        dwfl_report_end(state.dwfl.get(), nullptr, nullptr) != 0 ||
        !dwfl_attach_state(state.dwfl.get(), nullptr, stop.pid, &kThreads, &state)) {
      throw std::runtime_error(std::string("libdw cannot attach: ") + dwfl_errmsg(-1));
    }
  }
  std::vector<uint64_t> pcs;
  const auto visit = [](Dwfl_Frame* frame, void* into) -> int {
    auto& found = *static_cast<std::vector<uint64_t>*>(into);
    Dwarf_Addr pc = 0;
    if (!dwfl_frame_pc(frame, &pc, nullptr) || found.size() == 4096) return DWARF_CB_ABORT;
    found.push_back(pc);
    return DWARF_CB_OK;
  };
  dwfl_getthread_frames(state.dwfl.get(), stop.tid, visit, &pcs);
  if (!pcs.empty() && stop.at_call) ++pcs.front();
  return pcs;
}

struct SnapshotWalker::State {
  std::unique_ptr<Dwfl, decltype(&dwfl_end)> dwfl{nullptr, dwfl_end};
  Dwfl_Callbacks callbacks{};
  uint64_t start = 0;
  std::span<const uint64_t> words;
  uint64_t bias = 0;
  std::array<uint64_t, Registers::kCount> registers{};
  std::size_t most = 0;
  std::vector<uint64_t> found;
};

SnapshotWalker::SnapshotWalker(const std::string& path, uint64_t stack_start, std::span<const uint64_t> words)
    : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.start = stack_start;
  state.words = words;
  state.callbacks.find_elf = dwfl_build_id_find_elf;
  state.callbacks.find_debuginfo = [](Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*,
                                      GElf_Word, char**) { return -1; };
  state.dwfl.reset(dwfl_begin(&state.callbacks));
  constexpr uint64_t kBase = 0x7f0000000000;
  if (!state.dwfl) throw std::runtime_error("libdw");
  dwfl_report_begin(state.dwfl.get());
  Dwfl_Module* module = dwfl_report_elf(state.dwfl.get(), "file", path.c_str(), -1, kBase, false);
  GElf_Addr bias = 0;
  if (!module || dwfl_report_end(state.dwfl.get(), nullptr, nullptr) != 0 || !dwfl_module_getelf(module, &bias))
    throw std::runtime_error(std::string("libdw cannot read ") + path);
  state.bias = bias;
  static constexpr Dwfl_Thread_Callbacks kThreads = {
      .next_thread = [](Dwfl*, void*, void**) -> pid_t { return 0; },
      .get_thread =
          [](Dwfl*, pid_t, void* argument, void** thread) {
            *thread = argument;
            return true;
          },
      .memory_read =
          [](Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) {
            const State& own = *static_cast<State*>(argument);
            const uint64_t offset = address - own.start;
            if (offset > own.words.size_bytes() - sizeof *result) return false;
            std::memcpy(result, reinterpret_cast<const char*>(own.words.data()) + offset, sizeof *result);
            return true;
          },
      .set_initial_registers =
          [](Dwfl_Thread* thread, void* argument) {
            std::array<Dwarf_Word, Registers::kCount> values{};
            const State& own = *static_cast<State*>(argument);
            std::copy(own.registers.begin(), own.registers.end(), values.begin());
            return dwfl_thread_state_registers(thread, 0, values.size(), values.data());
          },
      .detach = nullptr,
      .thread_detach = nullptr,
  };
  if (!dwfl_attach_state(state.dwfl.get(), nullptr, 1, &kThreads, &state))
    throw std::runtime_error(std::string("libdw cannot attach: ") + dwfl_errmsg(-1));
}

SnapshotWalker::~SnapshotWalker() = default;

uint64_t SnapshotWalker::address(uint64_t address) const {
  return address + state_->bias;
}

std::vector<uint64_t> SnapshotWalker::walk(const std::array<uint64_t, Registers::kCount>& registers, std::size_t most) {
  State& state = *state_;
  state.registers = registers;
  state.most = most;
  state.found.clear();
  const auto visit = [](Dwfl_Frame* frame, void* into) -> int {
    State& own = *static_cast<State*>(into);
    Dwarf_Addr pc = 0;
    if (!dwfl_frame_pc(frame, &pc, nullptr)) return DWARF_CB_ABORT;
    own.found.push_back(pc);
    return own.found.size() < own.most ? DWARF_CB_OK : DWARF_CB_ABORT;
  };
  dwfl_getthread_frames(state.dwfl.get(), 1, visit, &state);
  return state.found;
}

namespace {

/// "FILE:LINE:COLUMN", "FILE:LINE", "FILE:LINE (discriminator 3)", "??:0", "??:?".
SourceLine parse(std::string text) {
  if (const std::size_t at = text.find(" ("); at != std::string::npos) text.resize(at);
  std::vector<uint32_t> numbers;
  for (std::size_t colon = text.rfind(':'); colon != std::string::npos; colon = text.rfind(':')) {
    const std::string tail = text.substr(colon + 1);
    if (tail != "?" && tail.find_first_not_of("0123456789") != std::string::npos) break;
    numbers.insert(numbers.begin(), tail == "?" ? 0 : static_cast<uint32_t>(std::stoul(tail)));
    text.resize(colon);
  }
  SourceLine line;
  if (!numbers.empty()) line.line = numbers[0];
  if (numbers.size() > 1) line.column = numbers[1];
  if (text != "??" && line.line != 0) line.file = join_source_path("", text);
  return line;
}

}  // namespace

std::optional<std::vector<std::vector<SourceLine>>> addr2line(const std::string& tool, const std::string& file,
                                                              const std::vector<uint64_t>& addresses) {
  char name[] = "/tmp/sightline-addr2line-XXXXXX";
  const int fd = mkstemp(name);
  if (fd < 0) throw std::runtime_error("mkstemp");
  close(fd);
  const std::string list = name;
  {
    std::ofstream out(list);
    for (const uint64_t address : addresses) out << "0x" << std::hex << address << '\n';
  }
  const std::string command = tool + " -a -i -e '" + file + "' < " + list + " 2>/dev/null";
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("popen");
  std::vector<std::vector<SourceLine>> answers;
  char* text = nullptr;
  std::size_t room = 0;
  for (ssize_t size; (size = getline(&text, &room, pipe)) > 0;) {
    std::string line(text, static_cast<std::size_t>(size));
    while (!line.empty() && (line.back() == '\n' || line.back() == ' ')) line.pop_back();
    if (line.starts_with("0x")) {
      answers.emplace_back();
    } else if (!answers.empty() && !line.empty()) {
      answers.back().push_back(parse(line));
    }
  }
  free(text);
  const int status = pclose(pipe);
  unlink(list.c_str());
  if (WIFEXITED(status) && WEXITSTATUS(status) == 127) return std::nullopt;
  if (answers.size() != addresses.size()) throw std::runtime_error(tool + " answered in an unexpected form");
  return answers;
}

}  // namespace sightline::symbolizer::testing
