#!/usr/bin/env python3
"""What tracing costs: bare, sightline and strace side by side, in one run.

    bench.py BUILD_DIR [overhead]... [--runs N] [--markdown]

Every workload runs under every tracer in turn, round after round, so that a machine whose speed drifts slows all of
them alike. Printed are medians of whole-process wall time, and the median of the ratios within each round.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TRACERS = [
    # name, command before the workload; {out} is a scratch file
    ("bare", []),
    ("sightline -f -o /dev/null", ["{sightline}", "-f", "-o", "/dev/null"]),
    ("strace -f -o /dev/null", ["strace", "-f", "-o", "/dev/null"]),
    ("sightline record --source=none", ["{sightline}", "record", "-q", "--source=none", "-o", "{out}"]),
    ("sightline record, source lines", ["{sightline}", "record", "-q", "-o", "{out}"]),
    ("sightline -f -k -o /dev/null", ["{sightline}", "-f", "-k", "-o", "/dev/null"]),
    ("inprocess, record --source=none",
     ["{sightline}", "record", "-q", "-f", "--engine=inprocess", "--source=none", "-o", "{out}"]),
    ("inprocess, record, source lines", ["{sightline}", "record", "-q", "-f", "--engine=inprocess", "-o", "{out}"]),
    ("inprocess, -f -o /dev/null", ["{sightline}", "--engine=inprocess", "-f", "-o", "/dev/null"]),
    ("inprocess, -f -k -o /dev/null", ["{sightline}", "--engine=inprocess", "-f", "-k", "-o", "/dev/null"]),
    ("strace -f -k -o /dev/null", ["strace", "-f", "-k", "-o", "/dev/null"]),
]

C_SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
struct node { struct node *next; int value; };
static struct node *push(struct node *list, int value) {
  struct node *n = malloc(sizeof *n);
  n->next = list;
  n->value = value;
  return n;
}
int main(int argc, char **argv) {
  struct node *list = NULL;
  for (int i = 0; i < argc; i++) list = push(list, (int)strlen(argv[i]));
  int sum = 0;
  for (struct node *n = list; n; n = n->next) sum += n->value;
  printf("%d\\n", sum);
  return 0;
}
"""


def workloads(build, scratch):
    source = os.path.join(scratch, "list.c")
    with open(source, "w", encoding="ascii") as file:
        file.write(C_SOURCE)
    return [
        ("getppid loop, 5,000 calls", [os.path.join(build, "tests/bench/getppid-loop"), "5000"]),
        ("dd bs=1 count=3000", ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=3000"]),
        ("find /usr/include", ["find", "/usr/include"]),
        ("gcc -O1, one file", ["gcc", "-O1", source, "-o", os.path.join(scratch, "list")]),
    ]


def run(command):
    start = time.perf_counter()
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            check=False)
    elapsed = time.perf_counter() - start
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} failed with status {result.returncode}")
    return elapsed


def count_calls(command):
    with tempfile.NamedTemporaryFile() as file:
        subprocess.run(["strace", "-f", "-qq", "-o", file.name, *command], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        return sum(1 for line in file if b"resumed>" not in line and b"---" not in line)


def overhead(build, runs, markdown):
    sightline = os.path.join(build, "sightline")
    tracers = [t for t in TRACERS if not t[1] or t[1][0] != "strace" or shutil.which("strace")]
    with tempfile.TemporaryDirectory() as scratch:
        for title, command in workloads(build, scratch):
            out = os.path.join(scratch, "out.slt")
            prefixes = [[part.format(sightline=sightline, out=out) for part in prefix] for _, prefix in tracers]
            run(command)  # warm the caches
            times = [[] for _ in tracers]
            for _ in range(runs):
                for i, prefix in enumerate(prefixes):
                    times[i].append(run(prefix + command))
            calls = count_calls(command) if shutil.which("strace") else 0
            names = [name for name, _ in tracers]
            bare = times[0]
            reference = {"-k": "strace -f -k -o /dev/null"}
            print(f"\n{title} ({calls} calls), medians of {runs} rounds")
            header = f"{'':34} {'seconds':>9} {'× bare':>9} {'µs/call':>9} {'strace is slower by':>20}"
            if markdown:
                print("\n| | seconds | × bare | µs a call | strace is slower by |\n|---|--:|--:|--:|--:|")
            else:
                print(header)
            for i, name in enumerate(names):
                median = statistics.median(times[i])
                ratio = statistics.median(t / b for t, b in zip(times[i], bare))
                per_call = statistics.median((t - b) / calls * 1e6 for t, b in zip(times[i], bare)) if calls and i else 0
                versus = ""
                if name.startswith(("sightline", "inprocess")):
                    wants_stack = "-k" in name or "lines" in name
                    other = reference["-k"] if wants_stack else "strace -f -o /dev/null"
                    if other in names:
                        factor = statistics.median(o / t for o, t in zip(times[names.index(other)], times[i]))
                        versus = f"{factor:.1f} ×" + (" (-k)" if wants_stack else "")
                if markdown:
                    print(f"| {name} | {median:.4f} | {ratio:.1f} | {per_call:.1f} | {versus} |")
                else:
                    print(f"{name:34} {median:9.4f} {ratio:9.1f} {per_call:9.1f} {versus:>20}")
            sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build")
    parser.add_argument("names", nargs="*", default=["overhead"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--markdown", action="store_true")
    arguments = parser.parse_args()
    for name in arguments.names or ["overhead"]:
        if name != "overhead":
            sys.exit(f"bench: there is no benchmark '{name}'; there is: overhead")
        overhead(os.path.abspath(arguments.build), arguments.runs, arguments.markdown)


if __name__ == "__main__":
    main()
