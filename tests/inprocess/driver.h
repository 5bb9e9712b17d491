/// Drives a traced thread by hand: the real engine, but each stop passes through the test's hands first.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ringbuf/ring_set.h"
#include "tests/inprocess/stepped.h"
#include "tracer/inprocess/arena.h"
#include "tracer/ptrace_engine.h"

namespace sightline::tracer::inprocess {

/// What the rings held.
struct Seen {
  struct Entry {
    int32_t nr;
    uint64_t ip, sp, args[6];
    uint8_t arg_count;
    uint32_t capture_bytes;
  };
  struct Exit {
    int32_t nr;
    int64_t ret;
  };
  std::vector<Entry> entries;
  std::vector<Exit> exits;
  std::vector<int> signals;
  std::size_t ends = 0;  ///< of threads
  uint64_t counted = 0;  ///< calls of the last thread that has ended, by its end's record …
  uint64_t last = 0;     ///< … and the number of the last call of any that has been seen
  bool refused = false;  ///< a program was not to be traced in-process
  bool damaged = false;
};

class Driver {
 public:
  /// nullptr, and why: the engine can't be used on this machine.
  static std::unique_ptr<Driver> create(std::string& why_not);
  ~Driver();

  /// Runs the program up to its first breakpoint, and empties the rings.
  bool start(const std::string& program);
  pid_t pid() const { return pid_; }
  /// In the traced program.
  uint64_t state_address() const { return state_at_; }
  stepped::State state() const;
  void set_state(const stepped::State& state) const;

  user_regs_struct registers() const;
  void set_registers(const user_regs_struct& registers) const;
  user_fpregs_struct vectors() const;
  void set_vectors(const user_fpregs_struct& vectors) const;

  /// One instruction. False: the thread is not in a stop of that kind any more.
  bool step();
  /// Whether the processor's own breakpoints can be set here.
  bool can_watch() const { return watch(0); }
  /// Goes on until the instruction at `address` is the next, for the `visit`th time: by a breakpoint of the
  /// processor's. False: it came to the breakpoint at `end` before, or is gone.
  bool run_before(uint64_t address, unsigned visit, uint64_t end);
  /// Goes on until the breakpoint at `address`; the engine handles what comes meanwhile. False: the thread is gone.
  bool run_to(uint64_t address);
  /// The same, for a thread that runs already. UINT64_MAX: any breakpoint.
  bool wait_for(uint64_t address);
  /// Goes on, likewise, until the thread sleeps in a call.
  void run_to_sleep();
  void wait_for_sleep();
  /// The next stop is the engine's to handle.
  void handle_next();
  void send(int signo) const;

  /// Empties the rings.
  Seen take_records();
  const StubHeader& stub() const { return arena_->stub(); }

 private:
  Driver() = default;
  void let_run() const;
  bool watch(uint64_t address) const;
  void handle(int status);

  std::unique_ptr<Arena> arena_;
  std::unique_ptr<ringbuf::RingSet> rings_;
  std::unique_ptr<Progress> progress_;
  std::unique_ptr<PtraceEngine> engine_;
  pid_t pid_ = -1;
  uint64_t state_at_ = 0;
  uint64_t last_call_ = 0;
};

}  // namespace sightline::tracer::inprocess
