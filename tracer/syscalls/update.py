#!/usr/bin/env python3
"""Brings the system-call tables up to a newer kernel.

    update.py [--check] [--tables DIR] SOURCE...

A SOURCE is any of
  - a kernel source tree: takes arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl, and the prototypes of
    include/linux/syscalls.h and include/asm-generic/syscalls.h
  - one of those files alone
  - an installed header: unistd_64.h, unistd_32.h or unistd_x32.h, or a folder that has them (/usr/include/asm)
  - /sys/kernel/tracing/events/syscalls, the running kernel's own prototypes (readable by root)

Numbers the snapshots x86_64.tbl and i386.tbl lack are added. A call that calls.tbl lacks gets a line at its end, with
the arguments and C types the prototypes tell; it prints by those types, and wants a look: which arguments have a type of
their own in types.tbl, what is to be captured, which classes it is in. Without a prototype the line has six words.

A number the snapshots have and a source does not is left alone (sources are often older). A number or a name that
means something else in a source than here is a contradiction: it is reported and nothing is written.

--check writes nothing and tells by its status: 0 nothing to do, 1 something to add or a contradiction, 2 unusable
arguments.
"""

import argparse
import os
import re
import sys

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import generate  # noqa: E402

X32_FIRST_OWN, X32_LAST_OWN = 512, 547  # "Do not add new syscalls to this range" (syscall_64.tbl)
FIRST_SHARED = 424  # from here on every ABI has the same numbers


class SourceError(Exception):
    pass


class Sources:
    """What the given files say: numbers by (table, number), prototypes by the name of their entry point."""

    def __init__(self):
        self.numbers = {}      # (snapshot file, ABI kind or None if the source cannot tell, number) → name
        self.entry_points = {}  # call name → kernel function, where syscall_*.tbl says
        self.prototypes = {}   # kernel function without sys_ → [(C type, name)]

    def add(self, path):
        if os.path.isdir(path):
            self.add_folder(path)
            return
        reader = {"syscall_64.tbl": self.read_table, "syscall_32.tbl": self.read_table,
                  "unistd_64.h": self.read_header, "unistd_32.h": self.read_header,
                  "unistd_x32.h": self.read_header, "syscalls.h": self.read_prototypes}.get(os.path.basename(path))
        if not reader:
            raise SourceError(f"{path}: not a file this program knows")
        try:
            with open(path, encoding="utf-8") as file:
                reader(path, file.read())
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error

    def add_folder(self, path):
        tables = os.path.join(path, "arch/x86/entry/syscalls")
        if os.path.isdir(tables):
            self.add(os.path.join(tables, "syscall_64.tbl"))
            self.add(os.path.join(tables, "syscall_32.tbl"))
            for header in ("include/linux/syscalls.h", "include/asm-generic/syscalls.h"):
                if os.path.exists(os.path.join(path, header)):
                    self.add(os.path.join(path, header))
            return
        headers = [name for name in ("unistd_64.h", "unistd_32.h", "unistd_x32.h")
                   if os.path.exists(os.path.join(path, name))]
        events = [name for name in os.listdir(path) if name.startswith("sys_enter_")]
        if not headers and not events:
            raise SourceError(f"{path}: neither a kernel tree, nor kernel headers, nor tracefs events")
        for name in headers:
            self.add(os.path.join(path, name))
        for name in events:
            self.read_event(os.path.join(path, name, "format"), name[len("sys_enter_"):])

    def read_table(self, path, text):
        for line in text.splitlines():
            fields = line.split("#", 1)[0].split()
            if len(fields) < 3 or not fields[0].isdigit():
                continue
            number, abi, name = int(fields[0]), fields[1], fields[2]
            if abi not in ("common", "64", "x32", "i386"):
                raise SourceError(f"{path}: unknown ABI {abi}")
            self.numbers["i386.tbl" if abi == "i386" else "x86_64.tbl", abi, number] = name
            if len(fields) > 3:
                self.entry_points.setdefault(name, re.sub(r"^(__ia32_)?(compat_)?sys_", "", fields[3]))

    def read_header(self, path, text):
        kind = os.path.basename(path)
        for match in re.finditer(r"^#define\s+__NR_(\w+)\s+(\(__X32_SYSCALL_BIT \+ )?(\d+)\)?\s*$", text, re.MULTILINE):
            name, number = match[1], int(match[3])
            if kind == "unistd_x32.h":
                if X32_FIRST_OWN <= number <= X32_LAST_OWN:
                    self.numbers["x86_64.tbl", "x32", number] = name
                else:
                    self.numbers["x86_64.tbl", "common", number] = name
            else:
                self.numbers["i386.tbl" if kind == "unistd_32.h" else "x86_64.tbl",
                             "i386" if kind == "unistd_32.h" else None, number] = name

    def read_prototypes(self, _, text):
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
        for match in re.finditer(r"asmlinkage\s+long\s+sys_(\w+)\s*\(([^()]*)\)\s*;", text):
            arguments = []
            for part in match[2].split(","):
                part = re.sub(r"\b__user\b", " ", " ".join(part.split())).strip()
                if part in ("", "void"):
                    continue
                words = re.fullmatch(r"(.*?[\s*])(\w+)", part)
                unnamed = not words or words[2] in ("int", "long", "char", "t") or words[2].endswith("_t")
                arguments.append((part, "") if unnamed else (words[1], words[2]))
            self.prototypes.setdefault(match[1], arguments)

    def read_event(self, path, function):
        try:
            with open(path, encoding="utf-8") as file:
                fields = re.findall(r"field:(.*?)(\w+);\s*offset", file.read())
        except OSError as error:
            raise SourceError(f"{path}: {error.strerror}") from error
        skip = ("common_", "__syscall_nr", "__")
        self.prototypes[function] = [(c_type, name) for c_type, name in fields if not name.startswith(skip)]

    def prototype(self, name):
        for function in (self.entry_points.get(name), name, "new" + name):
            if function in self.prototypes:
                return self.prototypes[function]
        return None


