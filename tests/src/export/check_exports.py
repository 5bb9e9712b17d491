#!/usr/bin/env python3
"""Holds the formats of one trace against each other, and each against its own rules.

    check_exports.py EXPORT_RANDOM PERFETTO_SUBSET.PROTO

Needs protoc for the Perfetto part (without it the test is skipped: exit status 77) and uses jq where there is one.
"""

import collections
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile


def fail(text):
    sys.exit("FAILED: " + text)


def expect(condition, text):
    if not condition:
        fail(text)


Totals = collections.namedtuple("Totals", "calls unfinished duration errors names signals lost")


def check_jsonl(path):
    rows = [json.loads(line) for line in path.read_bytes().decode("utf-8").splitlines()]
    expect(rows[0]["type"] == "meta" and rows[-1]["type"] == "end", "jsonl: first row meta, last row end")
    calls = [row for row in rows if row["type"] == "call"]
    needed = {"seq", "pid", "tid", "comm", "nr", "name", "start", "dur", "args", "ret", "error", "file", "line",
              "function", "stack", "stack_cut"}
    threads = {row["thread"] for row in rows if row["type"] == "thread"}
    for call in calls:
        expect(needed <= set(call), f"jsonl: a call lacks {needed - set(call)}")
        expect(call["thread"] in threads, "jsonl: a call of no thread")
        expect(isinstance(call["start"], int) and isinstance(call["dur"], (int, type(None))), "jsonl: times in ns")
        for argument in call["args"]:
            expect(set(argument) >= {"name", "raw", "text"}, "jsonl: an argument lacks something")
            raw = argument["raw"]
            expect(isinstance(raw, int) or re.fullmatch("0x[0-9a-f]+", raw), f"jsonl: raw is {raw!r}")
        for frame in call["stack"]:
            expect(set(frame) >= {"module", "offset", "function", "file", "line", "inlined"}, "jsonl: a frame")
    expect(len({call["seq"] for call in calls}) == len(calls), "jsonl: seq is unique")
    end = rows[-1]
    finished = [call for call in calls if call["dur"] is not None]
    expect(end["finished"] == len(finished), "jsonl: finished calls")
    expect(end["unfinished"] == len(calls) - len(finished), "jsonl: unfinished calls")
    return Totals(len(calls), len(calls) - len(finished), sum(call["dur"] for call in finished),
                  sum(call["error"] is not None for call in calls), collections.Counter(call["name"] for call in calls),
                  sum(row["type"] == "signal" for row in rows),
                  sum(row["calls"] for row in rows if row["type"] == "loss"))


def check_chrome(path):
    trace = json.loads(path.read_bytes().decode("utf-8"), parse_float=str)
    expect(trace["displayTimeUnit"] == "ns", "chrome: displayTimeUnit")
    events = trace["traceEvents"]
    calls = [event for event in events if event["ph"] == "X"]

    def ns(microseconds):
        match = re.fullmatch(r"(-?)(\d+)\.(\d{3})", microseconds)
        expect(match, f"chrome: {microseconds!r} has no nanoseconds")
        return int(match[1] + match[2] + match[3])

    for event in events:
        expect(event["ph"] in "XiM" and "pid" in event and "tid" in event and "name" in event, "chrome: an event")
        if event["ph"] != "M":
            ns(event["ts"])
        if event["ph"] == "i":
            expect(event["s"] in "gpt", "chrome: scope of an instant")
    finished = [call for call in calls if "unfinished" not in call["args"]]
    return Totals(len(calls), len(calls) - len(finished), sum(ns(call["dur"]) for call in finished),
                  sum("error" in call["args"] for call in calls), collections.Counter(call["name"] for call in calls),
                  sum(event["ph"] == "i" and event["cat"] == "signal" for event in events),
                  sum(event["args"]["calls"] for event in events if event["ph"] == "i" and event["cat"] == "loss"))


def parse_text(text):
    """protoc's text format as nested lists of (name, value)."""
    root = []
    stack = [root]
    for line in text.splitlines():
        line = line.strip()
        if line.endswith("{"):
            message = []
            stack[-1].append((line[:-1].strip(), message))
            stack.append(message)
        elif line == "}":
            stack.pop()
        elif line:
            name, value = line.split(": ", 1)
            stack[-1].append((name, value))
    expect(len(stack) == 1, "perfetto: protoc's text does not nest")
    return root


