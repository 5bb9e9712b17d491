// Payloads:
//
//   string    its bytes, without a length of their own
//   frame     module (string), module offset, pc signed (beyond the module offset), function (string), function offset,
//             file (string), line, column, FrameFlags
//   stack     base, count, count frames, StackFlags u8, user frame + 1
//   process   serial, pid signed, parent pid signed, ns pid signed, start, comm, engine, reason
//   thread    process, serial, tid signed, parent tid signed, ns tid signed, birth u8, start, comm
//
// Stacks share their outer ends: `base` is a node of the tree of all stacks (0: its root), from which `count` new nodes
// lead inward, numbered on from the last. A program of a thousand stacks of thirty frames has some three frames a
// stack of its own.
#include "src/slt/definitions.h"

#include <algorithm>

#include "src/slt/records.h"

namespace sightline::slt {
namespace {

enum FrameFlags : uint8_t { kFrameInlined = 1, kFrameGuessed = 2, kFrameLineIsNear = 4 };
enum StackFlags : uint8_t { kStackTruncated = 1, kStackLost = 2 };

unsigned flag(bool set, uint8_t bit) {
  return set ? bit : 0;
}

// What one more element costs besides its own bytes: the nodes of the maps and the slack of the vectors, roughly.
constexpr uint64_t kOverhead = 32;

}  // namespace

std::size_t DefinitionWriter::FrameHash::operator()(const FrameKey& key) const {
  uint64_t hash = 0;
  for (const uint64_t word :
       {key.pc, key.module_offset, key.function_offset, static_cast<uint64_t>(key.module) << 32 | key.function,
        static_cast<uint64_t>(key.file) << 32 | key.line, static_cast<uint64_t>(key.column) << 8 | key.flags})
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u + (hash >> 29);
  return hash;
}

void DefinitionWriter::append(Record type) {
  append_record(pending_, type, payload_);
  if (pending_.size() >= kChunkBytes) full_.push_back(std::move(pending_));
}

std::vector<ByteWriter> DefinitionWriter::take() {
  if (!pending_.empty()) full_.push_back(std::move(pending_));
  return std::exchange(full_, {});
}

uint32_t DefinitionWriter::string(std::string_view text) {
  if (text.empty()) return 0;
  text = text.substr(0, kMaxString);
  if (const auto found = strings_.find(text); found != strings_.end()) return found->second;
  const auto id = static_cast<uint32_t>(strings_.size() + 1);
  strings_.emplace(text, id);
  payload_.clear();
  payload_.bytes(text.data(), text.size());
  append(Record::string);
  return id;
}

uint32_t DefinitionWriter::frame(const symbolizer::Frame& frame) {
  FrameKey key{};
  key.pc = frame.pc;
  key.module_offset = frame.module_offset;
  key.function_offset = frame.function_offset;
  key.module = string(frame.module);
  key.function = string(frame.function);
  key.file = string(frame.file);
  key.line = frame.line;
  key.column = frame.column;
  key.flags = flag(frame.inlined, kFrameInlined) | flag(frame.guessed, kFrameGuessed) |
              flag(frame.line_is_near, kFrameLineIsNear);
  const auto [found, is_new] = frames_.try_emplace(key, static_cast<uint32_t>(frames_.size() + 1));
  if (!is_new) return found->second;
  payload_.clear();
  payload_.varint(key.module);
  payload_.varint(key.module_offset);
  payload_.signed_varint(static_cast<int64_t>(key.pc - key.module_offset));
  payload_.varint(key.function);
  payload_.varint(key.function_offset);
  payload_.varint(key.file);
  payload_.varint(key.line);
  payload_.varint(key.column);
  payload_.u8(static_cast<uint8_t>(key.flags));
  append(Record::frame);
  return found->second;
}

uint32_t DefinitionWriter::find_stack(symbolizer::StackId live, const symbolizer::Stack& stack) {
  const auto found = stacks_.find(live);
  const uint32_t id = found != stacks_.end() ? found->second : define_stack(stack);
  if (found == stacks_.end()) stacks_.emplace(live, id);
  recent_[live % kRecent] = {live, id};
  return id;
}

uint32_t DefinitionWriter::define_stack(const symbolizer::Stack& stack) {
  // Frames beyond the limit are the outermost ones.
  const std::size_t count = std::min<std::size_t>(stack.frames.size(), kMaxFrames);
  std::vector<uint32_t> own;
  uint32_t base = 0;
  for (std::size_t i = count; i-- > 0;) {
    const uint32_t id = frame(stack.frames[i]);
    if (own.empty()) {
      const auto node = nodes_.find(static_cast<uint64_t>(base) << 32 | id);
      if (node != nodes_.end()) {
        base = node->second;
        continue;
      }
    }
    own.push_back(id);
  }
  uint32_t parent = base;
  for (const uint32_t id : own) {
    const auto node = static_cast<uint32_t>(nodes_.size() + 1);
    nodes_.emplace(static_cast<uint64_t>(parent) << 32 | id, node);
    parent = node;
  }
  payload_.clear();
  payload_.varint(base);
  payload_.varint(own.size());
  for (const uint32_t id : own) payload_.varint(id);
  payload_.u8(static_cast<uint8_t>(flag(stack.truncated || count < stack.frames.size(), kStackTruncated) |
                                   flag(stack.lost, kStackLost)));
  const bool has_user_frame = stack.user_frame >= 0 && static_cast<std::size_t>(stack.user_frame) < count;
  payload_.varint(has_user_frame ? static_cast<uint64_t>(stack.user_frame) + 1 : 0);
  append(Record::stack);
  return static_cast<uint32_t>(stacks_.size() + 1);
}

uint32_t DefinitionWriter::process(const Process& process) {
  payload_.clear();
  payload_.varint(process.serial);
  payload_.signed_varint(process.pid);
  payload_.signed_varint(process.parent_pid);
  payload_.signed_varint(process.ns_pid);
  payload_.varint(process.start);
  payload_.string(std::string_view(process.comm).substr(0, kMaxString));
  payload_.string(std::string_view(process.engine).substr(0, kMaxString));
  payload_.varint(static_cast<uint64_t>(process.reason));
  append(Record::process);
  return ++processes_;
}

uint32_t DefinitionWriter::thread(const Thread& thread, uint32_t process_id) {
  payload_.clear();
  payload_.varint(process_id);
  payload_.varint(thread.serial);
  payload_.signed_varint(thread.tid);
  payload_.signed_varint(thread.parent_tid);
  payload_.signed_varint(thread.ns_tid);
  payload_.u8(static_cast<uint8_t>(thread.birth));
  payload_.varint(thread.start);
  payload_.string(std::string_view(thread.comm).substr(0, kMaxString));
  append(Record::thread);
  return ++threads_;
}

bool Definitions::add(Record type, ByteReader payload) {
  // A type that is none of these is not an error: a later minor version may have added it.
  if (type == Record::string) {
    if (!spend(payload.left() + sizeof(std::string) + kOverhead)) return false;
    strings_.emplace_back(reinterpret_cast<const char*>(payload.position()), payload.left());
    return true;
  }
  if (type == Record::frame) return add_frame(payload);
  if (type == Record::stack) return add_stack(payload);
  if (type == Record::process) return add_process(payload);
  if (type == Record::thread) return add_thread(payload);
  return true;
}

Process* Definitions::process(uint32_t id) {
  return id - 1 < processes_.size() ? &processes_[id - 1] : nullptr;
}

Thread* Definitions::thread(uint32_t id) {
  return id - 1 < threads_.size() ? &threads_[id - 1] : nullptr;
}

const symbolizer::Stack* Definitions::stack(uint32_t id) {
  if (id - 1 >= stacks_.size()) return nullptr;
  StackEntry& entry = stacks_[id - 1];
  if (entry.built) return entry.built.get();
  const std::size_t depth = entry.leaf == 0 ? 0 : nodes_[entry.leaf - 1].depth;
  if (!spend(depth * sizeof(void*) + sizeof(symbolizer::Stack) + kOverhead)) return nullptr;
  entry.built = std::make_unique<symbolizer::Stack>();
  entry.built->truncated = (entry.flags & kStackTruncated) != 0;
  entry.built->lost = (entry.flags & kStackLost) != 0;
  entry.built->user_frame = entry.user_frame;
  entry.built->frames.reserve(depth);
  for (uint32_t node = entry.leaf; node != 0; node = nodes_[node - 1].parent)
    entry.built->frames.push_back(&frames_[nodes_[node - 1].frame - 1]);
  return entry.built.get();
}

bool Definitions::spend(uint64_t bytes) {
  used_ += bytes;
  return used_ <= limit_;
}

bool Definitions::read_string_id(ByteReader& in, std::string_view& into) const {
  const uint32_t id = in.u32();
  if (id > strings_.size()) return false;
  into = id == 0 ? std::string_view() : std::string_view(strings_[id - 1]);
  return true;
}

bool Definitions::add_frame(ByteReader in) {
  symbolizer::Frame frame;
  if (!read_string_id(in, frame.module)) return false;
  frame.module_offset = in.varint();
  frame.pc = frame.module_offset + static_cast<uint64_t>(in.signed_varint());
  if (!read_string_id(in, frame.function)) return false;
  frame.function_offset = in.varint();
  if (!read_string_id(in, frame.file)) return false;
  frame.line = in.u32();
  frame.column = in.u32();
  const unsigned flags = in.u8();
  frame.inlined = (flags & kFrameInlined) != 0;
  frame.guessed = (flags & kFrameGuessed) != 0;
  frame.line_is_near = (flags & kFrameLineIsNear) != 0;
  if (!in.ok() || !spend(sizeof frame)) return false;
  frames_.push_back(frame);
  return true;
}

bool Definitions::add_stack(ByteReader in) {
  StackEntry entry;
  entry.leaf = in.u32();
  const uint64_t count = in.varint();
  if (entry.leaf > nodes_.size() || count > in.left()) return false;
  const uint64_t depth = (entry.leaf == 0 ? 0 : nodes_[entry.leaf - 1].depth) + count;
  if (depth > kMaxFrames || !spend(count * sizeof(Node) * 2 + sizeof(StackEntry) * 2)) return false;
  for (uint64_t i = 0; i < count; ++i) {
    const uint32_t frame = in.u32();
    if (frame - 1 >= frames_.size()) return false;
    nodes_.push_back({entry.leaf, frame, entry.leaf == 0 ? 1 : nodes_[entry.leaf - 1].depth + 1});
    entry.leaf = static_cast<uint32_t>(nodes_.size());
  }
  entry.flags = in.u8();
  const uint64_t user_frame_and_one = in.varint();
  if (!in.ok() || user_frame_and_one > depth) return false;
  entry.user_frame = static_cast<int32_t>(user_frame_and_one) - 1;
  stacks_.push_back(std::move(entry));
  return true;
}

bool Definitions::add_process(ByteReader in) {
  Process process;
  process.serial = in.u32();
  process.pid = in.i32();
  process.parent_pid = in.i32();
  process.ns_pid = in.i32();
  process.start = in.varint();
  process.comm = in.string();
  process.engine = in.string();
  if (!in.at_end()) process.reason = tracer::engine_reason(in.varint());
  if (!in.ok() || !spend(sizeof process + process.comm.size() + process.engine.size() + kOverhead)) return false;
  processes_.push_back(std::move(process));
  return true;
}

bool Definitions::add_thread(ByteReader in) {
  Thread thread;
  thread.process = process(in.u32());
  thread.serial = in.u32();
  thread.tid = in.i32();
  thread.parent_tid = in.i32();
  thread.ns_tid = in.i32();
  const unsigned birth = in.u8();
  thread.start = in.varint();
  thread.comm = in.string();
  if (!in.ok() || thread.process == nullptr || birth > static_cast<unsigned>(tracer::Birth::thread) ||
      !spend(sizeof thread + thread.comm.size() + kOverhead))
    return false;
  thread.birth = static_cast<tracer::Birth>(birth);
  threads_.push_back(std::move(thread));
  return true;
}

}  // namespace sightline::slt
