#include <doctest/doctest.h>

#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "src/consumer.h"

using namespace sightline;

namespace {

/// Writes each event down as a word or two.
class Notebook : public Sink {
 public:
  std::vector<std::string> lines;
  TraceEnd end;

  void process_started(const Process& p) override { note("process " + std::to_string(p.pid)); }
  void thread_started(const Thread& t) override { note("thread " + std::to_string(t.tid) + " " + t.comm); }
  void executed(const Thread& t, int32_t former, uint64_t) override {
    note("exec " + std::to_string(t.tid) + " from " + std::to_string(former));
  }
  void call_entered(const Call& c) override { note("enter " + describe(c)); }
  void call_finished(const Call& c) override {
    note((c.finished ? "finish " : "open ") + describe(c) + (c.finished ? " = " + std::to_string(c.ret) : ""));
  }
  void signal_delivered(const Signal& s) override { note("signal " + std::to_string(s.signo)); }
  void thread_ended(const ThreadEnd& e) override { note("end " + std::to_string(e.thread->tid)); }
  void lost(const Loss& l) override {
    note("lost " + std::to_string(l.calls) + (l.thread != nullptr ? " of " + std::to_string(l.thread->tid) : ""));
  }
  void trace_ended(const TraceEnd& e) override { end = e; }

 private:
  static std::string describe(const Call& c) {
    return std::to_string(c.thread->tid) + " " + std::string(c.syscall->name);
  }
  void note(std::string line) { lines.push_back(std::move(line)); }
};

/// A tracer of our own: stamps, commits, publishes the horizon.
class Producer {
 public:
  explicit Producer(const ConsumerOptions& options = {})
      : rings({.capacity = 64 * 1024, .on_full = options.on_full}),
        consumer(options, rings, progress, symbolizer, notebook) {}

  ringbuf::RingSet rings;
  tracer::Progress progress;
  symbolizer::Symbolizer symbolizer;
  Notebook notebook;
  Consumer consumer;

  struct Thread {
    ringbuf::RingSet::Producer ring;
    tracer::RecordPrefix prefix;
  };

  Thread start(int32_t tid, int32_t pid, uint32_t thread_serial, uint32_t process_serial) {
    Thread t{rings.acquire(),
             {.tid = tid, .pid = pid, .thread_serial = thread_serial, .process_serial = process_serial}};
    tracer::ThreadStart record{};
    record.birth = tracer::Birth::attached;
    std::memcpy(record.comm, "prog", 5);
    write(t, tracer::RecordType::thread_start, record);
    return t;
  }
  void enter(Thread& t, int32_t nr, uint64_t number = 0) {
    tracer::CallEnter record{};
    record.nr = nr;
    record.number = number;
    write(t, tracer::RecordType::call_enter, record);
  }
  void exit(Thread& t, int32_t nr, int64_t ret, tracer::CallEnd end = tracer::CallEnd::returned) {
    tracer::CallExit record{};
    record.nr = nr;
    record.ret = ret;
    record.end = end;
    write(t, tracer::RecordType::call_exit, record);
  }
  template <class Record>
  void write(Thread& t, tracer::RecordType type, Record record) {
    record.prefix = t.prefix;
    record.prefix.time = ++clock;
    raw(t, static_cast<uint16_t>(type), &record, sizeof record);
    progress.horizon.store(clock, std::memory_order_release);
  }
  static void raw(Thread& t, uint16_t type, const void* bytes, std::size_t size) {
    std::byte* place = t.ring.ring->reserve(static_cast<uint32_t>(size));
    REQUIRE(place != nullptr);
    if (size != 0) std::memcpy(place, bytes, size);
    t.ring.ring->commit(type, static_cast<uint32_t>(size));
  }
  const std::vector<std::string>& run() {
    consumer.start();
    consumer.finish();
    return notebook.lines;
  }

  uint64_t clock = 100;
};

constexpr int32_t kRead = 0;
constexpr int32_t kGetpid = 39;
constexpr int32_t kExecve = 59;

}  // namespace

TEST_CASE("records of several rings come out in order of time") {
  Producer p;
  auto a = p.start(10, 10, 1, 1);
  auto b = p.start(11, 10, 2, 1);
  p.enter(a, kRead);
  p.enter(b, kGetpid);
  p.exit(b, kGetpid, 10);
  p.exit(a, kRead, 5);
  CHECK(p.run() == std::vector<std::string>{"process 10", "thread 10 prog", "thread 11 prog", "enter 10 read",
                                            "enter 11 getpid", "finish 11 getpid = 10", "finish 10 read = 5"});
  CHECK(p.notebook.end.entered == 2);
  CHECK(p.notebook.end.finished == 2);
  CHECK(p.notebook.end.unfinished == 0);
  CHECK(p.notebook.end.complete);
}

