#!/usr/bin/env python3
"""The shell beside DuckDB's command line, from start to the last byte of the answer; prints times and their ratio.

usage: shell_beside_duckdb.py RUNQ STORE [TIMES]
       shell_beside_duckdb.py --make FOLDER RUNS CASES

RUNQ is a release build of runq. The store is any; --make writes AgentV run folders for one of many runs:
    python3 benches/shell_beside_duckdb.py --make FOLDER 1000 20 && RUNQ --store STORE ingest FOLDER
Both are whole processes: `RUNQ --store STORE --no-init --format csv -c QUERY` and `duckdb -no-init -csv -f FILE` over the
Parquet files that the tables of the store name. They take turns, TIMES times (11) after one turn that is not counted,
and the medians stand. The answers must be the same values, or the exit code is 1. DuckDB is told which rows
count, as runq finds out by itself: those of the published ingest of a run. Above 1.2 a ratio is marked.
Needs the command line of DuckDB (`pip install duckdb-cli`, or DUCKDB=PATH), and the package deltalake or a store without
replaced files.
"""
import csv
import datetime
import io
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

# The ratio that the shell has to keep.
BOUND = 1.2

# What, the query of runq, and the same over the tables {runs}, {results} and {scores} of the files.
QUERIES = [
    ("a constant", "SELECT 1 AS one", "SELECT 1 AS one"),
    ("count of results", "SELECT count(*) AS n FROM results", "SELECT count(*) AS n FROM {results}"),
    ("count of runs", "SELECT count(*) AS n FROM runs", "SELECT count(*) AS n FROM {runs}"),
    (
        "results by model and status",
        "SELECT model, status, count(*) AS n, sum(cost_usd) AS cost FROM results GROUP BY model, status ORDER BY model, status",
        "SELECT model, status, count(*) AS n, sum(cost_usd) AS cost FROM {results} GROUP BY model, status ORDER BY model, status",
    ),
    (
        "one case of one run",
        "SELECT case_id, model, status, score FROM results WHERE run_id = '{run}' AND case_id = '{case}' ORDER BY 1, 2, 3, 4",
        "SELECT case_id, model, status, score FROM {results} WHERE run_id = '{run}' AND case_id = '{case}' ORDER BY 1, 2, 3, 4",
    ),
    (
        "mean of every score",
        "SELECT metric, count(value) AS n, avg(value) AS mean FROM scores WHERE latest GROUP BY metric ORDER BY metric",
        "SELECT metric, count(value) AS n, avg(value) AS mean FROM {scores} WHERE latest GROUP BY metric ORDER BY metric",
    ),
    (
        "newest ten runs",
        "SELECT run_id, started_at FROM runs ORDER BY started_at DESC, run_id LIMIT 10",
        "SELECT run_id, started_at FROM {runs} ORDER BY started_at DESC, run_id LIMIT 10",
    ),
]


def files_of(store, table):
    """The files that the newest version of a table names."""
    try:
        import deltalake

        return deltalake.DeltaTable(f"{store}/{table}").file_uris()
    except ImportError:
        return [str(path) for path in sorted(pathlib.Path(store, table).rglob("*.parquet"))]


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def tables_of(store):
    """Each relation of runq as DuckDB has it: the rows of the highest generation of each run."""
    read = {
        table: f"read_parquet([{', '.join(quoted(file) for file in files_of(store, table))}], union_by_name = true)"
        for table in ("runs", "results", "scores")
    }
    runs = f"(SELECT * FROM {read['runs']} QUALIFY generation = max(generation) OVER (PARTITION BY run_id))"
    published = f"(SELECT ingest_id FROM {runs})"
    rows = {table: f"(SELECT * FROM {read[table]} WHERE ingest_id IN {published})" for table in ("results", "scores")}
    return {"runs": runs, **rows}


def duckdb():
    named = os.environ.get("DUCKDB") or shutil.which("duckdb") or shutil.which("duckdb", path=os.path.dirname(sys.executable))
    if not named:
        sys.exit("no command line of DuckDB: pip install duckdb-cli, or set DUCKDB to the path of one")
    return named


