"""What tracing takes of memory: Pss, which shares out what several processes have in common."""

import os
import subprocess

import tracers

CALLS = 2000  # of each thread: enough to have every ring used


def pss(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:"))


def child_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return int(file.read().split()[0])


def measure(command, loop, threads):
    """(Pss of the tracer, of the program) in KiB, when all threads have made their calls and wait."""
    process = subprocess.Popen([*command, loop, str(CALLS), str(threads), "hold"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    process.stdout.readline()
    if command:
        result = (pss(process.pid), pss(child_of(process.pid)))
    else:
        result = (0, pss(process.pid))
    process.stdin.close()
    process.stdout.read()
    process.wait()
    return result


def memory(build, scratch, _, markdown):
    sightline, out = os.path.join(build, "sightline"), os.path.join(scratch, "out")
    loop = os.path.join(build, "tests/bench/getppid-loop")
    rows = []
    for tracer in tracers.available(sightline, scratch):
        if tracer.note:
            print(f"{tracer.name}: {tracer.note}")
            continue
        cells = [tracer.name]
        for threads in (1, 64):
            tracers.remove_output(out)
            ours, theirs = measure(tracers.filled(tracer.command, sightline, out), loop, threads)
            cells += [f"{ours / 1024:.1f}" if tracer.command else "–", f"{theirs / 1024:.1f}"]
        rows.append(cells)
    print(f"\nMemory (Pss) in MiB, when each thread has made {CALLS:,} calls. The rings are shared by tracer and program in-process.")
    tracers.print_table(["", "tracer, 1 thread", "program", "tracer, 64 threads", "program"], rows, markdown)
    print("\n" + tracers.LEGEND)
