#!/usr/bin/env python3
"""Turns the system-call tables of this folder into C++: syscall_types.h and syscall_data.cc.

    generate.py --out-dir DIR x86_64.tbl i386.tbl subcalls.tbl types.tbl calls.tbl calls_i386.tbl

The format of each table is described at its head. A table that contradicts itself (an unknown type, a length argument
that does not exist, a seventh argument, a number used twice) ends the run with the file, the line and the reason.
Nothing is written then; a file whose contents would not change is left alone.
"""

import argparse
import os
import re
import sys

CPP_KEYWORDS = {"int", "long", "short", "char", "signed", "unsigned", "float", "double", "bool", "union", "struct",
                "class", "enum", "export", "module", "import", "register", "this", "delete", "new", "and",
                "or", "not", "xor", "switch", "break", "default", "operator", "private", "public", "protected"}

BASES = ("signed32", "unsigned32", "hex32", "octal", "fd", "signed64", "unsigned64", "hex64", "pointer")

RETURNS = {"int": "integer", "hex": "hex", "fd": "fd", "pid": "pid", "octal": "octal", "uid": "uid", "gid": "gid",
           "none": "none"}

CLASSES = {"file": "kClassFile", "process": "kClassProcess", "network": "kClassNetwork", "signal": "kClassSignal",
           "ipc": "kClassIpc", "desc": "kClassDesc", "memory": "kClassMemory", "creds": "kClassCreds",
           "clock": "kClassClock", "stat": "kClassStat", "lstat": "kClassLstat", "fstat": "kClassFstat",
           "statlike": "kClassStatLike", "statfs": "kClassStatfs", "fstatfs": "kClassFstatfs",
           "statfslike": "kClassStatfsLike", "pure": "kClassPure"}

# Shapes of types.tbl that are one Fetch each, whatever the direction: (entry, exit); None where it makes no sense.
SHAPE_FETCHES = {
    "string": ("string", "string"),
    "text": ("text", "text"),
    "iovec": ("iovec_arg", "iovec_ret"),
    "iovec_only": ("iovec_only", None),
    "msghdr": ("msghdr_arg", "msghdr_ret"),
    "msghdr_head": ("msghdr_head", None),
    "mmsghdr": ("mmsghdr_arg", "mmsghdr_ret"),
    "mmsghdr_only": ("mmsghdr_only", "mmsghdr_only"),
    "msgbuf": ("msgbuf_arg", "msgbuf_ret"),
    "string_array": ("string_array", None),
    "env_array": ("env_array", None),
    "pointees": ("pointees", None),
    "bits": ("bits", "bits"),
    "fd_set": ("fd_set", "fd_set"),
    "pages": (None, "pages"),
    "sigset_pack": ("sigset_pack", None),
    "file_handle": ("file_handle", "file_handle"),
    "xattr_args": ("xattr_args", "xattr_args"),
    "clone_args": ("clone_args", "clone_args"),
    "old_select": ("old_select", "old_select"),
    "socketcall": ("socketcall", "socketcall"),
    "ipc": ("ipc", "ipc"),
    "ioctl": ("by_ioctl", "by_ioctl"),
    "fcntl": ("by_fcntl", "by_fcntl"),
    "prctl": ("by_prctl", "by_prctl"),
    "futex": ("by_futex", None),
    "ptrace": ("by_ptrace", "by_ptrace"),
    "seccomp": ("by_seccomp", "by_seccomp"),
    "keyctl": ("by_keyctl", "by_keyctl"),
    "quotactl": ("by_quotactl", "by_quotactl"),
    "fsconfig": ("by_fsconfig", None),
    "io_uring_register": ("by_io_uring_register", None),
}
NEED_COUNT = {"iovec", "iovec_only", "mmsghdr", "mmsghdr_only", "msgbuf", "pointees", "bits", "fd_set", "pages",
              "quotactl", "clone_args"}

ABIS = ("x86_64", "i386", "x32")
MULTIPLEXERS = ("socketcall", "ipc")


class TableError(Exception):
    pass


class Type:
    def __init__(self, name, base, shape, narrow):
        self.name, self.base, self.shape, self.narrow = name, base, shape, narrow


class Call:
    def __init__(self, name, abi, arguments, captures, returns, classes):
        self.name, self.abi, self.arguments = name, abi, arguments
        self.captures, self.returns, self.classes = captures, returns, classes


def content_lines(path):
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#", 1)[0].strip()
            if line:
                yield number, line


def located(path, number, problem):
    return TableError(f"{path}:{number}: {problem}")


def read_numbers(path, allowed):
    """[(number, abi, name)] of a number table."""
    rows = []
    for number, line in content_lines(path):
        fields = line.split()
        if len(fields) != 3 or not fields[0].isdigit() or fields[1] not in allowed:
            raise located(path, number, f"expected NUMBER ABI NAME with ABI one of {', '.join(allowed)}")
        rows.append((int(fields[0]), fields[1], fields[2]))
    return rows


