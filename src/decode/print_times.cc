// Printers of clocks, times and timers.
#include "src/decode/printers.h"
#include "src/decode/text.h"
#include "src/decode/vocabularies.h"

namespace sightline::decode {

void append_timespec(Context& c, Fields& f) {
  c.out += "{tv_sec=";
  append_decimal(c.out, f.slong());
  c.out += ", tv_nsec=";
  append_unsigned(c.out, f.ulong());
  c.out += '}';
}

void append_timeval(Context& c, Fields& f) {
  c.out += "{tv_sec=";
  append_decimal(c.out, f.slong());
  c.out += ", tv_usec=";
  append_unsigned(c.out, f.ulong());
  c.out += '}';
}

namespace {

template <auto append>
void append_interval(Context& c, Fields& f) {
  c.out += "{it_interval=";
  append(c, f);
  c.out += ", it_value=";
  append(c, f);
  c.out += '}';
}

void append_timezone(Context& c, Fields& f) {
  c.out += "{tz_minuteswest=";
  append_decimal(c.out, f.s32());
  c.out += ", tz_dsttime=";
  append_decimal(c.out, f.s32());
  c.out += '}';
}

void append_tms(Context& c, Fields& f) {
  constexpr std::string_view kNames[] = {"{tms_utime=", ", tms_stime=", ", tms_cutime=", ", tms_cstime="};
  for (const std::string_view name : kNames) {
    c.out += name;
    append_ticks(c.out, f.slong());
  }
  c.out += '}';
}

void append_time(Context& c, Fields& f) {
  const int64_t seconds = f.slong();
  c.out += '[';
  append_decimal(c.out, seconds);
  append_date_comment(c.out, seconds, 0, 0);
  c.out += ']';
}

// include/uapi/linux/timex.h
void append_timex(Context& c, Fields& f) {
  const auto number = [&](std::string_view name, int64_t value) {
    c.out += name;
    append_decimal(c.out, value);
  };
  const uint32_t modes = f.u32();
  c.out += "{modes=";
  append_flags(c.out, modes, kAdjtime);
  number(", offset=", f.slong());
  number(", freq=", f.slong());
  number(", maxerror=", f.slong());
  number(", esterror=", f.slong());
  c.out += ", status=";
  append_flags(c.out, f.u32(), kAdjtimeStatus);
  number(", constant=", f.slong());
  number(", precision=", f.slong());
  number(", tolerance=", f.slong());
  c.out += ", time={tv_sec=";
  append_decimal(c.out, f.slong());
  number(", tv_usec=", f.slong());
  c.out += '}';
  number(", tick=", f.slong());
  number(", ppsfreq=", f.slong());
  number(", jitter=", f.slong());
  number(", shift=", f.s32());
  number(", stabil=", f.slong());
  number(", jitcnt=", f.slong());
  number(", calcnt=", f.slong());
  number(", errcnt=", f.slong());
  number(", stbcnt=", f.slong());
  number(", tai=", f.s32());
  c.out += '}';
}

}  // namespace

// A clock of its own, or a process's or thread's packed into a negative number (clock_getcpuclockid(3),
// include/linux/posix-timers_types.h).
void print_clock(Context& c, uint64_t value) {
  const auto clock = static_cast<int32_t>(value);
  if (clock >= 0) return append_choice(c.out, static_cast<uint32_t>(clock), kClock);
  constexpr int32_t kKindMask = 3, kPerThread = 4;
  const int32_t target = ~(clock >> 3);
  if ((clock & 7) == 3) {
    c.out += "FD_TO_CLOCKID(";
    append_decimal(c.out, target);
    c.out += ')';
    return;
  }
  c.out += (clock & kPerThread) != 0 ? "MAKE_THREAD_CPUCLOCK(" : "MAKE_PROCESS_CPUCLOCK(";
  append_decimal(c.out, target);
  c.out += ", ";
  append_choice(c.out, static_cast<uint32_t>(clock & kKindMask), kCpuClock);
  c.out += ')';
}

namespace {

// nanosleep tells what was left only if it was interrupted.
bool not_told(const Context& c) {
  for (const tracer::Capturing& what : c.syscall.captures)
    if (what.arg == c.arg && (what.flags & tracer::kCapturingOnError) != 0)
      return c.call.end_kind != tracer::CallEnd::restart;
  return false;
}

template <auto append>
void print_time_argument(Context& c, uint64_t value) {
  if (counts_down(c)) return print_time_down(c, value, append);
  if (not_told(c)) return c.address(value);
  print_struct<append>(c, value);
}

}  // namespace

void print_timespec(Context& c, uint64_t value) {
  print_time_argument<append_timespec>(c, value);
}
void print_timeval(Context& c, uint64_t value) {
  print_time_argument<append_timeval>(c, value);
}

bool late_time(const Context& c) {
  for (const tracer::Capturing& what : c.syscall.captures)
    if (what.arg == c.arg && what.phase == tracer::Phase::exit) return !counts_down(c);
  return false;
}

void print_itimerval(Context& c, uint64_t value) {
  print_struct<append_interval<append_timeval>>(c, value);
}
void print_itimerspec(Context& c, uint64_t value) {
  print_struct<append_interval<append_timespec>>(c, value);
}
void print_timezone(Context& c, uint64_t value) {
  print_struct<append_timezone>(c, value);
}
void print_tms(Context& c, uint64_t value) {
  print_struct<append_tms>(c, value);
}
void print_time(Context& c, uint64_t value) {
  print_struct<append_time>(c, value);
}
void print_timex(Context& c, uint64_t value) {
  if (!c.succeeded()) return c.address(value);
  print_struct<append_timex>(c, value);
}

}  // namespace sightline::decode
