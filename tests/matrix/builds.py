"""The programs of the matrix: every build of every source, along each axis that changes how its lines are found.

A Build is one row and column of the table. It knows how to make a program (in a directory of its own, from the sources
beside this file) and what may be asked of it: lines, names alone, or nothing but the name of the file.
"""

import dataclasses
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys

SOURCES = pathlib.Path(__file__).resolve().parent / "sources"
ENVIRONMENT = {**os.environ, "LC_ALL": "C", "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "GOTOOLCHAIN": "local"}


class NotHere(Exception):
    """A tool chain, or a right, that this machine does not have: the cell is left out."""


@dataclasses.dataclass
class Program:
    command: list  # what is traced
    module: str  # the path that frames of the program must show
    options: list = dataclasses.field(default_factory=list)  # of sightline record
    leftovers: str = ""  # a glob of files that the program leaves behind
    prefix: list = dataclasses.field(default_factory=list)  # what sightline itself is run by


@dataclasses.dataclass
class Build:
    language: str
    axis: str
    tool: str
    source: str
    make: object  # function(directory) -> Program
    asks: str = "lines"  # lines, names, module
    stacks: bool = True
    without: dict = dataclasses.field(default_factory=dict)  # mark: why it can't be asked for here
    limit: str = ""  # why not all of it can be right, as far as it is not
    quick: bool = False
    share: float = 1.0  # of the calls that must be right; below 1 where names come with a delay


def find(tool):
    path = shutil.which(tool)
    if not path:
        raise NotHere(f"{tool} is not installed")
    return path


def run(command, cwd, seconds=300):
    command = [str(word) for word in command]
    done = subprocess.run(command, cwd=cwd, env=ENVIRONMENT, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=seconds)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-2000:] or done.stdout[-2000:]}")
    return done.stdout


def compiled(tool, source, flags, directory, name="program"):
    """One source, compiled and linked in two steps where it is C or C++: split DWARF names the object's file."""
    compiler = find(tool)
    program = directory / name
    run([compiler, *flags, "-c", SOURCES / source, "-o", directory / (name + ".o")],
        directory)
    link = [flag for flag in flags if not flag.startswith("-gsplit")]
    run([compiler, *link, directory / (name + ".o"), "-o", program, "-pthread", "-Wl,--build-id"], directory)
    return program


def c_like(tool, source, flags, after=None):
    def make(directory):
        program = compiled(tool, source, flags, directory)
        if after:
            return after(directory, program)
        return Program([str(program)], str(program))

    return make


# --- What is done to a linked program ---------------------------------------------------------------------------------


def plain(program, *arguments):
    return Program([str(program), *arguments], str(program))


def build_id(program):
    match = re.search(r"Build ID: ([0-9a-f]+)", run([find("readelf"), "-n", program], program.parent))
    if not match:
        raise RuntimeError(f"{program} has no build-id")
    return match[1]


def keep_debug(program, to):
    to.parent.mkdir(parents=True, exist_ok=True)
    run([find("objcopy"), "--only-keep-debug", program, to], program.parent)


def stripped(directory, program):
    run([find("strip"), "--strip-all", program], directory)
    return plain(program)


def debuglink(subdirectory):
    def after(directory, program):
        debug = directory / subdirectory / "program.debug"
        keep_debug(program, debug)
        run([find("objcopy"), "--strip-all", f"--add-gnu-debuglink={debug}", program], directory)
        return plain(program)

    return after


def by_build_id(directory, program):
    """Debug files belong below /usr/lib/debug, so sightline sees a file system of its own there."""
    identity = build_id(program)
    keep_debug(program, directory / "debug" / ".build-id" / identity[:2] / f"{identity[2:]}.debug")
    run([find("strip"), "--strip-all", program], directory)
    if not pathlib.Path("/usr/lib/debug").is_dir():
        raise NotHere("there is no /usr/lib/debug")
    try:
        run([find("unshare"), "-m", "true"], directory)
    except RuntimeError:
        raise NotHere("mount namespaces are not allowed") from None
    result = plain(program)
    result.prefix = [find("unshare"), "-m", "sh", "-c", 'mount --bind "$0" /usr/lib/debug && exec "$@"',
                     str(directory / "debug")]
    return result


