#!/usr/bin/env python3
"""The same question asked of DuckDB: compare 2 or 10 runs, straight on the Parquet files of a store.

One statement of the best SQL known for it, so that runq is measured against a good peer: each table is read once,
built-in metrics stay side by side until they are aggregated, and one hash join per table pairs the cases.

usage: duckdb_peer.py --results GLOB --scores GLOB --run BASELINE --run CANDIDATE [--run ...] [--ingest ID ...]
                      [--time N] [--threads N]

Prints JSON: one row per run, task and metric with n, mean, and against the first run the paired counts, mean delta
and its standard error; metrics of the scores table count as higher is better. With --time N it prints only
{min_ms, median_ms, runs, rows}: wall time of N executions after one that is not counted, results fetched, without
the start of the connection. Needs the package duckdb.
"""
import argparse
import json
import math
import statistics
import sys
import time

import duckdb

BUILT_IN = ["score", "passed", "duration_ms", "cost_usd", "input_tokens", "output_tokens", "total_tokens", "logprob"]
LOWER = ["duration_ms", "cost_usd", "input_tokens", "output_tokens", "total_tokens"]

# Built-in metrics stay columns until they are aggregated: one row per case is grouped and joined, not eight.
QUERY = """
WITH judged AS (
    SELECT run_id, task, case_id, score, duration_ms, cost_usd, input_tokens, output_tokens, total_tokens, logprob,
           coalesce(verdict::DOUBLE, (score >= $pass_threshold)::DOUBLE) AS passed
    FROM read_parquet($results)
    WHERE latest AND run_id IN $runs AND ($all_ingests OR ingest_id IN $ingests)
      AND status NOT IN ('execution_error', 'scorer_error', 'cancelled')
), wide AS MATERIALIZED (
    SELECT run_id, task, case_id, {averages}
    FROM judged GROUP BY run_id, task, case_id
), own AS MATERIALIZED (
    SELECT run_id, task, case_id, metric, avg(value) AS value
    FROM read_parquet($scores)
    WHERE latest AND run_id IN $runs AND ($all_ingests OR ingest_id IN $ingests)
      AND status NOT IN ('execution_error', 'scorer_error', 'cancelled') AND isfinite(value)
    GROUP BY run_id, task, case_id, metric
), built_in AS (
    SELECT run_id, task, unnest([{built_in_rows}], recursive := true)
    FROM (SELECT c.run_id, c.task, {deltas}
          FROM wide c LEFT JOIN (FROM wide WHERE run_id = $baseline) b USING (task, case_id))
    GROUP BY run_id, task
), named AS (
    SELECT run_id, task, metric, {numbers}
    FROM (SELECT c.run_id, c.task, c.metric, c.value, c.value - b.value AS delta
          FROM own c LEFT JOIN (FROM own WHERE run_id = $baseline) b USING (task, case_id, metric))
    GROUP BY run_id, task, metric
)
FROM built_in WHERE n > 0 UNION ALL BY NAME FROM named
ORDER BY metric, task, run_id
"""


def numbers(value, delta, good):
    """The aggregates of one metric, as pairs of a name and an expression."""
    return {
        "n": f"count({value})", "mean": f"avg({value})", "common": f"count({delta})",
        "improved": f"count_if({delta} {'>' if good > 0 else '<'} 0)",
        "regressed": f"count_if({delta} {'<' if good > 0 else '>'} 0)",
        "unchanged": f"count_if({delta} = 0)", "mean_delta": f"avg({delta})",
        "standard_error": f"stddev_samp({delta}) / sqrt(count({delta}))",
    }


def packed(metric):
    fields = numbers(metric, f"delta_{metric}", -1 if metric in LOWER else 1)
    inner = ", ".join(f"{name} := {expression}" for name, expression in fields.items())
    return f"struct_pack(metric := '{metric}', {inner})"


QUERY = QUERY.format(
    averages=", ".join(f"avg({name}) FILTER (isfinite({name}::DOUBLE)) AS {name}" for name in BUILT_IN),
    deltas=", ".join(f"c.{name}, c.{name} - b.{name} AS delta_{name}" for name in BUILT_IN),
    built_in_rows=", ".join(packed(name) for name in BUILT_IN),
    numbers=", ".join(f"{expression} AS {name}" for name, expression in numbers("value", "delta", 1).items()),
)


def arguments():
    cli = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    cli.add_argument("--results", required=True, help="glob of the Parquet files of the results table")
    cli.add_argument("--scores", required=True, help="glob of the Parquet files of the scores table")
    cli.add_argument("--run", action="append", required=True, dest="runs", help="run id; the first is the baseline")
    cli.add_argument("--ingest", action="append", default=[], help="ingest ids that count; default: all")
    cli.add_argument("--pass-threshold", type=float, default=0.8)
    cli.add_argument("--time", type=int, metavar="N", help="measure N executions instead of printing the answer")
    cli.add_argument("--threads", type=int, help="threads of DuckDB; default: its own choice")
    return cli.parse_args()


def main():
    options = arguments()
    parameters = {
        "results": options.results, "scores": options.scores, "runs": options.runs, "baseline": options.runs[0],
        "ingests": options.ingest or [""], "all_ingests": not options.ingest,
        "pass_threshold": options.pass_threshold,
    }
    connection = duckdb.connect(config={"threads": options.threads} if options.threads else {})
    if options.time:
        answer = measure(connection, parameters, options.time)
    else:
        cursor = connection.execute(QUERY, parameters)
        names = [column[0] for column in cursor.description]
        answer = [dict(zip(names, map(missing, row))) for row in cursor.fetchall()]
    json.dump(answer, sys.stdout, indent=1, allow_nan=False)
    print()


def missing(value):
    return None if isinstance(value, float) and not math.isfinite(value) else value


def measure(connection, parameters, times):
    rows = len(connection.execute(QUERY, parameters).fetchall())
    walls = []
    for _ in range(times):
        start = time.perf_counter()
        connection.execute(QUERY, parameters).fetchall()
        walls.append((time.perf_counter() - start) * 1000)
    return {"min_ms": round(min(walls), 3), "median_ms": round(statistics.median(walls), 3), "runs": times, "rows": rows}


if __name__ == "__main__":
    main()
