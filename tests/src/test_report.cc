#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "src/annotate.h"
#include "src/report.h"
#include "src/tee_sink.h"
#include "tests/effort.h"
#include "tests/src/hand_made_trace.h"
#include "tests/src/slt/random_trace.h"

using namespace sightline;

namespace {

TraceEnd ending(uint64_t unfinished, uint64_t dropped) {
  TraceEnd end;
  end.unfinished = unfinished;
  end.dropped = dropped;
  return end;
}

/// Some calls of each kind of place: a line, another of the same function, a library without lines, nothing known.
struct Trace : HandMade {
  const symbolizer::Frame* read_ = frame({.module = "/lib/libc.so.6", .module_offset = 0x10, .function = "read"});
  const symbolizer::Frame* load = frame({.module = "/bin/app", .function = "load", .file = "/src/a.cc", .line = 7});
  const symbolizer::Frame* load9 = frame({.module = "/bin/app", .function = "load", .file = "/src/a.cc", .line = 9});
  const symbolizer::Frame* near =
      frame({.module = "/bin/app", .function = "save", .file = "/src/a.cc", .line = 20, .line_is_near = true});
  const symbolizer::Frame* main = frame({.module = "/bin/app", .function = "main", .file = "/src/a.cc", .line = 30});
  const symbolizer::Frame* strange = frame({.module = "/opt/libx.so", .module_offset = 0x1234});
  const symbolizer::Frame* named =
      frame({.module = "/opt/liby.so", .module_offset = 0x99, .function = "go;es", .function_offset = 0x21});
  const symbolizer::Frame* nowhere = frame({.pc = 0x1000});

