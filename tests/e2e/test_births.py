"""Who is born, who executes, who dies: every thread is seen, every end is told, nothing hangs."""

import contextlib
import mmap
import os
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import unittest

from harness import (DEADLINE, SEED, TestCase, Trace, as_nobody, describe, handles, is_alive, main, marks, read_text, read_when_there, scaled, state_of,
                     threads_of, tracee, tracer_of, wait_for_ready, wait_until)
from harness import SANITIZER, SIGHTLINE


class Births(TestCase):
    def check(self, *arguments):
        trace = self.trace(tracee("births"), *arguments)
        born = {kind: int(n) for kind, n in (line.split() for line in trace.result.out.splitlines())}
        total = sum(born.values())
        numbers = sorted(n for mine in marks(trace).values() for n in mine)
        self.assertEqual(numbers, list(range(1, total + 1)))
        self.assertEqual(len(trace.ends), total + 1, "one end for each, and the root's")
        self.assertTrue(all(end[1:] == ("exited", 0) for end in trace.ends), trace.ends)
        self.assertFalse(trace.open_calls)
        return born

    def test_every_kind_of_birth(self):
        born = self.check(2, 3)
        self.assertGreaterEqual(min(born.values()), 40)

    def test_deep(self):
        self.check("chain", 50)

    def test_threads(self):
        self.check("threads", scaled(1000))

    def test_threads_of_a_program_whose_memory_may_not_be_read(self):
        # Nor its file: without root's rights the flags of its births can't be looked up.
        with tempfile.TemporaryDirectory(prefix="sightline-test-") as directory:
            os.chmod(directory, 0o777)
            program = shutil.copy(tracee("births"), directory)
            os.chmod(program, 0o111)
            for engine in ("auto", "ptrace"):
                with self.subTest(engine):
                    file = os.path.join(directory, f"{engine}.slt")
                    result = self.sightline("record", f"--engine={engine}", "-f", "-o", file, program, "threads", 20,
                                            preexec_fn=as_nobody)
                    self.assertEqual(result.status, 0, result)
                    self.assertIn("threads      21 in 1 process\n", self.sightline("info", file).out)

    def test_without_f_only_the_command(self):
        file = self.dir / "trace.txt"
        result = self.sightline("-o", file, tracee("births"), 1, 2)
        self.assertEqual(result.status, 0, result)
        trace = Trace(read_text(file), single=True)
        self.assertFalse(marks(trace))
        self.assertEqual(trace.ends, [(0, "exited", 0)])
        self.assertEqual(len(trace.of("vfork")), 1)


