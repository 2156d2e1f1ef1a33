//! Who is best by each number: AMX's command line, and its Studio and PDF.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{ZERO_IS_UNKNOWN, documents, facts, has_no_band, metric_of, recordings, said, session};
use crate::support::fixture;
use crate::support::sandbox::Sandbox;

/// The best of a metric.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Best {
    pub(super) winner: Option<i64>,
    pub(super) tied: BTreeSet<i64>,
}

impl Best {
    /// Of values by runq's rule, as section 7 of docs/METHODOLOGY.md has it.
    pub(super) fn of(values: &[(i64, Option<f64>)], higher: bool) -> Self {
        let known: Vec<(i64, f64)> =
            values.iter().filter_map(|(run, value)| Some((*run, (*value)?))).collect();
        let better = |left: f64, right: f64| if higher { left > right } else { left < right };
        let is_best = |value: f64| !known.iter().any(|(_, other)| better(*other, value));
        let best: BTreeSet<i64> =
            known.iter().filter(|(_, value)| is_best(*value)).map(|(run, _)| *run).collect();
        match best.len() {
            _ if known.len() < 2 => Self::default(),
            1 => Self { winner: best.into_iter().next(), tied: BTreeSet::new() },
            _ => Self { winner: None, tied: best },
        }
    }

    pub(super) fn holds(&self, run: i64) -> bool {
        self.winner == Some(run) || self.tied.contains(&run)
    }
}

#[derive(Deserialize)]
struct Row {
    arm: String,
    metric: String,
    winner: bool,
    tied: bool,
}

/// runq's best of each metric over runs.
async fn winners(facts: &runq::session::Facts, runs: &[i64]) -> BTreeMap<String, Best> {
    let mut session = session(facts, runs).await;
    let rows: Vec<Row> = session
        .rows("SELECT arm, metric, winner, tied FROM metric_winners")
        .await
        .expect("winners")
        .read()
        .expect("rows");
    let mut winners: BTreeMap<String, Best> = BTreeMap::new();
    for row in rows {
        let best = winners.entry(row.metric).or_default();
        let run = row.arm.parse().expect("a run of AMX");
        if row.winner {
            assert_eq!(best.winner.replace(run), None, "one winner");
        }
        if row.tied {
            best.tied.insert(run);
        }
    }
    winners
}

fn ids(list: &Value) -> Vec<i64> {
    list.as_array().expect("runs").iter().map(|run| run.as_i64().expect("a run")).collect()
}

/// The answers of AMX's own functions, by the runs they were asked about.
fn asked(folder: &std::path::Path) -> Vec<(String, Value)> {
    let mut asked = documents(&folder.join("helpers"), "");
    asked.retain(|(_, document)| document["cli_aggregate_winners"].is_object());
    assert_eq!(asked.len(), 8);
    asked
}

