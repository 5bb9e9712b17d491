#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <random>

#include "src/export/exporter.h"
#include "src/export/json.h"
#include "src/export/utf8.h"
#include "src/slt/reader.h"
#include "src/slt/writer.h"
#include "tests/effort.h"
#include "tests/src/slt/forge.h"
#include "tests/src/slt/random_trace.h"
#include "tests/src/slt/scratch.h"

namespace sightline::exporting {
namespace {

using slt::Scratch;

std::string json_string(std::string_view text) {
  std::string out;
  JsonWriter(out).string(text);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

TEST_CASE("JSON strings: what must be escaped is, the rest stays") {
  CHECK(json_string("") == R"("")");
  CHECK(json_string("plain /path-1.h") == R"("plain /path-1.h")");
  CHECK(json_string("\"\\\n\t\r\x01\x1f\x7f") == "\"\\\"\\\\\\n\\t\\u000d\\u0001\\u001f\x7f\"");
  CHECK(json_string("caf\xc3\xa9 \xe2\x86\x90 \xf0\x9f\x90\xa7") == "\"caf\xc3\xa9 \xe2\x86\x90 \xf0\x9f\x90\xa7\"");
  CHECK(json_string("a\xff"
                    "b") ==
        "\"a\xef\xbf\xbd"
        "b\"");
  CHECK(json_string(std::string_view("a\0b", 3)) == R"("a\u0000b")");
}

TEST_CASE("UTF-8: well-formed sequences only") {
  for (const char* good : {"a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                           "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    CHECK(is_utf8(good));
  for (const char* bad : {"\x80", "\xc0\xaf", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x90", "\xc3("})
    CHECK_FALSE(is_utf8(bad));
  std::string out;
  append_utf8(out,
              "\xe2\x82"
              "x");  // each byte of a broken sequence by itself
  CHECK(out == "\xef\xbf\xbd\xef\xbf\xbdx");
}

TEST_CASE("base64: the vectors of RFC 4648") {
  CHECK(base64("") == "");
  CHECK(base64("f") == "Zg==");
  CHECK(base64("fo") == "Zm8=");
  CHECK(base64("foo") == "Zm9v");
  CHECK(base64("foob") == "Zm9vYg==");
  CHECK(base64("fooba") == "Zm9vYmE=");
  CHECK(base64("foobar") == "Zm9vYmFy");
  CHECK(base64("\xff\xfe\xfd") == "//79");
}

TEST_CASE("bytes that are no UTF-8 are there in full besides") {
  std::string out;
  JsonWriter json(out);
  json.begin_object();
  json.bytes_member("a", "x");
  json.bytes_member("b", "\xff");
  json.end_object();
  CHECK(out == "{\"a\":\"x\",\"b\":\"\xef\xbf\xbd\",\"b_base64\":\"/w==\"}");
}

TEST_CASE("microseconds keep their nanoseconds") {
  std::string out;
  JsonWriter json(out);
  json.begin_array();
  for (const int64_t ns : {int64_t{0}, int64_t{1}, int64_t{1'234'567}, int64_t{-5}, int64_t{-1'000'010}})
    json.microseconds(ns);
  json.end_array();
  CHECK(out == "[0.000,0.001,1234.567,-0.005,-1000.010]");
}

// A trace of one process: openat that fails, close that does not, getpid that never ends, a signal, a loss.
void tell_small_trace(Sink& sink) {
  TraceStart start;
  start.monotonic = 1'000'000;
  start.realtime = 1'700'000'000'000'000'000;
  start.boot_id = "b";
  start.command = {"cat", "a\"b"};
  start.tool_version = "0.1.0";
  start.hostname = "box";
  sink.trace_started(start);
  Process process;
  process.serial = 1;
  process.pid = 42;
  process.start = 1'000'100;
  process.comm = "cat";
  sink.process_started(process);
  Thread thread;
  thread.serial = 1;
  thread.tid = 42;
  thread.start = 1'000'100;
  thread.comm = "c\xfft";
  thread.process = &process;
  sink.thread_started(thread);

  symbolizer::Frame leaf{
      .pc = 0x7f0000001234, .module = "/lib/libc.so.6", .module_offset = 0x1234, .function = "openat"};
  symbolizer::Frame user{.pc = 0x555500004711,
                         .module = "/bin/cat",
                         .module_offset = 0x4711,
                         .function = "main",
                         .file = "cat.c",
                         .line = 12};
  symbolizer::Stack stack;
  stack.frames.push_back(&leaf);
  stack.frames.push_back(&user);
  stack.user_frame = 1;

  std::vector<std::byte> path(sizeof(tracer::Capture) + 8);
  tracer::Capture capture;
  capture.address = 0x7ffe00000010;
  capture.length = 4;
  capture.arg = 1;
  capture.kind = tracer::CaptureKind::string;
  std::memcpy(path.data(), &capture, sizeof capture);
  std::memcpy(path.data() + sizeof capture, "/\"\xe9x", 4);

  const auto call_of = [&](uint64_t sequence, const char* name, uint64_t time) {
    Call call;
    call.sequence = sequence;
    call.thread = &thread;
    call.nr = tracer::find_syscall_number(tracer::Abi::x86_64, name);
    call.syscall = tracer::find_syscall(tracer::Abi::x86_64, call.nr);
    call.start = time;
    return call;
  };
  Call open = call_of(1, "openat", 1'001'000);
  open.args[0] = 0xffffff9c;
  open.args[1] = 0x7ffe00000010;
  open.entry_captures = path;
  open.stack_id = 1;
  open.stack = &stack;
  sink.call_entered(open);
  open.finished = open.failed = true;
  open.ret = -2;
  open.end = 1'003'500;
  sink.call_finished(open);
  Call close = call_of(2, "close", 1'004'000);
  close.args[0] = 3;
  sink.call_entered(close);
  close.finished = true;
  close.end = 1'004'001;
  sink.call_finished(close);
  sink.lost({.thread = &thread, .time = 1'004'500, .calls = 7, .reason = "ring full"});
  Call getpid = call_of(3, "getpid", 1'005'000);
  sink.call_entered(getpid);
  sink.thread_ended({.thread = &thread,
                     .time = 1'006'000,
                     .kind = tracer::ThreadEndKind::signaled,
                     .status = 9,
                     .core_dumped = true,
                     .last_of_process = true});
  sink.call_finished(getpid);
  TraceEnd end;
  end.time = 1'007'000;
  end.entered = 10;
  end.finished = 2;
  end.unfinished = 1;
  end.dropped = 7;
  sink.trace_ended(end);
}

std::string export_to(const char* format, void (*tell)(Sink&)) {
  const Scratch scratch;
  std::string error;
  const auto output = Output::open(scratch.path("out"), false, error);
  REQUIRE_MESSAGE(output, error);
  const auto exporter = make_exporter(format, *output, error);
  REQUIRE_MESSAGE(exporter, error);
  tell(*exporter);
  CHECK(exporter->output_errors() == 0);
  CHECK(output->flush());
  return Scratch::read(scratch.path("out"));
}

// What the golden files hold was read by eye once; a change of them wants the same care.
TEST_CASE("jsonl and chrome, to the letter") {
  for (const char* format : {"jsonl", "chrome"}) {
    CAPTURE(format);
    const std::string golden = Scratch::read(std::string(GOLDEN_DIRECTORY) + "/small." + format);
    REQUIRE(golden.size() > 1000);
    CHECK(export_to(format, tell_small_trace) == golden);
  }
}

TEST_CASE("chrome without events is valid, too") {
  const std::string text = export_to("chrome", [](Sink& sink) {
    sink.trace_started({});
    sink.trace_ended({});
  });
  CHECK(text.find("\"traceEvents\":[\n],\"sightline\":") != std::string::npos);
}

TEST_CASE("perfetto: the call stack leads from main to the call, file and line with it") {
  const std::string trace = export_to("perfetto", tell_small_trace);
  std::map<uint64_t, std::string> functions, sources;
  std::map<uint64_t, std::array<uint64_t, 3>> frames;  // function, source, line
  std::vector<uint64_t> stack;
  int begins = 0, ends = 0, with_stack = 0;
  protozero::pbf_reader packets(trace);
  while (packets.next(1)) {
    protozero::pbf_reader packet = packets.get_message();
    while (packet.next()) {
      if (packet.tag() == 12) {
        protozero::pbf_reader interned = packet.get_message();
        while (interned.next()) {
          const uint32_t kind = interned.tag();
          protozero::pbf_reader entry = interned.get_message();
          uint64_t iid = 0;
          std::array<uint64_t, 3> frame{};
          std::string text;
          while (entry.next()) {
            if (entry.tag() == 1)
              iid = entry.get_uint64();
            else if (entry.tag() == 2 && (kind == 5 || kind == 18))
              text = entry.get_string();
            else if (kind == 6 && entry.tag() == 2)
              frame[0] = entry.get_uint64();
            else if (kind == 6 && entry.tag() == 5)
              frame[1] = entry.get_uint64();
            else if (kind == 6 && entry.tag() == 6)
              frame[2] = entry.get_uint32();
            else if (kind == 7 && entry.tag() == 2)
              stack.push_back(entry.get_uint64());
            else
              entry.skip();
          }
          if (kind == 5) functions[iid] = text;
          if (kind == 18) sources[iid] = text;
          if (kind == 6) frames[iid] = frame;
        }
      } else if (packet.tag() == 11) {
        protozero::pbf_reader event = packet.get_message();
        while (event.next()) {
          if (event.tag() == 9) {
            const int32_t type = event.get_enum();
            begins += type == 1;
            ends += type == 2;
          } else {
            with_stack += event.tag() == 56;
            event.skip();
          }
        }
      } else {
        packet.skip();
      }
    }
  }
  CHECK(begins == 3);
  CHECK(ends == 3);
  CHECK(with_stack == 1);
  REQUIRE(stack.size() == 2);
  CHECK(functions[frames[stack[0]][0]] == "main");
  CHECK(sources[frames[stack[0]][1]] == "cat.c");
  CHECK(frames[stack[0]][2] == 12);
  CHECK(functions[frames[stack[1]][0]] == "openat");
  CHECK(frames[stack[1]][1] == 0);
}

TEST_CASE("a format that there is not") {
  std::string error;
  Output output(::open("/dev/null", O_WRONLY | O_CLOEXEC), "nowhere");
  CHECK_FALSE(make_exporter("svg", output, error));
  CHECK(error.starts_with("there is no format 'svg'; there are jsonl, chrome, "));
}

TEST_CASE("a full disk: every call that is not there is counted, in every format") {
  struct Counter : Sink {
    void call_finished(const Call&) override { ++calls; }
    uint64_t calls = 0;
  } counter;
  const slt::RandomTraceOptions options{.seed = 8, .events = 3000};
  slt::tell_random_trace(options, counter);
  for (const Format& format : formats()) {
    CAPTURE(format.name);
    std::string error;
    const auto output = Output::open("/dev/full", true, error);
    REQUIRE_MESSAGE(output, error);
    const auto exporter = make_exporter(format.name, *output, error);
    slt::tell_random_trace(options, *exporter);
    CHECK_FALSE(output->flush());
    CHECK(exporter->output_errors() == counter.calls);
    CHECK(output->error() == ENOSPC);
  }
}

TEST_CASE("whatever a trace file claims, exporters write as many calls as there are") {
  const Scratch scratch;
  std::string error;
  {
    slt::Writer::Options options;
    options.chunk_bytes = 3000;
    const auto writer = slt::Writer::open(scratch.path("original"), error, options);
    REQUIRE_MESSAGE(writer, error);
    slt::tell_random_trace({.seed = 31, .events = 600, .max_capture = 64}, *writer);
  }
  const slt::Unpacked trace = slt::unpack(scratch.path("original"));
  std::mt19937 random(3);
  for (unsigned round = 0; round < effort(300); ++round) {
    CAPTURE(round);
    Scratch::write(scratch.path("forged"), slt::forge(trace, random));
    const auto reader = slt::Reader::open(scratch.path("forged"), error);
    REQUIRE_MESSAGE(reader, error);
    for (const Format& format : formats()) {
      const auto output = Output::open(scratch.path("out"), false, error);
      const auto exporter = make_exporter(format.name, *output, error);
      const auto played = reader->replay(*exporter);
      REQUIRE(output->flush());
      if (format.name != "jsonl") continue;
      const std::string rows = Scratch::read(scratch.path("out"));
      uint64_t calls = 0;
      for (std::size_t at = rows.find("{\"type\":\"call\""); at != std::string::npos;
           at = rows.find("\n{\"type\":\"call\"", at + 1))
        ++calls;
      CHECK(calls == played.finished + played.unfinished);
    }
  }
}

TEST_CASE("a reader that goes away: what it has got and what is lost add up") {
  ::signal(SIGPIPE, SIG_IGN);
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  Output output(ends[1], "pipe");
  const std::string row(99, 'x');
  uint64_t appended = 0;
  for (; appended < 300; ++appended) output.append(row + '\n', 2);
  REQUIRE(output.flush());
  CHECK(output.calls_lost() == 0);
  ::close(ends[0]);
  for (; appended < 2000; ++appended) output.append(row + '\n', 2);
  CHECK_FALSE(output.flush());
  CHECK(output.error() == EPIPE);
  CHECK(output.bytes_written() == 300 * 100);
  CHECK(output.calls_lost() == (2000 - 300) * 2);
  CHECK(output.error_sentence() == "can't write to pipe: Broken pipe");
}

}  // namespace
}  // namespace sightline::exporting
