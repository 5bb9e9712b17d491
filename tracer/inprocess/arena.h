/// The memory that the tracer shares with the processes it traces from inside (layout.h), and what is handed out of it.
///
/// Threads: made and handed out by the tracer's; earliest_busy() and tick() by the consumer's.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "tracer/engine_reason.h"
#include "tracer/inprocess/layout.h"

namespace sightline::tracer::inprocess {

class Arena {
 public:
  /// Why there is none, and the errno of what failed, or 0.
  struct Failure {
    EngineReason reason = EngineReason::none;
    int error = 0;
  };
  /// nullptr, and why, if this machine can't do it.
  static std::unique_ptr<Arena> create(Failure& failure);
  ~Arena();
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  /// For traced processes to open as /proc/PID/fd/N.
  int fd() const { return fd_; }
  /// By which a process's mappings show whether the stub there is this one.
  uint64_t inode() const { return inode_; }
  const StubHeader& stub() const { return header_; }
  /// What of its image is to be at [start, end).
  static std::span<const std::byte> image_of(uint64_t start, uint64_t end);
  std::span<std::byte> rings() const { return {reinterpret_cast<std::byte*>(kRings), kRingBytes}; }

  static constexpr std::size_t kNoSlot = SIZE_MAX;
  /// A thread's place; kNoSlot if all are taken. The first may wait until the stub's clock can be set: half a
  /// millisecond after create().
  std::size_t take_slot();
  /// The thread is gone.
  void give_slot_back(std::size_t slot);

  /// An address space's list of where code is, empty; null if all are taken.
  CodeRanges* take_table();
  void give_table_back(CodeRanges* table);

  /// The earliest time that a record may have which is being made inside a traced process now.
  uint64_t earliest_busy() const;
  /// Brings the stub's clock up to date. At least every few seconds, from one thread.
  void tick();

 private:
  Arena() = default;
  void set_clock();
  void update_clock();

  int fd_ = -1;
  uint64_t inode_ = 0;
  bool mapped_ = false;
  StubHeader header_{};
  std::vector<std::size_t> free_;
  std::vector<CodeRanges*> free_tables_;
  std::size_t used_tables_ = 0;
  std::atomic<std::size_t> used_{0};
  uint64_t first_tsc_ = 0, first_ns_ = 0;
  std::atomic<bool> clock_is_set_{false};  ///< from then on it is tick()'s
};

}  // namespace sightline::tracer::inprocess