def read_types(path):
    types = {}
    for number, line in content_lines(path):
        fields = line.split()
        if len(fields) not in (3, 4) or not re.fullmatch(r"[a-z][a-z0-9_]*", fields[0]):
            raise located(path, number, "expected NAME BASE SHAPE [i386=NAME]")
        name, base, shape = fields[:3]
        narrow = None
        if len(fields) == 4:
            if not fields[3].startswith("i386="):
                raise located(path, number, f"expected i386=NAME, not {fields[3]}")
            narrow = fields[3][len("i386="):]
        if name in types:
            raise located(path, number, f"type {name} is defined twice")
        if base not in BASES:
            raise located(path, number, f"unknown base {base}")
        if shape != "-":
            parse_shape(path, number, shape)
        types[name] = Type(name, base, shape, narrow)
    for type_ in types.values():
        if type_.narrow and type_.narrow not in types:
            raise TableError(f"{path}: {type_.name}: i386={type_.narrow} names no type")
    return types


def parse_shape(path, number, shape):
    """(kind, N): struct:16 → (struct, 16); bytes<=128 → (bytes, 128); data → (data, 0)."""
    match = re.fullmatch(r"([a-z_]+)(?:(?::|<=)(\d+))?", shape)
    if not match or (match[1] not in ("struct", "bytes", "data") and match[1] not in SHAPE_FETCHES):
        raise located(path, number, f"unknown shape {shape}")
    size = int(match[2] or 0)
    if match[1] == "struct" and not size or size > 65535:
        raise located(path, number, f"shape {shape}: size out of range")
    return match[1], size


class Line:
    """A parsed line of calls.tbl, not yet bound to an ABI."""

    def __init__(self, path, number, text):
        self.path, self.number = path, number
        match = re.fullmatch(r"(\w+)(?:@(\w+))?\((.*)\) = (\w+)(?: \| ([\w ]+))?", text)
        if not match:
            raise located(path, number, "expected NAME(ARGUMENT:TYPE CAPTURE, …) = RETURNS | CLASSES")
        self.name, self.abi, arguments, self.returns, classes = match.groups()
        if self.abi and self.abi not in ABIS:
            raise located(path, number, f"unknown ABI {self.abi}")
        if self.returns not in RETURNS:
            raise located(path, number, f"unknown return type {self.returns}")
        self.classes = (classes or "").split()
        for name in self.classes:
            if name not in CLASSES:
                raise located(path, number, f"unknown class {name}")
        self.arguments = []  # (name, type, [capture words])
        for argument in (part.strip() for part in arguments.split(",")) if arguments else ():
            words = argument.split()
            name, _, type_ = words[0].partition(":") if words else ("", "", "")
            if not name or not type_:
                raise located(path, number, f"expected ARGUMENT:TYPE, not “{argument}”")
            self.arguments.append((name, type_, words[1:]))
        if len(self.arguments) > 6:
            raise located(path, number, f"{len(self.arguments)} arguments")
        names = [argument[0] for argument in self.arguments]
        if len(set(names)) != len(names):
            raise located(path, number, "two arguments of the same name")

    def index_of(self, name):
        for index, argument in enumerate(self.arguments):
            if argument[0] == name:
                return index
        raise located(self.path, self.number, f"no argument named {name}")

    def bind(self, types, narrow):
        """The call as an ABI with 64-bit or (narrow) 32-bit layouts has it."""
        arguments, entry, exit_ = [], [], []
        for index, (name, type_name, words) in enumerate(self.arguments):
            type_ = types.get(type_name)
            if not type_:
                raise located(self.path, self.number, f"unknown type {type_name}")
            if narrow and type_.narrow:
                type_ = types[type_.narrow]
            arguments.append((name, type_.name))
            for word in words:
                match = re.fullmatch(r"(inout|in|out)(!?)(?::([a-z_]+(?::\d+)?))?(?:\[([\w*<=]+)\])?", word)
                if not match:
                    raise located(self.path, self.number, f"expected in, out or inout, not {word}")
                direction, always, shape, count = match.groups()
                if direction in ("in", "inout"):
                    entry.append(self.capturing(index, shape or type_.shape, count, False, False))
                if direction in ("out", "inout"):
                    exit_.append(self.capturing(index, shape or type_.shape, count, True, bool(always)))
        return Call(self.name, self.abi, arguments, entry + exit_, self.returns, self.classes)

    def capturing(self, argument, shape, count, at_exit, always):
        if shape == "-":
            raise located(self.path, self.number, f"the type of {self.arguments[argument][0]} has no shape to copy")
        kind, size = parse_shape(self.path, self.number, shape)
        flags = ["kCapturingOnError"] if always else []
        fetch, element, limit, length = None, size, 0, 0
        constant = int(count) if count and count.isdigit() else None
        if kind in SHAPE_FETCHES:
            fetch = SHAPE_FETCHES[kind][at_exit]
            if not fetch:
                raise located(self.path, self.number, f"shape {kind} has no such direction")
            if (kind in NEED_COUNT) != bool(count) or constant is not None:
                raise located(self.path, self.number, f"shape {kind}: a length argument is missing or too much")
        elif kind == "struct" and constant is not None:
            fetch, element = "bytes", size * constant
        elif kind == "struct" and not count:
            fetch = "bytes"
        elif not count or constant is not None:
            raise located(self.path, self.number, f"shape {kind} needs a length argument")
        else:
            payload = "data" if kind == "data" else "bytes"
            if kind != "struct":
                element, limit = 1, size
            if count.startswith("*"):
                fetch = "bytes_ref"
            elif count.startswith("ret"):
                fetch = f"{payload}_ret"
            else:
                fetch = f"{payload}_arg"
        if count and constant is None:
            match = re.fullmatch(r"\*(\w+)|ret<=(\w+)|(\w+)", count)
            if not match:
                raise located(self.path, self.number, f"bad length [{count}]")
            if match[2]:
                flags.append("kCapturingBounded")
            name = match[1] or match[2] or match[3]
            if name == "ret":
                if not at_exit:
                    raise located(self.path, self.number, "the return value is not known at entry")
            else:
                length = self.index_of(name)
                if not self.arguments[length][1].endswith("ptr") and match[1]:
                    raise located(self.path, self.number, f"[*{name}]: {name} is no pointer")
        return (fetch, "exit" if at_exit else "entry", argument, length, element, limit, tuple(flags))