#[tokio::test(flavor = "multi_thread")]
async fn winners_are_those_of_the_command_line() {
    let Some(folder) = recordings() else { return };
    let facts = facts();
    let mut otherwise = Vec::new();
    for (file, document) in asked(&folder) {
        let order = ids(&document["order"]);
        let ours = winners(&facts, &order).await;
        let said = said(&document["compare_runs"]["aggregates"]);
        for (name, recorded) in document["cli_aggregate_winners"].as_object().expect("winners") {
            let none = Best::default();
            let ours = ours.get(metric_of(name)).unwrap_or(&none);
            let values: Vec<(i64, Option<f64>)> = order
                .iter()
                .zip(recorded["values"].as_array().expect("values"))
                .map(|(run, value)| (*run, value.as_f64()))
                .collect();
            let higher = recorded["higher_is_better"].as_bool().expect("a direction");
            let amx = recorded["winner_run"].as_i64();
            let by_values = Best::of(&values, higher);
            // AMX's first one of those that share the best value; none where all share it.
            assert!(amx.is_none_or(|run| by_values.holds(run)), "{file}: {name}");
            if name.starts_with("pct_") && order.iter().any(|run| has_no_band(&said, *run)) {
                let banded: Vec<_> =
                    values.iter().filter(|(run, _)| !has_no_band(&said, *run)).copied().collect();
                assert_eq!(*ours, Best::of(&banded, higher), "{file}: {name}");
                if *ours != by_values {
                    otherwise.push(format!("{file} {name}"));
                }
            } else {
                assert_eq!(*ours, by_values, "{file}: {name} {values:?}");
            }
        }
    }
    // AMX calls the shares of a run without any band 0; where that decides, runq has fewer to choose from.
    assert_eq!(
        otherwise,
        [
            "A-B-C-D-E-G_generate.json pct_low_confidence",
            "A-F_ask.json pct_high_confidence",
            "A-F_ask.json pct_low_confidence",
            "C-E.json pct_high_confidence",
            "C-E.json pct_low_confidence",
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn winners_of_the_studio_are_ours_but_for_zeros_and_lone_values() {
    let Some(folder) = recordings() else { return };
    let facts = facts();
    let mut otherwise: BTreeMap<&str, usize> = BTreeMap::new();
    let mut alike = 0;
    for (file, document) in asked(&folder) {
        let order = ids(&document["order"]);
        let ours = winners(&facts, &order).await;
        let said = said(&document["compare_runs"]["aggregates"]);
        for (name, amx) in document["studio_pdf_aggregate_winners"].as_object().expect("winners") {
            let none = Best::default();
            let ours =
                if name == "saved_results" { &none } else { ours.get(metric_of(name)).unwrap_or(&none) };
            let values: Vec<Option<f64>> = order.iter().map(|run| said[&(*run, name.clone())]).collect();
            let Some(amx) = amx.as_i64() else {
                assert_eq!(*ours, none, "{file}: {name}");
                alike += 1;
                continue;
            };
            if ours.holds(amx) {
                alike += 1;
                continue;
            }
            let its = said[&(amx, name.clone())];
            let why = match () {
                () if values.iter().flatten().count() == 1 => "alone",
                () if ZERO_IS_UNKNOWN.contains(&name.as_str()) && its == Some(0.0) => "a zero",
                () if ZERO_IS_UNKNOWN.contains(&name.as_str()) && *ours == none => "alone but for zeros",
                () if name.starts_with("pct_") && order.iter().any(|run| has_no_band(&said, *run)) => {
                    "without bands"
                }
                () => panic!("{file}: {name}: AMX {amx}, ours {ours:?}"),
            };
            *otherwise.entry(why).or_default() += 1;
        }
    }
    let why: Vec<&str> = otherwise.keys().copied().collect();
    assert_eq!(why, ["a zero", "alone", "without bands"], "{otherwise:?}");
    assert!(alike > 50, "{alike} alike, {otherwise:?}");
}

/// Who is best of runs 1, 2 and 3 as the README beside the recordings has it, and no recording is needed.
#[test]
fn the_best_of_three_runs_by_hand() {
    let sandbox = Sandbox::new();
    let history = fixture("amx/history.db").display().to_string();
    let compared = sandbox.run(&["compare", &history, "--run", "1", "--run", "2", "--run", "3", "--json"]);
    let document = compared.fine().json();
    let expected = [
        ("run_duration_ms", "3"),
        ("run_model_duration_ms", "2"),
        ("run_input_tokens", "2"),
        ("run_output_tokens", "2"),
        ("run_total_tokens", "3"),
        ("run_cost_usd", "2"),
        ("logprob", "2"),
        ("high_confidence", "2"),
        ("low_confidence", "1"),
        ("approval_rate", "1"),
    ];
    let metrics = document["metrics"].as_array().expect("metrics");
    for (metric, winner) in expected {
        let entry = metrics.iter().find(|entry| entry["metric"] == metric).expect(metric);
        let arms = entry["arms"].as_array().expect("arms");
        let winners: Vec<&Value> =
            arms.iter().filter(|arm| arm["winner"] == true).map(|arm| &arm["arm"]).collect();
        assert_eq!(winners, [winner], "{metric}");
    }
    let medium =
        metrics.iter().find(|entry| entry["metric"] == "medium_confidence").expect("the medium band");
    assert!(
        medium["arms"].as_array().expect("arms").iter().all(|arm| arm["winner"] == false),
        "no direction"
    );

    // The cells: two values tie twice; a single value wins nothing.
    let best = |case: &str, mark: &str| -> Vec<Value> {
        let cases = document["cases"].as_array().expect("cases");
        let case = cases.iter().find(|entry| entry["case_id"] == case).expect(case);
        let values = case["values"].as_array().expect("values").iter();
        values.filter(|value| value[mark] == true).map(|value| value["arm"].clone()).collect()
    };
    assert_eq!(best("sales.orders", "winner"), [json!("2")]);
    assert_eq!(best("sales.orders.order_id", "tied"), [json!("1"), json!("2")]);
    assert_eq!(best("sales.orders.status", "tied"), [json!("1"), json!("3")]);
    for alone in ["sales.customers", "sales.customers.email", "sales.orders.total"] {
        assert_eq!((best(alone, "winner").len(), best(alone, "tied").len()), (0, 0), "{alone}");
    }
}
