// Files, errors of the file system, and what a SIGKILL leaves.
#include "src/slt/writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <pty.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <set>

#include "src/slt/reader.h"
#include "tests/src/slt/event_log.h"
#include "tests/src/slt/random_trace.h"
#include "tests/src/slt/scratch.h"

namespace sightline::slt {
namespace {

// Counts what passes, and hands it on.
class Counter : public Sink {
 public:
  void call_finished(const Call& call) override { ++(call.finished ? finished : unfinished); }
  uint64_t finished = 0, unfinished = 0;
};

Counter count(const RandomTraceOptions& options) {
  Counter counter;
  tell_random_trace(options, counter);
  return counter;
}

struct OneThread {
  OneThread() {
    process.serial = 1;
    process.pid = 100;
    process.comm = "cat";
    thread.serial = 1;
    thread.tid = 100;
    thread.process = &process;
  }
  Call call(uint64_t sequence, uint64_t time) {
    Call call;
    call.sequence = sequence;
    call.thread = &thread;
    call.nr = 0;
    call.syscall = tracer::find_syscall(tracer::Abi::x86_64, 0);
    call.start = time;
    call.args[0] = sequence;
    return call;
  }
  Process process;
  Thread thread;
};

uint64_t fake_now = 0;
uint64_t fake_clock() {
  return fake_now;
}

TEST_CASE("the file is the user's alone, and an older one makes way") {
  const Scratch scratch;
  const std::string path = scratch.path("run.slt");
  const mode_t umask_before = ::umask(0);
  std::string error;
  {
    auto writer = Writer::open(path, error);
    REQUIRE_MESSAGE(writer, error);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    tell_random_trace({.seed = 1, .events = 10}, *writer);
  }
  const std::string first = Scratch::read(path);
  {
    auto writer = Writer::open(path, error);
    REQUIRE_MESSAGE(writer, error);
    CHECK(Scratch::read(path).empty());
    CHECK(Scratch::read(path + ".old") == first);
    tell_random_trace({.seed = 2, .events = 10}, *writer);
  }
  const std::string second = Scratch::read(path);
  CHECK(second != first);
  {
    auto writer = Writer::open(path, error);
    REQUIRE_MESSAGE(writer, error);
    CHECK(Scratch::read(path + ".old") == second);
  }
  ::umask(umask_before);
}

TEST_CASE("behind a symbolic link the file makes way, not the link") {
  const Scratch scratch;
  std::filesystem::create_directory(scratch.path("disk"));
  Scratch::write(scratch.path("disk/big.slt"), "before");
  std::filesystem::create_symlink(scratch.path("disk/big.slt"), scratch.path("run.slt"));
  std::string error;
  REQUIRE(Writer::open(scratch.path("run.slt"), error));
  CHECK(std::filesystem::is_symlink(scratch.path("run.slt")));
  CHECK(Scratch::read(scratch.path("disk/big.slt.old")) == "before");
  CHECK(std::filesystem::exists(scratch.path("disk/big.slt")));
}

TEST_CASE("descriptors do not reach the traced program") {
  const Scratch scratch;
  std::string error;
  std::set<int> before;
  for (int fd = 0; fd < 256; ++fd)
    if (::fcntl(fd, F_GETFD) >= 0) before.insert(fd);
  auto writer = Writer::open(scratch.path("t"), error);
  REQUIRE(writer);
  int opened = 0;
  for (int fd = 0; fd < 256; ++fd) {
    const int flags = ::fcntl(fd, F_GETFD);
    if (flags < 0 || before.count(fd) != 0) continue;
    ++opened;
    CHECK((flags & FD_CLOEXEC) != 0);
  }
  CHECK(opened == 1);
}

TEST_CASE("what can't be created is told in one sentence") {
  const Scratch scratch;
  std::string error;
  CHECK_FALSE(Writer::open(scratch.path(""), error));
  CHECK(error == "cannot create '" + scratch.path("") + "': it is a directory");
  CHECK_FALSE(Writer::open(scratch.path("no/such/place"), error));
  CHECK(error == "cannot create '" + scratch.path("no/such/place") + "': No such file or directory");
  Scratch::write(scratch.path("t"), "precious");
  std::filesystem::create_directory(scratch.path("t.old"));
  CHECK_FALSE(Writer::open(scratch.path("t"), error));
  CHECK(error.starts_with("cannot keep the former trace as '"));
  CHECK(Scratch::read(scratch.path("t")) == "precious");

  int master = -1, slave = -1;
  char name[256] = {};
  if (::openpty(&master, &slave, name, nullptr, nullptr) == 0) {
    CHECK_FALSE(Writer::open(name, error));
    CHECK(error == "'" + std::string(name) + "' is a terminal; a trace file is binary, give the name of a file");
    ::close(master);
    ::close(slave);
  } else {
    MESSAGE("no pseudo-terminal here: the check for terminals did not run");
  }
}

TEST_CASE("a full disk: every call is counted, nothing is thrown") {
  const RandomTraceOptions options{.seed = 4, .events = 5000};
  std::string error;
  auto writer = Writer::open("/dev/full", error);
  REQUIRE_MESSAGE(writer, error);
  tell_random_trace(options, *writer);
  const Counter told = count(options);
  CHECK(writer->output_errors() == told.finished + told.unfinished);
  CHECK(writer->last_error() == "cannot write '/dev/full': No space left on device");
  CHECK(writer->bytes_written() == 0);
}

TEST_CASE("a limit on file sizes: what was written before it reads, the rest is counted") {
  const Scratch scratch;
  const std::string path = scratch.path("t");
  const RandomTraceOptions options{.seed = 4, .events = 5000};
  int report[2];
  REQUIRE(::pipe(report) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit limit{60000, 60000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    std::string error;
    Writer::Options writer_options;
    writer_options.chunk_bytes = 4096;
    uint64_t counts[2] = {};
    if (auto writer = Writer::open(path, error, writer_options)) {
      tell_random_trace(options, *writer);
      counts[0] = writer->output_errors();
      counts[1] = writer->last_error() == "cannot write '" + path + "': File too large";
    }
    [[maybe_unused]] const auto ignored = ::write(report[1], counts, sizeof counts);
    ::_exit(0);
  }
  uint64_t counts[2] = {};
  CHECK(::read(report[0], counts, sizeof counts) == sizeof counts);
  ::close(report[0]);
  ::close(report[1]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(counts[1] == 1);
  CHECK(std::filesystem::file_size(path) <= 60000);

  const Counter told = count(options);
  std::string error;
  auto reader = Reader::open(path, error);
  REQUIRE_MESSAGE(reader, error);
  EventLog log;
  const auto result = reader->replay(log);
  CHECK(result.ending == Reader::Ending::cut);
  CHECK(result.finished > 100);
  // Calls are counted where they end: those that ended in the file, and those that did not.
  CHECK(result.finished + counts[0] == told.finished + told.unfinished);
}

TEST_CASE("a chunk is written when its first event is old: by the next event, or by idle()") {
  const Scratch scratch;
  std::string error;
  Writer::Options options;
  options.now = fake_clock;
  auto writer = Writer::open(scratch.path("t"), error, options);
  REQUIRE(writer);
  OneThread one;
  writer->trace_started({});
  writer->process_started(one.process);
  writer->thread_started(one.thread);
  const uint64_t header = writer->bytes_written();
  Call call = one.call(1, 1'000'000'000);
  writer->call_entered(call);
  const uint64_t before = writer->bytes_written();
  CHECK(before >= header);
  fake_now = 1'199'999'999;
  writer->idle();
  CHECK(writer->bytes_written() == before);
  fake_now = 1'200'000'000;
  writer->idle();
  const uint64_t after = writer->bytes_written();
  CHECK(after > before);
  fake_now = 9'000'000'000;
  writer->idle();  // nothing is pending
  CHECK(writer->bytes_written() == after);
  call.finished = true;
  call.end = 9'000'000'000;
  writer->call_finished(call);
  CHECK(writer->bytes_written() == after);
  const Call second = one.call(2, 9'200'000'000);
  writer->call_entered(second);
  CHECK(writer->bytes_written() > after);
  writer.reset();  // before the call that it has been shown
}

TEST_CASE("after a SIGKILL: finished calls, and what was being waited for") {
  const Scratch scratch;
  const std::string path = scratch.path("t");
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::string error;
    Writer::Options options;
    options.now = fake_clock;
    auto writer = Writer::open(path, error, options);
    if (!writer) ::_exit(1);
    OneThread one;
    writer->trace_started({});
    writer->process_started(one.process);
    writer->thread_started(one.thread);
    Call call = one.call(1, 1000);
    writer->call_entered(call);
    call.finished = true;
    call.end = 2000;
    writer->call_finished(call);
    const std::string name = "/etc/motd";
    std::vector<std::byte> captures(sizeof(tracer::Capture) + 16);
    tracer::Capture capture;
    capture.length = 9;
    std::memcpy(captures.data(), &capture, sizeof capture);
    std::memcpy(captures.data() + sizeof capture, name.data(), name.size());
    Call blocked = one.call(2, 3000);
    blocked.entry_captures = captures;
    writer->call_entered(blocked);
    fake_now = 300'000'000;
    writer->idle();
    fake_now = 900'000'000;
    writer->idle();
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));

  std::string error;
  auto reader = Reader::open(path, error);
  REQUIRE_MESSAGE(reader, error);
  struct Check : EventLog {
    void call_finished(const Call& call) override {
      EventLog::call_finished(call);
      if (call.finished) return;
      REQUIRE(call.entry_captures.size() == sizeof(tracer::Capture) + 16);
      blocked_in = std::string(reinterpret_cast<const char*>(call.entry_captures.data()) + sizeof(tracer::Capture), 9);
    }
    void trace_ended(const TraceEnd& trace_end) override { end = trace_end; }
    std::string blocked_in;
    TraceEnd end;
  } check;
  const auto result = reader->replay(check);
  CHECK(result.ending == Reader::Ending::cut);
  CHECK(result.problem == "the recording was interrupted");
  CHECK(result.finished == 1);
  CHECK(result.unfinished == 1);
  CHECK(check.blocked_in == "/etc/motd");
  CHECK_FALSE(check.end.complete);
  CHECK(check.end.entered == 2);
  CHECK(check.end.finished == 1);
  CHECK(check.end.unfinished == 1);
  const Summary summary = reader->summary();
  CHECK_FALSE(summary.complete);
  CHECK(summary.spans == 1);
  CHECK(summary.unfinished == 1);
  CHECK(summary.processes.at(0).comm == "cat");
}

TEST_CASE("ten thousand threads that wait: each open call is written once") {
  const Scratch scratch;
  std::string error;
  Writer::Options options;
  options.now = fake_clock;
  auto writer = Writer::open(scratch.path("t"), error, options);
  REQUIRE(writer);
  Process process;
  process.serial = process.pid = 1;
  std::vector<Thread> threads(10000);
  std::vector<Call> calls(threads.size());
  writer->trace_started({});
  writer->process_started(process);
  uint32_t sequence = 0;
  fake_now = 1000;
  for (Thread& thread : threads) {
    thread.serial = ++sequence;
    thread.tid = static_cast<int32_t>(sequence);
    thread.process = &process;
    writer->thread_started(thread);
    Call& call = calls[sequence - 1];
    call.sequence = sequence;
    call.thread = &thread;
    call.nr = 202;
    call.start = 1000;
    writer->call_entered(call);
  }
  fake_now += 500'000'000;
  writer->idle();
  const uint64_t bytes = writer->bytes_written();
  for (int i = 0; i < 10; ++i) {
    fake_now += 500'000'000;
    writer->lost({.time = fake_now, .calls = 1, .reason = "test"});
    writer->idle();
  }
  CHECK(writer->bytes_written() < bytes + 2000);
  writer.reset();
  EventLog log;
  const auto result = Reader::open(scratch.path("t"), error)->replay(log);
  CHECK(result.unfinished == 10000);
}

}  // namespace
}  // namespace sightline::slt
