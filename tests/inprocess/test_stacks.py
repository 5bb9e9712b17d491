#!/usr/bin/env python3
"""Calls from the same place with the same stack pointer need not have the same callers."""

import os
import re
import sys

sys.path.insert(0, os.environ["HARNESS"])
from harness import TestCase, main, read_text, scaled, tracee  # noqa: E402


class Stacks(TestCase):
    def check(self, count, *arguments):
        for source in ("line", "stack"):
            for engine in ("inprocess", "ptrace"):
                file = self.dir / "out.txt"
                result = self.sightline(f"--engine={engine}", f"--source={source}", "-f", "-e", "lseek", "-o", file,
                                        tracee("stacks"), *arguments)
                self.assertEqual((result.status, result.err), (0, ""))
                callers = self.callers(read_text(file))
                self.assertEqual(len(callers), count)
                wrong = [(number, name) for number, name in callers if name != ("odd" if number % 2 else "even")]
                self.assertEqual(wrong, [], f"{engine}, {source}")

    @staticmethod
    def callers(text):
        """(number, function) of each call: the function after the arrow, or the first frame outside libc."""
        found = []
        begun = {}  # by thread
        number = None
        for line in text.splitlines():
            if match := re.match(r"(\d+) +lseek\(-1, (\d+), SEEK_SET", line):
                number = int(match[2])
                if line.endswith("<unfinished ...>"):
                    begun[match[1]] = number
                    number = None
            elif match := re.match(r"(\d+) +<... lseek resumed>", line):
                number = begun.pop(match[1])
            if number is not None and (match := re.search(r"\b(even|odd)\b", line)):
                found.append((number, match[1]))
                number = None
        return found

    def test_two_callers(self):
        count = scaled(3000)
        self.check(2 * count, "callers", count)

    def test_two_libraries_at_the_same_place(self):
        count = scaled(60)
        self.check(20 * count, "libraries", tracee("libstacks-even.so"), tracee("libstacks-odd.so"), count)


if __name__ == "__main__":
    main()
