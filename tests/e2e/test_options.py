"""What options do to the text: strace's own output on the same program, line for line, where both know the option."""

import re
import shutil
import unittest

from harness import SIGHTLINE, TestCase, main, read_text, tracee

# Words that differ from run to run, whoever traces; the blanks that fill up to the results' column go with pids.
_VOLATILE = [(re.compile(r"0x[0-9a-f]+(?= /\* \d+ vars)"), "ENVIRONMENT"),
             (re.compile(r"sightline-tracee-\w{6}"), "DIRECTORY"), (re.compile(r"(?<=<pipe:\[)\d+"), "INODE"), (re.compile(r"(?<=si_pid=)\d+"), "PID"),
             (re.compile(r"(set_tid_address\(\w+\) += )\d+"), r"\1TID"),
             (re.compile(r"^kill\(\d{2,}, (\w+)\) += "), r"kill(PID, \1) = ")]


def steady(line):
    for pattern, word in _VOLATILE:
        line = pattern.sub(word, line)
    return line


@unittest.skipUnless(shutil.which("strace"), "strace is not installed")
class AsStrace(TestCase):
    PROGRAM = "expect_files"

    def lines(self, tracer, *options, program=None):
        file = self.dir / "lines.txt"
        # Without address randomisation: addresses are equal then, as both hand over the same environment.
        result = self.run_program(["setarch", "-R", *tracer, "-o", file, *options, tracee(program or self.PROGRAM)])
        self.assertEqual(result.status, 0, result)
        # The C library asks for randomness when it thinks fit.
        return [line for line in read_text(file).splitlines() if "getrandom(" not in line]

    def compare(self, *options, program=None, least=20):
        theirs = [steady(line) for line in self.lines(["strace"], *options, program=program)]
        mine = [steady(line) for line in self.lines([SIGHTLINE], *options, program=program)]
        self.assertGreaterEqual(len(mine), least)
        self.assertEqual(mine, theirs)

    def test_columns(self):
        for columns in ("0", "20", "60"):
            self.compare("-a", columns)

    def test_string_limits(self):
        for limit in ("0", "1", "5", "1000"):
            self.compare("-s", limit)

    def test_hex_strings(self):
        self.compare("-x", program="expect_strings")
        self.compare("-xx", program="expect_strings")

    def test_unabbreviated(self):
        self.compare("-v", "-e", "trace=execve,access,openat,lseek,unlinkat,symlink,uname", least=10)

    def test_trace_sets(self):
        for expression, least in (("trace=openat", 3), ("open,close", 5), ("trace=%file", 15), ("trace=%desc", 15),
                                  ("trace=!%desc", 10), ("trace=/^l?stat|link", 5), ("trace=%memory", 10), ("t=0,1,8", 5),
                                  ("trace=?nosuchcall,write", 2), ("trace=none", 1), ("trace=!all", 1), ("trace=all", 50),
                                  ("trace=%stat,%statfs,%lstat,%fstat,%%stat,%%statfs", 1), ("trace=file,process", 20)):
            with self.subTest(expression):
                self.compare("-e", expression, least=least)

    def test_signal_sets(self):
        for expression in ("signal=none", "signal=!SIGUSR1", "signal=USR1", "signal=all"):
            with self.subTest(expression):
                self.compare("-e", expression, "-e", "trace=kill", program="expect_signals", least=3)

    def test_by_status(self):
        self.compare("-z")
        self.compare("-Z", least=5)
        self.compare("-e", "status=failed", least=5)

    def test_numbers(self):
        # strace has the number of the last call in front of ends and signals too.
        self.compare("-n", "-qq", "-e", "signal=none")

    def test_instruction_pointers(self):
        # Where the kernel puts things depends on what else is in the environment of the moment: the page's offset stays.
        _page = re.compile(r"^\[\w+(?=\w{3}\])")
        theirs, mine = ([_page.sub("[", steady(line)) for line in self.lines(tracer, "-i")]
                        for tracer in (["strace"], [SIGHTLINE]))
        self.assertGreaterEqual(len(mine), 20)
        self.assertEqual(mine, theirs)

    def test_quiet(self):
        self.compare("-q")
        self.compare("-qq")

    def test_paths_of_descriptors(self):
        self.compare("-y", "-e", "trace=openat,read,write,close,fstat,newfstatat", least=15)

    def test_times_have_the_same_form(self):
        # The length of each number, not its value.
        shape = lambda line: re.sub(r"\d", "9", re.match(r"[\d:. ]+", line)[0])
        for option in ("-t", "-tt", "-ttt", "-r"):
            with self.subTest(option):
                theirs = self.lines(["strace"], option, "-e", "trace=unlinkat")
                mine = self.lines([SIGHTLINE], option, "-e", "trace=unlinkat")
                self.assertEqual([shape(line) for line in mine], [shape(line) for line in theirs])
        for line in self.lines([SIGHTLINE], "-T", "-e", "trace=unlinkat"):
            self.assertRegex(line, r" <\d\.\d{6}>$|^\+\+\+")


class Own(TestCase):
    def test_append(self):
        file = self.dir / "out"
        for _ in range(2):
            self.assertEqual(self.sightline("-A", "-o", file, "-e", "trace=none", "true").status, 0)
        self.assertEqual(read_text(file), "+++ exited with 0 +++\n" * 2)

    def test_summary_after_the_lines(self):
        file = self.dir / "out"
        self.assertEqual(self.sightline("-C", "-o", file, "true").status, 0)
        lines, table = read_text(file).split("+++ exited with 0 +++\n")
        self.assertIn("execve(", lines)
        self.assertRegex(table, r"(?m)^% time +seconds +usecs/call +calls +errors +syscall$")
        self.assertRegex(table, r"(?m)^ *100\.00 .* total$")

    def test_colour(self):
        self.assertNotIn("\033", self.sightline("ls", "/none").err)
        self.assertIn("\033[31m", self.sightline("--color=always", "ls", "/none").err)
        self.assertNotIn("\033", self.sightline("--color=never", "ls", "/none").err)

    def test_a_verb_is_one_only_in_front(self):
        program = self.dir / "record"
        program.write_text("#!/bin/sh\nexit 9\n", encoding="ascii")
        program.chmod(0o755)
        self.assertEqual(self.sightline("--", program).status, 9)
        self.assertEqual(self.sightline("-o", self.dir / "out", "sh", "-c", "exit 3", "record").status, 3)

    def test_options_end_at_the_command(self):
        self.assertEqual(self.sightline("-o", self.dir / "out", "sh", "-c", 'test "$1" = -f', "sh", "-f").status, 0)

    def test_threads_in_brackets(self):
        """On stderr the thread stands in brackets, and only while there are several."""
        result = self.sightline("-f", "-e", "trace=lseek", tracee("counter"), "threads", "2", "3")
        calls = [line for line in result.err.splitlines() if "lseek(-1" in line or "lseek resumed" in line]
        self.assertGreaterEqual(len(calls), 6)
        for line in calls:
            self.assertRegex(line, r"^\[pid +\d+\] ")
        self.assertRegex(result.err.splitlines()[-1], r"^\+\+\+ exited with 0 \+\+\+$")


if __name__ == "__main__":
    main()
