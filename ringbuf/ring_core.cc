#include "ringbuf/ring_core.h"

namespace sightline::ringbuf {

RingFigures& RingFigures::operator+=(const RingFigures& more) {
  committed += more.committed;
  consumed += more.consumed;
  dropped += more.dropped;
  dropped_busy += more.dropped_busy;
  overwritten += more.overwritten;
  stalls += more.stalls;
  stall_ns += more.stall_ns;
  wakeups += more.wakeups;
  if (more.high_water > high_water) high_water = more.high_water;
  return *this;
}

const char* describe(Fault fault) {
  switch (fault) {
    case Fault::none:
      return "nothing is wrong";
    case Fault::control:
      return "its control block was overwritten";
    case Fault::tail:
      return "its tail is out of range";
    case Fault::head:
      return "its head was moved";
    case Fault::header:
      return "a record's header can't be true";
  }
  return "unknown damage";
}

}  // namespace sightline::ringbuf
