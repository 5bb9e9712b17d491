"""Signals: none lost, none twice, none that the program would not have got alone; and what it inherits."""

import os
import pty
import random
import resource
import signal
import subprocess
import sys
import unittest

from harness import (DEADLINE, SEED, SIGHTLINE, TestCase, Trace, is_alive, main, marks, needs_root, read_text, scaled,
                     state_of, tracee, wait_for_ready, wait_until)


class Storms(TestCase):
    def storm(self, way, n):
        trace = self.trace(tracee("signal_storm"), way, n)
        lines = trace.result.out.splitlines()
        words = lines[-1].split()
        self.assertEqual(words[0::2], ["handled", "interrupted", "wrong"])
        handled, interrupted, wrong = map(int, words[1::2])
        self.assertEqual((handled, wrong), (n, 0))
        return trace, interrupted, lines

    def test_blocked_with_restart(self):
        n = scaled(300)
        trace, interrupted, _ = self.storm("restart", n)
        self.assertEqual(interrupted, 0)
        self.assertEqual(len([s for s in trace.signals if s[1] == "SIGUSR1"]), n)
        self.assertEqual(len(trace.of("rt_sigreturn")), n)
        reader = next(s[0] for s in trace.signals if s[1] == "SIGUSR1")
        restarted = [c for c in trace.of("read") if c.tid == reader and c.result.startswith("? ERESTARTSYS")]
        self.assertEqual(len(restarted), n)

    def test_blocked_without_restart(self):
        n = scaled(300)
        trace, interrupted, _ = self.storm("interrupt", n)
        self.assertEqual(interrupted, n)
        self.assertEqual(len([s for s in trace.signals if s[1] == "SIGUSR1"]), n)

    def test_queued(self):
        n = scaled(3000)
        trace, interrupted, _ = self.storm("queue", n)
        self.assertEqual(len([s for s in trace.signals if s[1] not in ("SIGCHLD",)]), n)
        numbers = next(iter(marks(trace).values()))
        self.assertEqual(numbers, list(range(len(numbers))))

    def stopped_and_continued(self, way, n):
        trace, _, lines = self.storm(way, n)
        made = int(lines[0].split()[1])
        self.assertEqual(next(iter(marks(trace).values())), list(range(made)))
        # Each of the child's two threads is stopped, and SIGCONT is delivered to one of them.
        self.assertEqual(len([s for s in trace.stops if s[1] == "SIGSTOP"]), 2 * n)
        self.assertEqual(len([s for s in trace.signals if s[1] == "SIGCONT"]), n)

    def test_stopped_and_continued(self):
        self.stopped_and_continued("stop", scaled(100))

    def test_stopped_while_call_sites_are_patched(self):
        """The calls that the tracer has a thread make must not use up the thread's stop."""
        self.stopped_and_continued("stop-new", scaled(100))

    def test_continued_before_it_stops(self):
        """What a SIGCONT takes back stays so: the program would never go on."""
        self.storm("nudge", scaled(300))


class Deaths(TestCase):
    def test_exit_codes(self):
        for code in (0, 1, 77, 125, 126, 127, 255):
            trace = self.trace(tracee("dies"), "exit", code, expect=code)
            self.assertEqual(trace.ends[-1][1:], ("exited", code))
        self.trace(tracee("dies"), "exit", 9, "thread", expect=9)

    def test_signals(self):
        fatal = [signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGILL, signal.SIGABRT, signal.SIGKILL,
                 signal.SIGSEGV, signal.SIGPIPE, signal.SIGTERM, signal.SIGUSR1, signal.SIGSYS, signal.SIGTRAP,
                 signal.SIGRTMIN, signal.SIGRTMAX]
        for signo in fatal:
            with self.subTest(signo):
                trace = self.trace(tracee("dies"), "signal", int(signo), expect=-signo)
                self.assertEqual(trace.ends[-1][1], "killed")
        trace = self.trace(tracee("dies"), "signal", int(signal.SIGTERM), "thread", expect=-signal.SIGTERM)
        self.assertEqual({end[1:3] for end in trace.ends}, {("killed", "SIGTERM")})

    def test_core_dumps(self):
        def unlimited():
            os.chdir(self.dir)
            resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

        hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
        if hard not in (0, resource.RLIM_INFINITY) or (hard == 0 and os.geteuid() != 0):
            self.skipTest("core files are not allowed here")
        command = [tracee("dies"), "signal", int(signal.SIGABRT)]
        bare = self.start(command, preexec_fn=unlimited)
        _, status = os.waitpid(bare.pid, 0)
        trace = self.trace(*command, expect=-signal.SIGABRT, preexec_fn=unlimited)
        self.assertEqual(trace.ends[-1][1:], ("killed", "SIGABRT", os.WCOREDUMP(status)))

    def test_stopped_command(self):
        """A command that stops itself is not dead; SIGCONT makes it go on."""
        tracer = self.start([SIGHTLINE, "-f", "-o", self.dir / "trace.txt", "sh", "-c", "echo $$; kill -STOP $$; exit 6"],
                            stdout=subprocess.PIPE)
        pid = int(tracer.stdout.readline())
        wait_until(lambda: state_of(pid) in ("t", "T") and "stopped by" in read_text(self.dir / "trace.txt"), "the stop")
        os.kill(pid, signal.SIGCONT)
        self.assertEqual(tracer.wait(DEADLINE), 6)


