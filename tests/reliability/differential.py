"""R13: real programs. What three runs by ptrace agree on, a run under the engine must agree on, too."""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

from harness import SIGHTLINE, wait_until

from case import PROGRAMS

RUNS_BY_PTRACE = 3
ADDR_NO_RANDOMIZE = 0x0040000

HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello"); return 4; }\n'
HELLO_GO = """package main
import ("fmt"; "os"; "sync")
func main() {
	var all sync.WaitGroup
	for i := 0; i < 50; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for j := 0; j < 20; j++ { os.ReadFile("/etc/hostname"); garbage := make([]byte, 1<<20); _ = garbage }
		}()
	}
	all.Wait()
	fmt.Println("hello")
}
"""
HELLO_JAVA = """import java.util.stream.*;
public class Hello {
  public static void main(String[] a) throws Exception {
    Object[] none = {null};
    int caught = 0;
    for (int i = 0; i < 5000; i++) try { none[0].hashCode(); } catch (NullPointerException e) { caught++; }
    System.out.println(caught + " " + IntStream.range(0, 1000000).parallel().map(i -> i % 7).sum());
  }
}
"""
HELLO_RS = 'fn main() { let v: Vec<u32> = (0..9).collect(); println!("hello {}", v.len()); }\n'
NODE = ("const fs = require('fs'); let n = 0; for (let i = 0; i < 200; i++) n += fs.readFileSync('/etc/hostname').length > 0;"
        "fs.readFile('/etc/hostname', () => console.log(n))")
PYTHON = ("import json, os, subprocess\nprint(json.dumps(sorted(os.listdir('/etc'))[:9]))\n"
          "print(subprocess.run(['/bin/echo', 'child'], capture_output=True).stdout)")
SQL = "create table t(a, b); begin;" + "".join(f"insert into t values({i}, 'row {i}');" for i in range(200)) + \
    "commit; insert into t values(0, 0); delete from t where a % 2; select count(*), sum(a) from t;"


