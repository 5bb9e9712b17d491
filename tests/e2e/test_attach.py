"""-p: a busy server and threads blocked in every kind of call do not notice that they were traced."""

import contextlib
import mmap
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import unittest

from harness import (DEADLINE, SCALE, SIGHTLINE, TestCase, Trace, as_nobody, describe, handles, is_alive, main, marks,
                     needs_root, read_text, read_when_there, scaled, state_of, status_of, syscall_of, threads_of, tracee,
                     tracer_of, wait_for_ready, wait_until)

RESTART_SYSCALL = 219

# Threads that count their calls in a file, until stdin ends.
BUSY = """
import mmap, os, struct, sys, threading
with open(sys.argv[1], "r+b") as file:
    memory = mmap.mmap(file.fileno(), 16)
def work(i):
    for n in range(1, 1 << 60):
        os.getppid()
        struct.pack_into("Q", memory, 8 * i, n)
for i in range(int(sys.argv[2])):
    threading.Thread(target=work, args=[i], daemon=True).start()
sys.stdin.read()
os._exit(0)
"""


class Server:
    """tests/tracees/server.cc"""

    SLOT = struct.Struct("4i16s")
    SIZE = 8 + 64 * SLOT.size

    def __init__(self, test, **options):
        self.path = test.dir / "report"
        self.path.touch()
        os.chmod(self.path, 0o666)
        self.process = test.start([tracee("server"), self.path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, **options)
        *self.ports, self.single = map(int, wait_for_ready(self.process))
        self.pid = self.process.pid
        with open(self.path, "rb") as file:
            self.memory = mmap.mmap(file.fileno(), self.SIZE, prot=mmap.PROT_READ)
        test.addCleanup(self.memory.close)
        wait_until(self.all_blocked, "the threads to block")

    def slots(self):
        count = struct.unpack_from("i", self.memory)[0]
        for i in range(count):
            tid, call, returns, error, name = self.SLOT.unpack_from(self.memory, 8 + i * self.SLOT.size)
            yield name.split(b"\0")[0].decode(), tid, call, returns, error

    def interrupted(self):
        return struct.unpack_from("i", self.memory, 4)[0]

    def all_blocked(self):
        return all(tid and state_of(tid) == "S" and syscall_of(tid) in (call, RESTART_SYSCALL)
                   for _, tid, call, _, _ in self.slots())

    def disturbed(self):
        return [(name, f"came back {returns} times, errno {error}") for name, _, _, returns, error in self.slots() if returns]


class Client:
    """A connection to the server that sends numbers and expects them back."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)

    def ask(self, n):
        self.socket.sendall(struct.pack("Q", n))
        answer = b""
        while len(answer) < 8:
            more = self.socket.recv(8 - len(answer))
            if not more:
                raise AssertionError("the server closed the connection")
            answer += more
        if struct.unpack("Q", answer)[0] != n:
            raise AssertionError(f"asked {n}, got {struct.unpack('Q', answer)[0]}")

    def close(self):
        self.socket.close()


class Load:
    """Keeps the server's workers busy until it is left."""

    def __init__(self, port, clients=2):
        self.port, self.clients, self.ending, self.failures = port, clients, False, []
        self.answers = 0

    def __enter__(self):
        self.threads = [threading.Thread(target=self.work, args=(i,)) for i in range(self.clients)]
        for thread in self.threads:
            thread.start()
        return self

    def work(self, i):
        try:
            n = (i + 1) << 40
            while not self.ending:
                client = Client(self.port)
                for _ in range(20):
                    n += 1
                    client.ask(n)
                    self.answers += 1
                client.close()
        except Exception as error:  # told by __exit__, on the test's thread
            self.failures.append(error)

    def __exit__(self, *_):
        self.ending = True
        for thread in self.threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


class AttachCase(TestCase):
    def assert_untouched(self, server):
        wait_until(server.all_blocked, f"all threads to be blocked as before\n{describe(server.pid)}")
        self.assertEqual(server.disturbed(), [])
        self.assertEqual(server.interrupted(), 0)
        for tid in threads_of(server.pid):
            self.assertEqual(tracer_of(tid), 0, f"thread {tid}")

    def round(self, server, client, first, signo, *options):
        """Attaches, makes requests that must all be in the trace, detaches by `signo`."""
        file = self.dir / "attached.txt"
        tracer = self.attach(server.pid, *options, file=file)
        single = server.single
        wait_until(lambda: f"\n{single} " in "\n" + read_when_there(file), "the serving thread to go on under the tracer")
        numbers = list(range(first, first + 50))
        for n in numbers:
            client.ask(n)
        self.detach(tracer, signo)
        trace = Trace(read_text(file))
        self.assertEqual(marks(trace).get(single, []), numbers)
        self.assert_untouched(server)
        client.ask(0)
        return trace


class Attach(AttachCase):
    def rounds(self, count, *options, **server_options):
        server = Server(self, **server_options)
        client = Client(server.ports[1])
        self.addCleanup(client.close)
        client.ask(0)
        signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT]
        with Load(server.ports[0]) as load:
            for i in range(count):
                with self.subTest(round=i):
                    self.round(server, client, 1000 * (i + 1), signals[i % len(signals)], *options)
            answers = load.answers
            wait_until(lambda: load.answers > answers + 10 or load.failures, "the server to go on")

    def test_busy_server(self):
        self.rounds(scaled(20))

    def test_busy_server_with_children_and_stacks(self):
        self.rounds(scaled(4), "-f", "--source=stack")

    @needs_root
    def test_busy_server_of_nobody(self):
        self.rounds(scaled(2), preexec_fn=as_nobody)


