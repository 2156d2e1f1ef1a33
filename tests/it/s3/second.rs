//! The core of what is promised over S3, against a server that others wrote.

use std::collections::BTreeSet;

use super::{export, maintenance, reaching, sources};
use crate::support::fixture;
use crate::support::moto::Moto;
use crate::support::sandbox::{Ran, Row, Sandbox};

const STORE: &str = "s3://team-runs/a store/#1+%2Fü";
const ROWS: [Row; 2] = [("a", "gpt", 1.0, "ok"), ("b", "gpt", 0.0, "ok")];

/// A command whose store is in moto.
fn run(moto: &Moto, sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    command.envs(moto.environment()).args(["--store", STORE]);
    sandbox.finish(command, "")
}

fn moto() -> Option<Moto> {
    let moto = Moto::start();
    if moto.is_none() {
        eprintln!("skipped: no python3 with moto[server] and boto3");
    }
    moto
}

#[test]
fn a_store_in_moto_gives_the_answers_of_one_on_the_disk() {
    let Some(moto) = moto() else { return };
    let sandbox = Sandbox::with_samples();
    run(&moto, &sandbox, &["ingest", &fixture("agentv").display().to_string()]).fine();
    for words in [
        &["runs", "--json"][..],
        &["compare", "--json"],
        &["-c", "SELECT run_id, result_count FROM runs ORDER BY run_id", "-c", ".metrics --format csv"],
        &["sql", "SELECT metric, count(*), sum(value) FROM scores GROUP BY 1 ORDER BY 1"],
    ] {
        let (there, here) = (run(&moto, &sandbox, words), sandbox.run(words));
        assert_eq!((there.code, &there.stdout), (here.code, &here.stdout), "{words:?}: {}", there.stderr);
    }
}

#[test]
fn of_eight_writers_of_one_run_one_wins_in_moto_and_others_land() {
    let Some(moto) = moto() else { return };
    let sandbox = Sandbox::new();
    let mut runs: Vec<String> = (1..=4).map(|day| sandbox.agentv("dev", day, &ROWS)).collect();
    runs.extend(vec![sandbox.agentv("main", 20, &ROWS); 4]);
    let told: Vec<Ran> = std::thread::scope(|scope| {
        let ingest = |path: &String| run(&moto, &sandbox, &["ingest", path]);
        let begun: Vec<_> = runs.iter().map(|path| scope.spawn(move || ingest(path))).collect();
        begun.into_iter().map(|one| one.join().expect("it ends")).collect()
    });
    let new: Vec<bool> = told.iter().map(|ran| ran.code == 0 && ran.stderr.contains("1 new")).collect();
    assert_eq!(new[..4], [true; 4], "{told:#?}");
    assert_eq!(new[4..].iter().filter(|new| **new).count(), 1, "{told:#?}");
    let ids = run(&moto, &sandbox, &["runs", "--format", "ids"]).fine();
    let distinct: BTreeSet<&str> = ids.stdout.lines().collect();
    assert_eq!((ids.stdout.lines().count(), distinct.len()), (5, 5), "{}", ids.stdout);
    let counted = run(&moto, &sandbox, &["sql", "SELECT count(*) AS n FROM results", "--format", "csv"]);
    assert_eq!(counted.fine().stdout.trim(), "n\n10");
}

#[test]
fn a_store_in_moto_is_looked_after_as_one_on_the_disk() {
    let Some(moto) = moto() else { return };
    let sandbox = Sandbox::new();
    maintenance::looked_after(&|words| run(&moto, &sandbox, words));
}

#[test]
fn files_in_moto_are_read_compared_and_written_as_on_the_disk() {
    let Some(moto) = moto() else { return };
    let sandbox = Sandbox::with_samples();
    sources::taken_in_alike(&moto, &sandbox, "agentv", &fixture("agentv"));
    sources::compared_alike(&moto, &sandbox, &format!("{}/agentv", sources::KEYS));
    export::written_files_are_read(&moto, &sandbox);
    let exported = "s3://team-runs/out/results.csv";
    reaching(&moto, &sandbox, &["export", "results", "-o", exported]).fine();
    let counted = format!("SELECT count(*) FROM '{exported}'");
    assert_eq!(reaching(&moto, &sandbox, &["sql", &counted]).fine().lines()[1], "72");
}

#[test]
fn a_bucket_that_is_not_in_moto_is_told() {
    let Some(moto) = moto() else { return };
    let sandbox = Sandbox::with_samples();
    for words in [
        &["runs", "--store", "s3://no-such-bucket/x"][..],
        &["ingest", "s3://no-such-bucket/runs"],
        &["export", "results", "-o", "s3://no-such-bucket/x.csv"],
    ] {
        let told = reaching(&moto, &sandbox, words).exits(66);
        assert!(
            told.stderr.contains("no bucket") || told.stderr.contains("no such bucket"),
            "{}",
            told.stderr
        );
    }
}
