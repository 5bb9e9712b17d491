"""R4, R6, R7: programs that run already."""

import contextlib
import os
import signal
import subprocess

from harness import (DEADLINE, SIGHTLINE, Trace, describe, handles, read_text, state_of, threads_of, tracee, tracer_of,
                     wait_until)
from test_attach import Client, Load, Server

from case import PROGRAMS


def start_crowd(case, n):
    path = case.dir / "crowd"
    path.touch()
    program = case.start([PROGRAMS / "crowd", path, n], stdin=subprocess.PIPE)
    counts = case.counts_of(path, 24)
    wait_until(lambda: counts()[0] > n, "the births")
    return program, counts


def missing_marks(case, file, first, last):
    """Of those born between: three marks each are in the trace."""
    seen = {}
    for numbers in case.marks_in(case.lines(file)).values():
        for n in numbers:
            seen[n] = seen.get(n, 0) + 1
    return [n for n in range(first, last) if seen.get(n) != 3]


def crowd(case):
    """R6: attach to threads that bear threads"""
    threads = case.size(200, 1000)
    rounds = case.size(10, 1000)
    program, counts = start_crowd(case, threads)
    by_stops = 0
    for i in range(rounds):
        file = case.dir / "attached.txt"
        code = case.code_of(program.pid)
        stopped = i % 5 == 4
        if stopped:
            os.kill(program.pid, signal.SIGSTOP)
            wait_until(lambda: all(state_of(tid) in "tT" for tid in threads_of(program.pid)), "the stop")
        tracer = case.attach(program.pid, "--source=none", file=file)
        if not stopped:
            # All that are counted as begun by now may be older than the tracer; two births for each thread of the crowd.
            first = counts()[0] + threads + 1
            wait_until(lambda: counts()[1] > first + 2 * threads, "births under the tracer")
            last = counts()[1] - threads
        case.detach(tracer, case.dice.choice([signal.SIGINT, signal.SIGTERM, signal.SIGHUP]))
        if stopped:
            case.assertTrue(all(state_of(tid) == "T" for tid in threads_of(program.pid)), describe(program.pid)[:4000])
            case.assertEqual(case.code_of(program.pid), code, f"round {i}: the code has changed")
            os.kill(program.pid, signal.SIGCONT)
        else:
            case.assertEqual(missing_marks(case, file, first, last), [], f"round {i}: three marks of each")
            case.assertEqual(case.code_of(program.pid), code, f"round {i}: the code has changed")
        before = counts()[1]
        wait_until(lambda: counts()[1] > before + threads, f"round {i}: births without the tracer")
        wait_until(lambda: all(tracer_of(tid) == 0 for tid in threads_of(program.pid)), "no tracer")
        # A stop interrupts epoll_wait(2) without any tracer (signal(7)).
        if stopped:
            by_stops = counts()[2]
        case.assertEqual(counts()[2], by_stops, f"round {i}: interrupted calls")
    program.stdin.close()
    case.assertEqual(program.wait(DEADLINE), 0)
    return f"{rounds:,} rounds against {threads:,} threads that bear threads", "EINTR 0, TracerPid 0, state kept, code identical"


def server(case):
    """R6: attach to threads that are blocked in every kind of call, and to a server under load"""
    rounds = case.size(10, 1000)
    served = Server(case)
    client = Client(served.ports[1])
    case.addCleanup(client.close)
    client.ask(0)
    code = case.code_of(served.pid)
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
    with Load(served.ports[0]) as load:
        for i in range(rounds):
            case.round(served, client, 1000 * (i + 1), signals[i % 4], "-f", "--source=none")
            case.assertEqual(case.code_of(served.pid), code, f"round {i}: the code has changed")
        answers = load.answers
        wait_until(lambda: load.answers > answers + 10 or load.failures, "the server to go on")
    return f"{rounds:,} rounds, a server under load, {len(list(served.slots()))} blocked threads", \
        "no answer lost, no call came back, code identical"


def stopping(case):
    """R4: stopped and continued while attached; let go while stopped"""
    rounds = case.size(5, 100)
    stops = 10
    program, counts = start_crowd(case, 4)
    stopped = lambda: all(state_of(tid) in "tT" for tid in threads_of(program.pid))
    for _ in range(rounds):
        tracer = case.attach(program.pid, "--source=none")
        for _ in range(stops):
            goal = counts()[1] + case.dice.randrange(20)
            wait_until(lambda: counts()[1] >= goal, "births")
            os.kill(program.pid, signal.SIGSTOP)
            case.assertEqual(os.waitpid(program.pid, os.WUNTRACED), (program.pid, signal.SIGSTOP << 8 | 0x7F))
            before = counts()[1]
            os.kill(program.pid, signal.SIGCONT)
            wait_until(lambda: counts()[1] > before + 3, "the process to go on")
        os.kill(program.pid, signal.SIGSTOP)
        case.assertEqual(os.waitpid(program.pid, os.WUNTRACED), (program.pid, signal.SIGSTOP << 8 | 0x7F))
        case.detach(tracer)
        case.assertTrue(stopped(), describe(program.pid))
        before = counts()[1]
        os.kill(program.pid, signal.SIGCONT)
        wait_until(lambda: counts()[1] > before + 3, "the process to go on alone")
        trace = Trace(read_text(case.dir / "attached.txt"))
        case.assertGreaterEqual(len([name for _, name in trace.stops if name == "SIGSTOP"]), stops)
        case.assertGreaterEqual(len([s for s in trace.signals if s[1] == "SIGCONT"]), stops)
    program.stdin.close()
    case.assertEqual(program.wait(DEADLINE), 0)
    return f"{rounds:,} rounds of {stops} stops", "the parent sees each, stopped when let go"


def racing_exec(case):
    """R7: a seize waits for an exec, the exec for a dead thread, and that one for its tracer: for us"""
    rounds = case.size(15, 2000)
    path = case.dir / "images"
    program = case.start([tracee("exec_thread"), "forever", path], stdout=subprocess.DEVNULL)
    images = case.counts_of(path, 4096)
    for round_ in range(rounds):
        file = case.dir / "attached.txt"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)
        tracer = case.start([SIGHTLINE, f"--engine={case.engine}", "-f", "-o", file, "-p", program.pid],
                            stderr=subprocess.PIPE)
        wait_until(lambda: handles(tracer.pid, signal.SIGINT) or tracer.poll() is not None, "the start")
        before = images()[0]
        wait_until(lambda: images()[0] >= before + 3 or tracer.poll() is not None,
                   f"round {round_}: the program to go on\n{describe(tracer.pid)}")
        if tracer.poll() is None:
            tracer.send_signal(signal.SIGINT)
        try:
            _, err = tracer.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            case.fail(f"round {round_}: hangs\n{describe(tracer.pid)}")
        case.look_at_what_was_said(err.decode())
        case.assertEqual(tracer.returncode, 0, err)
        Trace(read_text(file))
        before = images()[0]
        wait_until(lambda: images()[0] >= before + 2, f"round {round_}: the program to go on alone")
    case.assertIsNone(program.poll())
    return f"{rounds:,} attaches", "no hang, the program goes on"
