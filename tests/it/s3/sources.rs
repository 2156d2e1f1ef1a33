//! Runs are read where they live: files in S3 answer as the same files on the disk do.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;

use serde_json::Value;

use super::{Served, reaching};
use crate::support::fixture;
use crate::support::s3::{Asked, Fault, Rule, S3Server};
use crate::support::sandbox::Sandbox;

/// A prefix that nothing on the way may decode or encode.
pub(super) const KEYS: &str = "team a/50%2F#1 ü+b";

/// A folder of runs that is put into S3 gives there what it gives here.
pub(super) fn taken_in_alike(server: &impl Served, sandbox: &Sandbox, tool: &str, folder: &Path) {
    server.put_folder(folder, &format!("{KEYS}/{tool}"));
    let (local, here) = (folder.display().to_string(), format!("{tool}-here"));
    let place = format!("s3://team-runs/{KEYS}/{tool}");
    let there = reaching(server, sandbox, &["ingest", &place, "--store", tool]);
    let ingested = sandbox.run(&["ingest", &local, "--store", &here]);
    assert_eq!(there.code, ingested.code, "{}\n{}", there.stderr, ingested.stderr);
    for question in [
        "SELECT run_id, task, result_count, score_count, step_count, skipped_count FROM runs ORDER BY 1",
        "SELECT run_id, case_id, attempt, epoch, output, cost_usd FROM results ORDER BY 1, 2, 3, 4, 5",
        "SELECT run_id, case_id, metric, value FROM scores ORDER BY 1, 2, 3, 4",
    ] {
        let ask = |store: &str| sandbox.run(&["sql", question, "--store", store]).fine().stdout;
        assert_eq!(ask(tool), ask(&here), "{tool}: {question}");
    }
    let strangers =
        "SELECT count(*) FROM runs WHERE NOT starts_with(source_file, 's3://team-runs/team a/50%2F#1 ü+b/')";
    assert_eq!(sandbox.run(&["sql", strangers, "--store", tool]).fine().lines()[1], "0");
}

#[test]
fn every_tools_files_answer_as_from_the_disk() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    for (tool, fixtures) in
        [("agentv", "agentv"), ("amx", "amx"), ("honeyhive", "honeyhive"), ("table", "import/table")]
    {
        taken_in_alike(&server, &sandbox, tool, &fixture(fixtures));
    }
    let again = reaching(
        &server,
        &sandbox,
        &["ingest", &format!("s3://team-runs/{KEYS}/agentv/"), "--store", "agentv"],
    );
    assert!(again.fine().stderr.starts_with("4 runs: 4 unchanged"));
}

/// A document without the words for the place that it was read from.
fn compared(document: &Value, prefix: &str) -> String {
    document
        .to_string()
        .replace(&format!("s3://team-runs/{prefix}"), "PLACE")
        .replace(&fixture("agentv").display().to_string(), "PLACE")
}

/// Two of the bundled runs below a prefix compare as those of the disk.
pub(super) fn compared_alike(server: &impl Served, sandbox: &Sandbox, prefix: &str) {
    let names = |root: &str| ["baseline", "candidate"].map(|run| format!("{root}/{run}"));
    let there = names(&format!("s3://team-runs/{prefix}"));
    let here = names(&fixture("agentv").display().to_string());
    let words = |names: &[String; 2]| ["compare", &names[0], &names[1], "--json"].map(str::to_owned);
    let ran = |words: [String; 4]| {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        reaching(server, sandbox, &words).fine().json()
    };
    assert_eq!(compared(&ran(words(&there)), prefix), compared(&ran(words(&here)), prefix));
}

#[test]
fn two_runs_are_compared_straight_from_s3_in_few_requests() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    server.put_folder(&fixture("agentv"), KEYS);
    compared_alike(&server, &sandbox, KEYS);
    let asked = server.take_requests();
    let mut files: BTreeMap<&str, usize> = BTreeMap::new();
    asked.iter().filter(|request| matches!(request.asked, Asked::Get | Asked::Range)).for_each(|request| {
        *files.entry(&request.key).or_default() += 1;
    });
    assert!(files.len() >= 2 && files.values().all(|times| *times == 1), "{files:?}");
    // One listing per path that was named, and no asking for files that are not there.
    assert_eq!(asked.len(), files.len() + 2, "{asked:?}");
}

