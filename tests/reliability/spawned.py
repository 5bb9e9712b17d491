"""R1 to R5, R7, R10, R11: programs that are started under the tracer."""

import collections
import os
import re
import signal
import subprocess
import sys

from harness import SIGHTLINE, is_alive, tracee, wait_until


def steady(case):
    """R1: threads that count their own calls"""
    total = case.size(100_000, 1_000_000)
    for n in (1, 8, 64, 1000):
        calls = max(1, total // n)
        for how in ("recorded", "live"):
            if how == "recorded":
                result, _ = case.record(tracee("counter"), "threads", n, calls)
                seen = case.marks_in(case.lines())
            else:
                result, file = case.text(tracee("counter"), "threads", n, calls)
                seen = case.marks_in(case.lines(file))
            made = {}
            for line in result.out.splitlines():
                index, tid, count = map(int, line.split())
                case.assertEqual(count, calls)
                made[tid] = [(index << 32) + i for i in range(count)]
            case.assertEqual(len(made), n)
            case.assert_same_numbers(seen, made)
    return f"1, 8, 64, 1000 threads × {total:,} calls, recorded and live", "difference 0"


def births(case):
    """R2: forks and threads, wide and deep"""
    total = 0
    width = case.size(1, 10)
    for command in (["births", width, 5], ["births", "chain", 50], ["births", "threads", case.size(2000, 20_000)]):
        result, _ = case.record(tracee(command[0]), *command[1:])
        born = sum(int(line.split()[1]) for line in result.out.splitlines())
        numbers, ends = [], 0
        for line in case.lines():
            if match := re.match(rb"^(?:\d+ +)?lseek\(-1, (\d+), SEEK_SET", line):
                numbers.append(int(match[1]))
            ends += b"+++ exited with 0 +++" in line
        case.assertEqual(sorted(numbers), list(range(1, born + 1)))
        case.assertEqual(ends, born + 1, "one end for each, and the root's")
        total += born
    return f"{total:,} births, depth 50", "all tracked, difference 0"


def signals(case):
    """R3: signals into blocked calls, queues and timers"""
    n = case.size(5_000, 100_000)
    for way in ("restart", "interrupt", "queue"):
        result, _ = case.record(tracee("signal_storm"), way, n)
        words = result.out.splitlines()[-1].split()
        handled, interrupted, wrong = map(int, words[1::2])
        case.assertEqual((handled, wrong), (n, 0), way)
        if way != "queue":
            case.assertEqual(interrupted, n if way == "interrupt" else 0, way)
        name = b"SIGUSR1" if way != "queue" else b"SIGRT"
        counts = collections.Counter()
        marks = []
        for line in case.lines():
            counts["delivered"] += re.search(rb"--- " + name, line) is not None
            counts["returns"] += b"rt_sigreturn(" in line
            # The call that the signal interrupted is told as such, whether it is begun anew or not.
            counts["interrupted"] += re.search(rb"\) += \? ERESTARTSYS|read resumed>.*ERESTARTSYS", line) is not None
            if match := re.match(rb"^(?:\d+ +)?lseek\(-1, (\d+), SEEK_SET", line):
                marks.append(int(match[1]))
        case.assertEqual((counts["delivered"], counts["returns"]), (n, n), way)
        if way == "queue":
            case.assertEqual(marks, list(range(len(marks))))
        else:
            case.assertGreaterEqual(counts["interrupted"], n, way)
    for way in ("restart", "interrupt"):
        result, _ = case.record(tracee("timer_storm"), way, n)
        case.assertEqual(result.out, "as untraced\n", way)
        whole = sum(re.search(rb"\bwrite\(.* = 4$|\bwrite resumed>.*= 4$", line) is not None for line in case.lines())
        case.assertEqual(whole, 4 * n, way)
    return f"3 × {n:,} signals, with and without SA_RESTART; timer every 0.5 ms over {16 * n:,} calls", \
        "handlers run as often as sent, difference 0"


def stopping(case):
    """R4: SIGSTOP and SIGCONT"""
    n = case.size(200, 1000)
    for way in ("stop", "stop-new"):
        result, _ = case.record(tracee("signal_storm"), way, n)
        made, handled = result.out.splitlines()
        case.assertEqual(handled, f"handled {n} interrupted 0 wrong 0", way)
        made = int(made.split()[1])
        stops = continued = 0
        marks = []
        for line in case.lines():
            stops += b"--- stopped by SIGSTOP ---" in line
            continued += b"--- SIGCONT" in line
            if match := re.match(rb"^(?:\d+ +)?lseek\(-1, (\d+), SEEK_SET", line):
                marks.append(int(match[1]))
        case.assertEqual(marks, list(range(made)), way)
        # Two threads are stopped, one is told of SIGCONT.
        case.assertEqual((stops, continued), (2 * n, n), way)
    case.record(tracee("signal_storm"), "nudge", n)
    return f"2 × {n:,} stops of two threads, {n:,} taken back", "the parent and the trace see each, difference 0"


def killed(case):
    """R5: kill -9 of a traced process"""
    n = case.size(50, 1000)
    for _ in range(n):
        case.kill_one(case.dice)
    return f"{n:,} kills at random", "no hang; returned ≤ recorded ≤ started"


def executing(case):
    """R7: exec from threads that are not the leader"""
    rounds = case.size(200, 2000)
    case.record(tracee("exec_thread"), rounds, expect=7)
    begun, superseded, marks = 0, 0, []
    for line in case.lines():
        begun += re.match(rb"^(?:\d+ +)?execve\(", line) is not None
        superseded += b"+++ superseded by execve" in line
        if match := re.match(rb"^(?:\d+ +)?lseek\(-1, (\d+), SEEK_SET", line):
            marks.append(int(match[1]))
    case.assertEqual((begun, superseded), (rounds + 1, rounds))
    case.assertEqual(sorted(marks), list(range(1, rounds + 1)))
    case.record(tracee("exec_thread"), "leader", rounds, expect=7)
    begun = sum(re.match(rb"^(?:\d+ +)?execve\(.* = 0$", line) is not None for line in case.lines())
    case.assertEqual(begun, rounds + 1)
    return f"{2 * rounds:,} execs, from the leader and from others", "one execve each, nobody hangs"


def slow_consumer(case):
    """R10: the smallest ring, and a reader who is slower"""
    calls = case.size(20_000, 100_000)
    for threads in (1, 4):
        # The pipe is read a page at a time: the rings are full nearly always.
        command = [SIGHTLINE, f"--engine={case.engine}", "-f", "--source=none", "--ring-size=64K", "-o", "/dev/fd/3",
                   tracee("counter"), "threads", threads, calls]
        read, write = os.pipe()
        tracer = case.start(["sh", "-c", 'exec "$@" 3>&' + str(write), "sh", *map(str, command)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, pass_fds=[write])
        os.close(write)
        text = b""
        pieces = []
        while piece := os.read(read, 4096):
            pieces.append(piece)
        os.close(read)
        text = b"".join(pieces)
        out, err = tracer.communicate()
        case.assertEqual((tracer.returncode, err), (0, b""))
        made = {}
        for line in out.splitlines():
            index, tid, count = map(int, line.split())
            made[tid] = [(index << 32) + i for i in range(count)]
        case.assert_same_numbers(case.marks_in(text.splitlines()), made)
    drop(case, calls)
    return f"{calls:,} calls of 1 and 4 threads, ring of 64K; block and drop", "block: difference 0; drop: exact count"


def drop(case, calls):
    pipe, ended = case.dir / "pipe", case.dir / "ended"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    tracer = case.start([SIGHTLINE, f"--engine={case.engine}", "-f", "--source=none", "--ring-size=64K", "--on-full=drop", "-o",
                         pipe, "sh", "-c", f"{tracee('counter')} threads 4 {calls} && touch {ended}"],
                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(ended.exists, "the command to end")
    os.set_blocking(reader, True)
    with os.fdopen(reader, "rb") as stream:
        text = stream.read().decode("utf-8", "replace")
    out, err = tracer.communicate()
    case.assertEqual(tracer.returncode, 0, err)
    told = re.fullmatch(r"sightline: (\d+) of (\d+) calls were dropped, because rings were full; .*\n", err)
    case.assertTrue(told, err)
    dropped, entered = int(told[1]), int(told[2])
    case.assertGreater(dropped, 0)
    lost = [int(n) for n in re.findall(r"^sightline: (\d+) calls of \d+ lost: the ring was full$", text, re.M)]
    case.assertEqual(sum(lost), dropped)
    begun = len(re.findall(r"^\d+ +\w+\(", text, re.M))
    case.assertEqual(begun, entered - dropped)
    case.assertEqual([int(line.split()[2]) for line in out.splitlines()], 4 * [calls])
    # Every call of the counter is there or counted as lost: of the four, and of all the others that begin and end it.
    case.assertGreaterEqual(entered, 4 * calls)
    for numbers in case.marks_in(text.encode().splitlines()).values():
        case.assertEqual(numbers, sorted(set(numbers)))


def reading_from_us(case):
    """R11: the traced program is who reads our pipe"""
    n = case.size(2, 10)
    for i in range(n):
        pipe = case.dir / f"pipe{i}"
        os.mkfifo(pipe)
        keeper = os.open(pipe, os.O_RDWR)
        result = case.sightline(f"--engine={case.engine}", "-f", "-o", pipe, sys.executable, "-I", "-c",
                                f"import os\nfor i in range(20000): os.getppid()\n"
                                f"fd = os.open({str(pipe)!r}, os.O_RDONLY | os.O_NONBLOCK)\n"
                                f"os.set_blocking(fd, True)\nprint(len(os.read(fd, 65536)) > 0)")
        os.close(keeper)
        case.assertEqual((result.out, result.status), ("True\n", 125), result)
    return f"{n}", "ends, status not 0, the loss is told"


def killed_tracer_of_spawned(case, n):
    """R8, the half with a command."""
    for _ in range(n):
        counts = case.dir / "counts"
        counts.unlink(missing_ok=True)
        file = case.dir / "killed.slt"
        for old in case.dir.glob("killed.slt*"):
            old.unlink()
        tracer = case.start([SIGHTLINE, "record", "-q", "--source=none", f"--engine={case.engine}", "-o", file,
                             tracee("restless"), counts])
        read = case.counts_of(counts, 8 + 64 * 16)
        goal = case.dice.choice([0, 1, 100, 1000, 20000])
        wait_until(lambda: read()[0] >= goal, "the load")
        children = lambda pid: [int(e) for e in os.listdir("/proc") if e.isdigit() and case.is_child(int(e), pid)]
        root = children(tracer.pid)
        family = root + [grandchild for child in root for grandchild in children(child)]
        tracer.send_signal(signal.SIGKILL)
        tracer.wait()
        wait_until(lambda: not any(is_alive(pid) for pid in family), "those it had started to die")
        result = case.sightline("info", "--format=json", file)
        case.assertIn(result.status, (0, 125), result)  # 125: killed before the header
        if result.status == 0:
            case.assertFalse(case.info(file)["complete"])
            case.assertEqual(case.sightline("print", "--source=none", file).status, 0)
