"""R8 and R9: the tracer is killed, or can't write."""

import errno
import os
import resource
import signal
import subprocess

from harness import SIGHTLINE, is_alive, threads_of, tracer_of, wait_until

from case import PROGRAMS
from spawned import killed_tracer_of_spawned

COMMAND = "for i in 1 2 3 4 5 6 7 8 9; do ls / >/dev/null; done; echo finished; exit 7"


def killed_tracer(case):
    """R8: kill -9 of the tracer"""
    n = case.size(20, 250)
    killed_tracer_of_spawned(case, n)
    path = case.dir / "crowd"
    path.touch()
    program = case.start([PROGRAMS / "crowd", path, 4], stdin=subprocess.PIPE)
    counts = case.counts_of(path, 24)
    code = case.code_of(program.pid)
    for i in range(n):
        before = counts()[1]
        wait_until(lambda: counts()[1] > before + 4, "the program to run alone")
        tracer = case.attach(program.pid, "--source=none")
        before = counts()[1]
        goal = case.dice.choice([0, 1, 10, 100])
        wait_until(lambda: counts()[1] >= before + goal, "births under the tracer")
        tracer.send_signal(signal.SIGKILL)
        tracer.wait()
        case.look_at_what_was_said(tracer.stderr.read().decode())
        wait_until(lambda: all(tracer_of(tid) == 0 for tid in threads_of(program.pid)), "no tracer")
        case.assertTrue(is_alive(program.pid), "the program died with its tracer")
        before = counts()[1]
        wait_until(lambda: counts()[1] > before + 10, "the program to go on")
        case.assertEqual(case.code_of(program.pid), code, f"kill {i}: the code has changed")
    program.stdin.close()
    case.assertEqual(program.wait(), 0)
    return f"{n:,} kills of a command's tracer, {n:,} of an attached one", "files readable, commands dead, attached alive"


def failing_output(case):
    """R9: ENOSPC, EIO, EPIPE, EFBIG anywhere in the file"""
    n = case.size(20, 200)
    library = PROGRAMS / "libfailing-writes.so"
    runs = 0
    for i in range(n):
        for how in (["record", "-q"], ["-f"]):
            out = case.dir / f"out{i}{len(how)}"
            command = [SIGHTLINE, *how, f"--engine={case.engine}", "-o", out, "-E", "LD_PRELOAD", "sh", "-c", COMMAND]
            whole = case.run_program(command)
            case.assertEqual((whole.status, whole.out), (7, "finished\n"), whole)
            size = out.stat().st_size
            for old in case.dir.glob("out*"):
                old.unlink()
            # At the header, in the body, at the footer.
            after = [0, 10, case.dice.randrange(size), size - 200][i % 4]
            error = case.dice.choice([errno.ENOSPC, errno.EIO, errno.EPIPE])
            result = case.run_program(command, env={**os.environ, "LD_PRELOAD": str(library), "FAILING_DIR": str(case.dir),
                                                    "FAILING_AFTER": str(max(after, 0)), "FAILING_ERRNO": str(error)})
            about = f"{how[0]}, {os.strerror(error)} after {after} of {size} bytes: {result}"
            case.assertEqual(result.out, "finished\n", about)
            # A trace that came out shorter than the last may have fit.
            if result.status != 7 or out.stat().st_size >= after:
                case.assertEqual(result.status, 125, about)
                case.assertRegex(result.err, r"^sightline: .*missing", about)
            case.assertTrue(how[0] == "-f" or readable(case, out, after), about)
            runs += 1
    check_limit(case)
    check_closed_pipe(case)
    return f"{runs + 4:,} failing writes", "the command finishes, status 125, the loss is told"


def readable(case, out, after):
    """What was written before can be printed, or it is less than a header."""
    result = case.sightline("print", "--source=none", out)
    return result.status == 0 or (result.status == 125 and after <= 4096)


def check_unharmed(case, result):
    case.assertEqual((result.out, result.status), ("finished\n", 125), result)
    case.assertRegex(result.err, r"(?m)^sightline: .*missing", result)


def check_limit(case):
    # The in-process engine shares a larger file than that with the program, and so says that it leaves this to ptrace.
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
    for how in (["record", "-q"], ["-f"]):
        check_unharmed(case, case.sightline(*how, f"--engine={case.engine}", "-o", case.dir / "limited", "sh", "-c", COMMAND,
                                            preexec_fn=limit))


def check_closed_pipe(case):
    for how in (["record", "-q"], ["-f"]):
        read, write = os.pipe()
        os.close(read)
        result = case.sightline(*how, f"--engine={case.engine}", "-o", f"/dev/fd/{write}", "sh", "-c", COMMAND, pass_fds=[write])
        os.close(write)
        if how[0] == "record" and result.status == 125 and result.out == "":
            continue  # refused: a trace file is none in a pipe
        check_unharmed(case, result)
