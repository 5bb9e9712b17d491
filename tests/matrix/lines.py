"""The matrix of lines: traces each build of each source and compares every marked call with its mark.

    lines.py             the quick cells, as the test suite runs them (unittest; SIGHTLINE names the program)
    lines.py --table     all cells; prints the table of docs/lines.md
    lines.py --only TEXT all cells whose name holds TEXT
"""

import argparse
import dataclasses
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import builds  # noqa: E402

SIGHTLINE = os.environ.get("SIGHTLINE", "sightline")
TIMEOUT = float(os.environ.get("SIGHTLINE_TEST_DEADLINE", "120"))


@dataclasses.dataclass
class Mark:
    line: int
    near: bool
    no_line: bool
    stack: list


def marks_of(source):
    marks = {}
    text = (builds.SOURCES / source).read_text(encoding="utf-8")
    for number, line in enumerate(text.splitlines(), 1):
        match = re.search(r"(?://|#|!) EXPECT (\S+)((?: NEAR| NOLINE)*)(?: STACK (.+))?$", line)
        if not match:
            continue
        for name in match[1].split(","):
            marks[name] = Mark(number, "NEAR" in match[2], "NOLINE" in match[2], (match[3] or "").split())
    if not marks:
        raise RuntimeError(f"{source} has no marks")
    return marks


def name_of(row):
    match = re.search(r"/matrix/(\w+)", " ".join(argument["text"] for argument in row["args"]))
    return match[1] if match else "@" + row["name"]


def traced(program, directory, *options):
    """The calls of a recorded run, and its text."""
    file = directory / "run.slt"
    before = set(glob.glob(program.leftovers)) if program.leftovers else set()
    done = subprocess.run([*program.prefix, SIGHTLINE, "record", "-q", *options, *program.options, "-o", str(file),
                           *program.command], stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT,
                          cwd=directory)
    for name in set(glob.glob(program.leftovers)) - before if program.leftovers else ():
        os.unlink(name)
    if done.returncode == 77:
        raise builds.NotHere(done.stderr.decode(errors="replace").strip())
    if not file.exists():
        raise RuntimeError(f"no trace: {done.stderr.decode(errors='replace')[-2000:]}")
    out = subprocess.run([SIGHTLINE, "export", "--format=jsonl", str(file)], capture_output=True, timeout=TIMEOUT,
                         check=True).stdout
    rows = [row for row in map(json.loads, out.decode("utf-8", "replace").splitlines()) if row["type"] == "call"]
    text = subprocess.run([SIGHTLINE, "print", str(file)], capture_output=True, timeout=TIMEOUT, check=True).stdout
    file.unlink()
    return rows, text.decode("utf-8", "replace")


def calls_of(rows):
    calls = {}
    for row in rows:
        calls.setdefault(name_of(row), []).append(row)
    return {name: found[-1:] if name.startswith("@") else found for name, found in calls.items()}


def short(row):
    return f"{row['file']}:{row['line']} {row['function']}"


def wrong_line(build, program, mark, row):
    """Why this call does not name its line; "" if it does."""
    if build.asks == "lines":
        if not row["file"] or pathlib.Path(row["file"]).name != build.source:
            return f"is {short(row)}, not in {build.source}"
        if (row["line"] or None) != (None if mark.no_line else mark.line):
            return f"is {short(row)}, not line {mark.line}"
        return ""
    modules = [frame["module"] for frame in row["stack"]]
    if row["file"]:
        return f"has a line from nowhere: {short(row)}"
    if program.module not in modules:
        return f"names no frame of the program: {modules}"
    if build.asks == "names" and mark.stack and row["function"] not in mark.stack:
        return f"is in {row['function']}, not one of {mark.stack}"
    return ""


def wrong_stack(mark, row):
    functions = [frame["function"] or "" for frame in row["stack"]]
    at = 0
    for wanted in mark.stack:
        while at < len(functions) and not matches(functions[at], wanted):
            at += 1
        if at == len(functions):
            return f"has no {wanted} where {' '.join(mark.stack)} should be: {' '.join(functions)}"
        at += 1
    return ""


def matches(function, wanted):
    """`look` stands for `shop.(*shop).look`, `<owned::Shop as owned::Look>::look` and `owned::look::<u8>` as well."""
    return function.startswith(wanted) or re.search(rf"(::|\.){re.escape(wanted)}(::<.*>)?$", function) is not None


@dataclasses.dataclass
class Cell:
    build: builds.Build
    right: int = 0
    asked: int = 0
    stacks_right: int = 0
    stacks_asked: int = 0
    problems: list = dataclasses.field(default_factory=list)
    not_here: str = ""
    limit: str = ""


