#!/usr/bin/env python3
"""What --rerun-failed and --resume select, beside DuckDB over the same Parquet files; prints times, ratio and memory.

usage: resume_beside_duckdb.py RUNQ STORE RUN [TIMES] [--sql]

RUNQ is a release build of runq; STORE holds one run of many results, RUN is its id. benches/resume_run.py makes one:
    python3 benches/resume_run.py FOLDER 500000 && RUNQ --store STORE ingest FOLDER
runq is timed as a whole process, from start to the last byte; DuckDB inside its process, without its start and its
connection. Each is asked TIMES times (5) after one that is not counted, and the median stands. Memory is the largest
resident size of the process: all of runq, program included, against what DuckDB's process holds. Each mode is planned
as ids and as JSON, with the commands and what the tool runs beside them; the ids must be those that DuckDB names, the
JSON must name the same pairs of case and model, or it ends with exit code 1. A run that lists what it planned (resume_run.py
--planned) also has keys without a row, which runq names and DuckDB is not asked for: they are counted apart. With --sql
runq is asked for the rows of the predicate alone, without a plan.
Needs the package duckdb, and the package deltalake or a store without replaced files.
"""
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
MODES = HERE.parent / "sql" / "modes"

# Keys whose latest attempt failed, with how often they were tried and since when, as failed_rows tells of each; what
# has neither verdict nor score did not fail.
HISTORY = """
WITH attempts AS (
    SELECT ingest_id, task, case_id, model, prompt, variant, epoch, attempt, latest, status, score, recorded_at,
           (status = 'ok' AND coalesce(verdict, score >= 0.8, TRUE)) AS good
    FROM read_parquet($files) WHERE run_id = $run
), earlier AS (
    SELECT *, max(CASE WHEN good THEN attempt ELSE 0 END) OVER (
        PARTITION BY ingest_id, task, case_id, model, prompt, variant, epoch) AS last_good
    FROM attempts WHERE NOT latest
), since AS (
    SELECT ingest_id, task, case_id, model, prompt, variant, epoch, min(recorded_at) AS failed_since
    FROM earlier WHERE attempt > last_good
    GROUP BY ALL
)
SELECT f.case_id, f.model, f.status, f.score, f.attempt AS attempts,
       epoch_us(least(s.failed_since, f.recorded_at)) AS failed_since
FROM attempts f LEFT JOIN since s
  ON f.ingest_id = s.ingest_id AND f.task = s.task AND f.case_id = s.case_id AND f.epoch = s.epoch
     AND f.model IS NOT DISTINCT FROM s.model AND f.prompt IS NOT DISTINCT FROM s.prompt
     AND f.variant IS NOT DISTINCT FROM s.variant
WHERE f.latest AND NOT f.good
"""


def predicate(mode):
    lines = (MODES / f"{mode.replace('-', '_')}.sql").read_text().splitlines()
    return "\n".join(line for line in lines if not line.startswith("--"))


def files_of(store):
    """The files that the newest version of the table results names."""
    try:
        import deltalake

        return deltalake.DeltaTable(f"{store}/results").file_uris()
    except ImportError:
        return [str(path) for path in pathlib.Path(store, "results").glob("*.parquet")]


def asked(command, times):
    """Median seconds, largest resident size in MiB, and what was answered."""
    walls, sizes = [], []
    for _ in range(times + 1):
        with tempfile.TemporaryFile() as out:
            started = time.perf_counter()
            child = subprocess.Popen(command, stdout=out, stderr=subprocess.DEVNULL)
            _, status, usage = wait(child)
            walls.append(time.perf_counter() - started)
            if status != 0:
                sys.exit(f"{' '.join(command)}: exit code {status}")
            sizes.append(usage.ru_maxrss / 1024)
            out.seek(0)
            answer = out.read().decode()
    return statistics.median(walls[1:]), max(sizes), answer


def wait(child):
    pid, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    return pid, child.returncode, usage


def command_of(options, mode, form):
    runq, store, run = options
    if form == "sql":
        sql = f"SELECT case_id, model, status FROM failed_rows WHERE {predicate(mode)}"
        return [runq, "--store", store, "sql", sql, "--run", run, "--format", "jsonl"]
    return [runq, "--store", store, "resume", run, f"--{mode}", "--format", form]


def named(answer, form):
    """Pairs of case and model that have a row, sorted, and how many pairs have none; for ids the cases, and no count."""
    if form == "ids":
        return sorted(line for line in answer.split("\n") if line), None
    rows = json.loads(answer)["rows"] if form == "json" else [json.loads(line) for line in answer.split("\n") if line]
    pairs = [[row["case_id"], row["model"]] for row in rows if row["status"] != "missing"]
    return sorted(pairs), len(rows) - len(pairs)


def peer(store, run, mode, times):
    """Run in a process of its own, so that its memory is its own."""
    command = [sys.executable, __file__, "--peer", store, run, mode, str(times)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def answer_as_peer(store, run, mode, times):
    import duckdb

    connection = duckdb.connect()
    # Everything that runq tells of a row, although only the ids are looked at.
    statement = f"SELECT * FROM ({HISTORY}) WHERE {predicate(mode)} ORDER BY case_id"
    parameters = {"files": files_of(store), "run": run}
    walls = []
    for _ in range(times + 1):
        started = time.perf_counter()
        rows = connection.execute(statement, parameters).fetchall()
        walls.append(time.perf_counter() - started)
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": statistics.median(walls[1:]), "mib": size, "pairs": [row[:2] for row in rows]}))


def main():
    words = [word for word in sys.argv[1:] if word != "--sql"]
    if words[0] == "--peer":
        return answer_as_peer(words[1], words[2], words[3], int(words[4]))
    options, times = words[:3], int(words[3]) if len(words) > 3 else 5
    different = False
    print(f"{'':<12} {'':<4} {'rows':>7} {'missing':>7} {'runq':>10} {'DuckDB':>10} {'ratio':>6} {'runq':>9} {'DuckDB':>9}")
    for mode in ("rerun-failed", "resume"):
        theirs = peer(options[1], options[2], mode, times)
        pairs = sorted(theirs["pairs"])
        missing = 0
        for form in ["sql"] if "--sql" in sys.argv else ["json", "ids"]:
            ours, size, answer = asked(command_of(options, mode, form), times)
            answered, without_row = named(answer, form)
            missing = missing if without_row is None else without_row
            if form == "ids":
                # Ids do not tell which of them have no row; there are at most as many more as keys without one.
                cases = {pair[0] for pair in pairs}
                same = cases <= set(answered) and len(answered) <= len(cases) + missing
            else:
                same = answered == pairs
            different = different or not same
            print(
                f"{mode:<12} {form:<4} {len(pairs):>7,} {missing:>7,} {ours * 1000:>7.0f} ms"
                f" {theirs['seconds'] * 1000:>7.0f} ms {ours / theirs['seconds']:>6.1f}"
                f" {size:>5.0f} MiB {theirs['mib']:>5.0f} MiB" + ("" if same else "  the cases differ")
            )
    sys.exit(int(different))


main()