def debugdata(directory, program):
    """What Fedora's find-debuginfo does: the symbols of functions that .dynsym lacks, packed by xz."""
    mini = directory / "mini"
    run([find("objcopy"), "-S", "--keep-section=.symtab", "--only-keep-debug", program, mini], directory)
    run([find("objcopy"), "--only-keep-debug", program, mini], directory)
    run([find("objcopy"), "-S", "--remove-section=.comment", "--wildcard", "--keep-symbol=*", mini], directory)
    run([find("xz"), "-f", "-k", mini], directory)
    run([find("strip"), "--strip-all", program], directory)
    run([find("objcopy"), "--add-section", f".gnu_debugdata={mini}.xz", program], directory)
    return plain(program)


def dwz(directory, program):
    """Two programs with a common file, as distributions pack them."""
    other = directory / "other"
    shutil.copy(program, other)
    run([find("dwz"), "-m", directory / "common.debug", program, other], directory)
    if ".gnu_debugaltlink" not in run([find("readelf"), "-S", "-W", program], directory):
        raise RuntimeError("dwz has found nothing in common")
    return plain(program)


def dwz_alone(directory, program):
    run([find("dwz"), program], directory)
    return plain(program)


def recompressed(kind):
    def after(directory, program):
        try:
            run([find("objcopy"), f"--compress-debug-sections={kind}", program], directory)
        except RuntimeError as error:
            raise NotHere(f"objcopy does not know {kind}") from error
        return plain(program)

    return after


def packaged(directory, program):
    """The .dwo files put into one .dwp beside the program, and gone.

    GNU's dwp, as of 2.40, knows no DWARF 5; llvm-dwp 14 does not come to an end with what g++ makes of it.
    """
    for tool in ("dwp", "llvm-dwp"):
        try:
            run([find(tool), "-e", program, "-o", f"{program}.dwp"], directory, 20)
            break
        except (RuntimeError, NotHere, subprocess.TimeoutExpired):
            pass
    else:
        raise NotHere("no tool packs it: GNU dwp 2.40 knows no DWARF 5, and llvm-dwp 14 does not come to an end with what g++ "
                      "makes of it")
    for file in directory.glob("*.dwo"):
        file.unlink()
    return plain(program)


def deleted(_directory, program):
    return plain(program, "unlink")


def launched(how):
    def after(directory, program):
        launcher = directory / "launch"
        run([find("gcc"), "-O1", "-w", SOURCES / "launch.c", "-o", launcher], directory)
        if how == "memfd":
            return Program([str(launcher), "memfd", str(program), "once"], "/memfd:program")
        if os.geteuid() != 0:
            raise NotHere("needs root")
        root = directory / "root"
        root.mkdir()
        shutil.copy(program, root / "calls")
        if how == "chroot":
            return Program([str(launcher), "chroot", str(root), "/calls"], str(root / "calls"))
        try:
            run([find("unshare"), "-m", "true"], directory)
        except RuntimeError:
            raise NotHere("mount namespaces are not allowed") from None
        return Program([str(launcher), "mount", str(root), "/mnt/calls"], "/mnt/calls")

    return after


# --- C and C++ --------------------------------------------------------------------------------------------------------

FRAME = {"fp": "-fno-omit-frame-pointer", "no fp": "-fomit-frame-pointer"}


