#!/usr/bin/env python3
"""Tests tracer/syscalls/update.py and generate.py on a copy of the tables.

    update_test.py FOLDER-OF-THE-TABLES
"""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TABLES = os.path.abspath(sys.argv.pop(1))
TABLE_FILES = ("x86_64.tbl", "i386.tbl", "subcalls.tbl", "types.tbl", "calls.tbl", "calls_i386.tbl")

PROTOTYPES = """
struct frob;
/* asmlinkage long sys_commented(int fd); */
asmlinkage long sys_frobnicate(int dfd, const char __user *filename,
\t\t\t       struct frob __user *arg, size_t usize,
\t\t\t       unsigned int flags);
asmlinkage long sys_frob_wait(void);
asmlinkage long sys_shutdown(int, int);
"""


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


class TableTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        self.tables = os.path.join(self.folder, "tables")
        os.mkdir(self.tables)
        for name in TABLE_FILES:
            shutil.copy(os.path.join(TABLES, name), self.tables)
        self.tree = os.path.join(self.folder, "linux")
        self.kernel_tables(self.path("x86_64.tbl"), self.path("i386.tbl"))

    def path(self, name):
        return os.path.join(self.tables, name)

    def contents(self):
        return {name: read(self.path(name)) for name in TABLE_FILES}

    def kernel_tables(self, table64, table32, more64="", more32=""):
        """A kernel tree that says what the snapshots say, and more."""
        folder = os.path.join(self.tree, "arch/x86/entry/syscalls")
        write(os.path.join(folder, "syscall_64.tbl"), read(table64) + more64)
        write(os.path.join(folder, "syscall_32.tbl"), read(table32) + more32)
        write(os.path.join(self.tree, "include/linux/syscalls.h"), PROTOTYPES)

    def update(self, *arguments):
        return subprocess.run([sys.executable, os.path.join(TABLES, "update.py"), "--tables", self.tables, *arguments],
                              capture_output=True, text=True, check=False)

    def generate(self):
        return subprocess.run([sys.executable, os.path.join(TABLES, "generate.py"), "--out-dir", self.folder,
                               *map(self.path, TABLE_FILES)], capture_output=True, text=True, check=False)


class UpdateTest(TableTest):
    def test_nothing_to_do(self):
        before = self.contents()
        result = self.update(self.tree)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertEqual(self.contents(), before)

    def test_new_calls(self):
        self.kernel_tables(self.path("x86_64.tbl"), self.path("i386.tbl"),
                           "900\tcommon\tfrobnicate\tsys_frobnicate\n901\t64\tfrob_wait\tsys_frob_wait\n",
                           "900\ti386\tfrobnicate\tsys_frobnicate\n902\ti386\tfrob_unknown\tsys_frob_unknown\n")
        before = self.contents()
        result = self.update("--check", self.tree)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("900 common frobnicate", result.stdout)
        self.assertEqual(self.contents(), before)

        result = self.update(self.tree)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("\n900\tcommon\tfrobnicate\n901\t64\tfrob_wait\n", read(self.path("x86_64.tbl")))
        self.assertIn("\n900\ti386\tfrobnicate\n902\ti386\tfrob_unknown\n", read(self.path("i386.tbl")))
        calls = read(self.path("calls.tbl"))
        self.assertTrue(calls.startswith(before["calls.tbl"]))
        self.assertIn("frobnicate(dfd:dirfd, filename:path in, arg:pointer, usize:size, flags:hex32) = int\n", calls)
        self.assertIn("frob_wait() = int\n", calls)
        self.assertIn("frob_unknown(arg1:hex, ", calls)
        self.assertEqual(self.update("--check", self.tree).returncode, 0)

        result = self.generate()
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn('{"frobnicate", 900}', read(os.path.join(self.folder, "syscall_data.cc")))

    def test_headers(self):
        write(os.path.join(self.folder, "asm/unistd_64.h"), "#define __NR_read 0\n#define __NR_frobnicate 900\n")
        write(os.path.join(self.folder, "asm/unistd_x32.h"),
              "#define __NR_read (__X32_SYSCALL_BIT + 0)\n#define __NR_readv (__X32_SYSCALL_BIT + 515)\n")
        result = self.update(os.path.join(self.folder, "asm"))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("\n900\tcommon\tfrobnicate\n", read(self.path("x86_64.tbl")))

    def test_trace_events(self):
        write(os.path.join(self.folder, "events/sys_enter_frobnicate/format"),
              "name: sys_enter_frobnicate\nformat:\n"
              "\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n\n"
              "\tfield:int __syscall_nr;\toffset:8;\tsize:4;\tsigned:1;\n"
              "\tfield:const char * pathname;\toffset:16;\tsize:8;\tsigned:0;\n"
              "\tfield:umode_t mode;\toffset:24;\tsize:8;\tsigned:0;\n")
        write(os.path.join(self.folder, "unistd_64.h"), "#define __NR_frobnicate 900\n")
        result = self.update(os.path.join(self.folder, "events"), os.path.join(self.folder, "unistd_64.h"))
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("frobnicate(pathname:path in, mode:mode) = int\n", read(self.path("calls.tbl")))

    def test_contradictions(self):
        before = self.contents()
        for header in ("#define __NR_frobnicate 0\n", "#define __NR_read 900\n"):
            write(os.path.join(self.folder, "unistd_64.h"), header + "#define __NR_other 901\n")
            result = self.update(os.path.join(self.folder, "unistd_64.h"))
            self.assertEqual(result.returncode, 1)
            self.assertIn("contradiction", result.stdout)
            self.assertEqual(self.contents(), before)

    def test_unusable_sources(self):
        for source in (self.folder, os.path.join(self.folder, "missing/unistd_64.h"), self.path("types.tbl")):
            result = self.update(source)
            self.assertEqual(result.returncode, 2)
            self.assertTrue(result.stderr.startswith("update.py: "), result.stderr)


