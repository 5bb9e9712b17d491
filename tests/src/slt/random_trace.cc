#include "tests/src/slt/random_trace.h"

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <vector>

namespace sightline::slt {
namespace {

class Teller {
 public:
  Teller(const RandomTraceOptions& options, Sink& sink) : options_(options), sink_(sink), random_(options.seed) {}

  void tell() {
    TraceStart start;
    start.monotonic = time_;
    start.realtime = 1'700'000'000'000'000'000;
    start.boot_id = "6d9b5a1e-0000-4000-8000-1234567890ab";
    start.command = {"./server", "--port", "80", ""};
    if (options_.odd) start.command.push_back("caf\xe9 \x01");
    start.options = {"-f"};
    start.tool_version = "0.1.0";
    start.hostname = "box";
    start.string_limit = 40;
    sink_.trace_started(start);
    make_stacks();
    start_process(nullptr);
    for (uint32_t i = 0; i < options_.events; ++i) event();
    if (!options_.ends) return;
    for (Live& live : threads_)
      if (live.open) {
        ++account_.unfinished;
        sink_.call_finished(live.call);
      }
    account_.time = time_;
    account_.entered = sequence_ + account_.dropped;
    account_.notes.push_back({"/usr/lib/libx.so", "no debug information", 17});
    sink_.trace_ended(account_);
  }

 private:
  struct Live {
    Thread thread;
    bool alive = true;
    bool open = false;
    Call call;
    std::vector<std::byte> entry, exit;
  };

  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(random_() % limit); }
  bool one_in(uint32_t n) { return below(n) == 0; }
  uint64_t wide() { return (static_cast<uint64_t>(random_()) << 32 | random_()) >> below(64); }

  std::string word() {
    static constexpr const char* kWords[] = {"main",   "src/config.cc", "/usr/lib/libc.so.6",
                                             "worker", "load_config",   "a b"};
    std::string text = kWords[below(6)];
    if (one_in(2)) text += std::to_string(below(20));
    if (options_.odd && one_in(10)) text += "\xff\xfe\"\\\n\xc3\xa9";
    return text;
  }

  void make_stacks() {
    for (int i = 0; i < 40; ++i) {
      names_.push_back(word());
      symbolizer::Frame frame;
      frame.module = names_[below(static_cast<uint32_t>(names_.size()))];
      frame.module_offset = below(100000);
      frame.pc = 0x7f0000000000 + frame.module_offset;
      frame.function = one_in(4) ? std::string_view() : std::string_view(names_.back());
      frame.function_offset = below(500);
      if (!one_in(4)) {
        frame.file = names_[below(static_cast<uint32_t>(names_.size()))];
        frame.line = 1 + below(3000);
        frame.column = below(80);
      }
      frame.inlined = one_in(5);
      frame.guessed = one_in(9);
      frame.line_is_near = one_in(9);
      frames_.push_back(frame);
    }
    for (int i = 0; i < 60; ++i) {
      symbolizer::Stack& stack = stacks_.emplace_back();
      const uint32_t depth = below(12);
      // Few outer ends, as in real programs.
      for (uint32_t d = 0; d < depth; ++d)
        stack.frames.push_back(&frames_[d + 4 < depth ? below(40) : depth % 3 + d % 5]);
      stack.truncated = one_in(6);
      stack.lost = one_in(9);
      stack.user_frame = depth == 0 ? -1 : static_cast<int32_t>(below(depth));
    }
  }

  void start_process(Live* parent) {
    Process& process = processes_.emplace_back();
    process.serial = static_cast<uint32_t>(processes_.size());
    process.pid = next_tid_;
    process.parent_pid = parent == nullptr ? 0 : parent->thread.process->pid;
    process.ns_pid = next_tid_ - 1000;
    process.start = time_;
    process.comm = parent == nullptr ? "server" : word();
    process.engine = one_in(2) ? "ptrace" : "in-process";
    if (one_in(2)) process.reason = tracer::engine_reason(below(32));
    sink_.process_started(process);
    start_thread(process, parent);
  }