def seconds(command):
    started = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    passed = time.perf_counter() - started
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)[:400]}\nexit code {done.returncode}: {done.stderr}")
    return passed, done.stdout


def value(text):
    """A value of csv as what it is: a number, a moment, or the text."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.datetime.fromisoformat(text)
        return moment.astimezone(datetime.UTC) if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)
    except ValueError:
        return text


def is_same(ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9)
    return ours == theirs


def rows(answer):
    return [[value(text) for text in row] for row in csv.reader(io.StringIO(answer))]


def same(ours, theirs):
    ours, theirs = rows(ours), rows(theirs)
    return len(ours) == len(theirs) and all(
        len(left) == len(right) and all(map(is_same, left, right)) for left, right in zip(ours, theirs)
    )


def beside(ours, theirs, times):
    """Medians of both, in turns, and whether they say the same."""
    walls = []
    for _ in range(times + 1):
        (left, our_answer), (right, their_answer) = seconds(ours), seconds(theirs)
        walls.append((left, right))
    lefts, rights = zip(*walls[1:])
    return statistics.median(lefts), statistics.median(rights), same(our_answer, their_answer)


def compare(runq, store, times):
    ask = [os.path.abspath(runq), "--store", store, "--no-init", "--format", "csv", "-c"]
    one = "SELECT run_id, case_id FROM results ORDER BY run_id, case_id LIMIT 1"
    run, case = next(csv.reader([seconds([*ask, one])[1].splitlines()[1]]))
    names = {"run": run.replace("'", "''"), "case": case.replace("'", "''")}
    peer, tables, wrong = duckdb(), tables_of(store), False
    print(f"{'':<28} {'runq':>10} {'DuckDB':>10} {'ratio':>6}")
    for what, ours, theirs in QUERIES:
        ours = ours.format(**names)
        theirs = theirs.format(**names, **tables)
        # A statement may be longer than a word of a command line may be.
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
            script.write(f"SET TimeZone = 'UTC';\n{theirs};\n")
            script.flush()
            left, right, equal = beside([*ask, ours], [peer, "-no-init", "-csv", "-f", script.name], times)
        wrong = wrong or not equal
        said = "" if equal else "  the answers differ"
        said = f"  above {BOUND}{said}" if left / right > BOUND else said
        print(f"{what:<28} {left * 1000:>7.0f} ms {right * 1000:>7.0f} ms {left / right:>6.2f}{said}")
    sys.exit(int(wrong))


def make(folder, runs, cases):
    """AgentV run folders: as many runs, each of as many cases with two scores."""
    for run in range(runs):
        began = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(hours=run)
        place = pathlib.Path(folder, "runs", f"nightly-{run % 7}", began.strftime("%Y-%m-%dT%H-%M-%S-000Z"))
        place.mkdir(parents=True, exist_ok=True)
        with open(place / "index.jsonl", "w") as out:
            for case in range(cases):
                out.write(json.dumps(line(began, run, case)) + "\n")


def line(began, run, case):
    score = (run * 31 + case * 17) % 101 / 100
    grader = {"type": "code-grader", "weight": 1}
    return {
        "timestamp": (began + datetime.timedelta(seconds=case)).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "test_id": f"case-{case:04}",
        "suite": "support-bot",
        "target": ("gpt-x", "claude-y", "llama-z")[run % 3],
        "score": score,
        "scores": [
            {"name": "quality", "score": score, **grader},
            {"name": "style", "score": (run * 7 + case * 3) % 11 / 10, **grader},
        ],
        "execution_status": "ok",
        "cost_usd": 0.001 * (1 + case % 5),
        "duration_ms": 100 + (run * 13 + case * 29) % 900,
    }


def main():
    words = sys.argv[1:]
    if len(words) == 4 and words[0] == "--make":
        return make(words[1], int(words[2]), int(words[3]))
    if len(words) not in (2, 3):
        sys.exit(__doc__)
    compare(words[0], words[1], int(words[2]) if len(words) > 2 else 11)


if __name__ == "__main__":
    main()
