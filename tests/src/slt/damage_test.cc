// A trace file that was cut, damaged or forged: what precedes the damage is told, nothing else, and nothing crashes.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <random>

#include "src/slt/crc32c.h"
#include "src/slt/reader.h"
#include "src/slt/writer.h"
#include "tests/effort.h"
#include "tests/src/slt/event_log.h"
#include "tests/src/slt/forge.h"
#include "tests/src/slt/random_trace.h"
#include "tests/src/slt/scratch.h"

namespace sightline::slt {
namespace {

std::string make_trace(const Scratch& scratch, const RandomTraceOptions& options, std::size_t chunk_bytes) {
  const std::string path = scratch.path("original");
  Writer::Options writer_options;
  writer_options.chunk_bytes = chunk_bytes;
  std::string error;
  auto writer = Writer::open(path, error, writer_options);
  REQUIRE_MESSAGE(writer, error);
  tell_random_trace(options, *writer);
  writer.reset();
  return Scratch::read(path);
}

struct Chunk {
  std::size_t offset;
  ChunkHeader header;
};

std::vector<Chunk> chunks_of(const std::string& file) {
  FileHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  std::vector<Chunk> chunks;
  std::size_t at = sizeof header + header.body_bytes;
  while (at + sizeof(ChunkHeader) <= file.size()) {
    Chunk chunk{at, {}};
    std::memcpy(&chunk.header, file.data() + at, sizeof chunk.header);
    if (chunk.header.sync != kSync) break;
    chunks.push_back(chunk);
    at += sizeof chunk.header + chunk.header.length;
  }
  return chunks;
}

// What a file tells; nothing if it can't be opened. The calls that the reader itself closes, and the end, are split
// off.
struct Told {
  bool opened = false;
  std::string error;
  Reader::Replayed result;
  std::vector<std::string> lines;
  std::string last;
};

Told tell_file(const Scratch& scratch, const std::string& bytes) {
  const std::string path = scratch.path("changed");
  Scratch::write(path, bytes);
  Told told;
  auto reader = Reader::open(path, told.error);
  if (!reader) return told;
  told.opened = true;
  EventLog log;
  told.result = reader->replay(log);
  told.lines = std::move(log.lines);
  told.last = told.lines.back();
  told.lines.pop_back();
  if (told.result.ending != Reader::Ending::complete)
    while (told.lines.back().starts_with("finish") && told.lines.back().find("finished=0") != std::string::npos)
      told.lines.pop_back();
  return told;
}

bool is_prefix(const std::vector<std::string>& prefix, const std::vector<std::string>& whole) {
  return prefix.size() <= whole.size() && std::equal(prefix.begin(), prefix.end(), whole.begin());
}

TEST_CASE("cut at every byte: exactly the chunks before the cut are told") {
  const Scratch scratch;
  const RandomTraceOptions options{.seed = 3, .events = effort(120), .max_capture = 16};
  const std::string file = make_trace(scratch, options, effort(800));
  EventLog live;
  tell_random_trace(options, live);
  const std::vector<Chunk> chunks = chunks_of(file);
  REQUIRE(chunks.size() > 8);
  const std::size_t first = chunks.front().offset;

  std::vector<std::string> before = {live.lines.front()};
  std::size_t next_chunk = 0;
  for (std::size_t size = 0; size < file.size(); ++size) {
    CAPTURE(size);
    const Told told = tell_file(scratch, file.substr(0, size));
    REQUIRE(told.opened == (size >= first));
    if (!told.opened) {
      CHECK(told.error.find(size == 0  ? "is empty"
                            : size < 8 ? "header"
                                       : "ends inside its header") != std::string::npos);
      continue;
    }
    const bool at_end_of_chunk = next_chunk < chunks.size() && size == chunks[next_chunk].offset + sizeof(ChunkHeader) +
                                                                           chunks[next_chunk].header.length;
    if (at_end_of_chunk) {
      ++next_chunk;
      REQUIRE(is_prefix(before, told.lines));
      // The last chunk may consist of calls that end with the trace.
      if (chunks[next_chunk - 1].header.type == ChunkType::events && next_chunk + 1 < chunks.size())
        CHECK(told.lines.size() > before.size());
      before = told.lines;
      REQUIRE(is_prefix(before, live.lines));
    }
    REQUIRE(told.lines == before);
    const bool whole = next_chunk == chunks.size();
    CHECK(told.result.ending == (whole ? Reader::Ending::complete : Reader::Ending::cut));
    CHECK((told.last == live.lines.back()) == whole);
  }
}

TEST_CASE("a flipped bit in any byte: nothing is told that was not recorded") {
  const Scratch scratch;
  const RandomTraceOptions options{.seed = 5, .events = effort(120), .max_capture = 16};
  const std::string file = make_trace(scratch, options, effort(800));
  EventLog live;
  tell_random_trace(options, live);
  const std::vector<Chunk> chunks = chunks_of(file);
  std::mt19937 random(1);
  for (std::size_t at = 0; at < file.size(); ++at) {
    CAPTURE(at);
    std::string changed = file;
    changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) ^ (1u << random() % 8));
    const Told told = tell_file(scratch, changed);
    if (at < chunks.front().offset) {
      CHECK_FALSE(told.opened);
      continue;
    }
    REQUIRE(told.opened);
    REQUIRE(is_prefix(told.lines, live.lines));
    const bool in_trailer = at >= file.size() - sizeof(Trailer);
    CHECK((told.result.ending == Reader::Ending::complete) == in_trailer);
    if (told.result.ending == Reader::Ending::damaged) {
      const auto damaged = std::find_if(chunks.begin(), chunks.end(), [&](const Chunk& chunk) {
        return at < chunk.offset + sizeof(ChunkHeader) + chunk.header.length;
      });
      CHECK(told.result.problem.starts_with("damaged at offset " + std::to_string(damaged->offset) + ":"));
    }
    std::string error;
    const Summary summary = Reader::open(scratch.path("changed"), error)->summary();
    CHECK(summary.spans <= static_cast<uint64_t>(live.lines.size()));
  }
}

