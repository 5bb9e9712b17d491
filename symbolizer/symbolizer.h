/// Symbolizer: from the registers and stack bytes of a stopped thread to source lines.
///
/// The room knows ELF and DWARF and the mappings it is handed. It knows neither ptrace nor rings nor how a line is
/// printed. Everything here runs on the consumer's thread: no member is safe to call from two threads at once.
///
/// A resolved stack is interned: the same chain of (file, offset) yields the same StackId, so that callers may cache
/// whatever they make of a stack by its id, and a trace file stores each stack once. Nothing interned is ever dropped:
/// memory grows with the number of different stacks (8 bytes a frame), not with the number of calls.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sightline::symbolizer {

/// One executable mapping of a traced process, as in /proc/PID/maps (proc_pid_maps(5)).
struct Mapping {
  uint64_t start = 0;        ///< first address
  uint64_t end = 0;          ///< one past the last address
  uint64_t file_offset = 0;  ///< bytes into the file
  uint64_t device = 0;       ///< st_dev of the file, 0 for none
  uint64_t inode = 0;        ///< st_ino of the file, 0 for none
  std::string path = {};     ///< the path as the kernel shows it; "[vdso]", "" or "… (deleted)" included
  int fd = -1;               ///< an open descriptor of the file, or -1. Stays the caller's; dup()ed when it is kept
};

/// The general registers in the order of the x86-64 psABI's DWARF numbers (psABI 1.0, figure 3.36):
/// rax rdx rcx rbx rsi rdi rbp rsp r8 … r15, then the return address column, which is rip.
struct Registers {
  static constexpr std::size_t kCount = 17;
  static constexpr std::size_t kSp = 7;
  static constexpr std::size_t kPc = 16;
  std::array<uint64_t, kCount> value{};
};

/// What the producer copied while the thread was stopped.
struct StackSample {
  Registers registers = {};
  uint64_t address = 0;                   ///< the address of bytes[0], usually the stack pointer
  std::span<const std::byte> bytes = {};  ///< the stack from there outward; may end anywhere
  bool leaf_is_after_call = true;         ///< rip stands behind the syscall instruction: look up pc - 1
};

/// One frame of a resolved stack. Inlined functions are frames of their own, with the pc of the frame they sit in.
/// Frames are shared: all stacks that pass through the same place in the same file point at one Frame. Views live as
/// long as the Symbolizer.
struct Frame {
  uint64_t pc = 0;               ///< address where this place was first seen (differs between processes)
  std::string_view module = {};  ///< path of the mapped file, or "[vdso]", or "" where nothing is mapped
  /// pc as the file's own address, as addr2line takes it. For a caller pc is the instruction behind its call, and line
  /// that of the call: addr2line says the same for module_offset - 1.
  uint64_t module_offset = 0;
  std::string_view function = {};  ///< demangled, without parameters; "" if unknown
  uint64_t function_offset = 0;    ///< bytes into the function's symbol
  std::string_view file = {};      ///< source file as DWARF names it (directory joined); "" if unknown
  uint32_t line = 0;               ///< 0 if unknown
  uint32_t column = 0;             ///< 0 if unknown
  bool inlined = false;            ///< inlined into the next frame
  bool guessed = false;            ///< found without unwind rules
  bool line_is_near = false;       ///< DWARF had line 0 here: the nearest line before it
};

/// The frames of a stack, innermost first: a vector of Frame to its reader, a vector of pointers to shared frames in
/// memory, since a program has few places and many stacks.
class FrameList {
 public:
  class Iterator {
   public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Frame;
    using difference_type = std::ptrdiff_t;
    using pointer = const Frame*;
    using reference = const Frame&;
    Iterator() = default;
    explicit Iterator(const Frame* const* at) : at_(at) {}
    reference operator*() const { return **at_; }
    pointer operator->() const { return *at_; }
    Iterator& operator++() { return ++at_, *this; }
    Iterator operator++(int) { return Iterator(at_++); }
    bool operator==(const Iterator&) const = default;

   private:
    const Frame* const* at_ = nullptr;
  };

  std::size_t size() const { return frames_.size(); }
  bool empty() const { return frames_.empty(); }
  const Frame& operator[](std::size_t index) const { return *frames_[index]; }
  const Frame& front() const { return *frames_.front(); }
  const Frame& back() const { return *frames_.back(); }
  Iterator begin() const { return Iterator(frames_.data()); }
  Iterator end() const { return Iterator(frames_.data() + frames_.size()); }
  void push_back(const Frame* frame) { frames_.push_back(frame); }
  void reserve(std::size_t count) { frames_.reserve(count); }

