#include "tests/symbolizer/oracle.h"

#include <elfutils/libdwfl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
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
