#include "tracer/inprocess/signal_actions.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstddef>
#include <span>
#include <utility>

namespace sightline::tracer::inprocess {
namespace {

/// By the dispatch, the stub's breakpoints, and its copying of what may not be there.
constexpr int kNumbers[] = {SIGSYS, SIGTRAP, SIGSEGV, SIGBUS, SIGILL, SIGFPE};

// The kernel's, not the C library's: struct sigaction of include/linux/signal_types.h.
constexpr uint64_t kDefault = 0;
constexpr uint64_t kIgnore = 1;
constexpr uint64_t kResetHand = 0x80000000;  // SA_RESETHAND
constexpr uint64_t kMaskBytes = sizeof(uint64_t);

constexpr uint64_t kPage = 4096;

bool contains(uint64_t signals, int signo) {
  return (signals >> (signo - 1) & 1) != 0;
}

/// 0: it can't be had.
uint64_t map_page(RemoteCalls& remote) {
  const auto page =
      remote.call(SYS_mmap, {0, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, ~uint64_t{0}, 0});
  return page && *page > 0 ? static_cast<uint64_t>(*page) : 0;
}

}  // namespace

constinit const uint64_t SignalActions::kRaised = [] {
  uint64_t signals = 0;
  for (const int signo : kNumbers) signals |= uint64_t{1} << (signo - 1);
  return signals;
}();

bool SignalActions::may_have_run(const KernelAction& action) {
  return (action.handler != kDefault && action.handler != kIgnore) || (action.flags & kResetHand) != 0;
}

std::optional<std::size_t> SignalActions::index_of(uint64_t signo) {
  static_assert(std::size(kNumbers) == kSignals);
  const auto at =
      std::find(std::begin(kNumbers), std::end(kNumbers), static_cast<int>(signo));  // as the kernel takes it
  if (at == std::end(kNumbers)) return std::nullopt;
  return static_cast<std::size_t>(at - std::begin(kNumbers));
}

std::optional<std::size_t> SignalActions::index_of(const OpenCall& call) {
  return call.abi == Abi::x86_64 && call.nr == SYS_rt_sigaction ? index_of(call.args[0]) : std::nullopt;
}

SignalActions::Signals* SignalActions::find(uint32_t process) {
  const auto at = known_.find(process);
  return at == known_.end() ? nullptr : &at->second;
}

void SignalActions::begin(uint32_t process, const proc::Status& status) {
  Signals signals;
  for (std::size_t i = 0; i < kSignals; ++i)
    if (contains(status.ignored, kNumbers[i])) signals[i].action.handler = kIgnore;
  known_[process] = signals;
}

void SignalActions::begin(uint32_t process, const proc::Status& status, RemoteCalls& remote, pid_t tid) {
  Signals signals;
  const uint64_t page = map_page(remote);
  if (page == 0) return;
  for (std::size_t i = 0; i < kSignals; ++i) {
    const int signo = kNumbers[i];
    const bool ignored = contains(status.ignored, signo);
    if (!ignored && !contains(status.caught, signo)) continue;
    KernelAction& action = signals[i].action;
    if (remote.call(SYS_rt_sigaction, {static_cast<uint64_t>(signo), 0, page, kMaskBytes}) != 0 ||
        !read_memory(tid, page, std::as_writable_bytes(std::span(&action, 1))))
      return;
    // All but the handler stays when an action is lost; and it may be by now, to what has brought the stub in.
    signals[i].lost = action.handler == kDefault;
    if (ignored) action.handler = kIgnore;
  }
  remote.call(SYS_munmap, {page, kPage});
  known_[process] = signals;
}

void SignalActions::copy(uint32_t child, uint32_t parent) {
  if (const Signals* of_parent = find(parent)) {
    const Signals signals = *of_parent;
    known_[child] = signals;
  }
}

void SignalActions::forget(const Tracee& tracee, bool last_of_process) {
  calls_.erase(tracee.tid);
  if (last_of_process) known_.erase(tracee.process_serial);
}

void SignalActions::call_begun(const Tracee& tracee) {
  const OpenCall& call = tracee.call;
  if (!index_of(call) || !knows(tracee.process_serial)) return;
  Call& begun = calls_[tracee.tid] = {.sets = std::nullopt, .puts = puts_};
  // Now: the program may have the old action written over the new one.
  KernelAction action;
  if (call.args[1] != 0 && read_memory(tracee.tid, call.args[1], std::as_writable_bytes(std::span(&action, 1))))
    begun.sets = action;
}

void SignalActions::call_ends(const Tracee& tracee, bool failed) {
  const auto index = index_of(tracee.call);
  const auto begun = index ? calls_.find(tracee.tid) : calls_.end();
  if (begun == calls_.end()) return;
  const Call call = begun->second;
  calls_.erase(begun);
  Signals* signals = find(tracee.process_serial);
  if (failed || signals == nullptr) return;
  Signal& signal = (*signals)[*index];
  // A trap of another thread's may have come in between.
  const uint64_t old = tracee.call.args[2];
  uint64_t handler = kDefault;
  const auto bytes = std::as_writable_bytes(std::span(&handler, 1));
  if (old != 0 && signal.acts() && read_memory(tracee.tid, old, bytes) && handler == kDefault) {
    handler = signal.action.handler;
    write_memory(tracee.tid, old, bytes);
  }
  if (!call.sets) return;
  signal.action = *call.sets;
  // What was put back meanwhile was perhaps the former one.
  if (puts_ != call.puts) signal.lost = true;
}

bool SignalActions::ignores(uint32_t process, const siginfo_t& info) const {
  const auto index = index_of(static_cast<uint64_t>(info.si_signo));
  const auto at = known_.find(process);
  if (!index || at == known_.end() || info.si_code > 0) return false;
  const Signal& signal = at->second[*index];
  return signal.action.handler == kIgnore;
}

void SignalActions::delivered(uint32_t process, int signo) {
  const auto index = index_of(static_cast<uint64_t>(signo));
  Signals* signals = index ? find(process) : nullptr;
  if (signals == nullptr) return;
  Signal& signal = (*signals)[*index];
  if (signal.acts() && signal.action.handler != kIgnore && (signal.action.flags & kResetHand) != 0)
    signal.action.handler = kDefault;
}

void SignalActions::raised(uint32_t process, int signo, bool blocked) {
  const auto index = index_of(static_cast<uint64_t>(signo));
  Signals* signals = index ? find(process) : nullptr;
  if (signals == nullptr) return;
  Signal& signal = (*signals)[*index];
  if (signal.acts() && (blocked || signal.action.handler == kIgnore)) signal.lost = true;
}

bool SignalActions::has_lost(uint32_t process) const {
  const auto at = known_.find(process);
  return at != known_.end() &&
         std::any_of(at->second.begin(), at->second.end(), [](const Signal& signal) { return signal.lost; });
}

bool SignalActions::has_handler(uint32_t process, int signo) const {
  const auto index = index_of(static_cast<uint64_t>(signo));
  const auto at = known_.find(process);
  if (!index || at == known_.end()) return false;
  const Signal& signal = at->second[*index];
  return signal.acts() && signal.action.handler != kIgnore;
}

void SignalActions::put_back(uint32_t process, RemoteCalls& remote, pid_t tid, KernelAction* place) {
  Signals* signals = find(process);
  if (signals == nullptr) return;
  const uint64_t at = place != nullptr ? reinterpret_cast<uint64_t>(place) : map_page(remote);
  if (at == 0) return;
  for (std::size_t i = 0; i < kSignals; ++i) {
    Signal& signal = (*signals)[i];
    if (!std::exchange(signal.lost, false)) continue;
    ++puts_;
    if (place != nullptr)
      *place = signal.action;
    else
      write_memory(tid, at, std::as_bytes(std::span(&signal.action, 1)));
    remote.call(SYS_rt_sigaction, {static_cast<uint64_t>(kNumbers[i]), at, 0, kMaskBytes});
  }
  if (place == nullptr) remote.call(SYS_munmap, {at, kPage});
}

}  // namespace sightline::tracer::inprocess