def prepare(directory):
    """What the programs work on, outside of any trace."""
    for name, text in (("hello.c", HELLO_C), ("hello.go", HELLO_GO), ("Hello.java", HELLO_JAVA), ("hello.rs", HELLO_RS)):
        (directory / name).write_text(text)
    quiet = {"cwd": directory, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    subprocess.run(["gcc", "-g", "-static", "-o", "static", "hello.c"], **quiet)
    subprocess.run(["gcc", "-g", "-o", "hello", "hello.c"], **quiet)
    if shutil.which("javac"):
        subprocess.run(["javac", "Hello.java"], **quiet)
    if shutil.which("go"):
        subprocess.run(["go", "build", "-o", "gopher", "hello.go"], env={**os.environ, "GOFLAGS": "-mod=mod"}, **quiet)
    if shutil.which("git"):
        subprocess.run(["sh", "-c", "git init -q repo && cd repo && for i in $(seq 50); do echo $i >$i; done && git add . && "
                        "git -c user.name=a -c user.email=a@b commit -qm first && echo more >>7"], **quiet)


def commands(directory):
    """name, command, what to remove before each run"""
    have = lambda *names: all(shutil.which(name) or (directory / name).exists() for name in names)
    python = os.path.realpath(sys.executable)
    if have("gcc"):
        yield "gcc", ["gcc", "-O1", "-o", "out", "hello.c"], ["out"]
    yield "python3", [python, "-I", "-S", "-c", PYTHON], []
    if have("git"):
        yield "git", ["git", "--no-optional-locks", "-C", "repo", "status"], []
    if have("sqlite3"):
        yield "sqlite3", ["sqlite3", "t.db", SQL], ["t.db"]
    if have("static"):
        yield "static", ["./static"], []
    yield "libc-less", [str(PROGRAMS / "bare-calls")], []
    if have("gdb", "hello"):
        yield "gdb", ["gdb", "-nx", "-batch", "-ex", "info line main", "./hello"], []
    if have("rustc"):
        yield "rustc", ["rustc", "-o", "out", "hello.rs"], ["out"]
    if have("gopher"):
        yield "go", ["./gopher"], []
    if have("node"):
        yield "node", ["node", "-e", NODE], []
    if have("java", "Hello.class"):
        yield "java", ["java", "-cp", ".", "Hello"], []


def exported(case, file):
    """The calls and signals of each process in the order of their first record: [(threads, [(name, text, source)])]."""
    with subprocess.Popen([SIGHTLINE, "export", "--format=jsonl", file], stdout=subprocess.PIPE) as child:
        lines = child.stdout.readlines()
    case.assertEqual(child.returncode, 0, f"export fails behind {len(lines)} lines")
    records = [json.loads(line) for line in lines]
    processes, threads, ids = {}, {}, {}
    for record in records:
        if record["type"] in ("process", "thread"):
            for key in ("pid", "tid"):
                ids.setdefault(str(record.get(key, record["pid"])), f"P{len(ids)}")
            threads.setdefault(record["pid"], set()).add(record.get("thread"))
        if record["type"] == "call":
            # The environment's address at the first execve is the tracer's own affair.
            arguments = re.sub(r"0x[0-9a-f]+ (/\* \d+ vars)", r"\1", ", ".join(a["text"] for a in record["args"]))
            # What a copy of the stack did not reach is no place to expect of others.
            source = None if record["stack_cut"] else (record["file"], record["line"], record["function"])
            processes.setdefault(record["pid"], []).append(
                (record["start"], record["name"], f"({arguments}) = {record['result']} {record['end']}", source))
        elif record["type"] == "signal" and "name" in record:
            # A child's death comes between any two calls: only how often is compared.
            time = float("inf") if record["name"] == "SIGCHLD" else record["time"]
            processes.setdefault(record["pid"], []).append((time, "--- " + record["name"], "", ()))
    number = re.compile(r"\b(?:" + "|".join(ids) + r")\b") if ids else None
    # Which of several threads is faster decides where each has its stack, also in the processes that they fork.
    race = any(len(of_process - {None}) > 1 for of_process in threads.values())
    stack = re.compile(r"\b0x7f[0-9a-f]{10}\b") if race else None
    hide = lambda text: stack.sub("A", text) if stack else text
    result = []
    for pid, calls in sorted(processes.items(), key=lambda process: min(call[0] for call in process[1])):
        result.append((len(threads[pid] - {None}),
                       [(name, hide(number.sub(lambda m: ids[m[0]], text)), source) for _, name, text, source in sorted(calls)]))
    return result


def unlike(steady, seen):
    """Where a run differs from what several others agree on; None if it does not. A process of one thread makes the same calls
    in the same order, with the same arguments, results and lines unless those differ from run to run anyway; of others,
    threads race, and what is compared is what they do to files."""
    if any(len(run) != len(seen) for run in steady):
        if len({len(run) for run in steady}) == 1:
            return f"{len(seen)} processes instead of {len(steady[0])}"
        return not_in_common([sum((calls for _, calls in run), []) for run in steady], sum((calls for _, calls in seen), []))
    for i, (threads, calls) in enumerate(seen):
        runs = [run[i][1] for run in steady]
        if any(run[i][0] != 1 for run in steady) or threads != 1 or len({tuple(call[0] for call in run) for run in runs}) > 1:
            problem = not_in_common(runs, calls)
        else:
            problem = not_the_same(runs, calls)
        if problem:
            return f"process {i}: {problem}"
    return None


def not_the_same(runs, seen):
    if [call[0] for call in seen] != [call[0] for call in runs[0]]:
        return first_difference([call[0] for call in runs[0]], [call[0] for call in seen])
    for n, call in enumerate(seen):
        for part in (1, 2):
            known = {run[n][part] for run in runs}
            if len(known) == 1 and None not in known and call[part] not in known:
                return f"call {n}: {call[0]}{call[part]} instead of {runs[0][n][0]}{known.pop()}"
    return None


PATHS = {"openat", "open", "execve", "access", "readlink", "unlink", "rename", "mkdir", "creat"}


def not_in_common(runs, seen):
    """Of calls with paths, those that all runs made."""
    of = lambda run: {(call[0], re.sub(r"0x[0-9a-f]{4,}", "A", call[1])) for call in run if call[0] in PATHS}
    missing = set.intersection(*map(of, runs)) - of(seen)
    # What names a descriptor or a random file is no more than one of several outcomes.
    missing = {call for call in missing if not any(other[0] == call[0] and other[1].split(") = ")[0] == call[1].split(") = ")[0]
                                                   for other in of(seen))}
    return f"missing: {sorted(missing)[:3]}" if missing else None


def first_difference(expected, got):
    for i, (a, b) in enumerate(zip(expected, got)):
        if a != b:
            return f"call {i}: {b} instead of {a} (behind {expected[max(0, i - 3):i]})"
    return f"{len(got)} calls instead of {len(expected)}: {(expected[len(got):] or got[len(expected):])[:5]}"


def compare(case, name, command, remove, directory):
    fixed = lambda: ctypes.CDLL(None).personality(ADDR_NO_RANDOMIZE)
    environment = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ} | {"LC_ALL": "C"}

    def run(*tracer):
        for file in remove:
            (directory / file).unlink(missing_ok=True)
        return case.run_program([*tracer, *command], cwd=directory, env=environment, preexec_fn=fixed)

    bare = run()
    case.assertEqual(bare.status, {"static": 4, "libc-less": 3}.get(name, 0), bare)

    def traced(engine):
        file = case.dir / f"{name}.slt"
        for old in case.dir.glob(f"{name}.slt*"):
            old.unlink()
        result = run(SIGHTLINE, "record", "-q", f"--engine={engine}", "-o", file)
        case.assertEqual((result.status, result.out), (bare.status, bare.out), f"{name}: {result}")
        info = case.info(file)
        case.assertTrue(info["complete"])
        case.assertEqual(info["entered"], info["spans"] + info["unfinished"])
        if engine == case.engine:
            case.look_at_engines(info)
        return exported(case, file)

    steady = [traced("ptrace") for _ in range(RUNS_BY_PTRACE)]
    problem = unlike(steady, traced(case.engine))
    if problem is not None:
        # The fourth run may be unlike three others by itself: so may a fifth and a sixth, but not all.
        steady.append(traced("ptrace"))
        again = [unlike(steady, traced(case.engine)) for _ in range(2)]
        if all(again):
            return f"{name}: {problem}"
    return None


