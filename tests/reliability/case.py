"""What the scenarios share: sizes, recordings and their invariants, the numbers that programs left in a trace."""

import json
import mmap
import os
import pathlib
import random
import re
import struct
import subprocess

import test_attach
import test_births
from harness import SIGHTLINE, wait_until

PROGRAMS = pathlib.Path(os.environ.get("RELIABILITY_PROGRAMS", "."))
_MARK = re.compile(rb"^(\d+) +lseek\(-1, (\d+), SEEK_SET(\) += -1 EBADF| <unfinished)")
_FULL = float("inf")


class Case(test_births.Ends, test_attach.AttachCase):
    """A scenario under one engine. Its failures are AssertionErrors."""

    def __init__(self, engine, effort, seed):
        super().__init__("__str__")  # some method: none is run by unittest
        self.engine, self.effort, self.seed = engine, effort, seed
        self.dice = random.Random(seed)
        self.fell_back = set()

    def size(self, usual, full):
        """How often, or how many: `usual` times the effort, at most `full`, which is what is asked for in the end."""
        return full if self.effort == _FULL else max(1, min(full, int(usual * self.effort)))

    # --- Recording ----------------------------------------------------------------------------------------------------

    def record(self, *command, options=(), expect=0, **more):
        """Records, looks whether the trace adds up and which engine it was; returns (Result, what `info` says)."""
        file = self.dir / "run.slt"
        for old in self.dir.glob("run.slt*"):
            old.unlink()
        result = self.sightline("record", "-q", f"--engine={self.engine}", "--source=none", *options, "-o", file, *command,
                                **more)
        self.assertEqual(result.status, expect, result)
        return result, self.check_recording(file)

    def check_recording(self, file, dropped=0):
        info = self.info(file)
        self.assertTrue(info["complete"], info["problem"])
        self.assertEqual(info["entered"], info["spans"] + info["unfinished"] + info["dropped"])
        if dropped is not None:
            self.assertEqual(info["dropped"], dropped)
        self.look_at_engines(info)
        return info

    def info(self, file):
        result = self.sightline("info", "--format=json", file)
        self.assertEqual(result.status, 0, result)
        return json.loads(result.out)

    def look_at_engines(self, info):
        if self.engine == "inprocess":
            self.fell_back |= {p["comm"] for p in info["processes"] if p["engine"] != "in-process"}

    def lines(self, file=None):
        """The lines of the recording, or of a text trace, as bytes; however many there are."""
        if file is not None:
            with open(file, "rb") as stream:
                yield from stream
            return
        with subprocess.Popen([SIGHTLINE, "print", "--source=none", self.dir / "run.slt"], stdout=subprocess.PIPE) as child:
            yield from child.stdout
        self.assertEqual(child.returncode, 0, "print fails")

    def text(self, *command, options=(), expect=0, **more):
        """Traces into a text file, and returns (Result, the file)."""
        file = self.dir / "trace.txt"
        result = self.sightline(f"--engine={self.engine}", "-f", "--source=none", *options, "-o", file, *command, **more)
        self.assertEqual(result.status, expect, result)
        self.assertNotIn("sightline: ", result.err, result)
        return result, file

    # --- What programs left in the trace ------------------------------------------------------------------------------

    @staticmethod
    def marks_in(lines):
        """The marks of each thread, in order. Threads whose ids were used twice are one."""
        result = {}
        for line in lines:
            if match := _MARK.match(line):
                result.setdefault(int(match[1]), []).append(int(match[2]))
        return result

    def assert_same_numbers(self, seen, made):
        self.assertEqual(sorted(seen), sorted(made), "threads")
        for tid, numbers in made.items():
            if seen[tid] != numbers:
                missing = sorted(set(numbers) - set(seen[tid]))
                twice = len(seen[tid]) - len(set(seen[tid]))
                raise AssertionError(f"thread {tid}: {len(missing)} of {len(numbers)} calls missing ({missing[:5]}…), {twice} "
                                     "twice, or out of order")

    # --- Attaching ----------------------------------------------------------------------------------------------------

    def attach(self, pids, *arguments, **options):
        if not any(str(word).startswith("--engine") for word in arguments):
            arguments = (*arguments, f"--engine={self.engine}")
        return super().attach(pids, *arguments, **options)

    def detach(self, tracer, *arguments, **options):
        said = super().detach(tracer, *arguments, **options)
        self.look_at_what_was_said(said)
        return said

    def look_at_what_was_said(self, said):
        match = re.search(r"the in-process engine can't be used here: (.*)", said)
        if match:
            self.fell_back.add(match[1].rstrip())

    def code_of(self, pid):
        """All executable bytes of a process, and where they lie. What the kernel maps itself is the kernel's."""
        found = {}
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in maps:
                span, mode, *_ = line.split()
                if "x" not in mode or line.rstrip().endswith("]"):
                    continue
                start, end = (int(word, 16) for word in span.split("-"))
                memory.seek(start)
                found[start, end] = memory.read(end - start)
        return found

    def counts_of(self, path, size):
        """Shared memory of a program: a function that reads its 64-bit counts."""
        wait_until(lambda: path.exists() and path.stat().st_size >= size, "the counts")
        with open(path, "rb") as file:
            memory = mmap.mmap(file.fileno(), size, prot=mmap.PROT_READ)
        self.addCleanup(memory.close)
        return lambda: struct.unpack_from(f"{size // 8}Q", memory)