  void start_thread(Process& process, Live* parent) {
    Live& live = threads_.emplace_back();
    live.thread.serial = static_cast<uint32_t>(threads_.size());
    live.thread.tid = next_tid_++;
    live.thread.parent_tid = parent == nullptr ? 0 : parent->thread.tid;
    live.thread.ns_tid = live.thread.tid - 1000;
    live.thread.birth = parent == nullptr ? tracer::Birth::spawned : static_cast<tracer::Birth>(below(6));
    live.thread.start = time_;
    live.thread.comm = process.comm;
    live.thread.process = &process;
    sink_.thread_started(live.thread);
  }

  Live* pick() {
    std::vector<Live*> alive;
    for (Live& live : threads_)
      if (live.alive) alive.push_back(&live);
    return alive.empty() ? nullptr : alive[below(static_cast<uint32_t>(alive.size()))];
  }

  void event() {
    const bool jump = options_.odd && one_in(50);
    time_ += jump ? below(500'000'000) : one_in(4) ? 0 : below(20'000);
    Live* live = pick();
    const uint32_t what = below(100);
    if (live == nullptr) {
      start_process(nullptr);
    } else if (what < 3 && threads_.size() < options_.max_threads) {
      one_in(2) ? start_process(live) : start_thread(*live->thread.process, live);
    } else if (what == 3) {
      signal(*live);
    } else if (what == 4) {
      Loss loss;
      loss.thread = one_in(2) ? nullptr : &live->thread;
      loss.time = time_;
      loss.calls = 1 + below(100);
      loss.reason = one_in(2) ? "ring full" : "record too large";
      account_.dropped += loss.calls;
      sink_.lost(loss);
    } else if (what == 5) {
      live->thread.comm = word().substr(0, 15);
      ++live->thread.version;
      Process& process = *live->thread.process;
      const bool changed = one_in(2);
      if (changed) process.engine = "ptrace";
      if (changed && one_in(2)) process.reason = tracer::engine_reason(below(32));
      if (changed) ++process.version;
    } else if (what == 6) {
      sink_.idle();
    } else if (what == 7 && !live->open) {
      end_thread(*live);
    } else if (what == 8) {
      exec(*live);
    } else if (live->open) {
      finish(*live);
    } else {
      enter(*live);
    }
  }

  void signal(Live& live) {
    std::byte info[128] = {};
    for (uint32_t i = 0; i < below(128); ++i) info[i] = static_cast<std::byte>(below(256));
    Signal signal;
    signal.thread = &live.thread;
    signal.time = time_;
    signal.signo = static_cast<int32_t>(1 + below(64));
    signal.group_stop = one_in(4);
    if (!signal.group_stop) signal.siginfo = std::span<const std::byte>(info);
    sink_.signal_delivered(signal);
  }

  void end_thread(Live& live) {
    live.alive = false;
    live.thread.end = time_;
    ThreadEnd end;
    end.thread = &live.thread;
    end.time = time_;
    end.kind = static_cast<tracer::ThreadEndKind>(below(5));
    end.status = static_cast<int32_t>(below(256));
    end.core_dumped = one_in(8);
    end.last_of_process = std::none_of(threads_.begin(), threads_.end(), [&](const Live& other) {
      return other.alive && other.thread.process == live.thread.process;
    });
    if (end.last_of_process) live.thread.process->end = time_;
    sink_.thread_ended(end);
  }

  // What execve() does if it is not the leader who calls: the caller vanishes and the leader goes on in its place.
  void exec(Live& caller) {
    Process& process = *caller.thread.process;
    if (process.end != 0) return;
    Live* leader = nullptr;
    for (Live& live : threads_)
      if (live.alive && live.thread.process == &process && live.thread.tid == process.pid) leader = &live;
    if (leader == nullptr || (leader != &caller && leader->open)) return;
    if (leader != &caller && caller.open) {
      leader->open = true;
      leader->call = caller.call;
      leader->call.thread = &leader->thread;
      leader->entry = caller.entry;
      leader->call.entry_captures = leader->entry;
      caller.open = false;
    }
    if (leader != &caller) end_thread(caller);
    leader->thread.comm = word().substr(0, 15);
    ++leader->thread.version;
    process.comm = leader->thread.comm;
    ++process.version;
    sink_.executed(leader->thread, caller.thread.tid, time_);
  }

  void captures(const Call& call, tracer::Phase phase, std::vector<std::byte>& into) {
    into.clear();
    const uint32_t count = below(4);
    for (uint32_t i = 0; i < count; ++i) {
      tracer::Capture capture;
      capture.arg = static_cast<uint8_t>(below(6));
      capture.address = call.args[capture.arg] + (one_in(3) ? wide() : 0);
      capture.phase = phase;
      capture.kind = static_cast<tracer::CaptureKind>(below(3));
      capture.flags = static_cast<uint8_t>(below(4));
      capture.length = std::min(one_in(20) ? below(4000) : below(60), options_.max_capture);
      capture.wanted = one_in(3) ? capture.length + below(100) : capture.length;
      const std::size_t at = into.size();
      into.resize(at + sizeof capture + static_cast<std::size_t>(tracer::padded(capture.length)));
      std::memcpy(into.data() + at, &capture, sizeof capture);
      for (uint32_t b = 0; b < capture.length; ++b)
        into[at + sizeof capture + b] = static_cast<std::byte>("abc/\0\xff"[below(6)]);
    }
    if (options_.odd && one_in(30)) into.push_back(std::byte{7});  // not a capture
  }

  void enter(Live& live) {
    Call call;
    call.sequence = ++sequence_;
    call.thread = &live.thread;
    call.abi = one_in(10) ? tracer::Abi::i386 : tracer::Abi::x86_64;
    call.nr = options_.odd && one_in(20) ? static_cast<int32_t>(random_())
                                         : static_cast<int32_t>(below(one_in(3) ? 460 : 12));
    call.syscall = tracer::find_syscall(call.abi, call.nr);
    call.flags = one_in(5) ? static_cast<uint16_t>(below(16)) : 0;
    call.start = time_;
    const std::size_t count = call.syscall == nullptr ? 6 : call.syscall->arguments.size();
    for (std::size_t i = 0; i < count; ++i) call.args[i] = one_in(2) ? i * 16 : wide();
    call.ip = 0x7f1234560000 + below(3) * 16;
    if (!one_in(4)) {
      call.stack_id = 1 + below(static_cast<uint32_t>(stacks_.size()));
      call.stack = &stacks_[call.stack_id - 1];
    }
    live.call = call;
    captures(live.call, tracer::Phase::entry, live.entry);
    live.call.entry_captures = live.entry;
    live.open = true;
    sink_.call_entered(live.call);
  }

  void finish(Live& live) {
    live.open = false;
    Call& call = live.call;
    call.finished = true;
    call.end_kind = one_in(12) ? static_cast<tracer::CallEnd>(below(7)) : tracer::CallEnd::returned;
    call.end = time_;
    call.failed = one_in(4);
    call.ret =
        call.failed ? -static_cast<int64_t>(1 + below(130)) : static_cast<int64_t>(one_in(4) ? wide() : below(100));
    captures(call, tracer::Phase::exit, live.exit);
    call.exit_captures = live.exit;
    ++account_.finished;
    sink_.call_finished(call);
  }

  const RandomTraceOptions& options_;
  Sink& sink_;
  std::mt19937 random_;
  uint64_t time_ = 5'000'000'000'000;
  uint64_t sequence_ = 0;
  int32_t next_tid_ = 2000;
  std::deque<std::string> names_;
  std::deque<symbolizer::Frame> frames_;
  std::deque<symbolizer::Stack> stacks_;
  std::deque<Process> processes_;
  std::deque<Live> threads_;
  TraceEnd account_;
};

void add_capture(std::vector<std::byte>& into, uint8_t arg, tracer::Phase phase, tracer::CaptureKind kind,
                 uint64_t address, std::span<const std::byte> bytes) {
  tracer::Capture capture;
  capture.arg = arg;
  capture.phase = phase;
  capture.kind = kind;
  capture.address = address;
  capture.length = static_cast<uint32_t>(bytes.size());
  capture.wanted = kind == tracer::CaptureKind::bytes ? capture.length : 0;
  const std::size_t at = into.size();
  into.resize(at + sizeof capture + static_cast<std::size_t>(tracer::padded(bytes.size())));
  std::memcpy(into.data() + at, &capture, sizeof capture);
  std::copy(bytes.begin(), bytes.end(), into.begin() + static_cast<std::ptrdiff_t>(at + sizeof capture));
}

}  // namespace

void tell_random_trace(const RandomTraceOptions& options, Sink& sink) {
  Teller(options, sink).tell();
}

void tell_find_trace(uint32_t seed, uint32_t calls, Sink& sink) {
  std::mt19937 random(seed);
  const auto below = [&](uint32_t limit) { return static_cast<uint32_t>(random() % limit); };
  const auto bytes_of = [](std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); };
  uint64_t time = 1'000'000'000'000;
  TraceStart start;
  start.monotonic = time;
  start.command = {"find", "/usr/include"};
  sink.trace_started(start);
  Process process;
  process.serial = 1;
  process.pid = 4711;
  process.start = time;
  process.comm = "find";
  sink.process_started(process);
  Thread thread;
  thread.serial = 1;
  thread.tid = 4711;
  thread.start = time;
  thread.comm = "find";
  thread.process = &process;
  sink.thread_started(thread);

