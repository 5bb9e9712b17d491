#!/usr/bin/env python3
"""Runs bench-ring once and prints its tables in Markdown: medians of ten repetitions, in one run.

    table.py BENCH_RING [--benchmark_filter=...]
"""

import collections
import json
import os
import subprocess
import sys
import tempfile

# Like with like: the other queues wake nobody, overwrite nothing and check nothing, and nor does the lean ring. Ours with
# all that stand beside it.
OURS = "spsc_ring, lean"
FULL = ["spsc_ring", "record_ring"]


def run(command):
    with tempfile.TemporaryDirectory() as directory:
        out = os.path.join(directory, "out.json")
        # The repetitions of all benchmarks are mixed, so that a machine whose speed drifts slows all of them alike.
        subprocess.run([*command, "--benchmark_repetitions=10", "--benchmark_enable_random_interleaving=true",
                        "--benchmark_min_time=0.02", "--benchmark_report_aggregates_only=true",
                        f"--benchmark_out={out}", "--benchmark_out_format=json"], check=True, stdout=subprocess.DEVNULL)
        with open(out, encoding="utf-8") as file:
            return json.load(file)["benchmarks"]


def medians(rows):
    table = collections.defaultdict(dict)
    for row in rows:
        if row.get("aggregate_name") != "median":
            continue
        # Google Benchmark adds its own words: /real_time, /manual_time.
        workload, size, queue = row["run_name"].split("/")[:3]
        table[workload, int(size)][queue] = row
    return table


def ns(row):
    return row["ns"] * (1e9 if row["ns"] < 1e-3 else 1)


def main():
    table = medians(run(sys.argv[1:]))
    worst = None
    workloads = list(dict.fromkeys(workload for workload, _ in table))
    for workload in workloads:
        sizes = sorted(size for w, size in table if w == workload)
        if workload.startswith(("same thread", "two threads")):
            others = [q for q in table[workload, sizes[0]] if q != OURS and q not in FULL]
            print(f"\n**{workload}**, ns a value; in brackets how many times slower than `{OURS}`\n")
            print("| bytes | " + " | ".join(f"`{q}`" for q in [OURS, *FULL, *others]) + " |")
            print("|--:|" + "--:|" * (len(others) + 3))
            for size in sizes:
                cells = table[workload, size]
                ours = ns(cells[OURS])
                text = [f"{ours:.1f}"]
                for queue in [*FULL, *others]:
                    ratio = ns(cells[queue]) / ours
                    text.append(f"{ns(cells[queue]):.1f} ({ratio:.2f})")
                    if queue not in FULL and (worst is None or ratio < worst[0]):
                        worst = (ratio, workload, size, queue)
                print(f"| {size} | " + " | ".join(text) + " |")
        elif workload == "many producers":
            queues = list(table[workload, sizes[0]])
            print(f"\n**{workload}** into one consumer, 64 bytes, ns a value over all\n")
            print("| producers | " + " | ".join(f"`{q}`" for q in queues) + " |")
            print("|--:|" + "--:|" * len(queues))
            for size in sizes:
                print(f"| {size} | " + " | ".join(f"{ns(table[workload, size][q]):.1f}" for q in queues) + " |")
        else:
            for size in sizes:
                columns = ["ns", "burst_p99", "single_p50", "single_p99", "single_p999"]
                columns = [c for c in columns if any(c in row for row in table[workload, size].values())]
                heads = {"ns": "ns, median", "burst_p99": "p99 of bursts", "single_p50": "alone: median",
                         "single_p99": "p99", "single_p999": "p99.9"}
                print(f"\n**{workload}**, {size} bytes\n")
                print("| | " + " | ".join(heads[c] for c in columns) + " |")
                print("|---|" + "--:|" * len(columns))
                for queue, row in table[workload, size].items():
                    cells = [f"{ns(row):.1f}" if c == "ns" else f"{row[c]:.1f}" if c in row else "" for c in columns]
                    print(f"| {queue} | " + " | ".join(cells) + " |")
    if worst:
        ratio, workload, size, queue = worst
        print(f"\nThe worst cell: {workload}, {size} bytes, `{queue}` takes {ratio:.2f} times as long as `{OURS}`.")


if __name__ == "__main__":
    main()
