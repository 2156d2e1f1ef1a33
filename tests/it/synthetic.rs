//! The generator of synthetic runs makes what its plan says.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;

use std::time::{Duration, Instant};

use crate::support::synthetic::*;

/// Everything at once.
fn rough() -> Plan {
    Plan {
        seed: 7,
        tasks: 2,
        runs: 3,
        cases: 200,
        models: 2,
        epochs: 2,
        metrics: 4,
        error_rate: 0.1,
        retry_rate: 0.2,
        copy_rate: 0.1,
        null_rate: 0.05,
        nan_rate: 0.05,
        text_bytes: 60,
        unequal_cases: true,
    }
}

fn share(rows: &[SyntheticRow], what: impl Fn(&SyntheticRow) -> bool) -> f64 {
    rows.iter().filter(|row| what(row)).count() as f64 / rows.len() as f64
}

#[test]
fn a_clean_plan_has_a_row_per_key() {
    let plan = Plan { tasks: 2, runs: 3, cases: 5, models: 2, epochs: 4, ..Plan::default() };
    let rows: Vec<SyntheticRow> = rows(&plan).collect();
    assert_eq!(rows.len(), 2 * 3 * 5 * 2 * 4);
    assert!(rows.iter().all(|row| row.status == "ok" && row.attempt == 1 && row.metrics.len() == 2));
    let times: HashSet<i64> = rows.iter().map(|row| row.timestamp_ms).collect();
    assert_eq!(times.len(), rows.len());
    assert!(share(&rows, |row| row.score == Some(1.0)) < 0.5);
}

#[test]
fn the_same_plan_gives_the_same_rows_and_another_seed_others() {
    let text = |plan: &Plan| rows(plan).map(|row| format!("{row:?}")).collect::<Vec<_>>();
    let plan = rough();
    assert_eq!(text(&plan), text(&plan));
    let other = Plan { seed: 8, ..plan.clone() };
    assert_ne!(text(&plan), text(&other));
}

#[test]
fn rates_are_met() {
    let all: Vec<SyntheticRow> = rows(&rough()).collect();
    let dyadic = |value: f64| value.is_nan() || (value * 524_288.0).fract() == 0.0;
    assert!(all.iter().flat_map(|row| [row.score, row.cost_usd]).flatten().all(dyadic));
    let answered = |row: &SyntheticRow| row.error.is_none();
    let errors = share(&all, |row| row.error.is_some() && row.attempt == 1);
    assert!((0.1..0.4).contains(&errors), "{errors}");
    let nan = share(&all, |row| row.score.is_some_and(f64::is_nan));
    assert!((0.02..0.06).contains(&nan), "{nan}");
    let null = share(&all, |row| answered(row) && row.cost_usd.is_none());
    assert!((0.02..0.06).contains(&null), "{null}");
    let retried = share(&all, |row| row.attempt == 2);
    assert!((0.1..0.2).contains(&retried), "{retried}");
    let statuses: HashSet<&str> = all.iter().map(|row| row.status).collect();
    assert_eq!(statuses.len(), 5, "{statuses:?}");
    assert!(all.iter().filter(|row| answered(row)).all(|row| row.output.len() >= 58));
}

#[test]
fn retries_follow_in_the_file_and_copies_stand_beside_their_row() {
    let all: Vec<SyntheticRow> = rows(&rough()).collect();
    let mut seen: HashMap<(usize, String), u32> = HashMap::new();
    let mut copies = 0;
    for row in &all {
        let key = (row.run, format!("{}{}{}{}", row.task, row.case_id, row.model, row.epoch));
        let attempt = seen.entry(key).or_insert(0);
        copies += usize::from(*attempt == row.attempt);
        assert!(row.attempt == *attempt || row.attempt == *attempt + 1);
        *attempt = row.attempt;
    }
    let share = copies as f64 / all.len() as f64;
    assert!((0.06..0.12).contains(&share), "{share}");
}

