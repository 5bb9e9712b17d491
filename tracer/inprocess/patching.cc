// How a site is changed: what its surroundings allow, and the instructions that are written.
#include <algorithm>
#include <cstring>

#include "tracer/inprocess/remote.h"
#include "tracer/inprocess/sites.h"
#include "tracer/tracee.h"

namespace sightline::tracer::inprocess {
namespace {

// The first trap of a site is taken as it comes: most sites of a program's start are never seen again.
constexpr uint32_t kTrapsBeforePatch = 2;

constexpr uint64_t kIntoStub = 34;            // bytes, of Code::into_stub()
constexpr uint64_t kOwnCall = kIntoStub + 2;  // where the near `syscall` ends
constexpr uint64_t kFunctions = 16;           // what functions are aligned to, at least, where there is padding

constexpr std::byte b(int value) {
  return static_cast<std::byte>(value);
}

/// Writes machine code.
class Code {
 public:
  explicit Code(uint64_t address) : address_(address) {}
  Code& bytes(std::initializer_list<int> values) {
    for (const int value : values) code_[size_++] = b(value);
    return *this;
  }
  Code& value(uint64_t v, std::size_t n) {
    std::memcpy(code_.data() + size_, &v, n);
    size_ += n;
    return *this;
  }
  Code& copy(std::span<const std::byte> from) {
    std::memcpy(code_.data() + size_, from.data(), from.size());
    size_ += from.size();
    return *this;
  }
  /// 32 bits of the way to `to`, counted from behind them.
  Code& way(uint64_t to) {
    const uint64_t distance = to - (here() + 4);
    const auto sign = static_cast<int64_t>(distance);
    good_ = good_ && sign == static_cast<int32_t>(sign);
    return value(distance, 4);
  }
  /// jmp rel32
  Code& jump(uint64_t to) { return bytes({0xe9}).way(to); }
  /// jcc rel32
  Code& jump_if(int condition, uint64_t to) { return bytes({0x0f, 0x80 | condition}).way(to); }
  /// An instruction from `from`, whose address counted from its end is to mean the same here.
  Code& copy_relative(std::span<const std::byte> instruction, std::size_t relative_at, uint64_t from) {
    int32_t offset = 0;
    std::memcpy(&offset, instruction.data() + relative_at, sizeof offset);
    const auto moved = static_cast<int64_t>(from - here()) + offset;
    good_ = good_ && moved == static_cast<int32_t>(moved);
    const std::size_t at = size_ + relative_at;
    copy(instruction);
    std::memcpy(code_.data() + at, &moved, sizeof offset);
    return *this;
  }
  /// movabs $v,%rcx; movabs $w,%r11; jmp *0(%rip)
  Code& into_stub(uint64_t behind, uint64_t resume, uint64_t entry) {
    bytes({0x48, 0xb9}).value(behind, 8).bytes({0x49, 0xbb}).value(resume, 8);
    return bytes({0xff, 0x25, 0, 0, 0, 0}).value(entry, 8);
  }
  uint64_t here() const { return address_ + size_; }
  std::size_t size() const { return size_; }
  bool good() const { return good_; }
  std::span<const std::byte> all() const { return {code_.data(), size_}; }

 private:
  // 34 + 2 bytes, at most two instructions of which one may be longest and one has less than 3, or three of which two
  // have 1 byte; a jump that becomes longer; a jump back.
  uint64_t address_;
  std::size_t size_ = 0;
  bool good_ = true;
  std::array<std::byte, 2 * NearCode::kBytes> code_{};
};

/// How many of the bytes from `address` on fill up the space before the next function, if it begins where such a thing
/// may begin; else 0. They must follow an instruction that does not go on there.
std::size_t padding_at(std::span<const std::byte> bytes, uint64_t address) {
  const std::size_t n = -address % kFunctions;
  if (n > bytes.size()) return 0;
  for (std::size_t i = 0; i < n;) {
    const auto instruction = decode(bytes.subspan(i, n - i));
    if (bytes[i] != b(0xcc) && (!instruction || !instruction->nothing)) return 0;
    i += instruction->length;
  }
  return n;
}

/// The long jump in the padding of a site.
Code jump_from(uint64_t padding, uint64_t near) {
  Code code(padding);
  code.jump(near);
  return code;
}

}  // namespace

struct Sites::Surroundings {
  static constexpr std::size_t kBefore = 128;
  static constexpr std::size_t kAfter = 160;

