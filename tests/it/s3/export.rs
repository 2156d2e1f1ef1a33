//! Exports into S3 and files of S3 in statements: as on the disk, whole or not at all.

use super::{Served, reaching};
use crate::support::s3::{Asked, Fault, Rule, S3Server};
use crate::support::sandbox::Sandbox;

#[test]
fn an_export_into_s3_is_the_file_that_the_disk_gets() {
    let (server, sandbox) = (S3Server::start(), Sandbox::with_samples());
    let ran = |words: &[&str]| reaching(&server, &sandbox, words);
    sandbox.run(&["export", "results", "-o", "results.csv"]).fine();
    let expected = std::fs::read(sandbox.path("results.csv")).expect("a file");
    server.put("out/a b#1%2Fü+.csv", "an earlier one");
    let wrote = ran(&["export", "results", "-o", "s3://team-runs/out/a b#1%2Fü+.csv"]).fine();
    assert!(wrote.stderr.starts_with("wrote s3://team-runs/out/a b#1%2Fü+.csv: 72 rows"), "{}", wrote.stderr);
    assert_eq!(server.object("out/a b#1%2Fü+.csv"), Some(expected));
    written_files_are_read(&server, &sandbox);
    ran(&["-c", "COPY (SELECT 1 AS one) TO 's3://team-runs/out/r.arrow'"]).fine();
    let arrow = ran(&["sql", "SELECT * FROM 's3://team-runs/out/r.arrow'"]).exits(2);
    assert!(arrow.stderr.contains("on a disk only"), "{}", arrow.stderr);
    let csv = "SELECT count(*) FROM 's3://team-runs/out/*.csv'";
    assert_eq!(ran(&["sql", csv]).fine().lines()[1], "72");
    assert!(ran(&["sql", "SELECT * FROM 's3://team-runs/out'"]).exits(2).stderr.contains("this is a folder"));
    let near = ran(&["sql", "SELECT * FROM 's3://team-runs/out/r.parque'"]).exits(66);
    assert!(near.stderr.contains("did you mean 's3://team-runs/out/r.parquet'?"), "{}", near.stderr);
}

/// What a statement wrote into S3 is read by another one; the sandbox has the samples.
pub(super) fn written_files_are_read(server: &impl Served, sandbox: &Sandbox) {
    let ran = |words: &[&str]| reaching(server, sandbox, words);
    for name in ["parquet", "jsonl"] {
        let file = format!("s3://team-runs/out/r.{name}");
        let copy = format!("COPY (SELECT run_id, case_id, status FROM results) TO '{file}'");
        ran(&["-c", &copy]).fine();
        let read = format!("SELECT * FROM '{file}' ORDER BY 1, 2, 3");
        let stored = "SELECT run_id, case_id, status FROM results ORDER BY 1, 2, 3";
        assert_eq!(ran(&["sql", &read]).fine().stdout, sandbox.run(&["sql", stored]).fine().stdout, "{name}");
    }
}

#[test]
fn what_is_no_place_for_a_file_is_refused_before_anything_is_computed() {
    let (server, sandbox) = (S3Server::start(), Sandbox::with_samples());
    server.put("out/x.csv", "x");
    for place in ["s3://team-runs", "s3://team-runs/out", "s3://team-runs/new/"] {
        let ran = reaching(&server, &sandbox, &["export", "results", "--format", "csv", "-o", place]);
        assert!(ran.stderr.contains("this is a folder"), "{place}: {}", ran.stderr);
        ran.exits(2);
    }
    reaching(&server, &sandbox, &["export", "results", "-o", "s3://team-runs//x.csv"]).exits(2);
    reaching(&server, &sandbox, &["export", "results", "-o", "s3://no-such-bucket/x.csv"]).exits(66);
    assert_eq!(server.count(&[Asked::Put, Asked::Create, Asked::StartUpload]), 0);
    assert_eq!(server.keys(), ["out/x.csv"]);
}

#[test]
fn a_large_export_that_fails_leaves_what_was_there() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let copy =
        "COPY (SELECT repeat('x', 1000) AS text FROM generate_series(1, 20000)) TO 's3://team-runs/big.csv'";
    let ran = || {
        let mut command = sandbox.command(&["-c", copy]);
        server.reached_by(&mut command).env("AWS_MAX_ATTEMPTS", "2").env("RUNQ_NETWORK_TIMEOUT", "20");
        sandbox.finish(command, "")
    };
    server.put("big.csv", "before");
    server.fault(Rule::new(Fault::DENIED).on(&[Asked::Part]).after(1));
    assert!(ran().exits(69).stderr.contains("it cannot be written"));
    assert_eq!((server.object("big.csv"), server.unfinished_parts()), (Some(b"before".to_vec()), 0));
    server.heal();
    ran().fine();
    // The header and 20,000 lines of 1,000 letters and their ends.
    assert_eq!(server.object("big.csv").map(|bytes| bytes.len()), Some(5 + 20_000 * 1001));
    assert_eq!(server.unfinished_parts(), 0);
}