TEST_CASE("what is open at the end is told, and counted") {
  Producer p;
  auto a = p.start(10, 10, 1, 1);
  auto b = p.start(20, 20, 2, 2);
  p.enter(a, kRead);
  p.enter(b, kRead);
  p.exit(b, kRead, 0, tracer::CallEnd::detached);
  const auto& lines = p.run();
  CHECK(lines[lines.size() - 2] == "open 20 read");
  CHECK(lines.back() == "open 10 read");
  CHECK(p.notebook.end.entered == 2);
  CHECK(p.notebook.end.unfinished == 2);
}

TEST_CASE("a thread that ends inside a call does not take the account with it") {
  Producer p;
  auto a = p.start(10, 10, 1, 1);
  p.enter(a, kRead);
  p.write(a, tracer::RecordType::thread_end, tracer::ThreadEnd{});
  const auto& lines = p.run();
  CHECK(lines[lines.size() - 2] == "open 10 read");
  CHECK(lines.back() == "end 10");
  CHECK(p.notebook.end.unfinished == 1);
}

TEST_CASE("an execve by a thread that is not the leader ends under the leader's id") {
  Producer p;
  auto leader = p.start(10, 10, 1, 1);
  auto caller = p.start(11, 10, 2, 1);
  p.enter(leader, kRead);
  p.enter(caller, kExecve);
  p.exit(leader, kRead, 0, tracer::CallEnd::replaced);
  tracer::ExecRecord exec{};
  exec.former_tid = 11;
  std::memcpy(exec.comm, "new", 4);
  p.write(leader, tracer::RecordType::exec, exec);
  tracer::ThreadEnd end{};
  end.kind = tracer::ThreadEndKind::replaced;
  p.write(caller, tracer::RecordType::thread_end, end);
  p.exit(leader, kExecve, 0);
  const auto& lines = p.run();
  CHECK(std::vector<std::string>(lines.end() - 3, lines.end()) ==
        std::vector<std::string>{"exec 10 from 11", "end 11", "finish 10 execve = 0"});
  CHECK(p.notebook.end.unfinished == 0);
}

TEST_CASE("records that can't be true are skipped, and the trace is not called complete") {
  Producer p;
  auto a = p.start(10, 10, 1, 1);
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::vector<uint32_t> junk(random() % 60);
    for (uint32_t& word : junk) word = random() % 4 == 0 ? 1 : static_cast<uint32_t>(random());
    Producer::raw(a, static_cast<uint16_t>(random() % 10), junk.data(), junk.size() * 4);
  }
  // A record whose parts claim to be longer than it is.
  tracer::CallEnter enter{};
  enter.nr = kGetpid;
  enter.capture_bytes = 0x7fffffff;
  p.write(a, tracer::RecordType::call_enter, enter);
  enter.capture_bytes = 0;
  enter.flags = tracer::kCallHasStack;
  enter.stack_bytes = 0xffffffff;
  p.write(a, tracer::RecordType::call_enter, enter);
  p.progress.horizon.store(~uint64_t{0});
  p.run();
  CHECK_FALSE(p.notebook.end.complete);
}

TEST_CASE("a consumer that runs beside its producer misses nothing") {
  Producer p;
  p.consumer.start();
  auto a = p.start(10, 10, 1, 1);
  auto b = p.start(11, 10, 2, 1);
  constexpr int kCalls = 20'000;
  for (int i = 0; i < kCalls; ++i) {
    p.enter(a, kRead);
    p.enter(b, kGetpid);
    p.exit(a, kRead, i);
    p.exit(b, kGetpid, i);
  }
  p.consumer.finish();
  REQUIRE(p.notebook.lines.size() == 3 + 4 * kCalls);
  for (int i = 0; i < kCalls; ++i) {
    const auto at = static_cast<std::size_t>(3 + 4 * i);
    REQUIRE(p.notebook.lines[at] == "enter 10 read");
    REQUIRE(p.notebook.lines[at + 3] == "finish 11 getpid = " + std::to_string(i));
  }
  CHECK(p.notebook.end.finished == 2 * kCalls);
}

