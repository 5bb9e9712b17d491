// Printers of processes: creating them, waiting for them, their limits, scheduling and capabilities.
#include <algorithm>

#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {
namespace {

enum CloneFlag : uint64_t {
  kClonePidfd = 0x1000,
  kCloneSetTls = 0x80000,
  kCloneParentSetTid = 0x100000,
  kCloneChildClearTid = 0x200000,
  kCloneChildSetTid = 0x1000000,
  kCloneIntoCgroup = 0x200000000,
};
constexpr uint64_t kExitSignalMask = 0xff;

}  // namespace

// clone's arguments are printed with their names: strace does, since their order differs from machine to machine.
void print_clone_flags(Context& c, uint64_t value) {
  c.out += "flags=";
  const uint64_t flags = value & ~kExitSignalMask;
  const auto signal = static_cast<int>(value & kExitSignalMask);
  if (flags == 0) {
    if (signal == 0) {
      c.out += '0';
    } else {
      append_signal(c.out, signal);
    }
    return;
  }
  append_flags(c.out, flags, kClone);
  if (signal == 0) return;
  c.out += '|';
  append_signal(c.out, signal);
}

void print_clone_stack(Context& c, uint64_t value) {
  c.out += "child_stack=";
  c.address(value);
}

void print_clone_parent_tid(Context& c, uint64_t value) {
  if ((c.args[0] & (kCloneParentSetTid | kClonePidfd)) == 0) {
    c.omitted = true;
    return;
  }
  c.out += "parent_tid=";
  const Piece piece = c.piece(value);
  Fields f = c.fields(piece.bytes);
  const int32_t tid = f.s32();
  if (!c.succeeded() || !piece.found || !f.ok()) return c.address(value);
  c.out += '[';
  if ((c.args[0] & kCloneParentSetTid) != 0) {
    append_decimal(c.out, tid);
  } else {
    c.fd(tid);
  }
  c.out += ']';
}

bool late_clone_parent_tid(const Context& c) {
  return (c.args[0] & (kCloneParentSetTid | kClonePidfd)) != 0;
}

void print_clone_child_tid(Context& c, uint64_t value) {
  if ((c.args[0] & (kCloneChildSetTid | kCloneChildClearTid)) == 0) {
    c.omitted = true;
    return;
  }
  c.out += "child_tidptr=";
  c.address(value);
}

void print_clone_tls(Context& c, uint64_t value) {
  if ((c.args[0] & kCloneSetTls) == 0) {
    c.omitted = true;
    return;
  }
  c.out += "tls=";
  c.address(value);
}

namespace {

void append_thread_ids(Context& c, uint64_t address, uint64_t count) {
  const Piece piece = c.piece_at(tracer::Phase::entry, address);
  if (!piece.found) return c.address(address);
  print_list<[](Context& context, Fields& f) { append_decimal(context.out, f.s32()); }>(c, address, piece, count,
                                                                                        c.style.string_limit);
}

// include/uapi/linux/sched.h; later kernels append fields, a caller of an older one leaves them out.
void append_clone_args(Context& c, Fields& f) {
  const uint64_t flags = f.u64(), pidfd = f.u64(), child_tid = f.u64(), parent_tid = f.u64(), exit_signal = f.u64(),
                 stack = f.u64(), stack_size = f.u64(), tls = f.u64();
  const bool with_set_tid = f.left() >= 16;
  const uint64_t set_tid = with_set_tid ? f.u64() : 0, set_tid_size = with_set_tid ? f.u64() : 0;
  const bool with_cgroup = f.left() >= 8;
  const uint64_t cgroup = with_cgroup ? f.u64() : 0;
  const auto pointer = [&](std::string_view name, uint64_t value) {
    c.out += name;
    c.address(value);
  };
  c.out += "{flags=";
  append_flags(c.out, flags, kClone3);
  if ((flags & kClonePidfd) != 0) pointer(", pidfd=", pidfd);
  if ((flags & (kCloneChildSetTid | kCloneChildClearTid)) != 0) pointer(", child_tid=", child_tid);
  if ((flags & kCloneParentSetTid) != 0) pointer(", parent_tid=", parent_tid);
  c.out += ", exit_signal=";
  append_signal(c.out, static_cast<int>(exit_signal));
  pointer(", stack=", stack);
  c.out += ", stack_size=";
  append_hex(c.out, stack_size);
  if ((flags & kCloneSetTls) != 0) pointer(", tls=", tls);
  if (set_tid != 0 || set_tid_size != 0) {
    c.out += ", set_tid=";
    append_thread_ids(c, set_tid, set_tid_size);
    c.out += ", set_tid_size=";
    append_unsigned(c.out, set_tid_size);
  }
  if ((flags & kCloneIntoCgroup) != 0) {
    c.out += ", cgroup=";
    c.fd(static_cast<int32_t>(cgroup));
  }
  c.out += '}';
}

}  // namespace

