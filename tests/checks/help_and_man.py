#!/usr/bin/env python3
"""Holds the manual page against --help of every verb: each option in both, and no help longer than a screen.

    help_and_man.py SIGHTLINE MAN_PAGE
"""

import re
import subprocess
import sys

VERBS = [[], ["record"], ["print"], ["report"], ["annotate"], ["info"], ["export"]]
ROWS, COLUMNS = 50, 110
OPTION = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)")


def help_options(text):
    options = set()
    for line in text.split("Options:\n", 1)[1].splitlines():
        names = line[:30].split("  ")[1] if line.startswith("  ") else ""
        options.update(OPTION.findall(names))
    return options


def man_options(text):
    """Options that have an entry of their own (a .TP), not those only spoken of."""
    options = set()
    lines = text.replace("\\-", "-").splitlines()
    for before, line in zip(lines, lines[1:]):
        if before == ".TP":
            options.update(OPTION.findall(line))
    # -tt, -xx: an option repeated.
    return {o for o in options if not re.fullmatch(r"-(\w)\1+", o)}


def main():
    sightline, page = sys.argv[1:]
    with open(page, encoding="utf-8") as file:
        documented = man_options(file.read())
    offered = set()
    problems = []
    for verb in VERBS:
        result = subprocess.run([sightline, *verb, "--help"], capture_output=True, text=True, check=True)
        lines = result.stdout.splitlines()
        if len(lines) > ROWS:
            problems.append(f"{' '.join(verb) or 'sightline'} --help takes {len(lines)} lines")
        problems += [f"{verb}: {len(line)} columns: {line}" for line in lines if len(line) > COLUMNS]
        offered |= help_options(result.stdout)
    assert len(offered) > 30, offered
    problems += [f"{option} is in --help, but has no entry in the manual page" for option in sorted(offered - documented)]
    problems += [f"{option} is in the manual page, but in no --help" for option in sorted(documented - offered)]
    print("\n".join(problems))
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
