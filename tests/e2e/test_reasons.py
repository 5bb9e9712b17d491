#!/usr/bin/env python3
"""The engine says which one it is, and why not another: `info`, -v, the sentences at the end, the debug log."""

import json
import os
import re
import signal
import stat
import subprocess
import sys
import unittest

from harness import TRACEES, TestCase, main, tracee, wait_for_ready

PYTHON = [sys.executable, "-I", "-S", "-c"]

# Allows everything, and is in force all the same.
UNDER_A_FILTER = """
import ctypes, os
code = (ctypes.c_uint64 * 1)(0x7fff0000_00000006)  # BPF_RET | BPF_K, SECCOMP_RET_ALLOW
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("code", ctypes.c_void_p)]
libc = ctypes.CDLL(None)
assert libc.prctl(38, 1, 0, 0, 0) == 0  # PR_SET_NO_NEW_PRIVS
assert libc.prctl(22, 2, ctypes.byref(Program(1, ctypes.addressof(code)))) == 0  # PR_SET_SECCOMP
os.execvp("true", ["true"])
"""

FORKS_AFTERWARDS = """
import os, resource
resource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))
pid = os.fork()
if pid == 0:
    os._exit(0)
os.waitpid(pid, 0)
"""


class Reasons(TestCase):
    def record(self, *arguments, engine="inprocess"):
        """The processes that info tells of, and all that it says."""
        file = self.dir / "run.slt"
        self.result = self.sightline("record", f"--engine={engine}", "-o", file, *arguments)
        self.assertEqual(self.result.status, 0, self.result)
        info = json.loads(self.sightline("info", "--format=json", file).out)
        text = self.sightline("info", file).out
        for process in info["processes"]:
            self.assertRegex(text, rf"(?m)^ *{process['pid']} +{process['comm']} +{re.escape(process['explanation'])}$")
        return info["processes"]

    def only(self, processes, comm=None):
        found = [p for p in processes if comm is None or p["comm"] == comm]
        self.assertEqual(len(found), 1, processes)
        return found[0]["engine"], found[0]["reason"], found[0]["explanation"]

    def test_what_is_as_it_was_wanted_has_no_reason(self):
        self.assertEqual(self.only(self.record("true")), ("in-process", None, "in-process"))
        self.assertEqual(self.only(self.record("true", engine="ptrace")), ("ptrace", None, "ptrace"))

    def test_a_program_under_a_filter(self):
        self.assertEqual(self.only(self.record(*PYTHON, UNDER_A_FILTER)),
                         ("ptrace", "under_seccomp", "ptrace: a seccomp filter is in force"))
        self.assertIn("sightline: 1 process was traced by ptrace: a seccomp filter is in force\n", self.result.err)

    def test_a_program_with_a_limit(self):
        processes = self.record("sh", "-c", "for i in 1 2 3; do (ulimit -v 4000000; exec ls /) & done; wait")
        self.assertEqual([(p["engine"], p["reason"]) for p in processes if p["comm"] == "ls"],
                         3 * [("ptrace", "addresses_limited")])
        self.assertEqual(self.only(processes, "sh")[0], "in-process")
        self.assertIn("3 processes were traced by ptrace: its address space is limited (ulimit -v)\n", self.result.err)

    @unittest.skipUnless((TRACEES / "expect_abi32").exists(), "no 32-bit programs here")
    def test_a_32_bit_program(self):
        self.assertEqual(self.only(self.record(tracee("expect_abi32"))),
                         ("ptrace", "code_of_32_bits", "ptrace: it is a 32-bit program"))

    def test_a_program_that_is_left_to_ptrace_on_its_way(self):
        for what, reason, why in (("counter", "forbade_counter", "changed its right to the time stamp counter (prctl)"),
                                  ("filter", "asked_for_seccomp", "asked for a seccomp filter"),
                                  ("addresses", "limited_addresses", "limited its addresses (setrlimit)"),
                                  ("paging", "locked_memory", "locked its memory (mlockall)"),
                                  ("dispatch", "asked_for_dispatch", "asked for a dispatch of its own calls (prctl)"),
                                  ("steps", "steps_itself", "goes through its instructions one by one (the trap flag)"),
                                  ("alignment", "checks_alignment", "has its memory accesses checked for alignment (the AC flag)"),
                                  ("range", "took_addresses", "took the addresses where the engine was (munmap, mmap)"),
                                  ("gs", "asked_for_gs", "asked for the gs register (arch_prctl, modify_ldt)"),
                                  ("place", "took_addresses", "took the addresses where the engine was (munmap, mmap)")):
            with self.subTest(what):
                self.assertEqual(self.only(self.record(tracee("takes_away"), what)),
                                 ("ptrace", reason, f"in-process until it {why}, then ptrace"))

    def test_a_fork_of_one_that_was_left_to_ptrace(self):
        parent, child = self.record(*PYTHON, FORKS_AFTERWARDS)
        self.assertEqual((parent["reason"], child["reason"]), ("limited_addresses", "born_after_leaving"))
        self.assertEqual((parent["engine"], child["engine"]), ("ptrace", "ptrace"))

    def test_forks_share_their_parents_reason(self):
        program = UNDER_A_FILTER.replace('os.execvp("true", ["true"])',
                                         'os.execvp("sh", ["sh", "-c", "(:) & wait"])')
        parent, child = self.record(*PYTHON, program)
        self.assertEqual((parent["reason"], child["reason"]), ("under_seccomp", "under_seccomp"))

    def test_what_holds_for_the_whole_run(self):
        processes = self.record("-s", "100000", "sh", "-c", "ls / | cat; :")
        self.assertEqual([(p["engine"], p["reason"]) for p in processes], 3 * [("ptrace", "long_strings")])

    def test_threads_count_as_their_process(self):
        self.record(tracee("takes_away"), "filter", "threads")
        self.assertIn("1 process was in-process at first, then traced by ptrace: it asked", self.result.err)
        self.assertEqual(self.result.err.count("\n"), 1, self.result)