// `{flags=…} => {parent_tid=[4711]}`: what the call wrote where its struct pointed to.
void print_clone_args(Context& c, uint64_t value) {
  const Piece before = c.piece_at(tracer::Phase::entry, value);
  const std::size_t mark = c.out.size();
  Fields f = c.fields(before.bytes);
  if (before.found) append_clone_args(c, f);
  if (!before.found || !f.ok()) {
    c.out.resize(mark);
    return c.address(value);
  }
  if (!c.succeeded()) return;
  Fields again = c.fields(before.bytes);
  const uint64_t flags = again.u64(), pidfd = again.u64();
  again.u64();
  const uint64_t parent_tid = again.u64();
  bool any = false;
  const auto written = [&](std::string_view name, uint64_t address, bool is_fd) {
    const Piece piece = c.piece_at(tracer::Phase::exit, address);
    Fields number = c.fields(piece.bytes);
    const int32_t tid = number.s32();
    if (!piece.found || !number.ok()) return;
    c.out += any ? ", " : " => {";
    any = true;
    c.out += name;
    if (is_fd) {
      c.fd(tid);
    } else {
      append_decimal(c.out, tid);
    }
    c.out += ']';
  };
  if ((flags & kClonePidfd) != 0) written("pidfd=[", pidfd, true);
  if ((flags & kCloneParentSetTid) != 0) written("parent_tid=[", parent_tid, false);
  if (any) c.out += '}';
}

bool late_clone_args(const Context& c) {
  const Piece before = c.piece_at(tracer::Phase::entry, c.args[c.arg]);
  Fields f = c.fields(before.bytes);
  return before.found && (f.u64() & (kClonePidfd | kCloneParentSetTid)) != 0;
}

namespace {

// wait(2), include/uapi/linux/wait.h
void append_wait_status(Context& c, Fields& f) {
  const uint32_t status = f.u32();
  if (!f.ok()) return;
  const int signal = status & 0x7f;
  const bool core = (status & 0x80) != 0;
  const int code = status >> 8 & 0xff;
  const unsigned event = status >> 16;
  c.out += "[{";
  if ((status & 0xff) == 0x7f && status != 0xffff) {
    c.out += "WIFSTOPPED(s) && WSTOPSIG(s) == ";
    append_signal(c.out, code & 0x7f);
    if ((code & 0x80) != 0) c.out += " | 0x80";
  } else if (signal == 0) {
    c.out += "WIFEXITED(s) && WEXITSTATUS(s) == ";
    append_decimal(c.out, code);
  } else if (status == 0xffff) {
    c.out += "WIFCONTINUED(s)";
  } else {
    c.out += "WIFSIGNALED(s) && WTERMSIG(s) == ";
    append_signal(c.out, signal);
    if (core) c.out += " && WCOREDUMP(s)";
  }
  c.out += '}';
  if (event != 0) {
    constexpr Word kEvents[] = {
        {1, "PTRACE_EVENT_FORK"},    {2, "PTRACE_EVENT_VFORK"},      {3, "PTRACE_EVENT_CLONE"},
        {4, "PTRACE_EVENT_EXEC"},    {5, "PTRACE_EVENT_VFORK_DONE"}, {6, "PTRACE_EVENT_EXIT"},
        {7, "PTRACE_EVENT_SECCOMP"}, {128, "PTRACE_EVENT_STOP"},
    };
    c.out += " | ";
    append_choice(c.out, event, Vocabulary{kEvents, "PTRACE_EVENT_???"});
    c.out += " << 16";
  }
  c.out += ']';
}

void append_rusage(Context& c, Fields& f) {
  c.out += "{ru_utime=";
  append_timeval(c, f);
  c.out += ", ru_stime=";
  append_timeval(c, f);
  constexpr std::string_view kNames[] = {
      "maxrss",  "ixrss",   "idrss",  "isrss",  "minflt",   "majflt", "nswap",
      "inblock", "oublock", "msgsnd", "msgrcv", "nsignals", "nvcsw",  "nivcsw",
  };
  if (!c.style.verbose) {
    c.out += ", ...}";
    return;
  }
  for (const std::string_view name : kNames) {
    c.out += ", ru_";
    c.out += name;
    c.out += '=';
    append_unsigned(c.out, f.ulong());
  }
  c.out += '}';
}

}  // namespace

