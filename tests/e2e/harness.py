"""What the end-to-end tests share: running sightline, reading its lines, waiting without guessing.

A test module calls harness.main(). The programs come from the environment, set by meson:
  SIGHTLINE  the program under test
  TRACEES    the directory of the traced test programs
  SIGHTLINE_TEST_SCALE  multiplies the load (1 in CI)
No test waits for a time to pass: each waits for a state (of /proc, of shared memory, of an output file) with a deadline
that only a hang can reach.
"""

import atexit
import contextlib
import os
import pathlib
import re
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

SIGHTLINE = os.environ.get("SIGHTLINE", "sightline")
TRACEES = pathlib.Path(os.environ.get("TRACEES", "."))
SCALE = float(os.environ.get("SIGHTLINE_TEST_SCALE", "1"))
SEED = int(os.environ.get("SIGHTLINE_TEST_SEED", "0")) or int.from_bytes(os.urandom(4), "little")

# Longer than anything but a hang takes, on a loaded machine with a sanitizer build.
DEADLINE = float(os.environ.get("SIGHTLINE_TEST_DEADLINE", "120"))

SANITIZER = os.environ.get("SANITIZER", "none")
NOBODY = 65534
SIGNAL_NAMES = {s.value: s.name for s in signal.Signals}


def _copy_for_everybody():
    """Some tests give root up, and root's checkout may lie where nobody else can go."""
    global SIGHTLINE, TRACEES
    directories = [pathlib.Path(SIGHTLINE).resolve().parent, TRACEES.resolve()]
    if os.geteuid() != 0 or all(d.stat().st_mode & 1 for start in directories for d in (start, *start.parents)):
        return
    to = pathlib.Path(tempfile.mkdtemp(prefix="sightline-programs-"))
    atexit.register(shutil.rmtree, to, ignore_errors=True)
    to.chmod(0o755)
    for file in TRACEES.iterdir():
        if file.is_file() and os.access(file, os.X_OK):
            shutil.copy(file, to)
    SIGHTLINE = shutil.copy(SIGHTLINE, to)
    TRACEES = to


_copy_for_everybody()


def tracee(name):
    return str(TRACEES / name)


def scaled(n):
    return max(1, int(n * SCALE))


def wait_until(condition, what, deadline=DEADLINE):
    """Polls until condition() is truthy and returns it."""
    end = time.monotonic() + deadline
    pause = 0.0005
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline:.0f} s in vain for: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.02)


# --- /proc ------------------------------------------------------------------------------------------------------------


def threads_of(pid):
    try:
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def status_of(tid):
    """The fields of /proc/TID/status, or {} if it is gone."""
    try:
        with open(f"/proc/{tid}/status", encoding="utf-8", errors="replace") as file:
            return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    except OSError:
        return {}


def state_of(tid):
    """R, S, D, T, t, Z, or "" if it is gone."""
    return status_of(tid).get("State", "")[:1]


def tracer_of(tid):
    return int(status_of(tid).get("TracerPid", "0"))


def is_traced_by(tid, pid):
    """By that process, or by one that it has made to trace from."""
    tracer = tracer_of(tid)
    return tracer == pid or (tracer != 0 and status_of(tracer).get("PPid") == str(pid))


def syscall_of(tid):
    """The number of the system call a thread is blocked in, or None if it runs or is gone."""
    try:
        with open(f"/proc/{tid}/syscall", encoding="ascii") as file:
            word = file.read().split()[0]
        return None if word == "running" else int(word)
    except (OSError, IndexError):
        return None


def handles(pid, signo):
    """Whether a process has a handler for a signal."""
    return int(status_of(pid).get("SigCgt", "0"), 16) >> (signo - 1) & 1 != 0


def is_alive(pid):
    return state_of(pid) not in ("", "Z", "X")


# --- Lines ------------------------------------------------------------------------------------------------------------

