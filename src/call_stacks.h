/// The stacks behind calls: what the consumer knows of each program's memory, what it makes of the pieces of stack that
/// come with calls, and what it tells the threads that record their calls themselves of stacks it has seen.
///
/// Threads: the consumer's. Nothing is done here unless stacks are wanted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "src/model.h"
#include "symbolizer/symbolizer.h"
#include "tracer/progress.h"
#include "tracer/span.h"

namespace sightline {

class CallStacks {
 public:
  /// A memory, of which several processes may be users (vfork). 0: none.
  using Space = uint32_t;

  CallStacks(bool wanted, symbolizer::Depth depth, symbolizer::Symbolizer& symbolizer, tracer::Progress& progress);

  /// Makes another space of a process's, and lets go of the one it had.
  void new_space(Space& space, const Process& process);
  void fork_space(Space& space, Space parents, const Process& process);
  void share_space(Space& space, Space parents);
  void leave_space(Space& space) { move(space, 0); }

  /// `entries`: what follows the record. False: it can't be true.
  bool set_mappings(Space space, const tracer::MappingsRecord& record, std::span<const std::byte> entries);

  /// Gives the call its stack, if it came with one. `rest`: what follows the record's captures. False: it can't be
  /// true.
  bool find(Call& call, Space space, const tracer::CallEnter& enter, std::span<const std::byte> rest);

  /// Takes back what threads have been told, where it may no longer hold.
  void forget_outdated();
  std::vector<symbolizer::ModuleNote> modules_without_lines() const;

 private:
  static symbolizer::SpaceId id_of(Space space) { return space - 1; }
  static Space space_of(symbolizer::SpaceId id) { return id + 1; }
  void move(Space& from, Space to);
  void name_jit_map(Space space, const Process& process);
  bool resolve(Call& call, Space space, const tracer::CallEnter& enter, std::span<const std::byte> rest);
  bool use_known(Call& call, const tracer::CallEnter& enter);
  void tell_producers(const tracer::CallEnter& enter, const symbolizer::Resolved& resolved);

  bool wanted_;
  symbolizer::Depth depth_;
  symbolizer::Symbolizer& symbolizer_;
  tracer::Progress& progress_;
  std::vector<uint32_t> users_;  ///< by space
};

}  // namespace sightline