// wait4 with WNOHANG returns 0 and writes nothing.
void print_wait_status(Context& c, uint64_t value) {
  if (!c.succeeded() || c.call.ret == 0) return c.address(value);
  print_struct<append_wait_status>(c, value);
}

void print_rusage(Context& c, uint64_t value) {
  if (!c.succeeded() || (c.syscall.returns == tracer::ReturnType::pid && c.call.ret == 0)) return c.address(value);
  print_struct<append_rusage>(c, value);
}

namespace {

constexpr uint64_t kInfinity32 = UINT32_MAX;

template <bool sixty_four>
void append_limit(Context& c, Fields& f) {
  const auto value = [&](uint64_t limit) {
    if (sixty_four || f.long_size() == 8) {
      if (limit == UINT64_MAX) return c.text(sixty_four ? "RLIM64_INFINITY" : "RLIM_INFINITY");
    } else if (limit == kInfinity32) {
      return c.text("RLIM_INFINITY");
    }
    append_kilo(c.out, limit);
  };
  const uint64_t now = sixty_four ? f.u64() : f.ulong();
  const uint64_t most = sixty_four ? f.u64() : f.ulong();
  c.out += "{rlim_cur=";
  value(now);
  c.out += ", rlim_max=";
  value(most);
  c.out += '}';
}

void append_sched_param(Context& c, Fields& f) {
  c.out += '[';
  append_decimal(c.out, f.s32());
  c.out += ']';
}

// include/uapi/linux/sched/types.h: 48 bytes at first, then the clamps.
void append_sched_attr(Context& c, Fields& f) {
  constexpr uint64_t kUtilClampMin = 0x20, kUtilClampMax = 0x40;
  const uint32_t size = f.u32(), policy = f.u32();
  const uint64_t flags = f.u64();
  const int32_t nice = f.s32();
  const uint32_t priority = f.u32();
  const uint64_t runtime = f.u64(), deadline = f.u64(), period = f.u64();
  constexpr uint32_t kSmallest = 48;
  c.out += "{size=";
  append_unsigned(c.out, size);
  if (size < kSmallest) {
    c.out += '}';
    return;
  }
  c.out += ", sched_policy=";
  append_choice(c.out, policy, kSchedPolicy);
  c.out += ", sched_flags=";
  append_flags(c.out, flags, kSchedAttrFlags);
  c.out += ", sched_nice=";
  append_decimal(c.out, nice);
  c.out += ", sched_priority=";
  append_unsigned(c.out, priority);
  c.out += ", sched_runtime=";
  append_unsigned(c.out, runtime);
  c.out += ", sched_deadline=";
  append_unsigned(c.out, deadline);
  c.out += ", sched_period=";
  append_unsigned(c.out, period);
  if (size >= 56 && f.left() >= 8) {
    const uint32_t least = f.u32(), most = f.u32();
    if ((flags & kUtilClampMin) != 0 || least != 0 || most != 0 || (flags & kUtilClampMax) != 0) {
      c.out += ", sched_util_min=";
      append_unsigned(c.out, least);
      c.out += ", sched_util_max=";
      append_unsigned(c.out, most);
    }
  }
  c.out += '}';
}

}  // namespace

void print_rlimit(Context& c, uint64_t value) {
  print_struct<append_limit<false>>(c, value);
}
void print_rlimit64(Context& c, uint64_t value) {
  print_struct<append_limit<true>>(c, value);
}
void print_sched_param(Context& c, uint64_t value) {
  print_struct<append_sched_param>(c, value);
}
void print_sched_attr(Context& c, uint64_t value) {
  print_struct<append_sched_attr>(c, value);
}

void print_sched_policy(Context& c, uint64_t value) {
  constexpr uint32_t kResetOnFork = 0x40000000;
  const auto policy = static_cast<uint32_t>(value);
  const std::string_view name = find_word(kSchedPolicy, policy & ~kResetOnFork);
  if ((policy & kResetOnFork) == 0 || name.empty()) return append_choice(c.out, policy, kSchedPolicy);
  c.out += name;
  c.out += "|SCHED_RESET_ON_FORK";
}

