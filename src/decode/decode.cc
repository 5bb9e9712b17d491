// The grammar of a call: its name, its arguments in the order in which they are printed, its result.
#include "src/decode/decode.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "src/decode/context.h"
#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/types.h"
#include "src/decode/vocabularies.h"
#include "tracer/subcall.h"

namespace sightline::decode {
namespace {

using tracer::ArgType;

constexpr std::size_t kArguments = 6;

std::span<const uint64_t, kArguments> raw_arguments(const Call& call) {
  return std::span<const uint64_t, 6>(call.args);
}

/// What is decoded: the call, or the one that an i386 multiplexer stands for.
struct Subject {
  const tracer::Syscall* syscall;
  std::array<uint64_t, kArguments> args;
};

Subject subject_of(const Call& call) {
  Subject subject{call.syscall, {}};
  const bool i386 = call.abi == tracer::Abi::i386;
  for (std::size_t i = 0; i < kArguments; ++i) subject.args[i] = i386 ? call.args[i] & 0xffffffff : call.args[i];
  if (!i386) return subject;
  const tracer::SubcallWords where = tracer::subcall_words(*call.syscall, raw_arguments(call));
  std::array<uint32_t, kArguments> words{};
  const std::size_t count = std::min<std::size_t>(where.count, words.size());
  if (count != 0) {
    const Captures entry(call.entry_captures);
    Piece piece;
    for (unsigned arg = 0; arg < kArguments && !piece.found; ++arg)
      piece = entry.find(arg, where.address & 0xffffffff, tracer::CaptureKind::bytes);
    if (piece.bytes.size() < count * sizeof(uint32_t)) return subject;
    std::memcpy(words.data(), piece.bytes.data(), count * sizeof(uint32_t));
  }
  const auto subcall =
      tracer::find_subcall(*call.syscall, raw_arguments(call), std::span<const uint32_t>(words).first(count));
  if (subcall && subcall->call != nullptr) {
    subject.syscall = subcall->call;
    subject.args = subcall->args;
  }
  return subject;
}

/// The order in which arguments are printed: clone's stack comes first and its TLS before the child's tid, on every
/// architecture.
using Order = std::array<uint8_t, kArguments>;

Order print_order(const tracer::Syscall& syscall) {
  Order order = {0, 1, 2, 3, 4, 5};
  if (syscall.arguments.size() < 5 || syscall.arguments[0].type != ArgType::clone_flags) return order;
  order = {1, 0, 2, 3, 4, 5};
  if (syscall.arguments[3].type == ArgType::clone_child_tid) std::swap(order[3], order[4]);
  return order;
}

bool is_late(const Context& c) {
  if (c.row->late != nullptr) return c.row->late(c);
  for (const tracer::Capturing& what : c.syscall.captures)
    if (what.arg == c.arg && what.phase == tracer::Phase::exit) return true;
  return false;
}

/// The next argument to fill in; the vector keeps its strings between calls.
Argument& next_argument(DecodedCall& into, std::size_t& used, std::string_view name, uint64_t raw) {
  if (used == into.arguments.size()) into.arguments.emplace_back();
  Argument& argument = into.arguments[used++];
  argument.name = name;
  argument.raw = raw;
  argument.text.clear();
  return argument;
}

constexpr std::string_view kUnknownNames[] = {"arg1", "arg2", "arg3", "arg4", "arg5", "arg6"};

void decode_unknown(const Call& call, DecodedCall& into, std::size_t& used) {
  const bool i386 = call.abi == tracer::Abi::i386;
  const auto number = static_cast<uint64_t>(int64_t{call.nr});
  into.name = "syscall_";
  // As the program gave it: the x32 bit is part of the number.
  append_hex_always(into.name, i386                           ? number & 0xffffffff
                               : call.abi == tracer::Abi::x32 ? number | 0x40000000
                                                              : number);
  for (std::size_t i = 0; i < kArguments; ++i) {
    const uint64_t raw = i386 ? call.args[i] & 0xffffffff : call.args[i];
    append_hex(next_argument(into, used, kUnknownNames[i], raw).text, raw);
  }
  into.known_at_entry = kArguments;
}

void append_error(std::string& out, int64_t number) {
  const std::string_view name = errno_name(number);
  if (name.empty()) {
    out += "ERRNO_";
    append_decimal(out, number);
    out += " (Unknown error ";
    append_decimal(out, number);
  } else {
    out += name;
    out += " (";
    out += errno_text(number);
  }
  out += ')';
}

/// What only some calls say behind their number, `= 5 (TIME_ERROR)`. False: nothing was appended.
bool append_special_result(Context& c, int64_t ret) {
  const auto& arguments = c.syscall.arguments;
  std::string& out = c.out;
  const auto noted = [&](auto append) {
    out += " (";
    append();
    out += ')';
    return true;
  };
  if (arguments.size() >= 2 && arguments[1].type == ArgType::fcntl_cmd) return append_fcntl_result(c, ret);
  if (c.syscall.name == "time" && ret != 0) {
    append_decimal(out, ret);
    return noted([&] { append_date(out, ret, 0, 0); });
  }
  if (arguments.empty()) return false;
  const ArgType first = arguments.front().type;
  const ArgType last = arguments.back().type;
  const auto is_siginfo = [](ArgType type) { return type == ArgType::siginfo || type == ArgType::siginfo32; };
  if (first == ArgType::prctl_option) return append_prctl_result(c, ret);
  if (first == ArgType::personality) {
    append_hex(out, static_cast<uint64_t>(ret));
    return noted([&] { append_personality(out, static_cast<uint32_t>(ret)); });
  }
  if (first == ArgType::ioprio_which && c.syscall.returns == tracer::ReturnType::hex) {
    append_hex(out, static_cast<uint64_t>(ret));
    return noted([&] { append_ioprio(out, static_cast<uint32_t>(ret)); });
  }
  if (first == ArgType::sigset && ret != 0 && arguments.size() > 1 && is_siginfo(arguments[1].type)) {
    append_decimal(out, ret);
    return noted([&] { append_signal(out, static_cast<int>(ret)); });
  }
  if (first == ArgType::pid && c.syscall.name == "sched_getscheduler") {
    append_decimal(out, ret);
    return noted([&] { append_choice(out, static_cast<uint64_t>(ret), kSchedPolicy); });
  }
  if (first == ArgType::membarrier_cmd && c.uint_arg(0) == 0) {  // MEMBARRIER_CMD_QUERY
    append_hex(out, static_cast<uint64_t>(ret));
    if (ret == 0) return true;
    return noted([&] { append_flags(out, static_cast<uint64_t>(ret), kMembarrier); });
  }
  if (last == ArgType::sighandler) {
    append_hex(out, static_cast<uint32_t>(ret));
    if (ret != 0 && ret != 1) return true;
    return noted([&] { out += ret == 0 ? "SIG_DFL" : "SIG_IGN"; });
  }
  if (last == ArgType::old_sigset_value && arguments.size() == 1) {
    append_hex(out, static_cast<uint32_t>(ret));
    return noted([&] {
      out += "old mask ";
      append_signal_set(out, static_cast<uint32_t>(ret), 32);
    });
  }
  if (last == ArgType::timex || last == ArgType::timex32 || last == ArgType::timex64) {
    append_decimal(out, ret);
    return noted([&] { append_choice(out, static_cast<uint64_t>(ret), kAdjtimeState); });
  }
  return false;
}

void append_value(Context& c, int64_t ret) {
  using tracer::ReturnType;
  std::string& out = c.out;
  const auto bits = static_cast<uint64_t>(ret);
  switch (c.syscall.returns) {
    case ReturnType::hex:
      return append_hex(out, c.narrow() ? bits & 0xffffffff : bits);
    case ReturnType::fd:
      return c.returned_fd(static_cast<int32_t>(ret));
    case ReturnType::octal:
      return append_mode(out, static_cast<uint32_t>(ret));
    case ReturnType::uid:
    case ReturnType::gid:
      return append_unsigned(out, static_cast<uint32_t>(ret));
    case ReturnType::integer:
    case ReturnType::pid:
    case ReturnType::none:
      return append_decimal(out, ret);
  }
}

void append_result(Context& c, std::string_view note) {
  std::string& out = c.out;
  const Call& call = c.call;
  switch (call.end_kind) {
    case tracer::CallEnd::returned:
      break;
    case tracer::CallEnd::restart:
      out += "? ";
      // Unsigned: what a foreign file holds may have no positive counterpart.
      return append_error(out, static_cast<int64_t>(0 - static_cast<uint64_t>(call.ret)));
    case tracer::CallEnd::no_value:
    case tracer::CallEnd::killed:
    case tracer::CallEnd::exited:
    case tracer::CallEnd::detached:
    case tracer::CallEnd::replaced:
      out += '?';
      return;
  }
  if (call.failed) {
    out += "-1 ";
    return append_error(out, -call.ret);
  }
  if (!append_special_result(c, call.ret)) append_value(c, call.ret);
  if (note.empty()) return;
  out += " (";
  out += note;
  out += ')';
}

void decode_known(const Call& call, const Style& style, DecodedCall& into, std::size_t& used) {
  const Subject subject = subject_of(call);
  const tracer::Syscall& syscall = *subject.syscall;
  into.name = syscall.name;
  const Order order = print_order(syscall);
  const std::size_t count = std::min(syscall.arguments.size(), kArguments);

  // The text is built in the result's string and handed on from there, so that printers have one place to write to.
  std::string& out = into.result;
  std::string note;
  Context c{.call = call,
            .style = style,
            .syscall = syscall,
            .args = subject.args,
            .out = out,
            .entry = Captures(call.entry_captures),
            .exit = Captures(call.exit_captures)};
  if (call.finished) c.result_note = &note;
  for (std::size_t i = 0; i < count; ++i) {
    c.arg = order[i];
    const tracer::Argument& argument = syscall.arguments[c.arg];
    c.row = &type_row(argument.type);
    if (!into.more_at_exit && is_late(c)) {
      into.more_at_exit = true;
      into.known_at_entry = static_cast<uint32_t>(used);
    }
    if (into.more_at_exit && !call.finished) {
      if (!c.row->begins) break;
      out.clear();
      c.row->print(c, narrowed(argument.type, c.args[c.arg], c.narrow()));
      into.begun.swap(out);
      break;
    }
    c.omitted = false;
    out.clear();
    const uint64_t value = narrowed(argument.type, c.args[c.arg], c.narrow());
    c.row->print(c, value);
    if (c.omitted) continue;
    next_argument(into, used, argument.name, subject.args[c.arg]).text.swap(out);
  }
  if (syscall.name == "restart_syscall")
    next_argument(into, used, "", 0).text = "<... resuming interrupted system call ...>";
  if (!into.more_at_exit) into.known_at_entry = static_cast<uint32_t>(used);
  out.clear();
  if (!call.finished) return;
  c.arg = 0;
  c.row = nullptr;
  append_result(c, note);
}

}  // namespace

void decode(const Call& call, const Style& style, DecodedCall& into) {
  std::size_t used = 0;
  into.result.clear();
  into.begun.clear();
  into.known_at_entry = 0;
  into.more_at_exit = false;
  if (call.syscall != nullptr) {
    decode_known(call, style, into, used);
  } else {
    decode_unknown(call, into, used);
    if (call.finished) {
      static constexpr tracer::Syscall kUnknown{};
      Context c{.call = call,
                .style = style,
                .syscall = kUnknown,
                .args = {},
                .out = into.result,
                .entry = Captures(call.entry_captures),
                .exit = Captures(call.exit_captures)};
      append_result(c, {});
    }
  }
  into.arguments.resize(used);
}

}  // namespace sightline::decode
