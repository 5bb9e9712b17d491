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

from harness import with_engine

BEGIN, END = 'chdir("/sightline/begin")', 'chdir("/sightline/end")'
SKIPPED = 77  # to meson
SIGHTLINE = os.environ.get("SIGHTLINE", "sightline")


def between_marks(lines):
    """Those of all marked sections."""
    marked, inside = [], False
    for line in lines:
        if BEGIN in line:
            inside = True
        elif END in line:
            inside = False
        elif inside:
            marked.append(line)
    return marked


def of_the_first_thread(lines):
    """A recording follows children; the program expects its own lines, which theirs may have cut in two, marks too."""
    if not lines or not lines[0][0].isdigit():
        return lines
    tid = lines[0].split()[0]
    joined, begun = [], ""
    for line in lines:
        thread, line = line.split(" ", 1)
        if thread != tid:
            continue
        line = line.lstrip(" ")
        if line.endswith(" <unfinished ...>"):
            begun = line.removesuffix(" <unfinished ...>")
        else:
            joined.append(re.sub(r"^<\.\.\. \w+ resumed>", lambda _: begun, line))
    return joined


def run(*command):
    result = subprocess.run(with_engine(command), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                            check=False)
    if result.returncode == SKIPPED:
        print(result.stdout.decode())
        sys.exit(SKIPPED)
    if result.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {result.returncode}\n{result.stderr.decode()}")
    return result.stdout.decode("utf-8", "surrogateescape")


def compare(said, text, how):
    expected = said.splitlines()
    got = between_marks(of_the_first_thread(text.splitlines()))
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
        text = trace.read_text(encoding="utf-8", errors="surrogateescape")
        if pathlib.Path(SIGHTLINE).name == "strace":
            # It shows what lies on the stack, and takes the interrupted code's register for a result.
            text = re.sub(r"rt_sigreturn\(\{mask=\[[^]]*\]\}\) = .*", "rt_sigreturn() = ?", text)
        compare(said, text, "live")
        if pathlib.Path(SIGHTLINE).name == "strace":
            return
        recorded = pathlib.Path(directory) / "trace.slt"
        limit = next((option for option in options if option.startswith("-s")), "-s32")
        said = run(SIGHTLINE, "record", "-q", limit, "-o", recorded, program)
        others = [option for option in options if option != limit]
        compare(said, run(SIGHTLINE, "print", "--source=none", "-a1", limit, *others, recorded), "recorded")


if __name__ == "__main__":
    main()
