/// Names of code that a just-in-time compiler has written into memory, from the file it keeps for perf(1):
/// /tmp/perf-PID.map, a line "START SIZE NAME" for each piece of code, addresses in hexadecimal
/// (tools/perf/Documentation/jit-interface.txt in the kernel's sources).
///
/// The file grows while the program runs, and code is replaced: of pieces that overlap the one written last counts.
/// What has been added to the file is read before each answer.
///
/// The file belongs to the traced program. What is no such line is skipped, names are cut and freed of control
/// characters, and no more than a bounded number is kept.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace sightline::symbolizer {

/// What a piece's name says of its source. V8 writes "JS:*fib /home/me/fib.js:3:13" and its like, CPython
/// "py::fib:/home/me/fib.py"; other compilers' names are taken for functions.
struct JitName {
  std::string_view function;
  std::string_view file;  ///< "" if the name tells none
  uint32_t line = 0;
  uint32_t column = 0;
  bool is_runtime = false;  ///< the compiler's own: a stub, a handler of a bytecode, a trampoline
};
JitName parse_jit_name(std::string_view name);

class JitMap {
 public:
  struct Piece {
    uint64_t start = 0;
    uint64_t end = 0;
    std::string name;
    uint32_t number = 0;  ///< of all pieces of all maps: never used twice
  };

  /// The first of `paths` that can be opened is the map; none need exist yet.
  explicit JitMap(std::vector<std::string> paths) : paths_(std::move(paths)) {}
  ~JitMap();
  JitMap(const JitMap&) = delete;
  JitMap& operator=(const JitMap&) = delete;

  /// The piece that covers `pc`, or nullptr. Valid until the next call.
  const Piece* find(uint64_t pc);

 private:
  const Piece* known(uint64_t pc) const;
  void read_on();
  void take_line(std::string_view line);

  std::vector<std::string> paths_;
  std::map<uint64_t, Piece> pieces_;  // by start; they don't overlap
  std::string rest_;                  // of the file: a line without its end
  uint64_t offset_ = 0;
  int fd_ = -1;
};

}  // namespace sightline::symbolizer
