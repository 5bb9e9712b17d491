/// The trace file, `.slt`.
///
///     FileHeader, its fields
///     ChunkHeader, records      definitions, events, definitions, events, …
///     ChunkHeader, records      the summary: only if recording came to its end
///     Trailer
///
/// The file is a log: it is written front to back, and what is once written is never touched again. After a SIGKILL or
/// on a full disk everything up to the last whole chunk reads as if recording had stopped there, and a chunk is at most
/// 200 ms old when it is written. (Nothing is fsync()ed: of a power cut survives what the kernel had written back.)
///
/// **Chunks.** A chunk of events holds what the consumer told its sinks between two moments, so that playing the
/// chunks one after the other repeats the live trace with one chunk in memory and no index. Calls are stored once, at
/// their end, with the place of their beginning ("so many records back"): a second record per call would repeat
/// thread, time and sequence number, and sorting by time would not bring back the order of two events in one
/// nanosecond. A call that is
/// open when its chunk is written gets an open-call record there, once, so that nothing but the chunk is needed to
/// know what began in it; the record of its end, chunks later, repeats all of it and says that it began earlier.
///
/// Everything that is predicted or counted (times, sequence numbers, the arguments of the last call of the same kind)
/// starts anew in each chunk. A chunk thus decodes alone, given the definitions before it: strings, frames, stacks,
/// processes and threads, each numbered 1, 2, … in the order of the file, stand in chunks of their own.
///
/// **Records** are {type, length, payload}; numbers are varints (bytes.h). Who does not know a type skips it, who
/// knows fewer fields of a type than it has skips the rest: that is what a new minor version may add, and a reader
/// takes as 0 what an older one did not write. Anything else, a new enumerator included, is a new major version, and a
/// reader refuses a major version that it does not know. Only of the reasons why an engine was not used there may be
/// new ones: a reader says that it does not know them.
///
/// **Sizes**, measured on a recording of `find /usr/include` (13,156 calls: fcntl, close, newfstatat, getdents64,
/// openat), definitions included: 22.8 bytes a call in the file, 85.5 before zstd. Most of that is what was captured
/// (struct stat, all directory entries, paths); the calls alone take 7.6 and 23.4. That
/// is zstd at level 1; level 3 would save 1 byte.
///
/// **Rejected**, with the same calls: the structs of tracer/span.h one behind the other (224 bytes, 27.7 with zstd);
/// one zstd stream over all chunks (22.1 instead of 22.6, and a damaged byte takes everything behind it). Without
/// measuring them on these calls: Perfetto's protobuf as the native form (two packets a call, arguments without types,
/// and protoc refuses a file that was cut); SQLite (what is in the open transaction is lost); a table of all chunks at
/// the end (they are chained by their lengths: walking the headers of a gigabyte takes some ten thousand small reads).
///
/// Integers are little-endian. Everything in a file is untrusted: lengths are checked against the limits below and
/// against what is there before anything is allocated.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace sightline::slt {

static_assert(std::endian::native == std::endian::little, "structs are written as they are");

/// Not text, not UTF-8, and changed by whoever translates line ends (PNG's trick, RFC 2083 section 12.11).
inline constexpr char kMagic[8] = {'\x89', 'S', 'L', 'T', '\r', '\n', '\x1a', '\n'};
inline constexpr uint16_t kMajor = 1;
inline constexpr uint16_t kMinor = 1;     ///< 1: the reasons of engines
inline constexpr uint16_t kMachine = 62;  ///< ELF's EM_X86_64: what the syscall numbers and structs are of

/// Once, at offset 0; `body_bytes` of fields follow: {HeaderField, length, bytes} each, numbers as varints in them.
struct FileHeader {
  char magic[8] = {};
  uint16_t major = 0;
  uint16_t minor = 0;
  uint16_t machine = 0;
  uint16_t reserved = 0;
  uint32_t body_bytes = 0;
  uint32_t crc = 0;  ///< crc32c of the 20 bytes before it and of the body
};
static_assert(sizeof(FileHeader) == 24);