TEST_CASE("a chunk that is missing from the middle is noticed") {
  const Scratch scratch;
  const std::string file = make_trace(scratch, {.seed = 5, .events = 300}, 1500);
  const std::vector<Chunk> chunks = chunks_of(file);
  std::string changed = file;
  changed.erase(chunks[3].offset, chunks[4].offset - chunks[3].offset);
  const Told told = tell_file(scratch, changed);
  CHECK(told.result.ending == Reader::Ending::damaged);
  CHECK(told.result.problem.ends_with("a chunk is missing"));
}

// Relies on what sinks are promised; a forged file must not break it.
class Strict : public Sink {
 public:
  void process_started(const Process& process) override { touch(process.comm.size() + process.engine.size()); }
  void thread_started(const Thread& thread) override { look(&thread); }
  void executed(const Thread& thread, int32_t, uint64_t) override { look(&thread); }
  void call_entered(const Call& call) override {
    look(call);
    if (call.finished) FAIL("finished");
    open[&call] = call.sequence;
  }
  void call_finished(const Call& call) override {
    look(call);
    const auto begun = open.find(&call);
    if (begun == open.end()) FAIL("ended before it began, or twice, or elsewhere");
    if (begun->second != call.sequence) FAIL("became another call");
    open.erase(begun);
    ++finished;
  }
  void signal_delivered(const Signal& signal) override {
    look(signal.thread);
    touch(signal.siginfo);
  }
  void thread_ended(const ThreadEnd& end) override { look(end.thread); }
  void lost(const Loss& loss) override { touch(loss.reason.size()); }
  void trace_ended(const TraceEnd&) override { ++ends; }

  std::map<const Call*, uint64_t> open;  // by address: it is the same until the end
  uint64_t finished = 0;
  int ends = 0;
  uint64_t sum = 0;

 private:
  void touch(uint64_t value) { sum += value; }
  void touch(std::span<const std::byte> bytes) {
    for (const std::byte byte : bytes) sum += static_cast<uint64_t>(byte);
  }
  void look(const Thread* thread) {
    if (thread == nullptr || thread->process == nullptr) FAIL("nobody's");
    touch(thread->comm.size() + thread->process->comm.size());
  }
  void look(const Call& call) {
    look(call.thread);
    touch(call.entry_captures);
    touch(call.exit_captures);
    if (call.stack == nullptr) return;
    if (call.stack->user_frame >= static_cast<int32_t>(call.stack->frames.size())) FAIL("no such frame");
    for (const auto& frame : call.stack->frames) touch(frame.function.size() + frame.file.size() + frame.module.size());
  }
};

