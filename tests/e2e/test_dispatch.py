#!/usr/bin/env python3
"""The dispatch is set as on a kernel before 6.4: by calls in the threads' names. See also the tests that run once more so."""

import os
import signal
import subprocess

os.environ["SIGHTLINE_DISPATCH"] = "prctl"

from harness import TestCase, is_alive, main, scaled, state_of, status_of, tracee, wait_until  # noqa: E402


def code_of(pid):
    """All that is mapped, and what stands in it where it can be executed; but for what the kernel has put there."""
    maps, code = [], []
    with open(f"/proc/{pid}/maps", encoding="ascii") as lines, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in lines:
            addresses, rights, *_ = line.split()
            maps.append(line)
            if rights[2] != "x" or "[v" in line:
                continue
            start, end = (int(word, 16) for word in addresses.split("-"))
            memory.seek(start)
            code.append(memory.read(end - start))
    return maps, code


class ByCall(TestCase):
    def test_registers_are_left_alone(self):
        trace = self.trace("--engine=inprocess", "--source=none", tracee("registers"), scaled(500))
        self.assertEqual(trace.result.out, "unchanged\n")

    def test_registers_and_code_of_what_was_attached_to(self):
        program = self.start([tracee("registers"), 1 << 30], stdout=subprocess.PIPE)
        wait_until(lambda: status_of(program.pid), "the program")
        self.attach_and_let_go(program.pid, [])  # what it has mapped only now is there
        before = code_of(program.pid)
        log = self.dir / "log"
        for options in ([], ["-f"]) * scaled(3):
            self.attach_and_let_go(program.pid, options, log)
            self.assertTrue(is_alive(program.pid), program)
            program.send_signal(signal.SIGSTOP)
            wait_until(lambda: state_of(program.pid) == "T", "the program to stop")
            self.assertEqual(code_of(program.pid), before)
            program.send_signal(signal.SIGCONT)
        # It was done as it was meant to be: as often off as on, and once more for each that has brought the stub in.
        lines = log.read_text().splitlines()
        turned = [sum(f" {program.pid} dispatch {way} by a call" in line for line in lines) for way in ("on", "off")]
        self.assertEqual(turned, [2 * scaled(3), 4 * scaled(3)], "\n".join(lines[:100]))
        self.assertIsNone(program.poll())

    def attach_and_let_go(self, pid, options, log=os.devnull):
        tracer = self.attach(pid, "--engine=inprocess", "--source=none", *options,
                             env={**os.environ, "SIGHTLINE_LOG": "tracer=debug", "SIGHTLINE_LOG_FILE": str(log)})
        wait_until(lambda: (self.dir / "attached.txt").stat().st_size > 100_000, "a part of the trace")
        self.detach(tracer, signal.SIGINT)


if __name__ == "__main__":
    main()
