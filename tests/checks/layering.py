#!/usr/bin/env python3
"""Holds the includes against the plan of the house: src -> tracer -> ringbuf, src -> ringbuf, src -> symbolizer.

    layering.py ROOT          checks the tree; prints each wrong include and fails
    layering.py --self-test   shows that a wrong include is found
"""

import pathlib
import re
import sys
import tempfile

ROOMS = {
    "ringbuf": set(),
    "symbolizer": set(),
    "tracer": {"ringbuf"},
    "src": {"ringbuf", "tracer", "symbolizer"},
}

# Headers that belong to one room, by what their names start with.
OWNED = {
    "elfutils/": {"symbolizer"},
    "libelf": {"symbolizer"},
    "gelf": {"symbolizer"},
    "dwarf.h": {"symbolizer"},
    "elf.h": {"symbolizer"},
    "linux/ptrace.h": {"tracer", "src"},  # src/decode names its constants
    "sys/ptrace.h": {"tracer"},
    "sys/user.h": {"tracer"},
    "linux/audit.h": {"tracer"},
    "fmt/": {"src"},
    "CLI/": {"src"},
    "zstd": {"src", "symbolizer"},  # trace files; sections of debug information
    "protozero/": {"src"},
    "linux/futex.h": {"ringbuf", "src"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]')


def files_of(root):
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in (".h", ".cc"):
                yield room, path


def check(root):
    problems = []
    for room, path in files_of(root):
        where = path.relative_to(root)
        for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), 1):
            if re.match(r"\s*using namespace std\b", line):
                problems.append(f"{where}:{number}: using namespace std")
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, name = match.groups()
            first = name.split("/", 1)[0]
            if quote == '"':
                if "/" not in name or first not in ROOMS:
                    problems.append(f"{where}:{number}: \"{name}\" does not name its room")
                elif first != room and first not in ROOMS[room]:
                    problems.append(f"{where}:{number}: {room} must not know {first} ({name})")
            for prefix, owners in OWNED.items():
                if name.startswith(prefix) and room not in owners:
                    problems.append(f"{where}:{number}: {name} belongs to {', '.join(sorted(owners))}, not to {room}")
    return problems


def self_test():
    wrong = {
        "ringbuf/a.h": '#include "tracer/span.h"',
        "symbolizer/b.cc": '#include "src/model.h"',
        "tracer/c.cc": '#include <elfutils/libdw.h>',
        "src/d.cc": '#include "model.h"',
        "src/e.cc": "using namespace std;",
    }
    right = {"src/f.cc": '#include "tracer/span.h"\n#include <fmt/format.h>', "tracer/g.h": '#include "ringbuf/ring_set.h"'}
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name, text in {**wrong, **right}.items():
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_text(text + "\n", encoding="utf-8")
        problems = check(root)
    for name in wrong:
        assert any(p.startswith(name + ":1:") for p in problems), f"not found: {name}"
    assert len(problems) == len(wrong), problems


def main():
    self_test()
    if sys.argv[1:] == ["--self-test"]:
        return
    root = pathlib.Path(sys.argv[1])
    assert sum(1 for _ in files_of(root)) > 50, "that is not the tree"
    problems = check(root)
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
