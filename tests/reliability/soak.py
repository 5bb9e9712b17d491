"""R12: everything at once, for long."""

import os
import subprocess
import time

from harness import SIGHTLINE, tracee, wait_until


def memory_of(pid):
    """Bytes that a process has to itself, and its share of what it has with others."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024


def soak(case):
    """R12: the tracer's memory and descriptors while programs of every kind come and go"""
    stop, rounds = case.dir / "stop", case.dir / "rounds"
    rounds.touch()
    work = "; ".join([
        f"{tracee('births')} 1 3", f"{tracee('births')} threads 100", f"{tracee('counter')} threads 32 100",
        f"{tracee('signal_storm')} queue 500", f"{tracee('signal_storm')} stop 5", f"{tracee('exec_thread')} 3",
        f"{tracee('timer_storm')} restart 200", "ls -lR /usr/share/doc >/dev/null", f"{tracee('dies')} signal 11"])
    # A soak that ends by itself if nobody ends it.
    script = f"while [ ! -e {stop} ]; do {work}; echo >>{rounds}; done 2>/dev/null"
    tracer = case.start([SIGHTLINE, f"--engine={case.engine}", "-f", "-o", "/dev/null", "sh", "-c", script],
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    samples = []
    end = time.monotonic() + 60 * case.minutes
    # At least so many rounds, however slow the machine is: by time alone nothing could be said.
    while time.monotonic() < end or len(samples) < 30:
        seen = rounds.stat().st_size
        wait_until(lambda: rounds.stat().st_size > seen or tracer.poll() is not None, "a round of the work")
        case.assertIsNone(tracer.poll(), "the tracer has ended")
        samples.append((memory_of(tracer.pid), len(os.listdir(f"/proc/{tracer.pid}/fd"))))
    stop.touch()
    _, err = tracer.communicate(timeout=120)
    case.assertEqual(tracer.returncode, 0, err)
    # The first third fills caches (programs, their lines): the second is what the last is held against.
    third = len(samples) // 3
    peak = lambda part: tuple(max(column) for column in zip(*part))
    before, after = peak(samples[third:2 * third]), peak(samples[2 * third:])
    case.assertLessEqual(after[0], before[0] * 1.05 + (1 << 20), f"memory grows: {samples}")
    case.assertLessEqual(after[1], before[1] + 2, f"descriptors: {samples}")
    return (f"{case.minutes:g} minutes, {len(samples)} rounds",
            f"{before[0] / 1e6:.1f} MB and {before[1]} descriptors at most, then {after[0] / 1e6:.1f} MB and {after[1]}")
