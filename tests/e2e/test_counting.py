"""Every call of every thread is in the trace, once, in order: the program counts its own calls, each with a number."""

import unittest

from harness import SCALE, TestCase, main, marks, scaled, tracee


class Counting(TestCase):
    def check(self, kind, n, calls, *options):
        trace = self.trace(*options, tracee("counter"), kind, n, calls)
        made = {}
        for line in trace.result.out.splitlines():
            index, tid, count = map(int, line.split())
            self.assertEqual(count, calls)
            made[tid] = [(index << 32) + i for i in range(count)]
        self.assertEqual(len(made), n)
        seen = marks(trace)
        self.assertEqual(sorted(seen), sorted(made))
        for tid, numbers in made.items():
            if seen[tid] != numbers:
                missing = sorted(set(numbers) - set(seen[tid]))
                extra = len(seen[tid]) - len(set(seen[tid]))
                self.fail(f"thread {tid}: {len(missing)} calls missing ({missing[:5]}…), {extra} twice, or out of order")
        for call in trace.of("lseek"):
            if call.arguments.endswith("SEEK_SET") and call.arguments.startswith("-1,"):
                self.assertTrue(call.result.startswith("-1 EBADF"), call)
        self.assertFalse(trace.open_calls)

    def test_1_thread(self):
        self.check("threads", 1, scaled(15000))

    def test_8_threads(self):
        self.check("threads", 8, scaled(3000))

    def test_64_threads(self):
        self.check("threads", 64, scaled(300))

    def test_8_processes(self):
        self.check("processes", 8, scaled(2000))

    def test_64_processes(self):
        self.check("processes", 64, scaled(200))

    def test_with_the_source_lines(self):
        self.check("threads", 8, scaled(300), "--source=stack")

    @unittest.skipUnless(SCALE >= 10, "only with SIGHTLINE_TEST_SCALE=10 or more")
    def test_1000_threads(self):
        self.check("threads", 1000, scaled(100))


if __name__ == "__main__":
    main()