TEST_CASE("calls that are missing are told where they are missing, and counted") {
  Producer p({.on_full = ringbuf::OnFull::drop_newest});
  auto a = p.start(10, 10, 1, 1);
  auto b = p.start(11, 10, 2, 1);
  p.enter(a, kRead, 1);
  p.exit(a, kRead, 5);
  p.exit(b, kGetpid, 10);  // its beginning was lost
  p.enter(b, kGetpid, 4);
  p.enter(a, kRead, 2);  // its end will be lost
  p.enter(a, kGetpid, 4);
  p.exit(a, kGetpid, 10);
  tracer::ThreadEnd end{};
  end.calls = 9;
  p.write(a, tracer::RecordType::thread_end, end);
  p.progress.entered = 9 + 4 + 2;  // and two of a thread that never had a ring
  CHECK(p.run() == std::vector<std::string>{"process 10", "thread 10 prog", "thread 11 prog", "enter 10 read",
                                            "finish 10 read = 5", "lost 3 of 11", "enter 11 getpid", "enter 10 read",
                                            "open 10 read", "lost 1 of 10", "enter 10 getpid", "finish 10 getpid = 10",
                                            "lost 5 of 10", "end 10", "open 11 getpid", "lost 2"});
  CHECK(p.notebook.end.entered == 15);
  CHECK(p.notebook.end.finished == 2);
  CHECK(p.notebook.end.unfinished == 2);
  CHECK(p.notebook.end.dropped == 11);
  CHECK(p.notebook.end.complete);
}

TEST_CASE("a call of which only the end is lost") {
  Producer p({.on_full = ringbuf::OnFull::drop_newest});
  auto a = p.start(10, 10, 1, 1);
  p.enter(a, kRead, 1);
  p.enter(a, kGetpid, 2);
  p.exit(a, kGetpid, 10);
  p.progress.entered = 2;
  CHECK(p.run() == std::vector<std::string>{"process 10", "thread 10 prog", "enter 10 read", "open 10 read",
                                            "lost 0 of 10", "enter 10 getpid", "finish 10 getpid = 10"});
  CHECK(p.notebook.end.dropped == 0);
}

TEST_CASE("where nothing is given up, an end without a beginning is damage") {
  Producer p;
  auto a = p.start(10, 10, 1, 1);
  p.exit(a, kGetpid, 10);
  p.run();
  CHECK_FALSE(p.notebook.end.complete);
}

TEST_CASE("a flight recorder tells the last calls of each thread, between what happened to the threads") {
  Producer p({.on_full = ringbuf::OnFull::overwrite_oldest, .keep_until_dumped = true});
  Producer::Thread about{p.rings.acquire(ringbuf::OnFull::block), {}};
  const auto tell = [&](const Producer::Thread& of, tracer::RecordType type, auto record) {
    about.prefix = of.prefix;
    p.write(about, type, record);
  };
  Producer::Thread a{p.rings.acquire(), {.tid = 10, .pid = 10, .thread_serial = 1, .process_serial = 1}};
  Producer::Thread b{p.rings.acquire(), {.tid = 11, .pid = 10, .thread_serial = 2, .process_serial = 1}};
  tell(a, tracer::RecordType::thread_start, tracer::ThreadStart{});
  uint64_t calls = 0;
  for (; calls < 5000; ++calls) {
    p.enter(a, kRead, calls + 1);
    p.exit(a, kRead, static_cast<int64_t>(calls));
  }
  tell(b, tracer::RecordType::thread_start, tracer::ThreadStart{});
  p.enter(b, kGetpid, 1);
  p.exit(b, kGetpid, 10);
  tracer::ThreadEnd end{};
  end.calls = 1;
  tell(b, tracer::RecordType::thread_end, end);
  p.progress.entered = calls + 1;
  const auto& lines = p.run();
  REQUIRE(lines.size() > 100);
  CHECK(lines[1] == "thread 10 ");
  CHECK(lines[2].starts_with("lost "));
  CHECK(std::vector<std::string>(lines.end() - 5, lines.end()) ==
        std::vector<std::string>{"finish 10 read = 4999", "thread 11 ", "enter 11 getpid", "finish 11 getpid = 10",
                                 "end 11"});
  CHECK(p.notebook.end.entered == calls + 1);
  CHECK(p.notebook.end.dropped == p.notebook.end.entered - p.notebook.end.finished);
  CHECK(p.notebook.end.dropped > 0);
  CHECK(p.notebook.end.unfinished == 0);
  CHECK(p.notebook.end.complete);
}

