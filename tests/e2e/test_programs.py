"""Real programs: strace's calls, call by call in the same order, and the program none the wiser."""

import collections
import errno
import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

from harness import TestCase, Trace, main, read_text

# Calls whose number depends on where things happen to lie in memory or on who is scheduled first.
RANDOM = {"brk", "futex", "getrandom", "mmap", "munmap", "mprotect", "restart_syscall", "sched_yield"}


def same_layout(command):
    """Without address randomisation, so that two runs differ in as little as possible."""
    return ["setarch", "-R", *map(str, command)]


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class Programs(TestCase):
    before = staticmethod(lambda: None)  # puts things as they were before the last run

    def strace(self, command, **options):
        self.before()
        file = self.dir / "strace.txt"
        result = self.run_program(["strace", "-f", "-o", file, *same_layout(command)], **options)
        return Trace(read_text(file)), result

    def ours(self, command, *arguments, **options):
        self.before()
        file = self.dir / "sightline.txt"
        result = self.sightline("-f", "-o", file, *arguments, *same_layout(command), **options)
        return Trace(read_text(file)), result

    @staticmethod
    def threads_in_order(trace):
        """What each thread did, in the order in which threads first appear; thread ids differ between runs."""
        order = list(dict.fromkeys(call.tid for call in trace.calls))
        calls = trace.by_thread()
        return [[call.name for call in calls[tid] if call.name not in RANDOM] for tid in order]

    def compare(self, *command, ordered=True, **options):
        reference, reference_result = self.strace(command, **options)
        trace, result = self.ours(command, **options)
        self.before()
        bare = self.run_program(same_layout(command), **options)
        self.assertEqual(result.status, bare.status, result)
        self.assertEqual(result.status, reference_result.status)
        self.assertEqual(result.out, bare.out)
        self.assertEqual(result.err, bare.err)
        self.assertFalse(trace.open_calls)

        counts = lambda t: collections.Counter(c.name for c in t.calls if c.name not in RANDOM)
        # A program may differ from run to run (temporary names that are taken, memory that is short): what a call's
        # count was under one of us it must have been under the other too, if not at the first try. A call that one of
        # us loses or invents differs every time.
        mine, theirs = [counts(trace)], [counts(reference)]
        for _ in range(6):
            differing = {name for name in set().union(*mine, *theirs)
                         if not {c[name] for c in mine} & {c[name] for c in theirs}}
            if not differing:
                break
            mine.append(counts(self.ours(command, **options)[0]))
            theirs.append(counts(self.strace(command, **options)[0]))
        self.assertFalse({name: ([c[name] for c in mine], [c[name] for c in theirs]) for name in differing})
        if ordered:
            mine, theirs = self.threads_in_order(trace), self.threads_in_order(reference)
            self.assertEqual(len(mine), len(theirs))
            self.assertEqual(sorted(mine), sorted(theirs))
        return trace

    def test_ls(self):
        trace = self.compare("ls", "-l", "/usr")
        self.assertGreater(len(trace.calls), 50)

    def test_true(self):
        self.compare("true")

    def test_false(self):
        self.compare("false")

    def test_dd(self):
        trace = self.compare("dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=2000", "status=none")
        self.assertEqual(len([c for c in trace.of("write") if c.arguments == '1, "\\0", 1']), 2000)

    def test_find(self):
        trace = self.compare("find", "/usr/include/linux", "-name", "*.h")
        self.assertGreater(len(trace.of("getdents64")), 10)

    def test_cat_of_stdin(self):
        self.compare("cat", input_bytes=b"one\ntwo\n" * 1000)

    def test_shell_pipeline(self):
        self.compare("sh", "-c", "ls /usr | cat | wc -l; (exit 3)", ordered=False)

    def test_python(self):
        self.compare(sys.executable, "-I", "-c", "import json; print(json.dumps([1, 2]))")

    def test_gcc(self):
        source = self.dir / "hello.c"
        source.write_text('#include <stdio.h>\nint main(void) { puts("hello"); return 0; }\n', encoding="ascii")
        output = self.dir / "hello.o"
        self.before = lambda: output.unlink(missing_ok=True)
        trace = self.compare("gcc", "-O1", "-c", source, "-o", output,
                             env={**os.environ, "TMPDIR": str(self.dir)})
        self.assertGreaterEqual(len(trace.of("execve")), 3)
        self.assertGreaterEqual(len(trace.threads()), 3)

    @unittest.skipUnless(shutil.which("make"), "make is not installed")
    def test_make(self):
        (self.dir / "Makefile").write_text("all: a b\n%: Makefile\n\t@cat $< > $@\n", encoding="ascii")
        outputs = [self.dir / "a", self.dir / "b"]
        self.before = lambda: [output.unlink(missing_ok=True) for output in outputs]
        trace = self.compare("make", "-C", self.dir, "all")
        self.assertGreaterEqual(len(trace.threads()), 3)

    @unittest.skipUnless(shutil.which("git"), "git is not installed")
    def test_git(self):
        environment = {**os.environ, "HOME": str(self.dir), "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", "init", "-q", self.dir / "repo"], env=environment, check=True)
        (self.dir / "repo/file").write_text("text\n", encoding="ascii")
        self.compare("git", "-C", self.dir / "repo", "--no-optional-locks", "status", "--short", env=environment)

    def test_counts_table_agrees_with_the_lines(self):
        file = self.dir / "table.txt"
        result = self.sightline("-f", "-c", "-o", file, *same_layout(["ls", "-l", "/usr"]))
        self.assertEqual(result.status, 0, result)
        table = {}
        for line in read_text(file).splitlines():
            if match := re.match(r" *[\d.]+ +[\d.]+ +\d+ +(\d+) +(\d+)? +(\w+)$", line):
                table[match[3]] = int(match[1])
        trace, _ = self.ours(["ls", "-l", "/usr"])
        counted = collections.Counter(call.name for call in trace.calls)
        self.assertEqual(table.pop("total"), sum(table.values()))
        for name in RANDOM:
            table.pop(name, None)
            counted.pop(name, None)
        self.assertEqual(table, dict(counted))

    def test_recording_and_live_text_tell_the_same(self):
        slt = self.dir / "run.slt"
        result = self.sightline("record", "-q", "--source=none", "-s", 32, "-o", slt, *same_layout(["ls", "-l", "/usr"]))
        self.assertEqual(result.status, 0, result)
        printed = self.sightline("print", slt)
        self.assertEqual(printed.status, 0, printed)
        recorded = Trace(printed.out, single=True)
        live, _ = self.ours(["ls", "-l", "/usr"])
        self.assertEqual([c.name for c in recorded.calls], [c.name for c in live.calls])
        same = [(a.arguments, b.arguments) for a, b in zip(recorded.calls, live.calls) if a.name in ("openat", "read")]
        self.assertGreater(len(same), 10)
        for a, b in same:
            self.assertEqual(a, b)


class Debugger(TestCase):
    def test_a_traced_debugger_is_told_that_its_program_has_a_tracer(self):
        """As under strace: a process has one tracer."""
        program = "import ctypes; libc = ctypes.CDLL(None, use_errno=True); print(libc.ptrace(0, 0, 0, 0), ctypes.get_errno())"
        self.assertEqual(self.run_program([sys.executable, "-c", program]).out, "0 0\n")
        trace = self.trace("-e", "trace=ptrace", sys.executable, "-c", program)
        self.assertEqual(trace.result.out, f"-1 {errno.EPERM}\n")
        self.assertRegex(read_text(self.dir / "trace.txt"), r"ptrace\(PTRACE_TRACEME\) += -1 EPERM ")


if __name__ == "__main__":
    main()
