/// Another process's stopped thread: its registers and memory, and system calls made in its name.
///
/// Threads: the tracer's. A thread may die at any moment; then everything here answers false or nothing, and its end is
/// reported by waitpid(2) as usual.
#pragma once

#include <sys/types.h>
#include <sys/user.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <utility>

namespace sightline::tracer {
struct Tracee;
}

namespace sightline::tracer::inprocess {

bool get_registers(pid_t tid, user_regs_struct& registers);
bool set_registers(pid_t tid, const user_regs_struct& registers);

/// PTRACE_POKEUSER of one register, by its offset in user_regs_struct: also between a call's two stops.
bool set_register(pid_t tid, std::size_t offset, uint64_t value);

/// Whether two threads share their memory (kcmp(2)).
bool same_memory(pid_t a, pid_t b);

/// The signals that the thread has blocked: bit n - 1 is signal n.
bool get_blocked(pid_t tid, uint64_t& blocked);
bool set_blocked(pid_t tid, uint64_t blocked);

/// Whether a signal waits for the thread that its last instruction has raised: the dispatch's, or a breakpoint's. A
/// stop for another reason may come first.
bool has_pending_trap(pid_t tid);

/// All of it, or false.
bool read_memory(pid_t tid, uint64_t address, std::span<std::byte> into);
/// Also where the process itself may not write: its code.
bool write_memory(pid_t tid, uint64_t address, std::span<const std::byte> from);

/// Makes calls in the name of a thread that is in a ptrace stop. While it lives no signal reaches the thread; at its
/// end registers and signal mask are what they were.
class RemoteCalls {
 public:
  /// `syscall_at`: where the process has a `syscall` instruction that no dispatch diverts. What comes to the thread in
  /// the meantime, and can't wait, is left in `tracee`: in `meanwhile`, and as `interrupting` where it needs another
  /// stop that PTRACE_INTERRUPT causes before it goes on with its program.
  RemoteCalls(Tracee& tracee, uint64_t syscall_at);
  ~RemoteCalls();
  RemoteCalls(const RemoteCalls&) = delete;
  RemoteCalls& operator=(const RemoteCalls&) = delete;

  /// The kernel's answer; nullopt: the thread is gone.
  std::optional<int64_t> call(long nr, std::initializer_list<uint64_t> arguments);
  /// Later calls are made there.
  void move_to(uint64_t syscall_at) { syscall_at_ = syscall_at; }
  enum class End {
    diverted,    ///< at a system call, by the dispatch that the code has set
    breakpoint,  ///< at an int3
    lost,        ///< the thread is gone
  };
  /// Runs code of ours up to one of its two ends: with all registers as they are in `registers`, and then were. Where
  /// the program ignores the signal of that end, it does so no more (SignalActions).
  End run(user_regs_struct& registers);
  /// At the beginning.
  const user_regs_struct& registers() const { return registers_; }
  /// The thread is ending. waitpid(2) will tell of it as usual.
  bool lost() const { return lost_; }

 private:
  bool wait_for_stop();
  template <class Done>
  bool run_to(long resume_by, const Done& done);
  int met_signal(int signo);

  Tracee& tracee_;
  const pid_t tid_;
  uint64_t syscall_at_;
  bool ready_ = false;
  int sent_again_ = 0;
  uint64_t mask_ = 0;
  user_regs_struct registers_{};
  bool lost_ = false;
};

}  // namespace sightline::tracer::inprocess