_WHOLE = re.compile(r"^(\w+)\((.*)\) += (.*)$", re.S)
_BEGUN = re.compile(r"^(\w+)\((.*?),? ?<(unfinished|detached|pid changed to \d+) \.\.\.>(?:\) += \?)?$", re.S)
_RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)\) += (.*)$", re.S)
_RESUMED_CUT = re.compile(r"^<\.\.\. (\w+) resumed>(.*?),? ?<(unfinished|detached) \.\.\.>(?:\) += \?)?$", re.S)
_SIGNAL = re.compile(r"^--- (SIG\w+)(?: \{(.*)\})? ---$")  # no siginfo: the thread was killed while we asked
_STOPPED = re.compile(r"^--- stopped by (SIG\w+) ---$")
_EXITED = re.compile(r"^\+\+\+ exited with (\d+) \+\+\+$")
_KILLED = re.compile(r"^\+\+\+ killed by (SIG\w+)( \(core dumped\))? \+\+\+$")
_SUPERSEDED = re.compile(r"^\+\+\+ superseded by execve in pid (\d+) \+\+\+$")
_VANISHED = "+++ vanished +++"
_NOTE = re.compile(r"^sightline: Process (\d+) (attached|detached)$")
_LOST = re.compile(r"^sightline: (?:(\d+) calls|the end of a call) of (\d+) lost: .*$")
_FRAME = re.compile(r"^ > \S.*$")
_SOURCE = re.compile(r" ← [^←]*$")
_WITH_TID = re.compile(r"^(\d+) +(.*)$", re.S)


class Call:
    def __init__(self, tid, name, arguments, line):
        self.tid, self.name, self.arguments, self.line = tid, name, arguments, line
        self.result = None  # None: its end was not seen

    def __repr__(self):
        return f"{self.tid} {self.name}({self.arguments}) = {self.result}"


class Trace:
    """The lines of a text trace, taken apart. A line that is none of strace's forms is an error.

    `single`: the lines carry no thread id (written without -f).
    """

    def __init__(self, text, single=False, complete=True):
        self.calls = []  # in order of their beginning
        self.signals = []  # (tid, name, siginfo)
        self.stops = []  # (tid, name)
        self.ends = []  # (tid, "exited", status) | (tid, "killed", name, core) | (tid, "superseded", pid)
        self.attached = []
        self.detached = []
        self.notes = []
        open_calls = {}
        lines = text.split("\n")
        if complete and lines and lines[-1] != "":
            raise AssertionError(f"the trace does not end with a line end: {lines[-1][-200:]!r}")
        if not complete:
            lines = lines[:-1] + [""]
        for number, line in enumerate(lines[:-1], 1):
            if _FRAME.match(line):
                continue
            line = _SOURCE.sub("", line)
            if note := _NOTE.match(line):
                (self.attached if note[2] == "attached" else self.detached).append(int(note[1]))
                continue
            if line.startswith("sightline: "):
                if lost := _LOST.match(line):  # the end of the call that stands open as well
                    open_calls.pop(int(lost[2]), None)
                self.notes.append(line)
                continue
            tid, rest = 0, line
            if not single:
                split = _WITH_TID.match(line)
                if not split:
                    raise AssertionError(f"line {number} names no thread: {line!r}")
                tid, rest = int(split[1]), split[2]
            self._take(tid, rest, number, open_calls)
        self.open_calls = open_calls

    def _take(self, tid, rest, number, open_calls):
        if m := _BEGUN.match(rest):
            if tid in open_calls:
                raise AssertionError(f"line {number}: {rest!r} while {open_calls[tid]} is open")
            call = Call(tid, m[1], m[2], number)
            self.calls.append(call)
            if m[3] != "detached":
                open_calls[tid] = call
        elif m := _RESUMED_CUT.match(rest):
            call = self._resume(tid, m[1], rest, number, open_calls)
            call.arguments += m[2]
        elif m := _RESUMED.match(rest):
            call = self._resume(tid, m[1], rest, number, open_calls)
            call.arguments += m[2]
            call.result = m[3]
        elif m := _WHOLE.match(rest):
            if tid in open_calls:
                raise AssertionError(f"line {number}: {rest!r} while {open_calls[tid]} is open")
            call = Call(tid, m[1], m[2], number)
            call.result = m[3]
            self.calls.append(call)
        elif m := _SIGNAL.match(rest):
            self.signals.append((tid, m[1], m[2]))
        elif m := _STOPPED.match(rest):
            self.stops.append((tid, m[1]))
        elif m := _EXITED.match(rest):
            self.ends.append((tid, "exited", int(m[1])))
            open_calls.pop(tid, None)
        elif m := _KILLED.match(rest):
            self.ends.append((tid, "killed", m[1], m[2] is not None))
            open_calls.pop(tid, None)
        elif m := _SUPERSEDED.match(rest):
            self.ends.append((tid, "superseded", int(m[1])))
            # The execve that the other thread began goes on under the leader's id.
            open_calls.pop(tid, None)
            call = open_calls.pop(int(m[1]), None)
            if call is not None:
                open_calls[tid] = call
        elif rest == _VANISHED:
            self.ends.append((tid, "vanished"))
            open_calls.pop(tid, None)
        else:
            raise AssertionError(f"line {number} is of no known form: {rest!r}")

    @staticmethod
    def _resume(tid, name, rest, number, open_calls):
        call = open_calls.pop(tid, None)
        if call is None:
            raise AssertionError(f"line {number} resumes a call that was not begun: {rest!r}")
        if call.name != name:
            raise AssertionError(f"line {number} resumes {name}, but {call} is open")
        return call

    def of(self, name):
        return [call for call in self.calls if call.name == name]

    def by_thread(self, name=None):
        result = {}
        for call in self.calls:
            if name is None or call.name == name:
                result.setdefault(call.tid, []).append(call)
        return result

    def threads(self):
        return {call.tid for call in self.calls}