def c_builds():
    make = functools.partial(Build, "C", source="calls.c")
    for tool in ("gcc", "clang"):
        base = ["-g", "-w"]
        for level in ("-O0", "-O2", "-O3"):
            for frame, flag in FRAME.items():
                yield make(axis=f"{level}, {'frame pointers' if frame == 'fp' else 'no frame pointers'}", tool=tool,
                           make=c_like(tool, "calls.c", [*base, level, flag]),
                           quick=(tool, level, frame) in {("gcc", "-O0", "fp"), ("gcc", "-O2", "no fp"),
                                                          ("clang", "-O2", "no fp")})
        o2 = [*base, "-O2"]
        lto = ["-flto"] if tool == "gcc" else ["-flto", "-fuse-ld=lld"]
        yield make(axis="-O2, link-time optimization", tool=tool, make=c_like(tool, "calls.c", o2 + lto))
        no_tables = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]
        yield make(axis="no unwind tables, frame pointers", tool=tool,
                   make=c_like(tool, "calls.c", ["-g", "-w", "-O1", FRAME["fp"], *no_tables]))
        yield make(axis="no unwind tables but .debug_frame", tool=tool,
                   make=c_like(tool, "calls.c", [*o2, FRAME["no fp"], *no_tables]))
        yield make(axis="no PIE", tool=tool, make=c_like(tool, "calls.c", [*o2, "-fno-pie", "-no-pie"]))
        yield make(axis="static", tool=tool, make=c_like(tool, "calls.c", [*o2, "-static"]), quick=tool == "gcc")
        yield make(axis="static PIE", tool=tool, make=c_like(tool, "calls.c", [*o2, "-fPIE", "-static-pie"]))
        for version in (4, 5):
            yield make(axis=f"DWARF {version}", tool=tool, make=c_like(tool, "calls.c", [*o2, f"-gdwarf-{version}"]))
            yield make(axis=f"DWARF {version}, split (.dwo)", tool=tool, quick=(tool, version) == ("clang", 5),
                       make=c_like(tool, "calls.c", [*o2, f"-gdwarf-{version}", "-gsplit-dwarf"]))
            yield make(axis=f"DWARF {version}, packaged (.dwp)", tool=tool, quick=(tool, version) == ("gcc", 5),
                       make=c_like(tool, "calls.c", [*o2, f"-gdwarf-{version}", "-gsplit-dwarf"], packaged))
        yield make(axis="one line table row a line (-g1)", tool=tool, stacks=False,
                   make=c_like(tool, "calls.c", ["-g1", "-w", "-O2"]))
        yield make(axis="sections compressed by zlib", tool=tool, make=c_like(tool, "calls.c", [*o2, "-gz=zlib"]))
        yield make(axis="sections compressed by zlib, GNU's way (.zdebug)", tool=tool,
                   make=c_like(tool, "calls.c", o2, recompressed("zlib-gnu")))
        yield make(axis="sections compressed by zstd", tool=tool, make=c_like(tool, "calls.c", o2, recompressed("zstd")))
        yield make(axis="dwz, one file", tool=tool, make=c_like(tool, "calls.c", [*o2, "-gdwarf-4"], dwz_alone))
        yield make(axis="dwz, common file", tool=tool, quick=tool == "gcc",
                   make=c_like(tool, "calls.c", [*o2, "-gdwarf-4"], dwz))
        yield make(axis="stripped, .gnu_debuglink beside it", tool=tool, make=c_like(tool, "calls.c", o2, debuglink(".")))
        yield make(axis="stripped, .gnu_debuglink in .debug/", tool=tool,
                   make=c_like(tool, "calls.c", o2, debuglink(".debug")), quick=tool == "gcc")
        yield make(axis="stripped, found by build-id", tool=tool, make=c_like(tool, "calls.c", o2, by_build_id))
        yield make(axis="stripped, .gnu_debugdata", tool=tool, make=c_like(tool, "calls.c", o2, debugdata), asks="names",
                   quick=tool == "gcc")
        yield make(axis="stripped", tool=tool, make=c_like(tool, "calls.c", o2, stripped), asks="module",
                   quick=tool == "gcc")
        yield make(axis="deleted while it runs", tool=tool, make=c_like(tool, "calls.c", o2, deleted), quick=tool == "gcc")
        yield make(axis="in a memfd", tool=tool, make=c_like(tool, "calls.c", o2, launched("memfd")), quick=tool == "gcc")
        yield make(axis="below another root", tool=tool,
                   make=c_like(tool, "calls.c", [*o2, "-static"], launched("chroot")))
        yield make(axis="in another mount namespace", tool=tool,
                   make=c_like(tool, "calls.c", [*o2, "-static"], launched("mount")))
        yield Build("C", "libraries that come and go at one address", tool, "library.c", loader(tool), quick=tool == "gcc")


def loader(tool):
    def make(directory):
        compiler = find(tool)
        for name, flags in {"first": ["-DFIRST"], "other": []}.items():
            run([compiler, "-g", "-w", "-O2", "-fPIC", "-shared", *flags, SOURCES / "library.c", "-o",
                 directory / f"lib{name}.so"], directory)
        program = directory / "loader"
        run([compiler, "-g", "-w", "-O2", SOURCES / "loader.c", "-o", program, "-ldl"], directory)
        return plain(program, str(directory / "libfirst.so"), str(directory / "libother.so"))

    return make


def cxx_builds():
    for tool in ("g++", "clang++"):
        make = functools.partial(Build, "C++", tool=tool, source="objects.cc")
        for level in ("-O0", "-O2", "-O3"):
            yield make(axis=level, make=c_like(tool, "objects.cc", ["-g", "-w", level]), quick=level == "-O2")
        yield make(axis="-O2, link-time optimization",
                   make=c_like(tool, "objects.cc", ["-g", "-w", "-O2", "-flto", *(["-fuse-ld=lld"] if tool == "clang++" else [])]))
        yield make(axis="-O2, static", make=c_like(tool, "objects.cc", ["-g", "-w", "-O2", "-static"]))
        yield make(axis="-O2, split (.dwo)", make=c_like(tool, "objects.cc", ["-g", "-w", "-O2", "-gsplit-dwarf"]))
        yield make(axis="-O2, packaged (.dwp)",
                   make=c_like(tool, "objects.cc", ["-g", "-w", "-O2", "-gsplit-dwarf"], packaged))
        yield make(axis="-O2, dwz, common file", make=c_like(tool, "objects.cc", ["-g", "-w", "-O2", "-gdwarf-4"], dwz))


