//! Several writers of one store in S3.

use std::process::Command;

use crate::support::s3::{Asked, Fault, Rule, S3Server};
use crate::support::sandbox::{Ran, Row, Sandbox};

const STORE: &str = "s3://team-runs/shared";
const TRIED: &str = "shared/_runq/conditional-put";
const ROWS: [Row; 2] = [("a", "gpt", 1.0, "ok"), ("b", "gpt", 0.0, "ok")];

fn command(server: &S3Server, sandbox: &Sandbox, words: &[&str]) -> Command {
    let mut command = sandbox.command(words);
    server.reached_by(&mut command).args(["--store", STORE]);
    command
}

fn run(server: &S3Server, sandbox: &Sandbox, words: &[&str]) -> Ran {
    sandbox.finish(command(server, sandbox, words), "")
}

/// Ingests at the same time, each path by a process of its own.
fn at_once(server: &S3Server, sandbox: &Sandbox, paths: &[String]) -> Vec<Ran> {
    std::thread::scope(|scope| {
        let ingest = |path: &String| run(server, sandbox, &["ingest", path]);
        let begun: Vec<_> = paths.iter().map(|path| scope.spawn(move || ingest(path))).collect();
        begun.into_iter().map(|one| one.join().expect("it ends")).collect()
    })
}

#[test]
fn eight_writers_at_once_all_land_and_of_one_run_one_wins() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let runs: Vec<String> = (1..=8).map(|day| sandbox.agentv("dev", day, &ROWS)).collect();
    // The store is made by whoever is first.
    for ran in at_once(&server, &sandbox, &runs) {
        ran.fine();
    }
    let same = vec![sandbox.agentv("main", 20, &ROWS); 8];
    let told: Vec<Ran> = at_once(&server, &sandbox, &same).into_iter().map(Ran::fine).collect();
    let won = told.iter().filter(|ran| ran.stderr.contains("1 new")).count();
    assert_eq!(won, 1, "{told:#?}");
    let counts = "SELECT count(*) AS runs, sum(result_count) AS said, max(generation) AS newest,
        (SELECT count(*) FROM results) AS results FROM runs";
    let asked = run(&server, &sandbox, &["sql", counts, "--format", "jsonl"]).fine();
    let counts = asked.json();
    let counts: Vec<i64> =
        counts.as_object().expect("a row").values().filter_map(|value| value.as_i64()).collect();
    assert_eq!(counts, [9, 18, 1, 18], "{}", asked.stdout);
}

#[test]
fn a_service_without_conditional_puts_is_refused_unless_one_writes_alone() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let first = sandbox.agentv("dev", 1, &ROWS);
    server.fault(Rule::new(Fault::NoConditions));
    let refused = run(&server, &sandbox, &["ingest", &first]).exits(69);
    for said in ["does not honour conditional puts", "--single-writer", STORE] {
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
    }
    assert_eq!(server.keys(), [TRIED], "nothing else was put");
    run(&server, &sandbox, &["ingest", &first, "--single-writer"]).fine();
    let second = sandbox.agentv("dev", 2, &ROWS);
    run(&server, &sandbox, &["ingest", &second]).exits(69);
    run(&server, &sandbox, &["ingest", &second, "--single-writer"]).fine();
    // Reading needs no conditions.
    let ids = run(&server, &sandbox, &["runs", "--format", "ids"]).fine();
    assert_eq!(ids.lines().len(), 2, "{}", ids.stdout);
}

#[test]
fn whether_conditions_are_honoured_is_tried_with_one_key_and_by_writers_only() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let tried = |server: &S3Server| {
        let requests = server.take_requests();
        requests.iter().filter(|request| request.key == TRIED && request.asked == Asked::Create).count()
    };
    let first = sandbox.agentv("dev", 1, &ROWS);
    run(&server, &sandbox, &["ingest", &first]).fine();
    assert_eq!(tried(&server), 2, "put, and put again");
    run(&server, &sandbox, &["ingest", &sandbox.agentv("dev", 2, &ROWS)]).fine();
    assert!((1..=2).contains(&tried(&server)));
    run(&server, &sandbox, &["runs"]).fine();
    assert_eq!(tried(&server), 0);
}
