#!/usr/bin/env python3
"""What only the in-process engine can get wrong: see also the other tests, which run with it, too."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import sys

from harness import (DEADLINE, SIGHTLINE, TestCase, Trace, main, marks, needs_root, read_text, scaled, tracee, wait_until)


class InProcess(TestCase):
    def inprocess(self, *arguments, expect=0, **options):
        return self.trace("--engine=inprocess", *arguments, expect=expect, **options)

    def test_registers_are_left_alone(self):
        rounds = scaled(500)
        trace = self.inprocess("--source=none", tracee("registers"), rounds)
        self.assertEqual(trace.result.out, "unchanged\n")
        self.assertEqual(len(trace.of("getppid")), 4 * rounds + 1)

    def test_both_engines_see_the_same(self):
        for command in (["ls", "-l", "/usr"], ["sh", "-c", "for i in 1 2 3; do /bin/echo $i | cat; done"],
                        [sys.executable, "-I", "-S", "-c", "print(open('/etc/hostname').read())"]):
            with self.subTest(command):
                seen = []
                for engine in ("inprocess", "ptrace"):
                    trace = self.trace(f"--engine={engine}", "--source=none", *command)
                    # Addresses differ from run to run, and so do the pieces in which pipes are read.
                    steady = {call.name for call in trace.calls} - {"wait4", "read", "rt_sigreturn", "brk", "mmap", "munmap"}
                    seen.append((trace.result.out,
                                 collections.Counter(call.name for call in trace.calls if call.name in steady)))
                self.assertEqual(*seen)

    def test_signals_inside_the_stub(self):
        for way in ("restart", "interrupt"):
            for options in (["--source=none"], ["-k"]):
                with self.subTest(way=way, options=options):
                    trace = self.inprocess(*options, tracee("timer_storm"), way, scaled(10000))
                    self.assertEqual(trace.result.out, "as untraced\n")
                    self.assertEqual(trace.open_calls, {})
                    # What was done is in the trace, once.
                    whole = [call for call in trace.of("write") if call.result == "4"]
                    self.assertEqual(len(whole), 4 * scaled(10000))

    def test_sites_are_patched_while_threads_run(self):
        """And while handlers run in the middle of it, and children are forked in a half patched memory."""
        for threads, sites in ((1, 256), (4, 256), (8, 64)):
            for _ in range(scaled(3)):
                trace = self.inprocess(tracee("new_sites"), threads, sites)
                made, wrong = map(int, trace.result.out.split()[1::2])
                self.assertEqual(wrong, 0)
                # What a signal has kept from beginning is told of twice.
                numbers = sorted(int(call.arguments.split(", ")[1]) for call in trace.of("lseek") if call.arguments.startswith("-1,")
                                 and "ERESTARTNOINTR" not in call.result)
                self.assertEqual(numbers, list(range(1, made + 1)))

    def test_leaves_a_program_that_takes_away_what_it_needs(self):
        # Memory is given back when the last thread has left, at its next call: with others the program may miss it.
        for what, ways in (("counter", 2), ("filter", 2), ("addresses", 1), ("paging", 1), ("dispatch", 2), ("steps", 2),
                           ("alignment", 2), ("range", 1), ("place", 1), ("gs", 2)):
            for others in ([], ["threads"])[:ways]:
                with self.subTest(what=what, others=others):
                    file = self.dir / "trace"
                    result = self.sightline("--engine=inprocess", "-f", "-o", file, tracee("takes_away"), what, *others)
                    self.assertEqual((result.status, result.out), (0, "as untraced\n"), result)
                    seen = sorted(n for mine in marks(Trace(read_text(file))).values() for n in mine if n != 0)
                    self.assertEqual(seen, [*range(1, 101), *(range(1001, 1101) if others else [])])
                    self.assertIn("1 process was in-process at first, then traced by ptrace: it ", result.err)

    @needs_root
    def test_another_users_program(self):
        """It may not open the tracer's memory."""
        code = "import os, sys\nos.setuid(65534)\nprint(os.listdir('/proc/self/fd'), flush=True)\nsys.stdin.read()\nfor i in range(100): os.getppid()\n"
        code += "print(os.listdir('/proc/self/fd'))"
        program = self.start([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        before = program.stdout.readline()
        file = self.dir / "trace.slt"
        tracer = self.start([SIGHTLINE, "record", "-q", "--engine=inprocess", "-o", file, "-p", program.pid])
        # From its first stop on calls are recorded, and not from when it has a tracer: the stub comes in between.
        wait_until(lambda: "memfd:sightline" in read_text(f"/proc/{program.pid}/maps") or tracer.poll() is not None, "the stub")
        program.stdin.close()
        self.assertEqual(program.stdout.readline(), before)
        self.assertEqual((program.wait(DEADLINE), tracer.wait(DEADLINE)), (0, 0))
        info = json.loads(self.sightline("info", "--format=json", file).out)
        self.assertEqual([process["engine"] for process in info["processes"]], ["in-process"])
        trace = self.sightline("print", "--source=none", file)
        self.assertEqual(trace.out.count("getppid()"), 100)

    def test_children_that_are_not_to_be_traced(self):
        """They have their parent's call sites, and so need a place in the stub, shown or not."""
        for _ in range(scaled(10)):
            trace = self.inprocess(tracee("untraced"))
            seen = sorted(n for mine in marks(trace).values() for n in mine)
            self.assertEqual(seen, [first + i for first in (0, 1000, 2000, 3000) for i in range(300)])
            # A birth that a signal comes across is begun anew, and is two calls.
            births = [call for call in trace.calls if "CLONE_UNTRACED" in call.arguments and call.result.isdigit()]
            self.assertEqual(len(births), 2)
            file = self.dir / "alone"
            result = self.sightline("--engine=inprocess", "-o", file, tracee("untraced"))
            self.assertEqual((result.status, result.err), (0, ""))
            alone = [int(n) for n in re.findall(r"(?m)^lseek\(-1, (\d+)", read_text(file))]
            self.assertEqual(alone, [first + i for first in (0, 3000) for i in range(300)])

    def test_a_program_with_a_sanitizer(self):
        """Their shadows have fixed places; a leak checker stops the program from a child that shares its memory."""
        source = self.dir / "program.c"
        source.write_text("#include <unistd.h>\nint main() { for (int i = 0; i < 100; ++i) getppid(); return 5; }\n")
        compiler = shutil.which("cc") or shutil.which("gcc")
        for sanitizer in ("address", "thread", "undefined"):
            program = self.dir / sanitizer
            if compiler is None or self.run_program([compiler, f"-fsanitize={sanitizer}", "-o", program, source]).status != 0:
                continue
            with self.subTest(sanitizer):
                # A leak checker that can't trace says so and fails, with every tracer.
                options = {"env": {**os.environ, "LSAN_OPTIONS": "detect_leaks=0"}}
                trace = self.trace("--engine=inprocess", "--source=none", program, expect=5, **options)
                self.assertEqual(len(trace.of("getppid")), 100)
                if sanitizer == "address":
                    told = [self.sightline(f"--engine={engine}", "-o", self.dir / "trace", program)
                            for engine in ("ptrace", "inprocess")]
                    self.assertEqual(*[(result.status, "LeakSanitizer" in result.err) for result in told])

    def test_core_dumps_have_the_program_only(self):
        with open("/proc/sys/kernel/core_pattern", encoding="ascii") as file:
            if file.read().strip() != "core":
                self.skipTest("core dumps go elsewhere here")
        result = self.sightline("--engine=inprocess", "-o", self.dir / "trace", "sh", "-c",
                                f"ulimit -c unlimited; cd {self.dir}; exec {tracee('dies')} signal {signal.SIGABRT.value}")
        self.assertEqual(result.status, -signal.SIGABRT)
        cores = list(self.dir.glob("core*"))
        self.assertLess(max((core.stat().st_size for core in cores), default=0), 100 << 20)

    def test_what_it_leaves_to_ptrace_is_said(self):
        result = self.sightline("--engine=inprocess", "-s", "100000", "-o", self.dir / "trace", "true")
        self.assertEqual(result.status, 0)
        self.assertIn("sightline: the in-process engine can't be used here: ", result.err)

    def test_info_says_which_engine_it_was(self):
        file = self.dir / "run.slt"
        for engine, said in (("auto", "in-process"), ("inprocess", "in-process"), ("ptrace", "ptrace")):
            result = self.sightline("record", "-q", "-f", f"--engine={engine}", "-o", file, "sh", "-c", "ls / | cat; :")
            self.assertEqual(result.status, 0, result)
            info = json.loads(self.sightline("info", "--format=json", file).out)
            self.assertEqual([process["engine"] for process in info["processes"]], 3 * [said])

    def test_full_rings_wait(self):
        calls = scaled(30000)
        trace = self.inprocess("--source=none", "--ring-size=64K", tracee("counter"), "threads", 3, calls)
        for numbers in marks(trace).values():
            self.assertEqual([n & 0xFFFFFFFF for n in numbers], list(range(calls)))
        self.assertEqual(len(marks(trace)), 3)

    def test_without_following(self):
        file = self.dir / "trace"
        program = ("import os, subprocess\nsubprocess.run(['true'])\npid = os.fork()\n"
                   "if pid == 0:\n    os.getppid()\n    os._exit(3)\nos.waitpid(pid, 0)\nos.getuid()")
        result = self.sightline("--engine=inprocess", "-o", file, sys.executable, "-I", "-S", "-c", program)
        self.assertEqual(result.status, 0, result)
        text = read_text(file)
        self.assertNotIn("execve(\"/usr/bin/true\"", text)
        self.assertNotIn("exited with 3", text)
        self.assertIn("+++ exited with 0 +++", text)

if __name__ == "__main__":
    main()
