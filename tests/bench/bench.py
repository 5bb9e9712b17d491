#!/usr/bin/env python3
"""What tracing costs: bare, both engines of sightline, strace and perf side by side, in one run.

    bench.py BUILD_DIR [overhead|stacks|servers|memory]... [--runs N] [--markdown]

Every workload runs under every tracer in turn, round after round, so that a machine whose speed drifts slows all of
them alike. Printed are medians, and the median of the ratios within each round.
"""

import argparse
import os
import tempfile

from memory import memory
from overhead import overhead, stacks
from servers import servers

BENCHMARKS = {"overhead": overhead, "stacks": stacks, "servers": servers, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("names", nargs="*", default=["overhead", "stacks"])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in BENCHMARKS:
            parser.error(f"there is no benchmark '{name}'; there are: {', '.join(BENCHMARKS)}, ring, symbols")
    for name in arguments.names:
        with tempfile.TemporaryDirectory() as scratch:
            BENCHMARKS[name](os.path.abspath(arguments.build), scratch, arguments.runs, arguments.markdown)


if __name__ == "__main__":
    main()