def check(build, directory):
    cell = Cell(build)
    try:
        program = build.make(directory)
        rows, text = traced(program, directory, "--source=line")
    except builds.NotHere as why:
        cell.not_here = str(why)
        return cell
    calls = calls_of(rows)
    marks = {name: mark for name, mark in marks_of(build.source).items() if name not in build.without}
    if build.axis.startswith("deleted") or "memfd" in build.axis:
        marks.pop("exec")  # there is no file to execute again
    for name, mark in marks.items():
        cell.asked += 1
        problems = [wrong_line(build, program, mark, row) for row in calls.get(name, [])] or ["is not in the trace"]
        bad = [problem for problem in problems if problem]
        # GNU as leaves line 0 out.
        if mark.near and build.tool == "clang" and build.asks == "lines" and not bad and f":~{mark.line} " not in text:
            bad = problems = ["is not marked as near"]
        if len(bad) > len(problems) * (1 - build.share):
            cell.problems.append(f"{name} {bad[0]}")
        else:
            cell.right += 1
    if build.stacks and build.asks == "lines":
        again = builds.Program(**vars(program))
        if build.axis.startswith("deleted"):
            again = build.make(clean(directory))
        calls = calls_of(traced(again, directory, "-k")[0])
        for name, mark in marks.items():
            if not mark.stack:
                continue
            cell.stacks_asked += 1
            problems = [wrong_stack(mark, row) for row in calls.get(name, [])] or ["is not in the trace"]
            bad = [problem for problem in problems if problem]
            if len(bad) > len(problems) * (1 - build.share):
                cell.problems.append(f"{name}'s stack {bad[0]}")
            else:
                cell.stacks_right += 1
    if cell.problems and build.limit:
        cell.limit, cell.problems = build.limit, []
    return cell


def clean(directory):
    shutil.rmtree(directory)
    directory.mkdir()
    return directory


def check_all(selected, done=lambda cell: None):
    cells = []
    # Not below a directory that only root may enter, nor one whose name holds the sources' names.
    with tempfile.TemporaryDirectory(prefix="sightline-matrix-") as root:
        for number, build in enumerate(selected):
            directory = pathlib.Path(root) / str(number)
            directory.mkdir()
            try:
                cell = check(build, directory)
            except (RuntimeError, subprocess.SubprocessError) as error:
                cell = Cell(build, problems=[str(error)], asked=1)
            shutil.rmtree(directory, ignore_errors=True)
            done(cell)
            cells.append(cell)
    return cells


def table(cells):
    """Markdown: for each language a table with a row for each axis and a column for each compiler."""
    notes = []

    def shown(cell):
        if cell is None:
            return ""
        if cell.not_here:
            notes.append(cell.not_here) if cell.not_here not in notes else None
            return f"not here [{notes.index(cell.not_here) + 1}]"
        what = {"lines": "lines", "names": "names", "module": "file"}[cell.build.asks]
        text = f"{cell.right}/{cell.asked} {what}"
        if cell.stacks_asked:
            text += f", {cell.stacks_right}/{cell.stacks_asked} stacks"
        for problem in [*cell.build.without.values(), *([cell.limit] if cell.limit else []), *cell.problems]:
            notes.append(problem) if problem not in notes else None
            text += f" [{notes.index(problem) + 1}]"
        return text

    lines = []
    for language in dict.fromkeys(cell.build.language for cell in cells):
        mine = [cell for cell in cells if cell.build.language == language]
        tools = list(dict.fromkeys(cell.build.tool for cell in mine))
        lines += ["", f"| {language} | {' | '.join(tools)} |", "|---" * (len(tools) + 1) + "|"]
        for axis in dict.fromkeys(cell.build.axis for cell in mine):
            row = {cell.build.tool: cell for cell in mine if cell.build.axis == axis}
            lines.append(f"| {axis} | {' | '.join(shown(row.get(tool)) for tool in tools)} |")
    if notes:
        lines += [""] + [f"[{number}] {note}  " for number, note in enumerate(notes, 1)]
    return "\n".join(lines[1:])


class Quick(unittest.TestCase):
    def test_cells(self):
        selected = [build for build in builds.all_builds() if build.quick]
        if os.environ.get("SANITIZER", "none") != "none":
            selected = [build for build in selected if build.axis in ("-O2", "-O2, no frame pointers", "static")]

        def report(cell):
            print(f"{cell.build.language}, {cell.build.tool}, {cell.build.axis}: "
                  f"{cell.not_here or f'{cell.right}/{cell.asked} and {cell.stacks_right}/{cell.stacks_asked} stacks'}",
                  file=sys.stderr)

        for cell in check_all(selected, report):
            with self.subTest(f"{cell.build.language}, {cell.build.tool}, {cell.build.axis}"):
                self.assertEqual(cell.problems, [])
                self.assertTrue(cell.not_here or cell.asked > 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--only", default=None)
    arguments, rest = parser.parse_known_args()
    if not arguments.table and arguments.only is None:
        unittest.main(argv=[sys.argv[0], *rest], verbosity=2)
    name = lambda build: f"{build.language}, {build.tool}, {build.axis}"
    selected = [build for build in builds.all_builds() if (arguments.only or "") in name(build)]

    def report(cell):
        state = cell.not_here or f"{cell.right}/{cell.asked} and {cell.stacks_right}/{cell.stacks_asked} stacks"
        print(f"{name(cell.build)}: {state}", *cell.problems, sep="\n    ", file=sys.stderr, flush=True)

    cells = check_all(selected, report)
    if arguments.table:
        print(table(cells))
    sys.exit(any(cell.problems for cell in cells))


if __name__ == "__main__":
    main()