TEST_CASE("a call is the same object from its beginning to its end, and has both") {
  const Scratch scratch;
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    make_trace(scratch, {.seed = seed, .events = 1000}, 2000);
    std::string error;
    Strict strict;
    Reader::open(scratch.path("original"), error)->replay(strict);
    CHECK(strict.open.empty());
    CHECK(strict.finished > 300);
  }
}

TEST_CASE("forged records with right checksums do not break what sinks are promised") {
  const Scratch scratch;
  const std::string original = scratch.path("original");
  make_trace(scratch, {.seed = 9, .events = 400, .max_capture = 16}, 2000);

  const Unpacked trace = unpack(original);
  REQUIRE(trace.chunks.size() > 5);
  std::mt19937 random(17);
  const std::string path = scratch.path("forged");
  std::string error;
  uint64_t damaged = 0;
  for (unsigned round = 0; round < effort(3000); ++round) {
    CAPTURE(round);
    Scratch::write(path, forge(trace, random));
    Reader::Options options;
    options.definition_limit = 16 << 20;
    auto reader = Reader::open(path, error, options);
    REQUIRE(reader);
    Strict strict;
    const auto result = reader->replay(strict);
    CHECK(strict.ends == 1);
    CHECK(strict.open.empty());
    damaged += result.ending == Reader::Ending::damaged;
    CHECK(result.finished + result.unfinished == strict.finished);
  }
  CHECK(damaged > 500);
  CHECK(damaged < 3000);
}

TEST_CASE("sizes that can't be are refused before memory is asked for") {
  const Scratch scratch;
  const std::string file = make_trace(scratch, {.seed = 5, .events = 100}, 1500);
  const std::vector<Chunk> chunks = chunks_of(file);
  for (const uint32_t raw_length : {kMaxRaw + 1, UINT32_MAX}) {
    std::string changed = file;
    ChunkHeader header = chunks[1].header;
    header.raw_length = raw_length;
    const char* stored = changed.data() + chunks[1].offset + sizeof header;
    header.crc = crc32c(stored, header.length, crc32c(&header, offsetof(ChunkHeader, crc)));
    std::memcpy(changed.data() + chunks[1].offset, &header, sizeof header);
    const Told told = tell_file(scratch, changed);
    CHECK(told.result.ending == Reader::Ending::damaged);
    CHECK(told.result.problem.ends_with("impossible size"));
  }
  // Compressed data that claims to be smaller than it is.
  std::string changed = file;
  ChunkHeader header = chunks[1].header;
  REQUIRE(header.flags == kChunkZstd);
  header.raw_length -= 1;
  const char* stored = changed.data() + chunks[1].offset + sizeof header;
  header.crc = crc32c(stored, header.length, crc32c(&header, offsetof(ChunkHeader, crc)));
  std::memcpy(changed.data() + chunks[1].offset, &header, sizeof header);
  CHECK(tell_file(scratch, changed).result.ending == Reader::Ending::damaged);
}

TEST_CASE("definitions may not take more memory than allowed") {
  const Scratch scratch;
  make_trace(scratch, {.seed = 9, .events = 600}, 3000);
  std::string error;
  Reader::Options options;
  options.definition_limit = 2000;
  auto reader = Reader::open(scratch.path("original"), error, options);
  REQUIRE(reader);
  EventLog log;
  CHECK(reader->replay(log).ending == Reader::Ending::damaged);
}

TEST_CASE("what can't be opened is told in one sentence") {
  const Scratch scratch;
  std::string error;
  CHECK_FALSE(Reader::open(scratch.path("none"), error));
  CHECK(error == "cannot open '" + scratch.path("none") + "': No such file or directory");
  CHECK_FALSE(Reader::open(scratch.path(""), error));
  CHECK(error == "'" + scratch.path("") + "' is a directory, not a trace file");
  CHECK_FALSE(Reader::open("/dev/null", error));
  CHECK(error == "'/dev/null' is not a regular file, not a trace file");
  Scratch::write(scratch.path("text"), "execve(\"/bin/true\", [\"true\"], 0x7ffc /* 20 vars */) = 0\n");
  CHECK_FALSE(Reader::open(scratch.path("text"), error));
  CHECK(error == "'" + scratch.path("text") + "' is not a Sightline trace");

  std::string file = make_trace(scratch, {.seed = 5, .events = 10}, 1500);
  FileHeader header;
  std::memcpy(&header, file.data(), sizeof header);
  header.major = 9;
  std::memcpy(file.data(), &header, sizeof header);
  Scratch::write(scratch.path("future"), file);
  CHECK_FALSE(Reader::open(scratch.path("future"), error));
  CHECK(error == "'" + scratch.path("future") + "' has format version 9." + std::to_string(kMinor) +
                     "; this program reads version 1");
}