void print_ioprio(Context& c, uint64_t value) {
  append_ioprio(c.out, static_cast<uint32_t>(value));
}

void append_ioprio(std::string& out, uint32_t priority) {
  constexpr unsigned kClassShift = 13;
  out += "IOPRIO_PRIO_VALUE(";
  append_choice(out, priority >> kClassShift, kIoprioClass);
  out += ", ";
  append_unsigned(out, priority & ((1u << kClassShift) - 1));
  out += ')';
}

void print_cpu_set(Context& c, uint64_t value) {
  if (value != 0 && c.succeeded() && c.call.ret == 0 && c.syscall.name == "sched_getaffinity") return c.text("[]");
  const Piece piece = c.piece(value);
  if (!piece.found || piece.fault()) return c.address(value);
  append_bit_numbers(c, piece.bytes);
}

namespace {

constexpr uint32_t kCapabilityVersion2 = 0x20071026, kCapabilityVersion3 = 0x20080522;

void append_capabilities(Context& c, uint64_t set) {
  if (set == 0) return c.text("0");
  bool first = true;
  for (const Word& word : kCapability.words) {
    if ((set >> word.value & 1) == 0) continue;
    if (!first) c.out += '|';
    first = false;
    c.out += "1<<";
    c.out += word.name;
    set &= ~(uint64_t{1} << word.value);
  }
  if (set == 0) return;
  if (!first) c.out += '|';
  append_hex(c.out, set);
  if (first) c.out += " /* CAP_??? */";
}

void append_cap_header(Context& c, Fields& f) {
  c.out += "{version=";
  append_choice(c.out, f.u32(), kCapabilityVersion);
  c.out += ", pid=";
  append_decimal(c.out, f.s32());
  c.out += '}';
}

void append_cap_data(Context& c, Fields& f) {
  const uint64_t header = c.address_of(c.args[0]);
  const Piece piece = c.entry.find(0, header, tracer::CaptureKind::bytes);
  Fields head = c.fields(piece.bytes);
  const uint32_t version = head.u32();
  const bool narrow = version != kCapabilityVersion2 && version != kCapabilityVersion3;
  if (!head.ok()) f.skip(SIZE_MAX);  // without a version the data means nothing
  uint64_t sets[3] = {f.u32(), f.u32(), f.u32()};
  if (!narrow)
    for (uint64_t& set : sets) set |= uint64_t{f.u32()} << 32;
  c.out += "{effective=";
  append_capabilities(c, sets[0]);
  c.out += ", permitted=";
  append_capabilities(c, sets[1]);
  c.out += ", inheritable=";
  append_capabilities(c, sets[2]);
  c.out += '}';
}

}  // namespace

void print_cap_header(Context& c, uint64_t value) {
  print_struct<append_cap_header>(c, value);
}
void print_cap_data(Context& c, uint64_t value) {
  print_struct<append_cap_data>(c, value);
}

void append_personality(std::string& out, uint32_t personality) {
  constexpr uint32_t kDomainMask = 0xff;
  std::string_view whole = find_word(kPersonality, personality);
  if (!whole.empty()) {
    out += whole;
    return;
  }
  append_choice(out, personality & kDomainMask, kPersonality);
  bool joined = true;
  const uint64_t rest = append_known_flags(out, personality & ~kDomainMask, kPersonalityFlags, joined);
  if (rest == 0) return;
  out += '|';
  append_hex(out, rest);
}

void print_personality(Context& c, uint64_t value) {
  const auto personality = static_cast<uint32_t>(value);
  if (personality == UINT32_MAX) return c.text("0xffffffff");
  append_personality(c.out, personality);
}

// The last two arguments of kcmp name things only for some types.
void print_kcmp_index(Context& c, uint64_t value) {
  constexpr int32_t kFile = 0, kEpollTarget = 7;
  const int32_t type = c.int_arg(2);
  if (type > kEpollTarget || type < 0) return append_hex(c.out, value);
  if (type == kFile) return c.fd(static_cast<int32_t>(value));
  if (type != kEpollTarget) {
    c.omitted = true;
    return;
  }
  if (c.arg == 3) return append_unsigned(c.out, value);
  c.address(value);
}

void print_waitid_id(Context& c, uint64_t value) {
  constexpr int32_t kPidfd = 3;
  if (c.int_arg(0) == kPidfd) return c.fd(static_cast<int32_t>(value));
  append_decimal(c.out, static_cast<int32_t>(value));
}

}  // namespace sightline::decode
