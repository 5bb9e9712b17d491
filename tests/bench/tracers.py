"""The tracers that stand side by side, and how each is run."""

import dataclasses
import os
import shutil
import subprocess


@dataclasses.dataclass
class Tracer:
    name: str
    command: list  # before the workload's; {sightline}, and {out} for a scratch file
    attach: list  # before a list of process ids joined by commas
    live: list  # the command that writes text while the program runs; none: it can't
    speed: int = 1  # how many calls it is given: 50 takes a million in seconds
    note: str = ""  # why it can't be used here


PERF_EVENTS = "raw_syscalls:sys_enter,raw_syscalls:sys_exit"

BARE = Tracer("bare", [], None, [], speed=50)


def _sightline(name, engine, source, speed):
    options = [f"--engine={engine}", f"--source={source}"]
    return Tracer(name, ["{sightline}", "record", "-q", "-f", *options, "-o", "{out}"],
                  ["{sightline}", "record", "-q", "-f", *options, "-o", "{out}", "-p"],
                  ["{sightline}", "-f", *options, "-o", "{out}"], speed=speed)


ALL = [
    BARE,
    _sightline("in-process, lines", "inprocess", "line", 50),
    _sightline("in-process", "inprocess", "none", 50),
    _sightline("ptrace, lines", "ptrace", "line", 1),
    _sightline("ptrace", "ptrace", "none", 1),
    Tracer("strace", ["strace", "-f", "-o", "{out}"], ["strace", "-f", "-o", "{out}", "-p"], ["strace", "-f", "-o", "{out}"]),
    Tracer("perf trace", ["perf", "trace", "-o", "{out}", "--"], ["perf", "trace", "-o", "{out}", "-p"],
           ["perf", "trace", "-o", "{out}", "--"]),
    Tracer("perf record", ["perf", "record", "-q", "-e", PERF_EVENTS, "-o", "{out}", "--"],
           ["perf", "record", "-q", "-e", PERF_EVENTS, "-o", "{out}", "-p"], None, speed=25),
]

LEGEND = """in-process and ptrace are `sightline record` with `--engine=` that, with source lines (`lines`) or `--source=none`. perf record
takes raw_syscalls:sys_enter and sys_exit, without strings; both perfs may lose events under load, which the others do not."""


def filled(command, sightline, out):
    return [part.format(sightline=sightline, out=out) for part in command]


def available(sightline, scratch):
    """All tracers, those that can't work with a note that says why."""
    for tracer in ALL:
        if tracer is BARE:
            continue
        command = filled(tracer.command, sightline, os.path.join(scratch, "probe"))
        if not shutil.which(command[0]):
            tracer.note = "not installed"
            continue
        result = subprocess.run([*command, "true"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            lines = [line.strip() for line in result.stderr.splitlines() if line.strip()]
            tracer.note = f"does not work here: {lines[0] if lines else f'status {result.returncode}'}"
    return ALL


def remove_output(out):
    for name in (out, out + ".old"):
        if os.path.exists(name):
            os.unlink(name)


def print_table(header, rows, markdown):
    """Rows of text; the first column is left-aligned."""
    if markdown:
        print("\n| " + " | ".join(header) + " |\n|---|" + "--:|" * (len(header) - 1))
        for row in rows:
            print("| " + " | ".join(row) + " |")
        return
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]
    for row in [header, *rows]:
        print("  ".join(cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths))))


def ratio_text(value):
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
