"""Mistakes and broken surroundings: one sentence, the documented status, and the traced program unharmed."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import unittest

from harness import (SIGHTLINE, TestCase, as_nobody, is_alive, is_traced_by, main, needs_root, read_text, status_of, tracer_of,
                     wait_until)

USAGE, FAILURE, NOT_EXECUTABLE, NOT_FOUND = 2, 125, 126, 127


class CommandLine(TestCase):
    def refused(self, status, *arguments, **options):
        result = self.sightline(*arguments, **options)
        self.assertEqual(result.status, status, result)
        self.assert_one_sentence(result)
        return result.err

    def test_usage(self):
        for arguments in ([], ["--nope", "true"], ["-Q", "true"], ["-e", "trace=opne", "true"], ["-s", "x", "true"],
                          ["-p", "x"], ["-p", "1", "true"], ["diff"], ["report", "--by=x"], ["export", "x.slt"], ["-o"],
                          ["--engine=magic", "true"], ["-e", "inject=open:error=EIO", "true"]):
            with self.subTest(arguments):
                self.refused(USAGE, *arguments)

    def test_commands(self):
        self.assertIn("nosuchprogram", self.refused(NOT_FOUND, "nosuchprogram"))
        self.refused(NOT_FOUND, "/nosuch/program")
        self.assertIn("sightline annotate …", self.refused(NOT_FOUND, "-f", "annotate", "true"))
        self.refused(NOT_EXECUTABLE, "/etc/passwd")
        self.refused(NOT_EXECUTABLE, "/")

    def test_output_that_cannot_be_opened(self):
        mark = self.dir / "ran"
        for option in (["-o", "/nosuch/dir/out"], ["-o", str(self.dir)]):
            self.refused(FAILURE, *option, "touch", mark)
            self.refused(FAILURE, "record", *option, "touch", mark)
        self.assertFalse(mark.exists(), "the command ran although its trace had nowhere to go")

    def test_trace_files(self):
        foreign = self.dir / "foreign.slt"
        foreign.write_bytes(b"not a trace at all, but long enough to hold a header " * 10)
        empty = self.dir / "empty.slt"
        empty.write_bytes(b"")
        for verb in (["print"], ["report"], ["annotate"], ["info"], ["export", "--format=jsonl"]):
            for path in (self.dir / "nothing.slt", self.dir, foreign, empty):
                with self.subTest(verb=verb, path=path):
                    self.refused(FAILURE, *verb, path)
        self.refused(USAGE, "export", "--format=nothing", self.record())

    def record(self, *command):
        path = self.dir / "run.slt"
        result = self.sightline("record", "-q", "-o", path, *(command or ("ls", "/")))
        self.assertEqual(result.status, 0, result)
        return path

    def test_cut_trace_file(self):
        whole = self.record().read_bytes()
        cut = self.dir / "cut.slt"
        cut.write_bytes(whole[: len(whole) * 2 // 3])
        result = self.sightline("info", "--format=json", cut)
        self.assertFalse(json.loads(result.out)["complete"])
        result = self.sightline("print", cut)
        self.assert_one_sentence(result)
        self.assertIn("incomplete", result.err)

    def test_an_existing_trace_is_kept(self):
        first = self.record().read_bytes()
        self.record("true")
        self.assertEqual((self.dir / "run.slt.old").read_bytes(), first)

    def test_trace_files_are_private(self):
        self.assertEqual(self.record().stat().st_mode & 0o777, 0o600)


class Attaching(TestCase):
    def refused(self, pid, **options):
        result = self.sightline("-p", pid, **options)
        self.assertEqual(result.status, FAILURE, result)
        self.assert_one_sentence(result)
        return result.err

    def test_no_such_process(self):
        child = self.start(["true"])
        child.wait()
        self.assertIn("no such process", self.refused(child.pid))

    def test_zombie(self):
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.close(read)
        os.close(write)
        wait_until(lambda: status_of(pid).get("State", "").startswith("Z"), "a zombie")
        self.assertIn("ended", self.refused(pid))
        os.waitpid(pid, 0)

    def test_kernel_thread(self):
        if status_of(2).get("Name") != "kthreadd":
            self.skipTest("kernel threads are not visible here")
        self.assertIn("kernel thread", self.refused(2))

    def test_already_traced(self):
        child = self.start(["sleep", "1000"])
        tracer = self.attach(child.pid)
        self.assertIn("already traced", self.refused(child.pid))
        self.detach(tracer)
        self.assertTrue(is_alive(child.pid))

    @needs_root
    def test_of_somebody_else(self):
        self.assertIn("belongs to root", self.refused(os.getpid(), preexec_fn=as_nobody))

    def test_itself(self):
        # The shell becomes sightline, and so knows its process id beforehand.
        result = self.run_program(["sh", "-c", f'exec "{SIGHTLINE}" -p $$'])
        self.assertEqual(result.status, FAILURE, result)
        self.assert_one_sentence(result)
        self.assertIn("itself", result.err)

    def test_one_of_several_is_gone(self):
        gone = self.start(["true"])
        gone.wait()
        child = self.start(["sleep", "1000"])
        tracer = self.start([SIGHTLINE, "-o", self.dir / "out", "-p", f"{gone.pid},{child.pid}"], stderr=subprocess.PIPE)
        wait_until(lambda: is_traced_by(child.pid, tracer.pid), "the other to be traced")
        self.assertIn("no such process", self.detach(tracer))


class Surroundings(TestCase):
    COMMAND = ["sh", "-c", "for i in 1 2 3 4 5 6 7 8 9; do ls / >/dev/null; done; echo finished; exit 7"]

    def check_unharmed(self, result):
        self.assertEqual(result.out, "finished\n", result)
        self.assertEqual(result.status, FAILURE, result)
        self.assertTrue(result.err.startswith("sightline: "), result)
        self.assertRegex(result.err, r"missing")

    def test_full_disk(self):
        self.check_unharmed(self.sightline("-f", "-o", "/dev/full", *self.COMMAND))
        self.check_unharmed(self.sightline("record", "-o", "/dev/full", *self.COMMAND))

    def test_file_size_limit(self):
        import resource

        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

        self.check_unharmed(self.sightline("-f", "-o", self.dir / "out", *self.COMMAND, preexec_fn=limit))

    def test_closed_pipe(self):
        read, write = os.pipe()
        os.close(read)
        result = self.sightline("-f", "-o", f"/dev/fd/{write}", *self.COMMAND, pass_fds=[write])
        os.close(write)
        self.check_unharmed(result)

    def test_the_command_reads_what_we_write(self):
        # The pipe fills, we wait for its reader, the reader waits for us: somebody has to give in.
        pipe = self.dir / "pipe"
        os.mkfifo(pipe)
        keeper = os.open(pipe, os.O_RDWR)
        result = self.sightline("-f", "-o", pipe, sys.executable, "-I", "-c",
                                f"import os\nfor i in range(20000): os.getppid()\n"
                                f"fd = os.open({str(pipe)!r}, os.O_RDONLY | os.O_NONBLOCK)\n"
                                f"os.set_blocking(fd, True)\nprint(len(os.read(fd, 65536)) > 0)")
        os.close(keeper)
        self.assertEqual(result.out, "True\n", result)
        self.assertEqual(result.status, FAILURE, result)

    def test_killed_tracer(self):
        # What it started dies with it; what it attached to lives on; the trace is readable.
        slt = self.dir / "run.slt"
        program = "import os, sys\nprint(os.getpid(), flush=True)\nwhile True: os.getppid()"
        spawned = self.start([SIGHTLINE, "record", "-q", "-o", slt, sys.executable, "-I", "-c", program],
                             stdout=subprocess.PIPE)
        pid = int(spawned.stdout.readline())
        recovered = lambda: json.loads(self.sightline("info", "--format=json", slt).out)["spans"]
        wait_until(lambda: recovered() > 1000, "a part of the trace on disk")
        spawned.kill()
        spawned.wait()
        wait_until(lambda: not is_alive(pid), "the command to die with its tracer")
        info = json.loads(self.sightline("info", "--format=json", slt).out)
        self.assertFalse(info["complete"])
        self.assertGreater(info["spans"], 1000)

        child = self.start(["sleep", "1000"])
        tracer = self.attach(child.pid)
        tracer.kill()
        tracer.wait()
        wait_until(lambda: tracer_of(child.pid) == 0, "the kernel to let go")
        wait_until(lambda: status_of(child.pid)["State"][0] == "S", "it to sleep on")


if __name__ == "__main__":
    main()