def number(text):
    """A number as strace prints it: 12, -1, 0x1f."""
    return int(text, 0)


def mark_of(call):
    """The number a test program put into a call that does nothing: lseek(-1, MARK, SEEK_SET)."""
    return number(call.arguments.split(", ")[1])


def marks(trace):
    """All such numbers by thread, in order."""
    result = {}
    for call in trace.of("lseek"):
        first, rest = call.arguments.split(", ", 1)
        if number(first) in (-1, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF):
            result.setdefault(call.tid, []).append(number(rest.split(", ")[0]))
    return result


def with_engine(command):
    """The command, with the engine that SIGHTLINE_TEST_ENGINE names wherever one can be asked for."""
    command = [str(word) for word in command]
    engine = os.environ.get("SIGHTLINE_TEST_ENGINE")
    if not engine or command[0] != SIGHTLINE or len(command) < 3:
        return command
    if command[1] in ("print", "info", "report", "annotate", "export", "help"):
        return command
    if any(word.startswith(("--engine", "--help", "--version")) for word in command):
        return command
    verb = 2 if command[1] in ("record", "trace") else 1
    return [*command[:verb], f"--engine={engine}", *command[verb:]]


# --- Running ----------------------------------------------------------------------------------------------------------


class Result:
    def __init__(self, command, status, out, err):
        self.command, self.status, self.out, self.err = command, status, out, err

    def __repr__(self):
        return f"{' '.join(map(str, self.command))}: status {self.status}\nstdout: {self.out[-2000:]!r}\nstderr: {self.err[-2000:]!r}"