def read_lines(paths):
    """{(name, abi or None): Line}"""
    lines = {}
    for path in paths:
        for number, text in content_lines(path):
            line = Line(path, number, text)
            if (line.name, line.abi) in lines:
                raise located(path, number, f"{line.name} is described twice")
            lines[line.name, line.abi] = line
    return lines


def bind_calls(rows, lines, types, used):
    """{abi: {number: Call}}"""
    calls = {table: {} for table in ABIS + MULTIPLEXERS}
    cache = {}
    for number, kind, name in rows:
        for abi in ("x86_64", "x32") if kind == "common" else ("x86_64",) if kind == "64" else (kind,):
            line = lines.get((name, "i386" if abi in MULTIPLEXERS else abi)) or lines.get((name, None))
            if not line:
                raise TableError(f"{name}: no line in calls.tbl; update.py adds what is missing")
            used.add((line.name, line.abi))
            if number in calls[abi]:
                raise TableError(f"{abi}: number {number} is both {calls[abi][number].name} and {name}")
            if any(call.name == name for call in calls[abi].values()):
                raise TableError(f"{abi}: {name} has two numbers")
            narrow = kind not in ("common", "64")
            key = (line, narrow)
            if key not in cache:
                cache[key] = line.bind(types, narrow)
            calls[abi][number] = cache[key]
    return calls


def enumerator(name):
    return name + "_" if name in CPP_KEYWORDS else name


def types_header(types):
    out = ["// Generated by tracer/syscalls/generate.py from types.tbl, which says what each type means.", "#pragma once",
           "", "#include <cstddef>", "#include <cstdint>", "#include <string_view>", "",
           "namespace sightline::tracer {", "",
           "/// What an argument is: one enumerator per way of printing.", "enum class ArgType : uint16_t {"]
    out += [f"  {enumerator(name)}," for name in types]
    out += ["};", "", f"inline constexpr std::size_t kArgTypeCount = {len(types)};", "",
            "/// How to print an argument whose type one has no printer for. The 64-bit kinds are C's long: 32 bits in",
            "/// i386 calls.", "enum class ArgBase : uint8_t {"]
    out += [f"  {base}," for base in BASES]
    out += ["};", "", "ArgBase arg_base(ArgType type);", "",
            "/// The type's name in types.tbl.", "std::string_view arg_type_name(ArgType type);", "",
            "}  // namespace sightline::tracer", ""]
    return "\n".join(out)


