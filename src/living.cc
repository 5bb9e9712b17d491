#include "src/living.h"

#include <algorithm>

namespace sightline {

ThreadState* Living::look_up(uint32_t serial) {
  const auto at = threads_.find(serial);
  if (at == threads_.end()) return nullptr;
  recent_.add(serial, *at->second);
  return at->second.get();
}

ThreadState* Living::thread_by_tid(int32_t tid) {
  const auto at = by_tid_.find(tid);
  return at == by_tid_.end() ? nullptr : at->second;
}

ProcessState* Living::process_by_pid(int32_t pid) {
  const auto at = std::find_if(processes_.begin(), processes_.end(), [&](const auto& entry) {
    return entry.second->threads != 0 && entry.second->process.pid == pid;
  });
  return at == processes_.end() ? nullptr : at->second.get();
}

ThreadState* Living::begin(uint32_t serial, int32_t tid, uint32_t process_serial) {
  auto& state = threads_[serial];
  if (state != nullptr) return nullptr;
  auto& owner = processes_[process_serial];
  if (owner == nullptr) owner = std::make_unique<ProcessState>();
  ++owner->threads;
  state = std::make_unique<ThreadState>();
  state->thread.serial = serial;
  state->thread.tid = tid;
  state->thread.process = &owner->process;
  state->process = owner.get();
  by_tid_[tid] = state.get();
  return state.get();
}

void Living::end(ThreadState& thread, bool last) {
  const uint32_t serial = thread.thread.serial;
  // Its tid may be another's by now.
  if (const auto at = by_tid_.find(thread.thread.tid); at != by_tid_.end() && at->second == &thread) by_tid_.erase(at);
  recent_.forget(serial);
  ProcessState& owner = *thread.process;
  if (--owner.threads == 0 && last) processes_.erase(owner.process.serial);
  threads_.erase(serial);
}

std::vector<ThreadState*> Living::threads() {
  std::vector<ThreadState*> all;
  for (const auto& [serial, state] : threads_) all.push_back(state.get());
  std::ranges::sort(all, {}, [](const ThreadState* state) { return state->thread.serial; });
  return all;
}

std::vector<const Process*> Living::processes() const {
  std::vector<const Process*> all;
  for (const auto& [serial, state] : processes_) all.push_back(&state->process);
  std::ranges::sort(all, {}, &Process::serial);
  return all;
}

}  // namespace sightline