def check_perfetto(path, proto):
    decoded = subprocess.run(["protoc", f"--proto_path={proto.parent}", "--decode=perfetto.protos.Trace", proto.name],
                             stdin=path.open("rb"), capture_output=True)
    expect(decoded.returncode == 0, "perfetto: protoc: " + decoded.stderr.decode())
    text = decoded.stdout.decode("utf-8")
    expect(not re.search(r"^\s*\d+[:{ ]", text, re.M), "perfetto: a field that the format does not have")

    def all_of(message, name):
        return [value for key, value in message if key == name]

    def one(message, name, default=None):
        values = all_of(message, name)
        expect(len(values) <= 1, f"perfetto: {name} twice")
        return values[0] if values else default

    interned = collections.defaultdict(dict)
    tracks = {}
    open_slices = collections.defaultdict(list)
    last_on_track = {}
    begins = ends = unfinished = errors = duration = signals = lost = 0
    names = collections.Counter()
    packets = all_of(parse_text(text), "packet")
    for number, packet in enumerate(packets):
        expect(one(packet, "trusted_packet_sequence_id") == "1", "perfetto: sequence id")
        expect(one(packet, "sequence_flags") == ("1" if number == 0 else "2"), "perfetto: sequence flags")
        if number == 0:
            expect(one(packet, "clock_snapshot") and one(packet, "trace_packet_defaults"), "perfetto: clocks first")
            expect(one(one(packet, "trace_packet_defaults"), "timestamp_clock_id") == "3", "perfetto: monotonic clock")
            continue
        time = int(one(packet, "timestamp"))
        # Entries of one packet may refer to each other in any order (protoc prints them by field number).
        for kind, entry in one(packet, "interned_data", []):
            iid = one(entry, "iid")
            expect(iid != "0" and iid not in interned[kind], f"perfetto: {kind} {iid} twice")
            interned[kind][iid] = one(entry, "name") or one(entry, "str")
        for kind, entry in one(packet, "interned_data", []):
            if kind == "frames":
                expect(one(entry, "function_name_id") in interned["function_names"], "perfetto: function before frame")
                mapping, source = one(entry, "mapping_id"), one(entry, "source_path_iid")
                expect(mapping is None or mapping in interned["mappings"], "perfetto: mapping before frame")
                expect((mapping is None) == (one(entry, "rel_pc") is None), "perfetto: rel_pc goes with mapping_id")
                expect(source is None or source in interned["source_paths"], "perfetto: source path before frame")
            if kind == "mappings":
                expect(one(entry, "path_string_ids") in interned["mapping_paths"], "perfetto: path before mapping")
            if kind == "callstacks":
                expect(all(frame in interned["frames"] for frame in all_of(entry, "frame_ids")),
                       "perfetto: frames before call stack")
        descriptor = one(packet, "track_descriptor")
        if descriptor is not None:
            uuid = one(descriptor, "uuid")
            if one(descriptor, "thread"):
                expect(one(descriptor, "parent_uuid") in tracks, "perfetto: process before thread")
            tracks[uuid] = descriptor
            continue
        event = one(packet, "track_event")
        track = one(event, "track_uuid")
        kind = one(event, "type")
        annotations = {}
        for annotation in all_of(event, "debug_annotations"):
            name = one(annotation, "name_iid")
            expect(name in interned["debug_annotation_names"], "perfetto: annotation name before use")
            annotations[interned["debug_annotation_names"][name].strip('"')] = annotation
        categories = [interned["event_categories"].get(iid) for iid in all_of(event, "category_iids")]
        expect(None not in categories, "perfetto: category before use")
        name = one(event, "name_iid")
        expect(name is None or name in interned["event_names"], "perfetto: event name before use")
        stack = one(event, "callstack_iid")
        expect(stack is None or stack in interned["callstacks"], "perfetto: call stack before use")
        expect(track in tracks or (kind == "TYPE_INSTANT" and track == "0"), "perfetto: an event on no track")
        if kind == "TYPE_SLICE_BEGIN":
            begins += 1
            expect(not open_slices[track], "perfetto: slices overlap")
            expect(time >= last_on_track.get(track, 0), "perfetto: a slice begins before the last one has ended")
            open_slices[track].append(time)
            names[interned["event_names"][name].strip('"')] += 1
        elif kind == "TYPE_SLICE_END":
            ends += 1
            expect(open_slices[track], "perfetto: END without BEGIN")
            start = open_slices[track].pop()
            expect(time >= start, "perfetto: a slice that ends before it begins")
            last_on_track[track] = time
            errors += "error" in annotations
            if "unfinished" in annotations:
                unfinished += 1
            else:
                duration += time - start
        else:
            expect(kind == "TYPE_INSTANT", f"perfetto: type {kind}")
            signals += '"signal"' in categories
            if '"loss"' in categories:
                first = interned["event_names"][name].strip('"').split()[0]
                lost += int(first) if first.isdigit() else 0  # else only the end of a call
    expect(not any(open_slices.values()), "perfetto: a slice without END")
    expect(begins == ends, "perfetto: BEGIN and END")
    return Totals(begins, unfinished, duration, errors, names, signals, lost)


def main():
    program, proto = sys.argv[1], pathlib.Path(sys.argv[2])
    has_protoc = shutil.which("protoc") is not None
    for seed, events in [(1, 0), (2, 1), (3, 300), (4, 3000), (5, 3000), (6, 3000)]:
        with tempfile.TemporaryDirectory() as name:
            directory = pathlib.Path(name)
            subprocess.run([program, name, str(seed), str(events)], check=True)
            totals = check_jsonl(directory / "trace.jsonl")
            expect(events < 1000 or (totals.calls > events / 4 and totals.errors and totals.signals and totals.lost),
                   "the random trace has nothing to check")
            chrome = check_chrome(directory / "trace.chrome")
            expect(chrome == totals, f"chrome and jsonl differ: {chrome} {totals}")
            if has_protoc:
                perfetto = check_perfetto(directory / "trace.perfetto", proto)
                expect(perfetto == totals, f"perfetto and jsonl differ: {perfetto} {totals}")
            if shutil.which("jq"):
                counted = subprocess.run(["jq", "-s", 'map(select(.type == "call")) | length',
                                          str(directory / "trace.jsonl")], check=True, capture_output=True)
                expect(int(counted.stdout) == totals.calls, "jq counts other calls than Python")
                counted = subprocess.run(["jq", '.traceEvents | map(select(.ph == "X")) | length',
                                          str(directory / "trace.chrome")], check=True, capture_output=True)
                expect(int(counted.stdout) == totals.calls, "jq counts other calls than Python")
    if not has_protoc:
        print("protoc is not installed: the Perfetto export was not checked")
        sys.exit(77)


main()
