#!/usr/bin/env python3
"""What DuckDB takes to bring AgentV rows from JSON lines into two sorted Parquet tables.

usage: duckdb_ingest.py FOLDER    (every index.jsonl below it)

Prints milliseconds. It does less than an ingest: no attempts, no folding of equal rows, no sidecars, no commit, no
sync to the disk; its number is the floor that reading JSON and writing Parquet sets. Needs the package duckdb.
"""
import pathlib
import sys
import tempfile
import time

import duckdb

rows = str(pathlib.Path(sys.argv[1]) / "**" / "index.jsonl")
with tempfile.TemporaryDirectory() as out:
    con = duckdb.connect()
    started = time.perf_counter()
    con.execute(
        f"""CREATE TABLE rows AS SELECT * FROM read_json('{rows}', format = 'newline_delimited', filename = true,
            union_by_name = true)"""
    )
    con.execute(
        f"""COPY (SELECT * EXCLUDE (scores) FROM rows ORDER BY filename, test_id)
            TO '{out}/results.parquet' (FORMAT parquet, COMPRESSION zstd)"""
    )
    con.execute(
        f"""COPY (SELECT filename, test_id, target, s.name AS metric, s.score AS value
            FROM (SELECT filename, test_id, target, unnest(scores) AS s FROM rows)
            ORDER BY filename, metric, test_id)
            TO '{out}/scores.parquet' (FORMAT parquet, COMPRESSION zstd)"""
    )
    print((time.perf_counter() - started) * 1000)
