#include "src/call_stacks.h"

#include <unistd.h>

#include <cstring>
#include <string>

#include "src/read_record.h"
#include "symbolizer/walk.h"

namespace sightline {
namespace {

constexpr uint32_t kStackPointer = 7;  // rsp's DWARF number

}  // namespace

CallStacks::CallStacks(bool wanted, symbolizer::Depth depth, symbolizer::Symbolizer& symbolizer,
                       tracer::Progress& progress)
    : wanted_(wanted), depth_(depth), symbolizer_(symbolizer), progress_(progress) {}

void CallStacks::move(Space& from, Space to) {
  if (to >= users_.size()) users_.resize(to + 1);
  if (to != 0) ++users_[to];
  if (from != 0 && --users_[from] == 0) symbolizer_.release_space(id_of(from));
  from = to;
}

void CallStacks::new_space(Space& space, const Process& process) {
  if (!wanted_) return;
  move(space, space_of(symbolizer_.create_space()));
  name_jit_map(space, process);
}

void CallStacks::fork_space(Space& space, Space parents, const Process& process) {
  if (!wanted_) return;
  move(space, space_of(symbolizer_.fork_space(id_of(parents))));
  name_jit_map(space, process);
}

void CallStacks::share_space(Space& space, Space parents) {
  if (wanted_) move(space, parents);
}

/// Where compilers put the names of what they write into memory: under the process's own id, in its own /tmp.
void CallStacks::name_jit_map(Space space, const Process& process) {
  const std::string name = "/tmp/perf-" + std::to_string(process.ns_pid) + ".map";
  symbolizer_.set_jit_map(id_of(space), {"/proc/" + std::to_string(process.pid) + "/root" + name, name});
}

bool CallStacks::set_mappings(Space space, const tracer::MappingsRecord& record, std::span<const std::byte> entries) {
  std::vector<symbolizer::Mapping> mappings;
  for (uint32_t i = 0; i < record.count; ++i) {
    tracer::MappingEntry entry;
    if (!read_record(entries, entry)) return false;
    entries = entries.subspan(sizeof entry);
    const uint64_t path_bytes = tracer::padded(entry.path_length);
    if (path_bytes > entries.size()) return false;
    mappings.push_back({.start = entry.start,
                        .end = entry.end,
                        .file_offset = entry.file_offset,
                        .device = entry.device,
                        .inode = entry.inode,
                        .path = std::string(reinterpret_cast<const char*>(entries.data()), entry.path_length),
                        .fd = entry.fd});
    entries = entries.subspan(path_bytes);
  }
  if (space != 0) symbolizer_.set_mappings(id_of(space), mappings);
  // The symbolizer has duplicates of those it wants.
  for (const symbolizer::Mapping& mapping : mappings)
    if (mapping.fd >= 0) close(mapping.fd);
  return true;
}

bool CallStacks::find(Call& call, Space space, const tracer::CallEnter& enter, std::span<const std::byte> rest) {
  if (!wanted_) return true;
  if ((enter.flags & tracer::kCallHasStack) != 0) return resolve(call, space, enter, rest);
  return (enter.flags & tracer::kCallKnownStack) == 0 || use_known(call, enter);
}

bool CallStacks::resolve(Call& call, Space space, const tracer::CallEnter& enter, std::span<const std::byte> rest) {
  using Block = tracer::RegisterBlock;
  static_assert(sizeof(Block) == sizeof(symbolizer::Registers));
  if (rest.size() < sizeof(Block) || rest.size() - sizeof(Block) < enter.stack_bytes) return false;
  if (space == 0) return true;
  symbolizer::StackSample sample;
  std::memcpy(&sample.registers, rest.data(), sizeof(Block));
  sample.address = enter.sp;
  sample.bytes = rest.subspan(sizeof(Block), enter.stack_bytes);
  const symbolizer::Resolved resolved = symbolizer_.resolve(id_of(space), sample, depth_);
  call.stack_id = resolved.stack;
  call.stack = &symbolizer_.stack(resolved.stack);
  if (resolved.walk != nullptr && enter.stack != 0 && progress_.known_stacks != nullptr)
    tell_producers(enter, resolved);
  using Windows = tracer::StackWindows;
  progress_.windows->learn(call.thread->process->serial, enter.ip, resolved.bytes_used, resolved.hit_end_of_bytes,
                           progress_.known_stacks != nullptr ? Windows::kSmallestIfKnown : Windows::kSmallest);
  return true;
}

void CallStacks::tell_producers(const tracer::CallEnter& enter, const symbolizer::Resolved& resolved) {
  const symbolizer::Walk& walk = *resolved.walk;
  using Grounds = tracer::KnownStacks::Grounds;
  static_assert(symbolizer::Walk::kMostRegisters <= tracer::KnownStacks::kMostRegisters);
  static_assert(symbolizer::Walk::kMostReads <= tracer::KnownStacks::kMostWords);
  if (walk.address != enter.sp || walk.sp != enter.sp || walk.pc != enter.ip) return;
  Grounds grounds{.memory = enter.stack, .pc = walk.pc, .sp = walk.sp};
  for (std::size_t i = 0; i < walk.register_count; ++i) {
    if (walk.registers[i].number == kStackPointer) continue;  // it is part of the key
    if ((tracer::KnownStacks::kRegisters >> walk.registers[i].number & 1) == 0) return;
    grounds.number[grounds.registers] = static_cast<uint8_t>(walk.registers[i].number);
    grounds.value[grounds.registers++] = walk.registers[i].value;
  }
  for (; grounds.words < walk.read_count; ++grounds.words) {
    grounds.where[grounds.words] = walk.reads[grounds.words].where;
    grounds.word[grounds.words] = walk.reads[grounds.words].value;
  }
  progress_.known_stacks->add(grounds, resolved.stack);
}

bool CallStacks::use_known(Call& call, const tracer::CallEnter& enter) {
  const auto stack = static_cast<symbolizer::StackId>(enter.stack);
  if (stack != enter.stack || !symbolizer_.use_again(stack)) return false;
  call.stack_id = stack;
  call.stack = &symbolizer_.stack(stack);
  return true;
}

void CallStacks::forget_outdated() {
  if (progress_.known_stacks != nullptr && symbolizer_.take_outdated()) progress_.known_stacks->clear();
}

std::vector<symbolizer::ModuleNote> CallStacks::modules_without_lines() const {
  if (!wanted_) return {};
  return symbolizer_.modules_without_lines();
}

}  // namespace sightline
