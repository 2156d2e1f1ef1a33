//! `runq resume` as a person uses it: nothing to do, places that are not there, PR #1220's run, its rows as SQL has them.

use std::fs;

use serde_json::{Value, json};

use crate::json_schemas::check;
use crate::support::sandbox::{Row, Sandbox};

#[test]
fn nothing_to_do_is_one_sentence_and_touches_no_file() {
    let sandbox = Sandbox::new();
    let folder = sandbox.agentv(
        "good",
        1,
        &[("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.9, "ok"), ("c", "gpt-x", 1.0, "ok")],
    );
    let said = "nothing to run in good::2026-05-01T08-00-00-000Z: 3 ok\n";
    let before = sandbox.files("");
    for mode in ["--rerun-failed", "--retry-errors", "--where=TRUE"] {
        for exec in [&[][..], &["--exec"]] {
            let ran = sandbox.run(&[&["resume", &folder, mode], exec].concat()).fine();
            let sentence = ran.stdout.lines().next().map(|line| format!("{line}\n"));
            assert!(sentence.is_some_and(|line| line.starts_with(said.trim_end())), "{mode}: {}", ran.stdout);
        }
    }
    assert_eq!(sandbox.files(""), before, "no store was made");
    sandbox.run(&["ingest", "results"]).fine();
    let before = sandbox.files("");
    assert_eq!(sandbox.run(&["resume", "good", "--retry-errors", "--exec"]).fine().stdout, said);
    assert_eq!(sandbox.run(&["resume", "good", "--retry-errors", "--format", "ids"]).fine().stdout, "");
    let script = sandbox.run(&["resume", "good", "--retry-errors", "--format", "sh"]).fine();
    assert_eq!((script.stdout.as_str(), script.stderr.trim_end()), ("", "nothing to run"));
    let plan = sandbox.run(&["resume", "good", "--retry-errors", "--json"]).fine().json();
    assert_eq!((&plan["totals"]["to_run"], &plan["totals"]["left"]), (&json!(0), &json!(3)));
    assert_eq!(sandbox.files(""), before);
}

const BROKEN: [Row; 2] = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.0, "execution_error")];

#[test]
fn a_place_that_is_not_there_is_named_with_the_flag_that_gives_it() {
    let sandbox = Sandbox::new();
    let folder = sandbox.agentv("nightly", 1, &BROKEN);
    sandbox.write("suite.eval.yaml", "tests: []\n");
    sandbox.run(&["ingest", "results"]).fine();
    let before = sandbox.files("");
    let suite = ["--suite", "suite.eval.yaml"];
    for (places, reason, hint) in [
        (&["--suite", "nope.yaml"][..], "the eval file nope.yaml is not there", "--suite FILE names it"),
        (
            &[&suite[..], &["--run-dir", "gone"]].concat(),
            "the run folder [sandbox]/gone is not there",
            "--run-dir DIR says where it is now",
        ),
    ] {
        let arguments = [&["resume", "nightly", "--rerun-failed"], places].concat();
        let plan = sandbox.run(&[&arguments[..], &["--json"]].concat()).fine().json();
        check("resume", &plan);
        assert_eq!(plan["runs"][0]["no_command"], json!({"reason": reason, "hint": hint}));
        assert_eq!(plan["rows"].as_array().map(Vec::len), Some(1), "the plan is there all the same");
        let said = format!(
            "error: nightly::2026-05-01T08-00-00-000Z: {reason}; nothing was started\n  hint: {hint}"
        );
        sandbox.run(&[&arguments[..], &["--exec"]].concat()).refuses(66, &said);
    }
    assert_eq!(sandbox.files(""), before);
    // Moved, and told where to.
    fs::rename(sandbox.path(&folder), sandbox.path("moved")).expect("a folder can be moved");
    let moved =
        [&["resume", "nightly", "--rerun-failed", "--run-dir", "moved", "--json"], &suite[..]].concat();
    let argv = sandbox.run(&moved).fine().json()["commands"][0]["argv"].to_string();
    assert!(argv.contains("moved\",\"--rerun-failed\"]"), "{argv}");
}

#[test]
fn faults_of_predicates_are_marked_in_either_mode() {
    let sandbox = Sandbox::with_samples();
    let where_ =
        sandbox.run(&["resume", "baseline", "--where", "status = 'missing' OR modle = 'x'"]).exits(2);
    assert_eq!(
        where_.stderr,
        "error: --where: there is no column modle in failed_rows\n  status = 'missing' OR modle = 'x'\n  \
                              ^^^^^\n  hint: did you mean model?\n"
    );
    sandbox.run(&["resume", "baseline", "--select", "pased"]).refuses(
        2,
        "error: --select: there is no column pased in latest_results\n  pased\n  ^^^^^\n  hint: did you mean passed?",
    );
}

