#!/usr/bin/env python3
"""Explores wakeup.pml with spin: the protocol as shipped has no deadlock, and without any one of its fences it has.

    check.py MODEL      exits with 77 (skipped) where spin is not installed
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

VARIANTS = {
    "as shipped": ([], False),
    "as shipped, a ring of one": (["-DCAPACITY=1", "-DITEMS=3"], False),
    "no fence between commit and the look for a sleeper": (["-DNO_RING_FENCE"], True),
    "no fence between going to sleep and the last look at the ring": (["-DNO_SLEEPER_FENCE"], True),
    "no fence between giving space back and the look for a waiter": (["-DNO_GATE_FENCE"], True),
    "no fence between waiting for space and the last look for it": (["-DNO_WAITER_FENCE"], True),
}


def explore(model, options):
    """Whether a deadlock was found; raises if the exploration was not complete or found something else."""
    with tempfile.TemporaryDirectory() as directory:
        subprocess.run(["spin", *options, "-a", model], cwd=directory, check=True, stdout=subprocess.DEVNULL)
        subprocess.run(["cc", "-w", "-O2", "-DSAFETY", "-o", "pan", "pan.c"], cwd=directory, check=True)
        out = subprocess.run(["./pan", "-m1000000"], cwd=directory, check=True, capture_output=True, text=True).stdout
    errors = int(re.search(r"errors: (\d+)", out)[1])
    if errors == 0:
        assert "max search depth too small" not in out, out
        return False, int(float(re.search(r"([\d.e+]+) states, stored", out)[1]))
    assert "invalid end state" in out, out
    return True, 0


def main():
    if shutil.which("spin") is None:
        return 77
    failed = 0
    for name, (options, expected) in VARIANTS.items():
        deadlock, states = explore(os.path.abspath(sys.argv[1]), options)
        print(f"{name}: " + ("deadlock" if deadlock else f"none in {states} states"))
        failed += deadlock != expected
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
