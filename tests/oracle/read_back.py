"""Reads one relation that was exported as Parquet and as CSV with DuckDB and pandas, and says what they found.

Usage: read_back.py FILE.parquet FILE.csv
Prints JSON: rows, columns, rows that stand in one file only, and the mean of `score` by both readers.
"""

import json
import sys

import duckdb
import pandas

parquet, csv = sys.argv[1], sys.argv[2]
db = duckdb.connect()
db.execute("SET TimeZone = 'UTC'")
db.execute("CREATE TABLE of_parquet AS SELECT * FROM read_parquet($file)", {"file": parquet})
# The texts of the CSV file are brought into the types of the Parquet file.
db.execute("CREATE TABLE of_csv AS SELECT * FROM of_parquet LIMIT 0")
db.execute("INSERT INTO of_csv SELECT * FROM read_csv($file, header = true, all_varchar = true)", {"file": csv})


def one(sql):
    return db.execute(sql).fetchone()[0]


frame = pandas.read_csv(csv)
print(
    json.dumps(
        {
            "rows": one("SELECT count(*) FROM of_parquet"),
            "columns": [row[0] for row in db.execute("DESCRIBE of_parquet").fetchall()],
            "only_parquet": one("SELECT count(*) FROM (FROM of_parquet EXCEPT ALL FROM of_csv)"),
            "only_csv": one("SELECT count(*) FROM (FROM of_csv EXCEPT ALL FROM of_parquet)"),
            "mean_score": one("SELECT avg(score) FROM of_parquet"),
            "pandas_rows": len(frame),
            "pandas_columns": list(frame.columns),
            "pandas_mean_score": float(frame["score"].mean()),
        }
    )
)
