/// What calls refer to by number: strings, frames, stacks, processes, threads.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "src/model.h"
#include "src/slt/bytes.h"
#include "src/slt/format.h"

namespace sightline::slt {

/// Numbers things at their first use and collects the records that define them.
class DefinitionWriter {
 public:
  /// The id of a resolved stack; 0 for nullptr. `live` is its id in the symbolizer, by which it is found again.
  uint32_t stack(symbolizer::StackId live, const symbolizer::Stack* stack) {
    if (stack == nullptr) return 0;
    const Recent& recent = recent_[live % kRecent];
    return recent.id != 0 && recent.live == live ? recent.id : find_stack(live, *stack);
  }
  /// Defines a process or thread as it is now; call once for each.
  uint32_t process(const Process& process);
  uint32_t thread(const Thread& thread, uint32_t process_id);

  /// Hands over the records made since the last time, in portions that each fit a chunk.
  std::vector<ByteWriter> take();
  bool has_much() const { return !full_.empty(); }  ///< a chunk's worth waits to be taken

 private:
  struct FrameKey {
    uint64_t pc, module_offset, function_offset;
    uint32_t module, function, file, line, column, flags;
    bool operator==(const FrameKey&) const = default;
  };
  struct FrameHash {
    std::size_t operator()(const FrameKey& key) const;
  };
  struct StringHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  /// The stacks that calls come from all the time, before the table of all.
  struct Recent {
    symbolizer::StackId live = 0;
    uint32_t id = 0;
  };
  static constexpr std::size_t kRecent = 256;

  uint32_t find_stack(symbolizer::StackId live, const symbolizer::Stack& stack);
  uint32_t define_stack(const symbolizer::Stack& stack);
  uint32_t string(std::string_view text);
  uint32_t frame(const symbolizer::Frame& frame);
  void append(Record type);

  ByteWriter pending_;
  std::vector<ByteWriter> full_;
  ByteWriter payload_;
  std::unordered_map<std::string, uint32_t, StringHash, std::equal_to<>> strings_;
  std::unordered_map<FrameKey, uint32_t, FrameHash> frames_;
  std::unordered_map<uint64_t, uint32_t> nodes_;  // parent node << 32 | frame
  std::unordered_map<symbolizer::StackId, uint32_t> stacks_;
  std::array<Recent, kRecent> recent_;
  uint32_t processes_ = 0;
  uint32_t threads_ = 0;
};

/// The definitions read so far. Ids come from a file: each accessor returns nullptr for one that was never defined.
class Definitions {
 public:
  /// `limit`: bytes of memory that definitions may take; beyond it the file counts as damaged.
  explicit Definitions(uint64_t limit) : limit_(limit) {}

  /// False if the record is damaged. Types that are no definitions are skipped.
  bool add(Record type, ByteReader payload);

  Process* process(uint32_t id);
  const std::deque<Process>& processes() const { return processes_; }
  Thread* thread(uint32_t id);
  /// Builds the stack at its first use; nullptr also if the memory limit is reached.
  const symbolizer::Stack* stack(uint32_t id);

 private:
  struct Node {
    uint32_t parent, frame, depth;
  };
  struct StackEntry {
    uint32_t leaf = 0;
    int32_t user_frame = -1;
    uint8_t flags = 0;
    std::unique_ptr<symbolizer::Stack> built;
  };

  bool spend(uint64_t bytes);
  bool add_frame(ByteReader in);
  bool add_stack(ByteReader in);
  bool add_process(ByteReader in);
  bool add_thread(ByteReader in);
  bool read_string_id(ByteReader& in, std::string_view& into) const;

  uint64_t limit_;
  uint64_t used_ = 0;
  std::deque<std::string> strings_;
  std::deque<symbolizer::Frame> frames_;  // stacks point to them
  std::vector<Node> nodes_;
  std::vector<StackEntry> stacks_;
  std::deque<Process> processes_;
  std::deque<Thread> threads_;
};

}  // namespace sightline::slt