def serve(case, command, ready, **options):
    """A server under the tracer, once `ready` is true."""
    file = case.dir / "server.slt"
    for old in case.dir.glob("server.slt*"):
        old.unlink()
    tracer = case.start([SIGHTLINE, "record", "-q", f"--engine={case.engine}", "--source=none", "-o", file, *command],
                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    wait_until(lambda: ready() or tracer.poll() is not None, f"{command[0]} to serve")
    case.assertIsNone(tracer.poll(), f"{command} has ended")
    return tracer, file


def written(case, file, pattern):
    """How many writes of a recording match."""
    regex = re.compile(pattern)
    count = 0
    with subprocess.Popen([SIGHTLINE, "print", "--source=none", file], stdout=subprocess.PIPE) as child:
        for line in child.stdout:
            count += regex.search(line) is not None
    case.assertEqual(child.returncode, 0)
    return count


def redis(case):
    path = case.dir / "redis.sock"
    path.unlink(missing_ok=True)
    tracer, file = serve(case, ["redis-server", "--port", 0, "--unixsocket", path, "--save", "", "--dir", case.dir], path.exists)
    client = lambda *words: subprocess.run([*map(str, words)], stdout=subprocess.PIPE, check=True, timeout=300).stdout
    requests = case.size(5_000, 100_000)
    client("redis-benchmark", "-s", path, "-n", requests, "-c", 16, "-t", "set", "-q")
    told = int(re.search(rb"cmdstat_set:calls=(\d+)", client("redis-cli", "-s", path, "info", "commandstats"))[1])
    subprocess.run(["redis-cli", "-s", path, "shutdown", "nosave"], stdout=subprocess.DEVNULL, check=False)
    case.assertEqual(tracer.wait(300), 0)
    case.check_recording(file)
    case.assertGreaterEqual(told, requests)
    case.assertEqual(written(case, file, rb'write\(\d+, "\+OK\\r\\n", 5(?:\)| <unfinished)'), told,
                     "redis: answers in the trace, commands by its own count")


NGINX = """daemon off; master_process on; worker_processes 2; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{ access_log {dir}/access.log; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5; sendfile on;
server {{ listen 127.0.0.1:{port}; root {dir}/www; }} }}
"""


def nginx(case):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    directory = case.dir / "nginx"
    (directory / "www").mkdir(parents=True, exist_ok=True)
    (directory / "www" / "index.html").write_text("hello\n")
    directory.chmod(0o777)
    configuration = directory / "nginx.conf"
    configuration.write_text(NGINX.format(dir=directory, port=port))
    program = shutil.which("nginx") or "/usr/sbin/nginx"

    def listening():
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    tracer, file = serve(case, [program, "-e", directory / "error.log", "-c", configuration], listening)
    seconds = max(1, min(30, int(case.size(2, 30))))
    done = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}", f"http://127.0.0.1:{port}/"], stdout=subprocess.PIPE, check=True)
    case.assertNotIn(b"Socket errors", done.stdout)
    os.kill(int((directory / "nginx.pid").read_text()), signal.SIGQUIT)
    case.assertEqual(tracer.wait(300), 0)
    case.check_recording(file)
    logged = (directory / "access.log").read_bytes().count(b"\n")
    case.assertGreater(logged, 100)
    case.assertEqual(written(case, file, rb'write\(\d+, "127\.0\.0\.1 - - '), logged, "nginx: requests in the trace, in its log")


def programs(case):
    """R13: real programs"""
    directory = case.dir / "work"
    directory.mkdir()
    prepare(directory)
    done, problems = [], []
    for name, command, remove in commands(directory):
        problem = compare(case, name, command, remove, directory)
        done.append(name)
        if problem:
            problems.append(problem)
    for name, serve_it, needs in (("redis", redis, ("redis-server", "redis-benchmark", "redis-cli")),
                                  ("nginx", nginx, ("wrk",))):
        if all(map(shutil.which, needs)) and (name != "nginx" or os.path.exists("/usr/sbin/nginx")):
            try:
                serve_it(case)
                done.append(name)
            except AssertionError as error:
                problems.append(f"{name}: {str(error)[:200]}")
    case.assertEqual(problems, [], "\n".join(problems))
    return ", ".join(done), "output and status as untraced, the calls that three runs by ptrace agree on, servers' own counts"
