"""What tracing costs: whole programs, and loops of calls net of starting up."""

import os
import shutil
import statistics
import subprocess
import sys
import time

import tracers
from tracers import ratio_text

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Loop:
    """A program that makes as many calls as it is told to. Slow tracers get fewer: what is compared is the time a call
    takes, from which the time of the same program told to make none is taken off."""

    def __init__(self, title, command, most, calls_each, live=False):
        self.title, self.command, self.most, self.calls_each, self.live = title, command, most, calls_each, live

    def of(self, n):
        return [part.replace("{n}", str(n)) for part in self.command]


class Program:
    """A program that is run as it is: whole-process wall time. `before` is done, untimed, ahead of each run."""

    def __init__(self, title, command, before=None):
        self.title, self.command, self.before = title, command, before


def run(command, before=None):
    if before:
        before()
    start = time.perf_counter()
    result = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    elapsed = time.perf_counter() - start
    if result.returncode not in (0, 1):  # grep that finds nothing says 1
        sys.exit(f"bench: {' '.join(command)} failed with status {result.returncode}")
    return elapsed


def loops(build):
    loop = os.path.join(build, "tests/bench/getppid-loop")
    return [
        Loop("getppid loop", [loop, "{n}"], 1_000_000, 1),
        Loop("getppid in 2 threads", [loop, "{n}", "2"], 500_000, 2),
        Loop("getppid loop, live text", [loop, "{n}"], 1_000_000, 1, live=True),
        Loop("dd bs=1", ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count={n}"], 2_000_000, 2),
    ]


def programs(scratch):
    repository = os.path.join(scratch, "repository")
    if shutil.which("git"):
        subprocess.run(["git", "init", "-q", repository], check=True)
        for directory in range(200):
            os.mkdir(os.path.join(repository, str(directory)))
            for name in range(100):
                with open(os.path.join(repository, str(directory), str(name)), "w", encoding="ascii") as file:
                    file.write(f"{name}\n")
        subprocess.run(["sh", "-c", "git add . && git -c user.name=a -c user.email=a@b commit -qm first"], cwd=repository,
                       check=True)
    inserts = os.path.join(scratch, "inserts.sql")
    with open(inserts, "w", encoding="ascii") as file:
        file.write("pragma synchronous=off; create table t(a integer primary key, b text);\n")
        file.writelines(f"insert into t values({i}, 'row {i}');\n" for i in range(5000))
    database = os.path.join(scratch, "t.db")
    without_database = lambda: [os.unlink(name) for name in (database, database + "-journal") if os.path.exists(name)]
    python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else os.path.realpath(sys.executable)
    source = os.path.join(ROOT, "tests/tracees/births.cc")
    wanted = [
        ("find", Program("find /usr", ["find", "/usr"])),
        ("grep", Program("grep -r, /usr/include", ["grep", "-r", "nosuchword", "/usr/include"])),
        ("git", Program("git status, 20,000 files", ["git", "-C", repository, "status"])),
        ("sqlite3", Program("sqlite3, 5,000 inserts", ["sqlite3", database, f".read {inserts}"], without_database)),
        ("g++", Program("g++ -O1, one file",
                        ["g++", "-std=c++20", "-O1", "-D_GNU_SOURCE", "-I", ROOT, "-c", source, "-o", os.path.join(scratch, "o.o")])),
        (python, Program("python3 -c pass", [python, "-I", "-c", "pass"])),
        ("true", Program("true", [shutil.which("true") or "/bin/true"])),
    ]
    return [program for needs, program in wanted if shutil.which(needs)]


def count_calls(command, before):
    if not shutil.which("strace"):
        return 0
    if before:
        before()
    result = subprocess.run(["strace", "-f", "-qq", "-o", "/dev/stdout", *command], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, check=False)
    return sum(1 for line in result.stdout.split(b"\n") if b"(" in line and b"resumed>" not in line and b"---" not in line)


def measure_loop(loop, usable, sightline, out, rounds):
    """tracer name → [seconds a call], by round"""
    times = {tracer.name: [] for tracer in usable}
    run(loop.of(1000))
    for _ in range(rounds):
        for tracer in usable:
            n = loop.most * tracer.speed // tracers.BARE.speed
            command = tracers.filled(tracer.live if loop.live else tracer.command, sightline, out)
            tracers.remove_output(out)
            start_up = run([*command, *loop.of(0)])
            tracers.remove_output(out)
            elapsed = run([*command, *loop.of(n)])
            times[tracer.name].append((elapsed - start_up) / (n * loop.calls_each))
    return times


def measure_program(program, usable, sightline, out, rounds):
    times = {tracer.name: [] for tracer in usable}
    run(program.command, program.before)
    for _ in range(rounds):
        for tracer in usable:
            tracers.remove_output(out)
            times[tracer.name].append(run([*tracers.filled(tracer.command, sightline, out), *program.command], program.before))
    return times


def overhead(build, scratch, rounds, markdown):
    sightline, out = os.path.join(build, "sightline"), os.path.join(scratch, "out")
    everyone = tracers.available(sightline, scratch)
    usable = [tracer for tracer in everyone if not tracer.note]
    names = [tracer.name for tracer in everyone[1:]]
    for tracer in everyone:
        if tracer.note:
            print(f"{tracer.name}: {tracer.note}")

    def row(title, times, unit):
        bare = times["bare"]
        cells = [title, unit(statistics.median(bare))]
        for name in names:
            ratios = [t / b for t, b in zip(times.get(name, []), bare)]
            cells.append(ratio_text(statistics.median(ratios)) if ratios else "–")
        return cells

    rows = []
    for loop in loops(build):
        able = [tracer for tracer in usable if not loop.live or tracer.live is not None]
        times = measure_loop(loop, able, sightline, out, rounds)
        rows.append(row(loop.title, times, lambda seconds: f"{seconds * 1e9:,.0f} ns"))
    print(f"\nLoops of calls: the time a call takes, as a multiple of what it takes untraced; starting up is not in it. Medians "
          f"of {rounds} rounds.\n1,000,000 calls of getppid, 4,000,000 of dd; half of that under perf record, a fiftieth under ptrace, "
          "strace and perf trace.")
    tracers.print_table(["", "bare, a call", *names], rows, markdown)
    sys.stdout.flush()

    rows = []
    for program in programs(scratch):
        calls = count_calls(program.command, program.before)
        times = measure_program(program, usable, sightline, out, rounds)
        rows.append(row(f"{program.title} ({calls:,} calls)" if calls else program.title, times,
                        lambda seconds: f"{seconds * 1e3:,.1f} ms"))
    print(f"\nWhole programs, from start to end: wall time as a multiple of the untraced program's. Medians of {rounds} rounds.")
    tracers.print_table(["", "bare", *names], rows, markdown)
    print("\n" + tracers.LEGEND)


STACKS = [
    ("bare", []),
    ("in-process, -k", ["{sightline}", "--engine=inprocess", "-f", "-k", "-o", "{out}"]),
    ("ptrace, -k", ["{sightline}", "--engine=ptrace", "-f", "-k", "-o", "{out}"]),
    ("strace -k", ["strace", "-f", "-k", "-o", "{out}"]),
]


def stacks(build, scratch, rounds, markdown):
    """Whole stacks, as text."""
    sightline, out = os.path.join(build, "sightline"), os.path.join(scratch, "out")
    able = [(name, command) for name, command in STACKS if not command or shutil.which(command[0].format(sightline=sightline))]
    rows = []
    loop = os.path.join(build, "tests/bench/getppid-loop")
    source = os.path.join(scratch, "hello.c")
    with open(source, "w", encoding="ascii") as file:
        file.write('#include <stdio.h>\nint main(void) { return puts("hello") < 0; }\n')
    workloads = [("getppid loop, 5,000 calls", [loop, "5000"]),
                 ("dd bs=1 count=2000", ["dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=2000"]),
                 ("find /usr/include", ["find", "/usr/include"]),
                 ("gcc, one file", ["gcc", "-O1", "-c", source, "-o", os.path.join(scratch, "hello.o")])]
    for title, command in workloads:
        times = {name: [] for name, _ in able}
        for _ in range(rounds):
            for name, prefix in able:
                times[name].append(run([*tracers.filled(prefix, sightline, out), *command]))
        bare = times["bare"]
        rows.append([title, f"{statistics.median(bare) * 1e3:,.1f} ms"] +
                    [ratio_text(statistics.median(t / b for t, b in zip(times[name], bare))) for name, _ in able[1:]])
    print(f"\nEach call with its stack, as text: wall time as a multiple of the untraced program's. Medians of {rounds} rounds.")
    tracers.print_table(["", "bare", *[name for name, _ in able[1:]]], rows, markdown)
