#include "tracer/inprocess/sites.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "tracer/inprocess/remote.h"

namespace sightline::tracer::inprocess {
namespace {

// The first trap of a site is taken as it comes: most sites of a program's start are never seen again.
constexpr uint32_t kTrapsBeforePatch = 2;
// Tried so often; what stands around a site that could not be patched does not change often.
constexpr uint32_t kLastTry = 64;
// A place that the program jumps to again and again would cost more than the site saves.
constexpr int64_t kMostArrivals = 256;

constexpr uint64_t kIntoStub = 34;            // bytes, of Code::into_stub()
constexpr uint64_t kOwnCall = kIntoStub + 2;  // where the near `syscall` ends
constexpr uint64_t kFunctions = 16;           // what functions are aligned to, at least, where there is padding

constexpr std::byte b(int value) {
  return static_cast<std::byte>(value);
}
constexpr std::byte kBreakpoint = b(0xcc);

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
    if (bytes[i] != kBreakpoint && (!instruction || !instruction->nothing)) return 0;
    i += instruction->length;
  }
  return n;
}

/// Other processors may have read instructions before they were changed: none goes on with them after this
/// (membarrier(2)).
void serialize(pid_t tid, uint64_t remote_syscall) {
  RemoteCalls remote(tid, remote_syscall);
  const auto done = remote.call(SYS_membarrier, {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0});
  if (!done || *done != -EPERM) return;
  remote.call(SYS_membarrier, {MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0});
  remote.call(SYS_membarrier, {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0, 0});
}

}  // namespace

struct Sites::Surroundings {
  static constexpr std::size_t kBefore = 128;
  static constexpr std::size_t kAfter = 160;

