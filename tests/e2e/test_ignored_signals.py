"""Signals that the in-process engine raises itself are ignored as untraced: tests/tracees/ignores.cc."""

import signal
import subprocess

from harness import DEADLINE, TestCase, main, read_text, status_of, tracee, wait_for_ready, wait_until

RAISED = [signal.SIGSYS, signal.SIGTRAP, signal.SIGSEGV, signal.SIGBUS, signal.SIGILL, signal.SIGFPE]


def ignores_all(pid):
    ignored = int(status_of(pid)["SigIgn"], 16)
    return all(ignored >> (signo - 1) & 1 for signo in RAISED)


def ignore():
    for signo in RAISED:
        signal.signal(signo, signal.SIG_IGN)


class IgnoredSignals(TestCase):
    def attached(self):
        child = self.start([tracee("ignores"), "1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        wait_for_ready(child)
        # Now and then it does something else for a moment.
        wait_until(lambda: ignores_all(child.pid), "them to be ignored")
        return child

    def end(self, child):
        out, _ = child.communicate(timeout=DEADLINE)
        self.assertEqual((child.returncode, out.split()[-2:]), (0, [b"as", b"untraced"]))

    def run_traced(self, *arguments, **options):
        for follow in ([], ["-f"]):
            with self.subTest(follow):
                result = self.sightline(*follow, "-o", self.dir / "trace.txt", *arguments, **options)
                self.assertEqual((result.status, result.err), (0, ""), result)
                yield follow, result.out

    def test_by_itself(self):
        for _, out in self.run_traced(tracee("ignores"), "0"):
            self.assertIn("as untraced", out)

    def test_from_the_start(self):
        for _, out in self.run_traced(tracee("ignores"), "0", preexec_fn=ignore):
            self.assertIn("as untraced", out)

    def test_left_to_others(self):
        """Programs that ours starts and that are not followed: they are let go with what they inherit."""
        command = ["sh", "-c", "ls / >/dev/null; sed -n /SigIgn/p /proc/self/status; exec true"]
        for follow, out in self.run_traced(*command, preexec_fn=ignore):
            ignored = int(out.split()[1], 16)
            if not follow:
                self.assertEqual([signo for signo in RAISED if not ignored >> (signo - 1) & 1], [])

    def test_attached_and_let_go(self):
        child = self.attached()
        for _ in range(3):
            tracer = self.attach([child.pid], "-f")
            wait_until(lambda: read_text(self.dir / "attached.txt").count("SIGFPE") > 3, "a round")
            self.detach(tracer)
            wait_until(lambda: ignores_all(child.pid), "what is ignored to be so again")
        self.end(child)

    def test_ended_while_attached(self):
        child = self.attached()
        tracer = self.attach([child.pid])
        wait_until(lambda: read_text(self.dir / "attached.txt").count("SIGFPE") > 3, "a round")
        self.end(child)
        self.assertEqual(tracer.wait(DEADLINE), 0)


if __name__ == "__main__":
    main()