class Execs(TestCase):
    def test_from_a_thread_while_others_are_blocked(self):
        rounds = 20
        trace = self.trace(tracee("exec_thread"), rounds, expect=7)
        execs = [call for call in trace.calls if call.name == "execve"]
        self.assertEqual(len(execs), rounds + 1)
        self.assertTrue(all(call.result == "0" for call in execs), execs)
        root = execs[0].tid
        superseded = [end for end in trace.ends if end[1] == "superseded"]
        self.assertEqual([end[0] for end in superseded], [root] * rounds)
        self.assertEqual({end[2] for end in superseded}, {call.tid for call in execs[1:]})
        self.assertEqual(trace.ends[-1], (root, "exited", 7))
        self.assertEqual(len(trace.ends), 5 * rounds + 1, "four siblings a round, who exit")
        seen = [n for mine in marks(trace).values() for n in mine]
        self.assertEqual(sorted(seen), list(range(1, rounds + 1)))

    def test_chain(self):
        trace = self.trace(tracee("exec_thread"), "leader", 100, expect=7)
        self.assertEqual([call.result for call in trace.of("execve")], ["0"] * 101)
        self.assertEqual(len(trace.threads()), 1)

    def test_from_the_last_thread_of_all(self):
        # Nothing is shown between the execve's beginning and the change of its thread's id.
        trace = self.trace("-e", "trace=execve", tracee("exec_thread"), "zombie", expect=7)
        root = trace.calls[0].tid
        self.assertEqual([call.result for call in trace.calls], ["0", "0"])
        self.assertEqual(trace.ends, [(root, "superseded", trace.calls[1].tid), (root, "exited", 7)])

    def test_from_an_untraced_thread(self):
        # Without -f only the leader is traced, and the thread that executes is not; its status is still ours.
        result = self.sightline("-o", self.dir / "trace.txt", tracee("exec_thread"), 3)
        self.assertEqual(result.status, 7, result)

    @unittest.skipIf(SANITIZER == "thread", "needs a signal handler while the tracer is inside ptrace(2); the thread "
                                            "sanitizer holds handlers back")
    def test_attaching_while_threads_execute(self):
        """A seize waits for an exec, the exec for a dead thread, and that one for its tracer: for us."""
        counter = self.dir / "images"
        program = self.start([tracee("exec_thread"), "forever", counter], stdout=subprocess.DEVNULL)
        wait_until(lambda: counter.exists() and counter.stat().st_size == 4096, "the counter")
        with open(counter, "rb") as file, mmap.mmap(file.fileno(), 4096, prot=mmap.PROT_READ) as memory:
            images = lambda: struct.unpack_from("Q", memory)[0]
            for round_ in range(scaled(15)):
                file = self.dir / "attached.txt"
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(file)
                tracer = self.start([SIGHTLINE, "-f", "-o", file, "-p", program.pid], stderr=subprocess.PIPE)
                wait_until(lambda: handles(tracer.pid, signal.SIGINT) or tracer.poll() is not None, "the start")
                before = images()
                # An exec may have emptied the process just as we looked: then there is nothing to attach to.
                wait_until(lambda: images() >= before + 3 or tracer.poll() is not None,
                           f"round {round_}: the program to go on\n{describe(tracer.pid)}")
                if tracer.poll() is None:
                    tracer.send_signal(signal.SIGINT)
                try:
                    tracer.wait(DEADLINE)
                except subprocess.TimeoutExpired:
                    self.fail(f"round {round_}: hangs\n{describe(tracer.pid)}")
                err = tracer.stderr.read().decode()
                self.assertEqual(tracer.returncode, 0, err)
                Trace(read_text(file))
                before = images()
                wait_until(lambda: images() >= before + 2, f"round {round_}: the program to go on alone")
        self.assertIsNone(program.poll())


