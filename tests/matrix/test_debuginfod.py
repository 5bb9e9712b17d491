"""Debug information from debuginfod: asked for in the background, used for the calls that come after, only if wanted."""

import contextlib
import functools
import http.server
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import builds  # noqa: E402
import lines  # noqa: E402

DEADLINE = lines.TIMEOUT


def has_client():
    try:
        return "libdebuginfod.so.1" in subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout
    except OSError:
        return False


class Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, form, *arguments):
        self.server.asked.append(self.path)


@unittest.skipUnless(has_client(), "libdebuginfod is not installed")
class Debuginfod(unittest.TestCase):
    def setUp(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="sightline-debuginfod-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        try:
            self.program = builds.compiled("gcc", "waits.c", ["-g", "-w", "-O2"], self.directory)
            identity = builds.build_id(self.program)
        except builds.NotHere as why:
            self.skipTest(str(why))
        self.debug = self.directory / "served" / "buildid" / identity / "debuginfo"
        builds.keep_debug(self.program, self.debug)
        builds.run(["strip", "--strip-all", self.program], self.directory)
        self.line = lines.marks_of("waits.c")["asked"].line
        self.out = self.directory / "out"
        self.stop = self.directory / "stop"

    def serve(self):
        handler = functools.partial(Server, directory=str(self.directory / "served"))
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()

        def end():
            server.shutdown()
            server.server_close()
            thread.join()

        self.addCleanup(end)
        return server

    def start(self, urls, *options, verb=()):
        environment = {**os.environ, "DEBUGINFOD_URLS": urls, "DEBUGINFOD_CACHE_PATH": str(self.directory / "cache"),
                       "no_proxy": "127.0.0.1"}
        child = subprocess.Popen([lines.SIGHTLINE, *verb, "--source=line", *options, "-o", str(self.out),
                                  str(self.program), str(self.stop)], env=environment, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

        def end():
            self.stop.touch()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.communicate(timeout=DEADLINE)
            child.kill()
            child.wait()

        self.addCleanup(end)
        return child

    def calls(self):
        text = self.out.read_text(encoding="utf-8", errors="replace") if self.out.exists() else ""
        return [line for line in text.splitlines() if "/matrix/asked" in line]

    def wait_for(self, condition, what):
        end = time.monotonic() + DEADLINE
        while not condition():
            self.assertLess(time.monotonic(), end, f"waited in vain for {what}: {self.calls()[-1:]}")
            time.sleep(0.02)

    def finish(self, child):
        self.stop.touch()
        _, err = child.communicate(timeout=DEADLINE)
        self.assertEqual(child.returncode, 0, err)

    def reason(self):
        """Why the program has no lines, as its trace file tells."""
        out = subprocess.run([lines.SIGHTLINE, "info", str(self.out)], capture_output=True, text=True, check=True).stdout
        return next((line for line in out.splitlines() if str(self.program) in line and "no lines" in line), out)

    def with_line(self):
        return [call for call in self.calls() if re.search(rf"← (\S*/)?waits\.c:{self.line} ask$", call)]

    def test_lines_come_once_the_file_has(self):
        server = self.serve()
        child = self.start(f"http://127.0.0.1:{server.server_address[1]}", "--debuginfod")
        self.wait_for(self.with_line, "a line")
        self.finish(child)
        calls = self.calls()
        # Not only one of them, and never lost again.
        self.assertEqual(calls[-len(self.with_line()):], self.with_line())
        self.assertTrue(any(self.debug.parent.name in path for path in server.asked), server.asked)

    def test_nobody_is_asked_unless_wanted(self):
        server = self.serve()
        child = self.start(f"http://127.0.0.1:{server.server_address[1]}")
        self.wait_for(lambda: len(self.calls()) > 50, "calls")
        self.finish(child)
        self.assertEqual((self.with_line(), server.asked), ([], []))

    def test_a_server_that_is_silent_holds_nothing_up(self):
        with socket.create_server(("127.0.0.1", 0)) as listening:
            child = self.start(f"http://127.0.0.1:{listening.getsockname()[1]}", "--debuginfod", verb=["record", "-q"])
            listening.settimeout(DEADLINE)
            connection, _ = listening.accept()  # it was asked, and never answers
            self.finish(child)
            connection.close()
        self.assertIn("no debug information, and debuginfod has not answered in time", self.reason())

    def test_it_says_why_there_is_none(self):
        server = self.serve()
        self.debug.unlink()
        self.stop.touch()
        for urls, reason in {f"http://127.0.0.1:{server.server_address[1]}": "debuginfod does not have it",
                             "": "DEBUGINFOD_URLS names no server"}.items():
            with self.subTest(reason):
                self.finish(self.start(urls, "--debuginfod", verb=["record", "-q"]))
                # Whether the answer was there by the end is the server's matter.
                self.assertRegex(self.reason(), rf"no debug information, and .*({reason}|has not answered in time)")


if __name__ == "__main__":
    unittest.main(verbosity=2)
