//! What counts once: rows that a run copied from another, and a run that is named in two states.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use runq::answer::number::percent;

use super::recorded::{Attempt, State, rows, state, states};
use super::{FIRST, LATER, REWRITING, by};
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

/// The note of a comparison about arms that were run again unevenly.
fn of_attempts(document: &Value) -> Option<&str> {
    let mut notes = document["notes"].as_array().expect("notes").iter().filter_map(Value::as_str);
    notes.find(|note| note.contains("run again more"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_arm_with_more_attempts_is_named_with_what_its_first_attempts_were() {
    for version in [FIRST, LATER] {
        let Some(states) = states(version) else { return };
        let (retried, once) = (state(&states, "baseline/s5"), state(&states, "candidate/s0"));
        let superseded = |state: &State| (state.count("superseded_rows"), state.count("rows"));
        assert_eq!((superseded(retried).0 > 0, superseded(once).0), (true, 0), "{version}: as recorded");
        for folders in [[&retried.folder, &once.folder], [&once.folder, &retried.folder]] {
            let document = compared(&[folders[0], folders[1]], by("run")).await;
            let note = of_attempts(&document).unwrap_or_else(|| panic!("{version}: {}", document["notes"]));
            let (of_retried, of_once) = (superseded(retried), superseded(once));
            let called = |state: &State| state.run_id().split("::").next().unwrap_or_default().to_owned();
            let told = format!(
                "run {} was run again more than run {}: {} of its {} attempts were superseded, 0 of {}",
                called(retried),
                called(once),
                of_retried.0,
                of_retried.1,
                of_once.1
            );
            assert!(note.starts_with(&told), "{version}: {note}");
            // State s0 is the run before anything was run again: its statuses are those of the first attempts.
            let fresh = state(&states, "baseline/s0");
            let share = |state: &State| state.status_count("ok") as f64 / state.count("cases") as f64;
            let told = format!("{} passed against {}", percent(share(fresh)), percent(share(once)));
            assert!(note.ends_with(&told), "{version}: {note} / {told}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arms_that_were_both_run_again_differ_by_the_share_of_superseded_attempts() {
    let Some(states) = states(FIRST) else { return };
    let [fresh, few, many] = ["baseline/s0", "baseline/s1", "baseline/s5"].map(|name| state(&states, name));
    let once = state(&states, "candidate/s0");
    let document = compared(&[&few.folder, &many.folder], by("run")).await;
    let counts = |state: &State| (state.count("superseded_rows"), state.count("rows"));
    let note = of_attempts(&document).unwrap_or_else(|| panic!("{}", document["notes"]));
    let told = |(superseded, rows): (u64, u64)| format!("{superseded} of its {rows} attempts");
    assert!(note.contains(&told(counts(many))), "{note}");
    assert!(note.contains(&format!(", {} of {} there", counts(few).0, counts(few).1)), "{note}");
    let document = compared(&[&fresh.folder, &once.folder], by("run")).await;
    assert_eq!(of_attempts(&document), None, "neither was run again");
}

#[tokio::test(flavor = "multi_thread")]
async fn arms_with_equal_shares_of_retries_give_no_note() {
    let row = |model: &str, id: &str, minute: u32, score: f64| {
        format!(
            r#"{{"id":"{id}","model":"{model}","timestamp":"2026-01-05T10:{minute:02}:00Z","score":{score}}}"#
        )
    };
    let lines: Vec<String> = ["x", "y"]
        .into_iter()
        .flat_map(|model| [row(model, "a", 0, 0.0), row(model, "b", 1, 1.0), row(model, "a", 2, 1.0)])
        .collect();
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    std::fs::write(&path, lines.join("\n")).expect("a file");
    let document = compared(&[&path], by("model")).await;
    assert_eq!(arms(&document).iter().map(|arm| &arm["superseded_count"]).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(of_attempts(&document), None);
    std::fs::write(&path, lines[..5].join("\n")).expect("a file");
    let document = compared(&[&path], by("model")).await;
    let note = of_attempts(&document).expect("one was run again");
    assert!(note.starts_with("model x was run again more than model y: 1 of its 3 attempts were"), "{note}");
    assert!(note.ends_with(": 50 % passed against 50 %"), "{note}");
}
