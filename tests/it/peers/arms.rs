//! What counts once: rows that a run copied from another, and a run that is named in two states.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::recorded::{Attempt, rows, state, states};
use super::{FIRST, REWRITING, by};
use crate::support::{compared, session};

fn arms(document: &Value) -> &Vec<Value> {
    document["arms"].as_array().expect("arms")
}

/// The entry of a metric for the one arm of a comparison.
fn metric<'a>(document: &'a Value, name: &str) -> &'a Value {
    let metrics = document["metrics"].as_array().expect("metrics");
    let entry = metrics.iter().find(|metric| metric["metric"] == name && !metric["task"].is_null());
    &entry.unwrap_or_else(|| panic!("{name} in {metrics:?}"))["arms"][0]
}

/// The mean over cases of the mean of a case's scored executions.
fn mean_of_cases(executions: &BTreeSet<Attempt>) -> f64 {
    let mut cases: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for execution in executions.iter().filter(|execution| execution.status != "execution_error") {
        cases.entry(&execution.case_id).or_default().push(execution.score_value());
    }
    let means = cases.values().map(|scores| scores.iter().sum::<f64>() / scores.len() as f64);
    means.sum::<f64>() / cases.len() as f64
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_retry_copied_count_once() {
    for version in [FIRST, REWRITING] {
        let Some(states) = states(version) else { return };
        let folders =
            ["baseline/s0", "retry-of-baseline/s0"].map(|name| state(&states, name).folder.as_path());
        let executions: BTreeSet<Attempt> = folders.iter().flat_map(|folder| rows(folder)).collect();
        assert_eq!(executions.len(), 15, "{version}: 12 rows, and 3 that were run again");
        let document = compared(&folders, by("model")).await;
        let [arm] = arms(&document).as_slice() else { panic!("one arm: {document}") };
        assert_eq!(arm["arm"], "gpt-x");
        assert_eq!(arm["run_ids"].as_array().map(Vec::len), Some(2));
        assert_eq!(arm["case_count"], 12);
        assert_eq!(arm["result_count"], 15);
        let statuses = &arm["status_counts"];
        let count = |status: &str| executions.iter().filter(|row| row.status == status).count();
        for status in ["ok", "quality_failure", "execution_error"] {
            assert_eq!(statuses[status], count(status), "{version}: {status}");
        }
        let score = metric(&document, "score");
        assert_eq!(score["n"], 12);
        let value = score["value"].as_f64().expect("a mean");
        assert!((value - mean_of_cases(&executions)).abs() < 1e-12, "{version}: {value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_states_of_one_run_are_two_arms_that_can_be_told_apart() {
    let Some(states) = states(FIRST) else { return };
    let (early, late) = (state(&states, "baseline/s0"), state(&states, "baseline/s1"));
    let document = compared(&[&early.folder, &late.folder], by("run")).await;
    let [first, second] = arms(&document).as_slice() else { panic!("two arms: {document}") };
    let label = |arm: &Value| arm["arm"].as_str().expect("a label").to_owned();
    for (arm, state) in [(first, early), (second, late)] {
        let label = label(arm);
        assert!(label.contains(&state.run_id()), "{label}");
        assert!(label.contains(&format!("s{}", state.number)), "{label} tells the state");
    }
    assert_ne!(label(first), label(second));
    assert_eq!(document["baseline"], first["arm"], "the path named first");
    assert_eq!([&first["result_count"], &second["result_count"]], [12, 18]);
    assert_eq!([&first["superseded_count"], &second["superseded_count"]], [0, 6]);
    assert_eq!([&first["status_counts"]["ok"], &second["status_counts"]["ok"]], [6, 8]);
}

#[tokio::test(flavor = "multi_thread")]
async fn by_another_dimension_the_later_state_of_a_run_counts() {
    for version in [FIRST, REWRITING] {
        let Some(states) = states(version) else { return };
        let (early, late) = (state(&states, "baseline/s0"), state(&states, "baseline/s1"));
        let attempts: BTreeSet<Attempt> = rows(&late.folder).into_iter().collect();
        for folders in [[&early.folder, &late.folder], [&late.folder, &early.folder]] {
            let mut session = session(&[folders[0], folders[1]], by("model")).await;
            let rows = session.rows("SELECT * FROM arms").await.expect("arms");
            let arms: Vec<Value> = rows.read().expect("rows of JSON");
            let [arm] = arms.as_slice() else { panic!("one arm: {arms:?}") };
            assert_eq!(arm["case_count"], 12, "{version}");
            assert_eq!(arm["result_count"], attempts.len(), "{version}");
            for status in ["ok", "quality_failure", "execution_error"] {
                assert_eq!(arm[status], late.status_count(status), "{version}: {status}");
            }
        }
    }
}