  uint64_t behind = 0;
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

/// Whether some of these bytes belong to a patch.
bool Sites::overlaps(uint64_t start, std::size_t size) const {
  const auto meets = [&](uint64_t other, std::size_t n) { return other < start + size && start < other + n; };
  return std::any_of(patched_.begin(), patched_.end(), [&](const auto& entry) {
    const Patch& patch = patches_.at(entry.second);
    return meets(patch.start, patch.size) || (patch.padding != 0 && meets(patch.padding, kJump));
  });
}

const Sites::Patch* Sites::patch_at(uint64_t start) const {
  const auto near = patched_.find(start);
  return near == patched_.end() ? nullptr : &patches_.at(near->second);
}

uint64_t Sites::take_near(pid_t tid, uint64_t from, uint32_t fixed, uint64_t remote_syscall) {
  const uint64_t place = near_.take(tid, from, fixed, remote_syscall);
  if (place != 0) {
    const auto [start, end] = near_.area_of(place);
    code_.add(start, end - start);
  }
  return place;
}

/// Whether take_back() has been at it and not come to its end.
bool Sites::stands_in_part(pid_t tid, const Patch& patch) {
  Jump now{};
  const auto bytes = std::span(now).first(patch.size);
  if (!read_memory(tid, patch.start, bytes)) return false;
  for (std::size_t i = 0; i < patch.size; ++i)
    if (now[i] != patch.written[i] && now[i] != patch.original[i] && (i != 0 || now[i] != kBreakpoint)) return false;
  return !std::equal(bytes.begin(), bytes.end(), patch.original.begin());
}

bool Sites::stands(pid_t tid, const Patch& patch) {
  Jump now{};
  const auto bytes = std::span(now).first(patch.size);
  return read_memory(tid, patch.start, bytes) && std::equal(bytes.begin(), bytes.end(), patch.written.begin());
}

const Sites::Patch* Sites::standing_patch(pid_t tid, uint64_t start) {
  const Patch* patch = patch_at(start);
  if (patch == nullptr || stands(tid, *patch)) return patch;
  traps_.erase(patch->behind);
  forget_patch(start);
  return nullptr;
}

Sites::Call Sites::call_at(pid_t tid, uint64_t behind) {
  if (const auto near = patches_.find(near_.place_of(behind)); near != patches_.end() && near->second.resume == behind)
    return {near->second.behind, behind};
  if (const Patch* patch = standing_patch(tid, behind - 2); patch != nullptr && patch->behind == behind)
    return {behind, patch->resume};
  return {behind, behind};
}

/// Nobody may ever execute half an instruction: breakpoints stand wherever one begins while the rest is written (who
/// runs into them is sent on by the tracer), and the last write is one byte again.
bool Sites::put_in_place(pid_t tid, Patch& patch, std::span<const std::byte> near, uint64_t remote_syscall,
                         bool alone) {
  const auto bytes = std::span<const std::byte>(patch.written).first(patch.size);
  if (!write_memory(tid, patch.near, near)) return false;
  patches_[patch.near] = patch;
  patched_[patch.start] = patch.near;
  if (alone) return write_memory(tid, patch.start, bytes);
  bool done = write_memory(tid, patch.start, {&kBreakpoint, 1});
  for (const Piece& piece : patch.pieces.list())
    if (piece.own < patch.size) done = done && write_memory(tid, patch.start + piece.own, {&kBreakpoint, 1});
  serialize(tid, remote_syscall);
  done = done && write_memory(tid, patch.start + 1, bytes.subspan(1));
  serialize(tid, remote_syscall);
  return done && write_memory(tid, patch.start, bytes.first(1));
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

bool Sites::patch_after_move(pid_t tid, const Surroundings& around, uint64_t stub_entry, uint64_t remote_syscall,
                             bool alone) {
  Patch patch;
  patch.form = Form::after_move;
  patch.start = around.behind - 7;
  patch.behind = patch.resume = around.behind;
  if (overlaps(patch.start, kJump)) return false;
  patch.near = take_near(tid, patch.start + kJump, 0, remote_syscall);
  if (patch.near == 0) return false;
  const auto move = around.last(7).first(kJump);
  std::copy(move.begin(), move.end(), patch.original.begin());
  Code code(patch.near);
  code.copy(move).into_stub(patch.behind, patch.resume, stub_entry);
  Code jump(patch.start);
  jump.jump(patch.near);
  std::copy(jump.all().begin(), jump.all().end(), patch.written.begin());
  return put_in_place(tid, patch, code.all(), remote_syscall, alone);
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

bool Sites::patch_with_next(pid_t tid, const Surroundings& around, uint64_t stub_entry, uint64_t remote_syscall,
                            bool alone) {
  std::optional<Pieces> pieces = pieces_of(around);
  if (!pieces || around.size < kJump - 2) return false;
  Patch patch;
  patch.form = Form::with_next;
  patch.start = around.behind - 2;
  patch.behind = around.behind;
  if (overlaps(patch.start, kJump)) return false;
  uint32_t traps = 0;
  for (const Piece& piece : pieces->list()) traps |= uint32_t{0xff} << 8 * (piece.own - 1);
  patch.near = take_near(tid, patch.start + kJump, traps, remote_syscall);
  if (patch.near == 0) return false;
  patch.resume = patch.near + kOwnCall;
  Code code(patch.near);
  code.into_stub(patch.behind, patch.resume, stub_entry).bytes({0x0f, 0x05});
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
  return put_in_place(tid, patch, code.all(), remote_syscall, alone);
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

bool Sites::patch_by_padding(pid_t tid, const Surroundings& around, uint64_t stub_entry, uint64_t remote_syscall,
                             bool alone) {
  Patch patch;
  patch.form = Form::by_padding;
  patch.start = around.behind - 2;
  patch.behind = around.behind;
  patch.size = 2;
  if (overlaps(patch.start, patch.size)) return false;
  patch.padding = find_padding(around);
  if (patch.padding == 0) return false;
  patch.near = take_near(tid, patch.padding + kJump, 0, remote_syscall);
  if (patch.near == 0) return false;
  patch.resume = patch.near + kOwnCall;
  Code code(patch.near);
  code.into_stub(patch.behind, patch.resume, stub_entry).bytes({0x0f, 0x05});
  patch.pieces.all[patch.pieces.count++] = {.instruction = {}, .own = 2, .near = static_cast<uint8_t>(code.size())};
  code.jump(patch.behind);
  std::copy_n(around.last(2).begin(), 2, patch.original.begin());
  std::copy_n(around.after().begin() + static_cast<std::ptrdiff_t>(patch.padding - patch.behind), kJump,
              patch.padding_original.begin());
  patch.written = {b(0xeb), b(static_cast<int>(patch.padding - patch.behind))};
  Code jump(patch.padding);
  jump.jump(patch.near);
  paddings_[patch.padding] = patch.start;
  return write_memory(tid, patch.padding, jump.all()) && put_in_place(tid, patch, code.all(), remote_syscall, alone);
}

std::string_view Sites::trapped(pid_t tid, uint64_t behind, int32_t nr, uint64_t stub_entry, uint64_t remote_syscall,
                                bool alone) {
  if (frozen_) return {};
  // A patched site traps where the kernel restarts a call, and where the stub sends what it can't take.
  if (is_near(behind)) return {};
  for (const uint64_t start : {behind - 7, behind - 2})
    if (const Patch* patch = standing_patch(tid, start); patch != nullptr && patch->behind == behind) return {};
  const uint32_t traps = ++traps_[behind];
  if (traps < kTrapsBeforePatch || traps > kLastTry) return {};
  const Surroundings around = look_around(tid, behind);
  // A jump into what others see would lead them astray, and might be written to a file.
  if (!around.is_call() || !is_private(tid, behind)) return "not to be patched";
  if (is_move(around.before, nr) && patch_after_move(tid, around, stub_entry, remote_syscall, alone))
    return "after_move";
  if (patch_with_next(tid, around, stub_entry, remote_syscall, alone)) return "with_next";
  if (patch_by_padding(tid, around, stub_entry, remote_syscall, alone)) return "by_padding";
  return "no form fits";
}

const Sites::Patch* Sites::patch_with_breakpoint(uint64_t address) const {
  for (uint64_t back = 2; back < kJump; ++back) {
    const Patch* patch = patch_at(address - back);
    if (patch == nullptr || patch->form != Form::with_next) continue;
    for (const Piece& piece : patch->pieces.list())
      if (piece.own == back) return patch;
  }
  return nullptr;
}

std::optional<uint64_t> Sites::past_breakpoint(pid_t tid, uint64_t address) {
  if (const Patch* found = patch_with_breakpoint(address); found != nullptr && stands(tid, *found)) {
    Patch& patch = patches_.at(found->near);
    uint64_t to = address;
    for (const Piece& piece : patch.pieces.list())
      if (patch.start + piece.own == address) to = patch.near + piece.near;
    if (++patch.arrivals > kMostArrivals) {
      traps_[patch.behind] = kLastTry;
      take_back(tid, patch);
    }
    return to;
  }
  if (!patched_.contains(address) && !restored_.contains(address)) return std::nullopt;
  // It stood there for a moment. What stands there still is the program's own.
  std::byte now{};
  if (!read_memory(tid, address, {&now, 1}) || now == kBreakpoint) return std::nullopt;
  return address;
}

bool Sites::is_near(uint64_t address) const {
  return paddings_.contains(address) || patches_.contains(near_.place_of(address));
}

uint64_t Sites::behind_of(uint64_t resume) const {
  const auto found = patches_.find(near_.place_of(resume));
  return found == patches_.end() ? resume : found->second.behind;
}

uint64_t Sites::own_place(uint64_t address) {
  if (const auto start = paddings_.find(address); start != paddings_.end()) return start->second;
  const auto found = patches_.find(near_.place_of(address));
  if (found == patches_.end()) return address;
  Patch& patch = found->second;
  // The displaced `mov` has not been run only at the first byte; without it the call's number is set again.
  if (patch.form == Form::after_move) return address == patch.near ? patch.start : patch.behind - 2;
  if (address < patch.resume) return patch.start;
  for (const Piece& piece : patch.pieces.list()) {
    if (patch.near + piece.near != address) continue;
    // It will be back, and trap.
    if (piece.own < patch.size) --patch.arrivals;
    return patch.start + piece.own;
  }
  return address;
}

void Sites::forget_patch(uint64_t start) {
  const auto at = patched_.find(start);
  if (at == patched_.end()) return;
  near_.give_back(at->second);
  paddings_.erase(patches_.at(at->second).padding);
  patches_.erase(at->second);
  patched_.erase(at);
}

void Sites::forget(uint64_t start, uint64_t length) {
  const auto touched = [&](uint64_t address) { return address - start < length; };
  std::erase_if(traps_, [&](const auto& entry) { return touched(entry.first); });
  std::erase_if(restored_, touched);
  std::erase_if(private_, [&](const auto& range) { return range.first < start + length && start < range.second; });
  std::vector<uint64_t> gone;
  for (const auto& [first, near] : patched_)
    if (touched(first)) gone.push_back(first);
  for (const uint64_t first : gone) forget_patch(first);
  near_.forget(start, length);
}

void Sites::begin(Arena& arena, std::span<const proc::Map> maps, uint64_t near_code) {
  code_.begin(arena, maps);
  for (const proc::Map& map : maps)
    if (map.executable && map.is_private) private_.emplace_back(map.start, map.end);
  if (near_code == 0) return;
  near_.adopt(near_code);
  code_.add(near_code, NearCode::kAreaBytes);
}

void Sites::made_executable(uint64_t start, uint64_t length, bool is_private) {
  code_.add(start, length);
  std::erase_if(private_, [&](const auto& range) { return range.first < start + length && start < range.second; });
  if (is_private) private_.emplace_back(start, start + length);
}

void Sites::moved(pid_t tid, uint64_t from, uint64_t to, uint64_t length) {
  for (const auto& [start, near] : patched_) {
    if (start - from >= length) continue;
    Patch patch = patches_.at(near);
    patch.start += to - from;
    if (stands(tid, patch))
      write_memory(tid, patch.start, std::span<const std::byte>(patch.original).first(patch.size));
    if (patch.padding - from < length) write_memory(tid, patch.padding + (to - from), patch.padding_original);
  }
}

/// The instructions near it stay: somebody may be there, or come back.
void Sites::take_back(pid_t tid, const Patch& patch) {
  const auto original = std::span<const std::byte>(patch.original).first(patch.size);
  patched_.erase(patch.start);
  if (!stands(tid, patch) && !(in_part_ && stands_in_part(tid, patch))) return;
  // Behind a breakpoint, from the end to the beginning: what is there is always an instruction or a breakpoint.
  restored_.insert(patch.start);
  write_memory(tid, patch.start, {&kBreakpoint, 1});
  for (const Piece& piece : patch.pieces.list())
    if (piece.own < patch.size) restored_.insert(patch.start + piece.own);
  for (std::size_t end = patch.size; end > 1;) {
    // One instruction after the other, its first byte last.
    std::size_t begin = 1;
    for (const Piece& piece : patch.pieces.list())
      if (piece.own < end) begin = std::max<std::size_t>(begin, piece.own);
    if (end - begin > 1) write_memory(tid, patch.start + begin + 1, original.subspan(begin + 1, end - begin - 1));
    write_memory(tid, patch.start + begin, original.subspan(begin, 1));
    end = begin;
  }
  write_memory(tid, patch.start, original.first(1));
}

void Sites::copied() {
  if (!frozen_) return;
  in_part_ = true;
  for (const auto& [near, patch] : patches_) patched_.try_emplace(patch.start, near);
}

void Sites::restore(pid_t tid) {
  const auto all = patched_;
  for (const auto& [start, near] : all) take_back(tid, patches_.at(near));
  frozen_ = true;
}

std::vector<std::pair<uint64_t, uint64_t>> Sites::leave_nothing(pid_t tid) {
  for (const auto& [near, patch] : patches_)
    if (patch.padding != 0) write_memory(tid, patch.padding, patch.padding_original);
  if (frames_ != 0) return {};
  return near_.areas();
}

bool Sites::is_private(pid_t tid, uint64_t address) {
  const auto known = [&] {
    return std::any_of(private_.begin(), private_.end(),
                       [&](const auto& range) { return address >= range.first && address < range.second; });
  };
  if (known()) return true;
  for (const proc::Map& map : proc::executable_maps(tid))
    if (map.is_private && address >= map.start && address < map.end) private_.emplace_back(map.start, map.end);
  return known();
}

}  // namespace sightline::tracer::inprocess
