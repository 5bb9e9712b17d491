/// The threads and processes that are alive, as the consumer knows them. Of those that have ended nothing is kept: a
/// program may start them all day long.
///
/// Threads: the consumer's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "src/call_stacks.h"
#include "src/model.h"
#include "src/recent.h"

namespace sightline {

struct OpenCall {
  Call call;
  std::vector<std::byte> entry_captures;
};

struct ProcessState {
  Process process;
  CallStacks::Space space = 0;  ///< 0: none yet
  uint32_t threads = 0;         ///< alive
  uint64_t counted = 0;         ///< Fallbacks::count
};

struct ThreadState {
  Thread thread;
  ProcessState* process = nullptr;
  OpenCall open;
  uint64_t last_number = 0;  ///< CallEnter::number of the last call seen
  bool is_open = false;
};

class Living {
 public:
  /// nullptr: none that lives.
  ThreadState* thread(uint32_t serial) {
    ThreadState* const recent = recent_.find(serial);
    return recent != nullptr ? recent : look_up(serial);
  }
  ThreadState* thread_by_tid(int32_t tid);
  ProcessState* process_by_pid(int32_t pid);

  /// A thread of that process, which is a new one (its serial is 0 still) if it has no other. nullptr: it lives
  /// already. Addresses are stable.
  ThreadState* begin(uint32_t serial, int32_t tid, uint32_t process_serial);
  /// With its process, if `last` says so and nobody else is known there.
  void end(ThreadState& thread, bool last);

  /// In order of their serials.
  std::vector<ThreadState*> threads();
  std::vector<const Process*> processes() const;

 private:
  ThreadState* look_up(uint32_t serial);

  std::unordered_map<uint32_t, std::unique_ptr<ThreadState>> threads_;     // by serial
  std::unordered_map<uint32_t, std::unique_ptr<ProcessState>> processes_;  // by serial
  std::unordered_map<int32_t, ThreadState*> by_tid_;
  Recent<ThreadState> recent_;
};

}  // namespace sightline