class TestCase(unittest.TestCase):
    maxDiff = 4000

    def setUp(self):
        # Not below a directory that only root may enter: some tests go on as another user.
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="sightline-test-"))
        os.chmod(self.dir, 0o777)
        self.addCleanup(shutil.rmtree, self.dir, ignore_errors=True)
        self._children = []
        self.addCleanup(self._end_children)

    def _end_children(self):
        for child in self._children:
            if child.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGCONT)
                    child.kill()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(DEADLINE)
            for stream in (child.stdin, child.stdout, child.stderr):
                if stream is not None:
                    stream.close()

    def start(self, command, **options):
        """A process that the test's end will not leave behind."""
        child = subprocess.Popen(with_engine(command), **options)
        self._children.append(child)
        return child

    def run_program(self, command, deadline=DEADLINE, input_bytes=None, **options):
        options.setdefault("stdin", subprocess.DEVNULL if input_bytes is None else subprocess.PIPE)
        options.setdefault("stdout", subprocess.PIPE)
        options.setdefault("stderr", subprocess.PIPE)
        child = self.start(command, **options)
        try:
            out, err = child.communicate(input=input_bytes, timeout=deadline)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"hangs: {' '.join(map(str, command))}\n{describe(child.pid)}") from None
        decode = lambda data: data.decode("utf-8", "replace") if data is not None else ""
        return Result(command, child.returncode, decode(out), decode(err))

    def sightline(self, *arguments, **options):
        return self.run_program([SIGHTLINE, *arguments], **options)

    def trace(self, *arguments, expect=0, **options):
        """Runs `sightline -f -o FILE ARGUMENTS` and returns the trace; the status must be `expect`."""
        file = self.dir / "trace.txt"
        result = self.sightline("-f", "-o", file, *arguments, **options)
        self.assertEqual(result.status, expect, result)
        self.assertNotIn("sightline: ", result.err, result)
        trace = Trace(read_text(file))
        trace.result = result
        return trace

    def attach(self, pids, *arguments, file=None, **options):
        """Starts `sightline -p PIDS -o FILE` and returns it once every thread of theirs is its tracee."""
        file = file or self.dir / "attached.txt"
        pids = pids if isinstance(pids, (list, tuple)) else [pids]
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)
        options.setdefault("stdout", subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.PIPE)
        tracer = self.start([SIGHTLINE, *arguments, "-o", file, "-p", ",".join(map(str, pids))], **options)
        self.wait_attached(tracer, pids)
        return tracer

    def wait_attached(self, tracer, pids):
        def ours():
            if tracer.poll() is not None:
                raise AssertionError(f"ended with {tracer.returncode}: {tracer.stderr.read() if tracer.stderr else ''}")
            tids = [tid for pid in pids for tid in threads_of(pid)]
            return tids and all(is_traced_by(tid, tracer.pid) for tid in tids if is_alive(tid))

        wait_until(ours, f"all threads of {pids} to be traced")

    def detach(self, tracer, signo=signal.SIGINT, expect=0):
        """Sends a signal to an attached sightline and waits for its end. Returns what it said on stderr."""
        tracer.send_signal(signo)
        try:
            tracer.wait(DEADLINE)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"does not let go\n{describe(tracer.pid)}") from None
        err = tracer.stderr.read().decode() if tracer.stderr is not None else ""
        self.assertEqual(tracer.returncode, expect, err)
        return err

    def assert_one_sentence(self, result):
        """The user's mistake: one line on stderr that says who speaks and what is wrong."""
        self.assertTrue(result.err.startswith("sightline: "), result)
        self.assertTrue(result.err.endswith("\n"), result)
        self.assertEqual(result.err.count("\n"), 1, result)
        self.assertGreater(len(result.err.split()), 3, result)
        for technical in ("terminate called", "what()", "basic_string", "Assertion", "std::"):
            self.assertNotIn(technical, result.err)


def describe(pid):
    """What the threads of a process and its children do: for the message of a test that hangs."""
    lines = []
    for entry in sorted((int(e) for e in os.listdir("/proc") if e.isdigit())):
        status = status_of(entry)
        if entry == pid or status.get("PPid") == str(pid) or status.get("TracerPid") == str(pid):
            for tid in threads_of(entry):
                s = status_of(tid)
                lines.append(f"  {entry}/{tid} {s.get('Name')} {s.get('State')} call {syscall_of(tid)} "
                             f"tracer {s.get('TracerPid')}")
    return "\n".join(lines)


def read_text(path):
    return pathlib.Path(path).read_text(encoding="utf-8", errors="surrogateescape")


def read_when_there(path):
    try:
        return read_text(path)
    except FileNotFoundError:
        return ""


def wait_for_ready(child):
    """Tracees that serve a test say "ready" on stdout, perhaps with more words, which are returned."""
    line = child.stdout.readline().decode()
    if not line.startswith("ready"):
        raise AssertionError(f"{child.args}: said {line!r} instead of ready")
    return line.split()[1:]


def as_nobody():
    """For preexec_fn: gives root up."""
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def needs_root(test):
    return unittest.skipUnless(os.geteuid() == 0, "needs root")(test)


def main():
    print(f"seed {SEED} (SIGHTLINE_TEST_SEED repeats it)", file=sys.stderr)
    unittest.main(verbosity=2)