/// Puts a run of AgentV whose answers, inputs and timings stand in files of their own; how many files there are.
fn put_run_with_sidecars(server: &S3Server, sandbox: &Sandbox, rows: usize) -> usize {
    let mut index = String::new();
    for row in 0..rows {
        let folder = format!("case {row} #ü");
        let line = serde_json::json!({
            "timestamp": format!("2026-05-04T08:{:02}:{:02}.000Z", row / 60, row % 60),
            "test_id": format!("case-{row}"), "suite": "s", "score": 1.0, "target": "m", "scores": [],
            "execution_status": "ok", "artifact_dir": folder, "input_path": format!("{folder}/input.md"),
            "timing_path": format!("{folder}/timing.json"), "output_path": format!("{folder}/answer.md"),
            "grading_path": format!("{folder}/grading.json"),
        });
        index += &format!("{line}\n");
        let files = [
            ("input.md", format!("question {row}")),
            ("timing.json", format!("{{\"duration_ms\": {}}}", 10 * row)),
            ("answer.md", format!("answer {row}")),
        ];
        for (name, text) in files {
            sandbox.write(&format!("run/{folder}/{name}"), text);
        }
    }
    sandbox.write("run/index.jsonl", index);
    server.put_folder(&sandbox.path("run"), "run");
    3 * rows + 1
}

#[test]
fn the_files_beside_the_rows_are_fetched_once_each_and_those_that_are_missing_never() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let files = put_run_with_sidecars(&server, &sandbox, 150);
    sandbox.run(&["ingest", "run", "--store", "here"]).fine();
    reaching(&server, &sandbox, &["ingest", "s3://team-runs/run", "--store", "there"]).fine();
    let asked = server.take_requests();
    assert_eq!(asked.len(), files + 1, "one listing and each file once");
    let ask = |store: &str| {
        let question = "SELECT case_id, input, output, duration_ms FROM results ORDER BY 1";
        sandbox.run(&["sql", question, "--store", store]).fine().stdout
    };
    assert_eq!(ask("there"), ask("here"));
    assert!(ask("there").contains("case-149,question 149,answer 149,1490"), "{}", ask("there"));
}

#[test]
fn what_is_not_there_is_told_and_hides_nothing() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    server.put_folder(&fixture("agentv").join("baseline"), "runs/baseline");
    let ran = |words: &[&str]| reaching(&server, &sandbox, words);
    let missing = ran(&["ingest", "s3://team-runs/runs/baselin"]);
    assert!(missing.stderr.contains("did you mean s3://team-runs/runs/baseline?"), "{}", missing.stderr);
    missing.exits(66);
    ran(&["ingest", "s3://team-runs/runs/x*"]).exits(66);
    ran(&["ingest", "s3://no-such-bucket/runs"]).exits(66);
    assert!(ran(&["compare", "s3://team-runs//runs", "s3://team-runs/runs"]).stderr.contains("empty part"));
    let local = fixture("agentv").join("candidate").display().to_string();
    let beside = ran(&["ingest", "s3://team-runs/runs/nothing", &local, "s3://team-runs/runs/*"]);
    assert!(beside.stderr.starts_with("2 runs: 2 new, 1 not readable"), "{}", beside.stderr);
    beside.exits(66);
}

#[test]
fn a_network_that_fails_leaves_no_half_run() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let run = sandbox.agentv("dev", 4, &[("one", "m", 1.0, "ok"), ("two", "m", 0.5, "ok")]);
    server.put_folder(&sandbox.path(&run), "runs/dev");
    server.put("runs/dev/benchmark.json", "{\"metadata\":{\"tags\":{\"team\":\"blue\"}}}");
    let local = fixture("agentv").join("candidate").display().to_string();
    let ingest = || {
        let mut command = sandbox.command(&["ingest", "s3://team-runs/runs", &local]);
        server.reached_by(&mut command).env("AWS_MAX_ATTEMPTS", "2").env("RUNQ_NETWORK_TIMEOUT", "10");
        sandbox.finish(command, "")
    };
    // The rows can be read, and a file beside them cannot: without it the run would be another one.
    server.fault(Rule::new(Fault::DENIED).with_key("benchmark.json"));
    let failed = ingest();
    assert!(failed.stderr.starts_with("1 run: 1 new, 2 not readable"), "{}", failed.stderr);
    failed.exits(69);
    // A body that is cut once is read to its end.
    server.heal().fault(Rule::new(Fault::CutBody).on(&[Asked::Get]).times(1));
    let ran = ingest().fine();
    assert!(ran.stderr.starts_with("2 runs: 1 new, 1 unchanged · 2 results"), "{}", ran.stderr);
}