def data_source(types, calls):
    out = ["// Generated by tracer/syscalls/generate.py from the .tbl files.", '#include "tracer/syscall_data.h"', "",
           "#include <array>", "#include <cstddef>", "#include <utility>", "",
           "namespace sightline::tracer {", "namespace {", ""]
    arguments, captures, rows, indices = [], [], [], {}
    for abi in calls:
        for number in sorted(calls[abi]):
            call = calls[abi][number]
            if call in indices:
                continue
            indices[call] = len(rows)
            rows.append((call, len(arguments), len(captures)))
            arguments += call.arguments
            captures += call.captures
    out.append(f"constexpr std::array<Argument, {len(arguments)}> kArguments{{{{")
    out += [f'    {{"{name}", ArgType::{enumerator(type_)}}},' for name, type_ in arguments]
    out += ["}};", "", f"constexpr std::array<Capturing, {len(captures)}> kCaptures{{{{"]
    for fetch, phase, arg, length, size, limit, flags in captures:
        out.append(f"    {{Fetch::{fetch}, Phase::{phase}, {arg}, {length}, {size}, {limit}, "
                   f"{' | '.join(flags) or '0'}}},")
    out += ["}};", "", f"constexpr std::array<Syscall, {len(rows)}> kSyscalls{{{{"]
    for call, first_argument, first_capture in rows:
        classes = " | ".join(CLASSES[name] for name in call.classes) or "0"
        out.append(f'    {{"{call.name}", {{kArguments.data() + {first_argument}, {len(call.arguments)}}}, '
                   f"{{kCaptures.data() + {first_capture}, {len(call.captures)}}}, {classes}, "
                   f"ReturnType::{RETURNS[call.returns]}}},")
    out += ["}};", ""]
    for abi in calls:
        limit = max(calls[abi]) + 1
        out.append(f"constexpr std::array<uint16_t, {limit}> kNumbers_{abi}{{{{")
        cells = [str(indices[calls[abi][n]] + 1) if n in calls[abi] else "0" for n in range(limit)]
        out += ["    " + ", ".join(cells[i:i + 20]) + "," for i in range(0, limit, 20)]
        out += ["}};", ""]
        if abi not in ABIS:
            continue
        names = sorted((call.name, number) for number, call in calls[abi].items())
        out.append(f"constexpr std::array<NamedNumber, {len(names)}> kNames_{abi}{{{{")
        out += [f'    {{"{name}", {number}}},' for name, number in names]
        out += ["}};", ""]
    out.append(f"constexpr std::array<std::pair<std::string_view, ArgBase>, {len(types)}> kTypes{{{{")
    out += [f'    {{"{t.name}", ArgBase::{t.base}}},' for t in types.values()]
    out += ["}};", "", "}  // namespace", "", "constinit const SyscallData kSyscallData = {", "    kSyscalls,",
            "    {" + ", ".join(f"kNumbers_{abi}" for abi in ABIS) + "},",
            "    {" + ", ".join(f"kNames_{abi}" for abi in ABIS) + "},",
            "    kNumbers_socketcall,", "    kNumbers_ipc,", "};", "",
            "ArgBase arg_base(ArgType type) {",
            "  return static_cast<std::size_t>(type) < kTypes.size() ? kTypes[static_cast<std::size_t>(type)].second",
            "                                                        : ArgBase::hex64;", "}", "",
            "std::string_view arg_type_name(ArgType type) {",
            "  return static_cast<std::size_t>(type) < kTypes.size() ? kTypes[static_cast<std::size_t>(type)].first",
            "                                                        : std::string_view{};", "}", "",
            "}  // namespace sightline::tracer", ""]
    return "\n".join(out)


def write_if_changed(path, text):
    try:
        with open(path, encoding="utf-8") as file:
            if file.read() == text:
                os.utime(path)
                return
    except FileNotFoundError:
        pass
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def load(x86_64, i386, subcalls, types_path, calls_paths):
    """(types, {abi: {number: Call}}, lines); TableError if the tables contradict themselves."""
    types = read_types(types_path)
    rows = (read_numbers(x86_64, ("common", "64", "x32")) + read_numbers(i386, ("i386",)) +
            read_numbers(subcalls, MULTIPLEXERS))
    lines = read_lines(calls_paths)
    used = set()
    calls = bind_calls(rows, lines, types, used)
    for key, line in lines.items():
        if key not in used:
            raise located(line.path, line.number, f"{line.name} has no number in any table")
    return types, calls, lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out-dir", required=True, metavar="DIR")
    parser.add_argument("x86_64", metavar="x86_64.tbl")
    parser.add_argument("i386", metavar="i386.tbl")
    parser.add_argument("subcalls", metavar="subcalls.tbl")
    parser.add_argument("types", metavar="types.tbl")
    parser.add_argument("calls", nargs="+", metavar="calls.tbl")
    options = parser.parse_args()
    try:
        types, calls, _ = load(options.x86_64, options.i386, options.subcalls, options.types, options.calls)
    except TableError as error:
        print(error, file=sys.stderr)
        return 1
    write_if_changed(os.path.join(options.out_dir, "syscall_types.h"), types_header(types))
    write_if_changed(os.path.join(options.out_dir, "syscall_data.cc"), data_source(types, calls))
    return 0


if __name__ == "__main__":
    sys.exit(main())