  std::vector<Call> calls{
      call("read", 100, 5'000, stack({read_, load, main}, 1)),  call("read", -9, 1'000, stack({read_, load, main}, 1)),
      call("write", 50, 2'000, stack({read_, load9, main}, 1)), call("close", 0, 3'000, stack({near, main}, 0)),
      call("openat", 77, 4'000, stack({strange}, 0)),           call("openat", -2, 500, stack({named}, 0)),
      call("getpid", 4711, 100, stack({nowhere}, 0)),           call("getpid", 4711, 50, nullptr),
      call("recvmmsg", 3, 25, stack({read_, load, main}, 1)),
  };

  std::string report(ReportOptions options, const TraceEnd& end = {}) {
    Written written;
    ReportSink sink(options, written.output());
    for (const Call& made : calls) sink.call_finished(made);
    Call open = call("read", 10, 10, nullptr);
    open.finished = false;
    sink.call_finished(open);
    sink.trace_ended(end);
    return written.text();
  }
};

/// The table's lines without the figures' alignment.
std::vector<std::string> rows(const std::string& text) {
  std::vector<std::string> found;
  std::string line;
  for (const char c : text) {
    if (c == '\n') {
      found.push_back(line);
      line.clear();
    } else if (c != ' ' || (!line.empty() && line.back() != ' ')) {
      line += c;
    }
  }
  CHECK_MESSAGE(line.empty(), "no line end");
  return found;
}

}  // namespace

TEST_CASE("report: bytes are the results of transfers only") {
  HandMade made;
  CHECK(bytes_moved(made.call("read", 5, 1, nullptr)) == 5);
  for (const char* name : {"pwrite64", "readv", "sendto", "recvfrom", "recvmsg", "sendfile", "splice", "tee",
                           "vmsplice", "copy_file_range", "process_vm_readv", "preadv2", "msgrcv", "mq_timedreceive"})
    CHECK_MESSAGE(bytes_moved(made.call(name, 9, 1, nullptr)) == 9, name);
  for (const char* name : {"openat", "recvmmsg", "sendmmsg", "lseek", "getpid", "poll", "mmap"})
    CHECK_MESSAGE(bytes_moved(made.call(name, 9, 1, nullptr)) == 0, name);
  CHECK(bytes_moved(made.call("read", -9, 1, nullptr)) == 0);
  Call killed = made.call("read", 5, 1, nullptr);
  killed.end_kind = tracer::CallEnd::killed;
  CHECK(bytes_moved(killed) == 0);
  Call unknown = made.call("read", 5, 1, nullptr);
  unknown.syscall = nullptr;
  CHECK(bytes_moved(unknown) == 0);
}

TEST_CASE("report: sums stop at the largest number") {
  Costs costs{.bytes = ~uint64_t{0} - 1};
  costs.add({.bytes = 5});
  CHECK(costs.bytes == ~uint64_t{0});
}

TEST_CASE("report: by line, most time first, everything accounted for") {
  const std::vector<std::string> found = rows(Trace().report({}, ending(1, 3)));
  REQUIRE(found.size() == 13);
  CHECK(found[0] == "% time seconds calls errors bytes line");
  CHECK(found[2] == "38.44 0.000006 3 1 100 /src/a.cc:7 load");
  CHECK(found[3] == "25.52 0.000004 1 libx.so+0x1234");
  CHECK(found[4] == "19.14 0.000003 1 /src/a.cc:~20 save");
  CHECK(found[5] == "12.76 0.000002 1 50 /src/a.cc:9 load");
  CHECK(found[6] == "3.19 0.000000 1 1 liby.so!go;es+0x21");
  CHECK(found[7] == "0.64 0.000000 1 [unknown]");
  CHECK(found[8] == "0.32 0.000000 1 [no stack]");
  CHECK(found[10] == "100.00 0.000016 9 2 150 total");
  CHECK(found[11] == "calls that had not returned and are not counted: 1");
  CHECK(found[12] == "calls that were lost and are not counted: 3");
}

TEST_CASE("report: by function") {
  const std::vector<std::string> found = rows(Trace().report({.by = ReportBy::function, .sort = SortBy::calls}));
  REQUIRE(found.size() == 10);
  CHECK(found[2] == "51.20 0.000008 4 1 150 load /src/a.cc");
  CHECK(found[4] == "19.14 0.000003 1 save /src/a.cc");
}

TEST_CASE("report: sorted by what is asked for") {
  CHECK(rows(Trace().report({.sort = SortBy::bytes}))[3].ends_with("a.cc:9 load"));
  CHECK(rows(Trace().report({.sort = SortBy::errors}))[3].ends_with("liby.so!go;es+0x21"));
}

TEST_CASE("report: rows beyond the limit are summed up in one") {
  const std::vector<std::string> found = rows(Trace().report({.limit = 2}));
  REQUIRE(found.size() == 7);
  CHECK(found[4] == "36.04 0.000006 5 1 50 [5 more; --limit=all shows them]");
  CHECK(found[6] == "100.00 0.000016 9 2 150 total");
  CHECK(rows(Trace().report({.limit = 6})).size() == 11);
  CHECK(rows(Trace().report({.limit = 0}))[2] == "100.00 0.000016 9 2 150 [7 more; --limit=all shows them]");
}

TEST_CASE("report: no line is wider than the terminal") {
  HandMade made;
  const std::string file = "/a/" + std::string(200, 'd') + "/end.cc";
  const Call call = made.call("read", 1, 1, made.stack({made.frame({.function = "f", .file = file, .line = 1})}, 0));
  Written written;
  ReportSink sink({.width = 100}, written.output());
  sink.call_finished(call);
  sink.trace_ended({});
  const std::vector<std::string> found = rows(written.text());
  CHECK(found[2].ends_with("dd/end.cc:1 f"));
  CHECK(found[2].find("…dd") != std::string::npos);
}

TEST_CASE("report: stacks, outermost first, folded") {
  const std::string text = Trace().report({.by = ReportBy::stack, .format = ReportFormat::folded});
  CHECK(text ==
        "main;load;read 8025\n"
        "libx.so+0x1234 4000\n"
        "main;save 3000\n"
        "go:es 500\n"
        "[unknown] 100\n"
        "[no stack] 50\n");
  CHECK(Trace().report({.by = ReportBy::stack, .sort = SortBy::errors, .format = ReportFormat::folded}) ==
        "main;load;read 1\ngo:es 1\n");
  HandMade made;
  symbolizer::Stack cut;
  cut.frames.push_back(made.frame({.function = "deep"}));
  cut.truncated = true;
  cut.user_frame = 0;
  Written written;
  ReportSink sink({.by = ReportBy::stack}, written.output());
  sink.call_finished(made.call("read", 1, 1, &cut));
  sink.trace_ended({});
  CHECK(rows(written.text())[2].ends_with("[callers unknown];deep"));
}

TEST_CASE("report: JSON") {
  const std::string text = Trace().report({.format = ReportFormat::json, .limit = 2}, ending(1, 0));
  CHECK(text == R"({"format":"sightline-report","version":1,"by":"line",)"
                R"("total":{"calls":9,"errors":2,"time_ns":15675,"bytes":150},"unfinished":1,"dropped":0,"rows":[)"
                R"({"calls":3,"errors":1,"time_ns":6025,"bytes":100,"file":"/src/a.cc","line":7,"function":"load",)"
                R"("module":"/bin/app","offset":null},)"
                R"({"calls":1,"errors":0,"time_ns":4000,"bytes":0,"file":null,"line":null,"function":null,)"
                R"("module":"/opt/libx.so","offset":"0x1234"}],)"
                R"("others":{"rows":5,"calls":5,"errors":1,"time_ns":5650,"bytes":50}})"
                "\n");
}

TEST_CASE("report: a trace without calls") {
  Written written;
  ReportSink sink({}, written.output());
  sink.trace_ended({});
  CHECK(rows(written.text()).back() == "0.00 0.000000 0 total");
}

TEST_CASE("report: names can't command the terminal") {
  HandMade made;
  const Call call =
      made.call("read", 1, 1, made.stack({made.frame({.function = "f\x1b[2J\n", .file = "a\xff.cc", .line = 1})}, 0));
  for (const ReportBy by : {ReportBy::line, ReportBy::function, ReportBy::stack}) {
    Written written;
    ReportSink sink({.by = by}, written.output());
    sink.call_finished(call);
    sink.trace_ended({});
    const std::string text = written.text();
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(rows(text).size() == 5);
  }
}

TEST_CASE("report, annotate: whatever a trace holds, each call is counted once and no byte commands the terminal") {
  struct Counter : Sink {
    Costs total;
    void call_finished(const Call& call) override {
      if (call.finished) total.add(call);
    }
  };
  for (uint32_t seed = 1; seed <= effort(60); ++seed) {
    CAPTURE(seed);
    for (const ReportBy by : {ReportBy::line, ReportBy::function, ReportBy::stack}) {
      Written json, text, annotated;
      Counter counter;
      ReportSink json_sink({.by = by, .format = ReportFormat::json, .limit = seed % 7}, json.output());
      ReportSink text_sink({.by = by, .width = 60 + seed}, text.output());
      AnnotateOptions options;
      if (seed % 2 == 0) options.style.context = seed % 5;
      AnnotateSink annotate_sink(std::move(options), annotated.output());
      TeeSink all;
      for (Sink* sink : std::initializer_list<Sink*>{&counter, &json_sink, &text_sink, &annotate_sink}) all.add(*sink);
      slt::tell_random_trace({.seed = seed, .events = 300}, all);
      const Costs& sum = counter.total;
      const std::string total =
          "\"total\":{\"calls\":" + std::to_string(sum.calls) + ",\"errors\":" + std::to_string(sum.errors) +
          ",\"time_ns\":" + std::to_string(sum.nanoseconds) + ",\"bytes\":" + std::to_string(sum.bytes) + "}";
      CHECK_MESSAGE(json.text().find(total) != std::string::npos, total);
      for (const std::string& shown : {text.text(), annotated.text()}) {
        CHECK(!shown.empty());
        for (const char c : shown) REQUIRE((c == '\n' || static_cast<unsigned char>(c) >= 0x20));
      }
    }
  }
}
