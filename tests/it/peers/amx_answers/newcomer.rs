//! What a person who comes from AMX sees first.

use serde_json::{Value, json};

use crate::support::fixture;
use crate::support::sandbox::Sandbox;

fn ingested() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingest", &fixture("amx/history.db").display().to_string()]).fine();
    sandbox
}

/// The value of a metric in an arm of a comparison.
fn value(document: &Value, metric: &str, arm: &str) -> Value {
    let metrics = document["metrics"].as_array().expect("metrics").iter();
    let entry = metrics
        .filter(|entry| entry["metric"] == metric)
        .flat_map(|entry| entry["arms"].as_array().expect("arms"));
    entry
        .filter(|entry| entry["arm"] == arm)
        .map(|entry| entry["value"].clone())
        .next()
        .unwrap_or(Value::Null)
}

/// Of the runs with the profile `main` those that are no re-runs took 43.5, 1 and 5 seconds (the fourth is running);
/// 2 + 0 + 1 + 0 of 5 + 0 + 1 + 2 processed assets were applied.
#[test]
fn runs_run_again_count_once_where_runs_are_pooled() {
    let sandbox = ingested();
    let compared = sandbox.run(&["compare", "--by", "params.llm_profile", "--json"]).fine().json();
    assert_eq!(value(&compared, "run_duration_ms", "main"), json!(16_500.0));
    assert_eq!(value(&compared, "approval_rate", "main"), json!(0.375));
    let main =
        compared["arms"].as_array().expect("arms").iter().find(|arm| arm["arm"] == "main").expect("main");
    assert_eq!(main["run_ids"], json!(["1", "16", "5", "7"]));
    let notes = compared["notes"].to_string();
    assert!(notes.contains("8 re-runs and variations are versions of other runs"), "{notes}");

    let screen = sandbox.run(&["compare"]).fine().stdout;
    let first = screen.lines().next().expect("a line");
    assert!(first.starts_with("shop · 7 cases · 3 models of 6 runs · baseline gpt-x"), "{first}");
    assert!(screen.contains("without any result: run 5"), "{screen}");
    let asked = sandbox.run(&["compare", "--by", "llm_profile"]).exits(2).stderr;
    assert!(asked.contains("did you mean params.llm_profile?"), "{asked}");
}

#[test]
fn a_run_without_rows_says_what_is_known() {
    let sandbox = ingested();
    let asked = sandbox.run(&["show", "6"]).fine().stdout;
    assert!(asked.contains("no results") && !asked.contains("missing 2"), "{asked}");
    let failed = sandbox.run(&["show", "10"]).fine().stdout;
    assert!(failed.contains("status      failed · RateLimitError"), "{failed}");
    assert!(failed.contains("missing 1 planned case; which one the source does not say"), "{failed}");
    assert!(!failed.contains("failed_rows"), "a statement that would answer nothing: {failed}");
    let reviewed = sandbox.run(&["show", "2"]).fine().stdout;
    assert!(reviewed.contains("status      complete (amx: ready_for_review)"), "{reviewed}");
    let gpt = sandbox.run(&["runs", "--model", "gpt-x", "--kind", "rerun", "--format", "ids"]).fine().stdout;
    assert_eq!(gpt.lines().collect::<Vec<_>>(), ["14", "13", "11", "10", "8"]);
}