  uint64_t behind = 0;
  uint64_t private_from = 0;                // before that, others may see it
  std::array<std::byte, kBefore> before{};  // up to and with the `syscall`; 0 where nothing can be read
  std::array<std::byte, kAfter> bytes{};
  std::size_t size = 0;

  /// Whether a short jump before the site leads to `address`: then an instruction begins there.
  bool leads_to(uint64_t address) const {
    for (std::size_t end = 2; end <= kBefore; ++end) {
      const auto op = std::to_integer<uint8_t>(before[end - 2]);
      const auto distance = std::to_integer<uint8_t>(before[end - 1]);
      if (((op & 0xf0) == 0x70 || op == 0xeb) && distance < 0x80 && behind - kBefore + end + distance == address)
        return true;
    }
    return false;
  }
  bool is_call() const { return before[kBefore - 2] == b(0x0f) && before[kBefore - 1] == b(0x05); }
  std::span<const std::byte> after() const { return {bytes.data(), size}; }
  std::span<const std::byte> last(std::size_t n) const { return std::span(before).last(n); }
};

Sites::Surroundings Sites::look_around(pid_t tid, uint64_t behind) const {
  constexpr uint64_t kPage = 4096;
  Surroundings around;
  around.behind = behind;
  // The site may be the first of its mapping, or the last.
  const uint64_t start = behind - Surroundings::kBefore;
  const uint64_t page = (behind - 2) & ~(kPage - 1);
  if (!read_memory(tid, start, around.before) && start < page)
    read_memory(tid, page, std::span(around.before).subspan(page - start));
  around.size = Surroundings::kAfter;
  if (!read_memory(tid, behind, around.bytes)) {
    around.size = std::min<std::size_t>(-behind % kPage, around.size);
    if (!read_memory(tid, behind, std::span(around.bytes).first(around.size))) around.size = 0;
  }
  // As the program has it: in the middle of a jump of ours no instruction begins.
  const auto put_back = [&](const Patch& patch, uint64_t address, std::span<const std::byte> original) {
    if (address >= behind + around.size || address + original.size() <= start || !stands(tid, patch)) return;
    for (std::size_t i = 0; i < original.size(); ++i) {
      const uint64_t at = address + i;
      if (at - start < Surroundings::kBefore) around.before[at - start] = original[i];
      if (at - behind < around.size) around.bytes[at - behind] = original[i];
    }
  };
  for (const auto& [first, near] : patched_) {
    const Patch& patch = patches_.at(near);
    put_back(patch, first, std::span(patch.original).first(patch.size));
    if (patch.padding != 0) put_back(patch, patch.padding, patch.padding_original);
  }
  return around;
}

uint64_t Sites::take_near(const Through& by, uint64_t from, uint32_t fixed) {
  const uint64_t place = near_.take(by.tracee, from, fixed, by.remote_syscall);
  if (place != 0) {
    const auto [start, end] = near_.area_of(place);
    code_.add(start, end - start);
  }
  return place;
}

/// Nobody may ever execute half an instruction: breakpoints stand wherever one begins while the rest is written, and
/// the last write is one byte again.
bool Sites::put_in_place(const Through& by, Patch& patch, std::span<const std::byte> near) {
  const pid_t tid = by.tracee.tid;
  if (!write_memory(tid, patch.near, near)) return false;
  if (!by.alone) {
    patch.step = Patch::Step::breakpoints;
    patch.in_hands = true;
  }
  patches_[patch.near] = patch;
  patched_[patch.start] = patch.near;
  if (by.alone) {
    if (write_memory(tid, patch.start, std::span<const std::byte>(patch.written).first(patch.size))) return true;
    put_back_outside(tid, patch, 0, 0);
    forget_patch(patch.start);
    return false;
  }
  bool done = write_memory(tid, patch.start, {&kBreakpoint, 1});
  for (const Piece& piece : patch.pieces.list())
    if (piece.own < patch.size) done = done && write_memory(tid, patch.start + piece.own, {&kBreakpoint, 1});
  return done;
}

/// Of the bytes that we have changed those beyond the `length` from `start` on, where nobody has changed them since.
void Sites::put_back_outside(pid_t tid, const Patch& patch, uint64_t start, uint64_t length) {
  const auto put_back = [&](uint64_t first, std::span<const std::byte> written, const Jump& original) {
    for (std::size_t i = 0; i < written.size(); ++i) {
      std::byte now{};
      if (first + i - start < length || !read_memory(tid, first + i, {&now, 1})) continue;
      if (now == written[i] || now == kBreakpoint) write_memory(tid, first + i, {&original[i], 1});
    }
  };
  put_back(patch.start, std::span<const std::byte>(patch.written).first(patch.size), patch.original);
  if (patch.padding != 0) put_back(patch.padding, jump_from(patch.padding, patch.near).all(), patch.padding_original);
}

bool Sites::next_step(pid_t tid, uint64_t unfinished) {
  const auto found = patches_.find(unfinished);
  if (found == patches_.end() || !patched_.contains(found->second.start)) return false;  // taken back meanwhile
  Patch& patch = found->second;
  patch.in_hands = copies_ == 0;
  // Nor if the program has written something there itself.
  if (!patch.in_hands || patch.step == Patch::Step::done || !stands(tid, patch)) return false;
  const auto bytes = std::span<const std::byte>(patch.written).first(patch.size);
  if (patch.step == Patch::Step::breakpoints) {
    patch.step = Patch::Step::but_the_first;
    return write_memory(tid, patch.start + 1, bytes.subspan(1));
  }
  patch.step = Patch::Step::done;
  patch.in_hands = false;
  write_memory(tid, patch.start, bytes.first(1));
  return false;
}

void Sites::give_up(uint64_t unfinished) {
  if (const auto found = patches_.find(unfinished); found != patches_.end()) found->second.in_hands = false;
}

uint64_t Sites::take_up(uint64_t address) {
  const Patch* patch = unfinished_at(address);
  if (patch == nullptr) patch = patch_with_breakpoint(address);
  if (patch == nullptr || patch->step == Patch::Step::done || patch->in_hands || copies_ != 0) return 0;
  patches_.at(patch->near).in_hands = true;
  return patch->near;
}

namespace {

/// Whether b8 imm32 before the `syscall` is an instruction of its own: not the end of a longer one, which has another
/// register (a REX prefix) or memory for its target.
bool is_move(std::span<const std::byte> before, int32_t nr) {
  const std::size_t at = before.size() - 7;
  int32_t loaded = 0;
  std::memcpy(&loaded, before.data() + at + 1, sizeof loaded);
  if (before[at] != b(0xb8) || loaded != nr) return false;
  const auto byte = [&](std::size_t back) { return std::to_integer<uint8_t>(before[at - back]); };
  if ((byte(1) & 0xf1) == 0x41) return false;
  // An opcode with an operand in memory and 32 bits behind it, where b8 is the last byte of the operand.
  const auto stores = [](uint8_t op) { return op == 0xc7 || op == 0x81 || op == 0x69 || op == 0xf7; };
  const auto mode = [](uint8_t modrm) { return modrm >> 6; };
  const auto base = [](uint8_t modrm) { return modrm & 7; };
  if (stores(byte(2)) && mode(byte(1)) == 1 && base(byte(1)) != 4) return false;
  if (stores(byte(2)) && mode(byte(1)) == 0 && base(byte(1)) == 4) return false;
  if (stores(byte(3)) && mode(byte(2)) == 1 && base(byte(2)) == 4) return false;
  return !(stores(byte(5)) && (mode(byte(4)) == 2 || (mode(byte(4)) == 0 && base(byte(4)) == 5))) && !stores(byte(6));
}

}  // namespace

bool Sites::patch_after_move(const Through& by, const Surroundings& around) {
  Patch patch;
  patch.form = Form::after_move;
  patch.start = around.behind - 7;
  patch.behind = patch.resume = around.behind;
  if (patch.start < around.private_from || overlaps(patch.start, kJump)) return false;
  patch.near = take_near(by, patch.start + kJump, 0);
  if (patch.near == 0) return false;
  const auto move = around.last(7).first(kJump);
  std::copy(move.begin(), move.end(), patch.original.begin());
  Code code(patch.near);
  code.copy(move).into_stub(patch.behind, patch.resume, by.stub_entry);
  Code jump(patch.start);
  jump.jump(patch.near);
  std::copy(jump.all().begin(), jump.all().end(), patch.written.begin());
  return put_in_place(by, patch, code.all());
}

/// The instructions that begin in the 5 bytes from the `syscall` on, if they can be run elsewhere.
std::optional<Sites::Pieces> Sites::pieces_of(const Surroundings& around) {
  Pieces pieces;
  std::size_t size = 2;
  while (size < kJump) {
    const auto rest = around.after().subspan(std::min(size - 2, around.size));
    const auto instruction = decode(rest);
    if (!instruction || instruction->flow == Flow::call || instruction->flow == Flow::trap ||
        pieces.count == kMostPieces)
      return std::nullopt;
    pieces.all[pieces.count++] = {.instruction = *instruction, .own = static_cast<uint8_t>(size)};
    size += instruction->length;
    if (instruction->flow != Flow::end && instruction->flow != Flow::jump) continue;
    if (size + padding_at(rest.subspan(instruction->length), around.behind - 2 + size) >= kJump) break;
    // Nothing is said of what follows such an instruction, but that something may be there.
    if (!around.leads_to(around.behind - 2 + size)) return std::nullopt;
  }
  return pieces;
}

bool Sites::patch_with_next(const Through& by, const Surroundings& around) {
  std::optional<Pieces> pieces = pieces_of(around);
  if (!pieces || around.size < kJump - 2) return false;
  Patch patch;
  patch.form = Form::with_next;
  patch.start = around.behind - 2;
  patch.behind = around.behind;
  if (overlaps(patch.start, kJump)) return false;
  uint32_t traps = 0;
  for (const Piece& piece : pieces->list()) traps |= uint32_t{0xff} << 8 * (piece.own - 1);
  patch.near = take_near(by, patch.start + kJump, traps);
  if (patch.near == 0) return false;
  patch.resume = patch.near + kOwnCall;
  Code code(patch.near);
  code.into_stub(patch.behind, patch.resume, by.stub_entry).bytes({0x0f, 0x05});
  uint64_t end = patch.behind;
  Flow last = Flow::on;
  for (Piece& piece : pieces->list()) {
    const Instruction& instruction = piece.instruction;
    const auto bytes = around.after().subspan(piece.own - 2u, instruction.length);
    const uint64_t from = patch.start + piece.own;
    end = from + instruction.length;
    last = instruction.flow;
    piece.near = static_cast<uint8_t>(code.size());
    const uint64_t target = end + static_cast<uint64_t>(instruction.target);
    if (instruction.flow == Flow::jump)
      code.jump(target);
    else if (instruction.flow == Flow::jump_if)
      code.jump_if(instruction.condition, target);
    else if (instruction.relative_at != 0)
      code.copy_relative(bytes, instruction.relative_at, from);
    else
      code.copy(bytes);
  }
  if (last == Flow::on || last == Flow::jump_if) {
    pieces->all[pieces->count++] = {
        .instruction = {}, .own = static_cast<uint8_t>(end - patch.start), .near = static_cast<uint8_t>(code.size())};
    code.jump(end);
  }
  patch.pieces = *pieces;
  std::copy_n(around.last(2).begin(), 2, patch.original.begin());
  std::copy_n(around.after().begin(), kJump - 2, patch.original.begin() + 2);
  Code jump(patch.start);
  jump.jump(patch.near);
  std::copy(jump.all().begin(), jump.all().end(), patch.written.begin());
  if (!code.good() || code.size() > NearCode::kBytes) {
    near_.give_back(patch.near);
    return false;
  }
  return put_in_place(by, patch, code.all());
}

/// Five bytes within reach of a short jump that nobody executes; 0: none. From behind the call on one instruction
/// follows the other, so where one ends that does not go on is known.
uint64_t Sites::find_padding(const Surroundings& around) const {
  constexpr std::size_t kFarthest = 127;
  std::vector<uint64_t> targets;
  uint64_t found = 0;
  std::size_t at = 0;
  while (found == 0) {
    const auto rest = around.after().subspan(at);
    const auto instruction = decode(rest);
    if (!instruction) return 0;
    at += instruction->length;
    if (at > kFarthest) return 0;
    const uint64_t next = around.behind + at;
    if (instruction->target != 0) targets.push_back(next + static_cast<uint64_t>(instruction->target));
    if (instruction->flow != Flow::end && instruction->flow != Flow::jump) continue;
    if (padding_at(around.after().subspan(at), next) >= kJump && !overlaps(next, kJump)) found = next;
  }
  const bool wanted = std::any_of(targets.begin(), targets.end(), [&](uint64_t to) { return to - found < kJump; });
  return wanted ? 0 : found;
}

bool Sites::patch_by_padding(const Through& by, const Surroundings& around) {
  Patch patch;
  patch.form = Form::by_padding;
  patch.start = around.behind - 2;
  patch.behind = around.behind;
  patch.size = 2;
  if (overlaps(patch.start, patch.size)) return false;
  patch.padding = find_padding(around);
  if (patch.padding == 0) return false;
  patch.near = take_near(by, patch.padding + kJump, 0);
  if (patch.near == 0) return false;
  patch.resume = patch.near + kOwnCall;
  Code code(patch.near);
  code.into_stub(patch.behind, patch.resume, by.stub_entry).bytes({0x0f, 0x05});
  patch.pieces.all[patch.pieces.count++] = {.instruction = {}, .own = 2, .near = static_cast<uint8_t>(code.size())};
  code.jump(patch.behind);
  std::copy_n(around.last(2).begin(), 2, patch.original.begin());
  std::copy_n(around.after().begin() + static_cast<std::ptrdiff_t>(patch.padding - patch.behind), kJump,
              patch.padding_original.begin());
  patch.written = {b(0xeb), b(static_cast<int>(patch.padding - patch.behind))};
  paddings_[patch.padding] = patch.start;
  return write_memory(by.tracee.tid, patch.padding, jump_from(patch.padding, patch.near).all()) &&
         put_in_place(by, patch, code.all());
}

Sites::Attempt Sites::trapped(const Through& by, uint64_t behind, int32_t nr) {
  const pid_t tid = by.tracee.tid;
  if (frozen_ || copies_ != 0) return {};
  // A patched site traps where the kernel restarts a call, and where the stub sends what it can't take.
  if (is_near(behind)) return {};
  for (const uint64_t start : {behind - 7, behind - 2})
    if (const Patch* patch = standing_patch(tid, start); patch != nullptr && patch->behind == behind) return {};
  const uint32_t traps = ++traps_[behind];
  if (traps < kTrapsBeforePatch || traps > kLastTry) return {};
  Surroundings around = look_around(tid, behind);
  // A jump into what others see would lead them astray, and might be written to a file. The site may be at an end of
  // what nobody else sees.
  const auto [private_from, private_to] = private_around(tid, behind - 2);
  if (!around.is_call() || private_to < behind) return {.said = "not to be patched"};
  around.private_from = private_from;
  around.size = std::min<uint64_t>(around.size, private_to - behind);
  std::string_view form = "no form fits";
  if (is_move(around.before, nr) && patch_after_move(by, around))
    form = "after_move";
  else if (patch_with_next(by, around))
    form = "with_next";
  else if (patch_by_padding(by, around))
    form = "by_padding";
  for (const uint64_t start : {behind - 7, behind - 2})
    if (const Patch* patch = unfinished_at(start); patch != nullptr && patch->behind == behind)
      return {.said = form, .unfinished = patch->near};
  return {.said = form};
}

}  // namespace sightline::tracer::inprocess
