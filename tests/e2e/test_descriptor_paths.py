#!/usr/bin/env python3
"""-y: each engine looks up in its own way what descriptors refer to, and both have to say the same."""

import re
import shutil

from harness import TestCase, main, needs_root, scaled, tracee

_PROC = re.compile(r"/proc/\d+")
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_INODE = re.compile(r"(?<=:\[)\d+")
_IDS = re.compile(r"(?<=pidfd_open\()\d+")


def steady(calls, names):
    """The calls, less what differs from run to run. The same inode stays the same."""
    lines = []
    for call in calls:
        line = f"{call.name}({call.arguments}) = {call.result}".replace(250 * "n", "LONG")
        line = _IDS.sub("ID", _ADDRESS.sub("ADDRESS", _PROC.sub("/proc/ID", line)))
        lines.append(_INODE.sub(lambda inode: names.setdefault(inode[0], f"#{len(names)}"), line))
    return lines


class DescriptorPaths(TestCase):
    def run_with(self, engine, what, *arguments, calls="trace=%desc,%file,%network", options=()):
        directory = self.dir / "place"
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        # trace() sees to it that nothing was left to the other engine.
        return self.trace(f"--engine={engine}", "--source=none", "-y", *options, "-e", calls,
                          tracee("descriptor_paths"), what, directory, *arguments)

    def compare(self, what, **options):
        """Thread by thread, in the order of their births."""
        seen = []
        for engine in ("ptrace", "inprocess"):
            trace = self.run_with(engine, what, **options)
            names = {}
            threads = []
            for calls in trace.by_thread().values():
                # What comes before a mark is waiting.
                start = next((i for i, call in enumerate(calls)
                              if call.name == "lseek" and call.arguments.startswith("-1, 1,")), 0)
                threads.append(steady(calls[start:], names))
            seen.append(threads)
        self.assertEqual(*seen)
        return seen[1]

    def assert_has(self, lines, pattern):
        self.assertTrue(any(re.search(pattern, line) for line in lines), pattern + "\n" + "\n".join(lines))

    def test_kinds(self):
        for options in ([], ["-s0"], ["-k"], ["--ring-size=64K"]):
            with self.subTest(options):
                [lines] = self.compare("kinds", options=options)
                here = re.escape(str(self.dir / "place"))
                for pattern in (f"openat\\(AT_FDCWD<{here}>, .* = 3<{here}>$", f"^dup2\\(5<{here}/file>, 70\\) = 70<{here}/file>", f"^fcntl\\(70<{here}/file>, F_DUPFD, 80\\) = 80<{here}/file>",
                                f"^fstat\\(4<{here}/renamed>\\(deleted\\)|^newfstatat\\(4<{here}/renamed>\\(deleted\\)",
                                f"fstat(at)?\\(4<{here}/other \\(deleted\\)>[^(]", f"fstat(at)?\\(4<{here}/other \\(deleted\\)>\\(deleted\\)",
                                f"unlinkat\\(AT_FDCWD<{here}/directory>,", f"fstatat\\(AT_FDCWD<{here}/directory>\\(deleted\\),",
                                "^read\\(999, ", "^write\\(5<pipe:\\[#\\d+\\]>", "accept\\(4<.*socket:\\[#\\d+\\].*> *, NULL, NULL\\) = 6<",
                                "= \\d<anon_inode:\\[eventfd\\]>", "= \\d</memfd:some memory>\\(deleted\\)"):
                    self.assert_has(lines, pattern)
                self.assert_has(lines, f"^mkdirat\\(\\d<{here}{15 * '/LONG'}>, \"LONG\"")
                self.assert_has(lines, "^openat\\(\\d+, \"LONG\"")  # too long for the kernel to say

    def test_threads_and_children(self):
        threads = self.compare("threads")
        self.assertEqual(len(threads), 5)
        main_thread, shares, has_its_own, child, last = threads
        self.assert_has(shares, "/inherited>")
        self.assert_has(has_its_own, "fstat(at)?\\(3<.*/in its place>")
        self.assert_has(main_thread[-20:], "fstat(at)?\\(3<.*/inherited>")
        self.assert_has(child, "fstatat\\(AT_FDCWD</>, \"proc\"")
        self.assert_has(last, "^close\\(\\d<.*/after the leader>\\) = 0")

    @needs_root
    def test_another_root_directory(self):
        threads = self.compare("root", calls="trace=openat,newfstatat,fstat,chroot,chdir,fchdir,close,unlink,unshare")
        here = re.escape(str(self.dir / "place"))
        # As they look from outside.
        self.assert_has(threads[0], f"fstat(at)?\\(\\d<{here}/inside/file>\\(deleted\\)")
        self.assert_has(threads[0], f"openat\\(AT_FDCWD<{here}/inside>, .* = \\d<{here}/inside/file>")
        self.assert_has(threads[2], f"fstat(at)?\\(3<{here}/before>")

    def test_signals_meanwhile(self):
        self.check_signals(scaled(20000))

    @needs_root
    def test_signals_below_another_root_directory(self):
        self.check_signals(scaled(5000), "elsewhere")

    def check_signals(self, rounds, *elsewhere):
        trace = self.run_with("inprocess", "signals", rounds, *elsewhere, calls="trace=dup,lseek,close,fcntl")
        here = self.dir / "place"
        self.assertEqual(trace.open_calls, {})
        ticks = int(re.fullmatch(r"ticks (\d+)\n", trace.result.out)[1])
        in_handler = [call for call in trace.of("fcntl") if "F_GETFD" in call.arguments and "for the handler" in call.arguments]
        self.assertEqual(len(in_handler), ticks)
        self.assertEqual({call.arguments for call in in_handler}, {f"3<{here}/for the handler>, F_GETFD"})
        self.assertEqual(len([signal for signal in trace.signals if signal[1] == "SIGALRM"]), ticks)
        pumping = [calls for calls in trace.by_thread().values() if any(call.name == "dup" for call in calls)]
        self.assertEqual(len(pumping), 2)
        for number, calls in enumerate(pumping):
            mine = [call for call in calls if f"{here}/pump " in call.arguments]
            path = re.search(r"<(.*?)>", mine[0].arguments)[1]
            self.assertIn(path, (f"{here}/pump 0", f"{here}/pump 1"))
            # A call that a signal kept from beginning stands there twice, and was made once.
            done = [call for call in mine if not call.result.startswith("? ERESTART")]
            self.assertEqual([call.name for call in done], ["dup", "lseek", "close"] * rounds)
            for i, (dup, seek, close) in enumerate(zip(*3 * [iter(done)])):
                self.assertRegex(dup.arguments, f"^\\d+<{re.escape(path)}>$")
                self.assertRegex(dup.result, f"^\\d+<{re.escape(path)}>$")
                copy = dup.result
                self.assertEqual((seek.arguments, seek.result), (f"{copy}, {i}, SEEK_SET", str(i)))
                self.assertEqual((close.arguments, close.result), (copy, "0"))


if __name__ == "__main__":
    main()
