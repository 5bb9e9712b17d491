"""report and annotate: their figures are those of the calls that print and export show, at the lines where they belong."""

import contextlib
import fcntl
import json
import os
import pathlib
import pty
import re
import shutil
import struct
import subprocess
import termios
import unittest

import harness
from harness import DEADLINE, TestCase, main, read_text, tracee

SOURCE = pathlib.Path(os.environ["TRACEE_SOURCES"]) / "lines.cc"
ROW = re.compile(r"^ *([\d.]+) +([\d.]+) +(\d+)(.{10})(.{13})  (.*)$")
GUTTER = re.compile(r"^ *(\d+) +(\d*) +([\d.]+ (?:ns|µs|ms|s)) +([\d.]*[KMG]?) +│ +~?(\d+)(?: (.*))?$")
TRANSFERS = {"read", "write", "pread64", "readv", "writev"}  # those that the program makes


def expected():
    """Name to line of the calls that the program's source marks."""
    return {match[1]: number for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1)
            if (match := re.search(r"// EXPECT (\w+)$", line))}


class Sums:
    def __init__(self):
        self.calls = self.errors = self.time = self.bytes = 0

    def add(self, row):
        self.calls += 1
        self.errors += row["error"] is not None
        self.time += row["dur"]
        if row["name"] in TRANSFERS and row["ret"] is not None and row["ret"] > 0:
            self.bytes += row["ret"]

    def figures(self):
        return self.calls, self.errors, self.bytes


