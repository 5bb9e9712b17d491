"""Handlers of the signals that the in-process engine raises itself, and signal masks: tests/tracees/handles.cc."""

import subprocess

from harness import DEADLINE, TestCase, main, read_text, scaled, tracee, wait_until


class HandledSignals(TestCase):
    def check(self, *arguments):
        for follow in ([], ["-f"]):
            with self.subTest(follow):
                result = self.sightline(*follow, "-o", self.dir / "trace.txt", tracee("handles"), *arguments)
                self.assertEqual((result.status, result.out, result.err), (0, "as untraced\n", ""), result)

    def test_while_others_block_them(self):
        self.check("signals", str(scaled(50)))

    def test_masks(self):
        self.check("masks")

    def test_pending(self):
        self.check("pending")

    def test_attached_and_let_go(self):
        child = self.start([tracee("handles"), "signals", "0"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(scaled(5)):
            tracer = self.attach([child.pid], "-f")
            wait_until(lambda: read_text(self.dir / "attached.txt").count("--- SIGTRAP") > 3, "signals")
            self.detach(tracer)
        out, _ = child.communicate(timeout=DEADLINE)
        self.assertEqual((child.returncode, out), (0, b"as untraced\n"))


if __name__ == "__main__":
    main()
