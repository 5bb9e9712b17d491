/// Which calls on memory the stub may make by itself: those that can't touch code.
///
/// The tracer has to follow each change to executable mappings: the symbolizer wants them, and patched code must not be
/// looked for where other code is by now. A program's start makes two dozen calls on memory, of which few do that. So
/// the tracer keeps, for each address space, a list of where code is or may be (known_code.h), and the stub looks
/// there. What is in doubt is the tracer's.
///
/// Threads: one writes, the tracer's; those of the address space read at any time. Who reads while it is being changed
/// sees everything touched. A call that meets, in another thread, the very call that makes the memory executable may be
/// seen before or after it, as by the kernel.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

namespace sightline::tracer::inprocess {

struct CodeRanges {
  static constexpr std::size_t kMost = 63;

  std::atomic<uint32_t> version{0};  ///< odd: it is being changed
  std::atomic<uint32_t> count{0};
  std::array<std::atomic<uint64_t>, 2 * kMost> bounds{};  ///< starts and ends

  bool touched(uint64_t start, uint64_t length) const {
    const uint64_t end = start + length;
    const uint32_t before = version.load(std::memory_order_acquire);
    const uint32_t n = count.load(std::memory_order_relaxed);
    if ((before & 1) != 0 || n > kMost || end < start) return true;
    bool hit = false;
    for (uint32_t i = 0; i < n; ++i)
      hit = hit || (bounds[2 * i].load(std::memory_order_relaxed) < end &&
                    start < bounds[2 * i + 1].load(std::memory_order_relaxed));
    std::atomic_thread_fence(std::memory_order_acquire);
    return hit || version.load(std::memory_order_relaxed) != before;
  }
};

/// Of a call in SharedState::by_tracer: whether the tracer has to see it, or it is harmless with these arguments.
/// `code` is null where nobody knows where there is code. Asked by the stub and, when a call has trapped, by the
/// tracer.
bool is_for_tracer(int32_t nr, const uint64_t (&args)[6], const CodeRanges* code);

}  // namespace sightline::tracer::inprocess