def argument_type(c_type, name):
    """TYPE CAPTURE for an argument of which only the prototype is known."""
    words = " ".join(c_type.replace("*", " * ").split())
    words = re.sub(r"\bconst\b ?", "", words).strip()
    if words == "char *":
        if re.search(r"path|file", name):
            return "path in"
        return "string in" if "const" in c_type and not re.search(r"buf", name) else "pointer"
    if words.endswith("*"):
        pointers = {"struct __kernel_timespec *": "timespec64 in", "siginfo_t *": "siginfo in", "sigset_t *": "sigset in"}
        return pointers.get(words, "pointer")
    if words in ("int", "unsigned int", "unsigned", "u32", "__u32"):
        if re.fullmatch(r"(old|new|from_|to_)?d(ir)?fd", name):
            return "dirfd"
        if re.fullmatch(r"\w*fd", name):
            return "fd"
        if "flags" in name:
            return "hex32"
        return "int" if words == "int" else "uint"
    plain = {"umode_t": "mode", "size_t": "size", "pid_t": "pid", "uid_t": "uid", "gid_t": "gid", "loff_t": "off",
             "off_t": "off", "long": "long", "clockid_t": "clockid", "key_t": "ipc_key", "key_serial_t": "key_serial",
             "rwf_t": "rw_flags", "mqd_t": "mqd", "timer_t": "timer_id", "__s32": "int", "s32": "int"}
    return plain.get(words, "hex")


def new_line(name, prototype):
    if prototype is None:
        arguments = [(f"arg{i}", "hex") for i in range(1, 7)]
    else:
        arguments = [(argument or f"arg{i}", argument_type(c_type, argument))
                     for i, (c_type, argument) in enumerate(prototype, 1)]
    return f"{name}({', '.join(f'{argument}:{type_}' for argument, type_ in arguments)}) = int"


def compare(sources, rows_by_file):
    """(additions {file: [(number, abi, name)]}, contradictions [text])"""
    additions, contradictions = {file: [] for file in rows_by_file}, []
    for (file, abi, number), name in sorted(sources.numbers.items(), key=lambda item: (item[0][0], item[0][2])):
        rows = rows_by_file[file]
        # A header of 64-bit numbers knows nothing of x32's own ones.
        comparable = [row for row in rows if abi is not None or row[1] != "x32"]
        here = next((row for row in comparable if row[0] == number), None)
        if here and here[2] == name:
            continue
        if here:
            contradictions.append(f"{file}: {number} is {here[2]} here and {name} in a source")
            continue
        elsewhere = next((row for row in comparable if row[2] == name and (abi != "x32" or row[1] == "x32")), None)
        if elsewhere and abi != "common":
            contradictions.append(f"{file}: {name} is {elsewhere[0]} here and {number} in a source")
            continue
        if abi is None:
            abi = "common" if number >= FIRST_SHARED else "64"
        if (number, abi, name) not in additions[file]:
            additions[file].append((number, abi, name))
    return additions, contradictions


def insert_rows(path, rows):
    """Adds the rows in order, the table's x32 block staying at the end."""
    with open(path, encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, abi, name in rows:
        at = len(lines)
        for index, line in enumerate(lines):
            fields = line.split("#", 1)[0].split()
            if fields and int(fields[0]) > number:
                at = index
                break
        lines.insert(at, f"{number}\t{abi}\t{name}")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, tell by the exit status")
    parser.add_argument("--tables", metavar="DIR", default=os.path.dirname(os.path.abspath(__file__)),
                        help="the folder of the .tbl files (default: this program's)")
    parser.add_argument("sources", nargs="+", metavar="SOURCE")
    options = parser.parse_args()

    def table(name):
        return os.path.join(options.tables, name)

    calls_files = [table("calls.tbl"), table("calls_i386.tbl")]
    try:
        sources = Sources()
        for source in options.sources:
            sources.add(source)
        if not sources.numbers:
            raise SourceError("the sources have no numbers")
        rows_by_file = {"x86_64.tbl": generate.read_numbers(table("x86_64.tbl"), ("common", "64", "x32")),
                        "i386.tbl": generate.read_numbers(table("i386.tbl"), ("i386",))}
        described = {name for name, _ in generate.read_lines(calls_files)}
    except (SourceError, generate.TableError, OSError) as error:
        print(f"update.py: {error}", file=sys.stderr)
        return 2

    additions, contradictions = compare(sources, rows_by_file)
    for text in contradictions:
        print(f"contradiction: {text}")
    missing = []
    for file, rows in additions.items():
        for number, abi, name in rows:
            print(f"new: {file}: {number} {abi} {name}")
            if name not in described and name not in missing:
                missing.append(name)
    lines = [new_line(name, sources.prototype(name)) for name in missing]
    for line in lines:
        print(f"new: calls.tbl: {line}")
    if contradictions:
        return 1
    if not any(additions.values()):
        print("the tables have everything the sources have")
        return 0
    if options.check:
        return 1

    for file, rows in additions.items():
        if rows:
            insert_rows(table(file), rows)
    if lines:
        with open(table("calls.tbl"), "a", encoding="utf-8") as file:
            file.write("\n" + "\n".join(lines) + "\n")
    try:
        generate.load(table("x86_64.tbl"), table("i386.tbl"), table("subcalls.tbl"), table("types.tbl"), calls_files)
    except generate.TableError as error:
        print(f"update.py: written, but the tables do not fit together now: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