TEST_CASE("records, fields and header fields that a later minor version adds are skipped") {
  const Scratch scratch;
  const RandomTraceOptions options{.seed = 21, .events = 200};
  const std::string file = make_trace(scratch, options, kChunkBytes);
  EventLog live;
  tell_random_trace(options, live);

  // Each record gets a byte more than it had, definitions and summary a record, the header a field.
  FileHeader file_header;
  std::memcpy(&file_header, file.data(), sizeof file_header);
  std::string changed = file.substr(sizeof file_header, file_header.body_bytes);
  changed += "\x7f\x03new";
  file_header.minor = 7;
  file_header.body_bytes = static_cast<uint32_t>(changed.size());
  file_header.crc = crc32c(changed.data(), changed.size(), crc32c(&file_header, offsetof(FileHeader, crc)));
  changed.insert(0, reinterpret_cast<const char*>(&file_header), sizeof file_header);

  for (const auto& [header, packed] : unpack(scratch.path("original")).chunks) {
    std::string records;
    const std::span<const uint8_t> old(reinterpret_cast<const uint8_t*>(packed.data()), packed.size());
    for (std::size_t at = 0; at < old.size();) {
      const auto type = static_cast<char>(old[at]);
      ByteReader length_reader(old.subspan(at + 1));
      const uint64_t length = length_reader.varint();
      const auto payload_at = static_cast<std::size_t>(length_reader.position() - old.data());
      ByteWriter length_writer;
      const bool grows = header.type != ChunkType::definitions || type != static_cast<char>(Record::string);
      length_writer.varint(length + (grows ? 1 : 0));
      records += type;
      records.append(reinterpret_cast<const char*>(length_writer.data()), length_writer.size());
      records.append(reinterpret_cast<const char*>(old.data()) + payload_at, length);
      if (grows) records += '\x55';
      at = payload_at + static_cast<std::size_t>(length);
    }
    if (header.type != ChunkType::events) records += "\x7e\x02??";
    append_chunk(changed, header, records);
  }
  const Told told = tell_file(scratch, changed);
  CHECK(told.result.problem == "");
  std::vector<std::string> lines = told.lines;
  lines.push_back(told.last);
  CHECK(lines == live.lines);
}

TEST_CASE("a chunk of a type that a later minor version adds is skipped") {
  const Scratch scratch;
  const RandomTraceOptions options{.seed = 21, .events = 200};
  const std::string file = make_trace(scratch, options, 1500);
  EventLog live;
  tell_random_trace(options, live);
  const std::vector<Chunk> chunks = chunks_of(file);
  std::string changed = file.substr(0, chunks.front().offset);
  uint32_t sequence = 0;
  for (const Chunk& chunk : chunks) {
    for (const bool is_new : {true, false}) {
      ChunkHeader header = chunk.header;
      std::string stored = file.substr(chunk.offset + sizeof header, header.length);
      if (is_new) {
        header.type = static_cast<ChunkType>(9);
        header.flags = 0;
        stored = "what is this";
        header.length = header.raw_length = static_cast<uint32_t>(stored.size());
      }
      header.sequence = sequence++;
      header.crc = crc32c(stored.data(), stored.size(), crc32c(&header, offsetof(ChunkHeader, crc)));
      changed.append(reinterpret_cast<const char*>(&header), sizeof header);
      changed += stored;
    }
  }
  const Told told = tell_file(scratch, changed);
  CHECK(told.result.problem == "");
  CHECK(told.last == live.lines.back());
  CHECK(told.lines.size() + 1 == live.lines.size());
}

}  // namespace
}  // namespace sightline::slt
