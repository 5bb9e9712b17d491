#include "src/slt/reader.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "src/slt/crc32c.h"
#include "src/slt/event_player.h"
#include "src/slt/records.h"

namespace sightline::slt {
namespace {

// The fields of the header's body; fields that this version does not know are skipped.
bool decode_header(std::span<const uint8_t> body, TraceStart& start) {
  ByteReader in(body);
  while (!in.at_end()) {
    const auto field = static_cast<HeaderField>(in.u8());
    const std::string_view text = in.string();
    if (!in.ok()) return false;
    ByteReader number(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
    if (field == HeaderField::monotonic) start.monotonic = number.varint();
    if (field == HeaderField::realtime) start.realtime = number.varint();
    if (field == HeaderField::boot_id) start.boot_id = text;
    if (field == HeaderField::command) start.command.emplace_back(text);
    if (field == HeaderField::option) start.options.emplace_back(text);
    if (field == HeaderField::tool_version) start.tool_version = text;
    if (field == HeaderField::hostname) start.hostname = text;
    if (field == HeaderField::string_limit) start.string_limit = number.u32();
  }
  return true;
}

std::string damaged_at(uint64_t offset, const std::string& why) {
  return "damaged at offset " + std::to_string(offset) + ": " + why;
}

}  // namespace

std::unique_ptr<Reader> Reader::open(const std::string& path, std::string& error, Options options) {
  // O_NONBLOCK: a FIFO without a writer must fail below, not wait.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    error = "cannot open '" + path + "': " + std::strerror(errno);
    return nullptr;
  }
  struct stat status {};
  const bool known = ::fstat(fd, &status) == 0;
  std::unique_ptr<Reader> reader(new Reader(fd, static_cast<uint64_t>(status.st_size), options));
  if (!known) {
    error = "cannot read '" + path + "': " + std::strerror(errno);
    return nullptr;
  }
  if (!S_ISREG(status.st_mode)) {
    error =
        "'" + path + "' is " + (S_ISDIR(status.st_mode) ? "a directory" : "not a regular file") + ", not a trace file";
    return nullptr;
  }
  if (!reader->read_header(path, error)) return nullptr;
  return reader;
}

Reader::Reader(int fd, uint64_t size, Options options) : options_(options), file_(fd, size) {}

bool Reader::read_header(const std::string& path, std::string& error) {
  const std::string quoted = "'" + path + "'";
  FileHeader header;
  const uint64_t there = std::min<uint64_t>(file_.file_size(), sizeof header);
  if (!file_.read(0, &header, static_cast<std::size_t>(there))) {
    error = "cannot read " + quoted + ": " + std::strerror(errno);
    return false;
  }
  if (std::memcmp(header.magic, kMagic, std::min<std::size_t>(sizeof kMagic, there)) != 0) {
    error = quoted + " is not a Sightline trace";
    return false;
  }
  const std::string cut =
      quoted + (there == 0 ? " is empty: nothing was recorded" : " ends inside its header: nothing was recorded");
  if (there < sizeof header) {
    error = cut;
    return false;
  }
  if (header.major != kMajor) {
    error = quoted + " has format version " + std::to_string(header.major) + "." + std::to_string(header.minor) +
            "; this program reads version " + std::to_string(kMajor);
    return false;
  }
  if (header.body_bytes > kMaxHeaderBody) {
    error = quoted + " has a damaged header";
    return false;
  }
  if (header.body_bytes > file_.file_size() - sizeof header) {
    error = cut;
    return false;
  }
  std::vector<uint8_t> body(header.body_bytes);
  const bool read = file_.read(sizeof header, body.data(), body.size());
  if (!read || crc32c(body.data(), body.size(), crc32c(&header, offsetof(FileHeader, crc))) != header.crc ||
      !decode_header(body, start_)) {
    error = quoted + " has a damaged header";
    return false;
  }
  if (header.machine != kMachine) {
    error = quoted + " was recorded on another processor (ELF machine " + std::to_string(header.machine) + ")";
    return false;
  }
  major_ = header.major;
  minor_ = header.minor;
  first_chunk_ = sizeof header + body.size();
  return true;
}

Reader::Replayed Reader::replay(Sink& sink) {
  Replayed result;
  definitions_ = std::make_unique<Definitions>(options_.definition_limit);
  EventPlayer player(*definitions_, sink);
  file_.seek(first_chunk_, 0);
  sink.trace_started(start_);

  Summary summary;
  bool has_summary = false;
  const char* damage = nullptr;
  while (!has_summary && damage == nullptr) {
    const ChunkReader::Status status = file_.next();
    if (status == ChunkReader::Status::end || status == ChunkReader::Status::cut) {
      result.ending = Ending::cut;
      result.problem = "the recording was interrupted";
      break;
    }
    if (status == ChunkReader::Status::damaged) {
      damage = file_.problem().c_str();
      break;
    }
    if (file_.header().type == ChunkType::definitions) {
      ByteReader in(file_.records());
      while (!in.at_end() && damage == nullptr) {
        Record type;
        const ByteReader payload = next_record(in, type);
        if (!in.ok() || !definitions_->add(type, payload)) damage = "a definition that makes no sense";
      }
    } else if (file_.header().type == ChunkType::events) {
      if (!player.play(file_.records())) damage = "a record that makes no sense";
    } else if (file_.header().type == ChunkType::summary) {
      has_summary = decode_summary(file_.records(), summary);
      if (!has_summary) damage = "a summary that makes no sense";
    }
  }
  if (damage != nullptr) {
    result.ending = Ending::damaged;
    result.problem = damaged_at(file_.offset(), damage);
  }
  player.end_open_calls();
  result.finished = player.finished();
  result.unfinished = player.unfinished();
  if (!has_summary) {
    summary.end_time = std::max(player.last_time(), start_.monotonic);
    summary.spans = player.finished();
    summary.unfinished = player.unfinished();
    summary.dropped = player.lost();
    summary.entered = summary.spans + summary.unfinished + summary.dropped;
  }
  sink.trace_ended(summary.trace_end());
  return result;
}

bool Reader::read_trailer(Summary& into) {
  Trailer trailer;
  const uint64_t size = file_.file_size();
  if (size < first_chunk_ + sizeof trailer || !file_.read(size - sizeof trailer, &trailer, sizeof trailer))
    return false;
  if (trailer.magic != kTrailerMagic || trailer.crc != crc32c(&trailer.summary_offset, sizeof trailer.summary_offset) ||
      trailer.summary_offset < first_chunk_ || trailer.summary_offset > size - sizeof trailer)
    return false;
  ChunkHeader header;
  if (!file_.read(trailer.summary_offset, &header, sizeof header)) return false;
  file_.seek(trailer.summary_offset, header.sequence);
  return file_.next() == ChunkReader::Status::chunk && file_.header().type == ChunkType::summary &&
         decode_summary(file_.records(), into);
}

Summary Reader::summary() {
  Summary summary;
  summary.start = start_;
  if (!read_trailer(summary)) {
    SummaryCollector collector;
    const Replayed replayed = replay(collector);
    // Of those that the recording did not see end: as they were last.
    for (const Process& process : definitions_->processes()) collector.renamed(process);
    summary = std::move(collector.summary());
    summary.problem = replayed.problem;
  }
  summary.major = major_;
  summary.minor = minor_;
  summary.bytes = file_.file_size();
  return summary;
}

}  // namespace sightline::slt
