#!/usr/bin/env python3
"""Ingest and compare beside DuckDB, on the same data in one run; prints times and their ratio.

usage: beside_duckdb.py RUNQ FOLDER [TIMES]

RUNQ is a release build of runq; FOLDER holds AgentV run folders, as this makes them:
    RUNQ_BENCH_DIR=FOLDER cargo test --test it -- --ignored runs_of_the_benches
runq is timed as a whole process, from start to the last byte of its JSON; DuckDB inside its process, without its start
and its connection. Each question is asked TIMES times (7) after one that is not counted, and the median stands.
Needs the package duckdb.
"""
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent


def seconds(command, **options):
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - started


def peer(script, *arguments):
    done = subprocess.run([sys.executable, HERE / script, *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def row(what, ours, theirs):
    print(f"{what:<36} {ours * 1000:>9.0f} ms {theirs:>9.0f} ms {ours * 1000 / theirs:>7.2f}")


def main():
    runq, folder = os.path.abspath(sys.argv[1]), sys.argv[2]
    times = int(sys.argv[3]) if len(sys.argv) > 3 else 7
    with tempfile.TemporaryDirectory() as out:
        store = os.path.join(out, "store")
        print(f"{'':<36} {'runq':>12} {'DuckDB':>12} {'ratio':>7}")
        row("ingest, all runs", seconds([runq, "--store", store, "ingest", folder]), peer("duckdb_ingest.py", folder))
        ids = subprocess.run(
            [runq, "--store", store, "runs", "--limit", "10", "--format", "ids"], check=True, capture_output=True, text=True
        ).stdout.split()
        for count in (2, 10):
            names = ids[:count]
            command = [runq, "--store", store, "compare", *names, "--json"]
            ours = statistics.median([seconds(command) for _ in range(times + 1)][1:])
            arguments = ["--results", f"{store}/results/*.parquet", "--scores", f"{store}/scores/*.parquet"]
            for name in names:
                arguments += ["--run", name]
            row(f"compare {count} runs", ours, peer("duckdb_peer.py", *arguments, "--time", str(times))["median_ms"])
        row("ingest again, nothing changed", seconds([runq, "--store", store, "ingest", folder]), float("nan"))


main()
