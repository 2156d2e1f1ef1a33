//! Everything else that AMX was asked about one history, against the views: numbers of runs, winners, cells, the pages of
//! its Studio.
//!
//! The bundled history is the one that AMX answered about. Where runq answers otherwise on purpose, the test names each
//! place, and docs/METHODOLOGY.md ("Where other tools answer otherwise") gives the reason.

mod cells;
mod lists;
mod newcomer;
mod pages;
mod winners;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use runq::import::ImportOptions;
use runq::session::{Facts, Request, Scope, Session};
use serde::Deserialize;
use serde_json::Value;

use super::by;
use super::recorded::json as read;
use crate::support::{fixture, in_memory, shared};

/// Folder of the recordings, if it is there.
fn recordings() -> Option<PathBuf> {
    shared("peers/amx-0.19.0")
}

/// The bundled history.
fn facts() -> Facts {
    let memory = in_memory(&[&fixture("amx/history.db")], &ImportOptions::default());
    assert!(memory.problems.is_empty(), "{:?}", memory.problems);
    Facts::in_memory(memory, "test".to_owned()).expect("tables")
}

/// A session over runs, each an arm.
async fn session(facts: &Facts, runs: &[i64]) -> Session {
    let scope = Scope { runs: runs.iter().map(i64::to_string).collect(), ..Scope::default() };
    let mut session = Session::open(facts.clone(), Request { scope, ..by("run") }).await.expect("a session");
    for fact in
        ["case_values", "arm_cases", "task_sets", "metric_coverage", "arm_aggregates", "run_aggregates"]
    {
        session.materialize(fact).await.expect("a fact");
    }
    session
}

/// The files of a folder of the recordings whose names begin so, with their names.
fn documents(folder: &Path, prefix: &str) -> Vec<(String, Value)> {
    let names = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().expect("a name")).collect();
    names.retain(|name| name.starts_with(prefix) && name.ends_with(".json"));
    names.sort();
    names.into_iter().map(|name| (name.clone(), read(&folder.join(&name)))).collect()
}

/// AMX's name of a number of a run, runq's metric, and how many of runq's units one of AMX's is.
const METRICS: [(&str, &str, f64); 11] = [
    ("wall_duration_sec", "run_duration_ms", 1000.0),
    ("model_processing_sec", "run_model_duration_ms", 1000.0),
    ("prompt_tokens", "run_input_tokens", 1.0),
    ("completion_tokens", "run_output_tokens", 1.0),
    ("total_tokens", "run_total_tokens", 1.0),
    ("cost_usd", "run_cost_usd", 1.0),
    ("avg_logprob_score", "logprob", 1.0),
    ("pct_high_confidence", "high_confidence", 0.01),
    ("pct_medium_confidence", "medium_confidence", 0.01),
    ("pct_low_confidence", "low_confidence", 0.01),
    ("approval_rate", "approval_rate", 1.0),
];

fn metric_of(amx: &str) -> &'static str {
    METRICS.iter().find(|(name, _, _)| *name == amx).expect("a number of AMX").1
}

/// AMX writes 0 for times and tokens that it does not know.
const ZERO_IS_UNKNOWN: [&str; 5] =
    ["wall_duration_sec", "model_processing_sec", "prompt_tokens", "completion_tokens", "total_tokens"];

/// What AMX said of each run: run and name of the number to the number.
type Said = BTreeMap<(i64, String), Option<f64>>;

fn said(aggregates: &Value) -> Said {
    let entries = aggregates.as_array().expect("aggregates").iter();
    entries
        .map(|entry| {
            let name = entry["metric"].as_str().expect("a name").to_owned();
            ((entry["run_id"].as_i64().expect("a run"), name), entry["value"].as_f64())
        })
        .collect()
}

fn runs_of(said: &Said) -> Vec<i64> {
    let mut runs: Vec<i64> = said.keys().map(|(run, _)| *run).collect();
    runs.dedup();
    runs
}

/// Whether no row of the run has a band; AMX gives all three shares as 0 then.
fn has_no_band(said: &Said, run: i64) -> bool {
    ["high", "medium", "low"].iter().all(|band| said[&(run, format!("pct_{band}_confidence"))] == Some(0.0))
}