class Targets(AttachCase):
    def test_a_thread_id_names_its_process(self):
        server = Server(self)
        file = self.dir / "attached.txt"
        tracer = self.start([SIGHTLINE, "-o", file, "-p", server.single], stderr=subprocess.PIPE)
        self.wait_attached(tracer, [server.pid])
        wait_until(lambda: f"{server.single} " in read_when_there(file), "the trace")
        self.detach(tracer)
        self.assert_untouched(server)

    def test_several_processes(self):
        programs = [self.start([tracee("zombie_leader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(3)]
        tids = [int(wait_for_ready(program)[0]) for program in programs]
        file = self.dir / "attached.txt"
        tracer = self.start([SIGHTLINE, "-o", file, "-p", f"{programs[0].pid},{programs[1].pid}", "-p", programs[2].pid],
                            stderr=subprocess.PIPE)
        self.wait_attached(tracer, [program.pid for program in programs])
        wait_until(lambda: read_when_there(file).count("read(0") == 3, "the servers' reads to begin anew")
        for count, program in enumerate(programs, 1):
            for _ in range(count):
                os.write(program.stdin.fileno(), b"x")
                self.assertEqual(os.read(program.stdout.fileno(), 1), b"x")
        self.detach(tracer)
        self.assertEqual(marks(Trace(read_text(file))), {tids[i]: list(range(1, i + 2)) for i in range(3)})

    def test_the_process_ends_while_attached(self):
        program = self.start([tracee("zombie_leader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_for_ready(program)
        tracer = self.attach(program.pid)
        program.stdin.close()
        self.assertEqual(tracer.wait(DEADLINE), 0)
        self.assertEqual(program.wait(DEADLINE), 4)
        trace = Trace(read_text(self.dir / "attached.txt"))
        self.assertEqual({end[1:] for end in trace.ends}, {("exited", 4)} | {end[1:] for end in trace.ends if end[2] == 0})

    def test_while_threads_are_being_born(self):
        path = self.dir / "counts"
        path.touch()
        program = self.start([tracee("spawner"), path], stdin=subprocess.PIPE)
        ended = 4096  # of the last so many it says which have ended
        size = 24 + 8 * ended
        wait_until(lambda: path.stat().st_size == size, "the counts")
        with open(path, "rb") as file, mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ) as memory:
            counts = lambda: struct.unpack_from("QQQ", memory)
            wait_until(lambda: counts()[0] > 10, "the births")
            for i in range(scaled(20)):
                with self.subTest(round=i):
                    file = self.dir / "attached.txt"
                    tracer = self.attach(program.pid, file=file)
                    first = counts()[0] + 10  # 4 threads at a time: those from here on are born traced
                    wait_until(lambda: counts()[1] > first + 30, "births under the tracer")
                    done = [n for n in struct.unpack_from(f"{ended}Q", memory, 24) if n >= first]
                    self.detach(tracer, expect=0)
                    seen = {}
                    for numbers in marks(Trace(read_text(file))).values():
                        for n in numbers:
                            seen[n] = seen.get(n, 0) + 1
                    missing = [n for n in done if seen.get(n) != 3]
                    self.assertEqual(missing, [], "three marks of each")
                    before = counts()[1]
                    wait_until(lambda: counts()[1] > before + 10, "births without the tracer")
                    wait_until(lambda: all(tracer_of(tid) == 0 for tid in threads_of(program.pid)), "no tracer")
            self.assertEqual(counts()[2], 0, "interrupted calls")

    def test_a_stopped_process_stays_stopped(self):
        path = self.dir / "counts"
        path.touch()
        program = self.start([tracee("spawner"), path], stdin=subprocess.PIPE)
        wait_until(lambda: path.stat().st_size >= 24, "the counts")
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 24, prot=mmap.PROT_READ) as memory:
            count = lambda: struct.unpack_from("Q", memory)[0]
            stopped = lambda: all(state_of(tid) in "tT" for tid in threads_of(program.pid))
            for i in range(scaled(5)):
                os.kill(program.pid, signal.SIGSTOP)
                wait_until(stopped, "the stop")
                before = count()
                tracer = self.attach(program.pid)
                # It also waits (in wait4) while a thread comes to its stop again, where nothing of the program runs.
                wait_until(lambda: syscall_of(tracer_of(program.pid)) == 61 and stopped(), "the tracer to have nothing to do")
                self.detach(tracer)
                # Who is let go stops once more, by itself (ptrace(2), PTRACE_DETACH); nothing of the program runs for that.
                wait_until(lambda: all(state_of(tid) == "T" for tid in threads_of(program.pid)), "the stop to be as before")
                self.assertEqual(count(), before)
                self.assertEqual(Trace(read_text(self.dir / "attached.txt")).calls, [])
                os.kill(program.pid, signal.SIGCONT)
                wait_until(lambda: count() > before, "the process to go on")

    def test_stopped_and_continued_while_attached(self):
        path = self.dir / "counts"
        path.touch()
        program = self.start([tracee("spawner"), path], stdin=subprocess.PIPE)
        wait_until(lambda: path.stat().st_size >= 24, "the counts")
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 24, prot=mmap.PROT_READ) as memory:
            count = lambda: struct.unpack_from("Q", memory)[0]
            stopped = lambda: all(state_of(tid) in "tT" for tid in threads_of(program.pid))
            tracer = self.attach(program.pid)
            for i in range(scaled(10)):
                os.kill(program.pid, signal.SIGSTOP)
                self.assertEqual(os.waitpid(program.pid, os.WUNTRACED), (program.pid, signal.SIGSTOP << 8 | 0x7F))
                before = count()
                os.kill(program.pid, signal.SIGCONT)
                wait_until(lambda: count() > before + 3, "the process to go on")
            os.kill(program.pid, signal.SIGSTOP)
            self.assertEqual(os.waitpid(program.pid, os.WUNTRACED), (program.pid, signal.SIGSTOP << 8 | 0x7F))
            self.detach(tracer)
            self.assertTrue(stopped(), describe(program.pid))
            before = count()
            os.kill(program.pid, signal.SIGCONT)
            wait_until(lambda: count() > before, "the process to go on alone")
            trace = Trace(read_text(self.dir / "attached.txt"))
            self.assertGreaterEqual(len([name for _, name in trace.stops if name == "SIGSTOP"]), scaled(10))
            self.assertGreaterEqual(len([s for s in trace.signals if s[1] == "SIGCONT"]), scaled(10))

    def test_a_parent_in_vfork(self):
        program = self.start([tracee("vfork_parent")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_for_ready(program)
        wait_until(lambda: state_of(program.pid) == "D", "the parent to wait for its child")
        tracer = self.start([SIGHTLINE, "-o", self.dir / "attached.txt", "-p", program.pid], stderr=subprocess.PIPE)
        self.wait_attached(tracer, [program.pid])
        self.detach(tracer)  # it can't stop, and is let go all the same
        wait_until(lambda: tracer_of(program.pid) == 0, "no tracer")
        tracer = self.start([SIGHTLINE, "-o", self.dir / "again.txt", "-p", program.pid], stderr=subprocess.PIPE)
        self.wait_attached(tracer, [program.pid])
        program.stdin.close()
        self.assertEqual(program.wait(DEADLINE), 6)
        self.assertEqual(tracer.wait(DEADLINE), 0)
        self.assertEqual(marks(Trace(read_text(self.dir / "again.txt"))), {program.pid: list(range(1, 11))})

    @needs_root
    def test_as_nobody_ones_own_process(self):
        program = self.start([tracee("zombie_leader")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, preexec_fn=as_nobody)
        tid = int(wait_for_ready(program)[0])
        tracer = self.attach(program.pid, preexec_fn=as_nobody)
        file = self.dir / "attached.txt"
        wait_until(lambda: "read(0" in read_when_there(file), "the server's read to begin anew")
        os.write(program.stdin.fileno(), b"x")
        self.assertEqual(os.read(program.stdout.fileno(), 1), b"x")
        self.detach(tracer)
        self.assertEqual(marks(Trace(read_text(file))), {tid: [1]})

    def test_children_only_with_f(self):
        for options in ([], ["-f"]):
            program = self.start(["sh", "-c", "read x; /bin/true; exit 5"], stdin=subprocess.PIPE)
            wait_until(lambda: state_of(program.pid) == "S" and syscall_of(program.pid) == 0, "the shell to read")
            tracer = self.attach(program.pid, *options)
            program.stdin.write(b"go\n")
            program.stdin.close()
            self.assertEqual(program.wait(DEADLINE), 5)
            self.assertEqual(tracer.wait(DEADLINE), 0)
            trace = Trace(read_text(self.dir / "attached.txt"))
            self.assertEqual(len(trace.threads()), 1 + len(options))
            self.assertEqual(len(trace.of("execve")), len(options))

    def test_killed_while_the_program_waits_for_it(self):
        """Nobody reads what the tracer says, so the program waits for room in a ring when the tracer is killed."""
        busy = self.dir / "busy"
        busy.write_bytes(bytes(16))
        program = self.start([sys.executable, "-c", BUSY, busy, "2"], stdin=subprocess.PIPE)
        calls = lambda: struct.unpack("QQ", busy.read_bytes())
        wait_until(lambda: all(calls()), "the program to run")
        for _ in range(scaled(5)):
            tracer = self.start([SIGHTLINE, "--ring-size=64K", "-p", program.pid], stderr=subprocess.PIPE)
            self.wait_attached(tracer, [program.pid])
            last = [calls()]
            wait_until(lambda: last.append(calls()) or last[-1] == last[-5 % len(last)], "the program to wait")
            tracer.kill()
            tracer.wait()
            before = calls()
            wait_until(lambda: all(now > then + 100 for now, then in zip(calls(), before)), "the program to go on")
            wait_until(lambda: all(tracer_of(tid) == 0 for tid in threads_of(program.pid)), "no tracer")
        program.stdin.close()
        self.assertEqual(program.wait(DEADLINE), 0)

    def test_signals_to_an_ignoring_tracer(self):
        """Started by a script in the background, with SIGINT ignored: a SIGINT sent by hand detaches all the same."""
        server = Server(self)
        ignore = lambda: signal.signal(signal.SIGINT, signal.SIG_IGN)
        tracer = self.attach(server.pid, preexec_fn=ignore)
        wait_until(lambda: handles(tracer.pid, signal.SIGINT), "the handler", deadline=5)
        self.detach(tracer)
        self.assert_untouched(server)


if __name__ == "__main__":
    main()
