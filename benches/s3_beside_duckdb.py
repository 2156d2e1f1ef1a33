#!/usr/bin/env python3
"""Comparing two of many runs in S3, runq beside DuckDB over the same server with injected latency.

usage: s3_beside_duckdb.py RUNQ FOLDER [RUNS [CASES [DELAY_MS [TIMES]]]]

RUNQ is a release build. FOLDER keeps the objects between two calls: a store of RUNS (1000) AgentV runs with CASES (20)
cases each is made there on the first one, ten runs to an ingest, and `runq optimize`d into a second store beside it. The
server is the one of the tests (`cargo test --test it -- --ignored serve_s3`), which answers each request DELAY_MS (30)
later; it counts requests and bytes for both. The two take turns, TIMES times (5), the medians stand.
DuckDB, in its own process with its own extensions httpfs and delta, does three things:
  delta  it finds the files of the two runs through the log of the Delta tables, as runq does
  files  it is told which files may hold rows of the two runs, and reads no log
Answers (the mean of each metric by run, and how many cases of the score went up and down) must be the same.
Needs duckdb, duckdb-extensions, duckdb-extension-httpfs, duckdb-extension-delta and deltalake from PyPI.
"""
import csv
import io
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import time

from shell_beside_duckdb import make

BUCKET = "team-runs"
MEANS = """
SELECT run_id, metric, count(value) AS n, round(avg(value), 9) AS mean
FROM {scores} WHERE latest AND value IS NOT NULL GROUP BY run_id, metric ORDER BY run_id, metric
"""
PAIRS = """
WITH score AS (SELECT run_id, case_id, value FROM {scores} WHERE latest AND metric = 'quality' AND value IS NOT NULL)
SELECT count(*) FILTER (b.value > a.value) AS up, count(*) FILTER (b.value < a.value) AS down, count(*) AS pairs
FROM score AS a JOIN score AS b ON a.case_id = b.case_id
WHERE a.run_id = '{first}' AND b.run_id = '{second}'
"""
PEER = """
import json, sys
import duckdb
asked = json.load(sys.stdin)
duck = duckdb.connect()
duck.execute("LOAD httpfs; LOAD delta")
duck.execute(asked["secret"])
answers = [duck.execute(query).fetchall() for query in asked["queries"]]
print(json.dumps(answers))
"""


class Server:
    """The server of the tests over a folder; ends with the block."""

    def __init__(self, folder, delay):
        self.environment = dict(os.environ, RUNQ_S3_FOLDER=str(folder), RUNQ_S3_DELAY_MS=str(delay))

    def __enter__(self):
        command = ["cargo", "test", "-q", "--test", "it", "--", "--ignored", "serve_s3", "--nocapture"]
        self.process = subprocess.Popen(
            command, env=self.environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        self.variables = {}
        for line in self.process.stderr:
            if found := re.match(r"export (\w+)='(.*)'", line):
                self.variables[found[1]] = found[2]
            if line.startswith("serving"):
                return self
        raise SystemExit("the server did not start")

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def asked(self):
        """Requests and bytes since the last call."""
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        for line in self.process.stderr:
            if line.startswith("asked"):
                return dict(pair.split("=") for pair in line.split()[1:])
        raise SystemExit("the server has ended")


def runq(binary, server, store, *words):
    environment = dict(os.environ, **server.variables, RUNQ_STORE=f"s3://{BUCKET}/{store}")
    done = subprocess.run([binary, *words], env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words)}: {done.stderr}")
    return done.stdout


def prepare(binary, folder, runs, cases):
    """The two stores: as the ingests left it, and compacted."""
    if (folder / BUCKET / "optimized").exists():
        return
    sources = folder / "sources"
    make(sources, runs, cases)
    indexes = sorted(sources.rglob("index.jsonl"))
    with Server(folder, 0) as server:
        for at in range(0, len(indexes), 10):
            runq(binary, server, "ingested", "ingest", *(str(index.parent) for index in indexes[at : at + 10]))
    shutil.copytree(folder / BUCKET / "ingested", folder / BUCKET / "optimized")
    with Server(folder, 0) as server:
        runq(binary, server, "optimized", "optimize")


