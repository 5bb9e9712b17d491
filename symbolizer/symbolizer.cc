#include "symbolizer/symbolizer.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "symbolizer/address_space.h"
#include "symbolizer/jit_map.h"
#include "symbolizer/mapped_file.h"
#include "symbolizer/places.h"
#include "symbolizer/stacks.h"
#include "symbolizer/stepper.h"
#include "symbolizer/string_pool.h"

namespace sightline::symbolizer {
namespace {

constexpr std::size_t kFramePointer = 6;  // rbp's DWARF number

// Distinguishes a JitMap's piece from a file in a PlaceKey.
constexpr uint32_t kJitFile = uint32_t{1} << 31;

/// Whether a mapping's name says that no file is behind it: none, a name given by prctl(2), or memfd_create(2)'s, in
/// which some compilers put their code.
bool is_memory(std::string_view path) {
  return path.empty() || path.starts_with("[anon") || path.starts_with("//anon") || path.starts_with("/memfd:");
}

}  // namespace

struct Symbolizer::Impl {
  explicit Impl(Options given) : options(std::move(given)), files(options, strings) {}

  PlaceId place_of(const Interval* interval, uint64_t pc, uint32_t flags, JitMap* jit);
  PlaceId add_place(const PlaceKey& key, const Interval* interval, uint64_t pc);
  PlaceId add_jit_place(const PlaceKey& key, const JitMap::Piece& piece, uint64_t pc);
  bool is_behind_call(const AddressSpace& space, uint64_t address);
  SpaceId add(std::shared_ptr<AddressSpace> space);
  void look_for_fetched();
  bool guess_caller(const AddressSpace& space, FrameRegisters& registers, StackView& stack, bool is_leaf);

