#include "tracer/inprocess/arena.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

#include "ringbuf/model.h"
#include "tracer/inprocess/dispatch.h"
#include "tracer/inprocess/remote.h"

extern "C" {
extern const std::byte sightline_stub_image[];
extern const std::byte sightline_stub_image_end[];
}

namespace sightline::tracer::inprocess {
namespace {

#ifndef MFD_EXEC
constexpr unsigned MFD_EXEC = 0x10;  // Linux 6.3; memfd_create(2)
#endif

/// How long the two clocks are compared before the first use.
constexpr uint64_t kFirstComparison = 500'000;  // ns

/// Both clocks at one moment, as near as can be: the closest of some tries.
void read_both(uint64_t& tsc, uint64_t& ns) {
  uint64_t closest = UINT64_MAX;
  for (int i = 0; i < 8; ++i) {
    const uint64_t before = read_tsc();
    const uint64_t now = ringbuf::StandardModel::now();
    const uint64_t after = read_tsc();
    if (after - before >= closest) continue;
    closest = after - before;
    tsc = before + (after - before) / 2;
    ns = now;
  }
}

int create_file() {
  int fd = memfd_create("sightline", MFD_CLOEXEC | MFD_EXEC);
  if (fd < 0 && errno == EINVAL) fd = memfd_create("sightline", MFD_CLOEXEC);
  return fd;
}

}  // namespace

std::unique_ptr<Arena> Arena::create(Failure& failure) {
  std::unique_ptr<Arena> arena(new Arena);
  const auto fail = [&](EngineReason reason, int error) {
    failure = {reason, error};
    return nullptr;
  };
#ifdef __SANITIZE_THREAD__
  // It sees neither that the stub synchronizes nor that the keeper (keeper.h) is none of its threads.
  return fail(EngineReason::no_shared_memory, 0);
#endif
  // The stub reads the processor's counter: one that stops or changes its pace would tell nonsense. The kernel itself
  // uses it only where it does not.
  std::string clocksource;
  std::ifstream("/sys/devices/system/clocksource/clocksource0/current_clocksource") >> clocksource;
  if (clocksource != "tsc") return fail(EngineReason::unfit_clock, 0);
  if (!Dispatch::exists()) return fail(EngineReason::old_kernel, 0);
  if (!same_memory(getpid(), getpid())) return fail(EngineReason::no_kcmp, errno);
  arena->fd_ = create_file();
  if (arena->fd_ < 0) return fail(EngineReason::no_shared_memory, errno);
  struct stat status {};
  if (fstat(arena->fd_, &status) != 0) return fail(EngineReason::no_shared_memory, errno);
  arena->inode_ = status.st_ino;
  const auto image_size = static_cast<std::size_t>(sightline_stub_image_end - sightline_stub_image);
  if (ftruncate(arena->fd_, static_cast<off_t>(kEnd - kBase)) != 0) return fail(EngineReason::no_shared_memory, errno);
  if (pwrite(arena->fd_, sightline_stub_image, image_size, 0) != static_cast<ssize_t>(image_size))
    return fail(EngineReason::no_shared_memory, errno);
  void* wanted = reinterpret_cast<void*>(kShared);
  void* got = mmap(wanted, kEnd - kShared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, arena->fd_,
                   static_cast<off_t>(kShared - kBase));
  if (got == MAP_FAILED) return fail(EngineReason::addresses_taken, errno);
  arena->mapped_ = got == wanted;
  if (!arena->mapped_) {  // a kernel that does not know MAP_FIXED_NOREPLACE
    munmap(got, kEnd - kShared);
    return fail(EngineReason::addresses_taken, 0);
  }
  std::memcpy(&arena->header_, sightline_stub_image, sizeof arena->header_);
  new (wanted) SharedState;  // not `SharedState()`, which would write all of it
  read_both(arena->first_tsc_, arena->first_ns_);
  return arena;
}

std::span<const std::byte> Arena::image_of(uint64_t start, uint64_t end) {
  return {sightline_stub_image + (start - kCode), static_cast<std::size_t>(end - start)};
}

Arena::~Arena() {
  if (mapped_) munmap(reinterpret_cast<void*>(kShared), kEnd - kShared);
  if (fd_ >= 0) close(fd_);
}

std::size_t Arena::take_slot() {
  if (!clock_is_set_.load(std::memory_order_relaxed)) set_clock();
  if (!free_.empty()) {
    const std::size_t slot = free_.back();
    free_.pop_back();
    return slot;
  }
  const std::size_t slot = used_.load(std::memory_order_relaxed);
  if (slot == kMostThreads) return kNoSlot;
  used_.store(slot + 1, std::memory_order_release);
  return slot;
}

void Arena::give_slot_back(std::size_t slot) {
  if (slot >= kMostThreads) return;
  thread_slot(slot).control.busy.store(0, std::memory_order_release);
  free_.push_back(slot);
}

CodeRanges* Arena::take_table() {
  CodeRanges* table = nullptr;
  if (!free_tables_.empty()) {
    table = free_tables_.back();
    free_tables_.pop_back();
  } else if (used_tables_ < kMostSpaces) {
    table = &code_ranges(used_tables_++);
  }
  return table != nullptr ? new (table) CodeRanges : nullptr;
}

void Arena::give_table_back(CodeRanges* table) {
  free_tables_.push_back(table);
}

uint64_t Arena::earliest_busy() const {
  uint64_t earliest = UINT64_MAX;
  const std::size_t used = used_.load(std::memory_order_acquire);
  for (std::size_t i = 0; i < used; ++i)
    if (const uint64_t since = thread_slot(i).control.busy.load(std::memory_order_acquire); since != 0)
      earliest = std::min(earliest, since);
  return earliest;
}

/// Between create() and the first thread there is a program to be started: mostly there is nothing left to wait for.
void Arena::set_clock() {
  while (ringbuf::StandardModel::now() - first_ns_ < kFirstComparison) {
  }
  update_clock();
  clock_is_set_.store(true, std::memory_order_release);
}

void Arena::tick() {
  if (clock_is_set_.load(std::memory_order_acquire)) update_clock();
}

void Arena::update_clock() {
  uint64_t tsc = 0;
  uint64_t ns = 0;
  read_both(tsc, ns);
  if (tsc <= first_tsc_ || ns <= first_ns_) return;
  TscClock& clock = shared().clock;
  const uint32_t version = clock.version.load(std::memory_order_relaxed);
  clock.version.store(version + 1, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_release);
  clock.tsc0.store(tsc, std::memory_order_relaxed);
  clock.ns0.store(ns, std::memory_order_relaxed);
  clock.mult.store(static_cast<uint64_t>((Wide{ns - first_ns_} << 32) / (tsc - first_tsc_)), std::memory_order_relaxed);
  clock.version.store(version + 2, std::memory_order_release);
}

}  // namespace sightline::tracer::inprocess