class Reports(TestCase):
    def setUp(self):
        super().setUp()
        directory = pathlib.Path("/tmp/lines-test")
        directory.mkdir(exist_ok=True)
        os.chmod(directory, 0o777)

    def record(self, *options, program="lines"):
        file = self.dir / f"{program}.slt"
        result = self.sightline("record", "-q", *options, "-o", file, tracee(program))
        self.assertEqual((result.status, result.err), (0, ""), result)
        return file

    def fine(self, *arguments, **options):
        result = self.sightline(*arguments, **options)
        self.assertEqual((result.status, result.err), (0, ""), result)
        return result.out

    def calls(self, file):
        """The finished calls of a trace file, from its export."""
        rows = map(json.loads, self.fine("export", "--format=jsonl", file).splitlines())
        return [row for row in rows if row["type"] == "call" and row["dur"] is not None]

    def sums(self, file, key):
        sums = {}
        for row in self.calls(file):
            sums.setdefault(key(row), Sums()).add(row)
        return sums

    def table(self, *arguments):
        """Title to (calls, errors, bytes); the total is called total."""
        rows = {}
        for line in self.fine("report", *arguments).splitlines():
            if match := ROW.match(line):
                self.assertNotIn(match[6], rows)
                rows[match[6]] = (int(match[3]), int(match[4].strip() or 0), int(match[5].strip() or 0))
        return rows

    def test_by_line(self):
        for program in ("lines", "lines-o0"):
            with self.subTest(program):
                file = self.record(program=program)
                table = self.table(file)
                sums = self.sums(file, lambda row: (row["file"], row["line"], row["function"]))
                for (path, line, function), sum_of in sums.items():
                    if path is None:
                        continue
                    title = f"{path}:{line} {function}"
                    if title not in table:
                        title = f"{path}:~{line} {function}"
                    self.assertEqual(table[title], sum_of.figures(), title)
                lines = {int(match[1]) for title in table if (match := re.search(r"lines\.cc:~?(\d+) ", title))}
                self.assertLessEqual(set(expected().values()), lines)
                # What was not opened is an error at its line; what was written, bytes at its.
                for name, place in (("config", "errors"), ("thread", "errors"), ("printed", "bytes"), ("written", "bytes")):
                    found = [row for title, row in table.items() if f"lines.cc:{expected()[name]} " in title]
                    self.assertEqual(len(found), 1, name)
                    self.assertGreater(found[0][1 if place == "errors" else 2], 0, name)

    def test_totals_are_those_of_print(self):
        file = self.record()
        total = self.fine("print", "-c", file).splitlines()[-1].split()
        for by in ("line", "function", "stack"):
            with self.subTest(by):
                result = self.sightline("report", f"--by={by}", file)
                self.assertEqual(result.status, 0, result)
                rows = [match for line in result.out.splitlines() if (match := ROW.match(line))]
                self.assertEqual(rows[-1][6], "total")
                self.assertEqual((rows[-1][2], rows[-1][3], rows[-1][4].strip()), (total[1], total[3], total[4]))
                for column in (3, 4, 5):
                    values = [int(row[column].strip() or 0) for row in rows]
                    self.assertEqual(sum(values[:-1]), values[-1])

    def test_json(self):
        file = self.record()
        report = json.loads(self.fine("report", "--format=json", "--by=function", "--sort=calls", file))
        sums = self.sums(file, lambda row: (row["file"], row["function"]))
        rows = report["rows"]
        self.assertEqual([row["calls"] for row in rows], sorted((row["calls"] for row in rows), reverse=True))
        for row in rows:
            if row["file"] is not None:
                sum_of = sums[row["file"], row["function"]]
                self.assertEqual((row["calls"], row["errors"], row["bytes"]), sum_of.figures())
                self.assertEqual(row["time_ns"], sum_of.time)
        for figure in ("calls", "errors", "time_ns", "bytes"):
            self.assertEqual(sum(row[figure] for row in rows), report["total"][figure])
        cut = json.loads(self.fine("report", "--format=json", "--limit=2", file))
        self.assertEqual(len(cut["rows"]), 2)
        self.assertEqual(cut["total"], report["total"])
        self.assertEqual(sum(row["time_ns"] for row in cut["rows"]) + cut["others"]["time_ns"], cut["total"]["time_ns"])

    def test_folded(self):
        file = self.record("-k")
        stacks = {}
        for line in self.fine("report", "--format=folded", "--sort=calls", file).splitlines():
            stack, count = line.rsplit(" ", 1)
            self.assertNotIn(stack, stacks)
            stacks[stack] = int(count)
        self.assertEqual(sum(stacks.values()), len(self.calls(file)))
        config = [stack.split(";") for stack in stacks if "inventory::read_config" in stack]
        self.assertTrue(config)
        for names in config:
            self.assertLess(names.index("main"), names.index("inventory::read_config"))
        self.assertNotIn("[callers unknown]", "".join(stacks))

    def test_says_when_the_stacks_end_at_the_users_line(self):
        result = self.sightline("report", "--by=stack", self.record())
        self.assertEqual(result.status, 0, result)
        self.assert_one_sentence(result)
        self.assertIn("-k", result.err)

    def test_some_calls_only(self):
        file = self.record()
        failed = [row for row in self.calls(file) if row["error"] is not None]
        self.assertEqual(self.table("-e", "status=failed", file)["total"][:2], (len(failed), len(failed)))
        opened = [row for row in self.calls(file) if row["name"] == "openat"]
        self.assertEqual(self.table("-e", "openat", file)["total"][0], len(opened))
        self.assertEqual(self.total_of_annotate("-e", "openat", file), len(opened))

    def total_of_annotate(self, *arguments):
        """The calls of all blocks, added up."""
        calls = 0
        for line in self.fine("annotate", *arguments).splitlines():
            if match := re.search(r"^\S.*[ :] (\d+) calls?, ", line):
                calls += int(match[1])
        return calls

    def test_annotate(self):
        for program in ("lines", "lines-o0"):
            with self.subTest(program):
                file = self.record(program=program)
                out = self.fine("annotate", file, "lines.cc")
                found, shown = {}, {}
                for line in out.splitlines():
                    if match := GUTTER.match(line):
                        self.assertNotIn(int(match[5]), found)
                        found[int(match[5])] = int(match[1]), int(match[2] or 0), int(match[4] or 0)
                    if match := re.search(r"│ +~?(\d+)(?: (.*))?$", line):
                        shown[int(match[1])] = match[2] or ""
                sums = self.sums(file, lambda row: (pathlib.Path(row["file"] or "").name, row["line"]))
                self.assertEqual(found, {line: sums[name, line].figures() for name, line in sums if name == "lines.cc"})
                self.assertLessEqual(set(expected().values()), set(found))
                text = SOURCE.read_text(encoding="utf-8").splitlines()
                self.assertEqual(shown, dict(enumerate(text, 1)))
                self.assertNotIn("\033", out)
                # Every call is in one block or another.
                self.assertEqual(self.total_of_annotate(file), len(self.calls(file)))

    def test_annotate_only_the_neighbourhood_in_colour(self):
        file = self.record()
        out = self.fine("annotate", "--context=0", "--color=always", file, "lines.cc")
        plain = re.sub(r"\033\[[\d;]*m", "", out)
        self.assertNotEqual(plain, out)
        numbers = {int(match[1]) for line in plain.splitlines() if (match := re.search(r"│ +~?(\d+)", line))}
        self.assertLessEqual(set(expected().values()), numbers)
        self.assertIn("⋮", plain)
        self.assertNotIn("#include", plain)

    def on_a_terminal(self, *arguments, columns=100):
        """What is written to a terminal of that width, whole lines without colours, and whether there were any."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        environment = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        child = self.start([harness.SIGHTLINE, *arguments], stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                           env=environment)
        os.close(theirs)
        out = b""
        with contextlib.suppress(OSError):  # EIO: nobody has the other end any more
            while chunk := os.read(ours, 65536):
                out += chunk
        os.close(ours)
        self.assertEqual(child.wait(DEADLINE), 0, out)
        text = out.decode().replace("\r\n", "\n")
        plain = re.sub(r"\033\[[\d;]*m", "", text)
        return plain.splitlines(), plain != text

    def test_on_a_terminal(self):
        file = self.record()
        for columns in (80, 100):
            lines, colored = self.on_a_terminal("annotate", file, "lines.cc", columns=columns)
            self.assertTrue(colored)
            for line in lines[1:]:  # behind the file's name
                self.assertLessEqual(len(line), columns, line)
            numbers = {int(match[1]) for line in lines if (match := re.search(r"│ +~?(\d+)", line))}
            self.assertLessEqual(set(expected().values()), numbers)
            self.assertNotIn(1, numbers)
        for by in ("line", "function"):
            lines, colored = self.on_a_terminal("report", f"--by={by}", "--limit=3", file)
            self.assertTrue(colored)
            self.assertEqual(len(lines), 8)
            self.assertIn("more; --limit=all", lines[5])
            for line in lines:
                self.assertLessEqual(len(line), 100, line)

    def build_here(self):
        """A copy of the program, built from a source that is the test's to move and change. Its options are the tests'."""
        compiler = shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            self.skipTest("no compiler")
        source = self.dir / "project" / "src" / "app.cc"
        source.parent.mkdir(parents=True)
        source.write_text("#include <unistd.h>\nint main() {\n  write(-1, \"x\", 1);\n  return 0;\n}\n")
        program = self.dir / "project" / "app"
        result = self.run_program([compiler, "-g", "-O0", "-o", program, source])
        self.assertEqual(result.status, 0, result)
        os.utime(source, (1, 1))
        file = self.dir / "app.slt"
        result = self.sightline("record", "-q", "-o", file, program)
        self.assertEqual(result.status, 0, result)
        return source, program, file

    def test_annotate_finds_moved_and_changed_sources(self):
        source, program, file = self.build_here()
        out = self.fine("annotate", file)
        self.assertRegex(out, r"\n +1 +1 [^\n]*│    3   write\(-1")
        self.assertNotIn("newer", out)

        os.utime(source, (program.stat().st_mtime + 5,) * 2)
        self.assertIn("newer than", self.fine("annotate", file))
        os.utime(source, (1, 1))

        # Shorter than it was.
        source.write_text("#include <unistd.h>\n")
        self.assertRegex(self.fine("annotate", file), r"│    3 main \(beyond the end of the file, which has 1 line\)")

        moved = self.dir / "moved"
        (self.dir / "project").rename(moved)
        (moved / "src" / "app.cc").write_text("one\ntwo\nthree\n")
        out = self.fine("annotate", file, cwd="/")
        self.assertIn("--source-map=OLD=NEW", out)
        self.assertRegex(out, r"\n +1 +1 [^\n]*│    3 main")
        for arguments, directory in ((["annotate", file], moved), (["annotate", file], moved / "src"),
                                     (["annotate", f"--source-map={self.dir}/project={moved}", file], "/"),
                                     (["annotate", file, moved / "src" / "app.cc"], "/")):
            self.assertRegex(self.fine(*arguments, cwd=directory), r"\n +1 +1 [^\n]*│    3 three")

    def test_into_a_file(self):
        file, out = self.record(), self.dir / "report.txt"
        self.assertEqual(self.fine("report", "-o", out, file), "")
        self.assertEqual(read_text(out), self.fine("report", file))

    def test_mistakes(self):
        file = self.record()
        for arguments, status in ((["report", "--by=colour", file], 2), (["report", "--sort=name", file], 2),
                                  (["report", "--limit=-1", file], 2), (["report", "--format=folded", "--by=line"], 2),
                                  (["report", "-e", "signal=INT", file], 2), (["annotate", "--context=x", file], 2),
                                  (["annotate", "--source-map=x", file], 2), (["report", self.dir / "none.slt"], 125),
                                  (["annotate", self.dir / "none.slt"], 125), (["annotate", SOURCE], 125),
                                  (["annotate", file, "no_such_source.cc"], 125),
                                  (["report", "-o", self.dir / "none" / "x", file], 125)):
            with self.subTest(arguments):
                result = self.sightline(*arguments)
                self.assertEqual((result.status, result.out), (status, ""), result)
                self.assert_one_sentence(result)
        self.assertIn("sightline.slt", self.sightline("annotate", SOURCE).err)

    def test_recorded_without_sources(self):
        file = self.record("--source=none")
        self.assertEqual(self.table(file)["[no stack]"], self.table(file)["total"])
        self.assertIn("recorded with --source=none", self.fine("annotate", file))

    def test_a_cut_file(self):
        file = self.record()
        whole = file.read_bytes()
        file.write_bytes(whole[:len(whole) - 40])
        for verb in ("report", "annotate"):
            result = self.sightline(verb, file)
            self.assertIn("incomplete", result.err, result)
            self.assert_one_sentence(result)


if __name__ == "__main__":
    main()