  Options options;
  StringPool strings;
  FileTable files;
  SlowRulesStore slow_rules;
  Places places;
  Stacks stacks;
  std::vector<std::shared_ptr<AddressSpace>> spaces;  // [SpaceId]; nullptr once released
  std::vector<SpaceId> free_spaces;                   // of those
  std::vector<std::unique_ptr<JitMap>> jit_maps;      // [SpaceId], as far as there are some
  std::vector<PlaceId> chain;                         // of the walk in progress, kept for its memory
  const AddressSpace empty_space;
  bool outdated = false;  // and nobody has been told yet
};

Symbolizer::Symbolizer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Symbolizer::~Symbolizer() = default;

SpaceId Symbolizer::Impl::add(std::shared_ptr<AddressSpace> space) {
  if (free_spaces.empty()) {
    spaces.push_back(std::move(space));
    return static_cast<SpaceId>(spaces.size() - 1);
  }
  const SpaceId id = free_spaces.back();
  free_spaces.pop_back();
  spaces[id] = std::move(space);
  return id;
}

SpaceId Symbolizer::create_space() {
  return impl_->add(std::make_shared<AddressSpace>());
}

SpaceId Symbolizer::fork_space(SpaceId parent) {
  if (parent >= impl_->spaces.size() || !impl_->spaces[parent]) return create_space();
  // Shared until either side gets new mappings: set_mappings replaces the object.
  return impl_->add(impl_->spaces[parent]);
}

void Symbolizer::release_space(SpaceId space) {
  if (space >= impl_->spaces.size() || !impl_->spaces[space]) return;
  impl_->spaces[space].reset();
  impl_->free_spaces.push_back(space);
  if (space < impl_->jit_maps.size()) impl_->jit_maps[space].reset();
}

void Symbolizer::set_jit_map(SpaceId space, std::vector<std::string> paths) {
  if (space >= impl_->spaces.size()) return;
  if (space >= impl_->jit_maps.size()) impl_->jit_maps.resize(space + 1);
  impl_->jit_maps[space] = std::make_unique<JitMap>(std::move(paths));
}

void Symbolizer::set_mappings(SpaceId space, std::span<const Mapping> mappings) {
  if (space >= impl_->spaces.size()) return;
  std::vector<Interval> intervals;
  intervals.reserve(mappings.size());
  for (const Mapping& mapping : mappings) {
    intervals.push_back({.start = mapping.start,
                         .end = mapping.end,
                         .file_offset = mapping.file_offset,
                         .file = impl_->files.file_of(mapping)});
  }
  auto replaced = std::make_shared<AddressSpace>();
  replaced->assign(std::move(intervals));
  impl_->spaces[space] = std::move(replaced);
}

PlaceId Symbolizer::Impl::place_of(const Interval* interval, uint64_t pc, uint32_t flags, JitMap* jit) {
  PlaceKey key{.offset = pc, .file = 0, .flags = flags};
  if (jit != nullptr && interval && is_memory(interval->file->path())) {
    // A return address may be one past the end of its piece.
    const uint64_t back = (flags & PlaceKey::kExact) != 0 || pc == 0 ? 0 : 1;
    if (const JitMap::Piece* piece = jit->find(pc - back)) {
      key.file = kJitFile | piece->number;
      const PlaceId known = places.find(key);
      return known != Places::kNone ? known : add_jit_place(key, *piece, pc);
    }
  }
  if (interval && !interval->file->path().empty()) {
    key.offset = pc - interval->start + interval->file_offset;
    key.file = interval->file->id();
  }
  const PlaceId known = places.find(key);
  return known != Places::kNone ? known : add_place(key, interval, pc);
}

PlaceId Symbolizer::Impl::add_place(const PlaceKey& key, const Interval* interval, uint64_t pc) {
  Place place;
  std::vector<Frame> frames;
  Module* module = key.file != 0 ? files.module_of(*interval->file) : nullptr;
  // A return address may be one past the end of its function; the call before it is what is meant.
  const uint64_t back = (key.flags & PlaceKey::kExact) || key.offset == 0 ? 0 : 1;
  const std::optional<uint64_t> lookup = module ? module->file().address_of_offset(key.offset - back) : std::nullopt;
  if (lookup) {
    place.rule = module->rule_at(*lookup, key.offset, slow_rules);
    Module::Description description = module->describe(*lookup + back, *lookup, (key.flags & PlaceKey::kBrief) != 0);
    files.ask_debuginfod(*interval->file);
    place.rank = description.rank;
    place.user_index = description.user_index;
    frames = std::move(description.frames);
  } else {
    frames.push_back({.module_offset = key.file != 0 ? key.offset : pc});
    if (key.file != 0) {
      switch (classify_file(interval->file->path(), "", false, options)) {
        case FileClass::runtime:
          place.rank = Rank::runtime;
          break;
        case FileClass::system:
          place.rank = Rank::system;
          break;
        case FileClass::user:
          place.rank = Rank::user;
          break;
      }
    }
  }
  for (Frame& frame : frames) {
    frame.pc = pc;
    if (key.file != 0) frame.module = interval->file->path();
    frame.guessed = (key.flags & PlaceKey::kGuessed) != 0;
  }
  return places.add(key, place, frames);
}

PlaceId Symbolizer::Impl::add_jit_place(const PlaceKey& key, const JitMap::Piece& piece, uint64_t pc) {
  const JitName name = parse_jit_name(piece.name);
  Frame frame{.pc = pc, .module_offset = pc};
  frame.module = strings.intern("[jit]");
  frame.function = strings.intern(name.function);
  frame.function_offset = pc - piece.start;
  frame.file = strings.intern(options.source_map.empty() ? std::string(name.file) : shown_source(name.file, options));
  frame.line = name.line;
  frame.column = name.column;
  frame.guessed = (key.flags & PlaceKey::kGuessed) != 0;
  Place place;
  place.rank = name.is_runtime || is_runtime_source(name.file, options) ? Rank::user_aside : Rank::user;
  return places.add(key, place, {frame});
}

bool Symbolizer::Impl::is_behind_call(const AddressSpace& space, uint64_t address) {
  const Interval* interval = space.find(address);
  Module* module = interval ? files.module_of(*interval->file) : nullptr;
  return module && module->is_behind_call(address - interval->start + interval->file_offset);
}

/// Without unwind rules: a leaf written in assembler has its return address on top of the stack; everything else may
/// have kept rbp as frame pointer. What is found must lie in code, behind a call where the code can be read.
bool Symbolizer::Impl::guess_caller(const AddressSpace& space, FrameRegisters& registers, StackView& stack,
                                    bool is_leaf) {
  if (is_leaf) {
    const std::optional<uint64_t> top = stack.read(registers.sp());
    if (top && is_behind_call(space, *top)) {
      registers.set(Registers::kPc, *top);
      registers.set(Registers::kSp, registers.sp() + 8);
      return true;
    }
  }
  if (!registers.knows(kFramePointer)) return false;
  const uint64_t frame = registers.value[kFramePointer];
  if (frame < registers.sp() || frame % 8 != 0) return false;
  const std::optional<uint64_t> next = stack.read(frame);
  const std::optional<uint64_t> caller = stack.read(frame + 8);
  if (!next || !caller) return false;
  const Interval* interval = space.find(*caller);
  if (!interval) return false;
  if (files.module_of(*interval->file)) {
    if (!is_behind_call(space, *caller)) return false;
  } else if (*next <= frame && *next != 0) {
    // Code that cannot be read (a JIT's): at least the chain of frame pointers must go on outward. The caller of code
    // that can be read may be libc, where rbp is a register like any other.
    return false;
  }
  registers.known = 0;
  registers.set(Registers::kPc, *caller);
  registers.set(Registers::kSp, frame + 16);
  registers.set(kFramePointer, *next);
  return true;
}

/// Debug information has come in the meantime.
void Symbolizer::Impl::look_for_fetched() {
  if (!files.take_fetched()) return;
  for (const auto& each : spaces)
    if (each) each->forget_places();
  outdated = true;
}

bool Symbolizer::take_outdated() {
  impl_->look_for_fetched();
  return std::exchange(impl_->outdated, false);
}

bool Symbolizer::use_again(StackId id) {
  if (id == kNoStack || id >= impl_->stacks.size()) return false;
  impl_->stacks.count_use(id);
  return true;
}

Resolved Symbolizer::resolve(SpaceId space_id, const StackSample& sample, Depth depth) {
  Impl& impl = *impl_;
  impl.look_for_fetched();
  // Holds the mappings for the walk; parsing files changes none of them.
  const AddressSpace& space =
      space_id < impl.spaces.size() && impl.spaces[space_id] ? *impl.spaces[space_id] : impl.empty_space;
  if (const Resolved* known = space.walks().find(sample, depth)) {
    impl.stacks.count_use(known->stack);
    return *known;
  }
  JitMap* const jit = space_id < impl.jit_maps.size() ? impl.jit_maps[space_id].get() : nullptr;
  StackView stack(sample);
  FrameRegisters registers;
  registers.value = sample.registers.value;
  uint32_t flags = sample.leaf_is_after_call ? 0 : PlaceKey::kExact;
  const uint32_t brief = depth == Depth::user_line ? PlaceKey::kBrief : 0;
  Stacks::Ending ending = Stacks::kEnded;
  Resolved result;
  bool repeatable = true;  // nothing but what is in the sample and the mappings was used
  impl.chain.clear();

  for (;;) {
    if (impl.chain.size() >= std::max(impl.options.max_frames, 1u)) {
      ending = Stacks::kTruncated;
      break;
    }
    const bool is_leaf = impl.chain.empty();
    PlaceId id = space.places().find(registers.pc(), flags | brief);
    if (id == Places::kNone) {
      const Interval* interval = space.find(registers.pc());
      if (!interval && !is_leaf) {
        ending = Stacks::kLost;  // no code there: whatever was taken for a return address is none
        break;
      }
      id = impl.place_of(interval, registers.pc(), flags | brief, jit);
      // What is in memory without a file may be named otherwise the next time.
      if (interval && !is_memory(interval->file->path()))
        space.places().add(registers.pc(), flags | brief, id);
      else
        repeatable = false;
    }
    impl.chain.push_back(id);
    const Place& place = impl.places[id];
    if (depth == Depth::user_line && place.rank == Rank::user) break;

    repeatable = repeatable && (place.rule.kind == Rule::Kind::simple || place.rule.kind == Rule::Kind::end);
    Step outcome = step(place.rule, impl.slow_rules, registers, stack);
    flags = place.rule.signal_frame ? PlaceKey::kExact : 0;
    if (outcome == Step::no_rule) {
      flags = PlaceKey::kGuessed;
      if (impl.guess_caller(space, registers, stack, is_leaf)) continue;
      // Start-up code clears the frame pointer to mark the outermost frame (psABI, section 3.4.1).
      if (!is_leaf && registers.knows(kFramePointer) && registers.value[kFramePointer] == 0) break;
      outcome = stack.hit_end() || !stack.holds(registers.sp()) ? Step::unreadable : Step::no_rule;
    }
    if (outcome == Step::stepped) continue;
    if (outcome == Step::unreadable) {
      ending = Stacks::kTruncated;
      result.hit_end_of_bytes = stack.hit_end();
    } else if (outcome != Step::outermost) {
      ending = Stacks::kLost;
    }
    break;
  }
  result.stack = impl.stacks.intern(impl.chain, ending, impl.places);
  const uint64_t sp = sample.registers.value[Registers::kSp];
  if (stack.read_to() > sp) {
    result.bytes_used = static_cast<uint32_t>(std::min<uint64_t>(stack.read_to() - sp, UINT32_MAX));
  }
  if (repeatable) {
    const Walk* const walk = space.walks().add(sample, depth, registers, stack, result);
    // Of a program that does not run for long most stacks are met once: nobody need be told how to know them again.
    if (impl.stacks.uses(result.stack) > 1) result.walk = walk;
  }
  return result;
}

const Stack& Symbolizer::stack(StackId id) const {
  return impl_->stacks[id];
}

std::vector<ModuleNote> Symbolizer::modules_without_lines() const {
  std::map<uint32_t, uint64_t> counts;  // by file
  impl_->stacks.for_each_use([&](const Stacks::Use& use) {
    // Start-up within the dynamic loader has no user's line that anyone could give it.
    if (use.stack.user_frame < 0 || impl_->places[use.user_place].rank == Rank::runtime) return;
    if (use.stack.frames[static_cast<std::size_t>(use.stack.user_frame)].line != 0) return;
    counts[impl_->places[use.user_place].file] += use.count;
  });
  std::vector<ModuleNote> notes;
  for (const auto& [identity, file] : impl_->files.files()) {
    const auto count = counts.find(file->id());
    std::string reason = impl_->files.reason_without_lines(*file);
    if (count == counts.end() || reason.empty()) continue;
    notes.push_back({.path = std::string(file->path()), .reason = std::move(reason), .frames = count->second});
  }
  std::stable_sort(notes.begin(), notes.end(),
                   [](const ModuleNote& a, const ModuleNote& b) { return a.frames > b.frames; });
  return notes;
}

}  // namespace sightline::symbolizer