#[test]
fn some_keys_hold_what_an_earlier_run_holds() {
    let mut runs_of: BTreeMap<(String, i64), HashSet<usize>> = BTreeMap::new();
    for row in rows(&rough()) {
        let key = format!("{}{}{}{}", row.task, row.case_id, row.model, row.epoch);
        runs_of.entry((key, row.timestamp_ms)).or_default().insert(row.run);
    }
    let shared = runs_of.values().filter(|runs| runs.len() > 1).count();
    assert!((50..400).contains(&shared), "{shared}");
}

#[test]
fn unequal_runs_leave_out_different_cases() {
    let cases = |run| run_rows(&rough(), run).map(|row| row.task + &row.case_id).collect::<HashSet<String>>();
    let [first, second] = [cases(0), cases(1)];
    assert!(first.len() < 400 && first.len() > 320, "{}", first.len());
    assert!(first.difference(&second).count() > 10 && second.difference(&first).count() > 10);
}

#[test]
fn times_are_written_as_iso() {
    assert_eq!(iso(FIRST_RUN_MS), "2026-01-05T08:00:00.000Z");
    assert_eq!(iso(951_782_400_123), "2000-02-29T00:00:00.123Z");
    assert_eq!(iso(4_107_542_399_999), "2100-02-28T23:59:59.999Z");
    assert_eq!(iso(-1), "1969-12-31T23:59:59.999Z");
}

#[test]
fn a_table_is_json_but_for_nan() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.jsonl");
    write_jsonl(&rough(), &path).unwrap();
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(":NaN"));
    let all: Vec<SyntheticRow> = rows(&rough()).collect();
    assert_eq!(text.lines().count(), all.len());
    for (line, row) in text.lines().zip(&all) {
        let value: serde_json::Value = serde_json::from_str(&line.replace(":NaN", ":null")).unwrap();
        assert_eq!(value["output"].as_str(), Some(row.output.as_str()));
        assert_eq!(value["score"].as_f64(), row.score.filter(|score| score.is_finite()));
        assert_eq!(value["error"].as_str(), row.error);
        assert_eq!(value.get("m2").is_some(), row.metrics.iter().any(|(name, _)| name == "m2"));
    }
}

#[test]
fn agentv_folders_hold_full_rows() {
    let folder = tempfile::tempdir().unwrap();
    write_agentv(&rough(), folder.path()).unwrap();
    let index = folder.path().join("runs/experiment-1/2026-01-06T08-00-00-000Z/index.jsonl");
    let text = fs::read_to_string(index).unwrap();
    let plan = Plan { epochs: 1, ..rough() };
    assert_eq!(text.lines().count(), run_rows(&plan, 1).count());
    let mut statuses = HashSet::new();
    for line in text.lines() {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let (score, status) = (row["score"].as_f64().unwrap(), row["execution_status"].as_str().unwrap());
        assert_eq!(row["error"].is_string(), status == "execution_error");
        assert!(status != "ok" || score >= 0.8);
        statuses.insert(status.to_owned());
    }
    assert_eq!(statuses.len(), 3);
}

#[test]
fn a_hundred_thousand_rows_take_seconds() {
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan { runs: 10, cases: 10_000, text_bytes: 200, ..Plan::default() };
    let start = Instant::now();
    write_jsonl(&plan, &folder.path().join("rows.jsonl")).unwrap();
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

/// Writes the runs of the benches: `RUNQ_BENCH_DIR=DIR cargo test --test it -- --ignored runs_of_the_benches`.
#[test]
#[ignore = "writes 100,000 results for benches/beside_duckdb.py"]
fn runs_of_the_benches() {
    let folder = std::env::var_os("RUNQ_BENCH_DIR").expect("RUNQ_BENCH_DIR names a folder");
    let plan = Plan {
        runs: 100,
        cases: 1_000,
        metrics: 4,
        error_rate: 0.02,
        retry_rate: 0.03,
        text_bytes: 400,
        ..Plan::default()
    };
    write_agentv(&plan, std::path::Path::new(&folder)).expect("the folder can be written");
}