 private:
  std::vector<const Frame*> frames_;
};

/// A stack, innermost frame first. A walk with Depth::user_line ends at the user's line and is neither truncated
/// nor lost there.
struct Stack {
  FrameList frames;
  bool truncated = false;   ///< the copied bytes, or Options::max_frames, ended before the stack did
  bool lost = false;        ///< the walk ended early for another reason: no unwind rules, or memory made no sense
  int32_t user_frame = -1;  ///< index of the frame that is "the user's line"; -1 only where there is no frame
};

using StackId = uint32_t;  ///< index into the interned stacks; 0 is "no stack"
using SpaceId = uint32_t;  ///< an address space, until it is released
inline constexpr StackId kNoStack = 0;

/// How far to walk.
enum class Depth : uint8_t {
  user_line,  ///< stop as soon as the user's line is known
  whole,      ///< to the end of the stack (at most Options::max_frames)
};

struct Walk;  // walk.h

/// What a resolve cost in stack bytes, so that the producer can learn how many to copy at this call site.
struct Resolved {
  StackId stack = kNoStack;
  uint32_t bytes_used = 0;        ///< bytes from the stack pointer outward that the walk has read
  bool hit_end_of_bytes = false;  ///< the walk ended because the copied bytes did: more bytes would yield more frames
  /// What the stack has followed from, if that is simple enough to be told, and the stack was met before; valid until
  /// the next call.
  const Walk* walk = nullptr;
};

struct Options {
  uint32_t max_frames = 256;
  /// Directories whose files count as "system", not as the user's own (see user_line.h).
  std::vector<std::string> system_prefixes = {"/usr/lib", "/lib", "/usr/lib64", "/lib64", "/usr/libexec"};
  /// Directories (or files) whose programs, libraries and sources are the user's own, and such as are not, whatever the
  /// other rules say. Where several fit a path, the longest decides.
  std::vector<std::string> user_prefixes = {};
  std::vector<std::string> library_prefixes = {};
  /// Source paths are shown with `first` replaced by `second` where it is a leading part of them, whole names only; the
  /// longest that fits. For programs that were built elsewhere.
  std::vector<std::pair<std::string, std::string>> source_map = {};
  /// Where separate debug files are looked for, by build-id and by .gnu_debuglink.
  std::vector<std::string> debug_directories = {"/usr/lib/debug"};
  /// Whether debuginfod servers may be asked for what is nowhere else. Calls are named by what there is while that goes
  /// on in the background, and by their lines once it has come.
  bool debuginfod = false;
};

/// A module that owns "the user's line" of some calls but could not give file and line, for the note at the end of a
/// trace. (libc without lines does not matter to anyone whose own program has them, so it is not counted.)
struct ModuleNote {
  std::string path = {};
  std::string reason = {};  ///< one clause, e.g. "no debug information"
  uint64_t frames = 0;      ///< resolved stacks whose user's line lies in it
};

class Symbolizer {
 public:
  explicit Symbolizer(Options options = {});
  ~Symbolizer();
  Symbolizer(const Symbolizer&) = delete;
  Symbolizer& operator=(const Symbolizer&) = delete;

  /// A new, empty address space (at exec and at attach).
  SpaceId create_space();
  /// A copy of `parent` (at fork). Cheap.
  SpaceId fork_space(SpaceId parent);
  /// The process or its address space is gone.
  void release_space(SpaceId space);
  /// Replaces all executable mappings of `space`. Files are opened at once if a descriptor came with them (so that
  /// deleted files work), and parsed when first needed.
  void set_mappings(SpaceId space, std::span<const Mapping> mappings);

  /// Code of `space` that lies in no file may be named in one of these files, as jit_map.h says; the first that exists.
  void set_jit_map(SpaceId space, std::vector<std::string> paths);

  /// Unwinds and resolves. Never throws on what the traced process contains; an unreadable file yields frames
  /// without names, never no frames: the leaf's pc is always there.
  Resolved resolve(SpaceId space, const StackSample& sample, Depth depth);

  /// A stack that resolve() has returned before is that of another call, too, which had the same Resolved::walk with
  /// the same mappings. False: there is no such stack.
  bool use_again(StackId id);
  /// True once when what resolve() has said may have a better name by now: then no stack is to be used again.
  bool take_outdated();

  /// A resolved stack; valid as long as the Symbolizer. `id` must come from resolve() or be kNoStack.
  const Stack& stack(StackId id) const;

  /// Modules whose calls had no source line, most calls first.
  std::vector<ModuleNote> modules_without_lines() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sightline::symbolizer