#[test]
fn a_file_is_read_by_who_may_not_list() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    server.put_folder(&fixture("agentv"), "runs");
    server.fault(Rule::new(Fault::DENIED).on(&[Asked::List])).fault(Rule::new(Fault::HidesMissing));
    let runs = [
        "baseline/.agentv/results/runs/baseline/2026-11-20T08-57-23-723Z/index.jsonl",
        "candidate/.agentv/results/runs/candidate/2026-11-20T08-57-58-863Z/index.jsonl",
    ];
    let names = runs.map(|run| format!("s3://team-runs/runs/{run}"));
    let local = runs.map(|run| fixture("agentv").join(run).display().to_string());
    let there = reaching(&server, &sandbox, &["compare", &names[0], &names[1]]).fine();
    let here = sandbox.run(&["compare", &local[0], &local[1]]).fine();
    assert_eq!(there.lines()[1..], here.lines()[1..]);
    // The folder, and what may be there or not, are named as what they are.
    let folder = reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs"]).exits(69);
    let said = "s3://team-runs/runs: no permission to list it (AccessDenied)\n  hint: ";
    assert!(folder.stderr.contains(said), "{}", folder.stderr);
    reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs/none.jsonl"]).exits(69);
    // Who may list and not read is told so: there is no run without the file.
    server.heal().fault(Rule::new(Fault::DENIED).on(&[Asked::Get, Asked::Range, Asked::Head]));
    let ran = reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs/baseline"]).exits(69);
    assert!(ran.stderr.contains("index.jsonl: no permission to read it (AccessDenied)"), "{}", ran.stderr);
}

#[test]
fn a_key_with_an_empty_part_is_named_and_hides_no_other() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    server.put_folder(&fixture("agentv").join("baseline"), "runs/baseline");
    server.fault(Rule::new(Fault::AlsoLists("runs//old &amp; new/index.jsonl")).on(&[Asked::List]));
    let said = "s3://team-runs/runs//old & new/index.jsonl: this key cannot be read: a part of it is empty";
    for place in ["s3://team-runs/runs", "s3://team-runs/runs/*"] {
        let ran = reaching(&server, &sandbox, &["ingest", place, "--store", "one"]).exits(65);
        assert!(ran.stderr.contains(said) && ran.stderr.starts_with("1 run: 1 "), "{}", ran.stderr);
    }
    reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs/b*", "--store", "one"]).fine();
    // A store is read and written beside it.
    reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs/b*", "--store", "s3://team-runs/store"])
        .fine();
    reaching(&server, &sandbox, &["runs", "--store", "s3://team-runs/store"]).fine();
}

#[test]
fn a_file_that_is_replaced_behind_its_listing_is_not_taken_for_the_listed_one() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let run = sandbox.agentv("dev", 4, &[("one", "m", 1.0, "ok"), ("two", "m", 0.5, "ok")]);
    server.put_folder(&sandbox.path(&run), "runs/dev");
    server.fault(Rule::new(Fault::SlowDown).on(&[Asked::Get, Asked::Range]));
    let mut command = sandbox.command(&["ingest", "s3://team-runs/runs"]);
    server.reached_by(&mut command);
    let child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while server.count(&[Asked::Get, Asked::Range]) == 0 {
        std::thread::yield_now();
    }
    let newer = sandbox.agentv("dev", 5, &[("one", "m", 0.0, "ok")]);
    server.put("runs/dev/index.jsonl", std::fs::read(sandbox.path(&newer).join("index.jsonl")).unwrap());
    server.heal();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(said.contains("index.jsonl: it was replaced while it was read"), "{said}");
    assert_eq!(ended.status.code(), Some(65), "{said}");
    let ran = reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs"]).fine();
    assert!(ran.stderr.starts_with("1 run: 1 new · 1 result"), "{}", ran.stderr);
}

#[test]
fn a_listing_in_pages_of_one_key_is_the_same_folder() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let files = put_run_with_sidecars(&server, &sandbox, 4);
    server.fault(Rule::new(Fault::OneKeyPerPage));
    reaching(&server, &sandbox, &["ingest", "s3://team-runs/run", "--store", "there"]).fine();
    assert!(server.count(&[Asked::List]) >= files, "{}", server.count(&[Asked::List]));
    sandbox.run(&["ingest", "run", "--store", "here"]).fine();
    let question = "SELECT case_id, input, output, duration_ms FROM results ORDER BY 1";
    let ask = |store: &str| sandbox.run(&["sql", question, "--store", store]).fine().stdout;
    assert_eq!(ask("there"), ask("here"));
}
