#!/usr/bin/env python3
"""What must not go wrong, at sizes that the test suite has no time for.

    prove.py [--effort N|full] [--only R1,R5,...] [--engines ptrace,inprocess] [--cpus 1,2] [--minutes M] [--seed S]

Every scenario runs under each engine, pinned to one processor and to two, and prints a row of a table; the exit status is
1 if one fails. N multiplies the sizes; full: the largest. The environment: SIGHTLINE, TRACEES, RELIABILITY_PROGRAMS.
"""

import argparse
import os
import pathlib
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))
# Nothing waits for a time to pass; this is only how long a hang lasts. A million calls by ptrace are not one.
os.environ.setdefault("SIGHTLINE_TEST_DEADLINE", "900")

# pylint: disable=wrong-import-position
import attached
import broken
import differential
import soak
import spawned
from case import Case

SCENARIOS = [
    ("R1", "steady", spawned.steady),
    ("R2", "births", spawned.births),
    ("R3", "signals", spawned.signals),
    ("R4", "stop and continue", spawned.stopping),
    ("R4", "stop and continue, attached", attached.stopping),
    ("R5", "kill -9 of the program", spawned.killed),
    ("R6", "attach and detach, a crowd", attached.crowd),
    ("R6", "attach and detach, a server", attached.server),
    ("R7", "exec from any thread", spawned.executing),
    ("R7", "attach during exec", attached.racing_exec),
    ("R8", "kill -9 of the tracer", broken.killed_tracer),
    ("R9", "output that fails", broken.failing_output),
    ("R10", "slow consumer", spawned.slow_consumer),
    ("R11", "the program reads our pipe", spawned.reading_from_us),
    ("R12", "soak", soak.soak),
    ("R13", "real programs", differential.programs),
]


def effort(text):
    return float("inf") if text == "full" else float(text)


def run(function, engine, arguments, seed):
    """(runs, result, passed)"""
    case = Case(engine, arguments.effort, seed)
    case.minutes = arguments.minutes
    os.environ["SIGHTLINE_TEST_ENGINE"] = engine
    case.setUp()
    try:
        runs, result = function(case)
        if case.fell_back:
            result += f"; by ptrace: {', '.join(sorted(case.fell_back))}"
        return runs, result, True
    except Exception as error:  # whatever it is, the next scenario runs
        traceback.print_exc()
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        return "", f"FAILED, seed {seed}: {first[:160]}", False
    finally:
        case.doCleanups()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--effort", type=effort, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--engines", default="ptrace,inprocess")
    parser.add_argument("--cpus", default="1,2")
    parser.add_argument("--minutes", type=float, default=None, help="of the soak")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.minutes is None:
        arguments.minutes = 60 if arguments.effort == float("inf") else 2 * arguments.effort
    seed = arguments.seed or int.from_bytes(os.urandom(4), "little")
    wanted = {name for name in arguments.only.split(",") if name}
    everything = sorted(os.sched_getaffinity(0))
    rows, failed, begun = [], 0, time.monotonic()
    for number, name, function in SCENARIOS:
        if wanted and number not in wanted:
            continue
        for engine in arguments.engines.split(","):
            for cpus in map(int, arguments.cpus.split(",")):
                if cpus > len(everything):
                    continue
                os.sched_setaffinity(0, everything[:cpus])
                start = time.monotonic()
                runs, result, passed = run(function, engine, arguments, seed)
                failed += not passed
                row = f"| {number} {name} | {engine} | {cpus} | {runs} | {result} |"
                rows.append(row)
                print(f"{row} {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    os.sched_setaffinity(0, everything)
    print("| scenario | engine | processors | runs | result |\n|---|---|--:|---|---|")
    print("\n".join(rows))
    print(f"\nSeed {seed}, {(time.monotonic() - begun) / 60:.0f} minutes.")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
