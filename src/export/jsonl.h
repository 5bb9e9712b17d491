/// JSON lines: one event a row, for jq, DuckDB, pandas.
///
/// Every row has a `type`. Times and durations are ns, CLOCK_MONOTONIC; the `meta` row, always the first, ties them to
/// CLOCK_REALTIME. A call is one row, at its end, so calls stand in order of their ends (`seq` numbers their
/// beginnings):
///
///   type "call", seq, pid, tid, thread (never reused), comm, nr, abi, name, start, dur (null: its end was not seen),
///   args [{name, raw, text}], ret (null if there is none), error (errno name or null), result (as strace prints it),
///   end (returned, restart, no_value, killed, exited, detached, replaced, open), file, line, function (of the user's
///   line, null if unknown), stack [{module, offset, function, file, line, inlined}] innermost first, stack_cut (true:
///   it goes on, further than it was copied)
///
/// `raw` is a number, or a "0x…" string for addresses and for bits that nobody names: 64 bits fit no JSON number of
/// every reader. The other
/// types are meta, process, thread, exec, signal, exit (of a thread), loss and, always the last, end.
#pragma once

#include <memory>

#include "src/decode/decode.h"
#include "src/model.h"
#include "src/output.h"

namespace sightline::exporting {

std::unique_ptr<Sink> make_jsonl(Output& output, const decode::Style& style);

}  // namespace sightline::exporting
