#!/usr/bin/env python3
"""-P: which calls access a path. strace decides the same, call for call; so do both engines."""

import os
import re
import shutil
import subprocess
import sys
import unittest

from harness import SIGHTLINE, TestCase, main, needs_root, read_text, scaled, tracee

# What differs from run to run: ids, addresses, inodes, times.
_VOLATILE = [(re.compile(r"^\d+ +"), ""), (re.compile(r"0x[0-9a-f]{6,}"), "ADDRESS"), (re.compile(r"st_[a-z]*(time|dev|ino)\w*=[^,}]+"), "IT"),
             (re.compile(r"(?<=[=\[])\d{3,}(?=[,\]}])"), "NUMBER"), (re.compile(r" +="), " ="),
             (re.compile(r"^(\+\+\+|---|<\.\.\.).*"), "")]


def steady(lines):
    for pattern, word in _VOLATILE:
        lines = [pattern.sub(word, line) for line in lines]
    return [line for line in lines if line]


class PathFilter(TestCase):
    def setUp(self):
        super().setUp()
        self.place = self.dir / "place"

    def prepare(self):
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        (self.place / "wanted").write_text("contents")
        (self.place / "link").symlink_to("wanted")

    def run_tracer(self, tracer, *options, program=None, expect=0):
        self.prepare()
        file = self.dir / "lines.txt"
        program = program or [tracee("path_accesses"), self.place]
        result = self.run_program([tracer, "-f", "-s", "16", "-o", file, *options, *program], cwd=self.place)
        self.assertEqual(result.status, expect, result)
        return result, read_text(file).splitlines()

    def lines(self, *options, **more):
        return steady(self.run_tracer(SIGHTLINE, *options, **more)[1])

    def names(self, *options):
        return [line.split("(")[0] for line in self.lines(*options)]

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_as_strace(self):
        here = str(self.place)
        for least, *options in ((80, "-P", f"{here}/wanted"), (80, "-P", "wanted"), (80, "-P", f"{here}/link"), (3, "-P", here),
                                (20, "-P", f"{here}/other"), (1, "-P", "/proc/self/exe"), (1, "-P", f"{here}/wanted (deleted)"),
                                (100, "-P", f"{here}/wanted", "-P", here, "-P", "./wanted"), (0, "-P", "/no/such/file"),
                                (20, "-P", "wanted", "-e", "trace=%file"), (2, "-P", "wanted", "-e", "trace=read,getpid"),
                                (5, "-y", "-P", f"{here}/wanted", "-e", "trace=close,dup,dup2"),
                                (20, "-z", "-P", f"{here}/wanted"), (20, "-Z", "-P", f"{here}/wanted")):
            with self.subTest(options):
                theirs = steady(self.run_tracer("strace", *options)[1])
                mine = self.lines(*options)
                self.assertGreaterEqual(len(mine), least)
                # Of rename(2), other than of renameat(2) and link(2), strace looks at the first path only.
                mine = [line for line in mine if not line.startswith('rename("nothing"')]
                self.assertEqual(mine, theirs)

    @unittest.skipUnless(shutil.which("strace"), "strace is not installed")
    def test_programs_as_strace(self):
        script = "import os, subprocess\nfor i in range(3):\n  open('wanted').read()\n  os.listdir('.')\nsubprocess.run(['cat', 'wanted', 'link'])"
        for program in ([sys.executable, "-S", "-c", script], ["tar", "-cf", "packed", "wanted", "link"], ["sh", "-c", "cat wanted; cp wanted copy"],
                        ["grep", "-r", "contents", str(self.place)]):
            for path in ("wanted", str(self.place)):
                with self.subTest((program, path)):
                    theirs = steady(self.run_tracer("strace", "-P", path, program=program)[1])
                    self.assertEqual(self.lines("-P", path, program=program), theirs)
                    self.assertTrue(path != "wanted" or theirs)

    def test_both_engines(self):
        seen = [self.lines(f"--engine={engine}", "-P", f"{self.place}/wanted") for engine in ("ptrace", "inprocess")]
        self.assertGreater(len(seen[0]), 80)
        self.assertEqual(*seen)

    @needs_root
    def test_another_root_directory(self):
        for path, count in (("inside/file", 2), ("before", 8)):
            options = ["-y", "-P", f"{self.place}/{path}"]
            program = [tracee("descriptor_paths"), "root", self.place]
            for engine in ("ptrace", "inprocess"):
                with self.subTest((path, engine)):
                    lines = self.lines(f"--engine={engine}", *options, program=program)
                    self.assertEqual([line for line in lines if f"<{self.place}/{path}>" in line], lines)
                    self.assertEqual(len(lines), count)

    def test_signals_meanwhile(self):
        """Where a signal finds the thread looking a descriptor up, no call is lost, and none comes in that is not wanted."""
        self.prepare()
        rounds = scaled(20000)
        trace = self.trace("--source=none", "-P", f"{self.place}/pump 1", tracee("descriptor_paths"), "signals", self.place, rounds)
        [calls] = trace.by_thread().values()
        # A call that a signal kept from beginning stands there twice, and was made once.
        done = [call for call in calls if not call.result.startswith("? ERESTART")]
        self.assertEqual([call.name for call in done], ["dup", "lseek", "close"] * rounds)
        for i, (dup, seek, close) in enumerate(zip(*3 * [iter(done)])):
            self.assertEqual((seek.arguments, seek.result, close.arguments), (f"{dup.result}, {i}, SEEK_SET", str(i), dup.result))
        ticks = int(re.search(r"ticks (\d+)", trace.result.out)[1])
        self.assertEqual(len([signal for signal in trace.signals if signal[1] == "SIGALRM"]), ticks)

    def test_signals_and_ends_are_shown_all_the_same(self):
        _, lines = self.run_tracer(SIGHTLINE, "-P", "wanted", program=["sh", "-c", "kill -USR1 $$"], expect=-10)
        self.assertTrue(any(re.search(r"--- SIGUSR1 \{", line) for line in lines), lines)
        self.assertTrue(any("+++ killed by SIGUSR1 +++" in line for line in lines), lines)

    def test_descriptors_show_no_path_without_y(self):
        for line in self.lines("-P", f"{self.place}/wanted"):
            self.assertNotRegex(line, r"\d<|AT_FDCWD<|> *$")

    def test_resolved_paths_are_told(self):
        link = f"{self.place}/link"
        note = f'sightline: Requested path "{link}" resolved into "{self.place}/wanted"\n'
        self.assertEqual(self.run_tracer(SIGHTLINE, "-P", link)[0].err, note)
        self.assertEqual(self.run_tracer(SIGHTLINE, "-qqq", "-P", link)[0].err, "")
        self.assertEqual(self.run_tracer(SIGHTLINE, "--trace-path", f"{self.place}/wanted")[0].err, "")

    def test_counts_are_of_what_was_selected(self):
        shown = self.names("-P", "wanted")
        table = "\n".join(self.lines("-c", "-P", "wanted"))
        self.assertRegex(table, f"\\b{shown.count('newfstatat')} .*newfstatat")
        self.assertRegex(table, f" {len(shown)} +\\d+ total")
        self.assertNotIn("munmap", table)

    def test_trace_files(self):
        shown = self.lines("-P", "wanted")
        self.prepare()
        file = self.dir / "trace.slt"
        result = self.sightline("record", "-P", "wanted", "-o", file, tracee("path_accesses"), self.place, cwd=self.place)
        self.assertEqual(result.status, 0, result)
        printed = self.sightline("print", "-s", "16", "--source=none", file)
        self.assertEqual(steady(printed.out.splitlines()), shown)
        info = self.sightline("info", "--format=json", file)
        self.assertRegex(info.out, f'"\\w+": *{len(shown)}\\b')

    def test_attached(self):
        self.prepare()
        os.mkfifo(self.place / "start")
        child = self.start(["sh", "-c", "read x < start; cat wanted; cat link; : < wanted"], cwd=self.place, stdout=subprocess.DEVNULL)
        tracer = self.attach(child.pid, "-f", "-P", f"{self.place}/wanted", "-P", "wanted")
        with open(self.place / "start", "w", encoding="ascii") as start:
            start.write("go\n")
        child.wait()
        tracer.wait()
        lines = steady(read_text(self.dir / "attached.txt").splitlines())
        names = [line.split("(")[0] for line in lines]
        self.assertEqual(names.count("openat"), 2, lines)
        self.assertIn("fadvise64", names)
        self.assertNotIn("execve", names)

    def test_mistakes(self):
        for options in (["-P", "x" * 5000], ["-P", ""], [word for i in range(3000) for word in ("-P", f"/no/such/file/{i}")]):
            self.assert_one_sentence(self.sightline(*options, "true"))


if __name__ == "__main__":
    main()