TEST_CASE("why a process is not in-process: it keeps the last reason, and counts once for each") {
  Producer p({.engine_reason = tracer::EngineReason::none});
  auto a = p.start(10, 10, 1, 1);
  auto sibling = p.start(11, 10, 2, 1);
  auto b = p.start(20, 20, 3, 2);
  auto c = p.start(30, 30, 4, 3);
  const auto engine = [&](Producer::Thread& of, bool inprocess, tracer::EngineReason reason) {
    p.write(of, tracer::RecordType::engine,
            tracer::EngineRecord{.prefix = {}, .inprocess = inprocess, .reason = static_cast<uint32_t>(reason)});
  };
  using enum tracer::EngineReason;
  engine(a, true, none);
  for (int i = 0; i < 3; ++i) engine(i == 1 ? sibling : a, true, no_room);
  engine(b, false, under_seccomp);
  p.write(b, tracer::RecordType::exec, tracer::ExecRecord{});
  engine(b, false, under_seccomp);
  engine(c, false, under_seccomp);
  engine(c, true, none);
  engine(c, false, static_cast<tracer::EngineReason>(250));
  p.run();
  REQUIRE(p.consumer.fallbacks().size() == 3);
  CHECK(p.consumer.fallbacks()[0].reason == no_room);
  CHECK(p.consumer.fallbacks()[0].partly);
  CHECK(p.consumer.fallbacks()[0].processes == 1);
  CHECK(p.consumer.fallbacks()[1].reason == under_seccomp);
  CHECK_FALSE(p.consumer.fallbacks()[1].partly);
  CHECK(p.consumer.fallbacks()[1].processes == 2);
  CHECK(p.consumer.fallbacks()[2].reason == unknown);
  std::vector<std::string> last;
  for (const Process* process : p.consumer.processes())
    last.push_back(process->engine + " " + std::string(tracer::name_of(process->reason)));
  CHECK(last == std::vector<std::string>{"in-process no_room", "ptrace under_seccomp", "ptrace unknown"});
}

TEST_CASE("what holds for the whole run is every process's reason, also after an exec") {
  Producer p({.engine_reason = tracer::EngineReason::long_strings});
  auto a = p.start(10, 10, 1, 1);
  p.start(20, 20, 2, 2);
  p.write(a, tracer::RecordType::exec, tracer::ExecRecord{});
  p.run();
  int processes = 0;
  for (const Process* process : p.consumer.processes()) {
    ++processes;
    CHECK(process->engine == "ptrace");
    CHECK(process->reason == tracer::EngineReason::long_strings);
  }
  CHECK(processes == 2);
  CHECK(p.consumer.fallbacks().empty());
}

namespace {

void end_thread(Producer& p, Producer::Thread& of, bool last) {
  tracer::ThreadEnd record{};
  record.kind = tracer::ThreadEndKind::exited;
  record.last_of_process = last ? 1 : 0;
  p.write(of, tracer::RecordType::thread_end, record);
}

}  // namespace

TEST_CASE("of what has ended nothing is kept, unless processes are to be remembered") {
  for (const bool remembered : {false, true}) {
    Producer p({.remember_processes = remembered});
    auto a = p.start(10, 10, 1, 1);
    auto sibling = p.start(11, 10, 2, 1);
    auto b = p.start(20, 20, 3, 2);
    end_thread(p, a, false);
    end_thread(p, sibling, true);
    p.enter(a, kGetpid);  // of a dead thread
    p.enter(b, kGetpid);
    p.start(10, 10, 4, 3);
    p.run();
    CHECK_FALSE(p.consumer.account().complete);
    CHECK(p.consumer.account().entered == 1);
    std::vector<uint32_t> serials;
    for (const Process* process : p.consumer.processes()) serials.push_back(process->serial);
    CHECK(serials == (remembered ? std::vector<uint32_t>{1, 2, 3} : std::vector<uint32_t>{2, 3}));
  }
}

TEST_CASE("threads and processes live as long as somebody is there") {
  Living living;
  ThreadState* const leader = living.begin(1, 10, 1);
  REQUIRE(leader != nullptr);
  leader->process->process.serial = 1;
  leader->process->process.pid = 10;
  CHECK(living.begin(1, 12, 1) == nullptr);
  ThreadState* const sibling = living.begin(65, 11, 1);
  CHECK(sibling->process == leader->process);
  CHECK(living.thread(1) == leader);
  CHECK(living.thread(65) == sibling);  // both at one place of what was looked up last
  CHECK(living.thread(1) == leader);
  CHECK(living.thread(2) == nullptr);
  living.end(*leader, true);  // it can't be the last: somebody is mistaken
  CHECK(living.thread(1) == nullptr);
  CHECK(living.thread_by_tid(10) == nullptr);
  CHECK(living.process_by_pid(10) == sibling->process);
  ThreadState* const other = living.begin(3, 11, 2);  // its tid was used again
  living.end(*sibling, true);
  CHECK(living.thread_by_tid(11) == other);
  CHECK(living.process_by_pid(10) == nullptr);
  CHECK(living.threads() == std::vector<ThreadState*>{other});
}
