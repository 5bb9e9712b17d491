"""The promise: each call names the line of the program's own source, in the live text and in every export."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from harness import TestCase, main, read_text, tracee

SOURCE = pathlib.Path(os.environ["TRACEE_SOURCES"]) / "lines.cc"
NAMES = ["config", "log", "written", "printed", "thread", "child"]


def expected():
    lines = {}
    for number, line in enumerate(SOURCE.read_text(encoding="utf-8").splitlines(), 1):
        if match := re.search(r"// EXPECT (\w+)$", line):
            lines[match[1]] = number
    assert sorted(lines) == sorted(NAMES), lines
    return lines


def name_of(text):
    """Which of the marked calls a call with these decoded arguments is."""
    if match := re.search(r'/lines-test/(\w+)"', text):
        return match[1]
    match = re.search(r'"(printed|written)', text)
    return match[1] if match else None


class Lines(TestCase):
    def setUp(self):
        super().setUp()
        directory = pathlib.Path("/tmp/lines-test")
        directory.mkdir(exist_ok=True)
        os.chmod(directory, 0o777)

    def check(self, found):
        for name, line in expected().items():
            self.assertIn(name, found)
            file, at = found[name]
            self.assertEqual((pathlib.Path(file).name, at), ("lines.cc", line), name)

    def test_live_text(self):
        for program in ("lines", "lines-o0"):
            with self.subTest(program):
                result = self.sightline("-f", tracee(program))
                self.assertEqual(result.status, 0, result)
                found = {}
                begun = {}  # by thread: what a line that another thread interrupted had shown
                for line in result.err.splitlines():
                    thread = match[1] if (match := re.match(r"\[pid +(\d+)\] ", line)) else None
                    if line.endswith("<unfinished ...>"):
                        begun[thread] = line
                        continue
                    if " resumed>" in line:
                        line = begun.pop(thread, begun.pop(None, "")) + line
                    match = re.search(r" ← (\S+):(\d+) (\S.*)$", line)
                    if match and (name := name_of(line)):
                        found[name] = (match[1], int(match[2]))
                self.check(found)

    def test_whose_line(self):
        directory = str(SOURCE.resolve().parent)
        place = lambda *options: [line for line in self.sightline(*options, tracee("lines")).err.splitlines()
                                  if '/lines-test/config"' in line][0]
        line = expected()["config"]
        self.assertIn(f"lines.cc:{line} ", place())
        self.assertIn(f"← /elsewhere/lines.cc:{line} ", place(f"--source-map={directory}=/elsewhere"))
        # Nothing of it is ours: then the line is no line of it.
        self.assertNotIn(f"lines.cc:{line} ", place(f"--lib-prefix={os.path.dirname(tracee('lines'))}"))
        result = self.sightline("--source-map=nothing", "true")
        self.assertEqual(result.status, 2)
        self.assert_one_sentence(result)

    @unittest.skipUnless(shutil.which("node"), "node is not installed")
    def test_code_that_lies_in_no_file(self):
        script = self.dir / "load.js"
        script.write_text("const fs = require('fs');\n\nfunction load(name) {\n  try { fs.readFileSync(name); } catch {}\n}\n"
                          "for (let i = 0; i < 3000; i++) load('/none-such');\n", encoding="ascii")
        node = os.path.realpath(shutil.which("node"))
        result = self.sightline(f"--lib-prefix={node}", "-e", "trace=open,openat", "-s", "5", node, "--perf-basic-prof",
                                "--interpreted-frames-native-stack", "--no-opt", script, cwd=self.dir)
        self.assertEqual(result.status, 0, result)
        for name in re.findall(r'openat\(AT_FDCWD, "(/tmp/perf-\d+\.map)", O_[^)]*\) = \d', result.err):
            os.unlink(name)
        lines = [line for line in result.err.splitlines() if '"/none-such"' in line]
        self.assertGreaterEqual(len(lines), 3000)
        named = [line for line in lines if re.search(r" ← (\S*/)?load\.js:3 load \(guessed\)$", line)]
        self.assertGreater(len(named), 2900, lines[-1])  # not before V8 has written where the code lies

    def test_not_in_a_file_unless_asked_for(self):
        file = self.dir / "out"
        self.sightline("-f", "-o", file, tracee("lines"))
        self.assertNotIn("←", read_text(file))
        self.sightline("-f", "--source=line", "-o", file, tracee("lines"))
        self.assertIn("← ", read_text(file))

    def test_whole_stacks(self):
        result = self.sightline("-f", "-k", tracee("lines"))
        self.assertEqual(result.status, 0, result)
        after = result.err.split('/lines-test/config"', 1)[1].split("\n")[1:]
        stack = []
        for line in after:
            if not line.startswith(" > "):
                break
            stack.append(line)
        self.assertTrue(any("libc.so.6" in frame for frame in stack), stack)
        mine = [frame for frame in stack if "lines.cc" in frame]
        self.assertIn("inventory::read_config", mine[0])
        self.assertIn("main", mine[1])

    def record(self):
        file = self.dir / "run.slt"
        result = self.sightline("record", "-q", "-o", file, tracee("lines"))
        self.assertEqual((result.status, result.err), (0, ""), result)
        return file

    def test_jsonl(self):
        result = self.sightline("export", "--format=jsonl", self.record())
        self.assertEqual(result.status, 0, result)
        found = {}
        for row in map(json.loads, result.out.splitlines()):
            if row["type"] != "call":
                continue
            for key in ("pid", "tid", "comm", "nr", "name", "start", "dur", "args", "ret", "error", "file", "line",
                        "function", "stack"):
                self.assertIn(key, row)
            self.assertIsInstance(row["start"], int)
            if name := name_of(" ".join(argument["text"] for argument in row["args"])):
                if row["file"]:
                    found[name] = (row["file"], row["line"])
                    frame = next(f for f in row["stack"] if f["file"] == row["file"] and f["line"] == row["line"])
                    self.assertEqual(frame["function"], row["function"])
        self.check(found)

    def test_chrome(self):
        result = self.sightline("export", "--format=chrome", self.record())
        events = json.loads(result.out)
        events = events["traceEvents"] if isinstance(events, dict) else events
        found = {}
        for event in events:
            if event["ph"] == "X" and "src" in event.get("args", {}):
                if name := name_of(json.dumps(event["args"]).replace('\\"', '"')):
                    file, line = event["args"]["src"].rsplit(":", 1)
                    found[name] = (file, int(line))
        self.check(found)

    def test_perfetto(self):
        out = self.dir / "run.pftrace"
        result = self.sightline("export", "--format=perfetto", "-o", out, self.record())
        self.assertEqual(result.status, 0, result)
        text = subprocess.run(["protoc", "--decode_raw"], stdin=open(out, "rb"), capture_output=True, check=True,
                              text=True).stdout
        sources = {int(m[1]) for m in re.finditer(r'"[^"]*lines\.cc:(\d+)"', text)}
        self.assertLessEqual(set(expected().values()), sources)

    def test_print_shows_what_live_text_shows(self):
        file = self.record()
        result = self.sightline("print", file)
        self.assertEqual(result.status, 0, result)
        found = {}
        begun = {}  # by thread: a call may be in two lines, the first with its name, the second with its source
        for line in result.out.splitlines():
            tid = line.split(" ", 1)[0]
            name = name_of(line)
            if line.endswith("<unfinished ...>"):
                begun[tid] = name
                continue
            if " resumed>" in line:
                name = begun.pop(tid, None)
            match = re.search(r" ← (\S+):(\d+) (\S.*)$", line)
            if match and name:
                found[name] = (match[1], int(match[2]))
        self.check(found)


if __name__ == "__main__":
    main()
