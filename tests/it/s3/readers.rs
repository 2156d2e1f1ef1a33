//! Other programs read a store in S3: the Python package deltalake, Polars and DuckDB count and add up the same.

use std::process::Command;

use crate::support::fixture;
use crate::support::s3::{KEY_ID, S3Server, SECRET};
use crate::support::sandbox::Sandbox;

/// Rows and the sum of the values, as each of three readers sees them.
const SCRIPT: &str = r#"
import os, sys
import deltalake, duckdb, polars
from duckdb_extensions import import_extension

endpoint, key, secret, root = sys.argv[1:]
options = {
    "AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret,
    "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true", "conditional_put": "etag",
}
for extension in ("httpfs", "delta"):
    import_extension(extension)
duck = duckdb.connect()
duck.execute("LOAD httpfs; LOAD delta")
host = endpoint.removeprefix("http://")
duck.execute(f"""CREATE SECRET (TYPE s3, KEY_ID '{key}', SECRET '{secret}', REGION 'us-east-1',
    ENDPOINT '{host}', URL_STYLE 'path', USE_SSL false)""")
for name in ("runs", "results", "scores", "steps"):
    place = f"{root}/{name}"
    arrow = deltalake.DeltaTable(place, storage_options=options).to_pyarrow_table()
    frame = polars.read_delta(place, storage_options=options)
    rows = duck.execute(f"SELECT count(*) FROM delta_scan('{place}')").fetchone()[0]
    print(name, arrow.num_rows, frame.height, rows)
values = polars.read_delta(f"{root}/scores", storage_options=options)["value"].sum()
summed = duck.execute(f"SELECT sum(value) FROM delta_scan('{root}/scores')").fetchone()[0]
print("sum", round(values, 9), round(summed, 9))
"#;

#[test]
fn python_polars_and_duckdb_count_the_same() {
    let python = std::env::var("RUNQ_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let installed = Command::new(&python)
        .args(["-c", "import deltalake, pyarrow, polars, duckdb, duckdb_extensions"])
        .output();
    if !installed.is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no python3 with deltalake, pyarrow, polars, duckdb and duckdb-extensions");
        return;
    }
    let server = S3Server::start();
    let sandbox = Sandbox::new();
    let store = "s3://team-runs/nightly";
    let in_s3 = |words: &[&str]| {
        let mut command = sandbox.command(words);
        server.reached_by(&mut command).args(["--store", store]);
        sandbox.finish(command, "").fine()
    };
    for runs in ["agentv", "amx"] {
        in_s3(&["ingest", &fixture(runs).display().to_string()]);
    }
    let output = Command::new(&python)
        .args(["-c", SCRIPT, &server.endpoint(), KEY_ID, SECRET, store])
        .output()
        .expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let mut expected = String::new();
    for table in ["runs", "results", "scores", "steps"] {
        let count = in_s3(&["sql", &format!("SELECT count(*) FROM {table}"), "--format", "csv"]).stdout;
        let count = count.lines().last().expect("a count");
        expected += &format!("{table} {count} {count} {count}\n");
    }
    let sum = in_s3(&["sql", "SELECT round(sum(value), 9) FROM scores", "--format", "csv"]).stdout;
    let sum = sum.lines().last().expect("a sum");
    expected += &format!("sum {sum} {sum}\n");
    assert_eq!(said, expected);
}