def files_for(server, store, runs):
    """The files of `scores` that may hold a row of the runs, as the log's statistics tell."""
    import deltalake

    place = f"s3://{BUCKET}/{store}/scores"
    adds = deltalake.DeltaTable(place, storage_options=dict(server.variables, conditional_put="etag")).get_add_actions(flatten=True)
    rows = adds.to_pylist() if hasattr(adds, "to_pylist") else [dict(zip(adds.schema.names, row)) for row in zip(*(c.to_pylist() for c in adds.columns))]
    return [f"{place}/{row['path']}" for row in rows if any(row["min.run_id"] <= run <= row["max.run_id"] for run in runs)]


def peer(server, scores, runs):
    variables = server.variables
    host = variables["AWS_ENDPOINT_URL"].removeprefix("http://")
    secret = (
        f"CREATE SECRET (TYPE s3, KEY_ID '{variables['AWS_ACCESS_KEY_ID']}', SECRET '{variables['AWS_SECRET_ACCESS_KEY']}',"
        f" REGION '{variables['AWS_REGION']}', ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)"
    )
    first, second = runs
    both = f"(SELECT * FROM {scores} WHERE run_id IN ('{first}', '{second}'))"
    queries = [query.format(scores=both, first=first, second=second) for query in (MEANS, PAIRS)]
    asked = json.dumps({"secret": secret, "queries": queries})
    done = subprocess.run([sys.executable, "-c", PEER], input=asked, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    means, pairs = json.loads(done.stdout.splitlines()[-1])
    return sorted(map(tuple, means)), tuple(pairs[0])


def ours(binary, server, store, runs):
    """runq's answer in the form of the peer's."""
    answer = json.loads(runq(binary, server, store, "compare", *runs, "--by", "run", "--json"))
    means = [
        (arm["arm"], metric["metric"], arm["n"], round(arm["value"], 9))
        for metric in answer["metrics"] if metric["metric"] in ("quality", "style") for arm in metric["arms"]
    ]
    change = next(change for change in answer["changes"] if change["metric"] == "quality")
    return sorted(means), (change["improved"], change["regressed"], change["common"])


def main():
    binary, folder = sys.argv[1], pathlib.Path(sys.argv[2]).absolute()
    runs, cases, delay, times = (int(sys.argv[at]) if len(sys.argv) > at else value for at, value in ((3, 1000), (4, 20), (5, 30), (6, 5)))
    prepare(binary, folder, runs, cases)
    print(f"{runs} runs of {cases} cases, {delay} ms to each request, medians of {times}")
    print("| store | who | requests | MB | ms |\n|---|---|---|---|---|")
    for store in ("ingested", "optimized"):
        with Server(folder, delay) as server:
            names = [line["run_id"] for line in csv.DictReader(io.StringIO(runq(binary, server, store, "sql", "SELECT run_id FROM runs ORDER BY started_at, run_id", "--format", "csv")))]
            pair = (names[len(names) // 2], names[-1])
            files = files_for(server, store, pair)
            listed = "read_parquet([" + ", ".join(f"'{file}'" for file in files) + "])"
            who = {
                "runq compare": lambda: ours(binary, server, store, pair),
                "DuckDB, delta": lambda: peer(server, f"delta_scan('s3://{BUCKET}/{store}/scores')", pair),
                "DuckDB, files": lambda: peer(server, listed, pair),
            }
            measured = {name: [] for name in who}
            answers = {}
            for turn in range(times + 1):
                for name, work in who.items():
                    server.asked()
                    began = time.perf_counter()
                    answers[name] = work()
                    took = time.perf_counter() - began
                    asked = server.asked()
                    if turn:
                        measured[name].append((took * 1000, int(asked["requests"]), int(asked["bytes"]) / 1e6))
            assert answers["DuckDB, delta"] == answers["DuckDB, files"] == answers["runq compare"], answers
            for name, values in measured.items():
                took, requests, bytes_ = (statistics.median(column) for column in zip(*values))
                print(f"| {store} | {name} | {requests:.0f} | {bytes_:.2f} | {took:.0f} |")


if __name__ == "__main__":
    main()
