#!/usr/bin/env python3
"""Programs whose code changes while its call sites are patched, and calls from places with hardly any room."""

import os
import sys

sys.path.insert(0, os.environ["HARNESS"])
from harness import TestCase, main, scaled, tracee  # noqa: E402


class Code(TestCase):
    def check(self, *arguments, program="code", options=("--source=none",), before=()):
        trace = self.trace("--engine=inprocess", *options, "-e", "getppid", *before, tracee(program), *arguments)
        # The program has counted its calls, and looked at what each gave. What a signal keeps from beginning begins again.
        calls = [call for call in trace.of("getppid") if "ERESTARTNOINTR" not in call.result]
        self.assertEqual(len(calls), int(trace.result.out))
        self.assertEqual(trace.open_calls, {})

    def test_many_threads_at_a_site_that_is_patched(self):
        for _ in range(scaled(3)):
            self.check("crowd", 64, 20)

    def test_a_library_comes_and_goes(self):
        self.check("library", tracee("libcode.so"), scaled(100))

    def test_code_is_rewritten(self):
        self.check("rewritten", scaled(100))

    def test_code_is_moved(self):
        self.check("moved")

    def test_code_that_others_see_is_left_alone(self):
        self.check("shared")

    def test_other_memory_takes_the_place_of_code(self):
        for threads in (1, 8):
            for options in (["--source=none"], []):
                with self.subTest(threads=threads, options=options):
                    self.check("replaced", threads, scaled(100), options=options)

    def test_code_in_the_heap(self):
        self.check("heap_code", scaled(50))

    def test_children_have_code_of_their_own(self):
        self.check("forked", scaled(10), options=["--source=none"])

    def test_a_site_at_the_end_of_a_page(self):
        self.check("page_end", 5, program="corners")

    def test_stacks_without_room(self):
        for what in (["little_stack"], ["overflow", scaled(3)], ["on_stack", scaled(50)]):
            for options in (["--source=none"], []):
                with self.subTest(what=what, options=options):
                    self.check(*what, program="corners", options=options)

    def test_an_empty_environment(self):
        self.check("crowd", 1, 5, before=["env", "-i"])

    def test_the_heap_can_grow(self):
        for program in ("code", "code-static"):
            if not os.path.exists(tracee(program)):
                continue
            with self.subTest(program):
                self.check("heap", 200, program=program)


if __name__ == "__main__":
    main()