# --- Other languages --------------------------------------------------------------------------------------------------


def rust(flags):
    def make(directory):
        program = directory / "program"
        run([find("rustc"), "--edition", "2021", "-A", "warnings", "-g", *flags, SOURCES / "owned.rs", "-o", program],
            directory)
        return plain(program)

    return make


def rust_builds():
    make = functools.partial(Build, "Rust", tool="rustc", source="owned.rs")
    yield make(axis="-O0", make=rust([]))
    yield make(axis="-O2", make=rust(["-C", "opt-level=2"]), quick=True)
    yield make(axis="-O3", make=rust(["-C", "opt-level=3"]))
    yield make(axis="-O2, v0 mangling", make=rust(["-C", "opt-level=2", "-C", "symbol-mangling-version=v0"]))
    yield make(axis="-O2, link-time optimization", make=rust(["-C", "opt-level=2", "-C", "lto=fat"]))
    yield make(axis="-O2, static", make=rust(["-C", "opt-level=2", "-C", "target-feature=+crt-static"]))
    yield make(axis="-O2, split (.dwo)", make=rust(["-C", "opt-level=2", "-C", "split-debuginfo=unpacked"]))
    yield make(axis="-O2, packaged (.dwp)", make=rust(["-C", "opt-level=2", "-C", "split-debuginfo=packed"]))


def go(flags, after=None):
    def make(directory):
        program = directory / "program"
        ENVIRONMENT.setdefault("GOCACHE", str(directory.parent / "go-cache"))
        run([find("go"), "build", *flags, "-o", program, SOURCES / "routines.go"], directory)
        return after(directory, program) if after else plain(program)

    return make


def go_builds():
    make = functools.partial(Build, "Go", tool="go", source="routines.go")
    yield make(axis="as built", make=go([]))
    yield make(axis="not optimized (-N -l)", make=go(["-gcflags=-N -l"]))
    yield make(axis="DWARF not compressed", make=go(["-ldflags=-compressdwarf=false"]))
    yield make(axis="PIE", make=go(["-buildmode=pie"]))
    yield make(axis="stripped, .gnu_debuglink", make=go([], debuglink(".")))
    yield make(axis="without DWARF (-s -w)", make=go(["-ldflags=-s -w"]), asks="module")


def fortran_builds():
    make = functools.partial(Build, "Fortran", tool="gfortran", source="modules.f90")
    for level in ("-O0", "-O2", "-O3"):
        yield make(axis=level, make=c_like("gfortran", "modules.f90", ["-g", "-w", level]), quick=level == "-O2",
                   stacks=level == "-O0")
    yield make(axis="-O2, static", make=c_like("gfortran", "modules.f90", ["-g", "-w", "-O2", "-static"]), stacks=False)


def node(_directory):
    program = os.path.realpath(find("node"))
    flags = ["--perf-basic-prof", "--interpreted-frames-native-stack", "--no-opt"]
    return Program([program, *flags, str(SOURCES / "script.js")], "[jit]", [f"--lib-prefix={program}"],
                   "/tmp/perf-*.map")


def python(_directory):
    for name in (sys.executable, "python3.14", "python3.13", "python3.12"):
        path = shutil.which(name)
        script = "import sys; sys.activate_stack_trampoline('perf'); print(sys.prefix, sys.executable)"
        asked = subprocess.run([path, "-c", script], capture_output=True, text=True) if path else None
        if asked and asked.returncode == 0:
            prefix, program = asked.stdout.split()
            return Program([program, "-X", "perf", str(SOURCES / "script.py")], "[jit]",
                           [f"--lib-prefix={prefix}"], "/tmp/perf-*.map")
    raise NotHere("no Python from 3.12 on, built with perf's trampolines")


def script_builds():
    yield Build("JavaScript", "perf map", "node", "script.js", node, share=0.9, stacks=True, quick=True)
    yield Build("Python", "perf map", "python3", "script.py", python, share=0.9, stacks=True, quick=True)


def all_builds():
    return [*c_builds(), *cxx_builds(), *rust_builds(), *go_builds(), *fortran_builds(), *script_builds()]
