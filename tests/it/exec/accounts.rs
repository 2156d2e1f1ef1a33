//! What a tool is given, and what is said of what it did.

use std::fs;

use serde_json::json;

use super::stage::{RUN, Stage};
use crate::json_schemas::check;
use crate::support::sandbox::Row;

/// Both cases that had not passed, run again: one passes now, one still does not.
const AGAIN: [Row; 2] = [("b", "gpt-x", 0.9, "ok"), ("c", "gpt-x", 0.2, "quality_failure")];

#[test]
fn a_program_is_given_its_words_byte_by_byte_and_its_files() {
    let stage = Stage::new();
    stage.tool(
        "mytool",
        r#"for word in "$@"; do printf '%s\0' "$word"; done > argv; pwd > folder; cat "$2" > ids"#,
    );
    let words = [
        "mytool",
        "--ids",
        "\u{1}ids.txt",
        "--output=/x",
        "$(id)",
        "it's \"so\"",
        "two\nlines",
        "",
        "*",
        "ü",
    ];
    let mut spec = stage.spec(&words);
    spec["files"] = json!([["ids.txt", "b\nc\n"]]);
    stage.exec(&spec).fine();
    let given = fs::read(stage.sandbox.path("argv")).unwrap();
    let given: Vec<&[u8]> = given.split(|byte| *byte == 0).collect();
    let jobs = stage.jobs();
    let id = jobs["jobs"][0]["job_id"].as_str().unwrap();
    let ids_file = stage.sandbox.path(".runq/jobs").join(id).join("ids.txt").display().to_string();
    let mut expected: Vec<&[u8]> = words[1..].iter().map(|word| word.as_bytes()).collect();
    expected[1] = ids_file.as_bytes();
    expected.push(b"");
    assert_eq!(given, expected);
    assert_eq!(fs::read_to_string(stage.sandbox.path("ids")).unwrap(), "b\nc\n");
    let folder = fs::read_to_string(stage.sandbox.path("folder")).unwrap();
    assert_eq!(std::path::Path::new(folder.trim_end()), stage.sandbox.path("").components().as_path());
    assert_eq!(jobs["jobs"][0]["argv"][4], "$(id)");
}