class Verbosity(TestCase):
    LIMITED = ("sh", "-c", "ulimit -v 4000000; exec ls")

    def said(self, *arguments):
        """Of engines, on stderr."""
        result = self.sightline(*arguments)
        self.assertEqual(result.status, 0, result)
        return [line.removeprefix("sightline: ") for line in result.err.splitlines() if line.startswith("sightline: ")]

    def test_what_is_said_at_the_end(self):
        file = self.dir / "trace"
        sentence = "1 process was traced by ptrace: its address space is limited (ulimit -v)"
        for verb in ([], ["record"]):
            with self.subTest(verb):
                self.assertIn(sentence, self.said(*verb, "--engine=inprocess", "-o", file, *self.LIMITED))
                self.assertEqual(self.said(*verb, "-q", "--engine=inprocess", "-o", file, *self.LIMITED), [])
                self.assertEqual(self.said(*verb, "-o", file, *self.LIMITED), [])
                self.assertEqual(self.said(*verb, "--engine=auto", "-y", "-o", file, *self.LIMITED), [])

    def test_each_process_with_its_engine(self):
        file = self.dir / "trace"
        said = self.said("-f", "-v", "--engine=inprocess", "-o", file, "sh", "-c", "(ulimit -v 4000000; ls); :")
        self.assertRegex(said[0], r"^process \d+ \(sh\): in-process$")
        self.assertRegex(said[1], r"^process \d+ \(ls\): ptrace: its address space is limited \(ulimit -v\)$")
        self.assertIn("1 process was traced by ptrace: its address space is limited (ulimit -v)", said[2:])
        said = self.said("record", "-v", "--engine=ptrace", "-o", file, "true")
        self.assertEqual(len(said), 1, said)
        self.assertRegex(said[0], r"^process \d+ \(true\): ptrace$")
        self.assertRegex(self.said("-v", "-o", file, "true")[0], r"^process \d+ \(true\): ")


