/// Reading a stopped thread's memory.
#pragma once

#include <sys/types.h>

#include "tracer/capture.h"

namespace sightline::tracer {

/// process_vm_readv(2), which needs no stop and no descriptor; where it is refused (seccomp, old kernels),
/// /proc/TID/mem.
class ProcessMemory : public MemoryReader {
 public:
  ~ProcessMemory() override;
  /// The thread whose memory read() reads from now on.
  void select(pid_t tid) { tid_ = tid; }
  std::size_t read(uint64_t address, std::span<std::byte> into) override;

 private:
  std::size_t read_by_file(uint64_t address, std::span<std::byte> into);

  pid_t tid_ = 0;
  pid_t file_tid_ = 0;
  int file_ = -1;
  bool refused_ = false;
};

}  // namespace sightline::tracer