class GenerateTest(TableTest):
    """A table that contradicts itself is refused, with the place and the reason."""

    def refused(self, file, text, reason):
        with open(self.path(file), "a", encoding="utf-8") as table:
            table.write(text + "\n")
        result = self.generate()
        self.assertEqual(result.returncode, 1)
        self.assertIn(reason, result.stderr)
        self.assertFalse(os.path.exists(os.path.join(self.folder, "syscall_data.cc")))
        shutil.copy(os.path.join(TABLES, file), self.tables)

    def test_refusals(self):
        self.refused("x86_64.tbl", "0\tcommon\tmseal", "number 0 is both")
        self.refused("x86_64.tbl", "900\tcommon\tread", "two numbers")
        self.refused("x86_64.tbl", "900\tcommon\tfrobnicate", "no line in calls.tbl")
        self.refused("i386.tbl", "900 common read", "ABI one of i386")
        self.refused("types.tbl", "path pointer string", "defined twice")
        self.refused("types.tbl", "new_type sometimes -", "unknown base")
        self.refused("types.tbl", "new_type pointer strange:4", "unknown shape")
        self.refused("types.tbl", "new_type pointer struct:4 i386=nowhere", "names no type")
        self.refused("calls.tbl", "read(fd:fd) = int", "described twice")
        self.refused("calls.tbl", "frobnicate(fd:fd) = int", "has no number")
        self.refused("calls.tbl", "read@x32(fd:nothing) = int", "unknown type nothing")
        self.refused("calls.tbl", "read@x32(fd:fd, fd:fd) = int", "same name")
        self.refused("calls.tbl", "read@x32(buf:buf in[count]) = int", "no argument named count")
        self.refused("calls.tbl", "read@x32(buf:buf in) = int", "needs a length argument")
        self.refused("calls.tbl", "read@x32(n:size, buf:buf in[ret]) = int", "not known at entry")
        self.refused("calls.tbl", "read@x32(fd:fd in) = int", "has no shape")
        self.refused("calls.tbl", "read@x32(fd:fd) = int | strange", "unknown class strange")
        self.refused("calls.tbl", "read@x32(a:int, b:int, c:int, d:int, e:int, f:int, g:int) = int", "7 arguments")
        self.refused("calls.tbl", "read@x32(a:int = int", "expected NAME")


if __name__ == "__main__":
    unittest.main()