enum class HeaderField : uint8_t {
  monotonic = 1,  ///< CLOCK_MONOTONIC, ns …
  realtime = 2,   ///< … and CLOCK_REALTIME, ns, of the same moment
  boot_id = 3,    ///< /proc/sys/kernel/random/boot_id: which boot CLOCK_MONOTONIC counts from
  command = 4,    ///< one argument of the traced command; as often as there are
  option = 5,     ///< one option of sightline
  tool_version = 6,
  hostname = 7,
  string_limit = 8,
};

enum class ChunkType : uint8_t { definitions = 1, events = 2, summary = 3 };
enum ChunkFlags : uint8_t { kChunkZstd = 1 };  ///< one zstd frame of known size; otherwise the records as they are

inline constexpr uint32_t kSync = 0x4b4e4843;  ///< "CHNK": where to go on looking by hand in a damaged file

struct ChunkHeader {
  uint32_t sync = 0;
  ChunkType type = ChunkType::events;
  uint8_t flags = 0;
  uint16_t reserved = 0;
  uint32_t sequence = 0;    ///< 0, 1, … : a chunk cut out of the middle is noticed
  uint32_t length = 0;      ///< bytes that follow the header
  uint32_t raw_length = 0;  ///< bytes of the records once unpacked
  uint32_t calls = 0;       ///< call records (ends of calls) in it
  uint64_t first_time = 0;  ///< earliest and latest time in it, CLOCK_MONOTONIC ns; 0 where there is none
  uint64_t last_time = 0;
  uint32_t reserved2 = 0;
  uint32_t crc = 0;  ///< crc32c of the 44 bytes before it and of what follows
};
static_assert(sizeof(ChunkHeader) == 48 && offsetof(ChunkHeader, crc) == 44);

/// The last 16 bytes of a whole file: where the summary is.
struct Trailer {
  uint64_t summary_offset = 0;
  uint32_t crc = 0;  ///< crc32c of summary_offset
  uint32_t magic = 0;
};
static_assert(sizeof(Trailer) == 16);
inline constexpr uint32_t kTrailerMagic = 0x21444e45;  ///< "END!"

inline constexpr std::size_t kChunkBytes = 256 * 1024;        ///< a chunk is written when its records reach this …
inline constexpr uint64_t kFlushInterval = 200'000'000;       ///< … or when its first event is this old, ns
inline constexpr uint32_t kMaxRaw = 16 * 1024 * 1024;         ///< no chunk is larger: kChunkBytes and one huge record
inline constexpr uint32_t kMaxRecords = 65536;                ///< records in a chunk
inline constexpr uint32_t kMaxHeaderBody = 16 * 1024 * 1024;  ///< ARG_MAX is some 6 MiB at most (execve(2))
inline constexpr std::size_t kMaxCaptures = 4 * 1024 * 1024;  ///< of one call and phase; further captures are left out
inline constexpr std::size_t kMaxString = 64 * 1024;          ///< longer ones (symbol names) are cut
inline constexpr uint32_t kMaxFrames = 65536;                 ///< in one stack
inline constexpr std::size_t kMaxOpenCalls = 1u << 22;        ///< PID_MAX_LIMIT: the kernel has no more threads
inline constexpr std::size_t kMaxListed = 65536;              ///< processes that a summary lists
inline constexpr std::size_t kMaxNotes = 1000;                ///< notes and reasons of loss that a summary lists

/// The types of records. The payload of each stands beside its encoder: definitions.cc, call_codec.cc, events.cc,
/// summary.cc.
enum class Record : uint8_t {
  // in chunks of events
  call = 1,       ///< a call is over; its beginning is `back` records ago, or in an earlier chunk
  open_call = 2,  ///< a call has begun that is not over when the chunk ends; behind all other records of the chunk
  process_start = 3,
  thread_start = 4,
  exec = 5,
  signal = 6,
  thread_end = 7,
  loss = 8,
  process_name = 9,  ///< from here on a process has another name or engine, or another reason for that
  thread_name = 10,
  // in chunks of definitions
  string = 32,
  frame = 33,
  stack = 34,
  process = 35,  ///< as it was when its first event came
  thread = 36,
  // in the summary
  account = 64,
  process_summary = 65,
  loss_summary = 66,
  note = 67,
};

}  // namespace sightline::slt
