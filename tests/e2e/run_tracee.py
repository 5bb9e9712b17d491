#!/usr/bin/env python3
"""Runs a program that prints the trace it expects (tests/tracees/expect.h), and compares: live, and from a trace file.

    run_tracee.py PROGRAM [OPTION...]

OPTIONs go to sightline. With SIGHTLINE=strace the expectations themselves are tried on strace.
"""

import difflib
import os
import pathlib
import re
import subprocess
import sys
import tempfile

BEGIN, END = 'chdir("/sightline/begin")', 'chdir("/sightline/end")'
SKIPPED = 77  # to meson
SIGHTLINE = os.environ.get("SIGHTLINE", "sightline")


def between_marks(text):
    """The lines of all marked sections."""
    lines, inside = [], False
    for line in text.splitlines():
        if BEGIN in line:
            inside = True
        elif END in line:
            inside = False
        elif inside:
            lines.append(line)
    return lines


def run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                            check=False)
    if result.returncode == SKIPPED:
        print(result.stdout.decode())
        sys.exit(SKIPPED)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {result.returncode}\n{result.stderr.decode()}")
    return result.stdout.decode("utf-8", "surrogateescape")


def compare(said, text, options, how):
    expected = said.splitlines()
    got = between_marks(text)
    if "-f" in options:
        # Thread ids stand in front, with as many blanks behind as it takes; the program says "<tid> ".
        got = [re.sub(r"^(\d+) +", r"\1 ", line) for line in got]
    if not expected:
        sys.exit("the program expects nothing")
    if expected != got:
        print("\n".join(difflib.unified_diff(expected, got, "expected", how, lineterm="", n=1)))
        sys.exit(1)
    print(f"{how}: {len(expected)} lines as expected")


def main():
    program, *options = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="sightline-test-") as directory:
        trace = pathlib.Path(directory) / "trace"
        said = run(SIGHTLINE, "-a1", "-o", trace, *options, program)
        compare(said, trace.read_text(encoding="utf-8", errors="surrogateescape"), options, "live")
        if pathlib.Path(SIGHTLINE).name == "strace":
            return
        recorded = pathlib.Path(directory) / "trace.slt"
        limit = next((option for option in options if option.startswith("-s")), "-s32")
        said = run(SIGHTLINE, "record", "-q", limit, "-o", recorded, program)
        others = [option for option in options if option not in ("-f", limit)]
        compare(said, run(SIGHTLINE, "print", "--source=none", "-a1", limit, *others, recorded), options, "recorded")


if __name__ == "__main__":
    main()