  // A stack per kind of call and a handful of callers, ten frames deep.
  std::deque<symbolizer::Frame> frames;
  std::deque<symbolizer::Stack> stacks;
  for (uint32_t kind = 0; kind < 6; ++kind)
    for (uint32_t caller = 0; caller < 3; ++caller) {
      symbolizer::Stack& stack = stacks.emplace_back();
      for (uint32_t depth = 0; depth < 10; ++depth) {
        symbolizer::Frame& frame = frames.emplace_back();
        frame.module = depth < 2 ? "/usr/lib/x86_64-linux-gnu/libc.so.6" : "/usr/bin/find";
        frame.module_offset = depth < 2 ? 0xf0000 + kind * 64 : 0x4000 + depth * 128 + (depth < 4 ? caller * 32 : 0);
        frame.function = depth < 2 ? "__syscall" : "fts_build";
        frame.file = depth < 2 ? "" : "find/ftsfind.c";
        frame.line = depth < 2 ? 0 : 100 + depth;
        stack.frames.push_back(&frame);
      }
      stack.user_frame = 2;
    }

  TraceEnd account;
  std::vector<std::byte> entry, exit;
  const auto call_of = [&](uint32_t kind, const char* name, std::initializer_list<uint64_t> args, int64_t ret) {
    Call call;
    call.sequence = ++account.entered;
    call.thread = &thread;
    call.nr = tracer::find_syscall_number(tracer::Abi::x86_64, name);
    call.syscall = tracer::find_syscall(tracer::Abi::x86_64, call.nr);
    call.start = time += 300 + below(900);
    std::copy(args.begin(), args.end(), call.args);
    // What the other registers happen to hold.
    for (std::size_t i = args.size(); i < 6; ++i) call.args[i] = 0x5555'0000'0000 + below(1 << 20);
    call.ip = 0x7ffff7e00000 + kind * 64;
    call.stack_id = 1 + kind * 3 + below(3);
    call.stack = &stacks[call.stack_id - 1];
    call.entry_captures = entry;
    sink.call_entered(call);
    call.finished = true;
    call.end = time += 400 + below(6000);
    call.ret = ret;
    call.failed = ret < 0;
    call.exit_captures = exit;
    sink.call_finished(call);
    ++account.finished;
    entry.clear();
    exit.clear();
  };
  const auto stat_bytes = [&](uint64_t inode, bool directory) {
    uint64_t stat[18] = {};  // struct stat of x86-64
    stat[0] = 0x801;
    stat[1] = inode;
    stat[2] = directory ? 2 : 1;
    stat[3] = directory ? 040755 : 0100644;
    stat[6] = directory ? 4096 : below(60000);
    stat[7] = 4096;
    stat[8] = (stat[6] + 4095) / 4096 * 8;
    // A package manager sets whole seconds; access and status change are of the installation.
    stat[9] = stat[13] = 1'690'000'000;
    stat[10] = stat[14] = 123'456'789;
    stat[11] = 1'600'000'000 + below(1000) * 86400;
    std::vector<std::byte> bytes(sizeof stat);
    std::memcpy(bytes.data(), stat, sizeof stat);
    return bytes;
  };
  constexpr uint64_t kAtFdcwd = 0xffffff9c;
  constexpr uint64_t kBuffer = 0x555555570000;
  uint64_t inode = 131072;
  while (account.entered < calls) {
    const std::string directory = "dir" + std::to_string(below(5000));
    add_capture(entry, 1, tracer::Phase::entry, tracer::CaptureKind::string, kBuffer + 64 * below(500),
                bytes_of(directory));
    const uint64_t fd = 4 + below(3);
    call_of(0, "openat", {kAtFdcwd, kBuffer, 0x90900, 0}, static_cast<int64_t>(fd));
    add_capture(exit, 1, tracer::Phase::exit, tracer::CaptureKind::bytes, 0x7fffffffe000, stat_bytes(++inode, true));
    call_of(1, "fstat", {fd, 0x7fffffffe000}, 0);
    call_of(2, "fcntl", {fd, 3, 0}, 0x38800);
    const uint32_t files = 2 + below(20);
    std::vector<std::string> names;
    std::vector<std::byte> dirents(files * 40);  // struct linux_dirent64: inode, offset, length, type, name
    for (uint32_t i = 0; i < files; ++i) {
      names.push_back("header_" + std::to_string(below(100000)) + ".h");
      const uint64_t head[2] = {inode + i + 1, random()};
      const uint16_t length = 40;
      std::byte* at = dirents.data() + i * 40;
      std::memcpy(at, head, sizeof head);
      std::memcpy(at + 16, &length, sizeof length);
      at[18] = std::byte{8};
      std::memcpy(at + 19, names.back().data(), names.back().size());
    }
    add_capture(exit, 1, tracer::Phase::exit, tracer::CaptureKind::bytes, kBuffer + 0x1000, dirents);
    call_of(3, "getdents64", {fd, kBuffer + 0x1000, 32768}, static_cast<int64_t>(dirents.size()));
    call_of(3, "getdents64", {fd, kBuffer + 0x1000, 32768}, 0);
    call_of(4, "close", {fd}, 0);
    for (uint32_t i = 0; i < files; ++i) {
      const uint64_t at = kBuffer + 64 * below(500);
      add_capture(entry, 1, tracer::Phase::entry, tracer::CaptureKind::string, at, bytes_of(names[i]));
      add_capture(exit, 2, tracer::Phase::exit, tracer::CaptureKind::bytes, kBuffer + 0x400,
                  stat_bytes(++inode, false));
      call_of(5, "newfstatat", {fd, at, kBuffer + 0x400, 0x100}, 0);
    }
  }
  account.time = time;
  sink.trace_ended(account);
}

}  // namespace sightline::slt
