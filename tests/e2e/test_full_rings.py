"""Rings that are full: threads that wait, calls that are given up and counted, and the flight recorder."""

import json
import os
import re
import signal
import subprocess
import sys

from harness import SIGHTLINE, TestCase, Trace, main, marks, scaled, tracee, wait_until

# Makes calls for ever, and says how far it is.
BUSY = """
import os, sys
print(os.getpid(), flush=True)
while True: os.getppid()
"""


class FullRings(TestCase):
    CALLS = scaled(6000)

    def info(self, file):
        return json.loads(self.sightline("info", "--format=json", file).out)

    def while_nobody_reads(self, *options):
        """Traces into a pipe that is not read before the command has ended. Returns the lines and the result."""
        pipe = self.dir / "pipe"
        os.mkfifo(pipe)
        ended = self.dir / "ended"
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        tracer = self.start([SIGHTLINE, "-f", *options, "-o", pipe, "sh", "-c",
                             f"{tracee('counter')} threads 1 {self.CALLS} && touch {ended}"],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        wait_until(ended.exists, "the command to end")
        os.set_blocking(reader, True)
        with os.fdopen(reader, encoding="utf-8", errors="replace") as stream:
            text = stream.read()
        out, err = tracer.communicate()
        self.assertEqual(tracer.returncode, 0, err)
        return text, out, err

    def test_dropped_calls_are_counted(self):
        text, out, err = self.while_nobody_reads("--on-full=drop", "--ring-size=64K")
        told = re.fullmatch(r"sightline: (\d+) of (\d+) calls were dropped, because rings were full; .*\n", err)
        self.assertTrue(told, err)
        dropped, entered = int(told[1]), int(told[2])
        self.assertGreater(dropped, 0)
        lost = [int(n) for n in re.findall(r"^sightline: (\d+) calls of \d+ lost: the ring was full$", text, re.M)]
        self.assertEqual(sum(lost), dropped)
        trace = Trace(text)
        self.assertEqual(len(trace.calls), entered - dropped)
        (made,) = (int(line.split()[2]) for line in out.splitlines())
        self.assertEqual(made, self.CALLS)
        for numbers in marks(trace).values():
            self.assertEqual(numbers, sorted(set(numbers)))

    def test_flight_recorder_keeps_the_last(self):
        file = self.dir / "run.slt"
        result = self.sightline("record", "--on-full=overwrite", "--ring-size=64K", "--source=none", "-o", file,
                                tracee("counter"), "threads", 1, self.CALLS)
        self.assertEqual(result.status, 0, result)
        info = self.info(file)
        self.assertTrue(info["complete"])
        self.assertGreater(info["dropped"], 0)
        self.assertEqual(info["entered"], info["spans"] + info["unfinished"] + info["dropped"])
        self.assertIn(f"of {info['entered']} calls the last {info['spans'] + info['unfinished']} were kept", result.err)
        text = self.sightline("print", file).out
        numbers = [int(n) for n in re.findall(r"lseek\(-1, (\d+), SEEK_SET", text)]
        self.assertGreater(len(numbers), 10)
        self.assertEqual(numbers, list(range(self.CALLS - len(numbers), self.CALLS)))
        for form in ("jsonl", "chrome"):
            exported = self.sightline("export", f"--format={form}", file).out
            self.assertIn("overwritten by later ones", exported)

    def test_flight_recorder_of_many_threads(self):
        file = self.dir / "run.slt"
        result = self.sightline("record", "-q", "--on-full=overwrite", "--ring-size=64K", "-o", file, tracee("counter"),
                                "threads", 100, scaled(200))
        self.assertEqual(result.status, 0, result)
        info = self.info(file)
        self.assertGreater(info["dropped"], 0)
        self.assertGreaterEqual(info["entered"], 100 * scaled(200))
        self.assertEqual(info["entered"], info["spans"] + info["unfinished"] + info["dropped"])

    def test_dump_when_asked(self):
        file = self.dir / "run.slt"
        program = self.start([sys.executable, "-I", "-c", BUSY], stdout=subprocess.PIPE)
        pid = int(program.stdout.readline())
        tracer = self.attach(pid, "record", "-q", "--on-full=overwrite", file=file)
        spans = 0

        def dumped_more():
            # Again each time: the signal may come before the first call.
            tracer.send_signal(signal.SIGUSR2)
            return self.info(file)["spans"] > spans

        for _ in range(3):
            wait_until(dumped_more, "the rings to be dumped")
            spans = self.info(file)["spans"]
            self.assertFalse(self.info(file)["complete"])
        self.detach(tracer)
        self.assertIsNone(program.poll())
        self.assertTrue(self.info(file)["complete"])
        program.kill()

    def test_dump_when_a_program_is_killed(self):
        file = self.dir / "run.slt"
        program = ("import os, sys\nif os.fork() == 0: os.abort()\n"
                   "os.wait(); print('waiting', flush=True); sys.stdin.read()")
        tracer = self.start([SIGHTLINE, "record", "-q", "--on-full=overwrite", "-o", file, sys.executable, "-I", "-c",
                             program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.assertEqual(tracer.stdout.readline(), b"waiting\n")
        wait_until(lambda: "+++ killed by SIGABRT" in self.sightline("print", file).out, "the dump")
        self.assertIn("SIGABRT", self.sightline("print", file).out)
        self.assertIsNone(tracer.poll())
        tracer.stdin.close()
        self.assertEqual(tracer.wait(), 0)

    def test_sizes(self):
        for size in ("1", "63K", "2G", "x", "12X", "-1", "1.5M"):
            with self.subTest(size):
                result = self.sightline(f"--ring-size={size}", "true")
                self.assertEqual(result.status, 2)
                self.assert_one_sentence(result)
        for size in ("64K", "100000", "1M", "low-latency"):
            with self.subTest(size):
                result = self.sightline(f"--ring-size={size}", "-o", "/dev/null", "true")
                self.assertEqual((result.status, result.err), (0, ""))
        for command in (["--on-full=overwrite", "true"], ["--on-full=lose", "true"]):
            result = self.sightline(*command)
            self.assertEqual(result.status, 2)
            self.assert_one_sentence(result)


if __name__ == "__main__":
    main()