class Forwarding(TestCase):
    def start_waiting(self, *options):
        tracer = self.start([SIGHTLINE, "-o", self.dir / "trace.txt", tracee("dies"), "wait"], stdout=subprocess.PIPE,
                            *options)
        return tracer, int(wait_for_ready(tracer)[0])

    def test_passed_on_to_the_command(self):
        tracer, pid = self.start_waiting()
        for i, signo in enumerate((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), 1):
            tracer.send_signal(signo)
            name = signal.Signals(signo).name
            wait_until(lambda: read_text(self.dir / "trace.txt").count(f"= {int(signo)} ({name})") or
                       read_text(self.dir / "trace.txt").count("rt_sigtimedwait(") > i, f"{name} to arrive")
        os.kill(pid, signal.SIGUSR1)
        self.assertEqual(tracer.wait(DEADLINE), 43)

    def test_not_twice_from_the_terminal(self):
        """Ctrl-C reaches both of us; the command must see one SIGINT, and decides what it means."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(SIGHTLINE, [SIGHTLINE, "-o", str(self.dir / "trace.txt"), tracee("dies"), "wait"])
        try:
            said = b""
            while b"\n" not in said:
                said += os.read(terminal, 100)
            command = int(said.split()[1])
            text = lambda: read_text(self.dir / "trace.txt")
            for i in range(1, 4):
                os.write(terminal, b"\x03")
                wait_until(lambda: text().count("rt_sigtimedwait(") > i, "the SIGINT to arrive")
            os.kill(command, signal.SIGUSR1)
            _, status = os.waitpid(pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), 43)
        finally:
            os.close(terminal)

    def test_terminal_kills_a_command_without_handler(self):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(SIGHTLINE, [SIGHTLINE, "-o", str(self.dir / "trace.txt"), "sh", "-c", "echo ready; exec sleep 1000"])
        try:
            said = b""
            while b"ready" not in said:
                said += os.read(terminal, 100)
            wait_until(lambda: "nanosleep(" in read_text(self.dir / "trace.txt"), "the sleep")
            os.write(terminal, b"\x03")
            _, status = os.waitpid(pid, 0)
            self.assertEqual(os.waitstatus_to_exitcode(status), -signal.SIGINT)
        finally:
            os.close(terminal)


class Inheritance(TestCase):
    def compare(self, *arguments, live=True, **options):
        command = [tracee("inherited"), *arguments]
        bare = self.run_program(command, **options)
        self.assertEqual(bare.status, 0, bare)
        self.assertGreater(len(bare.out.splitlines()), 100)
        for sightline in ([SIGHTLINE, "-f", "-o", self.dir / "trace.txt"], [SIGHTLINE] if live else None,
                          [SIGHTLINE, "record", "-q", "-o", self.dir / "run.slt"]):
            if sightline is None:
                continue
            traced = self.run_program([*sightline, *command], **options)
            self.assertEqual(traced.status, 0, traced)
            self.assertEqual(traced.out, bare.out)

    def test_as_we_are(self):
        self.compare("one", "", "two words", "--option", "-p")

    def test_signals(self):
        def ignore_and_block():
            for signo in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGINT, signal.SIGHUP, signal.SIGTERM, signal.SIGXFSZ,
                          signal.SIGUSR1, signal.SIGTSTP):
                signal.signal(signo, signal.SIG_IGN)
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGALRM, signal.SIGTERM, signal.SIGCHLD,
                                                      signal.SIGRTMIN + 7, signal.SIGRTMAX})

        self.compare(preexec_fn=ignore_and_block)

    def test_everything_ignored(self):
        def ignore():
            for signo in set(range(1, 65)) - {9, 19, 32, 33}:
                signal.signal(signo, signal.SIG_IGN)

        self.compare(preexec_fn=ignore)

    def test_everything_blocked(self):
        self.compare(preexec_fn=lambda: signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)))

    def test_limits(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_NOFILE, (40, 60))
            resource.setrlimit(resource.RLIMIT_STACK, (4 << 20, 8 << 20))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 1 << 20))

        self.compare(preexec_fn=limit)

    def test_scheduling(self):
        def schedule():
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
            os.nice(5)

        self.compare(preexec_fn=schedule)

    def test_directory_umask_and_session(self):
        def move():
            os.chdir(self.dir)
            os.umask(0o137)

        self.compare(preexec_fn=move, start_new_session=True)

    def test_descriptors(self):
        read, write = os.pipe()
        for keep in ((read, write), (write,)):
            self.compare(pass_fds=keep)
        os.close(read)
        os.close(write)

    def test_closed_descriptors(self):
        for closed in ((0,), (2,), (0, 2)):
            with self.subTest(closed):
                self.compare(live=2 not in closed, preexec_fn=lambda: [os.close(fd) for fd in closed])
        # Nowhere to write, and nowhere to say so.
        result = self.sightline(tracee("dies"), "exit", "0", preexec_fn=lambda: os.close(2))
        self.assertEqual((result.status, result.out, result.err), (125, "", ""))

    def test_environment(self):
        self.compare(env={"A": "1", "EMPTY": "", "PATH": os.environ["PATH"], "UTF": "\u00e4"})
        result = self.sightline("-E", "B=2", "-E", "A", "-o", self.dir / "trace.txt", tracee("inherited"),
                                env={"A": "1", "C": "3"})
        self.assertEqual([line for line in result.out.splitlines() if line.startswith("environment")],
                         ["environment C=3", "environment B=2"])

    @needs_root
    def test_as_nobody(self):
        from harness import as_nobody
        self.dir.chmod(0o777)
        self.compare(preexec_fn=as_nobody)


if __name__ == "__main__":
    main()