class DebugLog(TestCase):
    LINE = re.compile(r"^\d+\.\d{6} tracer: (\d+) (.+)$")

    def logged(self, what, *command, **variables):
        """What was said of the tracer, in order. The program's own stderr is not among it."""
        environment = {**os.environ, "SIGHTLINE_LOG": what, **variables}
        result = self.sightline("--engine=inprocess", "-f", "-o", self.dir / "trace", *command, env=environment)
        self.assertEqual(result.status, 0, result)
        self.result = result
        text = (self.dir / "log").read_text() if "SIGHTLINE_LOG_FILE" in variables else result.err
        lines = [line for line in text.splitlines() if not line.startswith("sightline: ")]
        for line in lines:
            self.assertRegex(line, self.LINE)
        return [self.LINE.match(line)[2] for line in lines]

    def assert_in_order(self, lines, *patterns):
        at = 0
        for pattern in patterns:
            found = [i for i in range(at, len(lines)) if re.fullmatch(pattern, lines[i])]
            self.assertTrue(found, f"no {pattern!r} behind line {at} of {lines}")
            at = found[0] + 1

    def test_the_way_of_a_program(self):
        lines = self.logged("tracer=debug", tracee("registers"), 5)
        self.assert_in_order(lines, "stop: exec", "stub injected", "in-process, place 0", r"stop: signal 31 \(SYS\)",
                             r"call \d+ at 0x[0-9a-f]+ is the tracer's",
                             r"call \d+ at 0x[0-9a-f]+ trapped, site: (after_move|with_next|by_padding)", "exited with 0")

    def test_levels_and_files(self):
        log = self.dir / "log"
        lines = self.logged("tracer=info", "sh", "-c", "ulimit -v 4000000; exec ls", SIGHTLINE_LOG_FILE=str(log))
        self.assert_in_order(lines, "stub injected", "in-process, place 0",
                             r"by ptrace: it limited its addresses \(setrlimit\)", "no longer in-process, place 0",
                             "stub taken out", r"by ptrace: its address space is limited \(ulimit -v\)")
        self.assertFalse([line for line in lines if line.startswith(("stop", "call", "exited"))])
        self.assertEqual(stat.S_IMODE(log.stat().st_mode), 0o600)
        self.assertNotIn("tracer: ", self.result.err)
        again = self.logged("tracer=info", "true", SIGHTLINE_LOG_FILE=str(log))
        self.assertGreater(len(again), len(lines))

    def test_attaching_and_letting_go(self):
        log = self.dir / "log"
        program = self.start([*PYTHON, "print('ready', flush=True); input()"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE)
        wait_for_ready(program)
        tracer = self.attach(program.pid, "--engine=inprocess",
                             env={**os.environ, "SIGHTLINE_LOG": "tracer=debug", "SIGHTLINE_LOG_FILE": str(log)})
        self.detach(tracer, signal.SIGINT)
        lines = [self.LINE.match(line)[2] for line in log.read_text().splitlines()]
        self.assert_in_order(lines, "attached to, with 1 threads", "letting go of 1 threads", "let go")

    def test_off(self):
        for value in ("", "tracer=off"):
            self.assertEqual(self.logged(value, "true"), [])

    def test_mistakes_are_one_sentence_and_cost_nothing(self):
        for value in ("ring=debug", "tracer=loud", "tracer"):
            with self.subTest(value):
                self.assertEqual(self.logged(value, "true"), [])
                self.assert_one_sentence(self.result)
                self.assertIn("SIGHTLINE_LOG: ", self.result.err)
        environment = {**os.environ, "SIGHTLINE_LOG": "tracer=debug", "SIGHTLINE_LOG_FILE": str(self.dir / "no" / "log")}
        result = self.sightline("-o", self.dir / "trace", "true", env=environment)
        self.assertEqual(result.status, 0, result)
        self.assert_one_sentence(result)


if __name__ == "__main__":
    main()