/// What runq has where AMX has this: the same, or nothing where AMX's 0 means that nobody knows.
fn known(said: &Said, run: i64, name: &str) -> Option<f64> {
    let value = said[&(run, name.to_owned())];
    let unknown = (ZERO_IS_UNKNOWN.contains(&name) && value == Some(0.0))
        || (name.starts_with("pct_") && has_no_band(said, run));
    value.filter(|_| !unknown)
}

/// Equal but for the last digit: AMX adds up doubles one after the other, runq exactly.
fn near(ours: Option<f64>, theirs: Option<f64>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() <= 1e-12 * theirs.abs().max(1.0),
        (ours, theirs) => ours == theirs,
    }
}

#[derive(Deserialize)]
struct Number {
    arm: String,
    metric: String,
    value: Option<f64>,
}

#[derive(Deserialize)]
struct Counted {
    arm: String,
    result_count: i64,
}

/// What runq says of runs: numbers by arm and metric, and how many rows each arm has.
#[derive(Default)]
struct Ours {
    numbers: BTreeMap<(String, String), Option<f64>>,
    rows: BTreeMap<String, i64>,
}

impl Ours {
    async fn of(facts: &Facts, runs: &[i64]) -> Self {
        let mut session = session(facts, runs).await;
        let numbers: Vec<Number> = session
            .rows("SELECT arm, metric, value FROM metric_summary")
            .await
            .expect("numbers")
            .read()
            .expect("rows");
        let counts: Vec<Counted> =
            session.rows("SELECT arm, result_count FROM arms").await.expect("arms").read().expect("rows");
        Self {
            numbers: numbers.into_iter().map(|number| ((number.arm, number.metric), number.value)).collect(),
            rows: counts.into_iter().map(|count| (count.arm, count.result_count)).collect(),
        }
    }

    /// Holds what AMX said of the runs against it; gives the number of values that were compared.
    fn hold(&self, name: &str, said: &Said) -> usize {
        for ((run, amx), value) in said {
            let arm = run.to_string();
            if amx == "saved_results" {
                assert_eq!(
                    self.rows.get(&arm).copied(),
                    value.map(|value| value as i64),
                    "{name}: run {run}"
                );
                continue;
            }
            let (_, metric, scale) =
                METRICS.iter().find(|(known, _, _)| known == amx).expect("a known number");
            let ours = self.numbers.get(&(arm, (*metric).to_owned())).copied().flatten();
            // AMX marks a run that is running as failed and lets it last until now; runq leaves it as it is.
            let theirs = known(said, *run, amx).filter(|_| !(*run == 16 && amx == "wall_duration_sec"));
            assert!(
                near(ours.map(|value| value / scale), theirs),
                "{name}: {amx} of {run}: {ours:?}, AMX {theirs:?}"
            );
        }
        said.len()
    }
}

/// Every comparison that was recorded: the command line's, its functions', the Studio's.
fn recorded_comparisons(folder: &Path) -> Vec<(String, Said)> {
    let mut comparisons = Vec::new();
    for case in read(&folder.join("cli/INDEX.json")).as_array().expect("cases") {
        let name = case["case"].as_str().expect("a name");
        let file = folder.join("cli").join(name).join("compare.json");
        if file.exists() {
            comparisons.push((name.to_owned(), said(&read(&file)["aggregate_metrics"])));
        }
    }
    for (name, document) in documents(&folder.join("helpers"), "") {
        if document["compare_runs"].is_object() {
            comparisons.push((name, said(&document["compare_runs"]["aggregates"])));
        }
    }
    for (name, document) in documents(&folder.join("studio-http"), "compare-") {
        if document["aggregates"].is_array() {
            comparisons.push((name, said(&document["aggregates"])));
        }
    }
    comparisons
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_runs_are_those_of_every_recorded_comparison() {
    let Some(folder) = recordings() else { return };
    let facts = facts();
    let mut known: BTreeMap<Vec<i64>, Ours> = BTreeMap::new();
    let comparisons = recorded_comparisons(&folder);
    assert!(comparisons.len() > 30, "{}", comparisons.len());
    let mut compared = 0;
    for (name, said) in &comparisons {
        let runs = runs_of(said);
        if !known.contains_key(&runs) {
            known.insert(runs.clone(), Ours::of(&facts, &runs).await);
        }
        compared += known[&runs].hold(name, said);
    }
    assert!(compared > 1300, "{compared} numbers");
}
