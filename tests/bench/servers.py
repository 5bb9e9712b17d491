"""What attaching to a busy server costs: requests a second without and with each tracer."""

import csv
import io
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

import tracers
from tracers import ratio_text

NGINX = """daemon off; worker_processes 1; pid {dir}/nginx.pid; error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{ access_log {dir}/access.log; client_body_temp_path {dir}/t1; proxy_temp_path {dir}/t2; fastcgi_temp_path {dir}/t3;
uwsgi_temp_path {dir}/t4; scgi_temp_path {dir}/t5; sendfile on; keepalive_requests 1000000;
server {{ listen 127.0.0.1:{port}; root {dir}/www; }} }}
"""


def wait_until(condition, what):
    end = time.monotonic() + 60
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: waited in vain for {what}")
        time.sleep(0.01)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Redis:
    title = "redis-server, redis-benchmark -t get -c 16"
    needs = ("redis-server", "redis-benchmark")

    def __init__(self, scratch):
        self.port = free_port()
        self.process = subprocess.Popen(["redis-server", "--port", str(self.port), "--save", "", "--dir", scratch],
                                        stdout=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port), "redis-server")
        self.pids = [self.process.pid]

    def requests_a_second(self, fast):
        said = subprocess.run(["redis-benchmark", "-p", str(self.port), "-t", "get", "-c", "16", "--csv", "-n",
                               "100000" if fast else "10000"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        rows = [row for row in csv.reader(io.StringIO(said.stdout)) if row and row[0].startswith("GET")]
        return float(rows[0][1])

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Nginx:
    title = "nginx, wrk -t1 -c16"
    needs = ("nginx", "wrk")

    def __init__(self, scratch):
        self.port = free_port()
        directory = os.path.join(scratch, "nginx")
        os.makedirs(os.path.join(directory, "www"))
        os.chmod(scratch, 0o755)  # the worker is another user where we are root
        with open(os.path.join(directory, "www", "index.html"), "w", encoding="ascii") as file:
            file.write("hello\n")
        configuration = os.path.join(directory, "nginx.conf")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(NGINX.format(dir=directory, port=self.port))
        self.process = subprocess.Popen([shutil.which("nginx"), "-e", os.path.join(directory, "error.log"), "-c", configuration],
                                        stderr=subprocess.DEVNULL)
        wait_until(lambda: listens(self.port), "nginx")
        wait_until(self.workers, "nginx's worker")  # it listens before it has one
        self.pids = self.workers()

    def workers(self):
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children", encoding="ascii") as file:
            return [int(word) for word in file.read().split()]

    def requests_a_second(self, fast):
        said = subprocess.run(["wrk", "-t1", "-c16", "-d2s" if fast else "-d1s", f"http://127.0.0.1:{self.port}/"],
                              stdout=subprocess.PIPE, text=True, check=True).stdout
        return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def attached(tracer, pids):
    """Whether it traces all threads. perf shows that only by its descriptors."""
    try:
        if tracer.args[0] == "perf":
            return any("perf_event" in os.readlink(f"/proc/{tracer.pid}/fd/{fd}") for fd in os.listdir(f"/proc/{tracer.pid}/fd"))
        for pid in pids:
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/status", encoding="utf-8", errors="replace") as file:
                    if "TracerPid:\t0\n" in file.read():
                        return False
        return True
    except OSError:
        return False


def measure(server, tracer, sightline, out, notes):
    tracers.remove_output(out)
    command = tracers.filled(tracer.attach, sightline, out) + [",".join(map(str, server.pids))]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: attached(process, server.pids) or process.poll() is not None, f"{tracer.name} to attach")
    if process.poll() is not None:
        notes[tracer.name] = process.stderr.read().strip().splitlines()[0]
        return None
    try:
        rate = server.requests_a_second(tracer.speed > 1)
    finally:
        process.send_signal(signal.SIGINT)
        said = process.communicate()[1]
    if process.returncode not in (0, -signal.SIGINT):
        notes[tracer.name] = f"ended with {process.returncode}: {said.strip()[:200]}"
        return rate
    if tracer.command[0] == "{sightline}":
        # What was measured may not be the engine that was asked for.
        info = json.loads(subprocess.run([sightline, "info", "--format=json", out], stdout=subprocess.PIPE, check=True).stdout)
        engines = {engine["engine"] for engine in info["processes"]}
        if engines != {tracer.name.split(",")[0]}:
            notes[tracer.name] = f"traced by {' and '.join(sorted(engines)) or 'nothing'}"
    return rate


def servers(build, scratch, rounds, markdown):
    sightline, out = os.path.join(build, "sightline"), os.path.join(scratch, "out")
    os.environ["PATH"] += ":/usr/sbin"
    usable = [tracer for tracer in tracers.available(sightline, scratch)[1:]]
    notes = {tracer.name: tracer.note for tracer in usable if tracer.note}
    rows = []
    for kind in (Redis, Nginx):
        if not all(map(shutil.which, kind.needs)):
            print(f"{kind.title}: {' or '.join(kind.needs)} is not installed")
            continue
        server = kind(scratch)
        try:
            server.requests_a_second(True)  # warms up
            bare, rates = [], {tracer.name: [] for tracer in usable}
            for _ in range(rounds):
                bare.append(server.requests_a_second(True))
                for tracer in usable:
                    rate = None if tracer.note else measure(server, tracer, sightline, out, notes)
                    rates[tracer.name].append(rate)
        finally:
            server.stop()
        cells = [kind.title, f"{statistics.median(bare):,.0f}"]
        for tracer in usable:
            both = [(b, rate) for b, rate in zip(bare, rates[tracer.name]) if rate]
            cells.append(f"{statistics.median(rate for _, rate in both):,.0f} (÷ {ratio_text(statistics.median(b / r for b, r in both))})"
                         if both else "–")
        rows.append(cells)
    print(f"\nA server that is attached to while it serves: requests a second, and how many times fewer. Medians of {rounds} rounds.")
    tracers.print_table(["", "bare", *[tracer.name for tracer in usable]], rows, markdown)
    for name, note in notes.items():
        print(f"{name}: {note}")
    print("\n" + tracers.LEGEND)
