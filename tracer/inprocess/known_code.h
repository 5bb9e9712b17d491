/// Where code is in one address space, or may be: what CodeRanges tells the stub of.
///
/// It only ever says too much. What was executable once stays in it until the program unmaps it, or maps something over
/// it, by a call that the tracer takes: memory that is writable now and executable then is not to be followed by bytes.
///
/// Threads: the tracer's.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tracer/inprocess/arena.h"
#include "tracer/inprocess/code_ranges.h"
#include "tracer/proc.h"

namespace sightline::tracer::inprocess {

class KnownCode {
 public:
  KnownCode() = default;
  /// A fork's: with a list of its own for the stub.
  KnownCode(const KnownCode& other);
  KnownCode& operator=(const KnownCode&) = delete;
  ~KnownCode();

  /// From here on it is known: `maps` are all mappings. `arena` outlives it.
  void begin(Arena& arena, std::span<const proc::Map> maps);
  /// Back to knowing nothing, before any thread has seen table().
  void end();
  void add(uint64_t start, uint64_t length);
  void remove(uint64_t start, uint64_t length);
  /// There may be code anywhere.
  void add_all() { add(0, UINT64_MAX); }

  /// Where the stub may read it; null if nothing is known.
  const CodeRanges* table() const { return table_; }

 private:
  struct Range {
    uint64_t start, end;
    bool operator==(const Range&) const = default;
  };

  void publish();

  Arena* arena_ = nullptr;
  CodeRanges* table_ = nullptr;
  std::vector<Range> ranges_;  // in order, apart from each other
};

}  // namespace sightline::tracer::inprocess