#[test]
fn the_rows_of_a_plan_are_those_of_the_view() {
    let sandbox = Sandbox::with_samples();
    let columns = "run_id, task, case_id, model, prompt, variant, epoch, status, error_kind, error_stage, error_reason, \
                   score, attempts, error_message AS last_error";
    let sql = |predicate: &str| {
        let sql = format!(
            "SELECT {columns} FROM failed_rows WHERE {predicate} ORDER BY source_row, case_id, model"
        );
        sandbox.run(&["sql", &sql, "--run", "matrix", "--format", "jsonl"]).fine().documents()
    };
    for (mode, predicate, count) in [
        (&["--rerun-failed"][..], "TRUE", 9),
        (&["--retry-errors"], "status = 'execution_error'", 1),
        (&["--where", "model = 'llama-z'"], "model = 'llama-z'", 5),
        (&["--rerun-failed", "--model", "claude-y"], "model = 'claude-y'", 3),
    ] {
        let plan = sandbox.run(&[&["resume", "matrix", "--json"], mode].concat()).fine().json();
        let mut rows = plan["rows"].as_array().expect("rows").clone();
        for row in &mut rows {
            row.as_object_mut().expect("a row").remove("reason");
        }
        assert_eq!(rows.len(), count, "{mode:?}");
        assert_eq!(rows, sql(predicate), "{mode:?}");
    }
}

/// PR #1220's run: the budget ended before the second case.
const BUDGET: &str = r#"{"timestamp":"2026-05-06T05:36:20.000Z","test_id":"first","suite":"tiny","target":"azure","score":1,"execution_status":"ok","cost_usd":0.002}
{"timestamp":"2026-05-06T05:36:21.000Z","test_id":"second","suite":"tiny","target":"azure","score":0,"execution_status":"execution_error","failure_stage":"setup","failure_reason_code":"budget_exceeded","error":"Budget exceeded"}
"#;

/// A stand-in for AgentV 4.25, which appends the row of what it ran again.
const AGENTV: &str = r#"#!/bin/sh
printf '%s\n' "$*" > told
while [ $# -gt 1 ]; do [ "$1" = --output ] && out=$2; shift; done
echo '{"timestamp":"2026-05-06T05:36:59.000Z","test_id":"second","suite":"tiny","target":"azure","score":1,"execution_status":"ok","cost_usd":0.003}' >> "$out/index.jsonl"
"#;

#[test]
fn the_run_of_pull_request_1220_is_finished() {
    use std::os::unix::fs::PermissionsExt as _;
    const RUN: &str = ".agentv/results/runs/default/2026-05-06T05-36-19-075Z";
    let sandbox = Sandbox::new();
    let index = sandbox.write(&format!("{RUN}/index.jsonl"), BUDGET);
    let metadata = json!({"metadata": {
        "eval_file": "evals/tiny.eval.yaml", "targets": ["azure"], "tests_run": ["first", "second"],
        "planned_test_count": 2, "timestamp": "2026-05-06T05:36:22.000Z",
    }});
    sandbox.write(&format!("{RUN}/benchmark.json"), metadata.to_string());
    sandbox.write("evals/tiny.eval.yaml", "tests: []\n");
    let tool = sandbox.write("bin/agentv", AGENTV);
    fs::set_permissions(tool, fs::Permissions::from_mode(0o755)).expect("modes can be set");
    sandbox.run(&["ingest", RUN]).fine();

    let command = format!("agentv eval evals/tiny.eval.yaml --target azure --output {RUN} --rerun-failed");
    let plan = sandbox.run(&["resume", "last", "--rerun-failed"]).fine().stdout;
    assert!(
        plan.contains(
            "to run    1 of 2 cases\n  second  execution_error  budget_exceeded at setup, 1 attempt\n"
        ),
        "{plan}"
    );
    assert!(plan.contains(&format!("\n  {command}\n")), "{plan}");
    assert_eq!(
        sandbox.run(&["resume", "last", "--rerun-failed", "--format", "sh"]).fine().stdout,
        format!("{command}\n")
    );
    assert_eq!(
        sandbox.run(&["resume", "last", "--rerun-failed", "--format", "ids"]).fine().stdout,
        "second\n"
    );

    let path = format!("{}:/usr/bin:/bin", sandbox.path("bin").display());
    let exec = ["resume", "last", "--rerun-failed", "--exec", "--json"];
    let account = sandbox.run_with(&[("PATH", &path)], &exec).fine().json();
    check("resume_exec", &account);
    let told = fs::read_to_string(sandbox.path("told")).expect("it ran");
    assert_eq!(format!("agentv {}", told.trim_end()), command);
    let text = fs::read_to_string(index).expect("the rows");
    assert!(text.starts_with(BUDGET) && text.lines().count() == 3, "{text}");
    let rates = |standing: &Value| {
        ["pass_rate_latest", "pass_rate_attempts"]
            .map(|rate| (standing[rate].as_f64().unwrap() * 1000.0).round() as i64)
    };
    assert_eq!((rates(&account["before"]), rates(&account["after"])), ([500, 500], [1000, 667]));
    assert_eq!((account["ran"].as_i64(), account["spent"]["cost_usd"].as_f64()), (Some(1), Some(0.003)));
    let shown = sandbox.run(&["show", "last", "--json"]).fine().json();
    let overview = &shown["overview"];
    assert_eq!((overview["attempts"].as_i64(), overview["cases"].as_i64()), (Some(3), Some(2)));
    assert_eq!(rates(overview), [1000, 667]);
    let again = sandbox.run(&["resume", "last", "--rerun-failed"]).fine().stdout;
    assert!(again.starts_with("nothing to run in default::2026-05-06T05-36-19-075Z: 2 ok"), "{again}");
}