class Ends(TestCase):
    def test_daemon_outlives_the_command(self):
        trace = self.trace(tracee("daemon"), expect=3)
        self.assertEqual([n for mine in marks(trace).values() for n in mine], list(range(1, 101)))
        # The command's files are closed, which wakes the daemon, before anybody can learn of the command's end: which of
        # the two is reported first is the kernel's affair.
        self.assertEqual(trace.ends[0][2], 0)
        self.assertEqual(sorted(end[2] for end in trace.ends), [0, 3, 5])

    def test_a_signal_ends_the_trace_of_a_daemon(self):
        """Once the command is gone, there is nobody to pass the signal on to: what is left is let go."""
        tracer = self.start([SIGHTLINE, "-f", "-o", self.dir / "trace.txt", tracee("daemon"), "hang"],
                            stdout=subprocess.PIPE)
        daemon = int(wait_for_ready(tracer)[0])
        self.addCleanup(lambda: is_alive(daemon) and os.kill(daemon, signal.SIGKILL))
        wait_until(lambda: state_of(daemon) == "S", "the daemon to pause")
        tracer.send_signal(signal.SIGTERM)
        tracer.wait(DEADLINE)
        self.assertEqual(tracer.returncode, 3)
        self.assertTrue(is_alive(daemon))
        self.assertEqual(tracer_of(daemon), 0)

    def test_leader_ends_before_its_threads(self):
        trace = self.trace(tracee("zombie_leader"), input_bytes=b"abcdefgh", expect=4)
        self.assertEqual([n for mine in marks(trace).values() for n in mine], list(range(1, 9)))
        self.assertEqual(len(trace.ends), 3)

    def test_attach_to_a_process_whose_leader_ended(self):
        self.serve_zombie_leader(lambda pid, tids: pid)

    def test_attach_by_a_thread_whose_leader_ended(self):
        self.serve_zombie_leader(lambda pid, tids: tids[0])

    def serve_zombie_leader(self, whom):
        program = self.start([tracee("zombie_leader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        tids = list(map(int, wait_for_ready(program)))
        file = self.dir / "attached.txt"
        tracer = self.start([SIGHTLINE, "-f", "-o", file, "-p", whom(program.pid, tids)], stderr=subprocess.PIPE)
        self.wait_attached(tracer, [program.pid])
        wait_until(lambda: "read(" in read_when_there(file), "the server's read to begin anew")
        for _ in range(8):
            os.write(program.stdin.fileno(), b"x")
            self.assertEqual(os.read(program.stdout.fileno(), 1), b"x")
        self.detach(tracer)
        os.write(program.stdin.fileno(), b"x")
        self.assertEqual(os.read(program.stdout.fileno(), 1), b"x")
        program.stdin.close()
        self.assertEqual(program.wait(DEADLINE), 4)
        self.assertEqual(marks(Trace(read_text(file))), {tids[0]: list(range(1, 9))})

    def test_killed_at_any_moment(self):
        dice = random.Random(SEED)
        for round_ in range(scaled(25)):
            with self.subTest(round=round_, seed=SEED):
                self.kill_one(dice)

    def kill_one(self, dice):
        counts = self.dir / "counts"
        file = self.dir / "trace.txt"
        counts.unlink(missing_ok=True)
        tracer = self.start([SIGHTLINE, "-f", "-o", file, tracee("restless"), counts], stderr=subprocess.PIPE)
        size = 8 + 64 * 16
        wait_until(lambda: counts.exists() and counts.stat().st_size == size, "the counts")
        goal = dice.choice([0, 10, 100, 1000, 3000])
        with open(counts, "rb") as opened, mmap.mmap(opened.fileno(), size, prot=mmap.PROT_READ) as memory:
            wait_until(lambda: struct.unpack_from("Q", memory)[0] >= goal, "the load")
            root = next(int(e) for e in os.listdir("/proc") if e.isdigit() and self.is_child(int(e), tracer.pid))
            victims = [root]
            with open(f"/proc/{root}/task/{root}/children", encoding="ascii") as children:
                victims += [int(word) for word in children.read().split()]
            victim = dice.choice(victims)
            victim = dice.choice(threads_of(victim) or [root])
            with contextlib.suppress(ProcessLookupError):
                os.kill(victim, signal.SIGKILL)
            try:
                tracer.wait(DEADLINE)
            except subprocess.TimeoutExpired:
                self.fail(f"hangs after kill -9 {victim}\n{describe(tracer.pid)}")
            slots = struct.unpack_from("128Q", memory, 8)
        self.assertEqual(tracer.returncode, -signal.SIGKILL, tracer.stderr.read())
        trace = Trace(read_text(file))
        self.assertTrue(any(end[1:3] == ("killed", "SIGKILL") for end in trace.ends))
        # The in-process engine's own, which a kill may overtake.
        self.assertEqual([s for s in trace.signals if s[1] in ("SIGSYS", "SIGTRAP")], [])
        seen = {}
        for numbers in marks(trace).values():
            for n in numbers:
                seen.setdefault(n >> 32, []).append(n & 0xFFFFFFFF)
        for slot in range(6):
            started, returned = slots[2 * slot], slots[2 * slot + 1]
            recorded = seen.get(slot, [])
            self.assertEqual(recorded, list(range(len(recorded))))
            self.assertLessEqual(returned, len(recorded))
            self.assertLessEqual(len(recorded), started)

    @staticmethod
    def is_child(pid, parent):
        with contextlib.suppress(OSError, IndexError):
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                return int(file.read().rsplit(")", 1)[1].split()[1]) == parent
        return False


if __name__ == "__main__":
    main()
