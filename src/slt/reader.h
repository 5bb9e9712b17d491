/// Reads a trace file and plays it to a sink.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "src/model.h"
#include "src/slt/chunk_file.h"
#include "src/slt/definitions.h"
#include "src/slt/summary.h"

namespace sightline::slt {

/// Nothing in the file is trusted: whatever it holds, reading ends with a value, in memory bounded by the options.
class Reader {
 public:
  struct Options {
    /// Bytes that strings, frames, stacks, processes and threads may take. A file that needs more counts as damaged.
    uint64_t definition_limit = uint64_t{4} << 30;
  };

  /// Opens and checks the header. On failure nullptr and one sentence in `error`: not there, a directory, no trace of
  /// ours, a header that was cut, a major version that this program does not know.
  static std::unique_ptr<Reader> open(const std::string& path, std::string& error, Options options);
  static std::unique_ptr<Reader> open(const std::string& path, std::string& error) { return open(path, error, {}); }

  const TraceStart& start() const { return start_; }

  enum class Ending : uint8_t {
    complete,  ///< all of it, with the account of the recording
    cut,       ///< the recording was interrupted: all that was written has been played
    damaged,   ///< what precedes the damage has been played
  };
  struct Replayed {
    Ending ending = Ending::complete;
    std::string problem;      ///< one clause, "" if complete: "damaged at offset 4711: checksum mismatch"
    uint64_t finished = 0;    ///< calls played with an end
    uint64_t unfinished = 0;  ///< calls played without one
  };

  /// Plays the whole trace in the order in which it was recorded, from trace_started to trace_ended. Of a file that is
  /// not complete, calls that are still open get a call_finished with `finished == false`, and trace_ended says
  /// `complete == false` with the counts of what was recovered. As live, a Call is the same object from call_entered to
  /// call_finished. Processes, threads and stacks live until the next
  /// replay() or the Reader's end; everything else as Sink says.
  Replayed replay(Sink& sink);

  /// Reads only header and summary if the file has one (damage between the two goes unnoticed: that is for replay());
  /// else sums up a replay.
  Summary summary();

 private:
  Reader(int fd, uint64_t size, Options options);
  bool read_header(const std::string& path, std::string& error);
  bool read_trailer(Summary& into);

  Options options_;
  ChunkReader file_;
  TraceStart start_;
  uint16_t major_ = 0, minor_ = 0;
  uint64_t first_chunk_ = 0;
  std::unique_ptr<Definitions> definitions_;
};

}  // namespace sightline::slt