#[test]
fn rows_that_are_appended_are_accounted_for() {
    let stage = Stage::new();
    let rows = stage.rows("again.jsonl", &AGAIN);
    stage.tool(
        "mytool",
        &format!("echo to work; cat '{}' >> '{}'; echo done >&2", rows.display(), stage.index()),
    );
    let mut spec = stage.spec(&["mytool", "run"]);
    spec["expected"] = json!(0.005);
    let ran = stage.exec(&spec).fine();
    assert!(ran.stderr.contains("$ mytool run\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("to work\n") && ran.stderr.contains("done\n"), "{}", ran.stderr);
    let account = ran.json();
    check("resume_exec", &account);
    assert_eq!(account["run_id"], RUN);
    assert_eq!((account["planned"].as_i64(), account["ran"].as_i64()), (Some(2), Some(2)));
    // Three cases: one of three passed, then two; over attempts two of five, without errors one of two.
    let third = |value: &serde_json::Value| (value.as_f64().unwrap() * 3.0).round();
    assert_eq!(
        (third(&account["before"]["pass_rate_latest"]), third(&account["after"]["pass_rate_latest"])),
        (1.0, 2.0)
    );
    assert_eq!(account["before"]["pass_rate_scored"], 0.5);
    assert_eq!(account["after"]["pass_rate_attempts"], 0.4);
    assert_eq!(account["after"]["superseded"], 2);
    assert_eq!(account["after"]["execution_error"], 0);
    assert_eq!(account["open"], 1, "c has not passed");
    // Every row that is no error cost 0.001.
    assert_eq!(account["spent"]["cost_usd"], 0.002);
    assert_eq!(account["expected"]["cost_usd"]["value"], 0.005);
    assert_eq!(account["exit_code"], 0);
    assert_eq!(account["command"]["argv"], json!(["mytool", "run"]));
    assert_eq!(account["notes"], json!([]));
    assert_eq!(
        stage.attempts(),
        ["a 1 ok", "b 1 quality_failure", "b 2 ok", "c 1 execution_error", "c 2 quality_failure"]
    );
    let job = &stage.jobs()["jobs"][0];
    assert_eq!(
        (job["status"].as_str(), job["ran"].as_i64(), job["planned"].as_i64()),
        (Some("finished"), Some(2), Some(2))
    );
    assert_eq!(job["after"], account["after"]);
}

#[test]
fn a_tool_that_runs_everything_and_rewrites_its_rows_takes_nothing_away() {
    let stage = Stage::new();
    let rows = stage.rows("all.jsonl", &[("a", "gpt-x", 1.0, "ok"), AGAIN[0], AGAIN[1]]);
    stage.tool("mytool", &format!("cat '{}' > '{}'", rows.display(), stage.index()));
    let ran = stage.exec(&stage.spec(&["mytool"])).fine();
    let account = ran.json();
    assert_eq!((account["planned"].as_i64(), account["ran"].as_i64()), (Some(2), Some(3)));
    assert_eq!(account["notes"], json!(["planned 2, ran 3"]));
    assert_eq!(
        stage.attempts(),
        ["a 1 ok", "a 2 ok", "b 1 quality_failure", "b 2 ok", "c 1 execution_error", "c 2 quality_failure"]
    );
    assert_eq!(fs::read_to_string(stage.index()).unwrap().lines().count(), 3);
}

#[test]
fn a_run_that_is_in_no_store_is_taken_in_before_its_tool_rewrites_it() {
    let stage = Stage::new();
    fs::remove_dir_all(stage.sandbox.path(".runq")).unwrap();
    let rows = stage.rows("all.jsonl", &AGAIN);
    stage.tool("mytool", &format!("cat '{}' > '{}'", rows.display(), stage.index()));
    let mut spec = stage.spec(&["mytool"]);
    spec["run"] = json!(stage.folder);
    assert_eq!(stage.exec(&spec).fine().json()["ran"], 2);
    assert_eq!(stage.attempts().len(), 5);
}

#[test]
fn a_new_output_is_taken_in_and_named() {
    let stage = Stage::new();
    let rows = stage.rows("again.jsonl", &AGAIN);
    let output = stage.sandbox.path("results/runs/nightly/2026-05-02T08-00-00-000Z");
    stage.tool(
        "mytool",
        &format!("mkdir -p '{0}'; cat '{1}' > '{0}/index.jsonl'", output.display(), rows.display()),
    );
    let mut spec = stage.spec(&["mytool"]);
    spec["output"] = json!(output);
    let account = stage.exec(&spec).fine().json();
    check("resume_exec", &account);
    assert_eq!(account["before"], account["after"], "the run itself is as it was");
    assert_eq!(account["ran"], 2);
    assert_eq!(account["new_runs"][0]["run_id"], "nightly::2026-05-02T08-00-00-000Z");
    assert_eq!(
        (account["new_runs"][0]["cases"].as_i64(), account["new_runs"][0]["ok"].as_i64()),
        (Some(2), Some(1))
    );
    assert_eq!(account["open"], 1, "one of the new output");
    assert_eq!(stage.attempts().len(), 3);
}

#[test]
fn a_person_reads_before_and_after_side_by_side() {
    let stage = Stage::new();
    let rows = stage.rows("again.jsonl", &AGAIN);
    stage.tool("mytool", &format!("cat '{}' >> '{}'", rows.display(), stage.index()));
    let mut spec = stage.spec(&["mytool"]);
    spec["format"] = json!("table");
    let ran = stage.exec(&spec).fine();
    for line in ["cases", "superseded", "error", "pass rate, latest attempts"] {
        assert!(
            ran.stdout.lines().any(|shown| shown.trim_start().starts_with(line)),
            "{line}: {}",
            ran.stdout
        );
    }
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let latest = ran.stdout.lines().find(|line| line.contains("latest attempts")).unwrap();
    assert_eq!(words(latest), ["pass", "rate,", "latest", "attempts", "33", "%", "67", "%"]);
    assert!(ran.stdout.contains("2 of 2 planned"), "{}", ran.stdout);
    assert!(ran.stdout.contains("still open  1 case"), "{}", ran.stdout);
}

#[test]
fn jobs_are_listed_and_shown_with_their_log() {
    let stage = Stage::new();
    assert_eq!(stage.jobs()["total"], 0);
    assert!(stage.sandbox.run(&["jobs"]).fine().stdout.contains("no command was started"));
    stage.sandbox.run(&["jobs", "show"]).exits(66);
    stage.tool("mytool", "seq 30; printf '1/2\\r2/2\\n\\033[31mred'");
    stage.exec(&stage.spec(&["mytool", "a b"])).fine();
    check("jobs", &stage.jobs());
    let id = stage.jobs()["jobs"][0]["job_id"].as_str().unwrap().to_owned();
    let listed = stage.sandbox.run(&["jobs"]).fine().stdout;
    assert!(listed.contains(&id) && listed.contains("finished") && listed.contains(RUN), "{listed}");
    let shown = stage.sandbox.run(&["jobs", "show", &id[..id.len() - 1]]).fine().stdout;
    assert!(shown.contains("mytool 'a b'") && shown.contains("exit code 0"), "{shown}");
    assert!(shown.contains("the last 20 lines") && shown.contains("\n  2/2\n  ␛[31mred"), "{shown}");
    assert!(!shown.contains("\n  12\n") && shown.contains("\n  13\n"), "{shown}");
    let all = stage.sandbox.run(&["jobs", "show", "last", "--log", "--json"]).fine().json();
    check("job", &all);
    assert_eq!(all["log"]["lines"].as_array().unwrap().len(), 32);
    assert_eq!(all["run_id"], RUN);
    assert_eq!(stage.sandbox.run(&["jobs", "--format", "ids"]).fine().stdout.trim_end(), id);
    let csv = stage.sandbox.run(&["jobs", "--format", "csv"]).fine().stdout;
    assert!(csv.starts_with("job_id,status,run_id,tool,mode,command,folder,planned,ran,exit_code"), "{csv}");
    stage.sandbox.run(&["jobs", "show", "nothing"]).exits(66);
}
